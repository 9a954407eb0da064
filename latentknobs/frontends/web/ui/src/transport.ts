import { barWords, meter, type Meter } from "./music.js";
import type { Session } from "./session.js";
import { keepSound, readSound, type SoundSettings } from "./sound-settings.js";
import type { Melody } from "./sound/scheduler.js";
import type { Range, State } from "./state.js";

/** Where and what is played, and how it sounds. */
export class Transport {
  /** Where playing starts, in steps; null = at the beginning of what is played. */
  cursor: number | null = null;
  sounds: SoundSettings = readSound();

  constructor(private readonly session: Session) {}

  /** Where the bars of what is heard begin, with their numbers. */
  get bars(): Meter["bars"] {
    return meter(this.session.stretches, this.session.format, this.session.steps).bars;
  }

  /** The steps that are looped; null where none of them are in what is heard. */
  get range(): Range | null {
    const [from, to] = this.session.state?.range ?? [0, 0];
    const within: Range = [from, Math.min(to, this.session.steps)];
    return from < within[1] ? within : null;
  }

  get melody(): Melody {
    const { bars, beats } = meter(this.session.stretches, this.session.format, this.session.steps);
    const accompaniment = this.session.heard ? null : (this.session.file?.accompaniment ?? null);
    return { notes: this.session.notes, steps: this.session.steps, stepsPerBeat: this.session.format.steps_per_beat, bars: bars.map(({ at }) => at), beats, accompaniment };
  }

  play(): void {
    this.session.player.range = this.range;
    this.session.player.play(this.melody, this.cursor ?? this.range?.[0] ?? 0);
    this.session.tellPlaying(true);
  }

  stop(): void {
    this.session.player.stop();
    this.session.tellPlaying(false);
  }

  /** Stops, and the next time it plays from the beginning. */
  rewind(): void {
    this.cursor = null;
    this.stop();
  }

  /** Where it plays, or will play from, in steps. */
  get place(): number {
    return this.session.player.position() ?? this.cursor ?? this.range?.[0] ?? 0;
  }

  /** Goes on from there, or will start there. */
  seek(step: number): void {
    this.cursor = Math.min(this.session.steps - 1, Math.max(0, step));
    this.session.player.seek(this.cursor);
    this.session.changed();
  }

  /** Goes by bars, back to the beginning of the present one first. */
  seekBars(by: 1 | -1): void {
    const { bars, place } = this;
    const next = by > 0 ? bars.find(({ at }) => at > place + 1e-6) : bars.findLast(({ at }) => at < place - (this.session.player.playing ? this.session.format.steps_per_beat / 2 : 1e-6));
    if (next) this.seek(next.at);
  }

  /** The steps that are looped, under the hand until it is `done`; null = all. */
  setRange(range: Range | null, done = true): void {
    const { state } = this.session;
    if (!state || (done && !this.session.store!.previewing && !range && !state.range)) return;
    const next = { ...state, range, loop: state.loop || range !== null };
    if (!done) {
      this.session.store!.preview(next);
      return;
    }
    this.cursor = null;
    this.session.commit(next, range ? `loop ${this.rangeWords(range).toLowerCase()}` : "loop all bars");
    this.session.say(range ? `${this.rangeWords(range)} loop.` : "All bars are played.");
  }

  /** Begins or ends the loop with the bar that is played. */
  markRange(end: "from" | "to"): void {
    const { bars, place, range } = this;
    const { steps } = this.session;
    const index = bars.findLastIndex(({ at }) => at <= place + 1e-6);
    const [from, to] = [bars[index]?.at ?? 0, bars[index + 1]?.at ?? steps];
    if (end === "from") this.setRange([from, range && range[1] > from ? range[1] : to]);
    else this.setRange([range && range[0] < to ? range[0] : from, to]);
  }

  /** "Bars 3 to 4". */
  rangeWords([from, to]: Range): string {
    const within = this.bars.filter(({ at }) => at >= from && at < to).map(({ number }) => number);
    return barWords([within[0] ?? 1, within.at(-1) ?? 1]);
  }

  setSounds(change: Partial<SoundSettings>): void {
    this.sounds = { ...this.sounds, ...change };
    keepSound(this.sounds);
    this.useSounds();
    this.session.changed();
  }

  private useSounds(): void {
    const { player, file } = this.session;
    const { timbre, volume, accompaniment, metronome } = this.sounds;
    player.volume = volume;
    player.accompaniment = accompaniment;
    player.metronome = metronome;
    player.timbre = timbre || (file?.accompaniment.timbre ?? "");
  }

  /** Plays on as the state now says. */
  follow({ tempo, loop }: State): void {
    const { player, store } = this.session;
    player.tempo = tempo;
    player.loop = loop;
    this.useSounds();
    if (!store!.previewing) player.range = this.range; // a loop that is being drawn is not heard yet
  }

  toggle(): void {
    if (this.session.player.playing) this.stop();
    else this.play();
  }
}
