import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Api, ApiError } from "../src/api.js";
import { toHash } from "../src/url-state.js";
import { Session } from "../src/session.js";
import { forPage } from "../src/app/import.js";
import { SnapshotsPanel } from "../src/app/snapshots.js";
import { one, put } from "./page.js";
import { info, knob, state, twinkle } from "./values.js";

const knobs = [knob("pitch", { says: { down: "lower", up: "higher" } }), knob("rhythm", { unit: "doublings", low: -4, high: 4 }), knob("random", { reserved: true, verdict: "provisional" })];

class Server {
  readyState = 0;
  sent: any[] = [];
  onopen: any = null; onclose: any = null; onmessage: any = null; onerror: any = null;
  send(text: string): void { this.sent.push(JSON.parse(text)); }
  close(): void { this.readyState = 3; this.onclose?.({}); }
  answer(changed = [0]): void {
    const { seq } = this.sent.at(-1);
    const notes = twinkle.notes.map(([onset, pitch, length, voice]) => [onset, pitch + (this.sent.at(-1).knobs.pitch ?? 0), length, voice]);
    this.onmessage({ data: JSON.stringify({ type: "turned", seq, notes, changed, codes: [[0]], touched: [], remarks: [], ms: 1 }) });
  }
}

let server: Server;
let session: Session;

const answers: Record<string, unknown> = { "/api/v1/info": info, "/api/v1/examples/twinkle": twinkle, "/api/v1/models/m/knobs?all=true": knobs };
const api = () => new Api("/api/v1", (async (url: string) => {
  const body = answers[url];
  return new Response(JSON.stringify(body ?? { error: { code: "no", message: "There is no such thing: ask for another." } }), { status: body ? 200 : 404 });
}) as unknown as typeof fetch);

async function start(hash = ""): Promise<void> {
  session = new Session(api(), () => { server = new Server(); return server as never; });
  await session.start(hash);
  server.readyState = 1;
  server.onopen({});
  server.answer([]);
}

beforeEach(async () => { vi.useFakeTimers(); await start(); });
afterEach(() => { vi.useRealTimers(); });

test("the page opens the first example for A and B and asks for it to be played plainly", () => {
  expect(session.deck).toEqual({ piece: twinkle, knobs: {}, seed: 0, like: null });
  expect(server.sent.map(({ type }) => type)).toEqual(["open", "turn"]);
  expect(session.state!.grid).toMatchObject({ rows: "pitch", columns: "rhythm" });
});

test("a drag is one step of the history; undo brings notes and knob back without asking again", () => {
  for (const amount of [1, 2, 3]) session.turn("pitch", amount);
  session.set("pitch", 3);
  vi.advanceTimersByTime(60);
  server.answer([0, 1]);
  expect(session.notes[0]![1]).toBe(63);
  session.undo();
  expect([session.deck!.knobs, session.notes[0]![1], session.store!.undoLabel]).toEqual([{}, 60, null]);
  expect(session.said).toBe("Undone: pitch +3 semitones.");
  session.redo();
  expect(session.notes[0]![1]).toBe(63);
});

test("what is said of a turn is said when it is let go and answered, in words", () => {
  session.turn("pitch", 2);
  vi.advanceTimersByTime(60);
  server.answer();
  expect(session.said).toBe("");
  session.set("pitch", 2);
  expect(session.said).toBe("pitch: 2 semitones up, higher. 1 of 7 notes changed.");
});

test("locked knobs stay when all others go to 0 and when another melody is opened", () => {
  session.set("pitch", 3);
  session.set("rhythm", 1);
  session.lock("rhythm", true);
  session.resetKnobs();
  expect(session.deck!.knobs).toEqual({ rhythm: 1 });
  session.load({ ...twinkle, name: "other" }, "other");
  expect(session.deck).toMatchObject({ knobs: { rhythm: 1 }, piece: { name: "other" } });
});

