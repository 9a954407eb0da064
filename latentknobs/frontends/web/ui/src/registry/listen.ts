import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property, query, state } from "lit/decorators.js";
import { ApiError, type Api } from "../api.js";
import "../elements/roll.js";
import { MELODY, type RollElement } from "../elements/roll.js";
import { define, icon, shared } from "../elements/shared.js";
import { meter } from "../music.js";
import { fit, keyStep, signed, unitFor } from "../numbers.js";
import { Player } from "../sound/player.js";
import { deckOf } from "../state.js";
import type { Format, Info, Model, Piece, RegistryKnob, Turned } from "../types.js";
import { words } from "./view.js";

let infoOnce: Promise<Info> | null = null;
const melodies = new Map<string, Promise<Piece>>();

/** A knob's model, null where the server has none such, and a melody in its format; each asked for once. */
async function given(api: Api, id: string): Promise<[Model | null, Piece | null]> {
  const info = await (infoOnce ??= api.info());
  const model = info.models.find(({ model_id }) => model_id === id) ?? null;
  if (!model) return [null, null];
  const melody = melodies.get(id) ?? api.melody(model.name);
  melodies.set(id, melody);
  return [model, await melody];
}

/** A melody in the format of a knob's model before and after the knob is turned: seen and heard. Sends `lk-amount` with the amount. */
export class ListenElement extends LitElement {
  static override styles = [shared, css`
    :host { display: block; }
    .screen { background: var(--screen); color: var(--s-ink); border-radius: 14px; padding: 12px; margin-top: 12px; }
    .turn { display: flex; flex-wrap: wrap; align-items: center; gap: 10px 16px; }
    .amount { display: flex; align-items: center; gap: 12px; flex: 1 1 260px; min-height: 44px; }
    .amount input { flex: 1; min-width: 80px; accent-color: var(--ink); height: 24px; }
    .amount output { min-width: 116px; font-variant-numeric: tabular-nums; font-weight: 600; }
    @media (max-width: 480px) { .amount > .soft { position: absolute; clip-path: inset(50%); } .amount output { min-width: 0; } }
    .legend { display: flex; gap: 4px 18px; flex-wrap: wrap; font-size: 13px; color: var(--s-soft); margin-top: 8px; }
    .remarks { margin: 8px 0 0; font-size: 13px; color: var(--soft); padding-left: 18px; }
    @media (forced-colors: active) { .screen { border: 1px solid CanvasText; } }
  `];

  @property({ attribute: false }) api!: Api;
  @property({ attribute: false }) knob!: RegistryKnob;
  @property({ type: Number }) amount: number | null = null;
  @state() private model: Model | null = null;
  @state() private piece: Piece | null = null;
  @state() private turned: Turned | null = null;
  @state() private hindrance = "";
  @state() private heard: "before" | "after" | null = null;
  @query("lk-roll") private roll?: RollElement;
  private readonly player = new Player();
  private asked = "";
  private stop: AbortController | null = null;
  private frame = 0;

