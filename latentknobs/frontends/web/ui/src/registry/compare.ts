import { css, html, nothing, type TemplateResult } from "lit";
import { define, icon, shared } from "../elements/shared.js";
import type { RegistryCard, Snippets } from "../types.js";
import { ALL, write, type View } from "./address.js";
import { title } from "./card.js";
import "./copy.js";
import "./plots.js";
import { legend, percent, type Series } from "./plots.js";
import { look, minute, range, RegistryView, short, verdict } from "./view.js";

type CompareView = Extract<View, { kind: "compare" }>;
interface Compared {
  cards: readonly RegistryCard[];
  seen: Snippets;
}

/** Two to four knobs side by side. */
export class CompareElement extends RegistryView<CompareView, Compared> {
  static override styles = [shared, look, css`
    section { margin-top: 28px; min-width: 0; } section > h2 { margin-bottom: 8px; }
    .two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 0 40px; }
    .two > :last-child:nth-child(odd) { grid-column: 1 / -1; }
    thead th { color: var(--ink); font-weight: 600; white-space: normal; vertical-align: top; } tbody th { font-weight: 500; }
    td { min-width: 104px; } tr.differs td { font-weight: 600; }
    thead .small { font-weight: 400; display: block; color: var(--soft); overflow-wrap: anywhere; }
    .note { font-size: 13px; color: var(--soft); margin-top: 4px; } .said { margin: 10px 0; }
    .out { border-top: 1px solid var(--line); padding-top: 18px; }
    thead .button { min-height: 32px; width: 32px; margin-left: 2px; vertical-align: middle; }
  `];

  protected async ask(signal: AbortSignal): Promise<Compared> {
    const { ids } = this.view;
    if (ids.length < 2) return { cards: await Promise.all(ids.map((id) => this.api.registryKnob(id, signal))), seen: { sql: "", command: "", python: "", remarks: [] } };
    const [seen, ...cards] = await Promise.all([this.api.registrySeen(ids, signal), ...ids.map((id) => this.api.registryKnob(id, signal))]);
    return { cards, seen };
  }

  protected heading() {
    return "Knobs side by side";
  }

