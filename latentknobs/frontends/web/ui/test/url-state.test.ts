import fc from "fast-check";
import { expect, test } from "vitest";
import { fromHash, LinkError, packNotes, toHash, unpackNotes } from "../src/url-state.js";
import { state, states } from "./values.js";

test("every state comes back from its link as it was", () => {
  fc.assert(fc.property(states, (value) => {
    expect(JSON.parse(JSON.stringify(fromHash(toHash(value))))).toEqual(JSON.parse(JSON.stringify(value)));
  }), { numRuns: 1000 });
});

test("a link has only letters that no address has to escape", () => {
  fc.assert(fc.property(states, (value) => {
    expect(toHash(value)).toMatch(/^#[\w.-]+$/);
  }), { numRuns: 300 });
});

test("a link that was changed in one place, or cut, is known as such and says so", () => {
  fc.assert(fc.property(states, fc.nat(), fc.constantFrom("x", "0", "-", "."), (value, at, letter) => {
    const link = toHash(value);
    const place = 1 + (at % (link.length - 1));
    const changed = link.slice(0, place) + letter + link.slice(place + 1);
    if (changed !== link) expect(() => fromHash(changed)).toThrow(LinkError);
    expect(() => fromHash(link.slice(0, place))).toThrow(LinkError);
  }), { numRuns: 1000 });
});

test("any text at all is either a state or a sentence, never another error", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.string().map((text) => `#1.${text}`)), (text) => {
    expect(() => fromHash(text)).toThrow(LinkError);
  }), { numRuns: 2000 });
});

test("a link from before there were loops of bars still opens, with none", () => {
  const parts = toHash({ ...state, range: [16, 48] }).slice(1).split(".");
  const old = JSON.parse(atob(parts[1]!)).slice(0, -1);
  parts[1] = btoa(JSON.stringify(old)).replace(/=+$/, "");
  const text = parts.slice(0, -1).join(".");
  let hash = 0x811c9dc5;
  for (const letter of text) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193);
  expect(fromHash(`#${text}.${(hash >>> 0).toString(36)}`)).toEqual(state);
});

test("a link of a newer version says that it is one", () => {
  expect(() => fromHash("#2.abc.def")).toThrow(/version 2/);
});

test("notes are packed without loss, in any order, in at most six letters a note", () => {
  const notes = state.decks.a.piece.notes;
  expect(unpackNotes(packNotes(notes))).toEqual(notes);
  expect(packNotes(notes).length).toBeLessThanOrEqual(notes.length * 6);
  expect(toHash(state).length).toBeLessThan(400);
});
