import type { Note } from "../types.js";
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

/** Drums made of noise and falling tones, chosen by the voice's name. */
export class Kit implements Instrument {
  private readonly noise: AudioBuffer;

  constructor(private readonly audio: BaseAudioContext, private readonly out: AudioNode, private readonly names: readonly string[]) {
    this.noise = noise(audio, 1);
  }

  play([, , , voice]: Note, at: number): Voice {
    const name = (this.names[voice] ?? "").toLowerCase();
    if (/kick|bass/.test(name)) return this.tone(at, 150, 48, 0.32, 0.9);
    if (/tom/.test(name)) return this.tone(at, /low/.test(name) ? 130 : /high/.test(name) ? 260 : 190, /low/.test(name) ? 80 : 130, 0.3, 0.6);
    if (/snare|clap|rim/.test(name)) return this.hiss(at, 1800, 0.16, 0.5);
    if (/open|crash|ride/.test(name)) return this.hiss(at, 7500, /crash/.test(name) ? 0.9 : 0.4, 0.25);
    return this.hiss(at, 8500, 0.06, 0.25);
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
