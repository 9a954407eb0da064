import { css, html, LitElement } from "lit";
import { property } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import { define, icon, shared } from "./shared.js";

/**
 * A knob that is on or off, as a native checkbox. Sends `lk-set` with {value}, `lk-lock` with {locked}, `lk-card`: as a
 * knob does.
 */
export class SwitchElement extends LitElement {
  static override styles = [shared, css`
    :host { display: block; }
    .row { display: flex; flex-wrap: nowrap; align-items: center; gap: 2px; }
    .check { flex: 1 1 auto; font-weight: 600; min-width: 0; overflow-wrap: anywhere; }
    .badge { min-height: 44px; padding: 0 10px; border: 0; border-radius: 10px; background: transparent; color: var(--soft); font-size: 13px; cursor: pointer; white-space: nowrap; }
    .lock { width: 44px; height: 44px; display: grid; place-items: center; border: 0; border-radius: 10px; background: transparent; color: var(--soft); cursor: pointer; }
    .badge:hover, .lock:hover { background: var(--raise); color: var(--ink); }
    .lock[aria-pressed="true"] { color: var(--ink); }
    .lock svg { width: 17px; height: 17px; }
  `];

  @property() name = "";
  @property() label = "";
  @property({ type: Number }) value = 0;
  /** The amount that is on. */
  @property({ type: Number }) amount = 1;
  /** "high", "medium", "low", or the verdict of a knob that was not accepted. */
  @property() badge = "";
  @property({ type: Boolean, reflect: true }) locked = false;

  override render() {
    const label = this.label || this.name;
    return html`<div class="row" part="switch">
      <label class="check"><input type="checkbox" role="switch" .checked=${live(this.value !== 0)} ?disabled=${this.locked} @change=${this.flip}>${label}</label>
      ${this.badge ? html`<button class="badge" type="button" aria-label="${label}: ${this.badge}. What it does" @click=${() => this.send("lk-card")}>${this.badge}</button>` : null}
      <button class="lock" type="button" aria-pressed=${this.locked ? "true" : "false"} aria-label="Lock ${label}" title=${this.locked ? "Locked: press to unlock" : "Lock"}
        @click=${() => this.send("lk-lock", { locked: !this.locked })}>${icon(this.locked ? "lock" : "unlock")}</button>
    </div>`;
  }

  private flip(event: Event): void {
    this.send("lk-set", { value: (event.target as HTMLInputElement).checked ? this.amount : 0 });
  }

  private send(type: string, detail: object = {}): void {
    this.dispatchEvent(new CustomEvent(type, { detail: { name: this.name, ...detail }, bubbles: true, composed: true }));
  }
}

define("lk-switch", SwitchElement);
