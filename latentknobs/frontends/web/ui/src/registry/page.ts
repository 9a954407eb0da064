import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { state } from "lit/decorators.js";
import { Api } from "../api.js";
import { define, shared } from "../elements/shared.js";
import "../elements/theme.js";
import { read, write, type View } from "./address.js";
import "./card.js";
import "./compare.js";
import "./runs.js";
import "./table.js";

const TITLES: Record<View["kind"], (view: never) => string> = {
  knobs: () => "Knobs",
  knob: (view: Extract<View, { kind: "knob" }>) => view.id.split("@")[0]!,
  compare: () => "Comparison",
  runs: () => "Runs",
  run: (view: Extract<View, { kind: "run" }>) => `Run ${view.run}`,
};

/** The registry's page: it shows what the address says, and changes nothing. */
export class RegistryPage extends LitElement {
  static override styles = [shared, css`
    :host { display: block; max-width: 1320px; margin: 0 auto; padding: 0 clamp(12px, 3vw, 36px) 56px; }
    header { display: flex; align-items: center; gap: 8px 20px; padding: 14px 0; flex-wrap: wrap; }
    .brand { display: flex; align-items: center; gap: 11px; text-decoration: none; color: inherit; font-size: 19px; font-weight: 650; letter-spacing: -0.025em; border-radius: 8px; }
    nav { display: flex; gap: 4px; flex: 1; }
    nav a { display: inline-flex; align-items: center; min-height: 44px; padding: 0 14px; border-radius: 10px; text-decoration: none; color: var(--soft); font-weight: 500; }
    nav a:hover { color: var(--ink); } nav a[aria-current] { color: var(--ink); background: var(--raise); font-weight: 600; }
    main { padding-top: 8px; }
    @media (max-width: 480px) { header { gap: 4px; } nav { order: 3; flex-basis: 100%; } nav a { padding: 0 12px; } .brand { flex: 1; font-size: 17px; } }
    @media (forced-colors: active) { nav a[aria-current] { outline: 2px solid Highlight; } }
  `];

  @state() private view: View = read(new URL(location.href));
  private readonly api = new Api();

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("popstate", this.followed);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener("popstate", this.followed);
  }

  override render() {
    const { view, api } = this;
    const at = view.kind === "runs" || view.kind === "run" ? "runs" : "knobs";
    const link = (kind: string, href: string, title: string) => html`<a href=${href} aria-current=${at === kind ? "page" : nothing}>${title}</a>`;
    return html`<header><a class="brand" href="/" data-do="player" title="Back to the player"><img src="/static/icon.svg" alt="" width="34" height="34">latentknobs</a>
        <nav aria-label="Registry" @click=${this.clicked}>${link("knobs", "/registry", "Knobs")}${link("runs", "/registry/runs", "Runs")}<a href="/">Player</a></nav><lk-theme></lk-theme></header>
      <main @click=${this.clicked} @lk-go=${(event: CustomEvent<{ view: View; replace: boolean }>) => this.go(event.detail.view, event.detail.replace)}>
        ${view.kind === "knobs" ? html`<lk-knob-table .api=${api} .view=${view}></lk-knob-table>` : view.kind === "knob" ? html`<lk-registry-card .api=${api} .view=${view}></lk-registry-card>`
          : view.kind === "compare" ? html`<lk-compare .api=${api} .view=${view}></lk-compare>` : view.kind === "runs" ? html`<lk-run-table .api=${api} .view=${view}></lk-run-table>` : html`<lk-run-card .api=${api} .view=${view}></lk-run-card>`}
      </main>`;
  }

  protected override updated(changes: PropertyValues): void {
    document.title = `${TITLES[this.view.kind](this.view as never)} · latentknobs`;
    const before = changes.get("view" as never) as View | undefined;
    // Another view is read from its top; the same one with other filters stays where it is.
    if (before && (before.kind !== this.view.kind || before.kind === "knob" || before.kind === "run") && write(before).split("?")[0] !== write(this.view).split("?")[0]) {
      scrollTo(0, 0);
      void this.focusHeading();
    }
  }

  private async focusHeading(): Promise<void> {
    const shown = this.renderRoot.querySelector("main > *") as LitElement | null;
    await shown?.updateComplete;
    shown?.renderRoot.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
  }

  private go(view: View, replace: boolean): void {
    const address = write(view);
    if (address !== location.pathname + location.search) history[replace ? "replaceState" : "pushState"](null, "", address);
    this.view = view;
  }

  private readonly followed = (): void => {
    this.view = read(new URL(location.href));
  };

  /** Links of this page are followed without loading it anew. */
  private readonly clicked = (event: MouseEvent): void => {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.composedPath().find((one): one is HTMLAnchorElement => one instanceof HTMLAnchorElement);
    if (!link || link.origin !== location.origin || !/^\/registry(\/|$)/.test(link.pathname)) return;
    event.preventDefault();
    this.go(read(new URL(link.href)), false);
  };
}

define("lk-registry", RegistryPage);
