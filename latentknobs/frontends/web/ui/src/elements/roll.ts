import { html, LitElement, nothing, svg, type PropertyValues } from "lit";
import { property, query, state } from "lit/decorators.js";
import { barWords, isBlack, melodyWords, meter, pitchName, putNote, rowOf, type Meter } from "../music.js";
import { within } from "../parts.js";
import type { Range } from "../state.js";
import type { ClipWindow, Format, Note, Stretch } from "../types.js";
import { rollStyles } from "./roll-styles.js";
import { define, shared } from "./shared.js";

/** The ruler's height. */
const TOP = 26;
const MOST_ZOOM = 64;
/** Pixels from its edges within which a pointer that draws bars scrolls. */
const EDGE = 24;
/** Milliseconds for which the playhead is not followed after a person has scrolled. */
const LOOKING = 3000;
type Part = Pick<ClipWindow, "start" | "steps" | "bars" | "way" | "unfamiliar">;
const WAYS: Partial<Record<ClipWindow["way"], string>> = { rule: "by rule", alone: "left alone" };
export const MELODY: Format = { name: "melody-2bar", steps: 32, steps_per_beat: 4, beats_per_bar: 4, beats: 4, unit: 4, drums: null };

/**
 * A piano roll, or rows of drums: the notes, the original behind them, what changed with a colour and a mark.
 * While `drawing`, sends `lk-draw` with {notes, done}, one voice, where `done` ends a gesture; `lk-touch` with {note} for
 * each note that is put. With `transport`, sends `lk-seek` with {step}, the beat that was pressed, `lk-range` with {range}
 * when bars were drawn on the ruler, null for a double-click there, and `lk-look` with {range}, the steps in sight.
 */
export class RollElement extends LitElement {
  static override styles = [shared, rollStyles];

