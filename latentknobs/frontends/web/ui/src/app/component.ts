import { LitElement } from "lit";
import { property } from "lit/decorators.js";
import type { Session } from "../session.js";

/** A part of the page: drawn anew when the session changes. */
export class Component extends LitElement {
  @property({ attribute: false }) session!: Session;
  private leave: (() => void) | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.leave = this.session.subscribe(() => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.leave?.();
  }
}

/** Asks the page to show another view or dialog: `lk-show` with {what, name}. */
export function show(from: EventTarget, what: string, name = ""): void {
  from.dispatchEvent(new CustomEvent("lk-show", { detail: { what, name }, bubbles: true, composed: true }));
}
