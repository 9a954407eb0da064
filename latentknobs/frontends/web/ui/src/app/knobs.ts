import { css, html, nothing } from "lit";
import { state } from "lit/decorators.js";
import "../elements/knob.js";
import "../elements/switch.js";
import { define, icon, shared } from "../elements/shared.js";
import { onOff } from "../numbers.js";
import { withDeck } from "../state.js";
import type { Knob } from "../types.js";
import { Component, show } from "./component.js";

/** How sure a knob is: 3 = high confidence. */
function sureness(knob: Knob): number {
  return { high: 3, medium: 2, low: 1 }[knob.confidence?.level ?? ""] ?? 0;
}

/** The knobs of the model: accepted ones, the surest first and on/off ones as switches, controls to judge them by, and on demand those that were rejected. */
export class KnobsPanel extends Component {
  static override styles = [shared, css`
    :host { display: block; }
    .panel { display: flex; flex-wrap: wrap; gap: 28px 48px; align-items: flex-start; justify-content: space-between; }
    .knobs { display: flex; flex-wrap: wrap; gap: 20px 28px; }
    .knobs.main { flex: 1 1 380px; justify-content: center; gap: 24px 48px; }
    .knobs.main.many { display: grid; grid-template-columns: repeat(auto-fill, minmax(128px, 1fr)); justify-items: center; align-items: end; gap: 18px 8px; }
    .surprise output { font-size: 14px; color: var(--soft); }
    .switches { display: grid; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); gap: 2px 32px; margin-top: 22px; padding-top: 12px; border-top: 1px solid var(--line); }
    .controls, .rejected { margin-top: 22px; padding-top: 18px; border-top: 1px solid var(--line); }
    .controls > p { margin: 2px 0 14px; max-width: 68ch; }
    .controls .row { margin-top: 14px; }
    .options { display: flex; flex-wrap: wrap; gap: 6px 20px; align-items: center; margin-top: 22px; padding-top: 14px; border-top: 1px solid var(--line); }
    .label { display: inline-flex; align-items: center; gap: 8px; }
    .rejected > p { margin: 2px 0 16px; }
    .list { display: grid; grid-template-columns: repeat(auto-fill, minmax(290px, 1fr)); gap: 18px; }
    .one { display: flex; gap: 14px; align-items: flex-start; }
    .one lk-knob { flex: none; }
    .one p { font-size: 13px; color: var(--soft); padding-top: 26px; overflow-wrap: anywhere; }
    .learned { margin-top: 10px; }
    .chip { display: inline-flex; align-items: center; padding-left: 14px; border: 1px solid var(--line); border-radius: 22px; font-size: 13px; }
    .spread { margin-left: auto; }
    @media (max-width: 560px) { lk-knob, lk-switch { scroll-margin: 240px 0 20px; } }
    @media (max-width: 480px) { .panel { gap: 24px 0; } .knobs, .knobs.main { gap: 20px 4px; justify-content: space-around; } .knobs.main { flex-basis: 100%; } .knobs.main.many { grid-template-columns: repeat(auto-fill, minmax(106px, 1fr)); gap: 16px 4px; } .list { grid-template-columns: 1fr; } .spread { margin-left: 0; } }
  `];

  @state() private all = false;
  @state() private controls = false;

  override render() {
    const { session } = this;
    const { deck, state, knobs } = session;
    if (!deck || !state) return nothing;
    const accepted = knobs.filter((knob) => !knob.reserved && knob.verdict === "accepted").sort((a, b) => sureness(b) - sureness(a));
    const dials = accepted.filter((knob) => !onOff(knob));
    const switches = accepted.filter(onOff);
    const others = knobs.filter((knob) => !knob.reserved && knob.verdict !== "accepted");
    const reserved = knobs.filter((knob) => knob.reserved);
    // Controls that are turned, as a link may have them, do not turn in secret.
    const controls = reserved.length > 0 && (this.controls || reserved.some(({ name }) => deck.knobs[name]));
    return html`<div @lk-turn=${this.turn} @lk-set=${this.set} @lk-lock=${this.lock} @lk-card=${(event: CustomEvent<{ name: string }>) => show(this, "card", event.detail.name)}>
      <div class="panel">
        <div class="knobs main ${dials.length > 3 ? "many" : ""}" role="group" aria-label="Knobs">${dials.map((knob) => this.knob(knob, knob.confidence?.level ?? "", dials.length <= 3))}
          ${accepted.length ? null : html`<p class="soft">No knob of this model is accepted yet. Find one with <code>latentknobs discover</code>${others.length ? ", or try the rejected ones below" : ""}.</p>`}</div>
      </div>
      ${switches.length ? html`<div class="switches" role="group" aria-label="On or off">${switches.map((knob) => this.knob(knob, knob.confidence?.level ?? ""))}</div>` : null}
      <div class="options">
        <div class="row surprise"><button class="button" type="button" data-do="surprise" title="Turns a few unlocked knobs by chance" ?disabled=${!accepted.length} @click=${() => session.surprise()}>${icon("surprise")}Surprise me</button>
          <output data-seed>${session.surpriseSeed === null ? "" : `no. ${session.surpriseSeed}`}</output></div>
        <label class="label">New notes enter <select data-do="follow" @change=${this.follow}><option value="bar" ?selected=${state.follow === "bar"}>at the next bar</option><option value="once" ?selected=${state.follow === "once"}>immediately</option></select></label>
        ${reserved.length ? html`<label class="check"><input type="checkbox" role="switch" data-do="controls" .checked=${controls} @change=${(event: Event) => { this.controls = (event.target as HTMLInputElement).checked; }}>Show control knobs</label>` : null}
        ${others.length ? html`<label class="check"><input type="checkbox" role="switch" data-do="all" .checked=${this.all} @change=${(event: Event) => { this.all = (event.target as HTMLInputElement).checked; }}>Show ${others.length} knob${others.length > 1 ? "s" : ""} not accepted</label>` : null}
        <button class="button" type="button" data-do="learn" aria-pressed=${session.learn.learning ? "true" : "false"} title="Give knobs to the controllers of a MIDI instrument" @click=${() => void session.learn.toggle()}>${icon("knob")}MIDI learn</button>
        <button class="button spread" type="button" data-do="reset" ?disabled=${!Object.keys(deck.knobs).some((name) => !state.locks.includes(name))} @click=${() => session.resetKnobs()}>${icon("reset")}All to 0</button>
      </div>
      ${session.learn.learning || session.midi.trouble ? this.learned() : null}
      ${controls ? html`<div class="controls">
        <h3 id="controls">Control knobs</h3><p class="soft small">To judge the others by ear. They move the melody&rsquo;s code as far as a knob does, in directions without a meaning: <b>random</b> in any, <b>others</b> in those that no knob uses. A knob that does what its name says should sound clearer than these.</p>
        <div class="knobs" role="group" aria-labelledby="controls">${reserved.map((knob) => this.knob(this.imitating(knob), ""))}</div>
        <div class="row">
          ${accepted.length > 1 ? html`<label class="label small">scaled like <select data-do="like" @change=${this.like}>${accepted.map(({ name, label }) => html`<option value=${name} ?selected=${(deck.like ?? accepted[0]!.name) === name}>${label}</option>`)}</select></label>` : null}
          <button class="button" type="button" data-do="dice" @click=${this.dice}>${icon("dice")}New directions</button>
        </div>
      </div>` : null}
      ${this.all ? html`<div class="rejected"><h3>Not accepted</h3><p class="soft small">These failed an acceptance criterion, or too little was measured. Those with a usable range can be turned, but expect side effects.</p>
        <div class="list">${others.map((knob) => html`<div class="one">${this.knob(knob, knob.verdict)}<p>${knob.reason}</p></div>`)}</div></div>` : null}
    </div>`;
  }

