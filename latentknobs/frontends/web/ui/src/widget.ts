/**
 * The widget of a notebook: the page's own elements over a model that Python holds (latentknobs/frontends/notebook).
 * An ES module as anywidget asks for: a function that gives what renders one widget.
 */
import { css, html, LitElement, nothing } from "lit";
import { property, query, state } from "lit/decorators.js";
import "./elements/knob.js";
import "./elements/roll.js";
import "./elements/switch.js";
import { MELODY, type RollElement } from "./elements/roll.js";
import { define, icon, shared } from "./elements/shared.js";
import { barsOfPiece, meter, stepsOf } from "./music.js";
import { onOff } from "./numbers.js";
import { Player } from "./sound/player.js";
import type { Melody } from "./sound/scheduler.js";
import type { Format, Note, Stretch } from "./types.js";

type Value = number | boolean | string;
type Values = Record<string, Value>;

interface WidgetKnob {
  path: string;
  name: string;
  unit: string;
  low: number;
  high: number;
  step: number | null;
  verdict: string;
  doc: string;
}

interface WidgetPiece {
  name: string;
  steps: number;
  notes: Note[];
  format: Format;
  stretches: Stretch[];
}

/** What anywidget gives of the model in Python. */
export interface WidgetModel {
  get(name: string): any;
  on(event: string, listener: (...parts: any[]) => void): void;
  off(event: string, listener: (...parts: any[]) => void): void;
  send(content: object): void;
}

const SHOWN = ["values", "notes", "remarks", "shown_knobs", "shown_piece"];
const NO_PIECE: WidgetPiece = { name: "", steps: 32, notes: [], format: MELODY, stretches: [] };

/** What one widget has, however often it is shown: what was sent and is not answered yet, and its sound. */
export class WidgetState {
  readonly player = new Player();
  error = "";
  /** Called when what is shown changed. */
  onChange: () => void = () => undefined;
  private waiting: Values = {};
  private heard: readonly Note[] = [];
  private sent: Values | null = null;

  constructor(private readonly model: WidgetModel) {
    for (const name of SHOWN) model.on(`change:${name}`, this.changed);
    model.on("msg:custom", this.answered);
    this.player.onChange = () => {
      if (!this.player.playing && this.values["play"]) this.set("play", false); // it has been heard to its end
      this.onChange();
    };
  }

  close(): void {
    for (const name of SHOWN) this.model.off(`change:${name}`, this.changed);
    this.model.off("msg:custom", this.answered);
    this.player.onChange = () => undefined;
    this.player.stop();
  }

  get knobs(): WidgetKnob[] {
    return this.model.get("shown_knobs") ?? [];
  }

  get notes(): Note[] {
    return this.model.get("notes") ?? [];
  }

  get piece(): WidgetPiece {
    return this.model.get("shown_piece")?.format ? this.model.get("shown_piece") : NO_PIECE;
  }

  get remarks(): string[] {
    return this.model.get("remarks") ?? [];
  }

  /** Those of the session, but for what was moved here and is not answered yet. */
  get values(): Values {
    return { ...this.model.get("values"), ...this.sent, ...this.waiting };
  }

  /** Sets one value; while an answer is awaited only the newest of each is kept. */
  set(path: string, value: Value): void {
    this.waiting[path] = value;
    this.flush();
    this.changed();
  }

  do(trigger: "undo" | "redo" | "reset"): void {
    this.model.send({ do: trigger });
  }

  private flush(): void {
    if (this.sent || Object.keys(this.waiting).length === 0) return;
    this.sent = this.waiting;
    this.waiting = {};
    this.model.send({ set: this.sent });
  }

  private readonly answered = ({ error }: { error?: string }): void => {
    this.sent = null;
    this.error = error ?? "";
    this.flush();
    this.changed();
  };

  private readonly changed = (): void => {
    const { player, values } = this;
    const { format, steps } = this.piece;
    const range = stepsOf(String(values["loop/bars"] ?? ""), barsOfPiece(this.piece, format), steps);
    player.kit = format.drums;
    player.tempo = Number(values["tempo"] ?? 120);
    player.loop = values["loop"] !== false;
    player.range = range;
    if (values["play"] && !player.playing) player.play(this.melody(), range?.[0]);
    else if (!values["play"] && player.playing) player.stop();
    else if (this.heard !== this.notes) player.replace(this.melody(), "once");
    this.onChange();
  };

  private melody(): Melody {
    const { format, steps, stretches } = this.piece;
    const { bars, beats } = meter(stretches, format, steps);
    this.heard = this.notes;
    return { notes: this.notes, steps, stepsPerBeat: format.steps_per_beat, bars: bars.map(({ at }) => at), beats };
  }
}

/** The display and the knobs of one widget. */
export class WidgetElement extends LitElement {
  static override styles = [shared, css`
    :host { display: block; max-width: 1100px; padding: 14px 16px 10px; border: 1px solid var(--line); border-radius: var(--r); background: var(--panel); color: var(--ink); font: 15px/1.4 var(--sans); }
    .top { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 12px; margin-bottom: 10px; }
    .top h2 { flex: 1 1 auto; overflow-wrap: anywhere; }
    .screen { background: var(--screen); border-radius: 12px; padding: 10px 12px; }
    .knobs { display: flex; flex-wrap: wrap; gap: 14px 22px; margin-top: 14px; }
    .switches { display: grid; grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); gap: 0 24px; margin-top: 6px; }
    .error { color: var(--bad); }
  `];

