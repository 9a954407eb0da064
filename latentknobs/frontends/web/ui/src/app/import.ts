import { css, html, nothing, svg, type PropertyValues } from "lit";
import { property, state } from "lit/decorators.js";
import { ApiError } from "../api.js";
import { define, shared } from "../elements/shared.js";
import { joinClips, rowOf } from "../music.js";
import type { ClipWindow, Note, Read, Track } from "../types.js";
import { Component } from "./component.js";

const PAGE = 60;
const POLICIES = { auto: "expect a monophonic melody", "highest-onset": "keep the highest of notes that start together", skyline: "keep the highest note at each moment" };

/** MIDI import: remarks list what was quantized, cut or left out, and windows are picked by their bars. */
export class ImportPanel extends Component {
  static override styles = [shared, css`
    :host { display: block; }
    .drop { display: flex; flex-wrap: wrap; align-items: center; gap: 12px 18px; padding: 20px; border: 1.500px dashed var(--edge); border-radius: 14px; }
    .drop.over { border-color: var(--focus); background: var(--raise); }
    .drop input { position: absolute; width: 1px; height: 1px; opacity: 0; }
    .drop:has(input:focus-visible) .button { outline: 2px solid var(--focus); outline-offset: 2px; }
    .options { display: flex; flex-wrap: wrap; gap: 10px 18px; margin-top: 14px; }
    .options label { display: grid; gap: 3px; font-size: 13px; color: var(--soft); min-width: 0; }
    .options select, .options input { color: var(--ink); font-size: 15px; } .options input { width: 90px; }
    ul { margin: 14px 0 0; padding: 0 0 0 18px; font-size: 14px; color: var(--soft); }
    .windows { display: grid; grid-template-columns: repeat(auto-fill, minmax(132px, 1fr)); gap: 8px; margin: 12px 0; }
    .window { position: relative; display: grid; gap: 4px; padding: 8px; border: 1px solid var(--line); border-radius: 10px; background: var(--raise); cursor: pointer; text-align: left; }
    .window:hover { border-color: var(--edge); }
    .window svg { width: 100%; height: 44px; background: var(--screen); border-radius: 6px; display: block; }
    .window rect { fill: var(--s-note); }
    .window .line { display: flex; align-items: center; gap: 8px; font-size: 13px; min-height: 28px; }
    .window input { width: 20px; height: 20px; margin: 0; accent-color: var(--ink); }
    .window:has(input:checked) { border-color: var(--ink); }
    .window.off { cursor: not-allowed; } .window.off svg { opacity: 0.45; } .why { font-size: 12px; color: var(--soft); }
    .window:has(input:focus-visible) { outline: 2px solid var(--focus); outline-offset: 2px; } .window input:focus-visible { outline: none; }
    .foot { justify-content: space-between; margin-top: 12px; }
    .hint { margin-top: 14px; }
    .foot .main { margin-left: auto; }
  `];

  @property({ attribute: false }) file: File | null = null;
  @state() private read: Read | null = null;
  @state() private tracks: readonly Track[] = [];
  @state() private track = "";
  @state() private policy: keyof typeof POLICIES = "auto";
  @state() private offset = 0;
  @state() private picked: ReadonlySet<number> = new Set();
  @state() private shown = PAGE;
  @state() private over = false;
  @state() private busy = false;
  @state() private failed = false;

  protected override willUpdate(changes: PropertyValues): void {
    if (changes.has("file") && this.file) {
      this.track = "";
      this.policy = "auto";
      this.offset = 0;
      this.tracks = [];
      void this.load();
    }
  }