  /** What is learned, and why nothing can be. */
  private learned() {
    const { learn, midi, knobs } = this.session;
    const label = (name: string) => knobs.find((knob) => knob.name === name)?.label ?? name;
    return html`<div class="row learned" data-midi><span class="soft small">${learn.learning ? "Turn a knob here, then move a controller. " : ""}${midi.trouble}</span>
      ${learn.learning ? Object.entries(learn.bound).map(([name, knob]) => html`<span class="chip">${label(knob)}: CC ${name.split(".")[1]}<button class="button plain square" type="button" aria-label="Forget controller ${name.split(".")[1]} of ${label(knob)}" @click=${() => learn.forget(name)}>${icon("close")}</button></span>`) : null}</div>`;
  }

  /** A reserved knob takes range and unit of the knob that it imitates. */
  private imitating(knob: Knob): Knob {
    const { deck, knobs } = this.session;
    const like = knobs.find((one) => one.name === deck?.like && !one.reserved);
    return like ? { ...knob, low: like.low, high: like.high, step: like.step, unit: like.unit } : knob;
  }

  private knob(knob: Knob, badge: string, large = false) {
    const { state } = this.session;
    const locked = state!.locks.includes(knob.name);
    if (onOff(knob)) return html`<lk-switch .name=${knob.name} .label=${knob.label} .value=${this.session.amountOf(knob.name)} .amount=${knob.high || knob.low} .badge=${badge} .locked=${locked} data-knob=${knob.name}></lk-switch>`;
    return html`<lk-knob .name=${knob.name} .label=${knob.label} .unit=${knob.unit} .low=${knob.low} .high=${knob.high} .step=${knob.step} .says=${knob.says ?? null}
      .value=${this.session.amountOf(knob.name)} .badge=${badge} ?large=${large} .locked=${locked} hue=${this.session.hue(knob.name)} data-knob=${knob.name}></lk-knob>`;
  }

  private turn(event: CustomEvent<{ name: string; value: number }>): void {
    this.session.turn(event.detail.name, event.detail.value);
  }

  private set(event: CustomEvent<{ name: string; value: number }>): void {
    this.session.set(event.detail.name, event.detail.value);
  }

  private lock(event: CustomEvent<{ name: string; locked: boolean }>): void {
    this.session.lock(event.detail.name, event.detail.locked);
  }

  private like(event: Event): void {
    const { session } = this;
    const like = (event.target as HTMLSelectElement).value;
    const knob = session.knobs.find((one) => one.name === like);
    const knobs = { ...session.deck!.knobs };
    // Amounts of the reserved knobs stay within the range of the knob that they now imitate.
    for (const { name } of session.knobs.filter((one) => one.reserved)) {
      if (knob && knobs[name] !== undefined) knobs[name] = Math.min(knob.high, Math.max(knob.low, knob.step ? Math.round(knobs[name] / knob.step) * knob.step : knobs[name]));
    }
    session.commit(withDeck(session.state!, session.state!.side, { like, knobs }), `controls scaled like ${knob?.label ?? like}`);
  }

  private dice(): void {
    const { session } = this;
    session.commit(withDeck(session.state!, session.state!.side, { seed: session.deck!.seed + 1 }), "new random directions");
    session.say(`New random directions, seed ${session.deck!.seed}.`);
  }

  private follow(event: Event): void {
    const follow = (event.target as HTMLSelectElement).value === "once" ? "once" : "bar";
    this.session.commit({ ...this.session.state!, follow }, follow === "once" ? "new notes immediately" : "new notes at the next bar");
  }
}

define("lk-knobs", KnobsPanel);
