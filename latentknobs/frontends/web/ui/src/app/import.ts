import { css, html, nothing, svg, type PropertyValues } from "lit";
import { property, state } from "lit/decorators.js";
import { ApiError } from "../api.js";
import { toBase64 } from "../download.js";
import { define, shared } from "../elements/shared.js";
import { barWords, pitchName, rowOf } from "../music.js";
import type { ClipWindow, Note, Read, Reading, Track } from "../types.js";
import { Component } from "./component.js";

const PAGE = 60;
const ACCEPT = ".mid,.midi,.smf,.kar,.rmi,.abc,.musicxml,.xml,.mxl,audio/midi";
const POLICIES: Record<Reading["policy"], string> = {
  auto: "expect a monophonic melody", error: "refuse them", "highest-onset": "keep the highest of notes that start together", skyline: "keep the highest note at each moment",
};
const SIGNATURES = ["4/4", "3/4", "2/4", "2/2", "6/8", "9/8", "12/8", "5/4", "7/8"];
const WAYS: Record<ClipWindow["way"], string> = { model: "", octaves: "octaves away", rule: "by rule", alone: "left alone", silent: "silent" };
const READING: Reading = { policy: "auto", track: null, offset: 0, bars: "", time_signature: "", quantize: false };

/** A file's melody: the likeliest track first, all that may be chosen otherwise, and how its bars are turned. */
export class ImportPanel extends Component {
  static override styles = [shared, css`
    :host { display: block; }
    .drop { display: flex; flex-wrap: wrap; align-items: center; gap: 12px 18px; padding: 20px; border: 1.500px dashed var(--edge); border-radius: 14px; }
    .drop.over { border-color: var(--focus); background: var(--raise); }
    .drop input { position: absolute; width: 1px; height: 1px; opacity: 0; }
    .drop:has(input:focus-visible) .button { outline: 2px solid var(--focus); outline-offset: 2px; }
    .options { display: flex; flex-wrap: wrap; gap: 10px 18px; margin-top: 14px; align-items: flex-end; }
    .options label:not(.check) { display: grid; grid-template-columns: minmax(0, 1fr); gap: 3px; font-size: 13px; color: var(--soft); min-width: 0; max-width: 100%; }
    .options select, .options .field { color: var(--ink); font-size: 15px; } .options .field { width: 100px; }
    .note { margin-top: 14px; padding: 10px 14px; border-left: 4px solid var(--edge); background: var(--raise); border-radius: 6px; }
    ul { margin: 14px 0 0; padding: 0 0 0 18px; font-size: 14px; color: var(--soft); }
    .windows { display: grid; grid-template-columns: repeat(auto-fill, minmax(132px, 1fr)); gap: 8px; margin: 12px 0; padding: 0; list-style: none; }
    .window { display: grid; gap: 4px; padding: 8px; border: 1px solid var(--line); border-radius: 10px; background: var(--raise); font-size: 13px; color: var(--ink); align-content: start; }
    .window svg { width: 100%; height: 44px; background: var(--screen); border-radius: 6px; display: block; }
    .window rect { fill: var(--s-note); }
    .why { font-size: 12px; color: var(--soft); }
    .foot { justify-content: space-between; margin-top: 12px; }
    .hint { margin-top: 14px; }
    .foot .main { margin-left: auto; }
  `];

  @property({ attribute: false }) file: File | null = null;
  @state() private read: Read | null = null;
  @state() private tracks: readonly Track[] = [];
  @state() private reading: Reading = READING;
  @state() private shown = PAGE;
  @state() private over = false;
  @state() private busy = false;
  @state() private failed = false;
  private asked = 0;

  protected override willUpdate(changes: PropertyValues): void {
    if (changes.has("file") && this.file) {
      this.reading = READING;
      this.tracks = [];
      void this.load();
    }
  }

