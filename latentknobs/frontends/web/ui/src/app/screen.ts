import { css, html } from "lit";
import { query } from "lit/decorators.js";
import "../elements/latent-view.js";
import "../elements/roll.js";
import type { RollElement } from "../elements/roll.js";
import { define, icon, shared, type IconName } from "../elements/shared.js";
import { inWords, onOff, signed, unitFor } from "../numbers.js";
import type { Range } from "../state.js";
import type { Note, Turned } from "../types.js";
import { Component, show } from "./component.js";

const ZOOM = 1.5;
/** Pixels up to which a screen is a telephone's. */
const NARROW = 560;

/** The display: the melody, what changed, the latent code, and the latency. */
export class ScreenPanel extends Component {
  static override styles = [shared, css`
    :host { display: block; color: var(--s-ink); }
    .display, .more { background: var(--screen); }
    .display { border-radius: 18px 18px 0 0; padding: 12px 20px 0; }
    .more { border-radius: 0 0 18px 18px; padding: 6px 20px 6px; min-height: 146px; box-shadow: var(--shadow); }
    .top { display: flex; align-items: center; gap: 4px 14px; margin-bottom: 4px; min-height: 40px; }
    .title { display: flex; align-items: baseline; flex-wrap: wrap; gap: 0 14px; min-width: 0; flex: 1; }
    .top h2 { font-size: 18px; overflow-wrap: anywhere; }
    .tools { display: flex; flex: none; }
    .tool { display: grid; place-items: center; width: 38px; height: 38px; padding: 0; border: 0; border-radius: 9px; background: none; color: var(--s-soft); cursor: pointer; }
    .tool:hover { color: var(--s-ink); background: var(--s-row); } .tool:focus-visible { outline-color: var(--s-ink); outline-offset: -2px; }
    .other { width: auto; padding: 0 12px; font-size: 13px; white-space: nowrap; flex: none; }
    .tool[disabled] { opacity: 0.4; cursor: default; }
    .looped { display: inline-flex; align-items: center; gap: 6px; min-height: 30px; padding: 0 6px 0 10px; border: 1px solid var(--s-bar); border-radius: 8px; background: none; color: var(--s-ink); cursor: pointer; }
    .looped svg { width: 15px; height: 15px; } .looped:focus-visible { outline-color: var(--s-ink); }
    @media (pointer: coarse) { .tool { width: 44px; height: 44px; } .other { width: auto; } .looped { min-height: 44px; } }
    .side { display: inline-grid; place-items: center; width: 24px; height: 24px; border: 1px solid var(--s-bar); border-radius: 6px; font-weight: 700; font-size: 13px; align-self: center; }
    .soft { color: var(--s-soft); font-size: 14px; }
    .legend { display: flex; gap: 6px 18px; flex-wrap: wrap; font-size: 13px; color: var(--s-soft); margin: 0 0 4px; align-items: center; min-height: 30px; }
    .legend span { display: inline-flex; align-items: center; gap: 7px; }
    .legend svg { width: 22px; height: 12px; }
    .kept { fill: var(--s-note); } .ghost { fill: none; stroke: var(--s-ghost); stroke-dasharray: 3 3; }
    .changed { fill: var(--hue); } .mark { fill: var(--screen); }
    .legend { --hue: var(--s7); }
    .legend.h0 { --hue: var(--s0); } .legend.h1 { --hue: var(--s1); } .legend.h2 { --hue: var(--s2); } .legend.h3 { --hue: var(--s3); }
    .legend.h4 { --hue: var(--s4); } .legend.h5 { --hue: var(--s5); } .legend.h6 { --hue: var(--s6); }
    .state { margin-left: auto; font-variant-numeric: tabular-nums; }
    .state i { width: 8px; height: 8px; border-radius: 50%; background: #57c785; }
    .state.away i { background: transparent; border: 2px solid #ffb454; }
    .state.away { color: var(--s-warn); }
    .turned { display: flex; flex-wrap: wrap; align-items: center; gap: 2px 18px; font-size: 13px; color: var(--s-soft); margin-bottom: 4px; }
    .turned input { accent-color: var(--s-ink); }
    .remarks { margin: 0 0 10px; padding: 0; list-style: none; font-size: 13px; color: var(--s-warn); display: grid; gap: 2px; }
    @media (forced-colors: active) { .display, .more { border: 1px solid CanvasText; } .kept { fill: CanvasText; } .changed { fill: Highlight; } .mark { fill: HighlightText; } .ghost { stroke: GrayText; } .state i { border: 4px solid Highlight; } }
    @media (max-width: 560px) {
      .other { display: none; }
      :host { display: contents; } /* so that the melody stays in sight beside all that is below */
      .display { position: sticky; top: 0; z-index: 3; padding: 4px 12px 2px; border-radius: 14px; margin-bottom: -12px; box-shadow: var(--shadow); } .more { padding: 18px 12px 8px; }
      .top { min-height: 0; } .title { flex-wrap: nowrap; align-items: center; gap: 0 8px; } .title h2, .title .soft { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; } .top h2 { font-size: 15px; } .title .soft { font-size: 13px; } .side { flex: none; } .state { margin-left: 0; }
    }
    @media (max-width: 359px) { .title { display: grid; grid-template-columns: auto minmax(0, 1fr); } .title h2 { grid-column: 2; } .title .soft { grid-column: 1 / -1; } }
  `];

