import { css, html, nothing } from "lit";
import { query, state } from "lit/decorators.js";
import "../elements/grid.js";
import type { GridElement } from "../elements/grid.js";
import { define, shared } from "../elements/shared.js";
import { deckKey, GRID, type State } from "../state.js";
import type { Cell, GridRequest } from "../types.js";
import { Component } from "./component.js";

const RESTS: Record<GridRequest["rest"], string> = { mean: "follow both", source: "stay as in A", rows: "follow the rows", columns: "follow the columns" };

/** The two-way grid between A and B, kept up with what they sound like. */
export class TwoWayPanel extends Component {
  static override styles = [shared, css`
    :host { display: block; }
    .ways { display: flex; flex-wrap: wrap; gap: 10px 18px; margin-bottom: 16px; align-items: flex-end; }
    .ways label { display: grid; gap: 3px; font-size: 13px; color: var(--soft); }
    .ways select { color: var(--ink); font-size: 15px; }
    .board { background: var(--screen); border-radius: 14px; padding: 16px; min-height: 220px; }
    .board > p { color: var(--s-soft); }
    .foot { margin-top: 14px; }
    .hint { margin-bottom: 12px; }
    @media (max-width: 560px) { .board { padding: 8px 6px; margin: 0 -8px; } .ways { gap: 10px; } .ways label { flex: 1 1 40%; } .ways select { width: 100%; } }
  `];

  @state() private cells: readonly (readonly Cell[])[] = [];
  @state() private chosen: [number, number] | null = null;
  @state() private busy = false;
  @query("lk-grid") private grid!: GridElement;
  private asked = "";
  private stop: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stop?.abort();
    if (this.timer) clearTimeout(this.timer);
    this.session.look(null);
    if (this.session.heard) this.session.hear(null);
  }

  override render() {
    const { session } = this;
    const { state, model } = session;
    if (!state || !model) return nothing;
    this.ask();
    if (!session.heard) this.chosen = null;
    const same = deckKey("", state.decks.a) === deckKey("", state.decks.b);
    const knobs = session.knobs.filter((knob) => !knob.reserved);
    const label = (name: string) => knobs.find((knob) => knob.name === name)?.label ?? name;
    const pick = (key: "rows" | "columns", title: string) => html`<label>${title}<select data-do=${key} @change=${(event: Event) => this.change({ [key]: (event.target as HTMLSelectElement).value })}>
      ${knobs.map((knob) => html`<option value=${knob.name} ?selected=${knob.name === state.grid[key]}>${knob.label}</option>`)}</select></label>`;
    if (knobs.length === 0) return html`<p class="soft">A grid goes along knobs, and this model has none yet. Find one with <code>latentknobs discover</code>.</p>`;
    return html`
      <div class="ways">
        ${pick("rows", "Top to bottom")}${pick("columns", "Left to right")}
        <label>Size<select data-do="size" @change=${(event: Event) => this.change({ size: Number((event.target as HTMLSelectElement).value) })}>
          ${Array.from({ length: GRID.high - GRID.low + 1 }, (_, index) => index + GRID.low).map((size) => html`<option value=${size} ?selected=${size === state.grid.size}>${size} &times; ${size}</option>`)}</select></label>
        <label>Other dimensions<select data-do="rest" @change=${(event: Event) => this.change({ rest: (event.target as HTMLSelectElement).value as GridRequest["rest"] })}>
          ${Object.entries(RESTS).map(([name, words]) => html`<option value=${name} ?selected=${name === state.grid.rest}>${words}</option>`)}</select></label>
      </div>
      ${same ? html`<p class="hint soft">A and B are the same, so all cells are alike: press B above and turn a knob, or open another melody there.</p>` : null}
      <div class="board" aria-busy=${this.busy ? "true" : "false"} @lk-look=${this.look} @lk-hear=${this.hear}>
        ${this.cells.length ? html`<lk-grid .cells=${this.cells} .chosen=${this.chosen} .steps=${this.steps} .drums=${session.format.drums?.length ?? 0}
          rows=${label(state.grid.rows)} columns=${label(state.grid.columns)} ?dense=${state.grid.size > 6}></lk-grid>` : html`<p>${this.busy ? "Computing the grid." : "No grid yet."}</p>`}
      </div>
      <div class="row foot">
        <button class="button" type="button" data-do="take-cell" ?disabled=${!this.chosen} @click=${this.take}>Open this cell as ${state.side.toUpperCase()}</button>
        <span class="soft small">Point to see, click to hear, arrow keys to move.</span>
      </div>`;
  }

  override focus(): void {
    this.grid?.focus();
  }

  private get steps(): number {
    return this.cells[0]?.[0]?.steps ?? this.session.format.steps;
  }

  private change(grid: Partial<State["grid"]>): void {
    const { state } = this.session;
    this.session.commit({ ...state!, grid: { ...state!.grid, ...grid } }, "the grid");
  }

  /** Asks for the grid when what it depends on has been still for a moment. */
  private ask(): void {
    const { session } = this;
    const { decks, grid } = session.state!;
    const key = JSON.stringify([deckKey(session.model!.name, decks.a), deckKey("", decks.b), grid]);
    if (key === this.asked || !grid.rows || session.store!.previewing) return;
    this.asked = key;
    this.stop?.abort();
    if (this.timer) clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.fetch(), 120);
  }

  private async fetch(): Promise<void> {
    const stop = new AbortController();
    this.stop = stop;
    this.busy = true;
    try {
      this.cells = (await this.session.api.grid(this.session.model!.name, this.session.gridRequest(), stop.signal)).cells;
      this.session.settle("grid");
      if (this.session.heard) this.session.hear(null); // it was a place of the grid before
    } catch (error) {
      this.session.fail(error, "grid");
    } finally {
      if (this.stop === stop) this.busy = false;
    }
  }

  private at(place: [number, number]) {
    const cell = this.cells[place[0]]?.[place[1]];
    return cell && { notes: cell.notes, steps: cell.steps, stretches: cell.stretches, name: `Row ${place[0] + 1}, column ${place[1] + 1}` };
  }

  private look(event: CustomEvent<{ at: [number, number] | null }>): void {
    const { at } = event.detail;
    this.session.look(at ? (this.at(at) ?? null) : null);
  }

  private hear(event: CustomEvent<{ at: [number, number] }>): void {
    const cell = this.at(event.detail.at);
    if (!cell) return;
    this.chosen = event.detail.at;
    this.session.hear(cell);
  }

  private take(): void {
    const cell = this.chosen && this.at(this.chosen);
    if (!cell) return;
    const { session } = this;
    session.load({ name: `grid ${this.chosen!.map((place) => place + 1).join("-")}`, tempo: session.state!.tempo, steps: cell.steps, notes: cell.notes, source: { kind: "drawn" }, stretches: cell.stretches, by_model: false }, "a cell of the grid");
  }
}

define("lk-two-way", TwoWayPanel);