  override render() {
    const { limits } = this.session.info!;
    return html`
      <label class="drop ${this.over ? "over" : ""}" @dragover=${this.drag} @dragleave=${() => { this.over = false; }} @drop=${this.drop}>
        <input type="file" accept=".mid,.midi,audio/midi" data-do="file" @change=${this.choose}>
        <span class="button" aria-hidden="true">Choose a MIDI file</span><span class="soft"><span class="hidden">Choose a MIDI file, </span>or drop one here. ${this.file ? html`<b>${this.file.name}</b>` : `Up to ${Math.round(limits.bytes / 1024)} KiB.`}</span>
      </label>
      ${this.file && (this.read || this.tracks.length) ? this.options() : nothing}
      ${this.busy ? html`<p class="soft" role="status">Reading the file.</p>` : nothing}
      ${this.read ? this.found(this.read) : nothing}
      ${this.failed ? html`<p class="soft hint">${this.tracks.length ? "The file was opened, but its melody was not found: choose a track above, or what to do with simultaneous notes." : "Export the file again from your program as a standard MIDI file (type 0 or 1), or choose another one."}</p>` : nothing}`;
  }

  private options() {
    return html`<div class="options">
      ${this.tracks.length > 1 ? html`<label>Track<select data-do="track" @change=${(event: Event) => this.again({ track: (event.target as HTMLSelectElement).value })}>
        <option value="" ?selected=${this.track === ""}>the only melody</option>
        ${this.tracks.map(({ number, name, notes, drums }) => html`<option value=${number} ?selected=${this.track === String(number)}>${number}. ${name || "no name"} (${drums ? "drums, " : ""}${notes} notes)</option>`)}</select></label>` : nothing}
      <label>Simultaneous notes<select data-do="policy" @change=${(event: Event) => this.again({ policy: (event.target as HTMLSelectElement).value as keyof typeof POLICIES })}>
        ${Object.entries(POLICIES).map(([name, words]) => html`<option value=${name} ?selected=${this.policy === name}>${words}</option>`)}</select></label>
      <label>Shift right, in quarter notes<input class="field" type="number" step="0.5" data-do="offset" .value=${String(this.offset)} @change=${(event: Event) => this.again({ offset: Number((event.target as HTMLInputElement).value) || 0 })}></label>
    </div>`;
  }

  private found(read: Read) {
    const most = this.session.info!.limits.clips;
    const usable = read.windows.filter((window) => window.accepted);
    const tooMany = this.picked.size > most;
    return html`
      ${read.remarks.length ? html`<ul aria-label="Import remarks">${read.remarks.map((remark) => html`<li>${remark}</li>`)}</ul>` : nothing}
      <div class="windows" role="group" aria-label="Parts of the file">${read.windows.slice(0, this.shown).map((window) => this.window(window, read))}</div>
      <div class="row foot">
        <div class="row">
          <button class="button" type="button" data-do="all" @click=${() => { this.picked = new Set(usable.slice(0, most).map(({ clip }) => clip)); }}>All</button>
          <button class="button" type="button" data-do="none" @click=${() => { this.picked = new Set(); }}>None</button>
          ${read.windows.length > this.shown ? html`<button class="button" type="button" @click=${() => { this.shown += PAGE; }}>Show more (${read.windows.length - this.shown})</button>` : nothing}
        </div>
        <button class="button main" type="button" data-do="use" ?disabled=${this.picked.size === 0 || tooMany} @click=${this.use}>${tooMany ? `Pick at most ${most}` : this.picked.size === 0 ? "Pick at least one part" : `Open ${this.picked.size} of ${read.windows.length} as ${this.session.state!.side.toUpperCase()}`}</button>
      </div>`;
  }

  private window({ clip, bars, accepted, why }: ClipWindow, read: Read) {
    const size = this.session.format.steps;
    const notes = read.piece.notes.filter(([onset]) => onset >= clip * size && onset < (clip + 1) * size);
    const id = `why-${clip}`;
    return html`<label class="window ${accepted ? "" : "off"}">
      ${this.thumb(notes, clip * size, size)}
      <span class="line"><input type="checkbox" data-clip=${clip} .checked=${this.picked.has(clip)} ?disabled=${!accepted} aria-describedby=${why ? id : nothing} @change=${() => this.pick(clip)}>bars ${bars[0]}&ndash;${bars[1]}</span>
      ${why ? html`<span class="why" id=${id}>${why}</span>` : nothing}</label>`;
  }

