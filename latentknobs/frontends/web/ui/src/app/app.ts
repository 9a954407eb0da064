import { css, html, LitElement, nothing } from "lit";
import { query, state } from "lit/decorators.js";
import { define, icon, shared } from "../elements/shared.js";
import { Session } from "../session.js";
import { saveAs } from "../download.js";
import "./dialogs.js";
import type { Dialogs } from "./dialogs.js";
import "./header.js";
import "./inspector.js";
import "./knobs.js";
import "./melody.js";
import "./export-panel.js";
import "./screen.js";
import "./snapshots.js";
import type { ScreenPanel } from "./screen.js";
import "./two-way.js";

const ZOOM = 1.5;
const BUTTONS = "button, a[href], summary, [role=tab], input:not([type=range])";

type View = "knobs" | "grid" | "melody" | "inspector";
const VIEWS: [View, string][] = [["knobs", "Knobs"], ["grid", "Grid"], ["melody", "Melody"], ["inspector", "Inspector"]];

/** The page. */
export class App extends LitElement {
  static override styles = [shared, css`
    :host { display: block; max-width: 1240px; margin: 0 auto; padding: 0 clamp(12px, 3vw, 36px) 56px; }
    .notices { position: sticky; top: 8px; z-index: 4; }
    .notice { display: flex; align-items: flex-start; gap: 12px; padding: 8px 8px 8px 18px; margin-bottom: 14px; border-radius: 12px; background: var(--bad-bg); color: var(--bad); border: 1px solid currentColor; }
    .notice p { padding: 10px 0; flex: 1; min-width: 0; overflow-wrap: anywhere; }
    .tabs { display: flex; gap: 4px; margin: 22px 0 0; border-bottom: 1px solid var(--line); }
    .tabs button { min-height: 48px; padding: 0 20px; border: 0; background: none; cursor: pointer; font-weight: 500; color: var(--soft); border-bottom: 3px solid transparent; margin-bottom: -1px; border-radius: 8px 8px 0 0; }
    .tabs button:hover { color: var(--ink); }
    .tabs button[aria-selected="true"] { color: var(--ink); border-bottom-color: var(--ink); font-weight: 600; }
    .panel { padding: 26px 0 30px; min-height: 320px; }
    .export { border-top: 1px solid var(--line); padding-top: 20px; }
    .drop { position: fixed; inset: 12px; z-index: 5; display: grid; place-items: center; border: 3px dashed var(--focus); border-radius: 20px; background: var(--bg); opacity: 0.94; font-size: 22px; font-weight: 600; pointer-events: none; }
    @media (max-width: 480px) { .tabs { justify-content: space-between; } .tabs button { padding: 0 10px; } .panel { padding-top: 20px; } }
    @media (forced-colors: active) { .tabs button { border-bottom-color: Canvas; margin-bottom: 0; } .tabs button[aria-selected="true"] { border-bottom-color: Highlight; } }
  `];

  readonly session = new Session();
  @state() private view: View = "knobs";
  @state() private dragging = false;
  @query("lk-screen") private screen!: ScreenPanel;
  @query("lk-dialogs") private dialogs!: Dialogs;
  /** Whether the hand was last at the pointer: then Space plays, also where a button that was clicked has the focus. */
  private pointing = true;

  override connectedCallback(): void {
    super.connectedCallback();
    this.session.subscribe(() => this.requestUpdate());
    window.addEventListener("pointerdown", () => { this.pointing = true; this.session.player.wake(); }, { capture: true });
    window.addEventListener("keydown", (event) => { if (event.key === "Tab") this.pointing = false; this.session.player.wake(); }, { capture: true });
    window.addEventListener("keydown", this.key);
    window.addEventListener("keyup", this.keyUp);
    window.addEventListener("hashchange", () => void this.session.follow(location.hash));
    window.addEventListener("pagehide", () => this.session.keepInAddress());
    window.addEventListener("dragover", this.drag);
    window.addEventListener("dragleave", (event) => { if (!event.relatedTarget) this.dragging = false; });
    window.addEventListener("drop", this.drop);
    const hash = location.hash;
    // A token in the address has done its work when the page is there; it should not be copied with a link.
    if (location.search.includes("token=")) history.replaceState(null, "", location.pathname + hash);
    void this.session.start(hash);
  }

