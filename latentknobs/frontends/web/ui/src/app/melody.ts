import { css, html, nothing } from "lit";
import { state } from "lit/decorators.js";
import "../elements/keyboard.js";
import "../elements/roll.js";
import { define, icon, shared } from "../elements/shared.js";
import { drawnPiece, sorted } from "../music.js";
import { NO_DRAFT, type Draft } from "../state.js";
import type { Note } from "../types.js";
import "./import.js";
import { Component } from "./component.js";

type Way = "examples" | "file" | "keys" | "draw";
const WAYS: [Way, string][] = [["examples", "Examples"], ["file", "File"], ["keys", "Play it in"], ["draw", "Draw it"]];
/** Bars that can be recorded. */
const LENGTHS = [2, 4, 8, 16, 32];

/** How a melody comes in: an example, a file, the keyboard, the roll. */
export class MelodyPanel extends Component {
  static override styles = [shared, css`
    :host { display: block; }
    .ways { display: flex; flex-wrap: wrap; gap: 6px; margin-bottom: 18px; }
    .ways .button { border-radius: 22px; }
    .examples { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(260px, 100%), 1fr)); gap: 10px; }
    .example { display: grid; gap: 2px; align-content: start; padding: 12px 16px; text-align: left; border: 1px solid var(--line); border-radius: 12px; background: var(--raise); color: var(--ink); cursor: pointer; }
    .example:hover { border-color: var(--edge); } .example[aria-pressed="true"] { border-color: var(--ink); box-shadow: inset 0 0 0 1px var(--ink); }
    .example b { font-weight: 600; }
    .screen { background: var(--screen); border-radius: 14px; padding: 12px; margin: 14px 0; }
    .recorder { margin-bottom: 14px; } .label { display: inline-flex; align-items: center; gap: 8px; }
    .foot { justify-content: space-between; }
    .foot .row:last-child { margin-left: auto; }
  `];

  @state() private way: Way = "examples";
  @state() private dropped: File | null = null;
  @state() private recorded = 4;

  /** A file that was dropped somewhere on the page. */
  receive(file: File): void {
    this.way = "file";
    this.dropped = file;
  }

  override render() {
    const { session } = this;
    if (!session.deck || !session.info) return nothing;
    const ways = session.format.drums ? WAYS.filter(([way]) => way === "examples" || way === "file") : WAYS;
    return html`<div class="ways" role="group" aria-label="Where the melody comes from">${ways.map(([way, title]) => html`<button class="button" type="button" data-way=${way} aria-pressed=${this.way === way ? "true" : "false"} @click=${() => { this.way = way; }}>${title}</button>`)}</div>
      ${this.way === "examples" ? this.examples() : this.way === "file" ? html`<lk-import .session=${session} .file=${this.dropped}></lk-import>` : this.maker()}`;
  }

  private examples() {
    return html`<div class="examples" role="group" aria-label="Examples">${this.session.info!.examples.map(({ name, title, style, about, signature, bars }) => html`<button class="example" type="button" data-example=${name} aria-pressed=${this.opened === name ? "true" : "false"} @click=${() => void this.open(name, title)}>
      <b>${title}</b><span class="soft small">${style}, ${signature}, ${bars} bars</span><span class="soft small">${about}</span></button>`)}</div>`;
  }

  private async open(name: string, title: string): Promise<void> {
    try {
      this.session.load(await this.session.api.example(name), title);
    } catch (error) {
      this.session.fail(error);
    }
  }

  /** The example that is open. */
  private get opened(): string {
    const { source } = this.session.deck!.piece;
    return source.kind === "example" ? source.name : "";
  }

  private get limit(): number {
    return this.session.format.steps * this.session.info!.limits.clips;
  }

