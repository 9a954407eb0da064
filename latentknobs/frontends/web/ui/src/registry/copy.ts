import { css, html, LitElement, nothing } from "lit";
import { property, state } from "lit/decorators.js";
import { copy } from "../download.js";
import { define, icon, shared } from "../elements/shared.js";
import type { Snippets } from "../types.js";

const WAYS = { sql: "SQL", command: "Command", python: "Python" } as const;

/** What is seen in SQL, as a command and in Python, to copy; and the address. */
export class CopyElement extends LitElement {
  static override styles = [shared, css`
    :host { display: block; }
    .text { margin-top: 12px; border: 1px solid var(--line); border-radius: 12px; background: var(--raise); padding: 12px 14px; }
    .head { display: flex; align-items: center; gap: 8px; justify-content: space-between; }
    pre { margin: 4px 0 0; font: 13px/1.6 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; max-height: 320px; overflow: auto; }
    ul { margin: 10px 0 0; padding-left: 18px; font-size: 13px; color: var(--soft); }
  `];

  @property({ attribute: false }) seen: Snippets | null = null;
  @state() private way: keyof typeof WAYS | "link" | null = null;
  @state() private copied = false;

  override render() {
    const { way, seen } = this;
    return html`<div class="row" role="group" aria-label="Copy what is seen">
      ${Object.entries(WAYS).map(([name, title]) => html`<button class="button" type="button" data-do=${name} ?disabled=${!seen} @click=${() => this.show(name as keyof typeof WAYS)}>${icon("copy")}${title}</button>`)}
      <button class="button" type="button" data-do="link" @click=${() => this.show("link")}>${icon("copy")}Link</button></div>
      ${way ? html`<div class="text" data-shown=${way}><div class="head"><span role="status"><b>${way === "link" ? "Link" : WAYS[way]}</b> <span class="soft">${this.copied ? "copied" : "select to copy"}</span></span>
        <button class="button plain square" type="button" aria-label="Close" @click=${() => { this.way = null; }}>${icon("close")}</button></div>
        <pre tabindex="0" role="group" aria-label=${way === "link" ? "Link" : WAYS[way]}>${this.text(way)}</pre>
        ${way !== "link" && seen?.remarks.length ? html`<ul>${seen.remarks.filter((text) => way === "sql" || !text.startsWith("SQL")).map((text) => html`<li>${text}</li>`)}</ul>` : nothing}</div>` : nothing}`;
  }

  private text(way: keyof typeof WAYS | "link"): string {
    return way === "link" ? location.href : (this.seen?.[way] ?? "");
  }

  private async show(way: keyof typeof WAYS | "link"): Promise<void> {
    this.copied = await copy(this.text(way));
    this.way = way;
  }
}

define("lk-copy", CopyElement);
