import { css, html, LitElement, svg } from "lit";
import { property } from "lit/decorators.js";
import type { Cell, Note } from "../types.js";
import { rowOf } from "../music.js";
import { define, shared } from "./shared.js";

type At = [down: number, across: number];

/**
 * A two-way grid of melodies from A (top left) to B (bottom right). Sends `lk-look` with {at} where the pointer or the
 * focus stands (null when it leaves), `lk-hear` with {at} for a click, Enter or Space.
 */
export class GridElement extends LitElement {
  static override styles = [shared, css`
    :host { display: block; color: var(--s-ink); }
    .frame { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 8px; }
    .across { grid-column: 2; display: flex; justify-content: space-between; }
    .down { writing-mode: vertical-rl; transform: rotate(180deg); display: flex; justify-content: space-between; flex-direction: row-reverse; }
    .axis { color: var(--s-soft); font-size: 13px; gap: 12px; } .axis b { color: var(--s-ink); font-weight: 600; }
    .grid { display: grid; gap: 4px; }
    .line { display: grid; grid-auto-flow: column; grid-auto-columns: minmax(0, 1fr); gap: 4px; }
    .cell { position: relative; display: block; border: 1px solid var(--s-line); border-radius: 8px; background: var(--s-row); cursor: pointer; overflow: hidden; min-height: 44px; aspect-ratio: 5 / 2; }
    :host([dense]) .cell { border-radius: 5px; }
    .cell:hover { border-color: var(--s-bar); }
    .cell:focus-visible { outline: 2px solid var(--s-ink); outline-offset: 1px; }
    .cell[aria-selected="true"] { border-color: var(--s-ink); box-shadow: inset 0 0 0 1px var(--s-ink); }
    .cell svg { display: block; width: 100%; height: 100%; }
    .note { fill: var(--s-note); }
    .tag { position: absolute; left: 5px; top: 3px; font-size: 12px; font-weight: 700; color: var(--s-ink); background: var(--screen); border-radius: 4px; padding: 0 4px; line-height: 16px; }
    .tag.end { left: auto; top: auto; right: 5px; bottom: 4px; }
    .a { fill: var(--s3); } .b { fill: var(--s5); }
    @media (max-width: 560px) { .frame { gap: 4px; } .grid, .line { gap: 2px; } .cell { aspect-ratio: auto; min-height: 44px; } }
    @media (forced-colors: active) { .note { fill: CanvasText; } .cell[aria-selected="true"] { outline: 3px solid Highlight; } }
  `];

  @property({ attribute: false }) cells: readonly (readonly Cell[])[] = [];
  @property({ attribute: false }) chosen: At | null = null;
  @property({ type: Number }) steps = 32;
  /** How many rows of drums there are; 0 for pitches. */
  @property({ type: Number }) drums = 0;
  @property() rows = "";
  @property() columns = "";
  @property({ type: Boolean, reflect: true }) dense = false;
  private at: At = [0, 0];

