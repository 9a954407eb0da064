import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Api } from "../src/api.js";
import { ALL, FILTERS, query, read, SEVERAL, SORTS, write, type View } from "../src/registry/address.js";
import { ListenElement } from "../src/registry/listen.js";
import { ticks } from "../src/registry/plots.js";
import { KnobTableElement } from "../src/registry/table.js";
import type { KnobTable, RegistryKnob } from "../src/types.js";
import { all, one, put, sent } from "./page.js";
import { info, twinkle } from "./values.js";

const text = fc.string({ minLength: 1, maxLength: 30 });
const ids = fc.tuple(fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/), fc.stringMatching(/^[0-9a-f]{16}$/), text).map(([name, run, fit]) => `${name}@${run}/${fit}`);
const page = fc.integer({ min: 1, max: 300 });
const views: fc.Arbitrary<View> = fc.oneof(
  fc.record({
    kind: fc.constant("knobs" as const), filters: fc.array(fc.tuple(fc.constantFrom(...FILTERS), fc.array(text, { minLength: 1, maxLength: 3 }))).map((all) => Object.fromEntries(all.map(([name, values]) => [name, SEVERAL.has(name) ? values : values.slice(0, 1)]))), sort: fc.option(fc.constantFrom(...SORTS)), reverse: fc.boolean(), page,
    picked: fc.array(ids, { maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant("knob" as const), id: ids.filter((id) => !id.includes("/..") && !id.endsWith("/.")), amount: fc.option(fc.integer({ min: -12, max: 12 }).map((amount) => amount + 0)) }),
  fc.record({ kind: fc.constant("compare" as const), ids: fc.array(ids, { maxLength: 4 }) }),
  fc.record({ kind: fc.constant("runs" as const), filters: fc.dictionary(fc.constantFrom("augmentation", "corpus", "seed"), fc.array(text, { minLength: 1, maxLength: 2 })), page }),
  fc.record({ kind: fc.constant("run" as const), run: fc.stringMatching(/^[0-9a-f]{16}$/) }),
) as fc.Arbitrary<View>;

const knob = (name: string, more: Partial<RegistryKnob> = {}): RegistryKnob => ({
  id: `${name}@0123456789abcdef/ridge`, name, model: "m", model_id: "x", run: "0123456789abcdef", augmentation: "transpose", kind: "affine", fit: "ridge", verdict: "accepted", unit: "semitones",
  step: null, low: -12, high: 12, dimensions: 3, attribute: "mean-pitch", effect: 1.5, tags: [], note: "", found: "2026-01-31T00:00:00+00:00", current: true, ...more,
});
const answer: KnobTable = { total: 120, start: 0, knobs: [knob("pitch"), knob("rhythm", { verdict: "rejected", effect: null, augmentation: null })], damaged: [], seen: { sql: "", command: "", python: "", remarks: [] } };
const api = (asked: unknown[] = []) => ({
  registryKnobs: async (filters: unknown) => { asked.push(filters); return answer; },
  registryValues: async () => ({ models: ["m"], augmentations: ["transpose"], attributes: ["mean-pitch"], corpora: [], tags: [], plugins: [] }),
}) as unknown as Api;

async function table(view = ALL, asked: unknown[] = []): Promise<KnobTableElement> {
  const element = await put(new KnobTableElement(), { view, api: api(asked) });
  await new Promise((done) => setTimeout(done));
  await element.updateComplete;
  return element;
}

describe("the registry's address", () => {
  it("leads back to the view that it was made of", () => {
    fc.assert(fc.property(views, (view) => {
      expect(read(new URL(write(view), "http://localhost"))).toEqual(view);
    }));
  });

  it("of anything else shows all knobs", () => {
    for (const path of ["/registry", "/registry/", "/registry/what", "/registry?page=-3&sort=colour", "/registry/%E0%A4%A"]) expect(read(new URL(path, "http://localhost"))).toEqual(ALL);
  });

  it("looks for a name without an asterisk anywhere in names", () => {
    expect(query({ ...ALL, filters: { name: ["pit"] } })["name"]).toBe("*pit*");
    expect(query({ ...ALL, filters: { name: ["p*h"] } })["name"]).toBe("p*h");
  });
});

describe("the table of knobs", () => {
  it("shows what the server answers", async () => {
    const element = await table();
    expect(all(element, "tbody tr").map((row) => row.dataset["knob"])).toEqual(["pitch@0123456789abcdef/ridge", "rhythm@0123456789abcdef/ridge"]);
    expect(one(element, "[data-total]").textContent).toContain("120 current knobs");
    expect(one(element, ".pager span").textContent).toBe("Page 1 of 3");
  });

  it("asks for the page of its view", async () => {
    const asked: unknown[] = [];
    await table({ ...ALL, page: 3, filters: { verdict: ["accepted", "provisional"] }, sort: "effect" }, asked);
    expect(asked).toEqual([expect.objectContaining({ verdict: ["accepted", "provisional"], sort: "effect", start: 100, count: 50 })]);
  });

  it("turns an order round when its heading is pressed again", async () => {
    const element = await table({ ...ALL, sort: "effect" });
    const went = sent(element, "lk-go");
    one(element, "[data-sort=effect]").click();
    one(element, "[data-sort=name]").click();
    expect(went.map(([, { view }]) => [view.sort, view.reverse])).toEqual([["effect", true], ["name", false]]);
  });

  it("goes to its first page when a filter changes", async () => {
    const element = await table({ ...ALL, page: 2, filters: { verdict: ["accepted"], kind: ["shift"] } });
    const went = sent(element, "lk-go");
    one<HTMLInputElement>(element, "[data-verdict=rejected]").click();
    const field = one<HTMLInputElement>(element, "[data-filter=run]");
    field.value = "0123456789abcdef, fedcba9876543210";
    field.dispatchEvent(new Event("change", { bubbles: true }));
    expect(went.map(([, { view }]) => view.filters)).toEqual([{ verdict: ["accepted", "rejected"], kind: ["shift"] }, { verdict: ["accepted"], kind: ["shift"], run: ["0123456789abcdef", "fedcba9876543210"] }]);
    expect(went.every(([, { view }]) => view.page === 1)).toBe(true);
  });

  it("lets four knobs be picked at most", async () => {
    const element = await table({ ...ALL, picked: ["a@0/x", "b@0/x", "c@0/x", "d@0/x"] });
    expect(all<HTMLInputElement>(element, "td.pick input").every(({ disabled }) => disabled)).toBe(true);
  });
});

describe("ticks", () => {
  it("are round, inside, and at most twice as many as asked for", () => {
    fc.assert(fc.property(fc.double({ min: -1e4, max: 1e4, noNaN: true }), fc.double({ min: 1e-3, max: 1e4, noNaN: true }), (low, span) => {
      const got = ticks(low, low + span, 5);
      expect(got.length).toBeLessThanOrEqual(11);
      for (const value of got) expect(value >= low - span * 1e-6 && value <= low + span * (1 + 1e-6)).toBe(true);
    }));
  });
});

it("a knob is heard on the melody that the server has for its model", async () => {
  const asked: unknown[] = [];
  const piece = { ...twinkle, name: "sample", stretches: [] };
  const server = {
    info: async () => info,
    melody: async (model: string) => { asked.push(model); return piece; },
    turn: async (model: string, state: { piece: unknown }) => { asked.push(model, state.piece); return { notes: piece.notes, changed: [], remarks: [] }; },
  } as unknown as Api;
  const element = await put(new ListenElement(), { api: server, knob: knob("pitch") });
  await new Promise((done) => setTimeout(done, 20));
  await element.updateComplete;
  expect(asked).toEqual(["m", "m", piece]);
  expect(one(element, "[role=status]").textContent).toContain("0 of");
});
