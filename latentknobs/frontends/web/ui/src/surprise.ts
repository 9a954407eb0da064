import { keyStep } from "./numbers.js";
import type { Knob } from "./types.js";

/** Seeds that people can remember. */
export const SEEDS = 10_000;
const MOST = 3;

/** One to three of these knobs, each turned by whole steps within its range; the same seed gives the same. */
export function surprise(knobs: readonly Knob[], seed: number): Record<string, number> {
  const draw = generator(seed);
  const left = knobs.filter(({ low, high }) => low < high);
  const out: Record<string, number> = {};
  for (let count = 1 + Math.floor(draw() * MOST); count > 0 && left.length; count -= 1) {
    const [knob] = left.splice(Math.floor(draw() * left.length), 1);
    const step = keyStep(knob!);
    const low = Math.ceil(knob!.low / step - 1e-9);
    const high = Math.floor(knob!.high / step + 1e-9);
    // The mean of two draws: the ends, which change most, come seldom. 0 would be no surprise.
    const steps = low + Math.floor(((draw() + draw()) / 2) * (high - low));
    out[knob!.name] = Number(((steps < 0 ? steps : steps + 1) * step).toFixed(6));
  }
  return out;
}

/** Numbers from 0 to 1, the same ones for a seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
