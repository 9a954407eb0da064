import { css, html, LitElement } from "lit";
import { property, state } from "lit/decorators.js";
import { isBlack, pitchName, pitchWords } from "../music.js";
import type { Note } from "../types.js";
import { define, icon, shared } from "./shared.js";

/** Computer keys as piano keys, from C on. */
const KEYS = "awsedftgyhujkolp;";
const OCTAVES = 3;

/**
 * An on-screen keyboard for entering a melody note by note. Sends `lk-notes` with {notes, end} after each change and
 * `lk-touch` with {note}. `end` is where the next note goes, in steps.
 */
export class KeyboardElement extends LitElement {
  static override styles = [shared, css`
    :host { display: block; }
    .bar { display: flex; flex-wrap: wrap; gap: 8px; margin-bottom: 12px; align-items: center; }
    .lengths { display: flex; border: 1px solid var(--line); border-radius: 10px; overflow: hidden; background: var(--raise); }
    .lengths button { min-width: 44px; min-height: 44px; padding: 0 12px; border: 0; background: none; cursor: pointer; font-size: 14px; }
    .lengths button[aria-checked="true"] { background: var(--ink); color: var(--panel); }
    .lengths button:focus-visible { outline-offset: -3px; }
    .scroll { overflow-x: auto; padding: 3px 3px 8px; margin: 0 -3px; }
    .keys { position: relative; display: flex; width: max-content; height: 150px; }
    .white, .black { border: 1px solid var(--edge); cursor: pointer; touch-action: manipulation; padding: 0 0 8px; font-size: 11px; display: flex; align-items: flex-end; justify-content: center; }
    .white { width: 44px; height: 150px; background: #fdfdfd; color: #4a5462; border-radius: 0 0 7px 7px; margin-right: -1px; }
    .black { width: 30px; height: 92px; background: #20252e; color: #dfe4ea; border-radius: 0 0 5px 5px; margin: 0 -15.500px 0 -14.500px; z-index: 1; border-color: #20252e; }
    .white:hover { background: #e9eef5; } .black:hover { background: #3a4250; }
    .white:active { background: #cfdcf0; } .black:active { background: #556073; }
    .white:focus-visible, .black:focus-visible { outline-offset: -4px; } .black:focus-visible { outline-color: #8ab6ff; }
  `];

  @property({ attribute: false }) notes: readonly Note[] = [];
  /** Where the next note goes, in steps. */
  @property({ type: Number }) end = 0;
  /** The longest melody, in steps. */
  @property({ type: Number }) limit = 32;
  @property({ type: Number, attribute: "steps-per-beat" }) stepsPerBeat = 4;
  @property({ type: Number }) octave = 4;
  @state() private length = 1;
  @state() private at = 60;

  private get lengths(): { name: string; short: string; beats: number }[] {
    const all = [
      { name: "half", short: "1/2", beats: 2 }, { name: "quarter", short: "1/4", beats: 1 },
      { name: "eighth", short: "1/8", beats: 0.5 }, { name: "sixteenth", short: "1/16", beats: 0.25 },
    ];
    return all.filter(({ beats }) => Number.isInteger(beats * this.stepsPerBeat));
  }

