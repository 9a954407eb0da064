import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Scheduler, type Melody } from "../src/sound/scheduler.js";
import type { Accompaniment, Note } from "../src/types.js";

interface Played { note: Note; at: number; until: number; cut: boolean }

const melody = (notes: Note[], steps = 32): Melody => ({ notes, steps, stepsPerBeat: 4, bars: Array.from({ length: steps / 16 }, (_, bar) => 16 * bar), beats: [] });
const quarters = (pitch: number): Melody => melody(Array.from({ length: 8 }, (_, beat): Note => [beat * 4, pitch, 4, 0]));

let played: Played[];
let player: Scheduler;
const clock = () => Date.now() / 1000;
const heard = () => played.filter(({ cut }) => !cut);

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  played = [];
  player = new Scheduler(clock, {
    play(note, at, until) {
      expect(at).toBeGreaterThanOrEqual(clock() - 1e-9); // never too late
      const one: Played = { note, at, until, cut: false };
      played.push(one);
      return { end: (time) => { one.until = Math.min(time, Infinity); one.cut = time <= one.at; } };
    },
  });
});

afterEach(() => { player.stop(); vi.useRealTimers(); });

test("notes come at their time of the tempo, a little ahead of the clock", () => {
  player.start(quarters(60));
  vi.advanceTimersByTime(3000);
  heard().slice(0, 6).forEach(({ at, until }, beat) => {
    expect(at).toBeCloseTo(0.06 + beat * 0.5, 9);
    expect(until).toBeCloseTo(0.06 + (beat + 1) * 0.5, 9);
  });
});

test("a loop goes on without a gap and every note of every round has an end", () => {
  player.start(quarters(60));
  vi.advanceTimersByTime(60_000);
  const times = heard().map(({ at }) => at);
  times.forEach((at, index) => expect(at).toBeCloseTo(0.06 + index * 0.5, 6));
  expect(heard().every(({ at, until }) => until > at && Number.isFinite(until))).toBe(true);
});

test("without the loop it ends after the last step, once, and says so", () => {
  player.loop = false;
  player.onEnd = vi.fn();
  player.start(quarters(60));
  vi.advanceTimersByTime(20_000);
  expect([heard().length, player.playing]).toEqual([8, false]);
  expect(player.onEnd).toHaveBeenCalledTimes(1);
});

test("stop ends what sounds now and takes back what was put ahead", () => {
  player.start(quarters(60));
  vi.advanceTimersByTime(500); // the second note is put at 0.56
  player.stop();
  expect(heard().map(({ until }) => until)).toEqual([0.5]);
  expect(player.position()).toBeNull();
});

test("another melody enters at the next bar line, and nothing of the first is heard after it", () => {
  player.start(quarters(60));
  vi.advanceTimersByTime(700);
  player.replace(quarters(72), "bar");
  vi.advanceTimersByTime(3000);
  const bar = 0.06 + 2;
  expect(heard().filter(({ note }) => note[1] === 60).map(({ at }) => Math.round(at * 1000))).toEqual([60, 560, 1060, 1560]);
  expect(heard().filter(({ note }) => note[1] === 72)[0]!.at).toBeCloseTo(bar, 9);
});

test("a note that is held over the bar line ends there, unless the new melody holds it too", () => {
  const long = melody([[8, 60, 16, 0]]);
  for (const [next, end] of [[quarters(72), 2.06], [melody([[8, 60, 16, 0], [24, 72, 4, 0]]), 3.06]] as const) {
    played = [];
    player.start(long);
    const begin = clock();
    vi.advanceTimersByTime(1500);
    player.replace(next, "bar");
    vi.advanceTimersByTime(1200);
    expect(heard()[0]!.until - begin).toBeCloseTo(end, 6);
    player.stop();
  }
});

