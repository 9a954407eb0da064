import { css, html, LitElement, nothing, svg, type PropertyValues } from "lit";
import { property, query, state } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import { fit, grain, inWords, keyStep, parseAmount, signed, unitFor, type Scale } from "../numbers.js";
import { define, icon, shared } from "./shared.js";

const SWEEP = 135;
const FULL = 160;
const SNAP = 2;
const FINE = 0.2;
/** Pixels that a finger moves before it turns, since one that scrolls never goes straight down. */
const SLIP = 8;

/**
 * A knob, drawn over a native range input, so that everything that works a slider works it.
 * The mouse drags up and down, a finger to the sides, so that it can scroll the page. Drags go by whole steps; Shift
 * is a fifth as far, without them.
 * Sends `lk-turn` while it moves and `lk-set` when it is let go, both with {value}; `lk-lock` with {locked}; `lk-card`.
 */
export class KnobElement extends LitElement {
  static override styles = [shared, css`
    :host { display: block; width: 140px; --dial: 112px; --hue: var(--k7); }
    :host([hue="0"]) { --hue: var(--k0); } :host([hue="1"]) { --hue: var(--k1); } :host([hue="2"]) { --hue: var(--k2); }
    :host([hue="3"]) { --hue: var(--k3); } :host([hue="4"]) { --hue: var(--k4); } :host([hue="5"]) { --hue: var(--k5); }
    :host([hue="6"]) { --hue: var(--k6); }
    :host([large]) { width: 190px; --dial: 156px; }
    .knob { display: flex; flex-direction: column; align-items: center; }
    .name { font-weight: 600; font-size: 16px; letter-spacing: -0.01em; text-align: center; max-width: 100%; overflow-wrap: anywhere; line-height: 1.25; }
    .dial { position: relative; width: var(--dial); height: calc(var(--dial) * 0.97); margin-top: 6px; }
    .dial svg.face { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; }
    input[type="range"] { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: ns-resize; touch-action: pan-y; }
    .ring { fill: none; stroke: transparent; stroke-width: 2.500; }
    .dial:has(input:focus-visible) .ring { stroke: var(--focus); }
    input[type="range"]:focus-visible { outline: none; }
    .locked input[type="range"] { cursor: not-allowed; }
    .track { fill: none; stroke: var(--track); stroke-width: 5; stroke-linecap: round; }
    .arc { fill: none; stroke: var(--hue); stroke-width: 5; stroke-linecap: round; }
    .mark { fill: var(--edge); }
    .cap { fill: var(--cap-b); stroke: var(--line); stroke-width: 1; }
    .top { fill: var(--cap-a); }
    .needle { stroke: var(--hue); stroke-width: 4; stroke-linecap: round; }
    .locked .arc, .locked .needle { stroke: var(--edge); }
    .value { display: grid; justify-items: center; width: 100%; margin-top: -12px; }
    .value input { width: 96px; min-height: 44px; padding: 0 4px; border: 1px solid transparent; border-radius: 8px; background: transparent; text-align: center; font-size: 21px; font-weight: 600; font-variant-numeric: tabular-nums; }
    .value input:hover { border-color: var(--line); }
    .value input:focus { background: var(--raise); border-color: var(--edge); }
    .unit { color: var(--soft); font-size: 13px; line-height: 16px; min-height: 16px; margin-top: -6px; text-align: center; }
    .told { color: var(--bad); max-width: 132px; margin-top: -2px; }
    :host([large]) .name { font-size: 18px; } :host([large]) .value input { font-size: 25px; }
    .foot { display: flex; align-items: center; gap: 2px; }
    .badge { display: inline-flex; align-items: center; gap: 7px; min-height: 44px; padding: 0 10px; border: 0; border-radius: 10px; background: transparent; color: var(--soft); font-size: 13px; cursor: pointer; white-space: nowrap; }
    .badge:hover { background: var(--raise); color: var(--ink); }
    .dots { display: inline-flex; gap: 3px; }
    .dots i { width: 6px; height: 6px; border-radius: 50%; border: 1px solid currentColor; }
    .dots i.on { background: currentColor; }
    .lock { width: 44px; height: 44px; display: grid; place-items: center; border: 0; border-radius: 10px; background: transparent; color: var(--soft); cursor: pointer; }
    .lock:hover { background: var(--raise); color: var(--ink); }
    .lock[aria-pressed="true"] { color: var(--ink); }
    .lock svg { width: 17px; height: 17px; }
    @media (max-width: 480px) { :host { width: 104px; --dial: 88px; } .badge { padding: 0 6px; } .badge:has(.dots) .word { position: absolute; clip-path: inset(50%); } :host([large]) { width: 164px; --dial: 136px; } }
    @media (forced-colors: active) {
      .track { stroke: GrayText; } .arc, .needle { stroke: Highlight; } .dial:has(input:focus-visible) .ring { stroke: Highlight; } .cap, .top { fill: Canvas; stroke: CanvasText; } .mark { fill: CanvasText; }
      .dots i.on { forced-color-adjust: none; background: CanvasText; } .value input { border: 0; } .track { stroke-width: 2; }
    }
  `];

