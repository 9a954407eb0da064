/**
 * The page in a session that other front ends play too: what they set is shown, and what is set here is sent, the newest
 * first. A change of the page's own never comes back as a change; "done" says that it has arrived.
 */
import { barsOf, barsOfPiece, stepsOf } from "./music.js";
import { ServerClock } from "./server-clock.js";
import { withDeck, type Side, type State } from "./state.js";
import type { Deck, Format, Opened, Piece, Turned } from "./types.js";

type Value = number | boolean | string;
export type Settings = Pick<Deck, "knobs" | "seed" | "like">;

/** How the session is played; times are seconds of the server's clock. */
interface Played { playing: boolean; tempo: number; steps_per_quarter: number; start: number; end: number; loop: boolean; origin: number; since: number; now: number }

/** What is told with each change. */
interface Facts {
  transport: Played;
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
  /** Playing may be elsewhere now. */
  moved(): void;
  /** The clip format of a model. */
  format(model: string): Format;
  fail(message: string): void;
}

/** The side of the page that is the session's; the other is the page's own. */
export const SIDE: Side = "a";
const GAP = 50;
/** Milliseconds between looks at the server's clock, and after which the first ones are. */
export const LOOK = 5000;
const LOOKS = [0, 60, 120, 180, 240];

export class Room {
  values: Record<string, Value> = {};
  snapshots: Record<string, Settings> = {};
  history: readonly string[] = [];
  readonly clock = new ServerClock();
  private transport: Played | null = null;
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
      for (const wait of LOOKS) setTimeout(() => this.look(), wait);
    }
    this.transport = frame.transport;
    const playing = this.values["play"];
    this.snapshots = frame.snapshots;
    this.history = frame.history;
    const own = Object.entries(this.values).filter(([path]) => this.mine.has(path) || this.waiting.has(path));
    this.values = { ...frame.values, ...Object.fromEntries(own) };
    if (frame.type === "shared") this.page.piece(frame);
    else this.page.show((state) => this.shown(state));
    if (this.values["play"] !== playing) this.page.play(Boolean(this.values["play"]));
    this.page.moved();
  }

  /** Where the session plays so many seconds from now, in steps; null while it does not, or where that is not known. */
  position(ahead = 0): number | null {
    const clock = this.clock.at(performance.now());
    if (!this.transport?.playing || clock === null) return null;
    const { tempo, steps_per_quarter, start, end, loop, origin, since } = this.transport;
    const step = origin + Math.max(0, ((clock + ahead - since) * tempo * steps_per_quarter) / 60);
    if (step < end) return step;
    return loop ? start + ((step - start) % (end - start)) : end;
  }

  /** How far two places of what is played are apart, in seconds; the end of a loop is beside its beginning. */
  apart(one: number, other: number): number {
    const { start, end, loop, tempo, steps_per_quarter } = this.transport!;
    const steps = Math.abs(one - other);
    return ((loop ? Math.min(steps, Math.abs(end - start - steps)) : steps) * 60) / (tempo * steps_per_quarter);
  }

  /** Looks at the server's clock, and whether this page plays where the session does. */
  look(): void {
    this.page.send({ type: "ping" });
    this.page.moved();
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
    const { piece } = state.decks[SIDE];
    const range = stepsOf(String(this.values["loop/bars"] ?? ""), barsOfPiece(piece, this.page.format(state.model)), piece.steps);
    const next = withDeck(state, SIDE, { knobs: sorted, seed: seed as number, like: (like as string) || null });
    return { ...next, tempo: tempo as number, loop: loop as boolean, range };
  }

  /** Sends what differs between a state of the page and the session. */
  push(state: State): void {
    const deck = state.decks[SIDE];
    const wanted: Record<string, Value> = { seed: deck.seed, like: deck.like ?? "", tempo: state.tempo, loop: state.loop };
    wanted["loop/bars"] = state.range ? barsOf(state.range, barsOfPiece(deck.piece, this.page.format(state.model))) : "";
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

  /** Sets something at once. */
  set(values: Readonly<Record<string, Value>>): void {
    for (const [path, value] of Object.entries(values)) this.put(path, value);
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
