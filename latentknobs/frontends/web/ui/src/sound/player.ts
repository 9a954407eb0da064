import { Band, Click, Kit, mixer, Piano, Tone } from "./instrument.js";
import { ROOM, Scheduler, type Instrument, type Melody } from "./scheduler.js";
import type { Note } from "../types.js";

/** Seconds that this page may be off another before it goes there. */
const OFF = 0.02;

/** The page's sound: made at the first gesture, as browsers ask. */
export class Player {
  /** Called when playing starts or stops. */
  onChange: () => void = () => undefined;
  analyser: AnalyserNode | null = null;
  private audio: AudioContext | null = null;
  private input: GainNode | null = null;
  private scheduler: Scheduler | null = null;
  private instrument: Instrument | null = null;
  private drums: readonly string[] | null = null;
  private band: { gain: GainNode; voices: Band } | null = null;
  private timbreName = "";
  private loudness = 1;
  private beside = 1;
  private bpm = 120;
  private looping = true;
  private clicking = false;
  private looped: readonly [number, number] | null = null;

  get playing(): boolean {
    return this.scheduler?.playing ?? false;
  }

  /** Drum names where the model plays drums; null for pitches. */
  set kit(names: readonly string[] | null) {
    if (JSON.stringify(names) === JSON.stringify(this.drums)) return;
    this.drums = names;
    this.instrument = null;
  }

  /** The melody's timbre; "" or a plucked one = the page's piano. */
  set timbre(name: string) {
    if (name === this.timbreName) return;
    this.timbreName = name;
    this.instrument = null;
  }

  /** How loud all is, 0 to 1. */
  set volume(volume: number) {
    this.loudness = volume;
    this.input?.gain.setTargetAtTime(volume, this.audio!.currentTime, 0.02);
  }

  /** How loud the accompaniment is against the melody, 0 to 1. */
  set accompaniment(level: number) {
    this.beside = level;
    this.band?.gain.gain.setTargetAtTime(level, this.audio!.currentTime, 0.02);
  }

  set metronome(on: boolean) {
    this.clicking = on;
    if (this.scheduler) this.scheduler.metronome = on;
  }

  set tempo(bpm: number) {
    this.bpm = bpm;
    if (this.scheduler && this.scheduler.tempo !== bpm) this.scheduler.tempo = bpm;
  }

  set loop(loop: boolean) {
    this.looping = loop;
    if (this.scheduler) this.scheduler.loop = loop;
  }

  /** The steps that are played; null = all. */
  set range(range: readonly [number, number] | null) {
    this.looped = range;
    if (this.scheduler) this.scheduler.range = range;
  }

  play(melody: Melody, from = 0): void {
    const scheduler = this.ready();
    scheduler.tempo = this.bpm;
    scheduler.loop = this.looping;
    scheduler.range = this.looped;
    scheduler.start(melody, from);
    this.onChange();
  }

  /** A gesture lets the sound begin that was switched on from elsewhere. */
  wake(): void {
    if (this.playing && this.audio?.state === "suspended") void this.audio.resume();
  }

  stop(): void {
    this.scheduler?.stop();
    this.onChange();
  }

  seek(step: number): void {
    this.scheduler?.seek(step);
  }

  /** Plays in the place that others play in so many seconds from now; `apart` gives the seconds between two places. */
  align(others: (ahead: number) => number | null, apart: (one: number, other: number) => number): void {
    const [here, there] = [this.position(), others(0)];
    if (here === null || there === null || this.audio!.state !== "running" || apart(here, there) < OFF) return;
    this.scheduler!.join(others(ROOM + this.audio!.outputLatency)!);
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
    const [audio, input] = [this.audio!, this.input!];
    const piano = ["", "piano", "plucked", "drums"].includes(this.timbreName);
    this.instrument ??= this.drums ? new Kit(audio, input, this.drums) : piano ? new Piano(audio, input) : new Tone(audio, input, this.timbreName);
    return this.instrument;
  }

  private ready(): Scheduler {
    if (!this.audio) {
      this.audio = new AudioContext({ latencyHint: "interactive" });
      const { input, analyser } = mixer(this.audio);
      this.input = input;
      this.analyser = analyser;
      const audio = this.audio;
      input.gain.value = this.loudness;
      const gain = audio.createGain();
      gain.gain.value = this.beside;
      gain.connect(input);
      const voices = new Band(audio, gain);
      const click = new Click(audio, input);
      this.band = { gain, voices };
      const through: Instrument = {
        play: (note, at, until) => this.voice().play(note, at, until),
        accompany: (sound, timbre, at, until) => voices.play(sound, timbre, at, until),
        click: (strong, at) => click.play(strong, at),
      };
      this.scheduler = new Scheduler(() => audio.currentTime, through, () => document.hidden);
      this.scheduler.metronome = this.clicking;
      this.scheduler.onEnd = () => this.onChange();
      audio.onstatechange = () => this.onChange();
    }
    if (this.audio.state !== "running") void this.audio.resume();
    return this.scheduler!;
  }
}
