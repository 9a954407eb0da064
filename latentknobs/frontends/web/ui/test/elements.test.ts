import { beforeEach, expect, test } from "vitest";
import { BarsElement, LatentViewElement } from "../src/elements/latent-view.js";
import { GridElement } from "../src/elements/grid.js";
import { KeyboardElement } from "../src/elements/keyboard.js";
import { RollElement } from "../src/elements/roll.js";
import type { Cell, Note } from "../src/types.js";
import { all, key, one, pointer, put, sent } from "./page.js";
import { info, twinkle } from "./values.js";

test("the roll draws every note, the original only where it is gone, and marks changes by more than a colour", async () => {
  const notes: Note[] = [...twinkle.notes.slice(0, 5), [20, 72, 4, 0], [24, 74, 8, 0]];
  const roll = await put(new RollElement(), { notes, ghost: twinkle.notes, changed: [5, 6], steps: 32 });
  expect([all(roll, "rect.note").length, all(roll, "rect.ghost").length, all(roll, "rect.changed").length, all(roll, "path.mark").length]).toEqual([7, 2, 2, 2]);
});

test("the roll has bar numbers, bar and beat lines, names of keys and a text in place of the picture", async () => {
  const roll = await put(new RollElement(), { notes: twinkle.notes, steps: 32 });
  expect([all(roll, "line.bar").length, all(roll, "line.beat").length]).toEqual([3, 6]);
  expect(all(roll, ".names text").map((text) => text.textContent)).toContain("C4");
  expect(one(roll, "#words").textContent).toMatch(/^Bar 1: C4 quarter, C4 quarter, G4 quarter/);
  expect(one(roll, ".sheet").getAttribute("role")).toBe("img");
});

test("the roll of a format of drums has a row for each drum, with its name", async () => {
  const format = { ...info.models[0]!.format, drums: ["kick", "snare", "hat"] };
  const roll = await put(new RollElement(), { notes: [[0, 36, 1, 0], [4, 38, 1, 1], [4, 42, 1, 2]], format, steps: 32 });
  expect(all(roll, ".names text").map((text) => text.textContent)).toEqual(["kick", "snare", "hat"]);
  expect(new Set(all(roll, "rect.note").map((rect) => rect.getAttribute("y"))).size).toBe(3);
});

test("parts that the model does not turn, or does not know, are marked by words", async () => {
  const part = { steps: 32, bars: [1, 2] as [number, number], way: "model" as const, unfamiliar: false };
  const parts = [{ ...part, start: 0 }, { ...part, start: 32, bars: [3, 4] as [number, number], unfamiliar: true }, { ...part, start: 64, bars: [5, 6] as [number, number], way: "rule" as const, unfamiliar: true }];
  const roll = await put(new RollElement(), { notes: twinkle.notes, parts, steps: 96 });
  expect(all(roll, ".edge").length).toBe(2);
  expect(all(roll, "text.unfamiliar").map((text) => text.textContent)).toEqual(["unfamiliar", "by rule, unfamiliar"]);
  expect(one(roll, "#words").textContent).toMatch(/Bars 3 to 4 unfamiliar\. Bars 5 to 6 by rule, unfamiliar\.$/);
});

test("the bar of the cursor is that of its stretch, as the file counts it", async () => {
  const stretches = [{ start: 0, steps: 12, beats: 3, unit: 4, bar: 5 }, { start: 12, steps: 16, beats: 4, unit: 4, bar: 6 }];
  const roll = await put(new RollElement(), { drawing: true, range: [60, 72], steps: 28, stretches });
  for (let k = 0; k < 13; k += 1) one(roll, ".sheet").dispatchEvent(key("ArrowRight"));
  await roll.updateComplete;
  expect(one(roll, ".sheet").getAttribute("aria-label")).toContain("Bar 6, step 2,");
});

test("the playhead stands at its step and goes away", async () => {
  const roll = await put(new RollElement(), { notes: twinkle.notes, steps: 32 });
  roll.playhead = 16;
  const line = one(roll, ".head");
  const half = Number(one(roll, ".sheet").getAttribute("width")) / 2;
  expect([Number(line.getAttribute("x1")), line.getAttribute("visibility")]).toEqual([half, "visible"]);
  roll.playhead = null;
  expect(line.getAttribute("visibility")).toBe("hidden");
});