  override render() {
    const { session, view } = this;
    const { notice } = session;
    return html`
      <header><lk-header .session=${session} @lk-show=${this.show}></lk-header></header>
      <main @lk-show=${this.show}>
        <div class="notices" role="alert">${notice ? html`<div class="notice" data-notice=${notice.kind}><p>${notice.text}</p><button class="button plain square" type="button" aria-label="Dismiss" @click=${() => session.dismiss()}>${icon("close")}</button></div>` : nothing}</div>
        <lk-screen .session=${session}></lk-screen>
        <lk-snapshots .session=${session}></lk-snapshots>
        <div class="tabs" role="tablist" aria-label="Views" @keydown=${this.tabKey}>${VIEWS.map(([name, title]) => html`<button type="button" role="tab" id="tab-${name}" data-view=${name} aria-controls="panel" aria-selected=${view === name ? "true" : "false"} tabindex=${view === name ? "0" : "-1"} @click=${() => { this.view = name; }}>${title}</button>`)}</div>
        <div class="panel" id="panel" role="tabpanel" aria-labelledby="tab-${view}">${session.deck ? this.panel() : nothing}</div>
        <lk-export-panel class="export" .session=${session} ?grid=${view === "grid"}></lk-export-panel>
      </main>
      <p class="hidden" role="status" aria-live="polite" data-said>${session.said}</p>
      <lk-dialogs .session=${session}></lk-dialogs>
      ${this.dragging ? html`<div class="drop">Drop the MIDI file to open it</div>` : nothing}`;
  }

  private panel() {
    const { session } = this;
    if (this.view === "grid") return html`<lk-two-way .session=${session}></lk-two-way>`;
    if (this.view === "melody") return html`<lk-melody .session=${session}></lk-melody>`;
    if (this.view === "inspector") return html`<lk-inspector .session=${session}></lk-inspector>`;
    return html`<lk-knobs .session=${session}></lk-knobs>`;
  }

  private show(event: CustomEvent<{ what: string; name: string }>): void {
    if (event.detail.what === "help") this.dialogs.help();
    else if (event.detail.what === "melody") this.view = "melody";
    else if (event.detail.what === "card") void this.dialogs.card(event.detail.name);
  }

  private tabKey(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = VIEWS.findIndex(([name]) => name === this.view);
    this.view = VIEWS[(at + step + VIEWS.length) % VIEWS.length]![0];
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>(`#tab-${this.view}`)?.focus());
  }

  private readonly key = (event: KeyboardEvent): void => {
    const { session } = this;
    const target = event.composedPath()[0];
    if (!session.state || event.defaultPrevented || writes(target) || this.dialogs?.open) return;
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if (event.altKey) return;
      if (key === "z") (event.shiftKey ? session.redo() : session.undo());
      else if (key === "y") session.redo();
      else if (key === "s") void saveAs(session, "midi");
      else return;
    } else if (event.altKey) return;
    // Space and Enter are those of a button that was reached by keyboard.
    else if (key === " " && !this.presses(target)) session.transport.toggle();
    else if (key === "enter" && !this.presses(target)) session.transport.rewind();
    else if (key === "l") session.transport.toggleLoop();
    else if (key === "a") session.flip(session.state.side === "a" ? "b" : "a");
    else if (/^Digit[1-8]$/.test(event.code)) {
      if (event.shiftKey) session.snapshots.store(event.code.slice(5));
      else session.snapshots.recall(event.code.slice(5));
    }
    else if (key === "m") session.transport.setSounds({ metronome: !session.transport.sounds.metronome });
    else if (key === "," || key === ".") session.transport.seekBars(key === "." ? 1 : -1);
    else if (key === "[" || key === "]") session.transport.markRange(key === "[" ? "from" : "to");
    else if (key === "escape") session.transport.select(null);
    else if (key === "+" || key === "=" || key === "-" || key === "0") this.screen.zoom(key === "0" ? 0 : key === "-" ? 1 / ZOOM : ZOOM);
    else if (key === "?") this.dialogs.help();
    else return;
    event.preventDefault();
  };

  /** A button is pressed when Space is let go: not when that Space has played. */
  private readonly keyUp = (event: KeyboardEvent): void => {
    const target = event.composedPath()[0];
    if (event.key === " " && target instanceof HTMLElement && target.matches(BUTTONS) && !writes(target) && !this.presses(target) && !this.dialogs.open) event.preventDefault();
  };

  private presses(target: EventTarget | undefined): boolean {
    return target instanceof HTMLElement && target.matches(BUTTONS) && !this.pointing;
  }

  private readonly drag = (event: DragEvent): void => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    this.dragging = true;
  };

  private readonly drop = (event: DragEvent): void => {
    this.dragging = false;
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault();
    this.view = "melody";
    void this.updateComplete.then(() => this.renderRoot.querySelector("lk-melody")?.receive(file));
  };
}

function writes(target: EventTarget | undefined): boolean {
  if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !["range", "checkbox", "radio", "button", "file"].includes(target.type);
}

define("lk-app", App);