test("A and B have knobs of their own, and one is copied over the other", () => {
  session.set("pitch", 3);
  session.flip("b");
  expect(session.deck!.knobs).toEqual({});
  session.set("pitch", -2);
  session.copyOver();
  session.flip("a");
  expect(session.deck!.knobs).toEqual({ pitch: -2 });
});

test("everything stands in the address, and a page that opens it is as this one", async () => {
  session.set("pitch", 3);
  session.commit({ ...session.state!, tempo: 97, loop: false, follow: "once" }, "tempo");
  session.keepInAddress(); // as when the page is left
  const { hash } = location;
  const before = session.state;
  await start(hash);
  expect(session.state).toEqual(before);
});

test("a bad address is said, and the page starts with the example", async () => {
  await start("#1.broken");
  expect(session.notice?.text).toMatch(/link/i);
  expect(session.deck!.piece).toEqual(twinkle);
  await start(toHash({ ...state, model: "gone" }));
  expect(session.notice?.text).toContain("the model gone");
});

test("another tempo, the loop and the side to hear ask the server for nothing", () => {
  const asked = server.sent.length;
  session.commit({ ...session.state!, tempo: 99 }, "tempo");
  session.commit({ ...session.state!, loop: false }, "loop");
  vi.advanceTimersByTime(200);
  expect(server.sent.length).toBe(asked);
});

test("what is taken home has the tempo of the page", () => {
  session.commit({ ...session.state!, tempo: 99 }, "tempo");
  expect([session.exported(session.deck!).piece.tempo, session.gridRequest().b.piece.tempo]).toEqual([99, 99]);
});

test("an error of the server is said in its own words, and a server that is away in ours", async () => {
  await expect(api().example("nothing")).rejects.toThrow("There is no such thing: ask for another.");
  const away = new Api("/api/v1", () => Promise.reject(new TypeError("fetch failed")));
  await expect(away.info()).rejects.toThrow(/latentknobs serve/);
  await expect(away.info()).rejects.toBeInstanceOf(ApiError);
});

test("options of the command line in an error are called as this page calls them", () => {
  const said = forPage("song.mid has 2 tracks: choose another with --track, or --policy skyline to read them as one.");
  expect(said).toBe("song.mid has 2 tracks: choose another with \u201cTrack\u201d, or \u201ckeep the highest note at each moment\u201d to read them as one.");
});

test("a melody in the making is undone note by note and does not go into the address", () => {
  const draft = (pitch: number) => ({ notes: [[0, pitch, 4, 0] as const], end: 4, clips: 1 });
  session.commit({ ...session.state!, draft: draft(60) }, "a note");
  session.commit({ ...session.state!, draft: draft(62) }, "a note");
  session.undo();
  expect(session.state!.draft).toEqual(draft(60));
  expect(toHash(session.state!)).toBe(toHash({ ...session.state!, draft: draft(70) }));
});

test("the address follows a moment after a change, and not while a hand is on a knob", () => {
  const before = location.hash;
  session.turn("pitch", 4);
  vi.advanceTimersByTime(500);
  expect(location.hash).toBe(before);
  session.set("pitch", 4);
  vi.advanceTimersByTime(500);
  expect(location.hash).toBe(toHash(session.state!));
});

test("what went wrong with a move is taken away by the next one that succeeds; other errors stay", () => {
  session.set("pitch", 4);
  vi.advanceTimersByTime(60);
  server.onmessage({ data: JSON.stringify({ type: "error", seq: server.sent.at(-1).seq, error: { message: "Turn it less." } }) });
  expect(session.notice?.text).toBe("Turn it less.");
  session.set("pitch", 3);
  vi.advanceTimersByTime(60);
  server.answer();
  expect(session.notice).toBeNull();
  session.fail(new ApiError("Choose a file.", "x", 422));
  session.set("pitch", 2);
  vi.advanceTimersByTime(60);
  server.answer();
  expect(session.notice?.text).toBe("Choose a file.");
});

