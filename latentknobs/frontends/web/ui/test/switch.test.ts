import { beforeEach, expect, test } from "vitest";
import { SwitchElement } from "../src/elements/switch.js";
import { one, put, sent } from "./page.js";

let knob: SwitchElement;
let box: HTMLInputElement;
let heard: [string, any][];

beforeEach(async () => {
  knob = await put(new SwitchElement(), { name: "retrograde", label: "retrograde", amount: 1, badge: "high" });
  box = one<HTMLInputElement>(knob, "input[type=checkbox]");
  heard = sent(knob, "lk-set", "lk-lock", "lk-card");
});

test("it is a switch by the knob's name, on where the knob is turned", async () => {
  expect(box.getAttribute("role")).toBe("switch");
  expect(one<HTMLLabelElement>(knob, "label").textContent?.trim()).toBe("retrograde");
  expect(box.checked).toBe(false);
  knob.value = 1;
  await knob.updateComplete;
  expect(box.checked).toBe(true);
});

test("on is the knob's amount, off is 0", () => {
  box.click();
  box.click();
  expect(heard.map(([type, detail]) => [type, detail.name, detail.value])).toEqual([["lk-set", "retrograde", 1], ["lk-set", "retrograde", 0]]);
});

test("locked, it cannot be switched, and its card still opens", async () => {
  one<HTMLButtonElement>(knob, ".lock").click();
  expect(heard).toEqual([["lk-lock", { name: "retrograde", locked: true }]]);
  knob.locked = true;
  await knob.updateComplete;
  expect(box.disabled).toBe(true);
  one<HTMLButtonElement>(knob, ".badge").click();
  expect(heard.at(-1)![0]).toBe("lk-card");
});