  override connectedCallback(): void {
    super.connectedCallback();
    this.player.onChange = () => { if (!this.player.playing) this.heard = null; };
    const id = this.knob.model_id;
    given(this.api, id).then(([model, piece]) => {
      this.model = model;
      this.piece = piece;
      if (!this.model) this.hindrance = `This server has other models: start it with --model and the location of ${this.knob.model} to hear its knobs.`;
    }, (error: unknown) => {
      infoOnce = null;
      melodies.delete(id);
      this.hindrance = words(error);
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stop?.abort();
    this.asked = "";
    this.player.stop();
    cancelAnimationFrame(this.frame);
  }

  private get value(): number {
    const { low, high } = this.knob;
    return fit(this.amount ?? (this.knob.step !== null ? (high > 0 ? Math.ceil(high / this.knob.step / 2) * this.knob.step : low) : (high > 0 ? high : low) / 2), this.knob);
  }

  protected override willUpdate(_changes: PropertyValues): void {
    const { knob, model, piece } = this;
    if (!model || !piece || !knob.current || knob.low === knob.high) return;
    const key = `${knob.id} ${this.value}`;
    if (key === this.asked) return;
    this.asked = key;
    this.stop?.abort();
    const stop = new AbortController();
    this.stop = stop;
    this.api.turn(model.name, { ...deckOf(piece), knobs: { [knob.name]: this.value } }, stop.signal).then(
      (turned) => {
        this.turned = turned;
        this.hindrance = "";
        if (this.heard === "after") this.player.replace(this.melody("after"), "bar");
      },
      (error: unknown) => { if (!stop.signal.aborted) this.hindrance = error instanceof ApiError ? error.message : words(error); },
    );
  }

  override render() {
    const { knob, piece, turned } = this;
    if (knob.low === knob.high) return html`<p class="soft">It has no usable range, so there is nothing to hear.</p>`;
    if (!knob.current) return html`<p class="soft">Only the knob that its name means keeps its operator. <code>latentknobs runs repeat ${knob.run}</code> finds this one again.</p>`;
    if (this.hindrance && !turned) return html`<p class="soft" data-hindrance>${this.hindrance}</p>`;
    if (!piece || !turned) return html`<p class="soft">Loading the melody.</p>`;
    const { value } = this;
    const step = knob.step ?? keyStep(knob);
    const button = (what: "before" | "after", title: string) => html`<button class="button ${what === "after" ? "main" : ""}" type="button" data-do=${what} aria-pressed=${this.heard === what ? "true" : "false"} @click=${() => this.hear(what)}>${icon(this.heard === what ? "stop" : "play")}${title}</button>`;
    return html`<div class="turn">${button("before", "Before")}${button("after", "After")}
        <label class="amount"><span class="soft">Turned by</span><input type="range" data-do="amount" min=${knob.low} max=${knob.high} step=${step} .value=${String(value)} @input=${this.turn}><output>${signed(value)} ${unitFor(value, knob.unit)}</output></label></div>
      <div class="screen"><lk-roll .notes=${this.heard === "before" ? piece.notes : turned.notes} .ghost=${piece.notes} .changed=${this.heard === "before" ? [] : turned.changed} .format=${this.format} .steps=${this.steps} height="200" hue="1" label="${piece.name}, ${this.heard === "before" ? "before" : `with ${knob.name} at ${signed(value)}`}"></lk-roll>
        <div class="legend"><span>The melody, dashed: before; coloured: changed</span><span role="status">${turned.changed.length} of ${turned.notes.length} notes changed</span></div></div>
      ${turned.remarks.length ? html`<ul class="remarks">${turned.remarks.map((text) => html`<li>${text}</li>`)}</ul>` : nothing}`;
  }

  private get format(): Format {
    return this.model?.format ?? MELODY;
  }

  private get steps(): number {
    return Math.ceil(this.piece!.steps / this.format.steps) * this.format.steps;
  }

  private melody(what: "before" | "after") {
    const { format } = this;
    return { notes: what === "before" ? this.piece!.notes : this.turned!.notes, steps: this.steps, stepsPerBeat: format.steps_per_beat, bars: meter([], format, this.steps).bars.map(({ at }) => at), beats: [] };
  }

  private turn(event: Event): void {
    this.amount = fit(Number((event.target as HTMLInputElement).value), this.knob);
    this.dispatchEvent(new CustomEvent("lk-amount", { detail: { amount: this.amount } }));
  }

  private hear(what: "before" | "after"): void {
    const { player } = this;
    if (this.heard === what) {
      player.stop();
      return;
    }
    player.kit = this.format.drums ?? null;
    player.tempo = this.piece!.tempo;
    // From one to the other at the same place, to compare them.
    if (player.playing) player.replace(this.melody(what), "once");
    else player.play(this.melody(what));
    this.heard = what;
    cancelAnimationFrame(this.frame);
    const draw = () => {
      const step = player.position();
      if (this.roll) this.roll.playhead = step;
      if (player.playing) this.frame = requestAnimationFrame(draw);
    };
    draw();
  }
}

define("lk-listen", ListenElement);
