/** Plots of what was measured of knobs: SVG in the page's own size, so that text stays as large as it is. */
import { css, html, LitElement, nothing, svg, type SVGTemplateResult } from "lit";
import { property, state } from "lit/decorators.js";
import { define, shared } from "../elements/shared.js";
import type { RegistryCard } from "../types.js";
import { short, sign } from "./view.js";

type Point = NonNullable<RegistryCard["curve"]>["points"][number];
export type Series = RegistryCard["criteria"][number];
export interface Curve {
  readonly name: string;
  readonly hue: number;
  readonly points: readonly Point[];
}
export interface Effects {
  readonly name: string;
  readonly hue: number;
  readonly effects: readonly { readonly attribute: string; readonly effect: number; readonly slope: number; readonly target: boolean }[];
}

/** Standard deviations from which on a knob moves an attribute. */
const MOVED = 0.25;
const MOST_BARS = 40;

const plot = css`
  :host { display: block; min-width: 0; }
  svg { display: block; }
  text { fill: var(--soft); font: 12px var(--sans); font-variant-numeric: tabular-nums; } text.ink { fill: var(--ink); } text.strong { font-weight: 600; fill: var(--ink); } text.over { paint-order: stroke; stroke: var(--bg); stroke-width: 4px; stroke-linejoin: round; }
  .axis { stroke: var(--line); } .zero { stroke: var(--edge); } .bound { stroke: var(--ink); stroke-dasharray: 5 4; } .asked { stroke: var(--edge); stroke-dasharray: 2 4; stroke-width: 1.500; }
  .h0 { --hue: var(--k0); } .h1 { --hue: var(--k1); } .h2 { --hue: var(--k2); } .h3 { --hue: var(--k5); }
  .band { fill: var(--hue); opacity: 0.22; } .line { fill: none; stroke: var(--hue); stroke-width: 2; } .dot { fill: var(--hue); } .whisker { stroke: var(--hue); stroke-width: 1.500; }
  .rest { fill: var(--edge); } .outside { fill: var(--bad); opacity: 0.09; }
  .missed { stroke: var(--bad); stroke-width: 2.500; }
  @media (forced-colors: active) { .line, .whisker { stroke: Highlight; } .dot { fill: Highlight; } .rest { fill: CanvasText; } text { fill: CanvasText; } }
`;

abstract class PlotElement extends LitElement {
  static override styles: any = [shared, plot];
  @state() protected width = 480;
  private readonly watcher = globalThis.ResizeObserver ? new ResizeObserver(([entry]) => { this.width = Math.max(160, Math.floor(entry!.contentRect.width)); }) : null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.watcher?.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.watcher?.disconnect();
  }
}

/** Round numbers from low to high, about as many as are asked for. */
export function ticks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / Math.max(1, count);
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * unit).find((n) => n >= rough * 0.999) ?? unit;
  const out = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n += 1) out.push(Number((n * step).toPrecision(12)));
  return out;
}

/** A scale from values to pixels; values that are all one get some room. */
function scale(values: readonly number[], from: number, to: number, room = 0) {
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (high - low < 1e-9) [low, high] = [low - 0.5, high + 0.5];
  [low, high] = [low - (high - low) * room, high + (high - low) * room];
  return { low, high, at: (value: number) => from + ((value - low) / (high - low)) * (to - from) };
}

/** A mark that differs by more than its colour. */
function mark(hue: number, x: number, y: number): SVGTemplateResult {
  const d = [`M${x - 4} ${y}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z`, `M${x - 4} ${y - 4}h8v8h-8z`, `M${x} ${y - 5}l5 9h-10z`, `M${x} ${y - 5.5}l5.500 5.500l-5.500 5.500l-5.500 -5.500z`][hue % 4]!;
  return svg`<path class="dot" d=${d}></path>`;
}

/** The mark of a series, for a legend. */
export const legend = (hue: number) => html`<lk-mark hue=${hue}></lk-mark>`;

export class MarkElement extends LitElement {
  static override styles = [shared, plot, css`:host { display: inline-block; vertical-align: -1px; margin-right: 7px; }`];
  @property({ type: Number }) hue = 0;

  override render() {
    return html`<svg width="14" height="14" aria-hidden="true" class="h${this.hue}">${mark(this.hue, 7, 7)}</svg>`;
  }
}

/** The mean change of the target by amount, each with its interval, and what was asked for. */
export class ResponsePlot extends PlotElement {
  @property({ attribute: false }) curves: readonly Curve[] = [];
  @property() attribute = "";
  @property() unit = "";

