import type { Deck, GridRequest, Note, Piece } from "./types.js";

export type Side = "a" | "b";

/** Everything that undo, redo and a link carry. */
export interface State {
  model: string;
  decks: Readonly<Record<Side, Deck>>;
  side: Side;
  tempo: number;
  loop: boolean;
  /** The steps that are looped, in whole bars; null = all. */
  range: Range | null;
  follow: "bar" | "once";
  locks: readonly string[];
  grid: Readonly<{ size: number; rows: string; columns: string; rest: GridRequest["rest"] }>;
  /** A melody that is being made and is not in use yet; a link does not carry it. */
  draft: Draft;
}

export type Range = readonly [from: number, to: number];

/** `end` is where the next note goes, `clips` how many clips are shown at least. */
export interface Draft {
  readonly notes: readonly Note[];
  readonly end: number;
  readonly clips: number;
}

export const NO_DRAFT: Draft = { notes: [], end: 0, clips: 1 };

export const TEMPO = { low: 30, high: 300 };
export const GRID = { low: 3, high: 9 };

export function deckOf(piece: Piece): Deck {
  return { piece, knobs: {}, seed: 0, like: null };
}

/** A state with one deck changed. */
export function withDeck(state: State, side: Side, change: Partial<Deck>): State {
  return { ...state, decks: { ...state.decks, [side]: { ...state.decks[side], ...change } } };
}

/** A deck with one knob turned; a knob at 0 is not named, so that untouched melodies are equal, but in bars of its own. */
export function withKnob(deck: Deck, name: string, amount: number): Deck {
  const others = Object.entries(deck.knobs).filter(([other]) => other !== name);
  const knobs = amount === 0 && !name.includes("@") ? others : [...others, [name, amount] as [string, number]];
  return { ...deck, knobs: Object.fromEntries(knobs.sort(([a], [b]) => (a < b ? -1 : 1))) };
}

/** What a deck's sound depends on; tempo and names do not change notes. */
export function deckKey(model: string, deck: Deck): string {
  return JSON.stringify([...pieceFacts(model, deck.piece), deck.knobs, deck.seed, deck.like]);
}

export function pieceKey(model: string, piece: Piece): string {
  return JSON.stringify(pieceFacts(model, piece));
}

function pieceFacts(model: string, { steps, notes, stretches, by_model }: Piece): unknown[] {
  return [model, steps, notes, stretches, by_model];
}
