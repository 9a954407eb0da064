/** Notes of a long piece arrive in parts, those that are looked at first. */
import { sorted } from "./music.js";
import type { Note, Turned } from "./types.js";

/** Whether a step is in one of these spans. */
export function within(step: number, spans: readonly (readonly [from: number, to: number])[]): boolean {
  return spans.some(([from, to]) => step >= from && step < to);
}

/** What was before, with the notes of a part of an answer where they are there: what is said of the whole follows it. */
export function filled(part: Turned, before: Turned): Turned {
  const pending = part.pending ?? [];
  const changed = new Set<Note>([...part.changed.map((index) => part.notes[index]!), ...before.changed.map((index) => before.notes[index]!)]);
  const notes = sorted([...part.notes, ...before.notes.filter(([onset]) => within(onset, pending))]);
  return { ...before, notes, pending, changed: notes.flatMap((note, index) => (changed.has(note) ? [index] : [])) };
}
