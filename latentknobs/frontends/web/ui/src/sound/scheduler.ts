import type { Accompaniment, Note, Sound } from "../types.js";

/** One sounding note. `end` moves its end, softly; an end at or before its start means that it is never heard. */
export interface Voice {
  end(at: number): void;
}

export interface Instrument {
  play(note: Note, at: number, until: number): Voice;
  /** One sound beside the melody. */
  accompany?(sound: Sound, timbre: string, at: number, until: number): Voice;
  /** One beat of the metronome; the first of a bar is strong. */
  click?(strong: boolean, at: number): Voice;
}

export interface Melody {
  notes: readonly Note[];
  steps: number;
  stepsPerBeat: number;
  /** Where bars begin, in steps, and where the other beats are. */
  bars: readonly number[];
  beats: readonly number[];
  accompaniment?: Accompaniment | null;
}

interface Sounding {
  note: Note | Sound | null;
  /** What it belongs to; null for a note of the melody and for the metronome. */
  beside: Accompaniment | null;
  /** Onset and end in steps since the start, loops counted on. */
  from: number;
  to: number;
  at: number;
  voice: Voice;
}

const TICK = 25;
const AHEAD = 0.12;
/** Sounds beside the melody at a time. */
const MOST = 96;
/** Timers of a page in the background run once a second. */
const AHEAD_HIDDEN = 1.3;
/** Room for the first note to be put before its time. */
export const ROOM = 0.06;
/** Notes that began so many seconds ago are still begun by one who joins others. */
const LATE = 0.25;

/** Plays a melody a little ahead of the clock. Times are in seconds of `clock`, positions in steps. */
export class Scheduler {
  loop = true;
  metronome = false;
  /** Called when a melody that is not looped has been heard to its end. */
  onEnd: () => void = () => undefined;
  private melody: Melody | null = null;
  private next: { melody: Melody; at: number } | null = null;
  private bpm = 120;
  private anchor = { time: 0, step: 0 };
  private head = 0;
  private origin = 0;
  /** Rounds that were put and that the clock has not left yet. */
  private rounds: { until: number; origin: number }[] = [];
  private looped: readonly [number, number] | null = null;
  /** Whether it plays behind the range that is looped: then to the melody's end. */
  private behind = false;
  private ended = false;
  private sounding: Sounding[] = [];
  private timer: ReturnType<typeof setInterval> | null = null;

  constructor(
    private readonly clock: () => number,
    private readonly instrument: Instrument,
    private readonly hidden: () => boolean = () => false,
  ) {}

  get playing(): boolean {
    return this.melody !== null;
  }

  get tempo(): number {
    return this.bpm;
  }

  set tempo(bpm: number) {
    const now = this.clock();
    const step = this.melody ? this.stepAt(now) : 0;
    this.takeBack(now, step);
    this.bpm = bpm;
    this.anchor = { time: now, step };
    for (const note of this.sounding) note.voice.end(this.timeAt(note.to));
    this.tick();
  }

  get range(): readonly [number, number] | null {
    return this.looped;
  }

  /** The steps that are played, null = all; from elsewhere it goes there at once. */
  set range(range: readonly [number, number] | null) {
    if (range?.[0] === this.looped?.[0] && range?.[1] === this.looped?.[1]) return;
    this.looped = range;
    if (!this.melody) return;
    const place = this.position() ?? 0;
    const [from, to] = this.region;
    if (place < from || place >= to) {
      this.seek(from);
      return;
    }
    const now = this.clock();
    this.takeBack(now, this.stepAt(now));
    this.behind = false;
    this.tick();
  }

  start(melody: Melody, from = 0): void {
    this.stop();
    this.melody = melody;
    this.timer = setInterval(() => this.tick(), TICK);
    this.seek(from);
  }

  /** Goes on from another place. */
  seek(step: number): void {
    if (!this.melody) return;
    const now = this.clock();
    for (const { voice } of this.sounding) voice.end(now);
    this.sounding = [];
    if (this.next) this.melody = this.next.melody;
    this.next = null;
    const place = step < this.melody.steps ? Math.max(0, step) : 0;
    this.anchor = { time: now + ROOM, step: place };
    this.head = place;
    this.origin = 0;
    this.rounds = [];
    this.behind = place >= this.region[1];
    this.ended = false;
    this.tick();
  }

  /** Goes on where others are: notes that have just begun there begin late, and none is lost. */
  join(step: number): void {
    this.seek(step);
    if (!this.melody || this.behind) return;
    const [from] = this.region;
    for (const { voice } of this.sounding) voice.end(this.clock());
    this.sounding = [];
    this.head = Math.max(Math.min(from, step), this.anchor.step - LATE * this.perSecond());
    this.tick();
  }

  stop(): void {
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
    this.melody = null;
    this.next = null;
    const now = this.clock();
    for (const { voice } of this.sounding) voice.end(now);
    this.sounding = [];
  }

  /** Goes over to another melody, at the next bar line or at once, in the same place of it. */
  replace(melody: Melody, when: "bar" | "once"): void {
    if (!this.melody) return;
    if (when === "bar") {
      const place = this.head - this.origin;
      const bar = this.melody.bars.find((at) => at >= place - 1e-9) ?? this.melody.steps;
      this.next = { melody, at: Math.min(this.origin + bar, this.end) };
      return;
    }
    const now = this.clock();
    this.next = null;
    this.takeBack(now, this.stepAt(now));
    this.change(melody, this.head);
    this.tick();
  }

