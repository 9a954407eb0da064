import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LiveSocket, type LiveEvents } from "../src/live-socket.js";
import { deckKey, deckOf, withKnob } from "../src/state.js";
import type { Deck } from "../src/types.js";
import { twinkle } from "./values.js";

class FakeSocket {
  readyState = 0;
  sent: { type: string; seq: number; knobs?: Record<string, number> }[] = [];
  onopen: ((event: Event) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  send(text: string): void { this.sent.push(JSON.parse(text)); }
  close(): void { this.readyState = 3; this.onclose?.(new Event("close") as CloseEvent); }
  accept(): void { this.readyState = 1; this.onopen?.(new Event("open")); }
  say(message: object): void { this.onmessage?.({ data: JSON.stringify(message) } as MessageEvent); }
  turns() { return this.sent.filter(({ type }) => type === "turn"); }
}

const deck = (amount: number): Deck => withKnob(deckOf(twinkle), "pitch", amount);
let sockets: FakeSocket[];
let events: { [K in keyof LiveEvents]: ReturnType<typeof vi.fn> };
let live: LiveSocket;
const now = () => sockets.at(-1)!;

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  events = { opened: vi.fn(), turned: vi.fn(), failed: vi.fn(), status: vi.fn() };
  live = new LiveSocket("ws://x", events as unknown as LiveEvents, () => { sockets.push(new FakeSocket()); return now(); }, () => Date.now());
  live.start();
  now().accept();
});

afterEach(() => { live.stop(); vi.useRealTimers(); });

test("a piece is opened once and turned each time, with numbers that grow by one", () => {
  live.want("m", deck(1));
  vi.advanceTimersByTime(60);
  live.want("m", deck(2));
  expect(now().sent.map(({ type, seq }) => [type, seq])).toEqual([["open", 1], ["turn", 2], ["turn", 3]]);
});

test("at most 20 turns a second are sent, and the newest wish is among them", () => {
  for (let amount = 1; amount <= 1000; amount += 1) {
    live.want("m", deck(amount));
    vi.advanceTimersByTime(1);
  }
  vi.advanceTimersByTime(60);
  expect(now().turns().length).toBeGreaterThan(15);
  expect(now().turns().length).toBeLessThanOrEqual(21);
  expect(now().turns().at(-1)!.knobs).toEqual({ pitch: 1000 });
});

test("an answer older than the newest one is left out, and each says which deck it is of", () => {
  live.want("m", deck(1));
  vi.advanceTimersByTime(60);
  live.want("m", deck(2));
  now().say({ type: "turned", seq: 3, notes: [] });
  now().say({ type: "turned", seq: 2, notes: [] });
  expect(events.turned.mock.calls.map(([key]) => key)).toEqual([deckKey("m", deck(2))]);
});

test("how long an answer took is told, but not where a piece had to be opened first", () => {
  live.want("m", deck(1));
  now().say({ type: "turned", seq: 2 });
  vi.advanceTimersByTime(40);
  live.want("m", deck(2)); // waits for its turn, which counts
  vi.advanceTimersByTime(27);
  now().say({ type: "turned", seq: 3 });
  expect(events.turned.mock.calls.map((call) => call[2])).toEqual([null, 27]);
});

test("a pong that overtakes an answer does not lose it", () => {
  live.want("m", deck(1));
  vi.advanceTimersByTime(15_001);
  const ping = now().sent.at(-1)!;
  expect(ping.type).toBe("ping");
  now().say({ type: "pong", seq: ping.seq });
  now().say({ type: "turned", seq: 2 });
  expect(events.turned).toHaveBeenCalledTimes(1);
});

test("a lost connection comes back by itself, and what is wanted is opened and turned again", () => {
  live.want("m", deck(1));
  now().close();
  live.want("m", deck(5));
  expect(events.status).toHaveBeenLastCalledWith("reconnecting");
  vi.advanceTimersByTime(300);
  now().close(); // still starting
  vi.advanceTimersByTime(600);
  expect(sockets.length).toBe(3);
  now().accept();
  expect(events.status).toHaveBeenLastCalledWith("live");
  expect(now().sent.map(({ type }) => type)).toEqual(["open", "turn"]);
  expect(now().turns()[0]!.knobs).toEqual({ pitch: 5 });
});

test("a connection on which nothing is heard is given up after a ping without an answer", () => {
  vi.advanceTimersByTime(15_001 + 45_001);
  expect(events.status).toHaveBeenLastCalledWith("reconnecting");
});

test("an error is told, the connection stays, and a piece that was not opened is sent again", () => {
  live.want("m", deck(1));
  now().say({ type: "error", seq: 1, error: { code: "x", message: "Draw a note." } });
  vi.advanceTimersByTime(60);
  live.want("m", deck(2));
  expect(events.failed).toHaveBeenCalledWith("Draw a note.");
  expect(now().sent.map(({ type }) => type)).toEqual(["open", "turn", "open", "turn"]);
});

test("frames that are no JSON, or answer nothing that was asked, are passed over", () => {
  now().onmessage?.({ data: "{" } as MessageEvent);
  now().say({ type: "turned", seq: 99 });
  now().say({ type: "later" });
  expect(events.turned).not.toHaveBeenCalled();
});
