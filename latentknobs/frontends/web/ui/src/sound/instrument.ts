import type { Note, Sound } from "../types.js";
import type { Instrument, Voice } from "./scheduler.js";

const RELEASE = 0.045;
const TAIL = 0.4;

/** A note's gate: open from the start, closed softly at its end, whatever becomes of the note. */
class Gate implements Voice {
  readonly node: GainNode;

  constructor(
    private readonly audio: BaseAudioContext,
    private readonly sources: AudioScheduledSourceNode[],
    private readonly at: number,
    private until: number,
    to: AudioNode,
  ) {
    this.node = audio.createGain();
    this.node.connect(to);
    this.close(until);
    sources[0]!.onended = () => this.node.disconnect();
  }

  end(at: number): void {
    const now = this.audio.currentTime;
    if (this.until <= now) return; // it ends already
    this.node.gain.cancelScheduledValues(now);
    if (at <= this.at) {
      this.node.gain.setValueAtTime(0, now);
      for (const source of this.sources) source.stop(now);
      return;
    }
    this.close(Math.max(at, now));
  }

  private close(at: number): void {
    this.until = at;
    this.node.gain.setTargetAtTime(0, at, RELEASE);
    for (const source of this.sources) source.stop(at + TAIL);
  }
}

/** A soft electric piano: two detuned oscillators and one in FM, through a lowpass that closes with the note. */
export class Piano implements Instrument {
  constructor(private readonly audio: BaseAudioContext, private readonly out: AudioNode) {}

  play([, pitch]: Note, at: number, until: number): Voice {
    const { audio } = this;
    const hertz = 440 * 2 ** ((pitch - 69) / 12);
    const body = [-4, 4].map((cents) => oscillator(audio, "triangle", hertz, at, cents));
    const tine = oscillator(audio, "sine", hertz, at);
    const modulator = oscillator(audio, "sine", hertz * 2, at);
    const depth = audio.createGain();
    depth.gain.setValueAtTime(hertz * 1.6, at);
    depth.gain.setTargetAtTime(hertz * 0.12, at, 0.12);
    modulator.connect(depth).connect(tine.frequency);

    const filter = audio.createBiquadFilter();
    filter.type = "lowpass";
    filter.Q.value = 0.4;
    filter.frequency.setValueAtTime(Math.min(9000, hertz * 9 + 600), at);
    filter.frequency.setTargetAtTime(Math.min(5000, hertz * 2.5 + 300), at, 0.35);

    const envelope = audio.createGain();
    const peak = 0.2 * Math.min(1.25, Math.max(0.6, 1.2 - (pitch - 60) / 100));
    envelope.gain.setValueAtTime(0, at);
    envelope.gain.linearRampToValueAtTime(peak, at + 0.008);
    envelope.gain.setTargetAtTime(peak * 0.45, at + 0.008, 0.5);

    for (const source of [...body, tine]) source.connect(filter);
    const gate = new Gate(audio, [...body, tine, modulator], at, until, this.out);
    filter.connect(envelope).connect(gate.node);
    return gate;
  }
}

interface Timbre {
  /** Loudness of the harmonics. */
  partials: readonly number[];
  /** Seconds in which a note rises, and falls to 1/e while it is held; 0 = it does not fall. */
  attack: number;
  decay: number;
  level: number;
}

