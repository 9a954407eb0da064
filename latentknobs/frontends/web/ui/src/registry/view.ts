import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { property, state } from "lit/decorators.js";
import { Api, ApiError } from "../api.js";
import { shared } from "../elements/shared.js";
import type { RegistryKnob } from "../types.js";
import { write, type View } from "./address.js";

/** Tables, verdicts and facts of the registry's page. */
export const look = css`
  :host { display: block; }
  h1 { margin: 0; font-size: 22px; font-weight: 650; letter-spacing: -0.02em; overflow-wrap: anywhere; }
  h1:focus-visible { outline-offset: 6px; border-radius: 4px; }
  a { color: inherit; text-underline-offset: 3px; }
  code { font: 13px var(--mono); overflow-wrap: anywhere; }
  .wide { overflow-x: auto; }
  table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
  caption { text-align: left; }
  th { font-weight: 500; text-align: left; color: var(--soft); white-space: nowrap; }
  th, td { padding: 7px 14px 7px 0; border-bottom: 1px solid var(--line); vertical-align: baseline; }
  td.n, th.n { text-align: right; }
  .verdict { white-space: nowrap; }
  .verdict::before { content: ""; display: inline-block; width: 9px; height: 9px; border-radius: 50%; border: 2px solid var(--soft); margin-right: 7px; }
  .verdict.accepted::before { background: var(--good); border-color: var(--good); }
  .verdict.rejected::before { border-color: var(--bad); border-radius: 2px; transform: rotate(45deg); }
  .verdict.provisional::before { border-color: var(--good); }
  label.field-of { display: grid; gap: 3px; font-size: 13px; color: var(--soft); min-width: 0; }
  label.field-of > * { color: var(--ink); font-size: 15px; width: 100%; min-width: 0; }
  .tag { display: inline-block; padding: 0 8px; border: 1px solid var(--line); border-radius: 99px; font-size: 12px; color: var(--soft); }
  .bad { color: var(--bad); }
  .fault { margin-top: 12px; padding: 12px 16px; border: 1px solid currentColor; border-radius: 12px; background: var(--bad-bg); color: var(--bad); overflow-wrap: anywhere; }
  @media (forced-colors: active) { .verdict.accepted::before { background: Highlight; } }
`;

/** A part of the page that shows one answer of the server: asked for anew when its view changes. */
export abstract class RegistryView<V extends View, T> extends LitElement {
  static override styles = [shared, look];

  @property({ attribute: false }) api = new Api();
  @property({ attribute: false }) view!: V;
  @state() protected answer: T | null = null;
  @state() protected fault = "";
  @state() protected busy = false;
  private stop: AbortController | null = null;

  protected abstract ask(signal: AbortSignal): Promise<T>;
  protected abstract shown(answer: T): TemplateResult;
  protected abstract heading(): TemplateResult | string;
  /** What an answer depends on; a view that differs in nothing else keeps it. */
  protected key(): string {
    return write(this.view);
  }

  private asked = "";

  /** What stands above the answer, and stays while another is awaited. */
  protected above(): TemplateResult | typeof nothing {
    return nothing;
  }

  protected override willUpdate(_changes: PropertyValues): void {
    const key = this.key();
    if (key === this.asked) return;
    this.asked = key;
    this.stop?.abort();
    const stop = new AbortController();
    this.stop = stop;
    this.busy = true;
    this.ask(stop.signal).then(
      (answer) => { if (!stop.signal.aborted) [this.answer, this.fault, this.busy] = [answer, "", false]; },
      (error: unknown) => { if (!stop.signal.aborted) [this.fault, this.busy] = [words(error), false]; },
    );
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stop?.abort();
    this.asked = "";
  }

  override render() {
    return html`<h1 tabindex="-1">${this.heading()}</h1>${this.above()}
      <div role="alert">${this.fault ? html`<p class="fault" data-fault>${this.fault}</p>` : nothing}</div>
      ${this.answer && !this.fault ? this.shown(this.answer) : this.fault ? nothing : html`<p class="soft">Loading.</p>`}`;
  }
}

export function words(error: unknown): string {
  return error instanceof ApiError ? error.message : `The page failed: ${String(error)}. Reload it.`;
}

/** Asks the page to show another view: `lk-go` with {view, replace}. */
export function go(from: EventTarget, view: View, replace = false): void {
  from.dispatchEvent(new CustomEvent("lk-go", { detail: { view, replace }, bubbles: true, composed: true }));
}

/** A choice of one value; where the address has several, they are one choice more. */
export function choice(name: string, title: string, now: readonly string[] = [], values: readonly string[] = [], shown = (value: string) => value): TemplateResult {
  const own = now.length > 1 || (now.length === 1 && !values.includes(now[0]!));
  return html`<label class="field-of">${title}<select name=${name} data-filter=${name}><option value="">any</option>${own ? html`<option value=${now.join("\n")} selected>${now.map(shown).join(" or ")}</option>` : nothing}${values.map((value) => html`<option value=${value} ?selected=${!own && value === now[0]}>${shown(value)}</option>`)}</select></label>`;
}

export const edit = (name: string): string => (name === "none" ? "no edit" : name);

export const verdict = (knob: Pick<RegistryKnob, "verdict">) => html`<span class="verdict ${knob.verdict.replace(" ", "-")}">${knob.verdict}</span>`;

/** "−12 to +12 semitones", "on or off". */
export function range(knob: Pick<RegistryKnob, "low" | "high" | "unit">): string {
  if (knob.low === 0 && knob.high === 0) return "none";
  if (!knob.unit) return `${sign(knob.low)} to ${sign(knob.high)}`;
  return `${sign(knob.low)} to ${sign(knob.high)} ${knob.unit}`;
}

export const sign = (value: number): string => (value > 0 ? `+${short(value)}` : short(value));

/** Three digits, with a true minus. */
export function short(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  const text = Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-4) ? value.toExponential(1) : String(Number(value.toPrecision(3)));
  return text.replace("-", "\u2212");
}

export const day = (time: string | null): string => (time ? time.slice(0, 10) : "–");
export const minute = (time: string): string => time.slice(0, 16).replace("T", " ");
export const many = (count: number, what: string): string => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
