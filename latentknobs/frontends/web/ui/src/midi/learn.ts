import { fit, keyStep, onOff, type Scale } from "../numbers.js";
import type { Session } from "../session.js";
import type { Played } from "./input.js";

const KEPT = "latentknobs-midi";
const CENTRE = 64;
/** Milliseconds of rest after which a turn is one step of the history. */
const REST = 400;
/** Values by which a controller may miss the knob and still take hold of it. */
const NEAR = 2;

/** A controller, as "channel.number". */
type Name = string;

/** The amount that a controller's value, 0 to 127, stands for: in whole steps, as a drag has them, and at the ends; its centre is 0 where the knob goes both ways. */
export function amountAt(value: number, scale: Scale): number {
  const { low, high } = scale;
  const both = low < 0 && high > 0;
  const amount = !both ? low + ((high - low) * value) / 127 : value < CENTRE ? low * (1 - value / CENTRE) : (high * (value - CENTRE)) / (127 - CENTRE);
  const step = keyStep(scale);
  return fit(value === 0 || value === 127 ? amount : Math.round(amount / step) * step, scale);
}

/** The value, 0 to 127, at which a controller stands where the knob does. */
export function valueAt(amount: number, { low, high }: Scale): number {
  const both = low < 0 && high > 0;
  if (!both) return high > low ? (127 * (amount - low)) / (high - low) : 0;
  return amount < 0 ? CENTRE * (1 - amount / low) : CENTRE + ((127 - CENTRE) * amount) / high;
}

/** Which MIDI controller turns which knob: learned by moving both, and kept in this browser. */
export class MidiLearn {
  /** Whether the next controller that moves is given the knob that was turned last. */
  learning = false;
  /** Knobs by controller. */
  bound: Readonly<Record<Name, string>> = kept();
  private readonly hands = new Map<Name, { value: number; holds: boolean; set: number | null }>();
  private heard = false;
  private resting: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly session: Session) {}

  /** Asks for MIDI and waits for a knob and a controller; once more, and it is over. */
  async toggle(): Promise<void> {
    const { session } = this;
    if (this.learning) {
      this.learning = false;
      return session.say("Controllers turn what they have learned.");
    }
    if (!(await this.listen())) return;
    this.learning = true;
    session.turning = null;
    session.say("Turn a knob here, then move a controller.");
  }

  /** Hears controllers again that this browser knows, where the person has allowed it before. */
  async resume(): Promise<void> {
    if (!Object.keys(this.bound).length || !navigator.permissions) return;
    try {
      const { state } = await navigator.permissions.query({ name: "midi" as PermissionName });
      if (state === "granted") await this.listen();
    } catch {
      // This browser does not tell: the button asks.
    }
  }

  forget(name: Name): void {
    const { [name]: _, ...others } = this.bound;
    this.keep(others);
  }

  private async listen(): Promise<boolean> {
    if (!(await this.session.midi.open())) return false;
    if (!this.heard) this.session.midi.subscribe((played) => this.hear(played));
    this.heard = true;
    return true;
  }

  private hear(played: Played): void {
    if (played.kind !== "control") return;
    const { session } = this;
    const name = `${played.channel + 1}.${played.number}`;
    if (this.learning && session.turning && this.bound[name] !== session.turning) {
      this.keep({ ...this.bound, [name]: session.turning });
      this.hands.delete(name);
      session.say(`Controller ${played.number} turns ${session.turning}.`);
    }
    this.move(name, played.value);
  }

  private move(name: Name, value: number): void {
    const { session } = this;
    const knob = session.knobs.find((one) => one.name === this.bound[name]);
    if (!knob || session.state?.locks.includes(knob.name)) return;
    const now = session.amountOf(knob.name);
    const hand = this.hands.get(name) ?? { value: -1, holds: false, set: null };
    // Soft takeover: one that stands elsewhere than the knob turns it from where it passes it.
    if (hand.set !== now) hand.holds = false;
    const at = valueAt(now, knob);
    const passed = hand.value >= 0 && (hand.value - at) * (value - at) <= 0;
    hand.holds ||= onOff(knob) || passed || Math.abs(value - at) <= NEAR;
    hand.value = value;
    if (hand.holds) {
      const amount = onOff(knob) ? (value >= CENTRE ? knob.high || knob.low : 0) : amountAt(value, knob);
      hand.set = amount;
      if (amount !== now) {
        session.turn(knob.name, amount);
        if (this.resting) clearTimeout(this.resting);
        this.resting = setTimeout(() => session.set(knob.name, amount), REST);
      }
    }
    this.hands.set(name, hand);
  }

  private keep(bound: Record<Name, string>): void {
    this.bound = bound;
    try {
      localStorage.setItem(KEPT, JSON.stringify(bound));
    } catch {
      // Storage may be off: they last as long as the page.
    }
    this.session.changed();
  }
}

function kept(): Record<Name, string> {
  try {
    const found = Object.entries(JSON.parse(localStorage.getItem(KEPT) ?? "{}") as object);
    return Object.fromEntries(found.filter(([name, knob]) => /^\d{1,2}\.\d{1,3}$/.test(name) && typeof knob === "string"));
  } catch {
    return {};
  }
}
