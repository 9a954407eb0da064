import { afterEach, beforeEach, expect, test, vi } from "vitest";
import fc from "fast-check";
import { MidiInput, type Played } from "../src/midi/input.js";
import { amountAt, MidiLearn, valueAt } from "../src/midi/learn.js";
import { melodyOf } from "../src/midi/recording.js";
import type { Session } from "../src/session.js";
import { knob } from "./values.js";

const scale = { low: -12, high: 12, step: 1 };

class Instrument {
  state = "connected";
  onmidimessage: ((event: MIDIMessageEvent) => void) | null = null;
  constructor(readonly name: string) {}
  send(...data: number[]): void { this.onmidimessage?.({ data: new Uint8Array(data), timeStamp: performance.now() } as unknown as MIDIMessageEvent); }
}

const access = (...inputs: Instrument[]) => ({ inputs: new Map(inputs.map((one) => [one.name, one])), onstatechange: null as (() => void) | null });
const browserWith = (found: unknown) => ({ requestMIDIAccess: vi.fn(async () => found) }) as never as Navigator;

// What is heard.

test("the browser is asked once, and only when MIDI is opened", async () => {
  const browser = browserWith(access(new Instrument("keys")));
  const midi = new MidiInput(undefined, browser);
  expect(browser.requestMIDIAccess).not.toHaveBeenCalled();
  expect([await midi.open(), await midi.open()]).toEqual([true, true]);
  expect(browser.requestMIDIAccess).toHaveBeenCalledTimes(1);
  expect([midi.names, midi.trouble]).toEqual([["keys"], ""]);
});

test("notes and controllers are told, a note-on at velocity 0 as an end, and nothing else is", async () => {
  const keys = new Instrument("keys");
  const midi = new MidiInput(undefined, browserWith(access(keys)));
  const heard: Played[] = [];
  midi.subscribe((played) => heard.push(played));
  await midi.open();
  for (const message of [[0x93, 60, 100], [0x93, 60, 0], [0x80, 61, 9], [0xb2, 21, 64], [0xf8], [0xc0, 5], [0x90, 200, 1]]) keys.send(...message);
  expect(heard.map(({ late, ...rest }) => rest)).toEqual([
    { kind: "note", pitch: 60, on: true }, { kind: "note", pitch: 60, on: false }, { kind: "note", pitch: 61, on: false }, { kind: "control", channel: 2, number: 21, value: 64 },
  ]);
});

test("any bytes at all are heard without an error", async () => {
  const keys = new Instrument("keys");
  const midi = new MidiInput(undefined, browserWith(access(keys)));
  await midi.open();
  midi.subscribe((played) => expect(played.kind === "note" ? played.pitch : played.value).toBeLessThan(128));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 5 }), (bytes) => keys.send(...bytes)));
});

test("an instrument that is plugged in later is heard, and one that is gone is told", async () => {
  const [keys, found] = [new Instrument("keys"), access()];
  const midi = new MidiInput(undefined, browserWith(found));
  await midi.open();
  expect(midi.trouble).toMatch(/^No MIDI instrument is plugged in/);
  found.inputs.set("keys", keys);
  found.onstatechange!();
  expect([midi.names, midi.trouble]).toEqual([["keys"], ""]);
  keys.state = "disconnected";
  found.onstatechange!();
  expect(midi.names).toEqual([]);
});

test.each([
  [{}, /has no Web MIDI/],
  [{ requestMIDIAccess: () => Promise.reject(new DOMException("no", "NotAllowedError")) }, /site settings/],
  [{ requestMIDIAccess: () => Promise.reject(new DOMException("no", "NotSupportedError")) }, /found no MIDI/],
])("a browser that gives no MIDI is told of in a sentence", async (browser, words) => {
  const midi = new MidiInput(undefined, browser as never);
  expect(await midi.open()).toBe(false);
  expect(midi.trouble).toMatch(words);
});

// What is recorded.

test("starts and ends are rounded to the grid, and a note lasts a step at least", () => {
  expect(melodyOf([{ pitch: 60, start: -0.4, end: 3.6 }, { pitch: 62, start: 4.4, end: 4.45 }, { pitch: 64, start: 7.5, end: 40 }], 16)).toEqual([[0, 60, 4, 0], [4, 62, 1, 0], [8, 64, 8, 0]]);
});

test("what is played in the bar that is counted in and after the last one is left out", () => {
  expect(melodyOf([{ pitch: 60, start: -3, end: -1 }, { pitch: 62, start: 15.6, end: 18 }], 16)).toEqual([]);
});