  override render() {
    const { limits } = this.session.info!;
    return html`
      <label class="drop ${this.over ? "over" : ""}" @dragover=${this.drag} @dragleave=${() => { this.over = false; }} @drop=${this.drop}>
        <input type="file" accept=${ACCEPT} data-do="file" @change=${this.choose}>
        <span class="button" aria-hidden="true">Choose a file</span><span class="soft"><span class="hidden">Choose a file, </span>or drop one here: MIDI, MusicXML or ABC. ${this.file ? html`<b>${this.file.name}</b>` : `Up to ${Math.round(limits.bytes / 1024)} KiB.`}</span>
      </label>
      ${this.file && (this.read || this.tracks.length) ? this.options() : nothing}
      ${this.busy ? html`<p class="soft" role="status">Reading the file.</p>` : nothing}
      ${this.read ? this.found(this.read) : nothing}
      ${this.failed ? html`<p class="soft hint">${this.tracks.length ? "The file was opened, but not read as it was asked for: choose otherwise above." : "Export the file again from your program as MIDI (type 0 or 1) or MusicXML, or choose another one."}</p>` : nothing}`;
  }

  private options() {
    const { policy, offset, bars, time_signature: signature, quantize } = this.reading;
    const track = String(this.track ?? "");
    const value = (event: Event) => (event.target as HTMLInputElement | HTMLSelectElement).value;
    const signatures = signature && !SIGNATURES.includes(signature) ? [signature, ...SIGNATURES] : SIGNATURES;
    return html`<div class="options">
      ${this.tracks.length > 1 ? html`<label>Track<select data-do="track" @change=${(event: Event) => this.again(value(event) ? { track: value(event) } : { track: null, policy: merges(policy) ? policy : "skyline" })}>
        <option value="" ?selected=${track === ""}>all together</option>
        ${this.tracks.map((one) => html`<option value=${one.number} ?selected=${track === String(one.number)} ?disabled=${one.drums && !this.session.format.drums}>${trackWords(one)}</option>`)}</select></label>` : nothing}
      <label>Time signature<select data-do="time-signature" @change=${(event: Event) => this.again({ time_signature: value(event) })}>
        <option value="" ?selected=${signature === ""}>as the file says${this.read && !signature ? ` (${signaturesOf(this.read)})` : ""}</option>
        ${signatures.map((one) => html`<option value=${one} ?selected=${one === signature}>${one}</option>`)}</select></label>
      <label>Bars, as 9-16<input class="field" data-do="bars" maxlength="20" placeholder="all" .value=${bars} @change=${(event: Event) => this.again({ bars: value(event).trim() })}></label>
      <label>Simultaneous notes<select data-do="policy" @change=${(event: Event) => this.again({ policy: value(event) as Reading["policy"], track: this.track === undefined ? null : String(this.track) })}>
        ${Object.entries(POLICIES).map(([name, words]) => html`<option value=${name} ?selected=${policy === name}>${words}</option>`)}</select></label>
      <label>Shift right, in quarters<input class="field" type="number" step="0.5" data-do="offset" .value=${String(offset)} @change=${(event: Event) => this.again({ offset: Number(value(event)) || 0 })}></label>
      <label class="check"><input type="checkbox" data-do="quantize" .checked=${quantize} @change=${(event: Event) => this.again({ quantize: (event.target as HTMLInputElement).checked })}>Quantize</label>
    </div>`;
  }

  /** The track that is taken, unless it is several; without being told the reader takes the likely one. */
  private get track(): number | undefined {
    const { track, policy } = this.reading;
    if (track) return this.tracks.find(({ number, name }) => track === String(number) || track === name)?.number;
    return merges(policy) ? undefined : this.tracks.find(({ likely }) => likely)?.number;
  }

  private found(read: Read) {
    const bars = read.windows.reduce((sum, { bars: [first, last] }) => sum + last - first + 1, 0);
    return html`
      ${read.note ? html`<p class="note" role="status" data-note>${forPage(read.note)} Choose otherwise above.</p>` : nothing}
      ${read.remarks.length ? html`<ul aria-label="Import remarks">${read.remarks.map((remark) => html`<li>${forPage(remark)}</li>`)}</ul>` : nothing}
      <ul class="windows" aria-label="Parts of the file">${read.windows.slice(0, this.shown).map((window) => this.window(window, read))}</ul>
      <div class="row foot">
        ${read.windows.length > this.shown ? html`<button class="button" type="button" @click=${() => { this.shown += PAGE; }}>Show more (${read.windows.length - this.shown})</button>` : nothing}
        <button class="button main" type="button" data-do="use" @click=${this.use}>Open ${bars} bar${bars === 1 ? "" : "s"} as ${this.session.state!.side.toUpperCase()}</button>
      </div>`;
  }