  protected shown({ cards, seen }: Compared): TemplateResult {
    if (cards.length < 2) return html`<p class="said">Pick two to four knobs in the <a href=${write({ ...ALL, picked: this.view.ids })}>table</a>.</p>`;
    const rows: [string, (card: RegistryCard) => unknown][] = [
      ["Verdict", ({ knob }) => knob.verdict], ["Model", ({ knob }) => knob.model], ["Learned from", ({ knob }) => knob.augmentation ?? "no edit"], ["Kind", ({ knob }) => knob.kind], ["Fit", ({ knob }) => knob.fit],
      ["Usable range", ({ knob }) => range(knob)], ["Steps", ({ knob }) => (knob.step === null ? "any amount" : `of ${short(knob.step)}`)], ["Dimensions", ({ knob }) => knob.dimensions], ["Largest share", ({ selected }) => (selected[0] ? `${percent(Math.max(...selected.map(({ share }) => share)))} in ${[...selected].sort((a, b) => b.share - a.share)[0]!.dim}` : "–")],
      ["Target", ({ curve }) => curve?.attribute ?? "–"], ["Slope", ({ curve }) => interval(curve?.slope)], ["R²", ({ curve }) => interval(curve?.r2)], ["Current", ({ knob }) => (knob.current ? "yes" : "no")], ["Corpus, seed", ({ run }) => (run ? `${run.corpus}, ${run.seed}` : "–")], ["Found, UTC", ({ run }) => (run ? minute(run.finished) : "–")],
    ];
    const targets = [...new Set(cards.flatMap(({ curve }) => (curve ? [curve.attribute] : [])))];
    const dims = cards.map(({ selected }) => new Set(selected.map(({ dim }) => dim)));
    return html`<section class="wide" tabindex="0" role="region" aria-label="Facts"><table><thead><tr><td></td>${cards.map(({ knob }, hue) => html`<th scope="col">${legend(hue)}<a href=${write({ kind: "knob", id: knob.id, amount: null })}>${knob.name}</a><a class="button plain square" aria-label="Leave out ${knob.id}" href=${write({ kind: "compare", ids: this.view.ids.filter((id) => id !== knob.id) })}>${icon("close")}</a><span class="small">${knob.id.split("@")[1]}</span></th>`)}</tr></thead>
        <tbody>${rows.map(([name, of]) => {
          const values = cards.map(of);
          return html`<tr class=${new Set(values).size > 1 ? "differs" : ""}><th scope="row">${name}</th>${values.map((value, k) => html`<td>${name === "Verdict" ? verdict(cards[k]!.knob) : value}</td>`)}</tr>`;
        })}</tbody></table></section><p class="note">What differs is in bold.</p>
      <div class="two">${targets.map((target) => {
        const curves = cards.flatMap(({ knob, curve }, hue) => (curve?.attribute === target ? [{ name: `${knob.name}, ${knob.fit}`, hue, points: curve.points }] : []));
        const units = [...new Set(cards.flatMap(({ knob, curve }) => (curve?.attribute === target ? [knob.unit] : [])))];
        return html`<section><h2>Response of ${target}</h2><lk-response-plot .curves=${curves} attribute=${target} unit=${units.join(" or ")}></lk-response-plot><p class="note">Mean change on test songs, 95 % intervals; dotted: as asked.</p></section>`;
      })}
      <section><h2>Effects on attributes</h2><lk-effect-plot .knobs=${cards.map(({ knob, effects }, hue) => ({ name: `${knob.name}, ${knob.fit}`, hue, effects }))}></lk-effect-plot><p class="note">At the ends of the usable range, in standard deviations over the corpus.</p></section></div>
      <section class="wide" tabindex="0" role="region" aria-label="Criteria"><h2>Criteria at their worst</h2><table><thead><tr><th scope="col">Criterion</th>${cards.map(({ knob }, hue) => html`<th scope="col">${legend(hue)}${knob.name}, ${knob.fit}</th>`)}</tr></thead><tbody>${criteria(cards).map(([name, each]) => html`<tr><th scope="row">${name}</th>${each.map((text) => html`<td class=${text.missed ? "bad" : ""}>${text.words}</td>`)}</tr>`)}</tbody></table></section>
      ${new Set(cards.map(({ knob }) => knob.model_id)).size === 1 ? html`<section class="wide" tabindex="0" role="region" aria-label="Shared dimensions"><h2>Shared dimensions</h2><table><thead><tr><td></td>${cards.map(({ knob }, hue) => html`<th scope="col" class="n">${legend(hue)}${knob.name}, ${knob.fit}</th>`)}</tr></thead><tbody>${cards.map(({ knob }, k) => html`<tr><th scope="row">${legend(k)}${knob.name}, ${knob.fit}</th>${dims.map((other) => html`<td class="n">${[...dims[k]!].filter((dim) => other.has(dim)).length}</td>`)}</tr>`)}</tbody></table></section>` : nothing}
      <section class="out" aria-label="Copy"><lk-copy .seen=${seen}></lk-copy></section>`;
  }
}

function interval(one: { value: number; low: number; high: number } | null | undefined): string {
  return one ? `${short(one.value)} (${short(one.low)} to ${short(one.high)})` : "–";
}

/** Every criterion that one of the knobs has, with each knob's worst value. */
function criteria(cards: readonly RegistryCard[]): [string, { words: string; missed: boolean }[]][] {
  const names = [...new Set(cards.flatMap((card) => card.criteria.map(title)))];
  return names.map((name) => [name, cards.map((card) => {
    const series: Series | undefined = card.criteria.find((one) => title(one) === name);
    // What is held against the bound is the worse end of an interval.
    const measured = series?.points.flatMap(({ value, low, high }) => (value === null ? [] : [(series.at_least ? low : high) ?? value])) ?? [];
    if (!series || !measured.length) return { words: "–", missed: false };
    const worst = series.at_least ? Math.min(...measured) : Math.max(...measured);
    const missed = series.points.filter(({ passed }) => !passed).length;
    return { words: `${short(worst)}${missed ? `, missed${series.points.length > 1 ? ` at ${missed}${series.validation ? "" : ` of ${series.points.length}`}` : ""}` : ""}`, missed: missed > 0 };
  })]);
}

define("lk-compare", CompareElement);
