import fc from "fast-check";
import { expect, test } from "vitest";
import { drawnPiece, melodyWords, meter, pitchName, pitchWords, putNote } from "../src/music.js";
import type { Note } from "../src/types.js";
import { info } from "./values.js";

const format = info.models[0]!.format;

test("pitches are named as musicians name them", () => {
  expect([60, 61, 70, 0, 127].map(pitchName)).toEqual(["C4", "C\u266f4", "B\u266d4", "C-1", "G9"]);
  expect([60, 66].map(pitchWords)).toEqual(["C4", "F sharp 4"]);
});

test("a melody is said bar by bar, with its rests", () => {
  expect(melodyWords([[0, 60, 4, 0], [8, 62, 8, 0], [16, 64, 2, 0]], format)).toBe("Bar 1: C4 quarter, rest quarter, D4 half. Bar 2: E4 eighth.");
  expect(melodyWords([], format)).toBe("No notes.");
});

test("drums are said by their names", () => {
  expect(melodyWords([[0, 36, 1, 0], [0, 42, 1, 1]], { ...format, drums: ["kick", "hat"] })).toBe("Bar 1: kick and hat at step 1.");
});

const places = fc.tuple(fc.nat(31), fc.integer({ min: 40, max: 80 }), fc.integer({ min: 1, max: 12 }));

test("a melody that is drawn has one note at a time, whatever is put", () => {
  fc.assert(fc.property(fc.array(places, { maxLength: 40 }), (put) => {
    const notes = put.reduce<Note[]>((all, [onset, pitch, length]) => putNote(all, [onset, pitch, Math.min(length, 32 - onset), 0]), []);
    notes.forEach(([onset, , length], index) => {
      expect(length).toBeGreaterThan(0);
      if (notes[index + 1]) expect(onset + length).toBeLessThanOrEqual(notes[index + 1]![0]);
    });
    if (put.length) expect(notes.some(([onset, pitch]) => onset === put.at(-1)![0] && pitch === put.at(-1)![1])).toBe(true);
  }), { numRuns: 500 });
});

test("a drawn piece fills whole clips", () => {
  expect([drawnPiece([[30, 60, 4, 0]], "x", 120, 32).steps, drawnPiece([], "x", 120, 32).steps]).toEqual([64, 32]);
});

test("bars are those of each time signature, numbered as in the file, with a dotted beat where it is compound", () => {
  const waltz = meter([{ start: 0, steps: 24, beats: 3, unit: 4, bar: 5 }, { start: 24, steps: 12, beats: 6, unit: 8, bar: 7 }], format, 36);
  expect(waltz.bars).toEqual([{ at: 0, number: 5 }, { at: 12, number: 6 }, { at: 24, number: 7 }]);
  expect(waltz.beats).toEqual([4, 8, 16, 20, 30]);
  expect(meter([], format, 32).bars).toEqual([{ at: 0, number: 1 }, { at: 16, number: 2 }]);
});

test("a format in compound time has dotted beats", () => {
  expect(meter([], { ...format, beats_per_bar: 3, beats: 6, unit: 8 }, 24).beats).toEqual([6, 18]);
  expect(meter([], { ...format, beats_per_bar: 4.5, beats: 9, unit: 8 }, 18).beats).toEqual([6, 12]);
});
