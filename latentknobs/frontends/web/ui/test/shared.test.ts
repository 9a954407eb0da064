import { beforeEach, expect, test, vi } from "vitest";
import { ServerClock } from "../src/server-clock.js";
import { placed, Room, shownAmount, type RoomFrame } from "../src/shared.js";
import { withDeck, withKnob, type State } from "../src/state.js";
import { info, state } from "./values.js";

let room: Room;
let now: State;
let sent: Record<string, any>[];
let playing: boolean[];
let moved: number;

const facts = (values: Record<string, number | boolean | string>) => ({
  values: { "knob/pitch": 0, "knob/rhythm": 0, seed: 0, like: "", tempo: 120, loop: true, "loop/bars": "", play: false, ...values },
  settings: { knobs: {}, seed: 0, like: null }, snapshots: {}, history: [],
  transport: { playing: values["play"] ?? false, tempo: 120, steps_per_quarter: 4, start: 8, end: 24, loop: true, origin: 8, since: 100, now: 100 },
});
const change = (values: Record<string, number | boolean | string>) => ({ type: "change", path: "", value: 0, ...facts(values) }) as unknown as RoomFrame;

beforeEach(() => {
  vi.useFakeTimers();
  now = state;
  sent = [];
  playing = [];
  moved = 0;
  room = new Room({
    send: (message) => sent.push(message),
    piece: () => { now = room.shown(now); },
    show: (next) => { now = next(now); },
    music: () => undefined,
    play: (value) => playing.push(value),
    fail: () => undefined,
    moved: () => { moved += 1; },
    format: () => info.models[0]!.format,
  });
  room.receive({ type: "shared", ...facts({}) } as unknown as RoomFrame);
  vi.runAllTimers();
  sent = [];
});

test("what others set is shown and not sent back", () => {
  room.receive(change({ "knob/pitch": 3, "bars/5-8/knob/pitch": 0, tempo: 90, loop: false, play: true }));
  room.push(now);
  vi.runAllTimers();
  expect([now.decks.a.knobs, now.tempo, now.loop]).toEqual([{ pitch: 3, "pitch@5-8": 0 }, 90, false]);
  expect([sent, playing]).toEqual([[], [false, true]]);
});

test("what is set here is sent, the newest of each, and nothing twice", () => {
  for (const amount of [1, 2, 3]) room.push(now = withDeck(now, "a", withKnob(now.decks.a, "pitch", amount)));
  vi.runAllTimers();
  room.push(now);
  vi.runAllTimers();
  expect(sent).toEqual([{ type: "set", values: { "knob/pitch": 3 } }]);
});

test("an older value of a knob under the hand does not turn it back", () => {
  room.push(now = withDeck(now, "a", withKnob(now.decks.a, "pitch", 3)));
  vi.runAllTimers();
  room.receive(change({ tempo: 90 }));
  expect([now.decks.a.knobs, now.tempo]).toEqual([{ pitch: 3 }, 90]);
  room.receive({ type: "done", seq: 1, ...facts({ "knob/pitch": 3, tempo: 90 }) } as unknown as RoomFrame);
  room.receive(change({ "knob/pitch": 5, tempo: 90 }));
  expect(now.decks.a.knobs).toEqual({ pitch: 5 });
});

test("bars that follow the piece again are cleared", () => {
  room.receive(change({ "bars/5-8/knob/pitch": 2 }));
  room.push(now = withDeck(now, "a", { knobs: {} }));
  vi.runAllTimers();
  expect(sent).toEqual([{ type: "clear", paths: ["bars/5-8/knob/pitch"] }]);
});

test("a knob shows the amount of the bars that are chosen, else that of the piece", () => {
  const knobs = { pitch: 2, "pitch@5-8": 0 };
  expect([placed("pitch", ""), placed("pitch", "5-8")]).toEqual(["pitch", "pitch@5-8"]);
  expect(["", "5-8", "1-2"].map((bars) => shownAmount(knobs, "pitch", bars))).toEqual([2, 0, 2]);
  expect(withKnob({ ...state.decks.a, knobs }, "pitch@5-8", 0).knobs).toEqual({ pitch: 2, "pitch@5-8": 0 });
});

test("the loop's bars are the session's: what others set is shown, and what is set here is sent", () => {
  room.receive(change({ "loop/bars": "2-2" }));
  expect(now.range).toEqual([16, 32]);
  room.push(now);
  vi.runAllTimers();
  expect(sent).toEqual([]);
  room.push(now = { ...now, range: [0, 16] });
  vi.runAllTimers();
  room.push(now = { ...now, range: null });
  vi.runAllTimers();
  expect(sent).toEqual([{ type: "set", values: { "loop/bars": "1-1" } }, { type: "set", values: { "loop/bars": "" } }]);
});

test("the playhead is where the session plays by the server's clock, round and round", () => {
  expect(room.position()).toBeNull();
  room.clock.heard(100, performance.now(), performance.now()); // it is 100 there
  room.receive(change({ play: true }));
  expect(room.position()).toBeCloseTo(8, 6);
  vi.advanceTimersByTime(1000);
  expect([room.position(), room.position(0.5)]).toEqual([expect.closeTo(16, 6), expect.closeTo(20, 6)]);
  vi.advanceTimersByTime(1500);
  expect(room.position()).toBeCloseTo(12, 6);
  expect([room.apart(23, 9), room.apart(10, 12)]).toEqual([0.25, 0.25]); // seconds, over the end of the loop too
  expect(moved).toBeGreaterThan(0);
});

test("of several looks at the server's clock the shortest counts", () => {
  const clock = new ServerClock();
  expect(clock.at(0)).toBeNull();
  clock.heard(50, 0, 400);
  clock.heard(10.001, 1000, 1002);
  clock.heard(80, 2000, 2300);
  expect(clock.at(2001)).toBeCloseTo(11.001, 9);
});