  @property() name = "";
  @property() label = "";
  @property() unit = "";
  @property({ type: Number }) value = 0;
  @property({ type: Number }) low = -1;
  @property({ type: Number }) high = 1;
  @property({ attribute: false }) step: number | null = null;
  @property({ attribute: false }) says: { down: string; up: string } | null = null;
  /** "high", "medium", "low", or the verdict of a knob that was not accepted. */
  @property() badge = "";
  @property({ type: Boolean, reflect: true }) locked = false;
  @property({ type: Number, reflect: true }) hue = 7;
  @state() private moving: number | null = null;
  @query("input[type=range]") private range!: HTMLInputElement;
  private raw = 0;
  /** A gesture: where it counts from, along the axis on which it turns, and the amount that it began with. */
  private drag: { at: number; raw: number; fine: boolean; moved: boolean; touch: boolean; before: number } | null = null;
  /** What is said of an amount that could not be set as it was typed. */
  @state() private told = "";
  private tapped = -Infinity;
  private wheeled: ReturnType<typeof setTimeout> | null = null;

  private get scale(): Scale {
    return { low: this.low, high: this.high, step: this.step };
  }

  private get shown(): number {
    return this.moving ?? this.value;
  }

  override focus(options?: FocusOptions): void {
    this.range.focus(options);
  }

  protected override firstUpdated(_: PropertyValues): void {
    // A wheel listener that may stop the page from scrolling cannot be passive.
    this.range.addEventListener("wheel", this.wheel, { passive: false });
    // A finger that turns the knob does not move the native thumb as well.
    this.range.addEventListener("touchmove", (event) => { if (this.drag?.moved && event.cancelable) event.preventDefault(); }, { passive: false });
  }

  override render() {
    const value = this.shown;
    const id = "range";
    return html`<div class="knob ${this.locked ? "locked" : ""}" part="knob">
      <label class="name" for=${id}>${this.label || this.name}</label>
      <div class="dial">
        ${this.face(value)}
        <input id=${id} type="range" min=${this.low} max=${this.high} step=${grain(this.scale)} .value=${live(String(value))}
          aria-valuetext=${inWords(value, this.unit, this.says)} aria-disabled=${this.locked ? "true" : "false"}
          @pointerdown=${this.press} @pointermove=${this.pull} @pointerup=${this.release} @pointercancel=${this.giveUp}
          @dblclick=${this.reset} @keydown=${this.key} @keyup=${this.settle} @blur=${this.settle}
          @input=${this.native} @change=${this.settle} @contextmenu=${(event: Event) => event.preventDefault()}>
      </div>
      <div class="value">
        <input type="text" inputmode="text" autocomplete="off" spellcheck="false" .value=${live(signed(value))} ?readonly=${this.locked}
          aria-label="${this.label || this.name}, amount in ${this.unit || "units"}"
          @focus=${(event: Event) => (event.target as HTMLInputElement).select()} @keydown=${this.typing} @change=${this.typed}>
        <span class="unit ${this.told ? "told" : ""}" role="status">${this.told || unitFor(value, this.unit)}</span>
      </div>
      <div class="foot">
        ${this.badge ? html`<button class="badge" type="button" aria-label="${this.label || this.name}: ${this.confidence}. What it does" @click=${() => this.send("lk-card")}>
          ${this.level ? html`<span class="dots" aria-hidden="true">${[1, 2, 3].map((n) => html`<i class=${n <= this.level ? "on" : ""}></i>`)}</span>` : nothing}<span class="word">${this.badge}</span></button>` : null}
        <button class="lock" type="button" aria-pressed=${this.locked ? "true" : "false"} aria-label="Lock ${this.label || this.name}"
          title=${this.locked ? "Locked: press to unlock" : "Lock"} @click=${() => this.send("lk-lock", { locked: !this.locked })}>${icon(this.locked ? "lock" : "unlock")}</button>
      </div>
    </div>`;
  }

