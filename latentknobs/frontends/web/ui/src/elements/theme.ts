import { html, LitElement } from "lit";
import { state } from "lit/decorators.js";
import { define, icon, shared } from "./shared.js";

type Theme = "auto" | "light" | "dark";
const THEMES: Theme[] = ["auto", "light", "dark"];
const KEPT = "latentknobs-theme";

/** The switch between the system's colours, light and dark; the choice outlasts the page. */
export class ThemeElement extends LitElement {
  static override styles = shared;

  @state() private theme: Theme = read();

  override connectedCallback(): void {
    super.connectedCallback();
    use(this.theme);
    matchMedia("(prefers-color-scheme: dark)").addEventListener?.("change", () => use(this.theme));
  }

  override render() {
    const name = `Theme: ${this.theme === "auto" ? "system" : this.theme}`;
    return html`<button class="button plain square" type="button" data-do="theme" aria-label=${name} title=${name} @click=${this.next}>${icon(({ auto: "auto", light: "sun", dark: "moon" } as const)[this.theme])}</button>`;
  }

  private next(): void {
    this.theme = THEMES[(THEMES.indexOf(this.theme) + 1) % THEMES.length]!;
    try {
      localStorage.setItem(KEPT, this.theme);
    } catch {
      // Storage may be off: the choice lasts as long as the page.
    }
    use(this.theme);
  }
}

function read(): Theme {
  try {
    const known = localStorage.getItem(KEPT) as Theme;
    return THEMES.includes(known) ? known : "auto";
  } catch {
    return "auto";
  }
}

function use(theme: Theme): void {
  const dark = theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
}

define("lk-theme", ThemeElement);
