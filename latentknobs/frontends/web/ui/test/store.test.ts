import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { Store } from "../src/store.js";

test("undoing every step gives the first value and doing all again gives the last", () => {
  const steps = fc.array(fc.tuple(fc.nat(9), fc.array(fc.nat(9), { maxLength: 4 })), { minLength: 1, maxLength: 30 });
  fc.assert(fc.property(steps, (gestures) => {
    const store = new Store({ n: 0 });
    for (const [n, previews] of gestures) {
      for (const preview of previews) store.preview({ n: preview });
      store.commit({ n }, "step");
    }
    const last = store.value;
    while (store.undo()) { /* back */ }
    expect(store.value).toEqual({ n: 0 });
    while (store.redo()) { /* forth */ }
    expect(store.value).toEqual(last);
  }), { numRuns: 500 });
});

test("a gesture with many previews is one step", () => {
  const store = new Store(0);
  for (let value = 1; value < 50; value += 1) store.preview(value);
  store.commit(50, "drag");
  expect(store.undo()).toBe("drag");
  expect([store.value, store.undoLabel, store.redoLabel]).toEqual([0, null, "drag"]);
});

test("a gesture that ends where it began is no step", () => {
  const store = new Store({ n: 1 });
  store.preview({ n: 2 });
  store.commit({ n: 1 }, "nothing");
  expect(store.undoLabel).toBeNull();
});

test("undo during a gesture gives the gesture up first, and a new step forgets what was undone", () => {
  const store = new Store(0);
  store.commit(1, "one");
  store.preview(7);
  expect([store.undo(), store.value]).toEqual(["one", 0]);
  store.commit(2, "two");
  expect(store.redo()).toBeNull();
});

test("listeners hear every change until they leave, and only so many steps are kept", () => {
  const store = new Store(0, 3);
  const heard = vi.fn();
  const leave = store.subscribe(heard);
  for (let value = 1; value <= 5; value += 1) store.commit(value, String(value));
  leave();
  store.commit(6, "6");
  expect(heard).toHaveBeenCalledTimes(5);
  while (store.undo()) { /* back */ }
  expect(store.value).toBe(3);
});
