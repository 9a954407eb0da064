import { css, html, nothing, type TemplateResult } from "lit";
import { state } from "lit/decorators.js";
import { save } from "../download.js";
import { define, icon, shared } from "../elements/shared.js";
import type { KnobTable, RegistryKnob, RegistryValues } from "../types.js";
import { ALL, FILTERS, MOST_COMPARED, query, SEVERAL, write, type FilterName, type KnobsView, type Sort } from "./address.js";
import "./copy.js";
import { choice, day, edit, go, look, many, range, RegistryView, short, verdict, words } from "./view.js";

const ROWS = 50;
const VERDICTS = ["accepted", "provisional", "not measurable", "rejected"];
const KINDS = ["shift", "affine", "group", "residual"];
/** Filters that are always seen; the others unfold. */
const FIRST = new Set<FilterName>(["name", "where", "verdict", "model", "augmentation", "moves", "history"]);
/** Orders whose largest, best or newest comes first. */
const DESCENDING = new Set<Sort>(["verdict", "effect", "share", "date"]);

/** A table of knobs with filters, orders and pages. */
export class KnobTableElement extends RegistryView<KnobsView, KnobTable> {
  static override styles = [shared, look, css`
    form { display: grid; gap: 10px; margin: 14px 0 10px; }
    .fields { display: grid; grid-template-columns: minmax(140px, 2fr) minmax(200px, 4fr) repeat(3, minmax(130px, 2fr)); gap: 10px; align-items: end; }
    fieldset { display: contents; border: 0; } .checks { gap: 0 20px; } .checks > .check { border-left: 1px solid var(--line); padding-left: 20px; } .ends { display: flex; } .ends .button { padding: 0 10px; }
    .fields.more { grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); padding: 8px 0 4px; }
    .said { margin: 14px 0 4px; } .said b { font-weight: 600; }
    .c-range, .c-found, .c-fit { white-space: nowrap; }
    .busy table { opacity: 0.55; }
    tbody tr:hover { background: var(--panel); }
    td.pick { width: 44px; padding: 0; } td.pick label { display: grid; place-items: center; width: 44px; min-height: 44px; cursor: pointer; }
    td.pick input { width: 18px; height: 18px; margin: 0; accent-color: var(--ink); }
    td { height: 46px; vertical-align: middle; }
    th { padding: 0 14px 0 0; }
    th button { min-height: 44px; border: 0; background: none; padding: 0; font-weight: 500; color: var(--soft); cursor: pointer; border-radius: 6px; white-space: nowrap; }
    th button:hover, th[aria-sort] button { color: var(--ink); } th[aria-sort] button { font-weight: 600; }
    th.n button { width: 100%; text-align: right; }
    td a { font-weight: 600; text-decoration: none; } td a:hover { text-decoration: underline; }
    td a { display: inline-flex; align-items: center; min-height: 32px; }
    .under { display: block; color: var(--soft); font-size: 13px; font-weight: 400; }
    td .under, .brief { display: none; }
    .effect { display: inline-grid; grid-template-columns: 62px 54px auto; gap: 8px; align-items: center; white-space: nowrap; } .effect > :first-child { text-align: right; }
    .effect svg { width: 54px; height: 8px; display: block; } .effect rect { fill: var(--edge); } .effect .of { fill: var(--track); }
    .pager { display: flex; align-items: center; justify-content: center; gap: 12px; padding-top: 18px; }
    .chosen { position: sticky; bottom: 10px; z-index: 2; display: flex; flex-wrap: wrap; align-items: center; gap: 10px 14px; margin-top: 14px; padding: 10px 14px; border: 1px solid var(--edge); border-radius: 14px; background: var(--raise); box-shadow: var(--shadow); }
    .chosen ul { display: flex; flex-wrap: wrap; gap: 6px; margin: 0; padding: 0; list-style: none; flex: 1; }
    .out { border-top: 1px solid var(--line); margin-top: 26px; padding-top: 18px; display: grid; gap: 12px; }
    .none { padding: 28px 0; }
    .one-model .c-model { display: none; }
    @media (max-width: 1290px) { .c-model, .c-found { display: none; } }
    @media (max-width: 1120px) { .c-fit { display: none; } }
    @media (max-width: 980px) { .c-dims { display: none; } }
    @media (max-width: 860px) { .c-edit, .c-fit, .c-dims { display: none; } td .under { display: block; } }
    @media (max-width: 360px) { th, td { padding-right: 4px !important; } td.pick, td.pick label { width: 34px; } .verdict::before { margin-right: 4px; } }
    @media (max-width: 860px) { .fields { grid-template-columns: repeat(2, minmax(0, 1fr)); } .fields .wide-field { grid-column: 1 / -1; } }
    @media (max-width: 560px) { form { gap: 6px; } .checks { display: grid; grid-template-columns: 1fr 1fr; gap: 0 10px; } .checks > .check { border: 0; padding: 0; } .checks > .check, .ends { grid-column: 1 / -1; } .ends { margin-left: -10px; } form:not(.unfolded) .fields > :not(.wide-field) { display: none; } }
    @media (max-width: 760px) { .c-range { display: none; } }
    @media (max-width: 620px) {  .brief { display: inline; } .edit, .largest, .effect .small { display: none; } .effect { grid-template-columns: auto; gap: 0; } .effect svg { display: none; } .effect > :first-child { text-align: left; } th, td { padding-right: 8px; } th { padding-right: 8px; } }
    @media (forced-colors: active) { .effect rect { fill: CanvasText; } .effect .of { fill: GrayText; } }
  `];

