import { beforeEach, expect, test, vi } from "vitest";
import { WidgetElement, WidgetState, type WidgetModel } from "../src/widget.js";
import { one, put } from "./page.js";

const KNOB = { path: "knob/pitch", name: "pitch", unit: "semitones", low: -12, high: 12, step: null, verdict: "accepted", doc: "Turns pitch." };
const SWITCH = { ...KNOB, path: "knob/retrograde", name: "retrograde", unit: "", low: 0, high: 1, step: 1 };

/** The model in Python, by hand: what it is sent, and how it tells of traits and answers. */
class Kernel implements WidgetModel {
  readonly sent: any[] = [];
  private readonly listeners = new Map<string, Set<(...parts: any[]) => void>>();
  readonly traits: Record<string, any> = { values: { "knob/pitch": 0, "knob/retrograde": 0, tempo: 120, play: false, loop: true }, notes: [[0, 60, 4, 0]], remarks: [], shown_knobs: [KNOB, SWITCH], shown_piece: {} };

  get(name: string): any {
    return this.traits[name];
  }

  on(event: string, listener: (...parts: any[]) => void): void {
    this.listeners.set(event, (this.listeners.get(event) ?? new Set()).add(listener));
  }

  off(event: string, listener: (...parts: any[]) => void): void {
    this.listeners.get(event)?.delete(listener);
  }

  send(content: object): void {
    this.sent.push(structuredClone(content));
  }

  tell(name: string, value: any): void {
    this.traits[name] = value;
    for (const listener of this.listeners.get(`change:${name}`) ?? []) listener();
  }

  answer(error = ""): void {
    for (const listener of this.listeners.get("msg:custom") ?? []) listener({ error });
  }
}

let kernel: Kernel;
let widget: WidgetElement;

beforeEach(async () => {
  kernel = new Kernel();
  const kept = new WidgetState(kernel);
  widget = await put(new WidgetElement(), { model: kept });
  kept.onChange = () => widget.requestUpdate();
});

const knob = () => one<HTMLElement & { value: number }>(widget, "lk-knob");
const turn = (value: number) => knob().dispatchEvent(new CustomEvent("lk-turn", { detail: { name: "knob/pitch", value }, bubbles: true, composed: true }));

test("a knob that is turned sets the session, and one that can only be on or off is a switch", () => {
  turn(3);
  expect(kernel.sent).toEqual([{ set: { "knob/pitch": 3 } }]);
  expect(one<HTMLElement & { amount: number }>(widget, "lk-switch").amount).toBe(1);
});

test("until it is answered only the newest value of each is kept, and is what is shown", async () => {
  for (const value of [1, 2, 3]) turn(value);
  await widget.updateComplete;
  expect(kernel.sent).toEqual([{ set: { "knob/pitch": 1 } }]);
  expect(knob().value).toBe(3);
  kernel.answer();
  expect(kernel.sent.slice(1)).toEqual([{ set: { "knob/pitch": 3 } }]);
});

test("what is refused is said, and the knob goes back", async () => {
  turn(3);
  await widget.updateComplete;
  kernel.answer("It goes from -1 to 1.");
  await widget.updateComplete;
  expect(one(widget, "[role=alert]").textContent).toBe("It goes from -1 to 1.");
  expect(knob().value).toBe(0);
});

test("what is set elsewhere shows", async () => {
  kernel.tell("values", { ...kernel.traits["values"], "knob/pitch": 5 });
  await widget.updateComplete;
  expect(knob().value).toBe(5);
});

test("all go to 0 but those that are locked", async () => {
  const reset = () => [...widget.renderRoot.querySelectorAll("button")].find((button) => button.textContent === "All to 0")!.click();
  reset();
  knob().dispatchEvent(new CustomEvent("lk-lock", { detail: { name: "knob/pitch", locked: true }, bubbles: true, composed: true }));
  await widget.updateComplete;
  reset();
  expect(kernel.sent).toEqual([{ do: "reset" }, { set: { "knob/retrograde": 0 } }]);
});

test("the bars that the session loops are those that are played", () => {
  const player = widget.model!.player;
  const play = vi.spyOn(player, "play").mockReturnValue();
  const range = vi.spyOn(player, "range", "set");
  kernel.tell("values", { ...kernel.traits["values"], "loop/bars": "2-2", play: true });
  expect([range.mock.lastCall, play.mock.lastCall![1]]).toEqual([[[16, 32]], 16]);
  kernel.tell("values", { ...kernel.traits["values"], "loop/bars": "" });
  expect([range.mock.lastCall, play.mock.lastCall![1]]).toEqual([[null], undefined]);
});
