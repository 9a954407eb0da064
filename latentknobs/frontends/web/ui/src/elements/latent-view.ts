import { css, html, LitElement, svg } from "lit";
import { property, state } from "lit/decorators.js";
import { define, shared } from "./shared.js";

const HEIGHT = 96;

/** A latent code, a bar per dimension: wide for the original, narrow for the steered code; a knob's selected dimensions are coloured and ticked. */
export class LatentViewElement extends LitElement {
  static override styles = [shared, css`
    :host { display: block; color: var(--s-ink); }
    svg { display: block; width: 100%; }
    .was { fill: var(--s-bar); } .now { fill: var(--s-note); } .h0 { fill: var(--s0); } .h1 { fill: var(--s1); } .h2 { fill: var(--s2); } .h3 { fill: var(--s3); }
    .h4 { fill: var(--s4); } .h5 { fill: var(--s5); } .h6 { fill: var(--s6); } .h7 { fill: var(--s7); }
    .axis { stroke: var(--s-bar); stroke-width: 1; vector-effect: non-scaling-stroke; }
    .hover { fill: transparent; } .hover:hover { fill: rgb(255 255 255 / 8%); }
    p { color: var(--s-soft); font-size: 13px; min-height: 20px; }
    @media (forced-colors: active) { .was { fill: GrayText; } .now { fill: CanvasText; } [class^="h"]:not(.hover) { fill: Highlight; } }
  `];

  @property({ attribute: false }) was: readonly number[] = [];
  @property({ attribute: false }) now: readonly number[] = [];
  /** Dimensions that are marked, each with the place of its colour. */
  @property({ attribute: false }) marked: ReadonlyMap<number, number> = new Map();
  /** What the marked ones are, in words. */
  @property() meaning = "";
  @property({ type: Number }) height = HEIGHT;
  @property() label = "Latent code";
  @state() private looked: number | null = null;

  override render() {
    const size = this.now.length || this.was.length;
    const most = Math.max(0.5, ...[...this.now, ...this.was].map(Math.abs));
    const middle = this.height / 2;
    const tall = middle - 7;
    const { marked } = this;
    const y = (value: number) => middle - (value / most) * tall;
    const bar = (index: number, value: number, kind: string, width: number, inset: number) =>
      svg`<rect class=${kind} x=${index + inset} width=${width} y=${Math.min(middle, y(value))} height=${Math.max(0.6, Math.abs(y(value) - middle))}></rect>`;
    const dims = Array.from({ length: size }, (_, index) => index);
    return html`<svg viewBox="0 0 ${Math.max(1, size)} ${this.height}" height=${this.height} preserveAspectRatio="none" role="img"
        aria-label="${this.label}: ${size} dimensions${marked.size ? `, ${marked.size} of them marked: ${this.meaning}` : ""}" @pointerleave=${() => { this.looked = null; }}>
        <line class="axis" x1="0" x2=${size} y1=${middle} y2=${middle}></line>
        ${dims.map((index) => svg`${bar(index, this.was[index] ?? 0, "was", 0.8, 0.1)}${bar(index, this.now[index] ?? 0, marked.has(index) ? `h${marked.get(index)}` : "now", 0.4, 0.3)}
          ${marked.has(index) ? svg`<rect class="h${marked.get(index)}" x=${index + 0.1} width="0.800" y=${this.height - 4} height="4"></rect>` : null}
          <rect class="hover" x=${index} width="1" y="0" height=${this.height} @pointerenter=${() => { this.looked = index; }}></rect>`)}
      </svg><p aria-hidden="true">${this.words(size)}</p>`;
  }

  private words(size: number): string {
    const index = this.looked;
    if (index === null || index >= size) return size ? `${size} latent dimensions${this.marked.size ? `; ${this.marked.size} ${this.meaning}` : ""}` : "";
    const was = this.was[index];
    const now = this.now[index];
    const change = was !== undefined && now !== undefined && Math.abs(now - was) > 5e-5 ? `, moved from ${was.toFixed(2)} to ${now.toFixed(2)}` : `: ${(now ?? was ?? 0).toFixed(2)}`;
    return `Dimension ${index}${change}`;
  }
}

/** A knob's mean change of the latent code: bars by dimension, or a curve of sorted sizes. */
export class BarsElement extends LitElement {
  static override styles = [shared, css`
    :host { display: block; --hue: var(--k7); }
    :host([hue="0"]) { --hue: var(--k0); } :host([hue="1"]) { --hue: var(--k1); } :host([hue="2"]) { --hue: var(--k2); }
    :host([hue="3"]) { --hue: var(--k3); } :host([hue="4"]) { --hue: var(--k4); } :host([hue="5"]) { --hue: var(--k5); }
    :host([hue="6"]) { --hue: var(--k6); }
    svg { display: block; width: 100%; }
    rect { fill: var(--edge); } rect.on { fill: var(--hue); } rect.tick { fill: var(--hue); }
    polyline { fill: none; stroke: var(--hue); stroke-width: 2; vector-effect: non-scaling-stroke; }
    line { stroke: var(--line); vector-effect: non-scaling-stroke; }
    @media (forced-colors: active) { rect { fill: CanvasText; } rect.on, rect.tick { fill: Highlight; } polyline { stroke: Highlight; } }
  `];

  @property({ attribute: false }) values: readonly number[] = [];
  @property({ attribute: false }) marked: readonly number[] = [];
  @property({ type: Boolean }) curve = false;
  @property({ type: Number, reflect: true }) hue = 7;
  @property({ type: Number }) height = 84;
  @property() label = "";

  override render() {
    const size = Math.max(1, this.values.length);
    const most = Math.max(1e-9, ...this.values.map(Math.abs));
    const signed = this.values.some((value) => value < 0);
    const base = signed ? this.height / 2 : this.height - 6;
    const tall = signed ? this.height / 2 - 7 : this.height - 10;
    const y = (value: number) => base - (value / most) * tall;
    const marked = new Set(this.marked);
    return html`<svg viewBox="0 0 ${size} ${this.height}" height=${this.height} preserveAspectRatio="none" role="img" aria-label=${this.label}>
      <line x1="0" x2=${size} y1=${base} y2=${base}></line>
      ${this.curve
        ? svg`<polyline points=${this.values.map((value, index) => `${index + 0.5},${y(value).toFixed(2)}`).join(" ")}></polyline>`
        : this.values.map((value, index) => svg`<rect class=${marked.has(index) ? "on" : ""} x=${index + 0.15} width="0.700" y=${Math.min(base, y(value))} height=${Math.max(0.5, Math.abs(y(value) - base))}></rect>
          ${marked.has(index) ? svg`<rect class="tick" x=${index + 0.15} width="0.700" y=${this.height - 4} height="4"></rect>` : null}`)}
    </svg>`;
  }
}

define("lk-latent-view", LatentViewElement);
define("lk-bars", BarsElement);

declare global {
  interface HTMLElementTagNameMap {
    "lk-latent-view": LatentViewElement;
    "lk-bars": BarsElement;
  }
}
