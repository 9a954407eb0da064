import fc from "fast-check";
import { expect, test } from "vitest";
import { fit, keyStep } from "../src/numbers.js";
import { surprise } from "../src/surprise.js";
import { knob } from "./values.js";

const knobs = [knob("pitch"), knob("rhythm", { low: -4, high: 4 }), knob("thinning", { low: -3, high: 0 }), knob("retrograde", { low: 0, high: 1, step: 1 }), knob("fold", { low: 0, high: 0, step: 1 })];

test("a surprise turns one to three knobs by whole steps within their ranges, never by 0, and a seed gives the same again", () => {
  fc.assert(fc.property(fc.nat(9999), (seed) => {
    const amounts = surprise(knobs, seed);
    expect(surprise(knobs, seed)).toEqual(amounts);
    const turned = Object.entries(amounts);
    expect(turned.length).toBeGreaterThanOrEqual(1);
    expect(turned.length).toBeLessThanOrEqual(3);
    for (const [name, amount] of turned) {
      const one = knobs.find((each) => each.name === name)!;
      expect(amount).not.toBe(0);
      expect(fit(amount, one)).toBe(amount);
      expect(Math.abs(amount / keyStep(one) - Math.round(amount / keyStep(one)))).toBeLessThan(1e-6);
    }
  }));
});

test("in the end every knob with a range is turned, to every side that it has", () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 400; seed += 1) for (const [name, amount] of Object.entries(surprise(knobs, seed))) seen.add(`${name} ${Math.sign(amount)}`);
  expect([...seen].sort()).toEqual(["pitch -1", "pitch 1", "retrograde 1", "rhythm -1", "rhythm 1", "thinning -1"]);
});

test("without a knob that is free there is no surprise", () => {
  expect(surprise([], 3)).toEqual({});
});