  override render() {
    const size = this.cells.length;
    const [low, high] = this.span();
    this.at = [Math.min(this.at[0], Math.max(0, size - 1)), Math.min(this.at[1], Math.max(0, size - 1))];
    return html`<div class="frame">
      <div class="axis across" aria-hidden="true"><span>A</span><b>${this.columns} &rarr;</b><span>B</span></div>
      <div class="axis down" aria-hidden="true"><span>A</span><b>&larr; ${this.rows}</b><span>B</span></div>
      <div class="grid" role="grid" aria-label="From A to B: ${this.rows} from top to bottom, ${this.columns} from left to right"
        aria-rowcount=${size} aria-colcount=${size} @keydown=${this.key} @pointerleave=${() => this.send("lk-look", null)} @focusout=${this.leave}>
        ${this.cells.map((line, down) => html`<div class="line" role="row" aria-rowindex=${down + 1}>
          ${line.map((cell, across) => this.cell(cell, [down, across], size, low, high))}</div>`)}
      </div></div>`;
  }

  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>('.cell[tabindex="0"]')?.focus();
  }

  private cell(cell: Cell, at: At, size: number, low: number, high: number) {
    const [down, across] = at;
    const chosen = this.chosen?.[0] === down && this.chosen[1] === across;
    const corner = down === 0 && across === 0 ? "A" : down === size - 1 && across === size - 1 ? "B" : "";
    const place = `${this.rows} ${Math.round((100 * down) / (size - 1))} %, ${this.columns} ${Math.round((100 * across) / (size - 1))} % of the way to B`;
    const here = this.at[0] === down && this.at[1] === across;
    return html`<div class="cell" role="gridcell" aria-colindex=${across + 1} tabindex=${here ? "0" : "-1"} aria-selected=${chosen ? "true" : "false"}
      aria-label="${corner ? `${corner}: ` : ""}${place}, ${cell.notes.length} notes" data-at="${down},${across}"
      @click=${() => this.hear(at)} @pointerenter=${() => this.send("lk-look", at)} @focus=${() => this.enter(at)}>
      <svg viewBox="0 0 ${this.steps} ${high - low + 1}" preserveAspectRatio="none" aria-hidden="true">
        ${cell.notes.map((note) => this.note(note, high, corner))}
      </svg>${corner ? html`<span class="tag ${corner === "B" ? "end" : ""}" aria-hidden="true">${corner}</span>` : null}
    </div>`;
  }

  private note(note: Note, high: number, corner: string) {
    const [onset, , length] = note;
    return svg`<rect class="note ${corner.toLowerCase()}" x=${onset + 0.1} y=${high - rowOf(note, this.drums) + 0.1} width=${(this.drums ? 1 : length) - 0.2} height="0.900"></rect>`;
  }

  private span(): [number, number] {
    if (this.drums) return [0, this.drums - 1];
    const pitches = this.cells.flatMap((line) => line.flatMap((cell) => cell.notes.map((note) => note[1])));
    if (pitches.length === 0) return [58, 74];
    // reduce, since thousands of notes are more arguments than a call may have
    const low = pitches.reduce((a, b) => Math.min(a, b)) - 2;
    return [low, Math.max(low + 16, pitches.reduce((a, b) => Math.max(a, b)) + 2)];
  }

  private enter(at: At): void {
    this.at = at;
    this.requestUpdate();
    this.send("lk-look", at);
  }

  private leave(event: FocusEvent): void {
    if (!(event.relatedTarget instanceof Element) || !this.shadowRoot!.contains(event.relatedTarget)) this.send("lk-look", null);
  }

  private hear(at: At): void {
    this.at = at;
    this.requestUpdate();
    this.send("lk-hear", at);
  }

  private key(event: KeyboardEvent): void {
    if (event.altKey || (event.metaKey && event.key !== "Home")) return;
    const last = this.cells.length - 1;
    const [down, across] = this.at;
    const ways: Record<string, At> = {
      ArrowUp: [down - 1, across], ArrowDown: [down + 1, across], ArrowLeft: [down, across - 1], ArrowRight: [down, across + 1],
      Home: event.ctrlKey ? [0, 0] : [down, 0], End: event.ctrlKey ? [last, last] : [down, last], PageUp: [0, across], PageDown: [last, across],
    };
    const to = ways[event.key];
    if (to) {
      const [row, column] = to.map((place) => Math.min(last, Math.max(0, place))) as At;
      this.renderRoot.querySelector<HTMLElement>(`[data-at="${row},${column}"]`)?.focus();
    } else if (event.key === "Enter" || event.key === " ") this.hear(this.at);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private send(type: string, at: At | null): void {
    this.dispatchEvent(new CustomEvent(type, { detail: { at }, bubbles: true, composed: true }));
  }
}

define("lk-grid", GridElement);

declare global {
  interface HTMLElementTagNameMap {
    "lk-grid": GridElement;
  }
}
