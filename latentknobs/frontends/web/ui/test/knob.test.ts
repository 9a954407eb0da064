import { beforeEach, expect, test, vi } from "vitest";
import { KnobElement } from "../src/elements/knob.js";
import { all, key, one, pointer, put, sent } from "./page.js";

let knob: KnobElement;
let range: HTMLInputElement;
let heard: [string, any][];

beforeEach(async () => {
  knob = await put(new KnobElement(), { name: "pitch", label: "pitch", unit: "semitones", low: -12, high: 12, badge: "high" });
  range = one<HTMLInputElement>(knob, "input[type=range]");
  heard = sent(knob, "lk-turn", "lk-set", "lk-lock", "lk-card");
});

const values = (type: string) => heard.filter(([what]) => what === type).map(([, detail]) => detail.value);
const drag = (...moves: [number, boolean?][]) => {
  range.dispatchEvent(pointer("pointerdown", { clientY: 200 }));
  for (const [y, shiftKey = false] of moves) range.dispatchEvent(pointer("pointermove", { clientY: y, shiftKey }));
  range.dispatchEvent(pointer("pointerup", {}));
};

test("a native slider stands under the drawing, with the label's name and the value in words", async () => {
  knob.value = 3;
  await knob.updateComplete;
  expect(range.getAttribute("aria-valuetext")).toBe("3 semitones up");
  expect([range.min, range.max, range.value]).toEqual(["-12", "12", "3"]);
  expect(one<HTMLLabelElement>(knob, "label").htmlFor).toBe(range.id);
});

test("160 pixels are the whole range, from where the knob stands and not from where it is pressed", () => {
  drag([120]);
  expect(values("lk-turn")).toEqual([12]);
  drag([220]);
  expect(values("lk-set")).toEqual([12, 9]);
});

test("Shift is five times as fine, and pressing it does not make the value jump", () => {
  drag([160], [160, true], [120, true]);
  expect(values("lk-turn")).toEqual([6, 7.2]);
});

test("a drag past an end comes back at once when it turns", () => {
  drag([0], [20]);
  expect(values("lk-turn")).toEqual([12, 9]);
});

test("a gesture sends many turns and is set once, when it is let go", () => {
  drag([190], [180], [170]);
  expect(values("lk-turn").length).toBe(3);
  expect(values("lk-set")).toEqual([5]);
});

test("a drag goes by whole steps, to the very ends, and with Shift between them", async () => {
  [knob.low, knob.high] = [-5.2, 5.2]; // steps of 0.5
  await knob.updateComplete;
  drag([190], [181], [100]);
  expect(values("lk-turn")).toEqual([0.5, 1, 5.2]);
  drag([160, true], [170, true]);
  expect(values("lk-set")).toEqual([5.2, 5.075]);
});

test("a finger turns to the sides, and what began as a turn and became scrolling is none", () => {
  const touch = (type: string, clientX: number, clientY = 200) => range.dispatchEvent(pointer(type, { pointerType: "touch", clientX, clientY }));
  touch("pointerdown", 100);
  touch("pointermove", 104, 150); // no finger goes straight up
  touch("pointercancel", 104);
  expect(heard).toEqual([]);
  touch("pointerdown", 100);
  touch("pointermove", 140, 120);
  touch("pointercancel", 140);
  expect([values("lk-turn"), values("lk-set")]).toEqual([[6, 0], [0]]);
  touch("pointerdown", 100);
  touch("pointermove", 140, 120);
  touch("pointerup", 140);
  expect(values("lk-set")).toEqual([0, 6]);
});

test("the knob catches at 0 within two pixels", () => {
  drag([180], [198.5]);
  expect(values("lk-turn")).toEqual([3, 0]);
});

test("double-click, Alt-click, Ctrl-click and Delete put it back to 0, and say so", async () => {
  const ways = [
    () => range.dispatchEvent(new MouseEvent("dblclick", { bubbles: true })),
    () => range.dispatchEvent(pointer("pointerdown", { altKey: true })),
    () => range.dispatchEvent(pointer("pointerdown", { ctrlKey: true })),
    () => { range.dispatchEvent(key("Delete")); range.dispatchEvent(new KeyboardEvent("keyup")); },
  ];
  for (const way of ways) {
    knob.value = 5;
    await knob.updateComplete;
    heard.length = 0;
    way();
    expect(heard).toEqual([["lk-turn", { name: "pitch", value: 0 }], ["lk-set", { name: "pitch", value: 0 }]]);
  }
});