  private get level(): number {
    return { high: 3, medium: 2, low: 1 }[this.badge] ?? 0;
  }

  private get confidence(): string {
    return this.level ? `${this.badge} confidence` : this.badge;
  }

  private angle(value: number): number {
    if (value === 0) return 0;
    return value > 0 ? (value / this.high) * SWEEP : (value / this.low) * -SWEEP;
  }

  private face(value: number) {
    const to = this.angle(value);
    const point = (degrees: number, radius: number) => {
      const turn = ((degrees - 90) * Math.PI) / 180;
      return [60 + radius * Math.cos(turn), 62 + radius * Math.sin(turn)].map((number) => number.toFixed(2));
    };
    const arc = (from: number, until: number) =>
      `M${point(from, 50)}A50 50 0 ${Math.abs(until - from) > 180 ? 1 : 0} ${until > from ? 1 : 0} ${point(until, 50)}`;
    const [low, high] = [this.low < 0 ? -SWEEP : 0, this.high > 0 ? SWEEP : 0];
    const [x1, y1] = point(to, 16);
    const [x2, y2] = point(to, 29);
    const marks = [low, 0, high].map((degrees) => point(degrees, 60));
    return svg`<svg class="face" viewBox="0 0 120 116" aria-hidden="true">
      <path class="track" d=${arc(low, high)}></path>
      ${to === 0 ? null : svg`<path class="arc" d=${arc(0, to)}></path>`}
      ${marks.map(([x, y]) => svg`<circle class="mark" cx=${x!} cy=${y!} r="1.600"></circle>`)}
      <circle class="ring" cx="60" cy="62" r="44.500"></circle><circle class="cap" cx="60" cy="63" r="38"></circle><circle class="top" cx="60" cy="62" r="35.500"></circle>
      <line class="needle" x1=${x1!} y1=${y1!} x2=${x2!} y2=${y2!}></line>
    </svg>`;
  }

  private press(event: PointerEvent): void {
    if (event.button !== 0) return;
    event.preventDefault(); // the native thumb would jump to the pointer
    this.range.focus({ preventScroll: true });
    if (this.locked) return;
    if (event.altKey || event.ctrlKey || event.metaKey) {
      this.reset();
      return;
    }
    this.range.setPointerCapture?.(event.pointerId);
    this.raw = this.shown;
    const touch = event.pointerType === "touch" || event.pointerType === "pen";
    this.drag = { at: along(event, touch), raw: this.raw, fine: event.shiftKey, moved: false, touch, before: this.raw };
  }

  private pull(event: PointerEvent): void {
    if (!this.drag) return;
    const at = along(event, this.drag.touch);
    if (this.drag.touch && !this.drag.moved && Math.abs(at - this.drag.at) < SLIP) return;
    if (event.shiftKey !== this.drag.fine) this.drag = { ...this.drag, at, raw: this.raw, fine: event.shiftKey };
    const pixel = ((this.high - this.low) / FULL) * (this.drag.fine ? FINE : 1);
    const wanted = this.drag.raw + (at - this.drag.at) * pixel;
    if (at !== this.drag.at) this.drag.moved = true;
    this.raw = Math.min(this.high, Math.max(this.low, wanted));
    if (this.raw !== wanted) this.drag = { ...this.drag, at, raw: this.raw };
    const step = keyStep(this.scale);
    const ends = this.raw === this.high || this.raw === this.low;
    if (Math.abs(this.raw) <= SNAP * pixel) this.show(0);
    else this.show(this.drag.fine || ends ? this.raw : Math.round(this.raw / step) * step);
  }