  override render() {
    const points = this.curves.flatMap((curve) => curve.points);
    if (!points.length) return nothing;
    const { width } = this;
    const height = Math.round(Math.min(320, Math.max(220, width * 0.55)));
    const x = scale([0, ...points.map(({ amount }) => amount)], 52, width - 14, 0.02);
    const y = scale([0, ...points.flatMap(({ low, high }) => [low, high])], height - 42, 12, 0.04);
    const clamp = (value: number) => Math.min(y.high, Math.max(y.low, value));
    const [from, to] = [Math.max(x.low, clamp(x.low)), Math.min(x.high, clamp(x.high))];
    // Curves that are alike would cover one another: their marks stand side by side.
    const beside = (index: number) => (index - (this.curves.length - 1) / 2) * 7;
    const said = this.curves.map(({ name, points: own }) => `${name}: ${own.map(({ amount, value }) => `${short(value)} at ${sign(amount)}`).join(", ")}`).join("; ");
    return html`<svg width=${width} height=${height} role="img" aria-label="Mean change of ${this.attribute} by amount. ${said}">
      ${ticks(y.low, y.high, 5).map((value) => svg`<line class=${value === 0 ? "zero" : "axis"} x1="52" x2=${width - 14} y1=${y.at(value)} y2=${y.at(value)}></line><text x="44" y=${y.at(value) + 4} text-anchor="end">${short(value)}</text>`)}
      ${ticks(x.low, x.high, width < 420 ? 5 : 9).map((value) => svg`<text x=${x.at(value)} y=${height - 24} text-anchor="middle">${sign(value)}</text>`)}
      <line class="asked" x1=${x.at(from)} y1=${y.at(from)} x2=${x.at(to)} y2=${y.at(to)}></line>
      ${this.curves.map(({ hue, points: own }, index) => svg`<g class="h${hue}">
        <polygon class="band" points=${[...own.map(({ amount, high }) => [amount, high] as const), ...[...own].reverse().map(({ amount, low }) => [amount, low] as const)].map(([a, v]) => `${x.at(a).toFixed(1)},${y.at(v).toFixed(1)}`).join(" ")}></polygon>
        <polyline class="line" points=${own.map(({ amount, value }) => `${x.at(amount).toFixed(1)},${y.at(value).toFixed(1)}`).join(" ")}></polyline>
        ${own.map(({ amount, value, low, high }) => svg`<line class="whisker" x1=${x.at(amount) + beside(index)} x2=${x.at(amount) + beside(index)} y1=${y.at(low)} y2=${y.at(high)}></line>${mark(hue, x.at(amount) + beside(index), y.at(value))}`)}</g>`)}
      <text x=${(52 + width - 14) / 2} y=${height - 5} text-anchor="middle">amount${this.unit ? `, ${this.unit}` : ""}</text></svg>`;
  }
}

/** One criterion by amount, with its bound; what misses it is crossed. */
export class CriterionPlot extends PlotElement {
  @property({ attribute: false }) series!: Series;

  override render() {
    const { width, series } = this;
    const points = series.points.filter((point): point is typeof point & { amount: number; value: number } => point.amount !== null && point.value !== null);
    if (!points.length) return nothing;
    const height = 132;
    const x = scale(points.map(({ amount }) => amount), 46, width - 10, 0.03);
    const y = scale([series.bound, ...points.flatMap(({ value, low, high }) => [value, low ?? value, high ?? value])], height - 22, 8, 0.08);
    const bound = y.at(series.bound);
    const missed = points.filter(({ passed }) => !passed);
    const worst = points.reduce((a, b) => ((series.at_least ? b.value < a.value : b.value > a.value) ? b : a));
    const said = `${missed.length ? `Missed at ${missed.map(({ amount }) => sign(amount)).join(", ")}` : "Met at every amount"}; worst ${short(worst.value)} at ${sign(worst.amount)}, ${series.at_least ? "at least" : "at most"} ${short(series.bound)}`;
    return html`<svg width=${width} height=${height} role="img" aria-label=${said} class="h1">
      <rect class="outside" x="46" width=${Math.max(0, width - 56)} y=${series.at_least ? bound : 8} height=${Math.max(0, series.at_least ? height - 22 - bound : bound - 8)}></rect>
      ${ticks(y.low, y.high, 3).map((value) => svg`<line class="axis" x1="46" x2=${width - 10} y1=${y.at(value)} y2=${y.at(value)}></line><text x="40" y=${y.at(value) + 4} text-anchor="end">${short(value)}</text>`)}
      <line class="bound" x1="46" x2=${width - 10} y1=${bound} y2=${bound}></line>
      ${ticks(x.low, x.high, width < 300 ? 4 : 6).map((value) => svg`<text x=${x.at(value)} y=${height - 4} text-anchor="middle">${sign(value)}</text>`)}
      ${points.map(({ amount, value, low, high, passed }) => {
        const [px, py] = [x.at(amount), y.at(value)];
        return svg`<line class="whisker" x1=${px} x2=${px} y1=${y.at(low ?? value)} y2=${y.at(high ?? value)}></line>${passed ? svg`<circle class="dot" cx=${px} cy=${py} r="3.500"></circle>` : svg`<path class="missed" d="M${px - 4} ${py - 4}l8 8m0 -8l-8 8"></path>`}`;
      })}</svg>`;
  }
}

