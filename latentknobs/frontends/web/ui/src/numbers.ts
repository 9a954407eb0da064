/** Amounts of a knob: steps, rounding, and how they are said. */

export interface Scale {
  low: number;
  high: number;
  step: number | null;
}

const NICE = [0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 25, 50, 100];

/** What one press of an arrow key moves: the knob's own step, or a round number near a 24th of its range. */
export function keyStep({ low, high, step }: Scale): number {
  if (step !== null && step > 0) return step;
  const wanted = (high - low) / 24;
  return NICE.reduce((best, nice) => (Math.abs(Math.log(nice / wanted)) < Math.abs(Math.log(best / wanted)) ? nice : best));
}

/** The finest difference that a knob shows. */
export function grain(scale: Scale): number {
  return scale.step !== null && scale.step > 0 ? scale.step : keyStep(scale) / 20;
}

/** The nearest amount that the knob can take: within the range, a multiple of its step, never -0 and never NaN. */
export function fit(value: number, scale: Scale): number {
  if (!Number.isFinite(value)) return 0;
  const unit = grain(scale);
  const inside = Math.min(scale.high, Math.max(scale.low, value));
  let steps = Math.round(inside / unit);
  if (steps * unit > scale.high + 1e-9) steps -= 1;
  if (steps * unit < scale.low - 1e-9) steps += 1;
  // An end that is no multiple of the grain is still an end: a continuous knob reaches it.
  if (scale.step === null && Math.abs(inside - scale.high) < 1e-9) return round(scale.high);
  if (scale.step === null && Math.abs(inside - scale.low) < 1e-9) return round(scale.low);
  return round(steps * unit);
}

function round(value: number): number {
  return Number(value.toFixed(6)) + 0;
}

/** "+3", "-0.5", "0". */
export function signed(value: number): string {
  const text = String(Number(Math.abs(value).toFixed(2)));
  if (text === "0") return "0";
  return value > 0 ? `+${text}` : `\u2212${text}`;
}

/** "semitone" for 1, "semitones" for others. */
export function unitFor(amount: number, unit: string): string {
  return Math.abs(amount) === 1 && /[^s]s$/.test(unit) ? unit.slice(0, -1) : unit;
}

/** Whether 0 and one other amount are all that a knob can be turned to. */
export function onOff(knob: Scale & { reserved: boolean }): boolean {
  return !knob.reserved && knob.step !== null && knob.high > knob.low && knob.high - knob.low <= knob.step;
}

/** "3 semitones up", "1 doubling down, calmer", "0, unchanged". */
export function inWords(value: number, unit: string, says?: { down: string; up: string } | null): string {
  if (value === 0) return "0, unchanged";
  const amount = Number(Math.abs(value).toFixed(2));
  const word = value > 0 ? says?.up : says?.down;
  const way = value > 0 ? "up" : "down";
  return `${amount} ${unitFor(amount, unit)} ${way}${word && word !== way ? `, ${word}` : ""}`;
}

/** Reads what a person types: "+3", "-1,5", "3 semitones", with any kind of minus. Null where it is no number. */
export function parseAmount(text: string): number | null {
  const found = /^\s*([+\-\u2212\u2013])?\s*(\d+(?:[.,]\d+)?|[.,]\d+)\s*[^\d.,]*$/.exec(text);
  if (!found) return null;
  const value = Number(found[2]!.replace(",", "."));
  return found[1] && found[1] !== "+" ? -value : value;
}