  @property({ attribute: false }) notes: readonly Note[] = [];
  @property({ attribute: false }) ghost: readonly Note[] = [];
  /** Which of the notes were changed, by their place in `notes`. */
  @property({ attribute: false }) changed: readonly number[] = [];
  @property({ attribute: false }) format: Format = MELODY;
  /** The time signatures; none = that of the format. */
  @property({ attribute: false }) stretches: readonly Stretch[] = [];
  /** Parts with how each is turned: those that are not by the model, or that it does not know, are marked. */
  @property({ attribute: false }) parts: readonly Part[] = [];
  @property({ type: Number }) steps = 32;
  @property({ type: Number }) height = 260;
  @property({ type: Number, reflect: true }) hue = 7;
  @property({ type: Boolean }) drawing = false;
  /** Whether a press goes to that place, and bars can be drawn on the ruler. */
  @property({ type: Boolean }) transport = false;
  /** The steps that are looped; null = all. */
  @property({ attribute: false }) looped: Range | null = null;
  /** The steps that are chosen; null = all. */
  @property({ attribute: false }) selected: Range | null = null;
  /** Whether other notes are being computed. */
  @property({ type: Boolean, reflect: true }) busy = false;
  /** The steps whose notes are the ones that are being computed; [] = all of them. */
  @property({ attribute: false }) pending: readonly Range[] = [];
  /** Length of a note that is drawn, in steps. */
  @property({ type: Number }) pen = 4;
  @property() label = "Melody";
  @property({ attribute: false }) range: [number, number] | null = null;
  @state() private width = 800;
  /** Pixels a step; null = as many as there is room for, if that can be read. */
  @state() private scale: number | null = null;
  /** The screenful that is scrolled to: this one and its neighbours are drawn. */
  @state() private page = 0;
  private following = -Infinity;
  private pressed: { x: number; step: number; ruler: boolean } | null = null;
  /** Bars that are being drawn. */
  @state() private drawn: Range | null = null;
  private looked: Range = [0, 0];
  private edge: ReturnType<typeof setInterval> | null = null;
  private words = "";
  @state() private cursor: [step: number, pitch: number] = [0, 67];
  @query(".sheet") private sheet!: SVGSVGElement;
  @query(".scroll") private scroller!: HTMLElement;
  private head: number | null = null;
  private stroke: { onset: number; pitch: number; before: readonly Note[] } | null = null;
  private readonly watcher = globalThis.ResizeObserver
    ? new ResizeObserver(([entry]) => { this.width = Math.max(200, Math.floor(entry!.contentRect.width)); })
    : null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.watcher?.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.watcher?.disconnect();
  }

  /** Where the playhead stands, in steps; null takes it away. Cheap enough for every frame. */
  set playhead(step: number | null) {
    this.head = step;
    const line = this.renderRoot?.querySelector(".head");
    if (!line) return;
    line.toggleAttribute("hidden", step === null);
    line.setAttribute("visibility", step === null ? "hidden" : "visible");
    if (step === null) return;
    const x = step * this.stepWidth;
    line.setAttribute("x1", x.toFixed(1));
    line.setAttribute("x2", x.toFixed(1));
    const { scrollLeft, clientWidth, scrollWidth } = this.scroller;
    const away = x < scrollLeft || x > scrollLeft + clientWidth - 24;
    if (scrollWidth > clientWidth && away && performance.now() > this.following) this.scroller.scrollLeft = Math.max(0, x - 24);
  }

  get playhead(): number | null {
    return this.head;
  }

  /** Room for the names at the left. */
  private get gutter(): number {
    return this.format.drums ? 92 : 46;
  }

  private get stepWidth(): number {
    return Math.max(this.whole, this.scale ?? (this.width < 640 ? 8 : 4.4));
  }

  /** Pixels a step with all in sight. */
  private get whole(): number {
    return (this.width - this.gutter) / this.steps;
  }

  /** Makes the picture wider by a factor around a place of it, in pixels; the playhead, else the middle, if none is given. 0 = all in sight. */
  zoom(factor: number, around?: number): void {
    const before = this.stepWidth;
    const { scrollLeft, clientWidth } = this.scroller;
    const head = (this.head ?? -1) * before - scrollLeft;
    const anchor = around ?? (head >= 0 && head <= clientWidth ? head : clientWidth / 2);
    const step = (scrollLeft + anchor) / before;
    this.scale = Math.min(MOST_ZOOM, Math.max(this.whole, before * factor));
    this.following = performance.now() + LOOKING;
    void this.updateComplete.then(() => { this.scroller.scrollLeft = step * this.stepWidth - anchor; });
  }

  /** Whether the picture can be made narrower, and wider. */
  get zooms(): readonly [out: boolean, into: boolean] {
    return [this.stepWidth > this.whole + 1e-6, this.stepWidth < MOST_ZOOM];
  }

  /** Lowest and highest row that is drawn. */
  private get rows(): [number, number] {
    if (this.format.drums) return [0, this.format.drums.length - 1];
    if (this.range) return this.range;
    const pitches = [...this.notes, ...this.ghost].map((note) => note[1]);
    let low = Math.min(127, ...pitches) - 2;
    let high = Math.max(0, ...pitches) + 2;
    if (pitches.length === 0) [low, high] = [58, 74];
    for (; high - low < 15; low -= 1) high += 1;
    return [Math.max(0, low), Math.min(127, high)];
  }

  protected override willUpdate(changes: PropertyValues): void {
    if (["notes", "format", "stretches", "steps", "parts"].some((name) => changes.has(name))) {
      const marked = this.parts.filter(partWords).map((part) => `${barWords(part.bars)} ${partWords(part)}.`);
      this.words = [melodyWords(this.notes, this.format, meter(this.stretches, this.format, this.steps)), ...marked].join(" ");
    }
  }

  protected override firstUpdated(): void {
    const looking = () => { this.following = performance.now() + LOOKING; };
    for (const gesture of ["wheel", "touchmove", "pointerdown"]) this.scroller.addEventListener(gesture, looking, { passive: true });
    // A finger that draws bars must not scroll.
    this.scroller.addEventListener("touchmove", (event) => { if (this.pressed?.ruler && this.drawn && event.cancelable) event.preventDefault(); }, { passive: false });
    // A wheel that zooms must not zoom the page.
    this.scroller.addEventListener("wheel", this.wheel, { passive: false });
  }

  protected override updated(changes: PropertyValues): void {
    this.playhead = this.head;
    this.look();
    if (changes.has("range") && this.range) this.cursor = [this.cursor[0], Math.min(this.range[1], Math.max(this.range[0], this.cursor[1]))];
  }

  override render() {
    const [low, high] = this.rows;
    const rowHeight = (this.height - TOP) / (high - low + 1);
    const y = (pitch: number) => TOP + (high - pitch) * rowHeight;
    const width = this.stepWidth * this.steps;
    // A ghost right behind its note would only fray its edges.
    const there = new Set(this.notes.map((note) => note.join()));
    const changed = new Set(this.changed);
    const older = ([onset]: Note) => this.busy && (!this.pending.length || within(onset, this.pending));
    const lines = meter(this.stretches, this.format, this.steps);
    const marked = this.parts.filter(partWords);
    const [from, to] = this.near;
    const near = ([onset, , length]: Note) => onset < to && onset + length > from;
    return html`<div class="box" aria-busy=${this.busy ? "true" : "false"}>
      <svg class="names" width=${this.gutter} height=${this.height} aria-hidden="true">${this.names(low, high, y, rowHeight)}</svg>
      <div class="scroll" @scroll=${this.scrolled} tabindex=${width > this.width - this.gutter + 1 ? "0" : "-1"} role="group" aria-label="${this.label}, ${lines.bars.length} bars">
        <svg class="sheet ${this.drawing ? "drawing" : ""} ${this.transport ? "transport" : ""}" width=${width} height=${this.height} role=${this.drawing ? "application" : "img"}
          tabindex=${this.drawing ? "0" : "-1"} focusable=${this.drawing ? "true" : "false"}
          aria-label=${this.drawing ? `${this.label}. Arrows move, Enter puts a note or takes it away. ${this.here}` : `${this.label}: ${this.notes.length} notes, ${this.changed.length} changed`}
          aria-describedby="words" @pointerdown=${this.press} @pointermove=${this.pull} @pointerup=${this.release} @pointercancel=${this.cancel} @dblclick=${this.twice} @keydown=${this.key}>
          ${this.lattice(low, high, y, rowHeight, width)}
          ${this.transport ? svg`<rect class="ruler" x="0" y="0" width=${width} height=${TOP}></rect>` : null}
          ${this.lines(lines, width)}
          ${marked.map((one) => this.marking(one))}
          ${this.ghost.filter((note) => near(note) && !there.has(note.join())).map((note) => this.box(note, "ghost", y, rowHeight))}
          ${this.notes.map((note, index) => (near(note) ? this.box(note, `note${changed.has(index) ? " changed" : ""}${older(note) ? " older" : ""}`, y, rowHeight) : null))}
          ${this.loop(width)}${this.choice()}
          ${this.busy ? this.pending.map(([first, after]) => svg`<rect class="coming" x=${first * this.stepWidth} y=${TOP - 3} width=${(after - first) * this.stepWidth} height="3"></rect>`) : null}
          ${this.drawing ? svg`<rect class="cursor" x=${this.cursor[0] * this.stepWidth} y=${y(this.cursor[1])} width=${this.stepWidth} height=${rowHeight}></rect>` : null}
          <line class="head" y1=${TOP - 6} y2=${this.height} visibility="hidden"></line>
        </svg>
      </div>
      ${this.busy ? html`<div class="progress" role="progressbar" aria-label="Computing the melody" aria-valuenow=${this.there ?? nothing}>${this.there === null ? null : svg`<svg width="100%" height="3"><rect width="${this.there}%" height="3"></rect></svg>`}</div>` : null}
    </div><p class="hidden" id="words">${this.words}</p><p class="hidden" aria-live="polite">${this.drawing ? this.here : ""}</p>`;
  }

  private get here(): string {
    const [step, pitch] = this.cursor;
    const bar = meter(this.stretches, this.format, this.steps).bars.findLast(({ at }) => at <= step)!;
    return `Bar ${bar.number}, step ${Math.floor(step - bar.at) + 1}, ${this.format.drums ? this.format.drums[pitch] : pitchName(pitch)}${this.at(step, pitch) ? ", a note" : ""}`;
  }

  private names(low: number, high: number, y: (pitch: number) => number, rowHeight: number) {
    const { drums } = this.format;
    const shown = [];
    let last = Infinity;
    for (let pitch = low; pitch <= high; pitch += 1) {
      const middle = y(pitch) + rowHeight / 2;
      if (drums) shown.push(svg`<text x="2" y=${middle + 4}>${drums[pitch]}</text>`);
      else if (pitch % 12 === 0 || (high - low < 26 && [4, 7].includes(pitch % 12) && last - middle > 24)) {
        shown.push(svg`<text x=${this.gutter - 10} y=${middle + 4} text-anchor="end">${pitchName(pitch)}</text>`);
        last = middle;
      }
    }
    return shown;
  }

  private lattice(low: number, high: number, y: (pitch: number) => number, rowHeight: number, width: number) {
    const lines = [];
    for (let pitch = low; pitch <= high; pitch += 1) {
      const dark = this.format.drums ? pitch % 2 === 0 : isBlack(pitch);
      if (dark) lines.push(svg`<rect class="row" x="0" width=${width} y=${y(pitch)} height=${rowHeight}></rect>`);
      else if (pitch % 12 === 0) lines.push(svg`<rect class="c" x="0" width=${width} y=${y(pitch) + rowHeight - 1} height="1"></rect>`);
    }
    return lines;
  }

  private lines({ bars, beats }: Meter, width: number) {
    const at = (step: number) => Math.min(width - 0.5, step * this.stepWidth + 0.5);
    const line = (x: number, kind: string) => svg`<line class=${kind} x1=${x} x2=${x} y1=${kind === "bar" ? 4 : TOP} y2=${this.height}></line>`;
    // Where bars are narrow, not every number has room.
    let free = -Infinity;
    const number = (bar: Meter["bars"][number]) => {
      const x = at(bar.at) + 5;
      if (x < free) return null;
      free = x + 10 + 7 * String(bar.number).length;
      return svg`<text x=${x} y="14">${bar.number}</text>`;
    };
    const [from, to] = this.near;
    const seen = (step: number) => step >= from && step <= to;
    // Lines that would run into one another are left out.
    const dense = (bars[1]?.at ?? this.steps) * this.stepWidth < 12;
    const fine = ((beats[0] ?? 4) - (bars[0]?.at ?? 0)) * this.stepWidth < 5;
    return [...(fine ? [] : beats.filter(seen).map((step) => line(at(step), "beat"))), ...bars.filter((bar) => seen(bar.at)).map((bar) => (dense && bar.number % 8 !== 1 ? null : [line(at(bar.at), "bar"), number(bar)])), line(at(this.steps), "bar")];
  }

  /** What is looped, on the ruler, and a veil over the rest. */
  private loop(width: number) {
    if (!this.looped) return null;
    const [from, to] = this.looped.map((step) => step * this.stepWidth) as [number, number];
    const veil = (x: number, size: number) => svg`<rect class="outside" x=${x} y=${TOP} width=${Math.max(0, size)} height=${this.height - TOP}></rect>`;
    return svg`${veil(0, from)}${veil(to, width - to)}<rect class="looped" x=${from} y="0" width=${to - from} height=${TOP - 4}></rect>
      ${[from + 1, to - 1].map((x) => svg`<line class="loop-end" x1=${x} x2=${x} y1="0" y2=${TOP - 4}></line>`)}`;
  }

  /** The bars that are chosen, or are being drawn. */
  private choice() {
    const range = this.drawn ?? this.selected;
    if (!range) return null;
    const [from, to] = range.map((step) => step * this.stepWidth) as [number, number];
    const band = (kind: string, y: number, height: number) => svg`<rect class="chosen ${kind}" x=${from} y=${y} width=${to - from} height=${height}></rect>`;
    return svg`${band("", TOP, this.height - TOP)}${band("top", 0, TOP - 4)}${[from + 1, to - 1].map((x) => svg`<line class="chosen-end" x1=${x} x2=${x} y1="0" y2=${this.height}></line>`)}`;
  }

  /** Percent of the steps whose notes are there; null where that is not known. */
  private get there(): number | null {
    const left = this.pending.reduce((sum, [from, to]) => sum + Math.min(to, this.steps) - from, 0);
    return left > 0 && left < this.steps ? Math.round(100 - (100 * left) / this.steps) : null;
  }

  /** The steps that are drawn: those in sight and as many on both sides. */
  private get near(): Range {
    const screen = this.scroller?.clientWidth;
    if (!screen) return [0, Infinity];
    return [((this.page - 1) * screen) / this.stepWidth, ((this.page + 2.5) * screen) / this.stepWidth];
  }

  private scrolled(): void {
    const { scrollLeft, clientWidth } = this.scroller;
    this.page = clientWidth ? Math.floor(scrollLeft / clientWidth) : 0;
    this.look();
  }

  /** Tells which steps are in sight, where others are. */
  private look(): void {
    if (!this.transport) return;
    const { scrollLeft, clientWidth } = this.scroller;
    const range: Range = [Math.floor(scrollLeft / this.stepWidth), Math.min(this.steps, Math.ceil((scrollLeft + clientWidth) / this.stepWidth))];
    if (range.join() === this.looked.join()) return;
    this.looked = range;
    this.tell("lk-look", { range });
  }

  private readonly wheel = (event: WheelEvent): void => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY / 400), event.clientX - this.scroller.getBoundingClientRect().left);
  };

  /** A part that is not turned by the model, or that it does not know, with words at its foot. */
  private marking(part: Part) {
    const { start, steps, way, unfamiliar } = part;
    const [x, width] = [start * this.stepWidth, steps * this.stepWidth];
    const words = partWords(part);
    const kind = unfamiliar ? "unfamiliar" : "";
    return svg`<rect class="way ${way}" x=${x} y=${TOP} width=${width} height=${this.height - TOP}></rect>
      <line class="edge ${kind}" x1=${x + 1} x2=${x + width - 1} y1=${this.height - 1} y2=${this.height - 1}></line>
      ${width > 12 + 6.5 * words.length ? svg`<text class=${kind} x=${x + 5} y=${this.height - 7}>${words}</text>` : null}`;
  }

  private box(note: Note, kind: string, y: (pitch: number) => number, rowHeight: number) {
    const [onset, , length] = note;
    const pitch = rowOf(note, this.format.drums);
    const x = onset * this.stepWidth + 1;
    const width = Math.max(Math.min(3, 2 * this.stepWidth), (this.format.drums ? 1 : length) * this.stepWidth - 2);
    const height = Math.max(3, rowHeight - 2);
    const mark = Math.min(4, width / 4, height / 2.8);
    const left = width > 16 ? x + 4 : x + width / 2 - mark;
    return svg`<rect class=${kind} x=${x} y=${y(pitch) + (rowHeight - height) / 2} width=${width} height=${height} rx=${Math.min(3, height / 3)}></rect>
      ${kind.includes("changed") ? svg`<path class="mark" d="M${left} ${y(pitch) + rowHeight / 2}l${mark} ${-mark}l${mark} ${mark}l${-mark} ${mark}z"></path>` : null}`;
  }

  private at(step: number, pitch: number): Note | undefined {
    return this.notes.find(([onset, height, length]) => height === pitch && step >= onset && step < onset + length);
  }

  private place(event: PointerEvent): [number, number] {
    const [low, high] = this.rows;
    const { left, top } = this.sheet.getBoundingClientRect();
    const rowHeight = (this.height - TOP) / (high - low + 1);
    const step = Math.floor((event.clientX - left) / this.stepWidth);
    const pitch = high - Math.floor((event.clientY - top - TOP) / rowHeight);
    return [Math.min(this.steps - 1, Math.max(0, step)), Math.min(high, Math.max(low, pitch))];
  }

  private press(event: PointerEvent): void {
    if (event.button !== 0) return;
    if (this.transport) {
      const ruler = event.clientY - this.sheet.getBoundingClientRect().top < TOP;
      const step = this.place(event)[0];
      // With Shift the bars that are chosen go on to there.
      const from = ruler && event.shiftKey && this.selected ? (step < this.selected[0] ? this.selected[1] - 1 : this.selected[0]) : step;
      this.pressed = { x: event.clientX, step: from, ruler };
      if (from !== step) this.reach(event.clientX);
      if (ruler) this.sheet.setPointerCapture?.(event.pointerId);
    }
    if (!this.drawing) return;
    event.preventDefault();
    this.sheet.focus();
    const [step, pitch] = this.place(event);
    this.cursor = [step, pitch];
    if (this.toggle(step, pitch, false)) {
      this.stroke = { onset: step, pitch, before: this.notes };
      this.sheet.setPointerCapture?.(event.pointerId);
    }
  }

  private pull(event: PointerEvent): void {
    if (this.pressed?.ruler && (this.drawn || Math.abs(event.clientX - this.pressed.x) > 4)) {
      this.reach(event.clientX);
      this.follow(event.clientX);
    }
    if (!this.stroke) return;
    const { onset, pitch, before } = this.stroke;
    const [step] = this.place(event);
    if (step > onset) this.draw(putNote(before, [onset, pitch, step - onset + 1, 0]), false);
  }

  /** The bars from where the ruler was pressed to a place of the screen are being drawn. */
  private reach(x: number): void {
    const bars = [...meter(this.stretches, this.format, this.steps).bars.map(({ at }) => at), this.steps];
    const step = Math.min(this.steps - 1, Math.max(0, Math.floor((x - this.sheet.getBoundingClientRect().left) / this.stepWidth)));
    const [low, high] = [this.pressed!.step, step].sort((a, b) => a - b) as [number, number];
    this.drawn = [bars.findLast((at) => at <= low) ?? 0, bars.find((at) => at > high) ?? this.steps];
  }

  /** Scrolls on while the pointer that draws is at an edge. */
  private follow(x: number): void {
    if (this.edge) clearInterval(this.edge);
    const { left, right } = this.scroller.getBoundingClientRect();
    const by = x > right - EDGE ? 8 : x < left + EDGE ? -8 : 0;
    this.edge = by ? setInterval(() => { this.scroller.scrollLeft += by; this.reach(x); }, 16) : null;
  }

  private release(event: PointerEvent): void {
    const { pressed } = this;
    if (!this.drew() && pressed && Math.abs(event.clientX - pressed.x) <= 4) {
      const { bars, beats } = meter(this.stretches, this.format, this.steps);
      this.tell("lk-seek", { step: Math.max(0, ...[...bars.map(({ at }) => at), ...beats].filter((at) => at <= pressed.step)) });
    }
    this.lift();
  }

  private cancel(): void {
    this.drew();
    this.lift();
  }

  /** The hand is lifted; gives whether it has drawn bars. */
  private drew(): boolean {
    const { drawn } = this;
    if (this.edge) clearInterval(this.edge);
    this.edge = this.pressed = this.drawn = null;
    if (drawn) this.tell("lk-range", { range: drawn });
    return drawn !== null;
  }

  private twice(event: MouseEvent): void {
    if (this.transport && event.clientY - this.sheet.getBoundingClientRect().top < TOP) this.tell("lk-range", { range: null });
  }

  private tell(type: string, detail: object): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }

  private lift(): void {
    if (this.stroke) this.draw(this.notes, true);
    this.stroke = null;
  }

  private key(event: KeyboardEvent): void {
    if (!this.drawing || event.ctrlKey || event.metaKey || event.altKey) return;
    const [step, pitch] = this.cursor;
    const [low, high] = this.rows;
    const note = this.at(step, pitch);
    const move = (across: number, up: number) => {
      this.cursor = [Math.min(this.steps - 1, Math.max(0, step + across)), Math.min(high, Math.max(low, pitch + up))];
    };
    if (event.shiftKey && note && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
      const length = Math.min(this.steps - note[0], Math.max(1, note[2] + (event.key === "ArrowRight" ? 1 : -1)));
      this.draw(putNote(this.notes.filter((other) => other !== note), [note[0], pitch, length, 0]), true);
    } else if (event.key === "ArrowRight") move(1, 0);
    else if (event.key === "ArrowLeft") move(-1, 0);
    else if (event.key === "ArrowUp") move(0, 1);
    else if (event.key === "ArrowDown") move(0, -1);
    else if (event.key === "Enter" || event.key === " ") this.toggle(step, pitch, true);
    else if ((event.key === "Delete" || event.key === "Backspace") && note) this.draw(this.notes.filter((other) => other !== note), true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Takes the note there away, or puts one, with which the gesture may be `done`; gives whether one was put. */
  private toggle(step: number, pitch: number, done: boolean): boolean {
    const there = this.at(step, pitch);
    if (there) {
      this.draw(this.notes.filter((note) => note !== there), true);
      return false;
    }
    const note: Note = [step, pitch, Math.min(this.pen, this.steps - step), 0];
    this.draw(putNote(this.notes, note), done);
    this.dispatchEvent(new CustomEvent("lk-touch", { detail: { note }, bubbles: true, composed: true }));
    return true;
  }

  private draw(notes: readonly Note[], done: boolean): void {
    this.notes = notes;
    this.dispatchEvent(new CustomEvent("lk-draw", { detail: { notes, done }, bubbles: true, composed: true }));
  }
}

/** "by rule, unfamiliar"; "" of a part that is turned by the model, which knows such music. */
function partWords({ way, unfamiliar }: Part): string {
  return [WAYS[way], unfamiliar && "unfamiliar"].filter(Boolean).join(", ");
}

define("lk-roll", RollElement);

declare global {
  interface HTMLElementTagNameMap {
    "lk-roll": RollElement;
  }
}
