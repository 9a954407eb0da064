import type { Session } from "./session.js";
import type { Settings } from "./shared.js";
import { withDeck } from "./state.js";

/** Knobs that are kept under a name: those of the page, or of the session that it shares. */
export class Snapshots {
  /** Those of the page. */
  own: Record<string, Settings> = {};

  constructor(private readonly session: Session) {}

  get all(): Readonly<Record<string, Settings>> {
    return this.session.shares ? this.session.room!.snapshots : this.own;
  }

  store(name: string): void {
    const { deck, room, shares } = this.session;
    if (!deck) return;
    if (shares) room!.trigger("snapshot/store", name);
    else this.own = { ...this.own, [name]: { knobs: deck.knobs, seed: deck.seed, like: deck.like } };
    this.session.say(`Snapshot ${name} is stored.`);
  }

  recall(name: string): void {
    const { state, room, shares } = this.session;
    if (!state || !(name in this.all)) return;
    if (shares) room!.trigger("snapshot/recall", name);
    else this.session.commit(withDeck(state, state.side, this.all[name]!), `snapshot ${name}`);
    this.session.say(`Snapshot ${name}.`);
  }

  /** The way from one snapshot to another, 0 to 1. */
  morph(from: string, to: string, place: number): void {
    const { state, room, shares } = this.session;
    const [one, other] = [this.all[from], this.all[to]];
    if (!state || !one || !other) return;
    if (shares) {
      if (room!.values["morph/from"] !== from) room!.set({ "morph/from": from });
      if (room!.values["morph/to"] !== to) room!.set({ "morph/to": to });
      room!.set({ morph: place });
      return;
    }
    const knobs: Record<string, number> = {};
    for (const name of [...new Set([...Object.keys(one.knobs), ...Object.keys(other.knobs)])].sort()) {
      const piece = name.split("@")[0]!;
      const [a, b] = [one, other].map(({ knobs: own }) => own[name] ?? own[piece] ?? 0);
      const knob = this.session.knobs.find((each) => each.name === piece);
      const amount = a! * (1 - place) + b! * place;
      const near = knob?.step ? Math.round(amount / knob.step) * knob.step : amount;
      if (near || name.includes("@")) knobs[name] = near;
    }
    const { seed, like } = place < 0.5 ? one : other;
    this.session.commit(withDeck(state, state.side, { knobs, seed, like }), `morph ${from} to ${to}`);
  }
}