test("at once, the rest of the new melody is heard from where the playhead is", () => {
  player.start(quarters(60));
  vi.advanceTimersByTime(1200);
  player.replace(quarters(72), "once");
  vi.advanceTimersByTime(1000);
  const old = heard().filter(({ note }) => note[1] === 60);
  expect(old.at(-1)!.until).toBeCloseTo(1.2, 6);
  expect(heard().find(({ note }) => note[1] === 72)!.at).toBeCloseTo(1.56, 6);
});

test("a shorter melody that enters past its own end begins from its beginning", () => {
  player.start(melody([[0, 60, 4, 0]], 64));
  vi.advanceTimersByTime(5000);
  player.replace(quarters(72), "once");
  vi.advanceTimersByTime(400);
  expect(player.position()!).toBeLessThan(4);
  expect(heard().some(({ note }) => note[1] === 72)).toBe(true);
});

test("a new tempo keeps the place, and what sounds ends with the new tempo's step", () => {
  player.start(melody([[0, 60, 16, 0]]));
  vi.advanceTimersByTime(1060);
  expect(player.position()).toBeCloseTo(8, 6);
  player.tempo = 240;
  expect(player.position()).toBeCloseTo(8, 6);
  expect(heard()[0]!.until).toBeCloseTo(1.06 + 0.5, 6);
  vi.advanceTimersByTime(250);
  expect(player.position()).toBeCloseTo(12, 6);
});

test("in the background, where timers are slow, notes are put further ahead", () => {
  const far = new Scheduler(clock, { play: (note, at, until) => { played.push({ note, at, until, cut: false }); return { end: () => undefined }; } }, () => true);
  far.start(quarters(60));
  expect(played.length).toBe(3);
  far.stop();
});

test("what sounds beside the melody goes on through another melody, and comes in its time", () => {
  const beside: { pitch: number; at: number; until: number }[] = [];
  const accompaniment: Accompaniment = { timbre: "", timbres: ["bass"], sounds: [[0, 40, 16, 0, 1], [8.5, 43, 2, 0, 1], [40, 44, 2, 0, 1]] };
  const band = new Scheduler(clock, {
    play: () => ({ end: () => undefined }),
    accompany: ([, pitch], timbre, at, until) => {
      expect(timbre).toBe("bass");
      const one = { pitch, at, until };
      beside.push(one);
      return { end: (time) => { one.until = time; } };
    },
  });
  band.start({ ...quarters(60), accompaniment });
  vi.advanceTimersByTime(500);
  band.replace({ ...quarters(72), accompaniment }, "once");
  vi.advanceTimersByTime(1500);
  expect(beside.map(({ pitch, at, until }) => [pitch, +at.toFixed(3), +until.toFixed(3)])).toEqual([[40, 0.06, 2.06], [43, 1.123, 1.373]]);
  band.replace(quarters(72), "once");
  expect(beside[0]!.until).toBeLessThanOrEqual(2.01);
  band.stop();
});

test("bars that are looped are played round and round, and notes held over their end are cut there", () => {
  player.range = [16, 32];
  player.start({ ...quarters(60), notes: [[0, 50, 4, 0], [16, 60, 4, 0], [28, 64, 30, 0]], steps: 64 }, 16);
  vi.advanceTimersByTime(5000);
  expect(heard().map(({ note, at, until }) => [note[1], +at.toFixed(2), +until.toFixed(2)])).toEqual([[60, 0.06, 0.56], [64, 1.56, 2.06], [60, 2.06, 2.56], [64, 3.56, 4.06], [60, 4.06, 4.56]]);
  expect(player.position()!).toBeGreaterThanOrEqual(16);
  expect(player.position()!).toBeLessThan(32);
});

test("a range that is set while it plays elsewhere is gone to at once, and one that is taken away is left by itself", () => {
  player.start({ ...quarters(60), steps: 64 });
  vi.advanceTimersByTime(500);
  player.range = [32, 48];
  vi.advanceTimersByTime(100);
  expect(player.position()).toBeCloseTo(32.32, 1);
  player.range = null;
  vi.advanceTimersByTime(2500);
  expect(player.position()).toBeCloseTo(52.32, 1);
});