  @property({ attribute: false }) model: WidgetState | null = null;
  @state() private locked: ReadonlySet<string> = new Set();
  @query("lk-roll") private roll!: RollElement | null;
  private frame = 0;

  override connectedCallback(): void {
    super.connectedCallback();
    const draw = () => {
      this.frame = requestAnimationFrame(draw);
      const step = this.model?.player.position() ?? null;
      if (this.roll && this.roll.playhead !== step) this.roll.playhead = step;
    };
    this.frame = requestAnimationFrame(draw);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    cancelAnimationFrame(this.frame);
  }

  override render() {
    const { model } = this;
    if (!model) return nothing;
    const { error, knobs, notes, piece, remarks, values } = model;
    const before = new Set(piece.notes.map((note) => note.join()));
    const changed = notes.flatMap((note, index) => (before.has(note.join()) ? [] : [index]));
    const turned = knobs.findIndex(({ path }) => values[path]);
    const playing = Boolean(values["play"]);
    const isSwitch = (knob: WidgetKnob) => onOff({ ...knob, reserved: false });
    return html`
      <div class="top">
        <h2>${piece.name}</h2>
        <button class="button main" type="button" data-do="play" aria-pressed=${playing ? "true" : "false"} @click=${() => model.set("play", !playing)}>${icon(playing ? "stop" : "play")}${playing ? "Stop" : "Play"}</button>
        <button class="button plain square" type="button" aria-label="Undo" title="Undo" @click=${() => model.do("undo")}>${icon("undo")}</button>
        <button class="button plain square" type="button" aria-label="Redo" title="Redo" @click=${() => model.do("redo")}>${icon("redo")}</button>
        <button class="button plain" type="button" @click=${this.reset}>All to 0</button>
      </div>
      <div class="screen"><lk-roll .notes=${notes} .ghost=${piece.notes} .changed=${changed} .format=${piece.format} .stretches=${piece.stretches} .steps=${piece.steps} hue=${turned < 0 ? 7 : turned % 7} label=${piece.name} height="200"></lk-roll></div>
      ${error ? html`<p class="error small" role="alert">${error}</p>` : nothing}
      ${remarks.slice(0, 4).map((text) => html`<p class="soft small">${text}</p>`)}
      <div class="knobs" @lk-turn=${this.turn} @lk-set=${this.turn} @lk-lock=${this.lock}>
        ${knobs.map((knob, index) => (isSwitch(knob) ? nothing : html`<lk-knob name=${knob.path} label=${knob.name} title=${knob.doc} unit=${knob.unit} hue=${index % 7} .low=${knob.low} .high=${knob.high} .step=${knob.step}
          .value=${Number(values[knob.path] ?? 0)} ?locked=${this.locked.has(knob.path)}></lk-knob>`))}
      </div>
      <div class="switches" @lk-set=${this.turn} @lk-lock=${this.lock}>
        ${knobs.filter(isSwitch).map((knob) => html`<lk-switch name=${knob.path} label=${knob.name} title=${knob.doc} .amount=${knob.step!} .value=${Number(values[knob.path] ?? 0)} ?locked=${this.locked.has(knob.path)}></lk-switch>`)}
      </div>`;
  }

  private turn(event: CustomEvent<{ name: string; value: number }>): void {
    this.model!.set(event.detail.name, event.detail.value);
  }

  private lock(event: CustomEvent<{ name: string; locked: boolean }>): void {
    const locked = new Set(this.locked);
    if (event.detail.locked) locked.add(event.detail.name);
    else locked.delete(event.detail.name);
    this.locked = locked;
  }

  /** All knobs but the locked ones; with none locked those of bars, too. */
  private reset(): void {
    if (this.locked.size === 0) this.model!.do("reset");
    else for (const { path } of this.model!.knobs) if (!this.locked.has(path)) this.model!.set(path, 0);
  }
}

define("lk-widget", WidgetElement);

/** Whether the notebook is dark: JupyterLab and VS Code say so, elsewhere the system does. */
function dark(): boolean {
  const { jpThemeLight, vscodeThemeKind } = document.body.dataset;
  if (jpThemeLight !== undefined) return jpThemeLight === "false";
  if (vscodeThemeKind !== undefined) return vscodeThemeKind.endsWith("dark");
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

export default () => {
  let kept: WidgetState | null = null;
  const shown = new Set<WidgetElement>();
  return {
    initialize({ model }: { model: WidgetModel }) {
      kept = new WidgetState(model);
      kept.onChange = () => shown.forEach((element) => element.requestUpdate());
      return () => kept?.close();
    },
    render({ el }: { el: HTMLElement }) {
      // Another widget's module may have defined the element first: it is made by name.
      const element = document.createElement("lk-widget") as WidgetElement;
      const theme = () => { el.dataset["theme"] = dark() ? "dark" : "light"; };
      const watcher = new MutationObserver(theme);
      watcher.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-vscode-theme-kind"] });
      theme();
      el.classList.add("latentknobs");
      el.dataset["lmSuppressShortcuts"] = "true"; // JupyterLab would take the arrow keys for itself
      element.model = kept;
      el.append(element);
      shown.add(element);
      return () => {
        watcher.disconnect();
        shown.delete(element);
        element.remove();
      };
    },
  };
};

declare global {
  interface HTMLElementTagNameMap {
    "lk-widget": WidgetElement;
  }
}
