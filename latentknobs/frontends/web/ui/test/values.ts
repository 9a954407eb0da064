/** Values for tests: pieces, states, an API that answers from memory. */
import fc from "fast-check";
import { NO_DRAFT, type State } from "../src/state.js";
import type { Info, Knob, Note, Piece } from "../src/types.js";

export const twinkle: Piece = {
  name: "twinkle", tempo: 120, steps: 32, source: { kind: "example", name: "twinkle" }, stretches: [], by_model: false,
  notes: [[0, 60, 4, 0], [4, 60, 4, 0], [8, 67, 4, 0], [12, 67, 4, 0], [16, 69, 4, 0], [20, 69, 4, 0], [24, 67, 8, 0]],
};

export const info: Info = {
  api: 1, version: "0", model: "m", limits: { bytes: 1 << 20, clips: 8, notes: 512, knobs: 32, grid: 9 }, examples: [{ name: "twinkle", title: "Twinkle", style: "nursery song", about: "A tune.", signature: "4/4", bars: 12 }],
  models: [{ name: "m", model_id: "x", latent_size: 4, pitch_range: [36, 96], format: { name: "melody-2bar", steps: 32, steps_per_beat: 4, beats_per_bar: 4, beats: 4, unit: 4, drums: null } }],
};

export const knob = (name: string, more: Partial<Knob> = {}): Knob => ({
  name, label: name, model_id: "x", augmentation: null, target: null, unit: "semitones", low: -12, high: 12, step: null, kind: "affine", fit: "ridge",
  verdict: "accepted", reason: "", dimensions: [{ dim: 1, share: 0.9 }], reserved: false, confidence: { level: "high", text: "" }, says: null, ...more,
});

const notes = (steps: number): fc.Arbitrary<Note[]> =>
  fc.array(fc.tuple(fc.nat(steps - 1), fc.nat(127), fc.integer({ min: 1, max: steps }), fc.nat(9)), { maxLength: 60 })
    .map((rows) => rows.map(([onset, pitch, length, voice]): Note => [onset, pitch, Math.min(length, steps - onset), voice]));

const words = fc.oneof(fc.string({ maxLength: 40 }), fc.constantFrom("M\u00fcller \u2013 \u266b", "a.b.c", "\u{1d11e}", "#1."));

export const pieces: fc.Arbitrary<Piece> = fc.integer({ min: 1, max: 512 }).chain((steps) => fc.record({
  name: words, tempo: fc.double({ min: 10, max: 400, noNaN: true }), steps: fc.constant(steps), notes: notes(steps), by_model: fc.boolean(),
  stretches: fc.array(fc.record({ start: fc.constant(0), steps: fc.constant(steps), beats: fc.integer({ min: 1, max: 12 }), unit: fc.constantFrom(2, 4, 8), bar: fc.integer({ min: 1, max: 99 }) }), { maxLength: 1 }),
  source: fc.oneof(
    fc.constant({ kind: "drawn" } as const), words.map((name) => ({ kind: "example", name }) as const),
    words.map((file) => ({ kind: "midi", file, sha256: "0".repeat(64), options: { policy: "auto", track: null, offset: 0.5, bars: "1-8", time_signature: "", quantize: false } }) as const),
  ),
}));

const decks = fc.record({
  piece: pieces, knobs: fc.dictionary(fc.stringMatching(/^[a-z][a-z-]{0,12}$/), fc.double({ min: -100, max: 100, noNaN: true }).map((value) => value + 0), { maxKeys: 5 }),
  seed: fc.nat(), like: fc.option(fc.constantFrom("pitch", "rhythm")),
});

export const states: fc.Arbitrary<State> = fc.record({
  draft: fc.constant(NO_DRAFT), model: words, side: fc.constantFrom("a", "b"), tempo: fc.integer({ min: 30, max: 300 }), loop: fc.boolean(), range: fc.option(fc.tuple(fc.nat(400), fc.integer({ min: 1, max: 400 })).map(([from, length]) => [from, from + length] as const)), follow: fc.constantFrom("bar", "once"),
  locks: fc.array(fc.constantFrom("pitch", "rhythm", "random"), { maxLength: 3 }),
  grid: fc.record({ size: fc.integer({ min: 3, max: 9 }), rows: words, columns: words, rest: fc.constantFrom("mean" as const, "rows" as const) }),
  decks: fc.oneof(fc.record({ a: decks, b: decks }), fc.tuple(decks, decks).map(([a, b]) => ({ a, b: { ...b, piece: a.piece } }))),
});

export const state: State = {
  draft: NO_DRAFT, model: "m", side: "a", tempo: 120, loop: true, range: null, follow: "bar", locks: [], grid: { size: 5, rows: "pitch", columns: "rhythm", rest: "mean" },
  decks: { a: { piece: twinkle, knobs: {}, seed: 0, like: null }, b: { piece: twinkle, knobs: {}, seed: 0, like: null } },
};
