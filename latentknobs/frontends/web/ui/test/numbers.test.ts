import fc from "fast-check";
import { expect, test } from "vitest";
import { fit, grain, inWords, keyStep, parseAmount, signed } from "../src/numbers.js";

const scales = fc.record({
  low: fc.integer({ min: -48, max: 0 }),
  high: fc.integer({ min: 1, max: 48 }),
  step: fc.constantFrom(null, 0.5, 1, 2),
});

test("a fitted amount is within the range, a multiple of the step, and fitting it again changes nothing", () => {
  fc.assert(fc.property(scales, fc.double({ min: -1e4, max: 1e4, noNaN: true }), (scale, wanted) => {
    const value = fit(wanted, scale);
    expect(value).toBeGreaterThanOrEqual(scale.low);
    expect(value).toBeLessThanOrEqual(scale.high);
    expect(Object.is(value, -0)).toBe(false);
    if (scale.step) expect(Math.abs(value / scale.step - Math.round(value / scale.step))).toBeLessThan(1e-6);
    expect(fit(value, scale)).toBe(value);
  }), { numRuns: 2000 });
});

test("a continuous knob reaches both of its ends and what is no number is 0", () => {
  const scale = { low: -1.37, high: 2.71, step: null };
  expect([fit(-99, scale), fit(99, scale), fit(NaN, scale), fit(Infinity, scale)]).toEqual([-1.37, 2.71, 0, 0]);
});

test("an arrow key moves by the knob's step, or by a round number near a 24th of the range", () => {
  expect(keyStep({ low: -12, high: 12, step: null })).toBe(1);
  expect(keyStep({ low: -4, high: 4, step: null })).toBe(0.25);
  expect(keyStep({ low: -4, high: 4, step: 2 })).toBe(2);
  expect(grain({ low: -12, high: 12, step: null })).toBe(0.05);
});

test("amounts are said in words, in the singular for one, with what the two ways are called", () => {
  expect(inWords(3, "semitones")).toBe("3 semitones up");
  expect(inWords(-1, "semitones")).toBe("1 semitone down");
  expect(inWords(0.5, "doublings", { down: "fewer notes", up: "more notes" })).toBe("0.5 doublings up, more notes");
  expect(inWords(0, "semitones")).toBe("0, unchanged");
});

test("what is shown is read as the same amount", () => {
  fc.assert(fc.property(fc.integer({ min: -4800, max: 4800 }), (hundredths) => {
    expect(parseAmount(signed(hundredths / 100))).toBeCloseTo(hundredths / 100, 9);
  }), { numRuns: 1000 });
});

test("typed amounts may have a comma, a unit and any kind of minus; other text is no amount", () => {
  expect(["+3", "-1,5", "\u22122.5 semitones", " 4 ", ".5"].map(parseAmount)).toEqual([3, -1.5, -2.5, 4, 0.5]);
  expect(["", "up", "1e9e", "3..2", "--1", "1 2"].map(parseAmount)).toEqual([null, null, null, null, null, null]);
});
