import { Kit, mixer, Piano } from "./instrument.js";
import { Scheduler, type Instrument, type Melody } from "./scheduler.js";
import type { Note } from "../types.js";

/** The page's sound: made at the first gesture, as browsers ask. */
export class Player {
  /** Called when playing starts or stops. */
  onChange: () => void = () => undefined;
  analyser: AnalyserNode | null = null;
  private audio: AudioContext | null = null;
  private input: AudioNode | null = null;
  private scheduler: Scheduler | null = null;
  private instrument: Instrument | null = null;
  private drums: readonly string[] | null = null;
  private bpm = 120;
  private looping = true;

  get playing(): boolean {
    return this.scheduler?.playing ?? false;
  }

  /** Drum names where the model plays drums; null for pitches. */
  set kit(names: readonly string[] | null) {
    if (JSON.stringify(names) === JSON.stringify(this.drums)) return;
    this.drums = names;
    this.instrument = null;
  }

  set tempo(bpm: number) {
    this.bpm = bpm;
    if (this.scheduler && this.scheduler.tempo !== bpm) this.scheduler.tempo = bpm;
  }

  set loop(loop: boolean) {
    this.looping = loop;
    if (this.scheduler) this.scheduler.loop = loop;
  }

  play(melody: Melody): void {
    const scheduler = this.ready();
    scheduler.tempo = this.bpm;
    scheduler.loop = this.looping;
    scheduler.start(melody);
    this.onChange();
  }

  stop(): void {
    this.scheduler?.stop();
    this.onChange();
  }

  replace(melody: Melody, when: "bar" | "once"): void {
    this.scheduler?.replace(melody, when);
  }

  /** One note at once, as an answer to a key. */
  touch(note: Note, seconds = 0.35): void {
    this.ready();
    const at = this.audio!.currentTime + 0.005;
    this.voice().play(note, at, at + seconds);
  }

  position(): number | null {
    return this.scheduler?.position(this.audio?.outputLatency ?? 0) ?? null;
  }

  private voice(): Instrument {
    this.instrument ??= this.drums ? new Kit(this.audio!, this.input!, this.drums) : new Piano(this.audio!, this.input!);
    return this.instrument;
  }

  private ready(): Scheduler {
    if (!this.audio) {
      this.audio = new AudioContext({ latencyHint: "interactive" });
      const { input, analyser } = mixer(this.audio);
      this.input = input;
      this.analyser = analyser;
      const audio = this.audio;
      const through: Instrument = { play: (note, at, until) => this.voice().play(note, at, until) };
      this.scheduler = new Scheduler(() => audio.currentTime, through, () => document.hidden);
      this.scheduler.onEnd = () => this.onChange();
    }
    if (this.audio.state !== "running") void this.audio.resume();
    return this.scheduler!;
  }
}