  @state() private values: RegistryValues | null = null;
  @state() private said = "";
  @state() private unfolded: boolean | null = null;
  private typing: ReturnType<typeof setTimeout> | null = null;
  /** Whether what is typed has made a step of its own in the history. */
  private stepped = false;

  override connectedCallback(): void {
    super.connectedCallback();
    this.api.registryValues().then((values) => { this.values = values; }, () => undefined); // the table says what is wrong
  }

  protected override key(): string {
    return write({ ...this.view, picked: [] });
  }

  protected ask(signal: AbortSignal): Promise<KnobTable> {
    return this.api.registryKnobs({ ...query(this.view), start: (this.view.page - 1) * ROWS, count: ROWS }, signal);
  }

  protected heading() {
    return "Knobs";
  }

  // Filters.

  protected override above(): TemplateResult {
    const { filters } = this.view;
    const more = FILTERS.filter((name) => !FIRST.has(name) && filters[name]).length;
    const unfolded = this.unfolded ?? more > 0;
    return html`<form role="search" aria-label="Knobs" class=${unfolded ? "unfolded" : ""} @submit=${(event: Event) => event.preventDefault()} @change=${this.change} @input=${this.input}>
      <div class="fields">
        ${this.text("name", "Search by name", "search", "pitch, or p*h", "wide-field")}${this.text("where", "Condition", "text", "equivariance >= 0.95 and leakage < 0.1", "wide-field")}
        ${this.choice("model", "Model", this.values?.models)}${this.choice("augmentation", "Learned from", ["none", ...(this.values?.augmentations ?? [])], edit)}${this.choice("moves", "Moves", this.values?.attributes)}
      </div>
      <div class="row checks"><fieldset><legend class="hidden">Verdict</legend>${VERDICTS.map((name) => html`<label class="check"><input type="checkbox" name="verdict" value=${name} data-verdict=${name} .checked=${filters.verdict?.includes(name) ?? false}>${name}</label>`)}</fieldset>
        <label class="check"><input type="checkbox" name="history" value="true" data-filter="history" .checked=${filters.history?.[0] === "true"}>Also other fits and earlier runs</label>
        <span class="ends"><button class="button plain" type="button" data-do="more" aria-expanded=${unfolded ? "true" : "false"} @click=${() => { this.unfolded = !unfolded; }}>${icon(unfolded ? "up" : "open")}More filters${more ? ` (${more})` : ""}</button>
        ${Object.keys(filters).length ? html`<button class="button plain" type="button" data-do="clear" @click=${() => go(this, { ...ALL, picked: this.view.picked })}>${icon("reset")}Clear filters</button>` : nothing}</span></div>
      ${unfolded ? html`<div class="fields more">
        ${this.choice("kind", "Kind", KINDS)}${this.text("uses", "Uses dimension", "number", "14")}${this.text("effect", "Effect at least, in sd", "number", "0.5")}${this.choice("tag", "Tag", this.values?.tags)}
        ${this.choice("corpus", "Corpus", this.values?.corpora)}${this.text("seed", "Seed", "number", "0")}${this.choice("plugin", "Plugin", this.values?.plugins)}
        ${this.text("since", "Found since", "date")}${this.text("until", "Found until", "date")}${this.text("run", "Run", "text", "16 hex digits")}
      </div>` : nothing}</form>`;
  }