test("a press on the roll goes to its beat; bars are drawn on the ruler, and with Shift go on to there; two clicks there are all", async () => {
  const roll = await put(new RollElement(), { notes: twinkle.notes, steps: 64, transport: true });
  const heard = sent(roll, "lk-seek", "lk-range");
  const sheet = one(roll, ".sheet");
  const step = Number(sheet.getAttribute("width")) / 64;
  const at = (place: number, y: number) => ({ clientX: place * step, clientY: y });
  sheet.dispatchEvent(pointer("pointerdown", at(22.5, 120)));
  sheet.dispatchEvent(pointer("pointerup", at(22.5, 120)));
  sheet.dispatchEvent(pointer("pointerdown", at(40, 8)));
  sheet.dispatchEvent(pointer("pointermove", at(20, 8)));
  sheet.dispatchEvent(pointer("pointerup", at(20, 8)));
  sheet.dispatchEvent(new MouseEvent("dblclick", { ...at(20, 8), bubbles: true }));
  expect(heard).toEqual([
    ["lk-seek", { step: 20 }], ["lk-range", { range: [16, 48] }], ["lk-range", { range: null }],
  ]);
  roll.looped = roll.selected = [16, 48];
  await roll.updateComplete;
  expect([all(roll, ".outside").length, all(roll, ".looped").length, all(roll, ".chosen").length]).toEqual([2, 1, 2]);
  for (const place of [2, 60]) {
    sheet.dispatchEvent(pointer("pointerdown", { ...at(place, 8), shiftKey: true }));
    sheet.dispatchEvent(pointer("pointerup", { ...at(place, 8), shiftKey: true }));
  }
  expect(heard.slice(3)).toEqual([["lk-range", { range: [0, 48] }], ["lk-range", { range: [16, 64] }]]);
});

test("the roll is zoomed between all in sight and single steps, and says where it cannot go on", async () => {
  const roll = await put(new RollElement(), { notes: twinkle.notes, steps: 4096 });
  const width = () => Number(one(roll, ".sheet").getAttribute("width"));
  const first = width();
  roll.zoom(2);
  await roll.updateComplete;
  expect(width()).toBeCloseTo(2 * first, 3);
  roll.zoom(0);
  await roll.updateComplete;
  expect(width()).toBeLessThan(800);
  expect(roll.zooms).toEqual([false, true]);
  roll.zoom(1e9);
  await roll.updateComplete;
  expect(roll.zooms).toEqual([true, false]);
});

test("a roll that is being computed says so", async () => {
  const roll = await put(new RollElement(), { notes: twinkle.notes, busy: true });
  expect([one(roll, ".box").getAttribute("aria-busy"), all(roll, "[role=progressbar]").length]).toEqual(["true", 1]);
});

test("of a roll that is computed in parts, the notes that are to come are dimmed and marked, and the share of the others told", async () => {
  const roll = await put(new RollElement(), { notes: twinkle.notes, busy: true, pending: [[8, 16], [24, 32]] });
  expect(all(roll, ".note").map((note) => note.classList.contains("older"))).toEqual([false, false, true, true, false, false, true]);
  expect([all(roll, ".coming").length, one(roll, "[role=progressbar]").getAttribute("aria-valuenow")]).toEqual([2, "50"]);
  roll.pending = [[0, 32]];
  await roll.updateComplete;
  expect([all(roll, ".older").length, one(roll, "[role=progressbar]").hasAttribute("aria-valuenow")]).toEqual([7, false]);
});

test("notes are drawn with the keyboard alone: put, made longer, moved over and taken away", async () => {
  const roll = await put(new RollElement(), { drawing: true, range: [60, 72], steps: 32, pen: 2 });
  const heard = sent(roll, "lk-draw", "lk-touch");
  const press = (name: string, more = {}) => one(roll, ".sheet").dispatchEvent(key(name, more));
  press("Enter");
  expect(roll.notes).toEqual([[0, 67, 2, 0]]);
  press("ArrowRight", { shiftKey: true });
  expect(roll.notes).toEqual([[0, 67, 3, 0]]);
  press("ArrowRight");
  press("ArrowUp");
  press(" ");
  expect(roll.notes).toEqual([[0, 67, 1, 0], [1, 68, 2, 0]]);
  press("Delete");
  expect(roll.notes).toEqual([[0, 67, 1, 0]]);
  expect(heard.map(([type]) => type)).toEqual(["lk-draw", "lk-touch", "lk-draw", "lk-draw", "lk-touch", "lk-draw"]);
});

const cells = (size: number): Cell[][] => Array.from({ length: size }, (_, down) => Array.from({ length: size }, (_, across): Cell => ({ at: [down / (size - 1), across / (size - 1)], notes: [[0, 60 + down, 4, 0]], clips: 1, steps: 32, stretches: [] })));

let grid: GridElement;
beforeEach(async () => { grid = await put(new GridElement(), { cells: cells(5), rows: "pitch", columns: "rhythm" }); });

