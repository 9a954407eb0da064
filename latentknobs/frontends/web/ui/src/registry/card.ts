import { css, html, nothing, type TemplateResult } from "lit";
import "../elements/latent-view.js";
import { define, shared } from "../elements/shared.js";
import type { RegistryCard } from "../types.js";
import { ALL, write, type View } from "./address.js";
import "./copy.js";
import "./listen.js";
import "./plots.js";
import { type Series } from "./plots.js";
import { knobTable } from "./runs.js";
import { go, look, minute, range, RegistryView, short, sign, verdict } from "./view.js";

type CardView = Extract<View, { kind: "knob" }>;
/** A criterion at so few amounts is a line of a table; at more it is a plot. */
const FEW = 2;

/** A knob with all that was measured of it. */
export class RegistryCardElement extends RegistryView<CardView, RegistryCard> {
  static override styles = [shared, look, css`
    .id { margin: 2px 0 14px; color: var(--soft); display: flex; flex-wrap: wrap; gap: 4px 14px; align-items: center; font-size: 14px; }
    .top { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 8px 40px; }
    .text p { margin: 0 0 6px; max-width: 68ch; }
    dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 4px 18px; margin: 0; font-size: 14px; align-content: start; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
    section { margin-top: 30px; min-width: 0; } section > h2 { margin-bottom: 10px; }
    .two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 0 40px; }
    .grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 280px), 1fr)); gap: 18px 24px; }
    figure { margin: 0; min-width: 0; max-width: 640px; } figcaption { font-size: 14px; margin-bottom: 4px; } figcaption b { font-weight: 600; }
    .note { font-size: 13px; color: var(--soft); margin-top: 4px; }
    .few { margin-bottom: 18px; } .few th, .few td { padding-right: 18px; } .few .n { white-space: nowrap; }
    summary { display: inline-flex; align-items: center; min-height: 44px; cursor: pointer; font-size: 14px; color: var(--soft); border-radius: 6px; }
    .out { border-top: 1px solid var(--line); padding-top: 18px; } .out .row { margin-bottom: 10px; }
    .ok { color: var(--good); }
    @media (max-width: 480px) { .few th, .few td { padding-right: 10px; } }
    @media (max-width: 900px) { .top { grid-template-columns: minmax(0, 1fr); } }
  `];

  protected override key(): string {
    return this.view.id; // the amount is heard, not asked for
  }

  protected ask(signal: AbortSignal): Promise<RegistryCard> {
    return this.api.registryKnob(this.view.id, signal);
  }

  protected heading() {
    return this.view.id.split("@")[0]!;
  }

  protected shown(card: RegistryCard): TemplateResult {
    const { knob, run, curve } = card;
    const facts: [string, unknown][] = [["Usable range", range(knob)], ["Steps", knob.step === null ? "any amount" : `of ${short(knob.step)}`], ["Model", knob.model], ["Learned from", knob.augmentation ?? "no edit"], ["Kind, fit", `${knob.kind}, ${knob.fit}`], ["Dimensions", knob.dimensions],
      ["Run", html`<a href=${write({ kind: "run", run: knob.run })}><code>${knob.run}</code></a>`], ...(run ? [["Corpus, seed", `${run.corpus}, ${run.seed}`], ["Found", `${minute(run.finished)} UTC, latentknobs ${run.version}`]] as [string, unknown][] : [])];
    return html`<p class="id">${verdict(knob)}<code>${knob.id}</code>${knob.current ? html`<span class="tag">current</span>` : nothing}${knob.tags.map((tag) => html`<span class="tag">${tag}</span>`)}</p>
      <div class="top"><div class="text">${card.text.map((line) => html`<p>${line}</p>`)}</div><dl>${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></div>
      <section aria-labelledby="listen"><h2 id="listen">Before and after</h2><lk-listen .api=${this.api} .knob=${knob} .amount=${this.view.amount} @lk-amount=${(event: CustomEvent<{ amount: number }>) => go(this, { ...this.view, amount: event.detail.amount }, true)}></lk-listen></section>
      <div class="two">
        ${curve ? html`<section aria-labelledby="response"><h2 id="response">Response of ${curve.attribute}</h2><lk-response-plot .curves=${[{ name: knob.name, hue: 0, points: curve.points }]} attribute=${curve.attribute} unit=${knob.unit}></lk-response-plot>
          <p class="note">Mean change on test songs with its 95 % interval; dotted: as asked.${curve.slope ? ` Slope ${short(curve.slope.value)} (${short(curve.slope.low)} to ${short(curve.slope.high)}), R² ${short(curve.r2?.value)}, ${curve.clips} clips.` : ""}</p></section>` : nothing}
        ${card.effects.length ? html`<section aria-labelledby="effects"><h2 id="effects">Effects on attributes</h2><lk-effect-plot .knobs=${[{ name: knob.name, hue: 0, effects: card.effects }]}></lk-effect-plot>
          <p class="note">Mean change at the ends of the usable range, in standard deviations over the corpus. The target is coloured; from 0.25 on, an attribute counts as moved.</p></section>` : nothing}
      </div>
      ${card.selected.length ? html`<section aria-labelledby="dims"><h2 id="dims">Selected dimensions</h2><div class="two"><figure><lk-share-plot .selected=${card.selected}></lk-share-plot><figcaption class="note">Share of the moved energy, the largest first${card.selected.length > 20 ? `, of ${card.selected.length}` : ""}.</figcaption></figure>
        ${card.shares.length ? html`<figure><lk-bars hue="1" height="148" .values=${card.shares} .marked=${card.selected.map(({ dim }) => dim)} label="Share of each of ${card.shares.length} dimensions"></lk-bars><figcaption class="note">All dimensions, 0 to ${card.shares.length - 1}; the selected ones are coloured.</figcaption></figure>` : nothing}</div></section>` : nothing}
      ${card.criteria.length ? this.criteria(card.criteria) : nothing}
      ${card.fits.length > 1 ? html`<section aria-labelledby="fits"><h2 id="fits">All fits of its run</h2>${knobTable(card.fits, knob.id)}</section>` : nothing}
      <section class="out" aria-label="Copy and compare"><div class="row"><a class="button" href=${write({ ...ALL, filters: { name: [knob.name], history: ["true"] } })}>All knobs of this name</a>${card.fits.length > 1 ? html`<a class="button" href=${write({ kind: "compare", ids: [knob.id, ...card.fits.map(({ id }) => id).filter((id) => id !== knob.id)].slice(0, 4) })}>Compare with other fits</a>` : nothing}</div><lk-copy .seen=${card.seen}></lk-copy></section>`;
  }