  private maker() {
    const { session } = this;
    const { format } = session;
    const { notes, end, clips } = session.state!.draft;
    const steps = Math.max(clips, Math.ceil(end / format.steps)) * format.steps;
    const drawing = this.way === "draw";
    const bar = format.steps_per_beat * format.beats_per_bar;
    const bars = format.steps / bar;
    return html`
      ${drawing ? html`<p class="soft small">Press to put a note, draw to the right to make it longer, press a note to take it away. With the keyboard: arrows, Enter, Shift and arrows.</p>`
        : html`${this.recorder(Math.floor(this.limit / bar))}<lk-keyboard .notes=${notes} .end=${end} .limit=${this.limit} .stepsPerBeat=${format.steps_per_beat} @lk-notes=${this.played} @lk-touch=${this.touch}></lk-keyboard>`}
      <div class="screen"><lk-roll label="Your melody" .notes=${notes} .format=${format} .steps=${steps} .height=${drawing ? 330 : 170} ?drawing=${drawing} .range=${drawing ? this.range : null} @lk-draw=${this.drawn} @lk-touch=${this.touch}></lk-roll></div>
      <div class="row foot">
        <span class="soft small">${notes.length} note${notes.length === 1 ? "" : "s"}, ${steps / bar} bars</span>
        <div class="row">
          ${drawing ? html`<button class="button" type="button" data-do="longer" ?disabled=${steps >= this.limit} @click=${() => this.draft({ notes, end, clips: steps / format.steps + 1 }, "more bars")}>${bars} more bars</button>` : nothing}
          <button class="button" type="button" data-do="from-deck" @click=${this.fromDeck}>Start from what I hear</button>
          <button class="button" type="button" data-do="clear" ?disabled=${notes.length === 0 && end === 0} @click=${() => this.draft(NO_DRAFT, "your melody cleared")}>Clear</button>
          <button class="button main" type="button" data-do="use" ?disabled=${notes.length === 0} @click=${this.use}>Use as ${session.state!.side.toUpperCase()}</button>
        </div>
      </div>`;
  }

  /** Records what is played on an instrument. */
  private recorder(most: number) {
    const { recording, midi } = this.session;
    const told = midi.trouble || midi.names.join(", ");
    return html`<div class="row recorder">
      <button class="button" type="button" data-do="record" aria-pressed=${recording.running ? "true" : "false"} title="One bar is counted in; the browser asks whether this page may hear MIDI" @click=${() => (recording.running ? recording.stop() : void recording.start(Math.min(this.recorded, most)))}>${icon(recording.running ? "stop" : "record")}${recording.running ? "Stop recording" : "Record from MIDI"}</button>
      <label class="label">Bars<select data-do="record-bars" ?disabled=${recording.running} @change=${(event: Event) => { this.recorded = Number((event.target as HTMLSelectElement).value); }}>${LENGTHS.filter((bars) => bars <= most).map((bars) => html`<option value=${bars} ?selected=${bars === this.recorded}>${bars}</option>`)}</select></label>
      ${told ? html`<span class="soft small" data-midi>${told}</span>` : nothing}</div>`;
  }

  private get range(): [number, number] {
    const [low, high] = this.session.model?.pitch_range ?? [36, 96];
    const pitches = this.session.state!.draft.notes.map((note) => note[1]);
    return [Math.max(low, Math.min(53, ...pitches)), Math.min(high, Math.max(81, ...pitches))];
  }

  private draft(draft: Draft, label: string, done = true): void {
    const { session } = this;
    const state = { ...session.state!, draft };
    if (done) session.commit(state, label);
    else session.store!.preview(state);
  }

  private played(event: CustomEvent<{ notes: Note[]; end: number }>): void {
    const { notes, end } = event.detail;
    this.draft({ notes, end, clips: this.session.state!.draft.clips }, "a note of your melody");
  }

  private drawn(event: CustomEvent<{ notes: Note[]; done: boolean }>): void {
    const { notes, done } = event.detail;
    this.draft({ notes, end: endOf(notes), clips: this.session.state!.draft.clips }, "a note of your melody", done);
  }

  private touch(event: CustomEvent<{ note: Note }>): void {
    event.stopPropagation();
    if (!this.session.player.playing) this.session.player.touch(event.detail.note);
  }

  private fromDeck(): void {
    const { notes, steps, format } = this.session;
    this.draft({ notes: sorted(notes), end: endOf(notes), clips: Math.ceil(steps / format.steps) }, "your melody from what is heard");
  }

  private use(): void {
    const { session } = this;
    const { notes, end } = session.state!.draft;
    const piece = drawnPiece(notes, this.way === "draw" ? "drawn melody" : "played melody", session.state!.tempo, session.format.steps);
    session.load({ ...piece, steps: Math.max(piece.steps, Math.ceil(end / session.format.steps) * session.format.steps) }, piece.name);
  }
}

const endOf = (notes: readonly Note[]): number => notes.reduce((end, [onset, , length]) => Math.max(end, onset + length), 0);

define("lk-melody", MelodyPanel);

declare global {
  interface HTMLElementTagNameMap {
    "lk-melody": MelodyPanel;
  }
}
