import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { property, query, state } from "lit/decorators.js";
import { define, icon, shared } from "../elements/shared.js";
import { signed } from "../numbers.js";
import type { Session } from "../session.js";
import type { KnobCard } from "../types.js";

const ROLES = { target: " (its target)", changes: " (meant to change)", preserved: " (to stay)", "": "" };
const KEYS: [string, string][] = [
  ["Space", "Play and stop"], ["Enter", "Stop and rewind"], [", and .", "A bar back, a bar on"], ["L", "Toggle the loop"],
  ["Drag on the bar numbers", "Choose bars, which knobs turn and the loop plays; with Shift, to there"], ["[ and ]", "Choose from this bar, to this bar"], ["Escape", "Choose all bars"], ["+, \u2212, 0", "Zoom in, out, all in sight"],
  ["A", "Switch between A and B"], ["M", "Toggle the metronome"], ["1 to 8, Shift 1 to 8", "Recall, store a snapshot"],
  ["Ctrl Z", "Undo"], ["Ctrl Shift Z, Ctrl Y", "Redo"], ["Ctrl S", "Save as MIDI"], ["?", "This help"],
];
const KNOB_KEYS: [string, string][] = [
  ["Drag up or down", "Turn by whole steps; Shift for a fifth of them"], ["On a touch screen", "Drag to the sides; up and down scrolls the page"], ["Double-click, Alt-click, Delete", "Back to 0"], ["Arrows", "One step; with Shift a fifth of one"],
  ["Page up, Page down", "Ten steps"], ["Home, End", "Lowest and highest amount"], ["Wheel", "Turn the focused knob"], ["The number", "Click to type an amount"],
];
const ENTRY_KEYS: [string, string][] = [["A W S E D F T G Y H U J K", "Piano keys from C, while the keyboard has the focus"], ["1 2 3 4", "Half, quarter, eighth, sixteenth"], ["R", "Rest"], ["Backspace", "Remove the last note"], ["Z, X", "Octave down, up"]];

/** The page's dialogs: keyboard shortcuts, and the evidence for a knob. */
export class Dialogs extends LitElement {
  static override styles = [shared, css`
    dialog { width: min(680px, calc(100vw - 24px)); max-height: calc(100dvh - 32px); padding: 0; border: 1px solid var(--line); border-radius: 16px; background: var(--panel); color: var(--ink); box-shadow: var(--shadow); }
    dialog::backdrop { background: rgb(10 12 16 / 55%); }
    .head { position: sticky; top: 0; display: flex; align-items: center; justify-content: space-between; gap: 12px; padding: 12px 12px 8px 22px; background: var(--panel); }
    .body { padding: 0 22px 22px; display: grid; gap: 18px; }
    h2 { font-size: 20px; }
    dl { display: grid; grid-template-columns: minmax(0, auto) minmax(0, 1fr); gap: 7px 18px; margin: 8px 0 0; font-size: 14px; }
    @media (max-width: 560px) { dl { grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); } .body { padding: 0 16px 18px; } }
    dt { font-weight: 600; } dd { margin: 0; color: var(--soft); }
    .text p { margin: 0 0 6px; max-width: 62ch; }
    .wide { overflow-x: auto; }
    table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
    caption { text-align: left; font-weight: 600; padding-bottom: 6px; }
    th { font-weight: 500; text-align: left; color: var(--soft); } th, td { padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line); }
    td.n, th.n { text-align: right; padding-right: 0; padding-left: 12px; }
    .ok { color: var(--good); } .no { color: var(--bad); }
    code { font: 13px var(--mono); }
  `];

  @property({ attribute: false }) session!: Session;
  @state() private heading = "";
  @state() private content: TemplateResult | null = null;
  @query("dialog") private dialog!: HTMLDialogElement;

  override render() {
    return html`<dialog aria-labelledby="title" @click=${(event: Event) => { if (event.target === this.dialog) this.dialog.close(); }} @close=${() => { this.content = null; }}>
      <div class="head"><h2 id="title">${this.heading}</h2><button class="button plain square" type="button" aria-label="Close" @click=${() => this.dialog.close()}>${icon("close")}</button></div>
      <div class="body" tabindex="-1">${this.content ?? nothing}</div></dialog>`;
  }

  get open(): boolean {
    return this.dialog?.open ?? false;
  }

  help(): void {
    const list = (title: string, keys: [string, string][]) => html`<section><h3>${title}</h3><dl>${keys.map(([key, what]) => html`<dt>${key}</dt><dd>${what}</dd>`)}</dl></section>`;
    this.present("Keyboard shortcuts", html`${list("Everywhere except in text boxes", KEYS)}${list("On a knob", KNOB_KEYS)}${list("On the keyboard in Melody", ENTRY_KEYS)}
      <p class="soft small">On the grid, arrows move, and Enter or Space plays. On a Mac, use Cmd for Ctrl.</p>`);
  }

  async card(name: string): Promise<void> {
    const { session } = this;
    try {
      const listed = session.knobs.find((one) => one.name === name);
      const knob = await session.api.knob(listed ? session.modelOf(listed) : session.model!.name, name);
      this.present(knob.label, this.evidence(knob));
    } catch (error) {
      session.fail(error);
    }
  }

  private evidence(knob: KnobCard) {
    const { text, effects, criteria } = knob.card;
    const dims = knob.dimensions.slice(0, 12);
    return html`<div class="text">${text.map((line) => html`<p>${line}</p>`)}</div>
      ${effects.length ? html`<div class="wide"><table><caption>Effect on attributes</caption><thead><tr><th scope="col">attribute</th><th scope="col" class="n">at +1</th><th scope="col" class="n">at the ends, in sd</th></tr></thead>
        <tbody>${effects.slice(0, 12).map((one) => html`<tr><td>${one.attribute}${ROLES[one.role]}</td><td class="n">${signed(one.slope)}</td><td class="n">${number(one.effect)}</td></tr>`)}</tbody></table></div>` : nothing}
      ${criteria.length ? html`<div class="wide"><table><caption>Acceptance criteria</caption><thead><tr><th scope="col">criterion</th><th scope="col" class="n">measured</th><th scope="col" class="n">limit</th><th scope="col" class="n">met</th></tr></thead>
        <tbody>${criteria.map((one) => html`<tr><td>${one.criterion}</td><td class="n">${number(one.value)}</td><td class="n">${number(one.limit)}</td><td class="n ${one.passed ? "ok" : "no"}">${one.passed ? "yes" : "no"}</td></tr>`)}</tbody></table></div>` : nothing}
      ${dims.length ? html`<section><h3>Selected dimensions</h3><p class="soft small">${dims.map(({ dim, share }) => `${dim} (${Math.round(share * 100)} %)`).join(", ")}${knob.dimensions.length > dims.length ? `, and ${knob.dimensions.length - dims.length} more` : ""}</p></section>` : nothing}`;
  }

  private present(title: string, content: TemplateResult): void {
    this.heading = title;
    this.content = content;
    if (!this.dialog.open) this.dialog.showModal();
  }
}

function number(value: number | null | undefined): string {
  return typeof value === "number" ? String(Number(value.toPrecision(3))) : "not measured";
}

define("lk-dialogs", Dialogs);