test("the knobs of a piece that other models steer are theirs, and each is looked up at its own model", async () => {
  const shared = [knob("pitch", { model_id: "y", low: -5, high: 5 })];
  session = new Session(api(), () => { server = new Server(); return server as never; });
  await session.start("");
  session.info = { ...info, models: [...info.models, { ...info.models[0]!, name: "waltz", model_id: "y" }] };
  expect(session.knobs).toEqual(knobs);
  server.readyState = 1;
  server.onopen({});
  const [{ seq }] = server.sent;
  server.onmessage({ data: JSON.stringify({ type: "opened", seq, models: ["waltz"], knobs: shared, windows: [], codes: [[0]] }) });
  expect(session.knobs).toEqual(shared);
  expect([session.modelOf(session.knobs[0]!), session.modelOf(knobs[0]!)]).toEqual(["waltz", "m"]);
});

test("bars that are looped are a step of the history, switch the loop on, and go with another melody", () => {
  session.commit({ ...session.state!, loop: false }, "loop off");
  session.transport.setRange([16, 32]);
  expect([session.state!.loop, session.store!.undoLabel, session.said]).toEqual([true, "loop bar 2", "Bar 2 loop."]);
  session.undo();
  expect([session.state!.range, session.state!.loop]).toEqual([null, false]);
  session.redo();
  session.load({ ...twinkle, name: "other" }, "other");
  expect(session.state!.range).toBeNull();
});

test("bars that are chosen are those that knobs turn, and those that the loop plays where it is on", () => {
  session.transport.select([16, 32]);
  expect([session.bars, session.state!.range, session.said]).toEqual(["2-2", [16, 32], "Knobs turn bar 2, and the loop plays them."]);
  session.set("pitch", 3);
  expect(session.deck!.knobs).toEqual({ "pitch@2-2": 3 });
  session.transport.select(null);
  expect([session.bars, session.state!.range]).toEqual(["", null]);
  session.transport.toggleLoop();
  session.transport.select([0, 16]);
  expect([session.bars, session.state!.loop, session.state!.range]).toEqual(["1-1", false, null]);
  session.transport.toggleLoop();
  expect([session.state!.loop, session.state!.range]).toEqual([true, [0, 16]]);
});

test("bars that the piece does not have are not chosen, and it is said which it has", () => {
  expect([session.chooseBars("90-99"), session.bars, session.said]).toEqual([false, "", "The piece has 2 bars."]);
  const stretches = [{ start: 0, steps: 32, beats: 4, unit: 4, bar: 5 }];
  session.load({ ...twinkle, stretches }, "a part");
  expect([session.chooseBars("2"), session.bars, session.said]).toEqual([false, "", "The piece has bars 5 to 6."]);
  expect([session.chooseBars("6-6"), session.bars]).toEqual([true, "6-6"]);
});

test("a project keeps the bars that are looped, and opening it sets them again", async () => {
  session.transport.setRange([16, 32]);
  const { loop, loop_bars } = session.project();
  expect([loop, loop_bars]).toEqual([true, "2-2"]);
  session.transport.setRange(null);
  expect(session.project().loop_bars).toBe("");
  const settings = { knobs: {}, seed: 0, like: null };
  await session.openProject({ model: "m", piece: twinkle, settings, snapshots: {}, tempo: 90, loop, loop_bars, file: null, accompaniment: { timbre: "", timbres: [], sounds: [] }, shared: false });
  expect([session.state!.range, session.state!.tempo]).toEqual([[16, 32], 90]);
});

/** The panel with two snapshots, of pitch 0 and 4. */
async function panelOf(first: string, second: string): Promise<SnapshotsPanel> {
  session.snapshots.store(first);
  session.set("pitch", 4);
  session.snapshots.store(second);
  return put(new SnapshotsPanel(), { session });
}