/** By the names that the server has for them. */
const TIMBRES: Readonly<Record<string, Timbre>> = {
  plucked: { partials: [1, 0.42, 0.2, 0.11, 0.05], attack: 0.006, decay: 0.6, level: 1 },
  guitar: { partials: [1, 0.7, 0.5, 0.3, 0.2, 0.12], attack: 0.004, decay: 0.5, level: 0.9 },
  bell: { partials: [1, 0, 0, 0.3, 0, 0, 0, 0, 0, 0.12], attack: 0.002, decay: 0.7, level: 0.9 },
  bass: { partials: [1, 0.55, 0.3, 0.15, 0.08], attack: 0.006, decay: 0.9, level: 1.2 },
  organ: { partials: [1, 0.7, 0.45, 0.3, 0, 0.2, 0, 0.12], attack: 0.012, decay: 0, level: 0.6 },
  strings: { partials: [1, 0.55, 0.4, 0.28, 0.2, 0.14], attack: 0.06, decay: 0, level: 0.55 },
  pad: { partials: [1, 0.4, 0.15, 0.06], attack: 0.1, decay: 0, level: 0.55 },
  brass: { partials: [1, 0.9, 0.75, 0.55, 0.4, 0.28, 0.18, 0.1], attack: 0.035, decay: 0, level: 0.55 },
  reed: { partials: [1, 0.15, 0.6, 0.12, 0.35, 0.08, 0.15], attack: 0.025, decay: 0, level: 0.6 },
  flute: { partials: [1, 0.3, 0.1, 0.03], attack: 0.045, decay: 0, level: 0.7 },
  lead: { partials: [1, 0.55, 0.38, 0.3, 0.24, 0.2, 0.16], attack: 0.008, decay: 0, level: 0.5 },
};

/** One oscillator with the harmonics of a timbre, struck or held. */
export class Tone implements Instrument {
  private readonly timbre: Timbre;
  private readonly wave: PeriodicWave;

  constructor(private readonly audio: BaseAudioContext, private readonly out: AudioNode, name: string) {
    this.timbre = TIMBRES[name] ?? TIMBRES["plucked"]!;
    const partials = Float32Array.from([0, ...this.timbre.partials]);
    this.wave = audio.createPeriodicWave(new Float32Array(partials.length), partials);
  }

  play([, pitch]: Note, at: number, until: number, gain = 1): Voice {
    const { attack, decay, level } = this.timbre;
    const source = oscillator(this.audio, "sine", 440 * 2 ** ((pitch - 69) / 12), at);
    source.setPeriodicWave(this.wave);
    const envelope = this.audio.createGain();
    envelope.gain.setValueAtTime(0, at);
    envelope.gain.linearRampToValueAtTime(0.2 * level * gain, at + attack);
    if (decay) envelope.gain.setTargetAtTime(0, at + attack, decay);
    const gate = new Gate(this.audio, [source], at, until, this.out);
    source.connect(envelope).connect(gate.node);
    return gate;
  }
}

/** What General MIDI has on a drum's number, as the kit below calls it. */
export function drumName(number: number): string {
  if (number === 35 || number === 36) return "kick";
  if ([37, 38, 39, 40].includes(number)) return "snare";
  if ([41, 43, 45].includes(number)) return "low tom";
  if ([47, 48, 50].includes(number)) return "high tom";
  if ([46, 51, 53, 59].includes(number)) return "open";
  return [49, 52, 55, 57].includes(number) ? "crash" : "closed";
}

/** All that sounds beside a melody: a tone for each timbre, and a kit. */
export class Band {
  private readonly tones = new Map<string, Tone>();
  private readonly kit: Kit;

  constructor(private readonly audio: BaseAudioContext, private readonly out: AudioNode) {
    this.kit = new Kit(audio, out, Array.from({ length: 128 }, (_, number) => drumName(number)));
  }

  play(sound: Sound, timbre: string, at: number, until: number): Voice {
    const [, pitch, , , gain] = sound;
    if (timbre === "drums") return this.kit.play([0, pitch, 1, pitch], at, until, 0.6 * gain);
    const tone = this.tones.get(timbre) ?? new Tone(this.audio, this.out, timbre);
    this.tones.set(timbre, tone);
    return tone.play([0, pitch, 1, 0], at, until, gain);
  }
}

/** Drums made of noise and falling tones, chosen by the voice's name. */
export class Kit implements Instrument {
  private readonly noise: AudioBuffer;

  constructor(private readonly audio: BaseAudioContext, private readonly out: AudioNode, private readonly names: readonly string[]) {
    this.noise = noise(audio, 1);
  }