test("two taps without a move put it back to 0, as on a touch screen", async () => {
  knob.value = 5;
  await knob.updateComplete;
  drag();
  drag();
  expect(values("lk-set")).toEqual([0]);
});

test("keys move by a step, a fifth, ten steps and to the ends, and are set when let go", () => {
  for (const [name, more] of [["ArrowUp", {}], ["ArrowLeft", {}], ["ArrowRight", { shiftKey: true }], ["PageUp", {}], ["Home", {}], ["End", {}]] as const) {
    const event = key(name, more);
    range.dispatchEvent(event);
    expect(event.defaultPrevented).toBe(true);
  }
  expect(values("lk-set")).toEqual([]);
  range.dispatchEvent(new KeyboardEvent("keyup"));
  expect(values("lk-turn")).toEqual([1, 0, 0.2, 10.2, -12, 12]);
  expect(values("lk-set")).toEqual([12]);
});

test("a knob of whole steps takes whole steps only", async () => {
  knob.step = 2;
  await knob.updateComplete;
  drag([187]);
  range.dispatchEvent(key("ArrowUp", { shiftKey: true }));
  expect(values("lk-turn")).toEqual([2, 4]);
});

test("the wheel turns the knob that has the focus, and leaves the page alone otherwise", () => {
  vi.useFakeTimers();
  const wheel = () => {
    const event = new WheelEvent("wheel", { deltaY: -10, cancelable: true, bubbles: true });
    range.dispatchEvent(event);
    return event.defaultPrevented;
  };
  range.blur();
  expect(wheel()).toBe(false);
  knob.matches = () => true; // the test's page knows no :focus-within through a shadow root
  range.focus();
  expect(wheel()).toBe(true);
  vi.advanceTimersByTime(400);
  expect(values("lk-set")).toEqual([1]);
  vi.useRealTimers();
});

test("a typed amount that is none, or out of the range, is told with the range until the next turn", async () => {
  const field = one<HTMLInputElement>(knob, "input[type=text]");
  const type = async (text: string) => {
    field.value = text;
    field.dispatchEvent(new Event("change"));
    await knob.updateComplete;
    return one(knob, ".unit").textContent;
  };
  expect([await type("3"), await type("99"), await type("high"), await type("12")]).toEqual(["semitones", "not +99: \u221212 to +12", "no number: \u221212 to +12", "semitones"]);
});

test("a typed amount is set within the range; what is no amount is put back", async () => {
  const field = one<HTMLInputElement>(knob, "input[type=text]");
  for (const [text, shown] of [["-2,5", "\u22122.5"], ["99", "+12"], ["high", "+12"]]) {
    field.value = text!;
    field.dispatchEvent(new Event("change"));
    await knob.updateComplete;
    expect(field.value).toBe(shown);
  }
  expect(values("lk-set")).toEqual([-2.5, 12]);
});

test("a locked knob does not move, whatever is done to it", async () => {
  knob.locked = true;
  await knob.updateComplete;
  drag([100]);
  range.dispatchEvent(key("ArrowUp"));
  range.dispatchEvent(new MouseEvent("dblclick"));
  range.value = "4";
  range.dispatchEvent(new Event("input"));
  range.dispatchEvent(new Event("change"));
  expect(heard).toEqual([]);
  expect(range.getAttribute("aria-disabled")).toBe("true");
});

test("a slider that is moved from outside, as by a screen reader, is a turn and a set", () => {
  range.value = "2";
  range.dispatchEvent(new Event("input"));
  range.dispatchEvent(new Event("change"));
  expect([values("lk-turn"), values("lk-set")]).toEqual([[2], [2]]);
});

test("the badge says how far to trust it and asks for the card; the lock asks to be turned", () => {
  const badge = one(knob, ".badge");
  expect(badge.getAttribute("aria-label")).toContain("high confidence");
  expect(all(knob, ".dots i.on").length).toBe(3);
  badge.click();
  one(knob, ".lock").click();
  expect(heard).toEqual([["lk-card", { name: "pitch" }], ["lk-lock", { name: "pitch", locked: true }]]);
});

test("the arc is drawn from the middle to the value, and not at all at 0", async () => {
  expect(all(knob, ".arc")).toEqual([]);
  knob.value = -12;
  await knob.updateComplete;
  const path = one<SVGPathElement>(knob, ".arc").getAttribute("d")!;
  expect(path.startsWith("M60.00,12.00")).toBe(true);
  expect(path.endsWith("24.64,97.36")).toBe(true);
});
