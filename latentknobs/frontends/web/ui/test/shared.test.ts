import { beforeEach, expect, test, vi } from "vitest";
import { placed, Room, shownAmount, type RoomFrame } from "../src/shared.js";
import { withDeck, withKnob, type State } from "../src/state.js";
import { state } from "./values.js";

let room: Room;
let now: State;
let sent: Record<string, any>[];
let playing: boolean[];

const facts = (values: Record<string, number | boolean | string>) => ({
  values: { "knob/pitch": 0, "knob/rhythm": 0, seed: 0, like: "", tempo: 120, loop: true, play: false, ...values },
  settings: { knobs: {}, seed: 0, like: null }, snapshots: {}, history: [],
});
const change = (values: Record<string, number | boolean | string>) => ({ type: "change", path: "", value: 0, ...facts(values) }) as unknown as RoomFrame;

beforeEach(() => {
  vi.useFakeTimers();
  now = state;
  sent = [];
  playing = [];
  room = new Room({
    send: (message) => sent.push(message),
    piece: () => { now = room.shown(now); },
    show: (next) => { now = next(now); },
    music: () => undefined,
    play: (value) => playing.push(value),
    fail: () => undefined,
  });
  room.receive({ type: "shared", ...facts({}) } as unknown as RoomFrame);
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