  private thumb(notes: readonly Note[], from: number, size: number) {
    const { drums } = this.session.format;
    const rows = notes.map((note) => rowOf(note, drums));
    const low = Math.min(...rows) - 1;
    const span = Math.max(10, Math.max(...rows) - low + 2);
    return html`<svg viewBox="0 0 ${size} ${span}" preserveAspectRatio="none" aria-hidden="true">${notes.map((note) => svg`<rect x=${note[0] - from} y=${span - (rowOf(note, drums) - low) - 1} width=${Math.max(0.6, (drums ? 1 : Math.min(note[2], size - note[0] + from)) - 0.3)} height="1"></rect>`)}</svg>`;
  }

  private pick(clip: number): void {
    const picked = new Set(this.picked);
    if (!picked.delete(clip)) picked.add(clip);
    this.picked = picked;
  }

  private again(change: { track?: string; policy?: keyof typeof POLICIES; offset?: number }): void {
    Object.assign(this, change);
    void this.load();
  }

  private async load(): Promise<void> {
    const { session, file } = this;
    const most = session.info!.limits;
    this.read = null;
    if (!file) return;
    if (file.size > most.bytes) {
      session.fail(new ApiError(`${file.name} has ${Math.ceil(file.size / 1024)} KiB; at most ${Math.round(most.bytes / 1024)} are read. Choose a smaller file.`, "too-large", 0));
      return;
    }
    this.busy = true;
    this.failed = false;
    try {
      const read = await this.ask(file);
      this.read = read;
      this.tracks = read.tracks;
      this.shown = PAGE;
      this.picked = new Set(read.windows.filter((window) => window.accepted).slice(0, most.clips).map(({ clip }) => clip));
      session.dismiss();
    } catch (error) {
      this.failed = true;
      if (error instanceof ApiError) {
        this.tracks = error.tracks;
        session.fail(new ApiError(forPage(error.message), error.code, error.status));
      } else session.fail(error);
    } finally {
      this.busy = false;
    }
  }

  /** Where notes sound together and nobody chose, the highest is kept, and that is said. */
  private async ask(file: File): Promise<Read> {
    const { session } = this;
    const read = (policy: string) => session.api.read(session.model!.name, file, { file: file.name, policy, track: this.track, offset: this.offset });
    try {
      return await read(this.policy);
    } catch (error) {
      if (!(error instanceof ApiError) || this.policy !== "auto" || !/sound at once/.test(error.message)) throw error;
      this.policy = "highest-onset";
      const found = await read(this.policy);
      const why = error.message.replace(/: choose --policy.*$/, "").replace(/^[^:]*: /, "");
      return { ...found, remarks: [`${why[0]!.toUpperCase()}${why.slice(1)}: the highest of notes that start together is kept.`, ...found.remarks] };
    }
  }

  private use(): void {
    const { read, session } = this;
    if (!read) return;
    const piece = joinClips(read.piece, [...this.picked], session.format.steps);
    session.load(piece, piece.name);
  }

  private choose(event: Event): void {
    const field = event.target as HTMLInputElement;
    this.file = field.files?.[0] ?? null;
    field.value = "";
  }

  private drag(event: DragEvent): void {
    event.preventDefault();
    this.over = true;
  }

  private drop(event: DragEvent): void {
    event.preventDefault();
    event.stopPropagation();
    this.over = false;
    this.file = event.dataTransfer?.files[0] ?? this.file;
  }
}

/** Options of the command line in a message, as this page calls them. */
export function forPage(message: string): string {
  return message
    .replace(/--policy (highest-onset|skyline)/g, (_, policy: "skyline") => `\u201c${POLICIES[policy]}\u201d`)
    .replace(/--track N/g, "a track below")
    .replace(/--offset/g, "\u201cshift right\u201d");
}

define("lk-import", ImportPanel);