test("from behind the range it plays to the melody's end and then enters the range", () => {
  player.range = [0, 16];
  player.start(quarters(60), 24);
  vi.advanceTimersByTime(900);
  expect(player.position()).toBeCloseTo(30.72, 1);
  vi.advanceTimersByTime(1000);
  expect(player.position()).toBeCloseTo(6.72, 1);
});

test("without the loop the range is played once", () => {
  player.loop = false;
  player.range = [8, 16];
  player.start(quarters(60), 8);
  vi.advanceTimersByTime(2000);
  expect([heard().length, player.playing]).toEqual([2, false]);
});

test("another place is gone to at once: what sounds ends, and what begins there is heard", () => {
  player.start(melody([[0, 60, 16, 0], [24, 72, 4, 0]]));
  vi.advanceTimersByTime(500);
  player.seek(24);
  vi.advanceTimersByTime(200);
  expect(heard().map(({ note, at, until }) => [note[1], +at.toFixed(2), +until.toFixed(2)])).toEqual([[60, 0.06, 0.5], [72, 0.56, 1.06]]);
});

test("the metronome clicks on the beats, stronger where bars begin, and only while it is on", () => {
  const clicks: [boolean, number][] = [];
  const band = new Scheduler(clock, { play: () => ({ end: () => undefined }), click: (strong, at) => { clicks.push([strong, +at.toFixed(2)]); return { end: () => undefined }; } });
  band.metronome = true;
  band.start({ ...melody([], 24), bars: [0, 12], beats: [6, 18] }); // 6/8
  vi.advanceTimersByTime(2500);
  band.metronome = false;
  vi.advanceTimersByTime(2000);
  band.stop();
  expect(clicks).toEqual([[true, 0.06], [false, 0.81], [true, 1.56], [false, 2.31]]);
});

test("whatever is replaced and whenever, notes never come twice, never late, and each has an end", () => {
  const act = fc.record({ wait: fc.nat(900), pitch: fc.integer({ min: 50, max: 70 }), when: fc.constantFrom("bar" as const, "once" as const), tempo: fc.constantFrom(60, 120, 240), loop: fc.boolean(), steps: fc.constantFrom(32, 64), range: fc.constantFrom(null, [0, 16] as const, [16, 32] as const), seek: fc.option(fc.constantFrom(0, 4, 12, 28), { freq: 3 }) });
  fc.assert(fc.property(fc.array(act, { maxLength: 12 }), (acts) => {
    played = [];
    player.tempo = 120;
    player.start(quarters(60));
    for (const { wait, pitch, when, tempo, steps, range, seek } of acts) {
      vi.advanceTimersByTime(wait);
      player.tempo = tempo;
      player.range = range;
      if (seek !== null) player.seek(seek);
      player.replace({ ...quarters(pitch), steps }, when);
    }
    vi.advanceTimersByTime(2000);
    player.stop();
    const sounds = heard().sort((a, b) => a.at - b.at);
    sounds.forEach(({ at, until }, index) => {
      expect(until).toBeGreaterThan(at);
      expect(Number.isFinite(until)).toBe(true);
      const same = sounds[index + 1];
      if (same) expect(same.at).toBeGreaterThanOrEqual(until - 0.1); // one voice; what has ended is still told its end until the next tick
    });
  }), { numRuns: 300 });
});

test("one who joins others is in their place, and begins what has just begun there", () => {
  player.start(quarters(60));
  vi.advanceTimersByTime(10);
  player.join(0.8); // of the first note, which is not heard here yet
  vi.advanceTimersByTime(400);
  expect(heard().map(({ note, at }) => [note[0], Number(at.toFixed(3))])).toEqual([[0, 0.07], [4, 0.47]]);
  expect(player.position()).toBeCloseTo(0.8 + (0.41 - 0.07) * 8, 6);
  player.join(23.5);
  vi.advanceTimersByTime(100);
  expect(heard().at(-1)!.note[0]).toBe(24);
  expect(heard().some(({ note }) => note[0] === 20)).toBe(false); // too long ago
});
