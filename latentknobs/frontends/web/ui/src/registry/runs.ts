import { css, html, nothing, type TemplateResult } from "lit";
import { state } from "lit/decorators.js";
import { define, icon, shared } from "../elements/shared.js";
import type { RegistryKnob, RegistryValues, RunCard, RunTable } from "../types.js";
import { ALL, write, type View } from "./address.js";
import "./copy.js";
import { choice, day, edit, go, look, many, minute, range, RegistryView, short, verdict } from "./view.js";

const ROWS = 50;
type RunsView = Extract<View, { kind: "runs" }>;
type RunView = Extract<View, { kind: "run" }>;

const runLook = css`
  form { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 10px; margin-top: 14px; }
  .pager { display: flex; align-items: center; justify-content: center; gap: 12px; padding-top: 18px; }
  .out { border-top: 1px solid var(--line); margin-top: 26px; padding-top: 18px; }
  .said { margin: 10px 0 8px; } .more { margin-top: 14px; }
  section { margin-top: 26px; } h2 { margin-bottom: 8px; }
  td a { font-weight: 600; display: inline-flex; align-items: center; min-height: 32px; }
  dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 4px 18px; margin: 0; font-size: 14px; font-variant-numeric: tabular-nums; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
  .two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); gap: 0 36px; }
  td code { white-space: nowrap; overflow-wrap: normal; } .under { display: none; color: var(--soft); font-size: 13px; }
  @media (max-width: 860px) { .c-model, .c-seed, .c-version { display: none; } }
  .c-date { white-space: nowrap; }
  @media (max-width: 400px) { .c-knobs { display: none; } }
  @media (max-width: 640px) { .c-corpus, .c-kind, .c-edit, .c-time { display: none; } .under { display: block; } dl { grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); } th, td { padding-right: 10px; } }
`;

/** The runs, the newest first. */
export class RunTableElement extends RegistryView<RunsView, RunTable> {
  static override styles = [shared, look, runLook];

  @state() private values: RegistryValues | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.api.registryValues().then((values) => { this.values = values; }, () => undefined); // the table says what is wrong
  }

  protected override above(): TemplateResult {
    const { filters } = this.view;
    return html`<form role="search" aria-label="Runs" @submit=${(event: Event) => event.preventDefault()} @change=${this.change}>
      ${choice("augmentation", "Learned from", filters.augmentation, ["none", ...(this.values?.augmentations ?? [])], edit)}${choice("model", "Model", filters.model, this.values?.models)}${choice("corpus", "Corpus", filters.corpus, this.values?.corpora)}${choice("plugin", "Plugin", filters.plugin, this.values?.plugins)}</form>`;
  }

  private readonly change = (event: Event): void => {
    const { name, value } = event.target as HTMLSelectElement;
    const { [name as keyof typeof this.view.filters]: _, ...others } = this.view.filters;
    go(this, { ...this.view, filters: value ? { ...others, [name]: value.split("\n") } : others, page: 1 });
  };

  protected ask(signal: AbortSignal): Promise<RunTable> {
    return this.api.registryRuns({ ...this.view.filters, start: (this.view.page - 1) * ROWS, count: ROWS }, signal);
  }

  protected heading() {
    return "Runs";
  }

  protected shown({ runs, total, seen }: RunTable): TemplateResult {
    const { page } = this.view;
    const pages = Math.ceil(total / ROWS);
    const step = (to: number, title: string, picture: "left" | "right") => html`<button class="button square" type="button" aria-label=${title} data-do=${picture} ?disabled=${to < 1 || to > pages} @click=${() => go(this, { ...this.view, page: to })}>${icon(picture)}</button>`;
    return html`<p class="said" role="status" data-total=${total}>${total ? html`<b>${many(total, "run")}</b>, the newest first` : Object.keys(this.view.filters).length ? "No run meets these filters." : html`No run is stored. Start one with <code>latentknobs discover</code>.`}</p>
      ${runs.length ? html`<table><caption class="hidden">Runs</caption><thead><tr><th scope="col">Run</th><th scope="col" class="c-edit">Learned from</th><th scope="col" class="c-model">Model</th><th scope="col" class="c-corpus">Corpus</th><th scope="col" class="c-seed n">Seed</th><th scope="col" class="n c-knobs">Knobs</th><th scope="col" class="n">Accepted</th><th scope="col">Finished<span class="c-time">, UTC</span></th><th scope="col" class="c-version">Version</th></tr></thead>
        <tbody>${runs.map((run) => html`<tr><td><a href=${write({ kind: "run", run: run.run })}><code>${run.run}</code></a><span class="under">${run.augmentation ?? "no edit"}</span></td><td class="c-edit">${run.augmentation ?? "no edit"}</td><td class="c-model">${run.model}</td><td class="c-corpus">${run.corpus}</td><td class="c-seed n">${run.seed}</td><td class="n c-knobs">${run.knobs}</td><td class="n">${run.accepted}</td><td class="c-date">${day(run.finished)}<span class="c-time"> ${minute(run.finished).slice(11)}</span></td><td class="c-version">${run.version}</td></tr>`)}</tbody></table>` : nothing}
      ${pages > 1 ? html`<nav class="pager" aria-label="Pages">${step(page - 1, "Previous page", "left")}<span>Page ${page} of ${pages}</span>${step(page + 1, "Next page", "right")}</nav>` : nothing}
      <div class="out"><lk-copy .seen=${seen}></lk-copy></div>`;
  }
}