/** The selected dimensions by their share of the moved energy, the largest first. */
export class SharePlot extends PlotElement {
  @property({ attribute: false }) selected: RegistryCard["selected"] = [];

  override render() {
    const { width } = this;
    const most = Math.max(1, Math.min(this.selected.length, MOST_BARS, Math.floor((width - 44) / 27)));
    const dims = [...this.selected].sort((a, b) => b.share - a.share).slice(0, most);
    if (!dims.length) return nothing;
    const height = 170;
    const y = scale([0, ...dims.map(({ share }) => share)], height - 22, 12);
    const step = Math.min(64, (width - 44) / dims.length);
    return html`<svg width=${width} height=${height} role="img" aria-label="Share of the moved energy: ${dims.map(({ dim, share }) => `dimension ${dim} ${percent(share)}`).join(", ")}" class="h1">
      ${ticks(0, y.high, 3).map((value) => svg`<line class="axis" x1="44" x2=${width} y1=${y.at(value)} y2=${y.at(value)}></line><text x="38" y=${y.at(value) + 4} text-anchor="end">${percent(value)}</text>`)}
      ${dims.map(({ dim, share }, index) => svg`<rect class="dot" x=${44 + index * step + 2} width=${step - 4} y=${y.at(share)} height=${Math.max(1, y.at(0) - y.at(share))} rx="2"></rect><text x=${44 + (index + 0.5) * step} y=${height - 6} text-anchor="middle">${dim}</text>`)}</svg>`;
  }
}

/** What one or several knobs do to attributes, in standard deviations. */
export class EffectPlot extends PlotElement {
  @property({ attribute: false }) knobs: readonly Effects[] = [];

  override render() {
    const { width, knobs } = this;
    const largest = new Map<string, number>();
    for (const { effects } of knobs) for (const { attribute, effect } of effects) largest.set(attribute, Math.max(effect, largest.get(attribute) ?? 0));
    const attributes = [...largest].sort((a, b) => b[1] - a[1]).map(([attribute]) => attribute);
    if (!attributes.length) return nothing;
    const left = Math.min(150, width * 0.4);
    const x = scale([0, MOVED, ...largest.values()], left, width - 54);
    const thick = knobs.length > 1 ? 14 : 16;
    const tall = knobs.length * thick + 10;
    const height = attributes.length * tall + 22;
    const said = knobs.map(({ name, effects }) => `${knobs.length > 1 ? `${name}: ` : ""}${effects.map(({ attribute, effect }) => `${attribute} ${short(effect)}`).join(", ")}`).join("; ");
    return html`<svg width=${width} height=${height} role="img" aria-label="Effects in standard deviations. ${said}">
      <line class="bound" x1=${x.at(MOVED)} x2=${x.at(MOVED)} y1="0" y2=${height - 20}></line>
      ${attributes.map((attribute, row) => svg`<text class=${knobs.some(({ effects }) => effects.some((one) => one.target && one.attribute === attribute)) ? "strong" : "ink"} x=${left - 10} y=${row * tall + tall / 2 + 4} text-anchor="end">${attribute}</text>
        ${knobs.map(({ hue, effects }, index) => {
          const one = effects.find((effect) => effect.attribute === attribute);
          const y = row * tall + 5 + index * thick;
          if (!one) return svg`<text x=${left + 4} y=${y + thick - 2}>not measured</text>`;
          const long = Math.max(1, x.at(one.effect) - left);
          const way = one.effect < MOVED ? "" : one.slope < 0 ? " \u2193" : " \u2191";
          return svg`<rect class=${one.target || knobs.length > 1 ? `dot h${hue}` : "rest"} x=${left} y=${y + 1} height=${thick - 2} width=${long} rx="2"></rect><text class="over" x=${left + long + 6} y=${y + thick - 3}>${one.effect.toFixed(2)}${way}</text>`;
        })}`)}
      <text x=${x.at(MOVED)} y=${height - 5} text-anchor="middle">${MOVED} sd</text></svg>`;
  }
}

export const percent = (share: number): string => `${share >= 0.1 || share === 0 ? Math.round(share * 100) : Number((share * 100).toPrecision(1))} %`;

define("lk-mark", MarkElement);
define("lk-response-plot", ResponsePlot);
define("lk-criterion-plot", CriterionPlot);
define("lk-share-plot", SharePlot);
define("lk-effect-plot", EffectPlot);
