/** Notes and their names. */

import type { Format, Note, Piece, Stretch } from "./types.js";

/** The row that a note stands in: its pitch, or its voice where drums are drawn. */
export const rowOf = (note: Note, drums: unknown): number => (drums ? note[3] : note[1]);

const NAMES = ["C", "C\u266f", "D", "E\u266d", "E", "F", "F\u266f", "G", "A\u266d", "A", "B\u266d", "B"];
const SPOKEN = ["C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B"];
const BLACK = new Set([1, 3, 6, 8, 10]);

export const isBlack = (pitch: number): boolean => BLACK.has(((pitch % 12) + 12) % 12);
/** "C4" for 60. */
export const pitchName = (pitch: number): string => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;
/** "F sharp 4" for 66. */
export const pitchWords = (pitch: number): string => `${SPOKEN[pitch % 12]}${SPOKEN[pitch % 12]!.length > 1 ? " " : ""}${Math.floor(pitch / 12) - 1}`;

const LENGTHS: Record<number, string> = { 0.25: "sixteenth", 0.5: "eighth", 0.75: "dotted eighth", 1: "quarter", 1.5: "dotted quarter", 2: "half", 3: "dotted half", 4: "whole" };

/** "quarter", "dotted eighth", "5 steps". */
export function lengthWords(steps: number, stepsPerBeat: number): string {
  return LENGTHS[steps / stepsPerBeat] ?? `${steps} steps`;
}

/** Where bars begin, with their numbers, and the beats between them, in steps. */
export interface Meter {
  bars: readonly { at: number; number: number }[];
  beats: readonly number[];
}

/** The bars of a piece; one without stretches has those of the format. */
export function meter(stretches: readonly Stretch[], format: Format, steps: number): Meter {
  const bars: { at: number; number: number }[] = [];
  const beats: number[] = [];
  const own = stretches.length ? stretches : [{ start: 0, steps, beats: format.beats, unit: format.unit, bar: 1 }];
  for (const stretch of own) {
    const unit = (4 / stretch.unit) * format.steps_per_beat;
    const compound = stretch.unit >= 8 && stretch.beats > 3 && stretch.beats % 3 === 0;
    const beat = Math.max(1, compound ? 3 * unit : unit);
    for (let bar = 0; bar * stretch.beats * unit < stretch.steps; bar += 1) {
      const at = stretch.start + bar * stretch.beats * unit;
      bars.push({ at, number: stretch.bar + bar });
      const end = Math.min(at + stretch.beats * unit, stretch.start + stretch.steps);
      for (let place = at + beat; place < end - 1e-9; place += beat) beats.push(place);
    }
  }
  return { bars, beats };
}

/** The bars of these steps as people write them, "3-4"; "" of none. */
export function barsOf([from, to]: readonly [number, number], bars: Meter["bars"]): string {
  const inside = bars.filter(({ at }) => at >= from && at < to);
  return inside.length ? `${inside[0]!.number}-${inside.at(-1)!.number}` : "";
}

/** The steps of bars that are written so; null where a melody of so many steps has none of them. */
export function stepsOf(text: string, bars: Meter["bars"], steps: number): readonly [number, number] | null {
  const [first, last] = text.split("-").map(Number) as [number, number?];
  const from = bars.findIndex(({ number }) => number >= first && number <= (last ?? first));
  const to = bars.findLastIndex(({ number }) => number >= first && number <= (last ?? first));
  return text && from >= 0 ? [Math.ceil(bars[from]!.at), Math.ceil(bars[to + 1]?.at ?? steps)] : null;
}

/** The bars of a piece. */
export function barsOfPiece({ stretches, steps }: Pick<Piece, "stretches" | "steps">, format: Format): Meter["bars"] {
  return meter(stretches, format, steps).bars;
}

/** A piece with whole clips where it has no time signatures, as the server opens it. */
export function whole<T extends Pick<Piece, "stretches" | "steps">>(piece: T, format: Format): T {
  return piece.stretches.length ? piece : { ...piece, steps: Math.ceil(piece.steps / format.steps) * format.steps };
}

/** "Bars 3 to 4", "Bar 5". */
export function barWords([first, last]: readonly [number, number]): string {
  return first === last ? `Bar ${first}` : `Bars ${first} to ${last}`;
}

/** A melody in words, bar by bar: "Bar 1: C4 quarter, rest quarter, ...". */
export function melodyWords(notes: readonly Note[], format: Format, lines = meter([], format, Math.max(1, ...notes.map(([onset]) => onset + 1)))): string {
  const bars = new Map<number, string[]>();
  const barAt = (step: number) => lines.bars.findLast(({ at }) => at <= step) ?? lines.bars[0]!;
  const put = (at: number, word: string) => bars.set(barAt(at).number, [...(bars.get(barAt(at).number) ?? []), word]);
  if (format.drums) {
    const hits = new Map<number, string[]>();
    for (const [onset, pitch, , voice] of notes) hits.set(onset, [...(hits.get(onset) ?? []), format.drums[voice] ?? `drum ${pitch}`]);
    for (const [onset, names] of [...hits].sort((a, b) => a[0] - b[0])) put(onset, `${names.join(" and ")} at step ${Math.floor(onset - barAt(onset).at) + 1}`);
  } else {
    let at = 0;
    for (const [onset, pitch, length] of sorted(notes)) {
      if (onset > at) put(at, `rest ${lengthWords(onset - at, format.steps_per_beat)}`);
      put(onset, `${pitchWords(pitch)} ${lengthWords(length, format.steps_per_beat)}`);
      at = Math.max(at, onset + length);
    }
  }
  if (bars.size === 0) return "No notes.";
  return [...bars].sort((a, b) => a[0] - b[0]).map(([number, words]) => `Bar ${number}: ${words.join(", ")}.`).join(" ");
}

export function sorted(notes: readonly Note[]): Note[] {
  return [...notes].sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[3] - b[3]);
}

/** Puts one note into a melody of one voice: notes that it meets are cut or taken away. */
export function putNote(notes: readonly Note[], note: Note): Note[] {
  const [onset, , length] = note;
  const end = onset + length;
  const kept: Note[] = [];
  for (const [from, pitch, steps, voice] of notes) {
    const to = from + steps;
    if (to <= onset || from >= end) kept.push([from, pitch, steps, voice]);
    else if (from < onset) kept.push([from, pitch, onset - from, voice]);
  }
  return sorted([...kept, note]);
}

/** A piece that a person made on this page: whole clips, so that the model can read it. */
export function drawnPiece(notes: readonly Note[], name: string, tempo: number, size: number): Piece {
  const end = Math.max(1, ...notes.map(([onset, , length]) => onset + length));
  return { name, tempo, steps: Math.ceil(end / size) * size, notes: sorted(notes), source: { kind: "drawn" }, stretches: [], by_model: false };
}