  private window({ start, steps, bars, way, why }: ClipWindow, read: Read) {
    const notes = read.piece.notes.filter(([onset]) => onset >= start && onset < start + steps);
    return html`<li class="window">${this.thumb(notes, start, steps)}<span>${barWords(bars)}${WAYS[way] ? html`: <b>${WAYS[way]}</b>` : nothing}</span>${why ? html`<span class="why">${why}</span>` : nothing}</li>`;
  }

  private thumb(notes: readonly Note[], from: number, size: number) {
    const { drums } = this.session.format;
    const rows = notes.map((note) => rowOf(note, drums));
    const low = Math.min(...rows) - 1;
    const span = Math.max(10, Math.max(...rows) - low + 2);
    return html`<svg viewBox="0 0 ${size} ${span}" preserveAspectRatio="none" aria-hidden="true">${notes.map((note) => svg`<rect x=${note[0] - from} y=${span - (rowOf(note, drums) - low) - 1} width=${Math.max(0.6, (drums ? 1 : Math.min(note[2], size - note[0] + from)) - 0.3)} height="1"></rect>`)}</svg>`;
  }

  private again(change: Partial<Reading>): void {
    this.reading = { ...this.reading, ...change };
    void this.load();
  }

  private async load(): Promise<void> {
    const { session, file } = this;
    const most = session.info!.limits;
    this.read = null;
    if (!file) return;
    if (file.size > most.bytes) {
      session.fail(new ApiError(`${file.name} has ${Math.ceil(file.size / 1024)} KiB; at most ${Math.round(most.bytes / 1024)} are read. Choose a smaller file.`, "too-large", 0), "file");
      return;
    }
    this.busy = true;
    this.failed = false;
    this.asked += 1;
    const { asked } = this;
    try {
      const [read, data] = await Promise.all([session.api.read(session.model!.name, file, { file: file.name, ...this.reading }), toBase64(file)]);
      if (asked !== this.asked) return; // something else was chosen meanwhile
      const { source } = read.piece;
      session.keepFile(source, { data, accompaniment: read.accompaniment });
      if (source.kind === "midi") this.reading = source.options;
      this.read = read;
      this.tracks = read.tracks;
      this.shown = PAGE;
      session.settle("file");
    } catch (error) {
      if (asked !== this.asked) return;
      this.failed = true;
      if (error instanceof ApiError) {
        if (error.tracks.length) this.tracks = error.tracks;
        session.fail(new ApiError(forPage(error.message), error.code, error.status), "file");
      } else session.fail(error, "file");
    } finally {
      if (asked === this.asked) this.busy = false;
    }
  }

  private use(): void {
    if (this.read) this.session.load(this.read.piece, this.read.piece.name);
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

/** Whether tracks are read together where none is chosen. */
const merges = (policy: Reading["policy"]): boolean => policy === "highest-onset" || policy === "skyline";

/** "2. Flute: flute, 210 notes, C4 to G5, 98 % monophonic, likely". */
function trackWords({ number, name, instrument, notes, low, high, monophonic, likely }: Track): string {
  const facts = [`${notes} note${notes === 1 ? "" : "s"}`, `${pitchName(low)} to ${pitchName(high)}`, `${Math.round(monophonic * 100)} % monophonic`];
  return `${number}. ${name || "no name"}: ${[...(instrument ? [instrument] : []), ...facts, ...(likely ? ["likely"] : [])].join(", ")}`;
}

function signaturesOf(read: Read): string {
  return [...new Set(read.piece.stretches.map(({ beats, unit }) => `${beats}/${unit}`))].join(", ");
}

/** Options of the command line in a message, as this page calls them. */
export function forPage(message: string): string {
  return message
    .replace(/--policy (highest-onset|skyline)/g, (_, policy: "skyline") => `\u201c${POLICIES[policy]}\u201d`)
    .replace(/--(track|bars|quantize|time-signature|offset)\b/g, (_, name: string) => `\u201c${{ track: "Track", bars: "Bars", quantize: "Quantize", "time-signature": "Time signature", offset: "Shift right" }[name]}\u201d`);
}

define("lk-import", ImportPanel);