  play([, , , voice]: Note, at: number, _until: number, gain = 1): Voice {
    const name = (this.names[voice] ?? "").toLowerCase();
    if (/kick|bass/.test(name)) return this.tone(at, 150, 48, 0.32, 0.9 * gain);
    if (/tom/.test(name)) return this.tone(at, /low/.test(name) ? 130 : /high/.test(name) ? 260 : 190, /low/.test(name) ? 80 : 130, 0.3, 0.6 * gain);
    if (/snare|clap|rim/.test(name)) return this.hiss(at, 1800, 0.16, 0.5 * gain);
    if (/open|crash|ride/.test(name)) return this.hiss(at, 7500, /crash/.test(name) ? 0.9 : 0.4, 0.25 * gain);
    return this.hiss(at, 8500, 0.06, 0.25 * gain);
  }

  private tone(at: number, from: number, to: number, length: number, level: number): Voice {
    const source = oscillator(this.audio, "sine", from, at);
    source.frequency.exponentialRampToValueAtTime(to, at + length * 0.4);
    return this.shape(source, source, at, length, level);
  }

  private hiss(at: number, hertz: number, length: number, level: number): Voice {
    const source = this.audio.createBufferSource();
    source.buffer = this.noise;
    source.start(at);
    const filter = this.audio.createBiquadFilter();
    filter.type = hertz > 4000 ? "highpass" : "bandpass";
    filter.frequency.value = hertz;
    filter.Q.value = 0.6;
    return this.shape(source, source.connect(filter), at, length, level);
  }

  private shape(source: AudioScheduledSourceNode, last: AudioNode, at: number, length: number, level: number): Voice {
    const envelope = this.audio.createGain();
    envelope.gain.setValueAtTime(0, at);
    envelope.gain.linearRampToValueAtTime(0.55 * level, at + 0.002);
    envelope.gain.setTargetAtTime(0, at + 0.004, length / 4);
    const gate = new Gate(this.audio, [source], at, at + length, this.out);
    last.connect(envelope).connect(gate.node);
    return gate;
  }
}

/** The metronome: a short high tone, higher on the first beat of a bar. */
export class Click {
  constructor(private readonly audio: BaseAudioContext, private readonly out: AudioNode) {}

  play(strong: boolean, at: number): Voice {
    const source = oscillator(this.audio, "square", strong ? 2000 : 1400, at);
    const envelope = this.audio.createGain();
    envelope.gain.setValueAtTime(strong ? 0.09 : 0.05, at);
    envelope.gain.setTargetAtTime(0, at + 0.004, 0.012);
    const gate = new Gate(this.audio, [source], at, at + 0.05, this.out);
    source.connect(envelope).connect(gate.node);
    return gate;
  }
}

/** Where the instruments go: a little room, a gentle limiter, an analyser. */
export function mixer(audio: BaseAudioContext): { input: GainNode; analyser: AnalyserNode } {
  const input = audio.createGain();
  const room = audio.createConvolver();
  room.buffer = noise(audio, 1.4, 4.5);
  const wet = audio.createGain();
  wet.gain.value = 0.09;
  const limiter = audio.createDynamicsCompressor();
  limiter.threshold.value = -14;
  limiter.ratio.value = 6;
  const analyser = audio.createAnalyser();
  analyser.fftSize = 2048;
  input.connect(limiter);
  input.connect(room).connect(wet).connect(limiter);
  limiter.connect(analyser).connect(audio.destination);
  return { input, analyser };
}

function oscillator(audio: BaseAudioContext, type: OscillatorType, hertz: number, at: number, cents = 0): OscillatorNode {
  const node = audio.createOscillator();
  node.type = type;
  node.frequency.setValueAtTime(hertz, at);
  node.detune.value = cents;
  node.start(at);
  return node;
}

/** The same noise every time, dying away where `decay` is given. */
function noise(audio: BaseAudioContext, seconds: number, decay = 0): AudioBuffer {
  const length = Math.round(seconds * audio.sampleRate);
  const buffer = audio.createBuffer(decay ? 2 : 1, length, audio.sampleRate);
  let seed = 1;
  for (let channel = 0; channel < buffer.numberOfChannels; channel += 1) {
    const data = buffer.getChannelData(channel);
    for (let index = 0; index < length; index += 1) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      data[index] = (seed / 2 ** 31 - 1) * Math.exp((-decay * index) / audio.sampleRate);
    }
  }
  return buffer;
}