  @query("lk-roll") private roll!: RollElement;
  private frame = 0;

  override connectedCallback(): void {
    super.connectedCallback();
    const draw = () => {
      this.frame = requestAnimationFrame(draw);
      const step = this.session.transport.position ?? this.session.transport.cursor;
      if (this.roll && this.roll.playhead !== step) this.roll.playhead = step;
    };
    this.frame = requestAnimationFrame(draw);
    window.addEventListener("resize", this.resized);
  }

  private readonly resized = () => this.requestUpdate();

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    cancelAnimationFrame(this.frame);
    window.removeEventListener("resize", this.resized);
  }

  override render() {
    const { session } = this;
    const { deck, state, result, opened, format, heard, transport: { range } } = session;
    // Only the roll shows what is looked at: were anything to move, the grid would slip away under the pointer.
    const seen = session.looked ?? heard;
    if (!deck || !state) return html`<p class="soft">${session.notice ? "Waiting for the server." : "Loading the melody."}</p>`;
    const turnedKnobs = Object.entries(deck.knobs);
    const hue = seen ? 3 : session.hue(session.turning ?? turnedKnobs[0]?.[0].split("@")[0] ?? null);
    const recording = session.recording.running;
    const changed = recording ? [] : seen ? changedFrom(seen.notes, deck.piece.notes) : (result?.changed ?? []);
    const title = heard?.name ?? session.titleOf(deck.piece);
    const plain = turnedKnobs.length === 0 && !heard;
    const codes = result?.codes ?? opened?.codes;
    return html`
      <div class="display"><div class="top"><div class="title">
        ${heard ? null : html`<span class="side" aria-hidden="true">${state.side.toUpperCase()}</span>`}<h2>${heard ? null : html`<span class="hidden">${state.side.toUpperCase()}: </span>`}${title}</h2>
        <span class="soft">${recording ? "bar 0 is counted in" : heard ? "from the grid" : plain ? "original" : turnedKnobs.map(([name, value]) => this.words(name, value)).join(", ")}</span></div>
        <button class="tool other" type="button" data-do="other-melody" title="Examples, files, or your own" @click=${() => show(this, "melody")}>Other melody</button>
        <div class="tools" role="group" aria-label="Zoom">
          ${tool("zoom-out", "Zoom out (-)", "minus", () => this.zoom(1 / ZOOM))}${tool("zoom-whole", "All in sight (0)", "whole", () => this.zoom(0))}${tool("zoom-in", "Zoom in (+)", "plus", () => this.zoom(ZOOM))}
        </div>
      </div>
      <lk-roll transport .busy=${session.computing} .pending=${session.pending} .looped=${seen ? null : range} .selected=${seen ? null : session.transport.selected} .height=${this.height} @lk-seek=${this.seek} @lk-range=${this.select} @lk-look=${this.look} .notes=${seen?.notes ?? session.notes} .ghost=${recording ? [] : deck.piece.notes} .changed=${changed} .format=${format} .stretches=${seen?.stretches ?? session.stretches} .parts=${seen ? [] : this.parts()} .steps=${seen?.steps ?? session.steps} hue=${hue} label=${seen?.name ?? title}></lk-roll></div>
      <div class="more"><div class="legend h${hue}">
        <span><svg aria-hidden="true"><rect class="ghost" x="1" y="1" width="20" height="9" rx="2"></rect></svg>original</span>
        <span><svg aria-hidden="true"><rect class="kept" x="1" y="1" width="20" height="10" rx="2"></rect></svg>unchanged</span>
        <span><svg aria-hidden="true"><rect class="changed" x="1" y="1" width="20" height="10" rx="2"></rect><path class="mark" d="M4 6l3-3 3 3-3 3z"></path></svg>changed</span>
        ${range ? html`<button class="looped" type="button" data-do="clear-range" title="Loop all bars (Escape)" @click=${() => session.transport.setRange(null)}>${session.transport.rangeWords(range)} loop${icon("close")}<span class="hidden">: loop all bars</span></button>` : null}
        ${this.status()}
      </div>
      ${this.remarks()}
      ${heard ? null : this.turned()}
      ${codes?.length ? html`<lk-latent-view label="Latent code of the melody" .was=${mean(opened?.codes ?? codes)} .now=${heard ? [] : mean(codes)} .marked=${heard ? NONE : this.marked()} .height=${56} meaning="selected by the turned knobs"></lk-latent-view>` : null}</div>`;
  }

  /** Makes the roll wider by a factor; 0 = all in sight. */
  zoom(factor: number): void {
    this.roll?.zoom(factor);
  }

  private get height(): number {
    const share = Math.round(window.innerHeight * 0.24);
    return innerWidth <= NARROW ? Math.min(170, Math.max(130, share)) : Math.min(300, Math.max(200, share));
  }

  private seek(event: CustomEvent<{ step: number }>): void {
    this.session.transport.seek(event.detail.step);
  }

  private select(event: CustomEvent<{ range: Range | null }>): void {
    this.session.transport.select(event.detail.range);
  }

  private look(event: CustomEvent<{ range: Range }>): void {
    this.session.transport.visible = event.detail.range;
  }

  /** The clips, each with how it is turned now. */
  private parts() {
    const { opened, result } = this.session;
    return (opened?.windows ?? []).map((window, k) => ({ ...window, way: result?.ways[k] ?? window.way }));
  }

  /** How the clips are turned, and what sounds beside the melody. */
  private turned() {
    const { session } = this;
    const counts = session.result?.counts;
    const byModel = session.deck!.piece.by_model;
    const outside = byModel || session.opened?.windows.some(({ accepted, way }) => accepted && way === "rule");
    return html`<div class="turned">
      ${counts ? html`<span data-counts>${countWords(counts)}</span>` : null}
      ${session.opened?.style.clips ? html`<span data-style>Style: ${session.opened.style.summary}.</span>` : null}
      ${outside ? html`<label class="check"><input type="checkbox" data-do="by-model" .checked=${byModel} @change=${(event: Event) => session.setByModel((event.target as HTMLInputElement).checked)}>model also outside its style</label>` : null}
    </div>`;
  }

  private words(name: string, value: number): string {
    const [plain, bars] = name.split("@");
    if (bars) return `${this.words(plain!, value)} in bars ${bars}`;
    const knob = this.session.knobs.find((one) => one.name === name);
    if (knob && onOff(knob)) return knob.label;
    return knob ? `${knob.label} ${signed(value)} ${unitFor(value, knob.unit)}` : inWords(value, name);
  }

  /** The dimensions of the knobs that are turned; where two share one, it is the first one's. */
  private marked(): Map<number, number> {
    const { knobs, deck, result } = this.session;
    const marked = new Map<number, number>();
    for (const knob of knobs.filter(({ name }) => name in deck!.knobs)) {
      const dims = knob.reserved ? (result?.touched ?? []) : knob.dimensions.map(({ dim }) => dim);
      for (const dim of dims) if (!marked.has(dim)) marked.set(dim, this.session.hue(knob.name));
    }
    return marked;
  }

  private remarks() {
    const { session } = this;
    const { opened, result } = session;
    const said = [...(result?.left ?? []), ...(opened?.remarks ?? []), ...(result?.remarks ?? [])].filter((text, index, all) => all.indexOf(text) === index);
    if (opened && opened.accuracy < 0.9 && session.deck!.piece.by_model) said.unshift(`The model reconstructs ${Math.floor(opened.accuracy * 100)} % of this melody, so it may sound different even with all knobs at 0.`);
    return said.length ? html`<ul class="remarks">${said.slice(0, 4).map((text) => html`<li>${text}</li>`)}</ul>` : null;
  }

  private status() {
    const { session } = this;
    if (session.status === "reconnecting") return html`<span class="state away" role="status"><i></i>reconnecting &ndash; your work is kept</span>`;
    if (session.status === "connecting") return html`<span class="state"><i></i>connecting</span>`;
    if (session.computing) return html`<span class="state"><i></i>computing</span>`;
    return html`<span class="state" data-latency=${session.latency ?? ""} title="Latency from input to new notes"><i></i>live${session.latency === null ? "" : ` · ${session.latency < 10 ? session.latency.toFixed(1) : Math.round(session.latency)} ms`}</span>`;
  }
}