function sweep(panel: SnapshotsPanel, ...places: number[]): void {
  const slider = one<HTMLInputElement>(panel, "[data-do=morph]");
  for (const place of places) {
    slider.value = String(place);
    slider.dispatchEvent(new Event("input"));
  }
  slider.dispatchEvent(new Event("change"));
}

test("a sweep of the morph is one step of the history", async () => {
  const panel = await panelOf("1", "2");
  sweep(panel, 0.75, 0.5, 0.25);
  expect([session.deck!.knobs, session.store!.labels]).toEqual([{ pitch: 1 }, ["pitch +4 semitones", "morph 1 to 2"]]);
});

test("the morph goes between snapshots that there are", async () => {
  const panel = await panelOf("3", "5");
  const ends = () => ["from", "to"].map((end) => one<HTMLSelectElement>(panel, `[data-do=morph-${end}]`).value);
  expect(ends()).toEqual(["3", "5"]);
  sweep(panel, 0.5);
  expect(session.deck!.knobs).toEqual({ pitch: 2 });
  session.snapshots.choose("from", "5");
  session.snapshots.choose("to", "3");
  await panel.updateComplete;
  expect(ends()).toEqual(["5", "3"]);
  sweep(panel, 0.25);
  expect(session.deck!.knobs).toEqual({ pitch: 3 });
});

test("in a shared session the morph is where all others see it", async () => {
  const settings = { knobs: {}, seed: 0, like: null };
  const values = { seed: 0, like: "", tempo: 120, loop: true, "loop/bars": "", play: false, "morph/from": "verse", "morph/to": "2", morph: 0.5 };
  const transport = { playing: false, tempo: 120, steps_per_quarter: 4, start: 0, end: 32, loop: true, origin: 0, since: 0, now: 0 };
  server.onmessage({ data: JSON.stringify({ type: "shared", model: "m", piece: twinkle, file: null, opened: {}, values, settings, snapshots: { 1: settings, 2: settings, verse: settings }, history: [], transport }) });
  const panel = await put(new SnapshotsPanel(), { session });
  expect(session.snapshots.way).toEqual({ from: "verse", to: "2", place: 0.5 });
  expect(one<HTMLInputElement>(panel, "[data-do=morph]").value).toBe("0.5");
  session.snapshots.choose("from", "1");
  expect(server.sent.at(-1)).toMatchObject({ type: "set", values: { "morph/from": "1", "morph/to": "2" } });
});

test("the first part of an answer is shown with the older notes of the rest, until the whole is there", () => {
  session.set("pitch", 5);
  vi.advanceTimersByTime(300);
  const { seq, near } = server.sent.at(-1);
  expect([near, session.pending]).toEqual([0, [[0, 32]]]);
  const near5 = twinkle.notes.slice(0, 4).map(([onset, pitch, length, voice]) => [onset, pitch + 5, length, voice]);
  server.onmessage({ data: JSON.stringify({ type: "turned", seq, notes: near5, changed: [0, 1, 2, 3], pending: [[16, 32]], codes: [[0]], touched: [], remarks: [], ms: 1 }) });
  expect([session.notes.map(([, pitch]) => pitch), session.result!.changed]).toEqual([[65, 65, 72, 72, 69, 69, 67], [0, 1, 2, 3]]);
  expect([session.computing, session.pending]).toEqual([true, [[16, 32]]]);
  server.answer([0]);
  expect([session.notes.at(-1)![1], session.computing, session.pending]).toEqual([72, false, []]);
});

test("the notes of the playhead are wanted first, else those of the place to play from, else those in sight", () => {
  const { transport } = session;
  transport.visible = [8, 24];
  expect(transport.lookedAt).toBe(16);
  transport.cursor = 12;
  expect(transport.lookedAt).toBe(12);
  transport.visible = [16, 32];
  expect(transport.lookedAt).toBe(24);
  vi.spyOn(session.player, "position").mockReturnValue(5);
  expect(transport.lookedAt).toBe(5);
});

