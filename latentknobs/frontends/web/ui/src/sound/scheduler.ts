import type { Accompaniment, Note, Sound } from "../types.js";

/** One sounding note. `end` moves its end, softly; an end at or before its start means that it is never heard. */
export interface Voice {
  end(at: number): void;
}

export interface Instrument {
  play(note: Note, at: number, until: number): Voice;
  /** One sound beside the melody. */
  accompany?(sound: Sound, timbre: string, at: number, until: number): Voice;
}

export interface Melody {
  notes: readonly Note[];
  steps: number;
  stepsPerBeat: number;
  /** Where bars begin, in steps. */
  bars: readonly number[];
  accompaniment?: Accompaniment | null;
}

interface Sounding {
  note: Note | Sound;
  /** What it belongs to; null for a note of the melody. */
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

/** Plays a melody a little ahead of the clock. Times are in seconds of `clock`, positions in steps. */
export class Scheduler {
  loop = true;
  /** Called when a melody that is not looped has been heard to its end. */
  onEnd: () => void = () => undefined;
  private melody: Melody | null = null;
  private next: { melody: Melody; at: number } | null = null;
  private bpm = 120;
  private anchor = { time: 0, step: 0 };
  private head = 0;
  private origin = 0;
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

  start(melody: Melody): void {
    this.stop();
    const at = this.clock() + 0.06; // room for the first note to be put before its time
    this.melody = melody;
    this.anchor = { time: at, step: 0 };
    this.head = 0;
    this.origin = 0;
    this.ended = false;
    this.timer = setInterval(() => this.tick(), TICK);
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
      this.next = { melody, at: this.origin + (this.melody.bars.find((bar) => bar >= place - 1e-9) ?? this.melody.steps) };
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
    const step = this.stepAt(this.clock() - delay) - this.origin;
    return Math.min(this.melody.steps, Math.max(0, step < 0 && this.origin > 0 ? step + this.melody.steps : step));
  }

  tick(): void {
    if (!this.melody) return;
    const now = this.clock();
    this.sounding = this.sounding.filter((note) => this.timeAt(note.to) > now);
    const horizon = this.stepAt(now + (this.hidden() ? AHEAD_HIDDEN : AHEAD));
    while (this.melody && !this.ended && this.head < horizon) {
      if (this.next && this.head >= this.next.at - 1e-9) {
        const { melody, at } = this.next;
        this.next = null;
        this.change(melody, at);
      }
      const end: number = this.origin + this.melody.steps;
      if (this.head >= end - 1e-9) {
        if (this.loop) this.origin = end;
        else this.ended = true;
        continue;
      }
      const until = Math.min(horizon, end, this.next?.at ?? Infinity);
      this.put(this.head, until);
      this.head = until;
    }
    if (this.ended && this.loop) this.ended = false;
    if (this.ended && now >= this.timeAt(this.origin + this.melody.steps)) {
      this.stop();
      this.onEnd();
    }
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
    this.head = Math.max(step, 0, ...this.sounding.map(({ from }) => from + 1e-6));
    if (this.head < this.origin) this.origin -= this.melody.steps; // of the next round nothing was heard yet
    this.ended = false;
  }

  /** From `step` on another melody: what it does not hold as well ends there. */
  private change(melody: Melody, step: number): void {
    const at = this.timeAt(step);
    if (step - this.origin >= melody.steps) this.origin = step;
    for (const old of this.sounding) {
      const same = old.beside ? old.beside === melody.accompaniment : melody.notes.some(
        ([onset, pitch, length]) => pitch === old.note[1] && onset + this.origin === old.from && old.from + length === old.to,
      );
      if (!same && old.to > step) {
        old.to = step;
        old.voice.end(at);
      }
    }
    this.melody = melody;
  }

  private put(from: number, until: number): void {
    const { notes, steps, accompaniment } = this.melody!;
    const begin = (note: Note | Sound, beside: Accompaniment | null, play: (at: number, until: number) => Voice) => {
      const onset = note[0] + this.origin;
      if (onset < from - 1e-9 || onset >= until - 1e-9 || note[0] >= steps) return;
      const to = this.origin + Math.min(steps, note[0] + note[2]);
      const at = this.timeAt(onset);
      this.sounding.push({ note, beside, from: onset, to, at, voice: play(at, this.timeAt(to)) });
    };
    for (const note of notes) begin(note, null, (at, end) => this.instrument.play(note, at, end));
    const { instrument } = this;
    if (!accompaniment || !instrument.accompany) return;
    const { sounds, timbres } = accompaniment;
    for (let index = firstFrom(sounds, from - this.origin - 1e-9); index < sounds.length && sounds[index]![0] < until - this.origin; index += 1) {
      if (this.sounding.length > MOST) break;
      const sound = sounds[index]!;
      begin(sound, accompaniment, (at, end) => instrument.accompany!(sound, timbres[sound[3]] ?? "", at, end));
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