const tool = (name: string, title: string, picture: IconName, act: () => void) => html`<button class="tool" type="button" data-do=${name} aria-label=${title.replace(/ \(.*/, "")} title=${title} @click=${act}>${icon(picture)}</button>`;

const NONE: ReadonlyMap<number, number> = new Map();

function changedFrom(notes: readonly Note[], before: readonly Note[]): number[] {
  const known = new Set(before.map((note) => note.join()));
  return notes.flatMap((note, index) => (known.has(note.join()) ? [] : [index]));
}

/** "12 clips: 10 by the model (2 of them octaves away), 2 by rule". */
function countWords({ by_model, octave_shifted, by_rule, left_alone }: Turned["counts"]): string {
  const total = by_model + by_rule + left_alone;
  const each = [by_model && `${by_model} by the model${octave_shifted ? ` (${octave_shifted} octaves away)` : ""}`, by_rule && `${by_rule} by rule`, left_alone && `${left_alone} left alone`];
  return `${total} clip${total === 1 ? "" : "s"}: ${each.filter(Boolean).join(", ") || "silent"}`;
}

/** The mean of each number over a piece's clips. */
function mean(codes: readonly (readonly number[])[]): number[] {
  return (codes[0] ?? []).map((_, dim) => codes.reduce((sum, code) => sum + code[dim]!, 0) / codes.length);
}

define("lk-screen", ScreenPanel);
