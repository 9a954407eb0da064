import type { Deck, Opened, Piece, Turned } from "./types.js";
import type { RoomFrame } from "./shared.js";
import { deckKey, pieceKey } from "./state.js";

export type LiveStatus = "connecting" | "live" | "reconnecting";

export interface LiveEvents {
  opened(key: string, opened: Opened): void;
  /** `key` names the deck that was asked for, and of a long piece parts come first; `latency` is in milliseconds, from the wish to the answer; null where a piece was opened first. */
  turned(key: string, turned: Turned, latency: number | null): void;
  failed(message: string): void;
  status(status: LiveStatus): void;
  /** The server's clock in seconds, and when it was asked for and heard, in milliseconds. */
  clock?(server: number, asked: number, heard: number): void;
  /** A frame of a shared session. */
  room?(frame: RoomFrame): void;
}

type Socket = Pick<WebSocket, "send" | "close" | "readyState"> & {
  onopen: ((event: Event) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onerror: ((event: Event) => void) | null;
};

const GAP = 50;
const WAITS = [250, 500, 1000, 2000, 4000];
const PING = 15_000;
/** An answer may have to wait until a model is loaded. */
const SILENCE = 45_000;

/**
 * Asks the server for what a deck sounds like while its knobs move: the newest wish wins, at most 20 a second. A lost
 * connection comes back by itself, and what is wanted is asked for again.
 */
export class LiveSocket {
  private socket: Socket | null = null;
  private seq = 0;
  private wanted: { model: string; deck: Deck; near: number; at: number } | null = null;
  private unsent = false;
  private open: string | null = null;
  private readonly sent = new Map<number, { key: string; at: number; opening: boolean }>();
  private last = -Infinity;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private pinging: ReturnType<typeof setTimeout> | null = null;
  private failures = 0;
  private stopped = false;

  constructor(
    private readonly url: string,
    private readonly events: LiveEvents,
    private readonly connect: (url: string) => Socket = (address) => new WebSocket(address, "latentknobs.v1"),
    private readonly now: () => number = () => performance.now(),
  ) {}

  start(): void {
    this.events.status("connecting");
    this.dial();
  }

  stop(): void {
    this.stopped = true;
    if (this.timer) clearTimeout(this.timer);
    if (this.pinging) clearTimeout(this.pinging);
    this.socket?.close();
  }

  /** What should sound now, first near a step; an older wish that was not sent yet is forgotten. */
  want(model: string, deck: Deck, near = 0): void {
    this.wanted = { model, deck, near, at: this.now() };
    this.unsent = true;
    this.schedule();
  }

  /** Sends a frame of a shared session; gives its number, 0 where there is no connection. */
  tell(message: Record<string, unknown>): number {
    return this.send(message) ? this.seq : 0;
  }

  private dial(): void {
    const socket = this.connect(this.url);
    this.socket = socket;
    socket.onopen = () => {
      this.failures = 0;
      this.open = null;
      this.sent.clear();
      this.last = -Infinity;
      this.unsent = this.wanted !== null;
      this.events.status("live");
      this.listen();
      this.schedule();
    };
    socket.onmessage = (event) => {
      this.listen();
      this.receive(String(event.data));
    };
    socket.onerror = () => undefined; // close follows
    socket.onclose = () => {
      if (this.socket !== socket || this.stopped) return;
      this.socket = null;
      if (this.pinging) clearTimeout(this.pinging);
      this.events.status("reconnecting");
      setTimeout(() => !this.stopped && this.dial(), WAITS[Math.min(this.failures++, WAITS.length - 1)]);
    };
  }

  /** A connection on which nothing is heard is asked for a sign of life, and given up without one. */
  private listen(): void {
    if (this.pinging) clearTimeout(this.pinging);
    const socket = this.socket;
    this.pinging = setTimeout(() => {
      if (!this.send({ type: "ping" })) return;
      this.pinging = setTimeout(() => {
        socket?.close();
        socket?.onclose?.(new Event("close") as CloseEvent);
      }, SILENCE);
    }, PING);
  }

  private schedule(): void {
    if (this.timer || !this.unsent) return;
    const wait = Math.max(0, this.last + GAP - this.now());
    if (wait === 0) this.flush();
    else {
      this.timer = setTimeout(() => {
        this.timer = null;
        this.flush();
      }, wait);
    }
  }

  private flush(): void {
    if (!this.wanted || !this.unsent || this.socket?.readyState !== 1) return;
    const { model, deck, near, at } = this.wanted;
    const key = pieceKey(model, deck.piece);
    const opening = this.open !== key;
    if (opening) {
      this.open = key;
      this.send({ type: "open", model, piece: deck.piece }, key);
    }
    this.last = this.now();
    this.unsent = false;
    this.send({ type: "turn", knobs: deck.knobs, seed: deck.seed, like: deck.like, near }, deckKey(model, deck), at, opening);
  }

  private send(message: Record<string, unknown> & { piece?: Piece }, key = "", at = this.now(), opening = false): boolean {
    if (this.socket?.readyState !== 1) return false;
    this.seq += 1;
    this.sent.set(this.seq, { key, at, opening });
    this.socket.send(JSON.stringify({ ...message, seq: this.seq }));
    return true;
  }

  private receive(text: string): void {
    let message: { type?: string; seq?: number | null; clock?: number; pending?: unknown[]; error?: { message?: string } };
    try {
      message = JSON.parse(text) as typeof message;
    } catch {
      return;
    }
    if (["shared", "change", "music", "done"].includes(message.type ?? "")) this.events.room?.(message as unknown as RoomFrame);
    const asked = message.seq ? this.sent.get(message.seq) : undefined;
    if (message.type === "error") {
      // A piece that was not opened is sent again with the next wish.
      if (asked && asked.key === this.open) this.open = null;
      this.events.failed(message.error?.message ?? "The server could not do that.");
    }
    if (!asked || !message.seq) return; // overtaken by a newer answer, or of another connection
    const part = Boolean(message.pending?.length);
    if (!part) this.sent.delete(message.seq);
    if (message.type === "pong" && message.clock !== undefined) this.events.clock?.(message.clock, asked.at, this.now());
    if (message.type === "turned") {
      for (const seq of this.sent.keys()) {
        if (seq < message.seq) this.sent.delete(seq); // overtaken
      }
    }
    if (message.type === "opened") this.events.opened(asked.key, message as unknown as Opened);
    if (message.type === "turned") this.events.turned(asked.key, message as unknown as Turned, asked.opening || part ? null : this.now() - asked.at);
  }
}
