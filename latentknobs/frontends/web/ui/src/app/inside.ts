import { css, html, nothing } from "lit";
import { state } from "lit/decorators.js";
import "../elements/code.js";
import { define, shared } from "../elements/shared.js";
import { signed, unitFor } from "../numbers.js";
import type { Knob, KnobCard } from "../types.js";
import { Part } from "./part.js";

/** What each knob's edit does to the code: the mean change of every dimension, in order of place and of size. */
export class InsidePart extends Part {
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
    const codes = session.model?.latent_size;
    return html`<p class="soft intro">The model writes each clip as ${codes ?? "a few"} numbers. A knob was found by making the same edit on many clips and looking at how these numbers change. Coloured bars are the dimensions that carry nine tenths of the effect.</p>
      <div class="knobs">${knobs.map((knob) => this.knob(knob))}</div>`;
  }

  private knob(knob: Knob) {
    const wanted = this.amounts.get(knob.name);
    const key = `${knob.model_id} ${knob.name} ${wanted ?? ""}`;
    this.ask(knob, wanted, key);
    const card = this.cards.get(key);
    const { amounts = [], amount, mean_change: change = [], sorted = [] } = card?.curves ?? {};
    const hue = this.session.hue(knob.name);
    const most = knob.dimensions.slice(0, 6).map(({ dim, share }) => `${dim} (${Math.round(share * 100)} %)`).join(", ");
    return html`<section aria-label=${knob.label}>
      <div class="head"><h2>${knob.label}</h2>${amounts.length ? html`<label>moved by <select @change=${(event: Event) => this.choose(knob.name, Number((event.target as HTMLSelectElement).value))}>
        ${amounts.map((value) => html`<option value=${value} ?selected=${value === amount}>${signed(value)} ${unitFor(value, knob.unit)}</option>`)}</select></label>` : nothing}</div>
      ${change.length ? html`<div class="pair">
        <figure><lk-bars hue=${hue} .values=${change} .marked=${knob.dimensions.map(({ dim }) => dim)} label="${knob.label}: mean change of ${change.length} dimensions"></lk-bars>
          <figcaption>Mean change of dimensions 0 to ${change.length - 1}. ${knob.dimensions.length === 1 ? "1 carries" : `${knob.dimensions.length} carry`} nine tenths of the effect: ${most}${knob.dimensions.length > 6 ? " and others" : ""}.</figcaption></figure>
        <figure><lk-bars curve hue=${hue} .values=${sorted} label="${knob.label}: the same, sorted by size"></lk-bars><figcaption>The same, sorted by size.</figcaption></figure>
      </div>` : html`<p class="soft">${card ? "Nothing was measured of how this knob's edit moves the code." : "Looking it up."}</p>`}
    </section>`;
  }

  private choose(name: string, amount: number): void {
    this.amounts = new Map(this.amounts).set(name, amount);
  }

  private ask(knob: Knob, amount: number | undefined, key: string): void {
    if (this.asked.has(key) || !this.session.model) return;
    this.asked.add(key);
    this.session.api.knob(this.session.model.name, knob.name, amount).then(
      (card) => { this.cards = new Map(this.cards).set(key, card); },
      (error: unknown) => this.session.fail(error),
    );
  }
}

define("lk-inside", InsidePart);
