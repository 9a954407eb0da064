/** The values that the server and the page exchange (API version 1). */

/** [onset, pitch, length, voice], in steps of the model's grid. */
export type Note = readonly [onset: number, pitch: number, length: number, voice: number];

export type Source =
  | { kind: "example"; name: string }
  | { kind: "midi"; file: string; sha256?: string; options?: Record<string, unknown>; clips?: [number, number] }
  | { kind: "drawn" };

export interface Piece {
  name: string;
  tempo: number;
  steps: number;
  notes: readonly Note[];
  source: Source;
}

export interface Format {
  name: string;
  steps: number;
  steps_per_beat: number;
  beats_per_bar: number;
  drums: string[] | null;
}

export interface Model {
  name: string;
  model_id: string;
  latent_size: number;
  format: Format;
  pitch_range: [number, number] | null;
}

export interface Info {
  api: number;
  version: string;
  models: Model[];
  model: string;
  limits: { bytes: number; clips: number; knobs: number; grid: number };
  examples: { name: string; title: string }[];
}

export type Verdict = "accepted" | "provisional" | "not measurable" | "rejected";

export interface Knob {
  name: string;
  label: string;
  model_id: string;
  augmentation: string | null;
  target: string | null;
  unit: string;
  low: number;
  high: number;
  step: number | null;
  kind: string;
  fit: string;
  verdict: Verdict;
  reason: string;
  dimensions: { dim: number; share: number }[];
  reserved: boolean;
  confidence: { level: "high" | "medium" | "low"; text: string } | null;
  says?: { down: string; up: string } | null;
}

export interface Curves {
  amount?: number;
  amounts?: number[];
  mean_change?: number[];
  sorted?: number[];
}

export interface KnobCard extends Knob {
  card?: {
    effect?: { attribute: string; slope: number }[];
    leakage?: { attribute: string; leakage: number; target: boolean }[];
    gates?: { gate: string; value: number | null; limit: number | null; passed: boolean }[];
    text?: string[];
  };
  curves?: Curves | null;
}

/** What is sounded: a piece, its knobs, the seed of the reserved knobs and the knob that they imitate. */
export interface Deck {
  piece: Piece;
  knobs: Readonly<Record<string, number>>;
  seed: number;
  like: string | null;
}

export interface ClipWindow {
  clip: number;
  bars: [number, number];
  accepted: boolean;
  why: string;
}

export interface Track {
  number: number;
  name: string;
  notes: number;
  drums: boolean;
}

export interface Read {
  piece: Piece;
  windows: ClipWindow[];
  remarks: string[];
  tracks: Track[];
}

export interface Opened {
  windows: ClipWindow[];
  remarks: string[];
  accuracy: number;
  notes: Note[];
  codes: number[][];
  differing: number[];
}

export interface Turned {
  notes: Note[];
  changed: number[];
  codes: number[][];
  touched: number[];
  remarks: string[];
  ms: number;
}

export interface GridRequest {
  a: Deck;
  b: Deck;
  size: number;
  rows: string;
  columns: string;
  rest: string;
}

export interface Cell {
  at: [down: number, across: number];
  notes: Note[];
}

export interface Recipe {
  command: string;
  python: string;
  files: { name: string; base64: string }[];
  remarks?: string[];
}