  private text(name: FilterName, title: string, type: string, example = "", more = "") {
    return html`<label class="field-of ${more}">${title}<input class="field" type=${type} name=${name} data-filter=${name} placeholder=${example} autocomplete="off" spellcheck="false" min="0" step="any" .value=${this.view.filters[name]?.join(", ") ?? ""}></label>`;
  }

  private choice(name: FilterName, title: string, values?: readonly string[], shown?: (value: string) => string) {
    return choice(name, title, this.view.filters[name], values, shown);
  }

  private readonly change = (event: Event): void => this.filter(event.target as HTMLInputElement);

  /** A name is looked for while it is typed; what could be refused half written waits until it is done. */
  private readonly input = (event: Event): void => {
    const field = event.target as HTMLInputElement;
    if (field.name !== "name") return;
    if (this.typing) clearTimeout(this.typing);
    this.typing = setTimeout(() => {
      this.filter(field, this.stepped);
      this.stepped = true;
    }, 250);
    field.addEventListener("blur", () => { this.stepped = false; }, { once: true });
  };

  private filter(field: HTMLInputElement, replace = false): void {
    if (this.typing) clearTimeout(this.typing);
    const name = field.name as FilterName;
    const now = this.view.filters[name] ?? [];
    const others = now.filter((value) => value !== field.value);
    const typed = SEVERAL.has(name) && field.localName === "input" ? field.value.split(",") : field.value.split("\n");
    const values = field.type === "checkbox" ? (field.checked ? [...others, field.value] : others) : typed.map((value) => value.trim()).filter(Boolean);
    if (values.join("\n") === now.join("\n")) return;
    const { [name]: _, ...rest } = this.view.filters;
    go(this, { ...this.view, filters: values.length ? { ...rest, [name]: values } : rest, page: 1 }, replace);
  }

  // The table.

  protected shown(answer: KnobTable): TemplateResult {
    const { view } = this;
    const last = answer.start + answer.knobs.length;
    const most = Math.max(1e-9, ...answer.knobs.map(({ effect }) => effect ?? 0));
    return html`<p class="said" role="status" data-total=${answer.total}>${answer.total === 0 ? "No knob meets these filters." : html`<b>${many(answer.total, view.filters.history?.length ? "knob" : "current knob")}</b>${answer.total > answer.knobs.length ? html`, ${(answer.start + 1).toLocaleString("en")} to ${last.toLocaleString("en")}` : nothing}`}</p>
      ${answer.damaged.map((text) => html`<p class="fault">${text}</p>`)}
      ${answer.knobs.length ? html`<div class="${this.busy ? "busy" : ""} ${(this.values?.models.length ?? 0) > 1 ? "" : "one-model"}" aria-busy=${this.busy ? "true" : "false"}><table><caption class="hidden">Knobs</caption><thead><tr><td class="pick"></td>
        ${this.head("name", "Knob")}${this.head("model", "Model", "c-model")}<th scope="col" class="c-edit">Learned from</th><th scope="col" class="c-fit">Kind, fit</th><th scope="col" class="c-range">Usable range</th>
        ${this.head("verdict", "Verdict")}${this.head("dimensions", "Dimensions", "n c-dims")}${this.head("effect", view.filters.moves ? "Effect" : html`<span class="largest">Largest effect</span><span class="brief">Effect</span>`, "")}${this.head("date", "Found", "c-found")}</tr></thead>
        <tbody>${answer.knobs.map((knob) => this.row(knob, most))}</tbody></table></div>` : answer.total ? html`<p class="none soft">This page is beyond the last one.</p>` : html`<p class="none soft">${Object.keys(view.filters).length ? "Clear some filters." : html`The registry holds none yet. Find some with <code>latentknobs discover</code>.`}</p>`}
      ${this.pager(answer)}${this.chosen()}
      <section class="out" aria-labelledby="out"><h2 id="out">Take these knobs elsewhere</h2>
        <div class="row"><button class="button" type="button" data-do="csv" @click=${() => this.file("csv")}>${icon("down")}CSV</button><button class="button" type="button" data-do="exchange" title="The current knobs with their operators, for latentknobs knobs import" @click=${() => this.file("exchange")}>${icon("down")}Exchange file</button></div>
        <lk-copy .seen=${answer.seen}></lk-copy><p role="status" class="small soft">${this.said}</p></section>`;
  }