  override render() {
    const low = 12 * (this.octave + 1) - 12;
    const pitches = Array.from({ length: 12 * OCTAVES + 1 }, (_, index) => low + index).filter((pitch) => pitch >= 0 && pitch <= 127);
    const here = pitches.includes(this.at) ? this.at : (pitches[12] ?? pitches[0]!);
    return html`<div @keydown=${this.key}>
      <div class="bar">
        <div class="lengths" role="radiogroup" aria-label="Length of the next note">${this.lengths.map(({ name, short, beats }, index) => html`<button type="button" role="radio"
          aria-checked=${beats === this.length ? "true" : "false"} tabindex=${beats === this.length ? "0" : "-1"} aria-label="${short}, ${name}" title="${name} (key ${index + 1})" data-length=${name}
          @click=${() => { this.length = beats; }}>${short}</button>`)}</div>
        <button class="button" type="button" data-do="rest" title="Rest (R)" @click=${this.rest}>Rest</button>
        <button class="button" type="button" data-do="back" ?disabled=${this.end === 0} @click=${this.back}>${icon("back")}Back</button>
        <button class="button square" type="button" aria-label="An octave lower" title="An octave lower (Z)" ?disabled=${this.octave <= 1} @click=${() => this.shift(-1)}>${icon("left")}</button>
        <button class="button square" type="button" aria-label="An octave higher" title="An octave higher (X)" ?disabled=${this.octave >= 7} @click=${() => this.shift(1)}>${icon("right")}</button>
      </div>
      <div class="scroll"><div class="keys" role="group" aria-label="Keys, ${pitchName(pitches[0]!)} to ${pitchName(pitches.at(-1)!)}">
        ${pitches.map((pitch) => html`<button type="button" class=${isBlack(pitch) ? "black" : "white"} tabindex=${pitch === here ? "0" : "-1"} data-pitch=${pitch}
          aria-label=${pitchWords(pitch)} @click=${() => this.put(pitch)} @focus=${() => { this.at = pitch; }}>${pitch % 12 === 0 ? pitchName(pitch) : ""}</button>`)}
      </div></div></div>`;
  }

  protected override firstUpdated(): void {
    const scroll = this.renderRoot.querySelector(".scroll");
    if (scroll) scroll.scrollLeft = 44 * 7; // the octave in the middle, where there is no room for all
  }

  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>('.keys [tabindex="0"]')?.focus();
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    const piano = KEYS.indexOf(key);
    const lengths = this.lengths;
    const target = event.composedPath()[0] as HTMLElement;
    if (key === "arrowright" || key === "arrowleft") {
      const step = key === "arrowright" ? 1 : -1;
      if (target.getAttribute("role") === "radio") {
        const index = lengths.findIndex(({ beats }) => beats === this.length);
        this.length = lengths[(index + step + lengths.length) % lengths.length]!.beats;
        void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>('[role="radio"][tabindex="0"]')?.focus());
      } else this.renderRoot.querySelector<HTMLElement>(`[data-pitch="${this.at + step}"]`)?.focus();
    } else if (piano >= 0 && key !== "") this.put(12 * (this.octave + 1) + piano);
    else if (key === "r") this.rest();
    else if (key === "backspace") this.back();
    else if (key === "z") this.shift(-1);
    else if (key === "x") this.shift(1);
    else if (/^[1-4]$/.test(key)) this.length = lengths[Number(key) - 1]?.beats ?? this.length;
    else if (key === " " || key === "enter") {
      event.stopPropagation(); // the button's own
      return;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private shift(octaves: number): void {
    this.octave = Math.min(7, Math.max(1, this.octave + octaves));
  }

  private put(pitch: number): void {
    if (pitch > 127) return;
    const length = Math.min(this.length * this.stepsPerBeat, this.limit - this.end);
    const note: Note = [this.end, pitch, Math.max(1, length), 0];
    this.dispatchEvent(new CustomEvent("lk-touch", { detail: { note }, bubbles: true, composed: true }));
    if (length > 0) this.send([...this.notes, note], this.end + length);
  }

  private rest(): void {
    if (this.end < this.limit) this.send(this.notes, Math.min(this.limit, this.end + this.length * this.stepsPerBeat));
  }

  private back(): void {
    const last = this.notes.at(-1);
    if (!last) this.send([], 0);
    else if (last[0] + last[2] < this.end) this.send(this.notes, last[0] + last[2]);
    else this.send(this.notes.slice(0, -1), last[0]);
  }

  private send(notes: readonly Note[], end: number): void {
    this.notes = notes;
    this.end = end;
    this.dispatchEvent(new CustomEvent("lk-notes", { detail: { notes, end }, bubbles: true, composed: true }));
  }
}

define("lk-keyboard", KeyboardElement);

declare global {
  interface HTMLElementTagNameMap {
    "lk-keyboard": KeyboardElement;
  }
}