test("of a chord the highest note stays, a held low note gives way, and legato is cut", () => {
  expect(melodyOf([60, 67, 64].map((pitch) => ({ pitch, start: 0, end: 4 })), 16)).toEqual([[0, 67, 4, 0]]);
  expect(melodyOf([{ pitch: 48, start: 0, end: 8 }, { pitch: 60, start: 4, end: 8 }], 16)).toEqual([[0, 48, 4, 0], [4, 60, 4, 0]]);
  expect(melodyOf([{ pitch: 60, start: 0, end: 8 }, { pitch: 48, start: 4, end: 8 }], 16)).toEqual([[0, 60, 8, 0]]);
  expect(melodyOf([{ pitch: 62, start: 0, end: 5 }, { pitch: 60, start: 4, end: 8 }], 16)).toEqual([[0, 62, 4, 0], [4, 60, 4, 0]]);
});

test("whatever is played becomes one voice within the bars", () => {
  const stroke = fc.tuple(fc.nat(127), fc.double({ min: -20, max: 70, noNaN: true }), fc.double({ min: 0, max: 30, noNaN: true })).map(([pitch, start, length]) => ({ pitch, start, end: start + length }));
  fc.assert(fc.property(fc.array(stroke), (strokes) => {
    let end = 0;
    for (const [onset, , length] of melodyOf(strokes, 64)) {
      expect(onset).toBeGreaterThanOrEqual(end);
      expect(length).toBeGreaterThanOrEqual(1);
      end = onset + length;
    }
    expect(end).toBeLessThanOrEqual(64);
  }));
});

// What controllers turn.

test("a controller's ends are the knob's ends and its centre is 0; amounts and values agree", () => {
  expect([0, 64, 127].map((value) => amountAt(value, scale))).toEqual([-12, 0, 12]);
  expect([0, 127].map((value) => amountAt(value, { low: 0, high: 3, step: 1 }))).toEqual([0, 3]);
  fc.assert(fc.property(fc.integer({ min: -12, max: 12 }), (amount) => amountAt(Math.round(valueAt(amount, scale)), scale) === amount));
});

let amounts: Record<string, number>;
let turned: [string, number][];
let keys: Instrument;
let learn: MidiLearn;
let page: { turning: string | null };

beforeEach(async () => {
  vi.useFakeTimers();
  amounts = {};
  turned = [];
  keys = new Instrument("keys");
  const put = (name: string, amount: number) => { amounts[name] = amount; };
  const session = {
    knobs: [knob("pitch", scale), knob("turned-over", { low: 0, high: 1, step: 1 })], state: { locks: [] as string[] }, turning: null as string | null,
    midi: new MidiInput(undefined, browserWith(access(keys))), amountOf: (name: string) => amounts[name] ?? 0, say: () => undefined, changed: () => undefined,
    turn: put, set: (name: string, amount: number) => { put(name, amount); turned.push([name, amount]); },
  };
  page = session;
  learn = new MidiLearn(session as unknown as Session);
  await learn.toggle();
});
afterEach(() => { vi.useRealTimers(); });

test("the controller that moves after a knob was turned turns that knob, and a turn is one step of the history", async () => {
  keys.send(0xb0, 21, 64);
  expect(learn.bound).toEqual({});
  page.turning = "pitch";
  keys.send(0xb0, 21, 64);
  expect(learn.bound).toEqual({ "1.21": "pitch" });
  await learn.toggle();
  for (const value of [70, 80, 90]) keys.send(0xb0, 21, value);
  expect([amounts["pitch"], turned]).toEqual([5, []]);
  vi.advanceTimersByTime(500);
  expect(turned).toEqual([["pitch", 5]]);
  learn.forget("1.21");
  keys.send(0xb0, 21, 0);
  expect(amounts["pitch"]).toBe(5);
});

test("a controller that stands elsewhere takes hold of the knob where it passes it", () => {
  page.turning = "pitch";
  amounts["pitch"] = 6;
  for (const value of [0, 40, 80]) keys.send(0xb0, 21, value);
  expect(amounts["pitch"]).toBe(6);
  keys.send(0xb0, 21, 127);
  expect(amounts["pitch"]).toBe(12);
  amounts["pitch"] = -6; // by hand
  keys.send(0xb0, 21, 120);
  expect(amounts["pitch"]).toBe(-6);
});

test("a switch is on in a controller's upper half, and a locked knob stays", () => {
  page.turning = "turned-over";
  keys.send(0xb0, 22, 127);
  expect(amounts["turned-over"]).toBe(1);
  (page as unknown as { state: { locks: string[] } }).state.locks = ["turned-over"];
  keys.send(0xb0, 22, 0);
  expect(amounts["turned-over"]).toBe(1);
});