  /** The gesture became something else, such as scrolling: nothing was turned. */
  private giveUp(): void {
    if (!this.drag) return;
    const { before } = this.drag;
    this.drag = null;
    this.tapped = -Infinity;
    this.show(before);
    this.settle();
  }

  private release(event: PointerEvent): void {
    if (!this.drag) return;
    const { moved } = this.drag;
    this.drag = null;
    if (!moved && event.timeStamp - this.tapped < 350) this.reset();
    this.tapped = moved ? -Infinity : event.timeStamp;
    this.settle();
  }

  private readonly wheel = (event: WheelEvent): void => {
    if (this.locked || !this.matches(":focus-within") || this.shadowRoot!.activeElement !== this.range) return;
    event.preventDefault();
    if (event.deltaY === 0) return;
    this.show(this.shown - Math.sign(event.deltaY) * keyStep(this.scale) * (event.shiftKey ? FINE : 1));
    if (this.wheeled) clearTimeout(this.wheeled);
    this.wheeled = setTimeout(() => this.settle(), 350);
  };

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const one = keyStep(this.scale) * (event.shiftKey && !this.step ? FINE : 1);
    const ways: Record<string, number> = {
      ArrowUp: this.shown + one, ArrowRight: this.shown + one, ArrowDown: this.shown - one, ArrowLeft: this.shown - one,
      PageUp: this.shown + 10 * one, PageDown: this.shown - 10 * one, Home: this.low, End: this.high, Delete: 0, Backspace: 0,
    };
    const wanted = ways[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    if (!this.locked) this.show(wanted);
  }

  /** A slider moved by something else than this page's own gestures, such as a screen reader. */
  private native(): void {
    if (this.locked) this.requestUpdate();
    else this.show(Number(this.range.value));
  }

  private typing(event: KeyboardEvent): void {
    const field = event.target as HTMLInputElement;
    if (event.key === "Enter") {
      this.typed(event);
      field.select();
    } else if (event.key === "Escape") {
      field.value = signed(this.value);
      field.blur();
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      this.key(event);
      this.settle();
    }
  }

  private typed(event: Event): void {
    const field = event.target as HTMLInputElement;
    const amount = parseAmount(field.value);
    const { low, high } = this;
    // After Enter the browser tells of the change too, of the number that was put in the place of the wrong one.
    if (this.told && field.value === signed(this.shown)) return;
    if (amount === null || this.locked) field.value = signed(this.value);
    else {
      this.show(amount);
      this.settle();
      field.value = signed(this.shown);
    }
    const wrong = amount === null ? "no number" : amount < low || amount > high ? `not ${signed(amount)}` : "";
    this.told = wrong && !this.locked ? `${wrong}: ${signed(low)} to ${signed(high)}` : "";
  }

  private reset(): void {
    if (this.locked) return;
    this.show(0);
    this.settle();
  }

  private show(wanted: number): void {
    const value = fit(wanted, this.scale);
    this.told = "";
    if (value === this.shown) return;
    this.moving = value;
    this.send("lk-turn", { value });
  }

  private settle(): void {
    if (this.wheeled) clearTimeout(this.wheeled);
    this.wheeled = null;
    if (this.moving === null || this.drag) return;
    const value = this.moving;
    this.value = value;
    this.moving = null;
    this.send("lk-set", { value });
  }

  private send(type: string, detail: object = {}): void {
    this.dispatchEvent(new CustomEvent(type, { detail: { name: this.name, ...detail }, bubbles: true, composed: true }));
  }
}

/** Where a pointer is on the axis that turns: up or, of a finger, to the right. */
function along(event: PointerEvent, touch: boolean): number {
  return touch ? event.clientX : -event.clientY;
}

define("lk-knob", KnobElement);

declare global {
  interface HTMLElementTagNameMap {
    "lk-knob": KnobElement;
  }
}