/** A run: settings, counts and knobs. */
export class RunCardElement extends RegistryView<RunView, RunCard> {
  static override styles = [shared, look, runLook];

  protected ask(signal: AbortSignal): Promise<RunCard> {
    return this.api.registryRun(this.view.run, signal);
  }

  protected heading() {
    return `Run ${this.view.run}`;
  }

  protected shown({ run, parameters, counts, knobs, seen }: RunCard): TemplateResult {
    const facts: [string, string][] = [["Model", run.model], ["Learned from", run.augmentation ?? "no edit"], ["Corpus", run.corpus], ["Seed", String(run.seed)], ["Started", `${minute(run.started)} UTC`], ["Finished", `${minute(run.finished)} UTC`], ["latentknobs", run.version]];
    const list = (title: string, entries: [string, string][]) => html`<section><h2>${title}</h2><dl>${entries.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></section>`;
    return html`<section><h2>Knobs</h2>${knobTable(knobs)}<p class="more"><a class="button" href=${write({ ...ALL, filters: { run: [run.run], history: ["true"] } })}>Open in the table</a></p></section>
      <div class="two">${list("Facts", facts)}${list("Counts", Object.entries(counts).map(([name, count]) => [name, count.toLocaleString("en")]))}${list("Settings", Object.entries(parameters))}</div>
      <div class="out"><lk-copy .seen=${seen}></lk-copy></div>`;
  }
}

/** Knobs of one run. */
export function knobTable(knobs: readonly RegistryKnob[], now = ""): TemplateResult {
  return html`<div class="wide" tabindex="0" role="region" aria-label="Knobs of the run"><table><thead><tr><th scope="col">Knob</th><th scope="col" class="c-kind">Kind</th><th scope="col">Verdict</th><th scope="col">Usable range</th><th scope="col" class="n">Dimensions</th><th scope="col" class="n">Largest effect</th></tr></thead>
    <tbody>${knobs.map((knob) => html`<tr><td>${knob.id === now ? html`<b>${knob.name}, ${knob.fit}</b>` : html`<a href=${write({ kind: "knob", id: knob.id, amount: null })}>${knob.name}, ${knob.fit}</a>`}${knob.current ? html` <span class="tag">current</span>` : nothing}</td><td class="c-kind">${knob.kind}</td><td>${verdict(knob)}</td><td>${range(knob)}</td><td class="n">${knob.dimensions}</td><td class="n">${knob.effect === null ? "–" : `${short(knob.effect)} sd`}</td></tr>`)}</tbody></table></div>`;
}

define("lk-run-table", RunTableElement);
define("lk-run-card", RunCardElement);