  private head(sort: Sort, title: string | TemplateResult, more = "") {
    const { view } = this;
    const now = view.sort ?? (view.filters.moves ? "effect" : view.filters.uses ? "share" : "model");
    const descending = DESCENDING.has(sort) !== view.reverse;
    return html`<th scope="col" class=${more} aria-sort=${now === sort ? (descending ? "descending" : "ascending") : nothing}><button type="button" data-sort=${sort}
      @click=${() => go(this, { ...view, sort, reverse: now === sort ? !view.reverse : false, page: 1 })}>${title}<span aria-hidden="true">${now === sort ? (descending ? " \u2193" : " \u2191") : ""}</span></button></th>`;
  }

  private row(knob: RegistryKnob, most: number) {
    const picked = this.view.picked.includes(knob.id);
    return html`<tr data-knob=${knob.id}><td class="pick"><label><span class="hidden">Compare ${knob.id}</span><input type="checkbox" .checked=${picked} ?disabled=${!picked && this.view.picked.length >= MOST_COMPARED} @change=${() => this.pick(knob.id)}></label></td>
      <td><a href=${write({ kind: "knob", id: knob.id, amount: null })}>${knob.name}</a> ${knob.tags.map((tag) => html` <span class="tag">${tag}</span>`)}${knob.current && this.view.filters.history ? html` <span class="tag">current</span>` : nothing}
        <span class="under"><span class="edit">${knob.augmentation ?? "no edit"}, </span>${knob.kind}, ${knob.fit}</span></td>
      <td class="c-model">${knob.model}</td><td class="c-edit">${knob.augmentation ?? html`<span class="soft">no edit</span>`}</td><td class="c-fit">${knob.kind}, ${knob.fit}</td><td class="c-range">${range(knob)}</td>
      <td>${verdict(knob)}</td><td class="n c-dims">${knob.dimensions}</td>
      <td>${knob.effect === null ? html`<span class="soft">–</span>` : html`<span class="effect"><span>${short(knob.effect)} sd</span><svg viewBox="0 0 54 8" preserveAspectRatio="none" aria-hidden="true"><rect class="of" width="54" height="8" rx="2"></rect><rect width=${Math.min(54, (knob.effect / most) * 54)} height="8" rx="2"></rect></svg>${this.view.filters.moves ? nothing : html`<span class="soft small">${knob.attribute}</span>`}</span>`}</td><td class="c-found">${day(knob.found)}</td></tr>`;
  }

  private pager({ total }: KnobTable) {
    const { view } = this;
    const pages = Math.ceil(total / ROWS);
    if (pages < 2) return nothing;
    const step = (page: number, title: string, picture: "left" | "right") => html`<button class="button square" type="button" aria-label=${title} data-do=${picture} ?disabled=${page < 1 || page > pages} @click=${() => this.turnTo(page)}>${icon(picture)}</button>`;
    return html`<nav class="pager" aria-label="Pages">${step(view.page - 1, "Previous page", "left")}<span>Page ${view.page.toLocaleString("en")} of ${pages.toLocaleString("en")}</span>${step(view.page + 1, "Next page", "right")}</nav>`;
  }

  private turnTo(page: number): void {
    go(this, { ...this.view, page });
    this.renderRoot.querySelector(".said")?.scrollIntoView({ block: "nearest" });
  }

  private chosen() {
    const { picked } = this.view;
    if (!picked.length) return nothing;
    return html`<section class="chosen" aria-label="Knobs to compare"><ul>${picked.map((id) => html`<li><button class="button" type="button" @click=${() => this.pick(id)}><span class="hidden">Leave out </span>${id.replace(/@[^/]*\//, ", ")}${icon("close")}</button></li>`)}</ul>
      ${picked.length < 2 ? html`<span class="soft small">Pick ${picked.length === 1 ? "one more" : "two"}, up to ${MOST_COMPARED}.</span>` : html`<a class="button main" data-do="compare" href=${write({ kind: "compare", ids: picked })}>Compare ${picked.length}</a>`}</section>`;
  }

  private pick(id: string): void {
    const { picked } = this.view;
    go(this, { ...this.view, picked: picked.includes(id) ? picked.filter((other) => other !== id) : [...picked, id] }, true);
  }

  private async file(name: "csv" | "exchange"): Promise<void> {
    try {
      const file = await this.api.registryFile(name, query(this.view));
      save(file.blob, file.name);
      this.said = `Saved ${file.name}.`;
    } catch (error) {
      this.said = words(error);
    }
  }
}

define("lk-knob-table", KnobTableElement);