test("a loop that lies behind the end of a shorter melody is none", () => {
  session.transport.setRange([16, 64]);
  expect(session.transport.range).toEqual([16, 32]);
  session.transport.setRange([32, 64]);
  expect(session.transport.range).toBeNull();
});

test("by keys: bars back and on, and a loop from the bar to the bar that is played", () => {
  session.transport.seekBars(1);
  expect(session.transport.place).toBe(16);
  session.transport.seekBars(1);
  expect(session.transport.place).toBe(16);
  session.transport.markRange("from");
  expect(session.state!.range).toEqual([16, 32]);
  session.transport.seekBars(-1);
  session.transport.markRange("from");
  expect(session.state!.range).toEqual([0, 32]);
  session.transport.seek(3);
  session.transport.markRange("to");
  expect([session.state!.range, session.transport.cursor]).toEqual([[0, 16], null]);
});

test("a move whose answer takes a moment is shown as computed until it is there", () => {
  session.set("pitch", 5);
  vi.advanceTimersByTime(150);
  expect(session.computing).toBe(false);
  vi.advanceTimersByTime(100);
  expect(session.computing).toBe(true);
  server.answer();
  expect(session.computing).toBe(false);
  session.set("pitch", 6);
  vi.advanceTimersByTime(300);
  server.onmessage({ data: JSON.stringify({ type: "error", seq: server.sent.at(-1).seq, error: { message: "Turn it less." } }) });
  expect(session.computing).toBe(false);
  session.set("pitch", 7);
  vi.advanceTimersByTime(300);
  server.close();
  expect(session.computing).toBe(false);
});

test("that the server does not answer is told until it does, by any way", async () => {
  session.fail(new ApiError("The server does not answer.", "offline", 0), "grid");
  await session.api.info();
  expect(session.notice).toBeNull();
  session.fail(new ApiError("The server does not answer.", "offline", 0), "export");
  server.close();
  vi.advanceTimersByTime(300);
  server.readyState = 1;
  server.onopen({});
  expect(session.notice).toBeNull();
});

test("a surprise is one step, leaves locked knobs, and its number stands until something is turned", () => {
  session.set("rhythm", 1);
  session.lock("rhythm", true);
  session.surprise(7);
  const { knobs } = session.deck!;
  expect(knobs).toMatchObject({ rhythm: 1 });
  expect([Object.keys(knobs), session.surpriseSeed, session.store!.undoLabel]).toEqual([["pitch", "rhythm"], 7, "surprise 7"]);
  session.set("pitch", 0);
  expect(session.surpriseSeed).toBeNull();
  session.undo();
  expect([session.deck!.knobs, session.surpriseSeed]).toEqual([knobs, 7]);
  session.undo();
  expect(session.deck!.knobs).toEqual({ rhythm: 1 });
});

test("how it sounds is kept in the browser and is no step", () => {
  const before = session.state;
  session.transport.setSounds({ timbre: "flute", metronome: true });
  expect([session.state, session.store!.undoLabel]).toEqual([before, null]);
  expect(new Session(api()).transport.sounds).toMatchObject({ timbre: "flute", metronome: true });
  localStorage.setItem("latentknobs-sound", JSON.stringify({ timbre: "kazoo", volume: 9 }));
  expect(new Session(api()).transport.sounds).toMatchObject({ timbre: "", volume: 1, metronome: false });
  localStorage.clear();
});

test("what is heard of a grid has its own time signatures and length", () => {
  const waltz = { start: 0, steps: 24, beats: 3, unit: 4, bar: 1 };
  session.heard = { notes: [[0, 60, 4, 0]], steps: 24, name: "cell", stretches: [waltz] };
  expect([session.steps, session.stretches]).toEqual([24, [waltz]]);
});
