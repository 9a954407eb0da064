import type { Session } from "./session.js";
import type { Settings } from "./shared.js";
import { withDeck } from "./state.js";

/** The way from one snapshot to another: their names, and the place between them, 0 to 1. */
interface Way { from: string; to: string; place: number }

/** Knobs that are kept under a name: those of the page, or of the session that it shares. */
export class Snapshots {
  /** Those of the page. */
  own: Record<string, Settings> = {};
  private ownWay: Way = { from: "", to: "", place: 0 };

  constructor(private readonly session: Session) {}

  get all(): Readonly<Record<string, Settings>> {
    return this.session.shares ? this.session.room!.snapshots : this.own;
  }

  /** The way of the morph between two snapshots that there are; a shared session has one for all its pages. */
  get way(): Way {
    const { room, shares } = this.session;
    const all = room?.values ?? {};
    const { from, to, place } = shares ? { from: String(all["morph/from"] ?? ""), to: String(all["morph/to"] ?? ""), place: Number(all["morph"] ?? 0) } : this.ownWay;
    const names = Object.keys(this.all);
    const one = names.includes(from) ? from : names.find((name) => name !== to) ?? "";
    return { from: one, to: names.includes(to) ? to : names.find((name) => name !== one) ?? "", place };
  }

  /** Chooses an end of the way. */
  choose(end: "from" | "to", name: string): void {
    const way = { ...this.way, [end]: name };
    if (this.session.shares) this.session.room!.set({ "morph/from": way.from, "morph/to": way.to });
    else this.ownWay = way;
    this.session.changed();
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

  /** Goes to a place of the way; `done` where the hand lets go, so that a sweep is one step. */
  morph(place: number, done: boolean): void {
    const { state, room, shares } = this.session;
    const { from, to } = this.way;
    const [one, other] = [this.all[from], this.all[to]];
    if (!state || !one || !other) return;
    if (shares) {
      if (room!.values["morph/from"] !== from) room!.set({ "morph/from": from });
      if (room!.values["morph/to"] !== to) room!.set({ "morph/to": to });
      room!.set({ morph: place });
      return;
    }
    this.ownWay = { from, to, place };
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
    const next = withDeck(state, state.side, { knobs, seed, like });
    if (done) this.session.commit(next, `morph ${from} to ${to}`);
    else this.session.store!.preview(next);
  }
}
