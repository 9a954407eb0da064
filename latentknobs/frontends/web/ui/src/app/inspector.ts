import { css, html, nothing } from "lit";
import { state } from "lit/decorators.js";
import "../elements/latent-view.js";
import { define, shared } from "../elements/shared.js";
import { signed, unitFor } from "../numbers.js";
import type { Knob, KnobCard } from "../types.js";
import { Component } from "./component.js";

const NO_CURVES: KnobCard["curves"] = { amounts: [], amount: null, mean_change: [], sorted: [] };

/** Each knob's mean change of the latent code, by dimension and sorted by size. */
export class InspectorPanel extends Component {
  static override styles = [shared, css`
    :host { display: block; }
    .intro { max-width: 68ch; margin-bottom: 20px; }
    .knobs { display: grid; gap: 26px; }
    .head { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 16px; margin-bottom: 8px; }
    .head label { display: inline-flex; gap: 8px; align-items: center; font-size: 14px; color: var(--soft); }
    .head select { color: var(--ink); }
    .pair { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 1fr); gap: 24px; }
    figure { margin: 0; } figcaption { font-size: 13px; color: var(--soft); margin-top: 6px; }
    @media (max-width: 720px) { .pair { grid-template-columns: minmax(0, 1fr); gap: 16px; } }
  `];

  @state() private cards = new Map<string, KnobCard>();
  @state() private amounts = new Map<string, number>();
  private readonly asked = new Set<string>();

  override render() {
    const { session } = this;
    const knobs = session.knobs.filter((knob) => !knob.reserved && knob.verdict === "accepted");
    const size = session.model?.latent_size;
    return html`<p class="soft intro">The model encodes each clip as a latent code of ${size ?? "a few"} dimensions. A knob is learned by applying the same edit to many clips and comparing their codes. Coloured bars are the selected dimensions, which carry nine tenths of the effect.</p>
      <div class="knobs">${knobs.map((knob) => this.knob(knob))}</div>`;
  }

  private knob(knob: Knob) {
    const wanted = this.amounts.get(knob.name);
    const key = `${knob.model_id} ${knob.name} ${wanted ?? ""}`;
    this.ask(knob, wanted, key);
    const card = this.cards.get(key);
    const { amounts, amount, mean_change: change, sorted } = card?.curves ?? NO_CURVES;
    const hue = this.session.hue(knob.name);
    const most = knob.dimensions.slice(0, 6).map(({ dim, share }) => `${dim} (${Math.round(share * 100)} %)`).join(", ");
    return html`<section aria-label=${knob.label}>
      <div class="head"><h2>${knob.label}</h2>${amounts.length ? html`<label>edit of <select @change=${(event: Event) => this.choose(knob.name, Number((event.target as HTMLSelectElement).value))}>
        ${amounts.map((value) => html`<option value=${value} ?selected=${value === amount}>${signed(value)} ${unitFor(value, knob.unit)}</option>`)}</select></label>` : nothing}</div>
      ${change.length ? html`<div class="pair">
        <figure><lk-bars hue=${hue} .values=${change} .marked=${knob.dimensions.map(({ dim }) => dim)} label="${knob.label}: mean change of ${change.length} dimensions"></lk-bars>
          <figcaption>Mean change of dimensions 0 to ${change.length - 1}. Selected: ${most}${knob.dimensions.length > 6 ? ` and ${knob.dimensions.length - 6} more` : ""}.</figcaption></figure>
        <figure><lk-bars curve hue=${hue} .values=${sorted} label="${knob.label}: the same, sorted by size"></lk-bars><figcaption>The same, sorted by size.</figcaption></figure>
      </div>` : html`<p class="soft">${card ? "No mean change was recorded for this knob." : "Loading."}</p>`}
    </section>`;
  }

  private choose(name: string, amount: number): void {
    this.amounts = new Map(this.amounts).set(name, amount);
  }

  private ask(knob: Knob, amount: number | undefined, key: string): void {
    if (this.asked.has(key) || !this.session.model) return;
    this.asked.add(key);
    this.session.api.knob(this.session.modelOf(knob), knob.name, amount).then(
      (card) => { this.cards = new Map(this.cards).set(key, card); },
      (error: unknown) => this.session.fail(error),
    );
  }
}

define("lk-inspector", InspectorPanel);
