import { barsOf, barWords, meter, stepsOf, type Meter } from "./music.js";
import type { Session } from "./session.js";
import { keepSound, readSound, type SoundSettings } from "./sound-settings.js";
import type { Melody } from "./sound/scheduler.js";
import type { Range, State } from "./state.js";

/** Where and what is played, and how it sounds. */
export class Transport {
  /** Where playing starts, in steps; null = at the beginning of what is played. */
  cursor: number | null = null;
  sounds: SoundSettings = readSound();
  /** The steps that are in sight. */
  visible: Range = [0, 0];

  constructor(private readonly session: Session) {}

  /** Where the bars of what is heard begin, with their numbers. */
  get bars(): Meter["bars"] {
    return meter(this.session.stretches, this.session.format, this.session.steps).bars;
  }

  /** The steps that are looped; null where none of them are in what is heard. */
  get range(): Range | null {
    if (this.session.recording.running) return null;
    const [from, to] = this.session.state?.range ?? [0, 0];
    const within: Range = [from, Math.min(to, this.session.steps)];
    return from < within[1] ? within : null;
  }

  /** The steps of the bars that knobs turn; null = all. */
  get selected(): Range | null {
    return stepsOf(this.session.bars, this.bars, this.session.steps);
  }

  /** Where it plays, in steps; null while it does not. A shared session plays in the same place on all its pages. */
  get position(): number | null {
    const { heard, player, room, shares } = this.session;
    return (shares && !heard ? room!.position() : null) ?? player.position();
  }

  /** The step whose notes are wanted first. */
  get lookedAt(): number {
    const [from, to] = this.visible;
    const { position, cursor } = this;
    if (position !== null) return Math.max(0, position);
    return cursor !== null && cursor >= from && cursor < to ? cursor : (from + to) / 2;
  }

  get melody(): Melody {
    const { bars, beats } = meter(this.session.stretches, this.session.format, this.session.steps);
    const accompaniment = this.session.heard ? null : (this.session.file?.accompaniment ?? null);
    return { notes: this.session.notes, steps: this.session.steps, stepsPerBeat: this.session.format.steps_per_beat, bars: bars.map(({ at }) => at), beats, accompaniment };
  }

  play(): void {
    this.session.player.range = this.range;
    this.session.player.play(this.melody, this.cursor ?? this.range?.[0] ?? 0);
    this.session.tellPlaying(true, this.cursor);
    this.align();
  }

  /** Has this page sound as the shared session plays. */
  align(): void {
    const { heard, player, room, shares } = this.session;
    if (shares && !heard) player.align((ahead) => room!.position(ahead), (one, other) => room!.apart(one, other));
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
    return this.position ?? this.cursor ?? this.range?.[0] ?? 0;
  }

  /** Goes on from there, or will start there. */
  seek(step: number): void {
    this.cursor = Math.min(this.session.steps - 1, Math.max(0, step));
    this.session.player.seek(this.cursor);
    if (this.session.shares && this.session.room!.values["play"]) this.session.room!.set({ position: this.cursor });
    this.session.changed();
  }

  /** Goes by bars, back to the beginning of the present one first. */
  seekBars(by: 1 | -1): void {
    const { bars, place } = this;
    const next = by > 0 ? bars.find(({ at }) => at > place + 1e-6) : bars.findLast(({ at }) => at < place - (this.session.player.playing ? this.session.format.steps_per_beat / 2 : 1e-6));
    if (next) this.seek(next.at);
  }

  /** Chooses bars: knobs turn them, and they are looped where the loop is on; null = all. */
  select(range: Range | null): void {
    const { session } = this;
    const had = session.bars || session.state?.range;
    if (!session.chooseBars(range ? barsOf(range, this.bars) : "", false)) return;
    if (!range) {
      this.setRange(null);
      if (had) session.say("Knobs turn the whole piece, and all bars are played.");
      return;
    }
    if (session.state?.loop) this.setRange(range);
    session.say(`Knobs turn ${this.rangeWords(range).toLowerCase()}${session.state?.loop ? ", and the loop plays them" : ""}.`);
  }

  /** Switches the loop; on, it plays the bars that are chosen. */
  toggleLoop(): void {
    const { state } = this.session;
    if (!state) return;
    const loop = !state.loop;
    this.session.commit({ ...state, loop, range: (loop && this.selected) || state.range }, loop ? "loop on" : "loop off");
  }

  /** The steps that are looped; null = all. */
  setRange(range: Range | null): void {
    const { state } = this.session;
    if (!state || (!range && !state.range)) return;
    this.cursor = null;
    this.session.commit({ ...state, range, loop: state.loop || range !== null }, range ? `loop ${this.rangeWords(range).toLowerCase()}` : "loop all bars");
    this.session.say(range ? `${this.rangeWords(range)} loop.` : "All bars are played.");
  }

  /** Begins or ends the bars that are chosen with the one that is played. */
  markRange(end: "from" | "to"): void {
    const { bars, place } = this;
    const { steps } = this.session;
    const chosen = this.selected ?? this.range;
    const index = bars.findLastIndex(({ at }) => at <= place + 1e-6);
    const [from, to] = [bars[index]?.at ?? 0, bars[index + 1]?.at ?? steps];
    if (end === "from") this.select([from, chosen && chosen[1] > from ? chosen[1] : to]);
    else this.select([chosen && chosen[0] < to ? chosen[0] : from, to]);
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
    player.metronome = metronome || this.session.recording.running;
    player.timbre = timbre || (file?.accompaniment.timbre ?? "");
  }

  /** Plays on as the state now says. */
  follow({ tempo, loop }: State): void {
    const { player } = this.session;
    player.tempo = tempo;
    player.loop = loop && !this.session.recording.running;
    this.useSounds();
    player.range = this.range;
  }

  toggle(): void {
    if (this.session.player.playing) this.stop();
    else this.play();
  }
}