test("the grid is a grid for those who cannot see it: rows, cells, names, one stop of the tab key", () => {
  expect([one(grid, "[role=grid]").getAttribute("aria-rowcount"), all(grid, "[role=row]").length, all(grid, "[role=gridcell]").length]).toEqual(["5", 5, 25]);
  expect(all(grid, "[tabindex='0']").length).toBe(1);
  expect(all(grid, "[role=gridcell]")[0]!.getAttribute("aria-label")).toBe("A: pitch 0 %, rhythm 0 % of the way to B, 1 notes");
  expect(all(grid, "[role=gridcell]")[24]!.getAttribute("aria-label")).toMatch(/^B: pitch 100 %/);
});

test("arrows move in the grid and stay in it, Home and End go along the row, and the focus takes the tab stop along", async () => {
  const looked = sent(grid, "lk-look");
  const focused = () => grid.shadowRoot!.activeElement?.getAttribute("data-at");
  one(grid, "[data-at='0,0']").focus();
  for (const [name, at] of [["ArrowDown", "1,0"], ["ArrowRight", "1,1"], ["ArrowLeft", "1,0"], ["ArrowLeft", "1,0"], ["End", "1,4"], ["PageDown", "4,4"], ["ArrowDown", "4,4"], ["Home", "4,0"]]) {
    one(grid, `[data-at='${focused()}']`).dispatchEvent(key(name!));
    await grid.updateComplete;
    expect(focused()).toBe(at);
    expect(all(grid, "[tabindex='0']").map((cell) => cell.getAttribute("data-at"))).toEqual([at]);
  }
  expect(looked.at(-1)).toEqual(["lk-look", { at: [4, 0] }]);
});

test("Enter, Space and a click hear a place of the grid, and the page's own Space does not hear of it", () => {
  const heard = sent(grid, "lk-hear");
  const page = sent(document.body, "keydown");
  one(grid, "[data-at='2,3']").click();
  one(grid, "[data-at='2,3']").dispatchEvent(key(" "));
  one(grid, "[data-at='2,3']").dispatchEvent(key("Enter"));
  expect(heard).toEqual(Array(3).fill(["lk-hear", { at: [2, 3] }]));
  expect(page).toEqual([]);
});

test("a melody is played in with lengths, rests and taking back", async () => {
  const keyboard = await put(new KeyboardElement(), { limit: 16 });
  const heard = sent(keyboard, "lk-notes");
  const press = (pitch: number) => one(keyboard, `[data-pitch='${pitch}']`).click();
  press(60);
  one(keyboard, "[data-length=half]").click();
  press(64);
  one(keyboard, "[data-do=rest]").click();
  expect(heard.at(-1)![1]).toEqual({ notes: [[0, 60, 4, 0], [4, 64, 8, 0]], end: 16 });
  press(65); // full
  expect(heard.length).toBe(3);
  await keyboard.updateComplete;
  one(keyboard, "[data-do=back]").click();
  expect(keyboard.end).toBe(12);
  one(keyboard, "[data-do=back]").click();
  expect(keyboard.notes).toEqual([[0, 60, 4, 0]]);
});

test("the computer's keys play the piano, choose lengths and octaves, and do nothing else on the page", async () => {
  const keyboard = await put(new KeyboardElement(), { limit: 64 });
  const page = sent(document.body, "keydown");
  const press = (name: string) => one(keyboard, "[data-pitch='60']").dispatchEvent(key(name));
  for (const name of ["a", "w", "4", "l", "r", "x", "a"]) press(name);
  expect(keyboard.notes).toEqual([[0, 60, 4, 0], [4, 61, 4, 0], [8, 74, 1, 0], [10, 72, 1, 0]]);
  press("Backspace");
  expect(keyboard.end).toBe(10);
  expect(page).toEqual([]);
  one(keyboard, "[data-pitch='60']").dispatchEvent(key("z", { ctrlKey: true })); // undo is the page's
  expect(page.length).toBe(1);
});

test("the code shows a pair of bars a number, and marks a knob's dimensions with its colour and a tick", async () => {
  const code = await put(new LatentViewElement(), { was: [0, 1, -1, 0.5], now: [0, 0.5, -1, 0.5], marked: new Map([[1, 0], [3, 1]]), meaning: "carry it" });
  expect([all(code, ".was").length, all(code, ".now").length, all(code, ".h0").length, all(code, ".h1").length]).toEqual([4, 2, 2, 2]);
  expect(one(code, "svg").getAttribute("aria-label")).toBe("Latent code: 4 dimensions, 2 of them marked: carry it");
});

test("a knob's mean changes are bars, its sorted ones a curve", async () => {
  const bars = await put(new BarsElement(), { values: [1, -2, 0], marked: [1] });
  expect([all(bars, "rect").length, all(bars, "rect.on").length]).toEqual([4, 1]);
  bars.curve = true;
  await bars.updateComplete;
  expect(one(bars, "polyline").getAttribute("points")!.split(" ").length).toBe(3);
});
