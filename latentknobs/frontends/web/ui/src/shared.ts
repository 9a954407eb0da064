/**
 * The page in a session that other front ends play too: what they set is shown, and what is set here is sent, the newest
 * first. A change of the page's own never comes back as a change; "done" says that it has arrived.
 */
import { withDeck, type Side, type State } from "./state.js";
import type { Deck, Opened, Piece, Turned } from "./types.js";

type Value = number | boolean | string;
export type Settings = Pick<Deck, "knobs" | "seed" | "like">;

/** What is told with each change. */
interface Facts {
  values: Record<string, Value>;
  settings: Settings;
  snapshots: Record<string, Settings>;
  history: string[];
}

export interface SharedFrame extends Facts {
  type: "shared";
  model: string;
  piece: Piece;
  file: string | null;
  opened: Opened;
}
interface ChangeFrame extends Facts { type: "change"; path: string; value: Value }
interface DoneFrame extends Facts { type: "done"; seq: number }
interface MusicFrame { type: "music"; error: string; settings: Settings | null; turned: Turned | null }
export type RoomFrame = SharedFrame | ChangeFrame | DoneFrame | MusicFrame;

/** What the room asks of the page. */
export interface Page {
  /** Sends a frame; gives its number, 0 where there is no connection. */
  send(message: Record<string, unknown>): number;
  /** Shows another piece. */
  piece(frame: SharedFrame): void;
  /** Shows other values. */
  show(change: (state: State) => State): void;
  /** Notes have been made. */
  music(settings: Settings, turned: Turned): void;
  play(playing: boolean): void;
  fail(message: string): void;
}

/** The side of the page that is the session's; the other is the page's own. */
export const SIDE: Side = "a";
const GAP = 50;

export class Room {
  values: Record<string, Value> = {};
  snapshots: Record<string, Settings> = {};
  history: readonly string[] = [];
  /** What was sent and has not arrived yet, with the frame's number. */
  private readonly mine = new Map<string, number>();
  private readonly waiting = new Map<string, Value | null>();
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly page: Page) {}

  receive(frame: RoomFrame): void {
    if (frame.type === "music") {
      if (frame.error) this.page.fail(frame.error);
      if (frame.turned && frame.settings) this.page.music(frame.settings, frame.turned);
      return;
    }
    if (frame.type === "done") {
      for (const [path, seq] of this.mine) if (seq <= frame.seq) this.mine.delete(path);
    }
    if (frame.type === "shared") {
      this.mine.clear();
      this.waiting.clear();
    }
    const playing = this.values["play"];
    this.snapshots = frame.snapshots;
    this.history = frame.history;
    const own = Object.entries(this.values).filter(([path]) => this.mine.has(path) || this.waiting.has(path));
    this.values = { ...frame.values, ...Object.fromEntries(own) };
    if (frame.type === "shared") this.page.piece(frame);
    else this.page.show((state) => this.shown(state));
    if (frame.values["play"] !== playing) this.page.play(Boolean(frame.values["play"]));
  }

  /** A state with the values of the session. */
  shown(state: State): State {
    const knobs: Record<string, number> = {};
    for (const [path, value] of Object.entries(this.values)) {
      const words = path.split("/");
      if (words[0] === "knob" && value) knobs[words[1]!] = value as number;
      if (words[0] === "bars") knobs[`${words[3]!}@${words[1]!}`] = value as number;
    }
    const sorted = Object.fromEntries(Object.entries(knobs).sort(([a], [b]) => (a < b ? -1 : 1)));
    const { seed, like, tempo, loop } = this.values;
    const next = withDeck(state, SIDE, { knobs: sorted, seed: seed as number, like: (like as string) || null });
    return { ...next, tempo: tempo as number, loop: loop as boolean };
  }

  /** Sends what differs between a state of the page and the session. */
  push(state: State): void {
    const deck = state.decks[SIDE];
    const wanted: Record<string, Value> = { seed: deck.seed, like: deck.like ?? "", tempo: state.tempo, loop: state.loop };
    for (const path of Object.keys(this.values)) if (path.startsWith("knob/")) wanted[path] = deck.knobs[path.slice(5)] ?? 0;
    for (const [name, amount] of Object.entries(deck.knobs)) {
      const [knob, bars] = name.split("@");
      if (bars) wanted[`bars/${bars}/knob/${knob}`] = amount;
      else wanted[`knob/${knob}`] = amount;
    }
    for (const path of Object.keys(this.values)) if (path.startsWith("bars/") && !(path in wanted)) this.put(path, null);
    for (const [path, value] of Object.entries(wanted)) if (this.values[path] !== value) this.put(path, value);
  }

  /** Has something done: a snapshot stored, a step undone. */
  trigger(path: string, value = ""): void {
    this.flush();
    this.page.send({ type: "set", values: { [path]: value } });
  }

  /** Sets one thing at once. */
  set(path: string, value: Value): void {
    this.put(path, value);
    this.flush();
  }

  load(piece: Piece): void {
    this.flush();
    this.page.send({ type: "load", piece });
  }

  private put(path: string, value: Value | null): void {
    if (value === null) delete this.values[path];
    else this.values[path] = value;
    this.waiting.delete(path);
    this.waiting.set(path, value);
    this.timer ??= setTimeout(() => this.flush(), GAP);
  }

  private flush(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const set = [...this.waiting].filter((one): one is [string, Value] => one[1] !== null);
    const cleared = [...this.waiting].filter(([, value]) => value === null).map(([path]) => path);
    this.waiting.clear();
    const sent = (paths: string[], seq: number) => { if (seq) for (const path of paths) this.mine.set(path, seq); };
    if (cleared.length) sent(cleared, this.page.send({ type: "clear", paths: cleared }));
    if (set.length) sent(set.map(([path]) => path), this.page.send({ type: "set", values: Object.fromEntries(set) }));
  }
}

/** The name of a knob of the piece or of bars, as amounts have it. */
export function placed(name: string, bars: string): string {
  return bars ? `${name}@${bars}` : name;
}

/** The amount that a knob shows: of the bars that are chosen, else of the piece. */
export function shownAmount(knobs: Readonly<Record<string, number>>, name: string, bars: string): number {
  return knobs[placed(name, bars)] ?? knobs[name] ?? 0;
}
