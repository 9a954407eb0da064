/**
 * The whole state as a URL fragment: a version, everything but notes as JSON, the notes of A and B as
 * variable-length integers, and a checksum, so that a truncated or altered link is recognized.
 */
import type { Deck, Note, Piece, Source, Stretch } from "./types.js";
import { GRID, NO_DRAFT, TEMPO, type Range, type State } from "./state.js";

const VERSION = "1";
const RESTS = ["mean", "source", "rows", "columns"] as const;
const MOST_STEPS = 64_000;

export class LinkError extends Error {}

export function toHash(state: State): string {
  const { a, b } = state.decks;
  const same = JSON.stringify(a.piece) === JSON.stringify(b.piece);
  const rest = [
    state.model, state.side, state.tempo, state.loop ? 1 : 0, state.follow, state.locks,
    [state.grid.size, state.grid.rows, state.grid.columns, state.grid.rest],
    head(a), same ? turned(b) : head(b), state.range,
  ];
  const parts = [VERSION, base64(new TextEncoder().encode(JSON.stringify(rest))), packNotes(a.piece.notes)];
  if (!same) parts.push(packNotes(b.piece.notes));
  const text = parts.join(".");
  return `#${text}.${checksum(text)}`;
}

/** The state of a link; raises LinkError with a sentence for the person who opened it. */
export function fromHash(hash: string): State {
  const text = hash.replace(/^#/, "");
  const cut = text.lastIndexOf(".");
  const parts = text.slice(0, cut).split(".");
  if (cut < 0 || parts[0] === undefined) throw new LinkError("The link holds no melody, so the page starts with the example.");
  if (/^\d+$/.test(parts[0]) && parts[0] !== VERSION) {
    throw new LinkError(`The link has version ${parts[0].slice(0, 6)}, which this page cannot read: open it with a newer latentknobs.`);
  }
  if (checksum(text.slice(0, cut)) !== text.slice(cut + 1)) {
    throw new LinkError("The link is damaged or cut short, so the page starts with the example: copy the whole link again.");
  }
  try {
    return read(parts);
  } catch {
    throw new LinkError("The link cannot be read, so the page starts with the example: copy it again.");
  }
}

function head(deck: Deck): unknown[] {
  const { name, tempo, steps, source, stretches, by_model } = deck.piece;
  return [...turned(deck), name, tempo, steps, source, stretches.map(({ start, steps, beats, unit, bar }) => [start, steps, beats, unit, bar]), by_model ? 1 : 0];
}

function turned(deck: Deck): unknown[] {
  return [deck.knobs, deck.seed, deck.like];
}

function read(parts: string[]): State {
  const data = list(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(unbase64(parts[1]!))));
  const [model, side, tempo, loop, follow, locks, grid, a, b, range] = data;
  const [size, rows, columns, rest] = list(grid);
  const first = deck(list(a), unpackNotes(parts[2]!), null);
  return {
    model: string(model),
    side: oneOf(side, ["a", "b"]),
    tempo: number(tempo, TEMPO.low, TEMPO.high),
    loop: loop === 1,
    range: rangeOf(range ?? null), // older links have none
    follow: oneOf(follow, ["bar", "once"]),
    locks: list(locks).map(string),
    draft: NO_DRAFT,
    grid: { size: whole(size, GRID.low, GRID.high), rows: string(rows), columns: string(columns), rest: oneOf(rest, RESTS) },
    decks: { a: first, b: parts[3] === undefined ? deck(list(b), [], first.piece) : deck(list(b), unpackNotes(parts[3]), null) },
  };
}

function deck(head: unknown[], notes: Note[], same: Piece | null): Deck {
  const [knobs, seed, like, name, tempo, steps, source, stretches, byModel] = head;
  const piece = same ?? {
    name: string(name),
    tempo: number(tempo, 1, 1000),
    steps: whole(steps, 1, MOST_STEPS),
    notes,
    source: sourceOf(source),
    stretches: list(stretches ?? []).map(stretchOf),
    by_model: byModel === 1,
  };
  for (const [onset, pitch, length, voice] of piece.notes) {
    whole(onset, 0, piece.steps - 1);
    whole(pitch, 0, 127);
    whole(length, 1, piece.steps - onset);
    whole(voice, 0, 255);
  }
  const amounts = Object.entries(knobs as Record<string, unknown>).map(([key, value]) => [key, number(value, -1e6, 1e6)] as const);
  return { piece, knobs: Object.fromEntries(amounts), seed: whole(seed, 0, 2 ** 32 - 1), like: like === null ? null : string(like) };
}

function rangeOf(value: unknown): Range | null {
  if (value === null) return null;
  const [from, to] = list(value);
  const start = whole(from, 0, MOST_STEPS);
  return [start, whole(to, start + 1, MOST_STEPS)];
}

function stretchOf(value: unknown): Stretch {
  const [start, steps, beats, unit, bar] = list(value);
  return { start: whole(start, 0, MOST_STEPS), steps: whole(steps, 1, MOST_STEPS), beats: whole(beats, 1, 255), unit: whole(unit, 1, 128), bar: whole(bar, 1, 1e6) };
}

function sourceOf(value: unknown): Source {
  const source = value as Source;
  oneOf(source.kind, ["example", "midi", "drawn"]);
  if (source.kind !== "midi") return source;
  // An older link may say more of the file than is known today.
  const { policy, track, offset, bars, time_signature, quantize } = source.options;
  return { kind: "midi", file: source.file, sha256: source.sha256, options: { policy, track: track ?? null, offset, bars: bars ?? "", time_signature: time_signature ?? "", quantize: quantize ?? false } };
}

export function packNotes(notes: readonly Note[]): string {
  const bytes: number[] = [];
  let [at, height] = [0, 60];
  const put = (value: number) => {
    for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
    bytes.push(value);
  };
  const zigzag = (value: number) => (value < 0 ? -2 * value - 1 : 2 * value);
  for (const [onset, pitch, length, voice] of notes) {
    put(zigzag(onset - at));
    put(zigzag(pitch - height));
    put(length);
    put(voice);
    [at, height] = [onset, pitch];
  }
  return base64(Uint8Array.from(bytes));
}

export function unpackNotes(text: string): Note[] {
  const bytes = unbase64(text);
  const notes: Note[] = [];
  let index = 0;
  let [at, height] = [0, 60];
  const take = () => {
    let [value, scale] = [0, 1];
    for (;;) {
      const byte = bytes[index++];
      if (byte === undefined || scale > 2 ** 42) throw new LinkError("cut");
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
  };
  const unzigzag = (value: number) => (value % 2 ? -(value + 1) / 2 : value / 2);
  while (index < bytes.length) {
    at += unzigzag(take());
    height += unzigzag(take());
    notes.push([at, height, take(), take()]);
  }
  return notes;
}

/** FNV-1a of 32 bits, in base 36. */
function checksum(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash >>> 0).toString(36);
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function unbase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
}

function list(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new LinkError("no list");
  return value;
}

function string(value: unknown): string {
  if (typeof value !== "string" || value.length > 500) throw new LinkError("no text");
  return value;
}

function number(value: unknown, low: number, high: number): number {
  if (typeof value !== "number" || !(value >= low && value <= high)) throw new LinkError("no such number");
  return value;
}

function whole(value: unknown, low: number, high: number): number {
  if (!Number.isInteger(value)) throw new LinkError("no whole number");
  return number(value, low, high);
}

function oneOf<T extends string>(value: unknown, choices: readonly T[]): T {
  if (!choices.includes(value as T)) throw new LinkError("no such choice");
  return value as T;
}