  private criteria(all: readonly Series[]) {
    const few = all.filter(({ points }) => points.length <= FEW);
    const plots = all.filter(({ points }) => points.length > FEW);
    const line = (one: Series) => one.points.map((point) => html`<tr><td>${title(one)}</td><td class="n">${point.amount === null ? html`<span class="soft">all</span>` : sign(point.amount)}</td><td class="n">${measured(point)}</td><td class="n">${one.criterion === "usable range" ? ">" : one.at_least ? "≥" : "≤"} ${short(one.bound)}</td><td class=${point.passed ? "ok" : "bad"}>${point.passed ? "met" : "missed"}</td></tr>`);
    const table = (series: readonly Series[]) => html`<div class="wide" tabindex="0" role="region" aria-label="Criteria in numbers"><table class="few"><thead><tr><th scope="col">Criterion</th><th scope="col" class="n">At</th><th scope="col" class="n">Measured</th><th scope="col" class="n">Bound</th><th scope="col">Result</th></tr></thead><tbody>${series.map(line)}</tbody></table></div>`;
    return html`<section aria-labelledby="criteria"><h2 id="criteria">Acceptance criteria</h2>${few.length ? table(few) : nothing}
      ${plots.length ? html`<div class="grid">${plots.map((one) => {
        const missed = one.points.filter(({ passed }) => !passed).length;
        return html`<figure><figcaption><b>${title(one)}</b> <span class="soft">${one.at_least ? "at least" : "at most"} ${short(one.bound)}</span> ${missed ? html`<span class="bad">missed at ${missed}${one.validation ? "" : ` of ${one.points.length}`}</span>` : html`<span class="ok">met</span>`}</figcaption><lk-criterion-plot .series=${one}></lk-criterion-plot></figure>`;
      })}</div><details><summary>The same in numbers</summary>${table(plots)}</details>` : nothing}<p class="note">Of an interval, the worse end is held against the bound.${all.some(({ validation }) => validation) ? " On validation songs only what was missed is kept: it ended the usable range." : ""}</p></section>`;
  }
}

/** "equivariance", "leakage of mean-pitch, on validation songs". */
export function title({ criterion, validation }: Pick<Series, "criterion" | "validation">): string {
  return `${criterion}${validation ? ", on validation songs" : ""}`;
}

/** The value with what is known of its interval. */
function measured({ value, low, high }: Series["points"][number]): string {
  if (low !== null && high !== null) return `${short(value)} (${short(low)} to ${short(high)})`;
  return high === null ? short(value) : `${short(value)} (up to ${short(high)})`;
}

define("lk-registry-card", RegistryCardElement);