  /** Where the playhead is, in steps from the melody's beginning; null while nothing plays. */
  position(delay = 0): number | null {
    if (!this.melody) return null;
    const step = Math.max(this.anchor.step, this.stepAt(this.clock() - delay));
    const { origin } = this.rounds.find(({ until }) => step < until) ?? { origin: this.origin };
    return Math.min(this.melody.steps, Math.max(0, step - origin));
  }

  tick(): void {
    if (!this.melody) return;
    const now = this.clock();
    this.sounding = this.sounding.filter((note) => this.timeAt(note.to) > now);
    this.rounds = this.rounds.filter(({ until }) => this.timeAt(until) > now - AHEAD_HIDDEN);
    const horizon = this.stepAt(now + (this.hidden() ? AHEAD_HIDDEN : AHEAD));
    while (this.melody && !this.ended && this.head < horizon) {
      if (this.next && this.head >= this.next.at - 1e-9) {
        const { melody, at } = this.next;
        this.next = null;
        this.change(melody, at);
      }
      const { end } = this;
      if (this.head >= end - 1e-9) {
        if (this.loop) this.round(this.head, this.head - this.region[0]);
        else this.ended = true;
        continue;
      }
      const until = Math.min(horizon, end, this.next?.at ?? Infinity);
      this.put(this.head, until);
      this.head = until;
    }
    if (this.ended && this.loop) this.ended = false;
    if (this.ended && now >= this.timeAt(this.end)) {
      this.stop();
      this.onEnd();
    }
  }

  /** The steps that are looped, of the melody that plays; all where none of them are in it. */
  private get region(): readonly [number, number] {
    const { steps } = this.melody!;
    const [from, to] = this.looped ?? [0, steps];
    return from < steps ? [from, Math.min(to, steps)] : [0, steps];
  }

  /** Where this round ends, loops counted on. */
  private get end(): number {
    return this.origin + (this.behind ? this.melody!.steps : this.region[1]);
  }

  private round(until: number, origin: number): void {
    this.rounds.push({ until, origin: this.origin });
    this.origin = origin;
    this.behind = false;
  }

  /** Takes back the notes that were put ahead and have not begun: the time from now on is put anew. */
  private takeBack(now: number, step: number): void {
    this.sounding = this.sounding.filter((note) => {
      if (note.at <= now + 1e-6) return true;
      note.voice.end(now);
      return false;
    });
    if (!this.melody) return;
    // After what begins at this very moment, whichever way its time is rounded.
    this.head = Math.max(step, this.anchor.step, ...this.sounding.map(({ from }) => from + 1e-6));
    while (this.rounds.length && this.head < this.rounds.at(-1)!.until) this.origin = this.rounds.pop()!.origin; // of that round nothing was heard yet
    this.ended = false;
  }

  /** From `step` on another melody: what it does not hold as well ends there. */
  private change(melody: Melody, step: number): void {
    const at = this.timeAt(step);
    if (step - this.origin >= melody.steps) this.round(step, step);
    for (const old of this.sounding) {
      const { note } = old;
      const same = note === null || (old.beside ? old.beside === melody.accompaniment : melody.notes.some(
        ([onset, pitch, length]) => pitch === note[1] && onset + this.origin === old.from && length === note[2],
      ));
      if (!same && old.to > step) {
        old.to = step;
        old.voice.end(at);
      }
    }
    this.melody = melody;
  }

  private put(from: number, until: number): void {
    const { notes, steps, accompaniment, bars, beats } = this.melody!;
    const { instrument, end } = this;
    const begin = (onset: number, length: number, note: Note | Sound | null, beside: Accompaniment | null, play: (at: number, until: number) => Voice) => {
      const start = onset + this.origin;
      if (start < from - 1e-9 || start >= until - 1e-9 || onset >= steps) return;
      const to = Math.min(end, start + length);
      const at = Math.max(this.timeAt(start), this.anchor.time);
      if (this.timeAt(to) <= at) return; // over before one joined
      this.sounding.push({ note, beside, from: start, to, at, voice: play(at, this.timeAt(to)) });
    };
    for (const note of notes) begin(note[0], note[2], note, null, (at, stop) => this.instrument.play(note, at, stop));
    if (this.metronome && instrument.click) {
      for (const bar of bars) begin(bar, 0.5, null, null, (at) => instrument.click!(true, at));
      for (const beat of beats) begin(beat, 0.5, null, null, (at) => instrument.click!(false, at));
    }
    if (!accompaniment || !instrument.accompany) return;
    const { sounds, timbres } = accompaniment;
    for (let index = firstFrom(sounds, from - this.origin - 1e-9); index < sounds.length && sounds[index]![0] < until - this.origin; index += 1) {
      if (this.sounding.length > MOST) break;
      const sound = sounds[index]!;
      begin(sound[0], sound[2], sound, accompaniment, (at, stop) => instrument.accompany!(sound, timbres[sound[3]] ?? "", at, stop));
    }
  }

  private perSecond(): number {
    return (this.bpm / 60) * (this.melody?.stepsPerBeat ?? 4);
  }

  private stepAt(time: number): number {
    return this.anchor.step + (time - this.anchor.time) * this.perSecond();
  }

  private timeAt(step: number): number {
    return this.anchor.time + (step - this.anchor.step) / this.perSecond();
  }
}

/** The place of the first sound that starts at a step or after it. */
function firstFrom(sounds: readonly Sound[], step: number): number {
  let [low, high] = [0, sounds.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sounds[middle]![0] < step) low = middle + 1;
    else high = middle;
  }
  return low;
}
