import { css, html, nothing } from "lit";
import { property, state } from "lit/decorators.js";
import { define, icon, shared } from "../elements/shared.js";
import { copy, fromBase64, save, saveAs } from "../download.js";
import type { Recipe } from "../types.js";
import { Component } from "./component.js";

/** Files to save, and the command, code and link that reproduce what is heard. */
export class ExportPanel extends Component {
  static override styles = [shared, css`
    :host { display: block; }
    .line { display: flex; flex-wrap: wrap; align-items: center; gap: 8px; }
    h2 { margin-right: 14px; }
    .text { position: relative; margin-top: 14px; border: 1px solid var(--line); border-radius: 12px; background: var(--raise); padding: 12px 14px; }
    .text .head { display: flex; align-items: center; gap: 8px; justify-content: space-between; }
    pre { margin: 4px 0 0; font: 13px/1.6 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; max-height: 320px; overflow: auto; }
    .files { margin-top: 10px; }
    ul { margin: 10px 0 0; padding-left: 18px; font-size: 13px; color: var(--soft); }
    .note { margin-top: 10px; }
    @media (max-width: 560px) { .line .button { flex: 1 1 44%; } h2 { width: 100%; } }
  `];

  /** Whether the grid is open: then it is what commands reproduce. */
  @property({ type: Boolean }) grid = false;
  @state() private shown: { title: string; text: string; copied: boolean; recipe: Recipe | null } | null = null;

  override render() {
    const { session, shown } = this;
    const off = !session.deck;
    const what = this.grid ? "grid" : "melody";
    const button = (name: string, title: string, label: string, picture: "down" | "copy", act: () => Promise<void>) =>
      html`<button class="button" type="button" data-do=${name} title=${title} ?disabled=${off} @click=${act}>${icon(picture)}${label}</button>`;
    return html`<div class="line"><h2>Export</h2>
      ${button("midi", "Save as MIDI (Ctrl+S)", "MIDI", "down", () => saveAs(session, "midi"))}
      ${button("musicxml", "Save as a score, in MusicXML", "Score", "down", () => saveAs(session, "musicxml"))}
      ${button("wav", "Save as sound", "WAV", "down", () => saveAs(session, "wav"))}
      ${button("grid-zip", "All cells of the grid as MIDI files", "Grid", "down", () => saveAs(session, "grid"))}
      ${button("command", `A command that reproduces this ${what}`, "Command", "copy", () => this.recipe("command"))}
      ${button("python", `Python code that reproduces this ${what}`, "Python", "copy", () => this.recipe("python"))}
      ${button("link", "A link to this page in its present state", "Link", "copy", () => this.link())}
    </div>
    ${this.whole()}
    ${this.grid && session.state ? html`<p class="soft small note">MIDI, score and WAV export ${session.state.side.toUpperCase()} with its knobs. Export the cells of the grid as a zip, or open one.</p>` : nothing}
    ${shown ? html`<div class="text" data-shown=${shown.title}>
      <div class="head"><span role="status"><b>${shown.title}</b> <span class="soft">${shown.copied ? "copied" : "select to copy"}</span></span>
        <button class="button plain square" type="button" aria-label="Close" @click=${() => { this.shown = null; }}>${icon("close")}</button></div>
      <pre tabindex="0" role="group" aria-label=${shown.title}>${shown.text}</pre>
      ${shown.recipe?.files.length ? html`<div class="row files"><span class="small soft">It reads these files from its working folder:</span>${shown.recipe.files.map((file) => html`<button class="button" type="button" data-file=${file.name} @click=${() => save(fromBase64(file.base64), file.name)}>${icon("down")}${file.name}</button>`)}</div>` : nothing}
      ${shown.recipe?.remarks?.length ? html`<ul>${shown.recipe.remarks.map((remark) => html`<li>${remark}</li>`)}</ul>` : nothing}
    </div>` : nothing}`;
  }

  /** Of a piece of a file: what else is in the files that are saved. */
  private whole() {
    const { session } = this;
    const source = session.deck?.piece.source;
    if (source?.kind !== "midi") return nothing;
    if (!session.file) return html`<p class="soft small note">Files hold the melody alone: open ${source.file} again to have all of it.</p>`;
    return html`<div class="line note"><label class="check"><input type="checkbox" data-do="alone" .checked=${session.alone} @change=${(event: Event) => { session.alone = (event.target as HTMLInputElement).checked; session.changed(); }}>Melody alone</label>
      <span class="soft small">${session.alone ? "Files have the tempo of this page." : `Files are ${source.file} with this melody in it, at its own tempo.`}</span></div>`;
  }

  private async recipe(kind: "command" | "python"): Promise<void> {
    const { session } = this;
    try {
      const recipe = this.grid
        ? await session.api.recipe(session.model!.name, { grid: session.gridRequest() })
        : await session.api.recipe(session.model!.name, { state: session.exported(session.deck!), file: session.file?.data ?? null });
      session.settle("export");
      await this.offer(kind === "command" ? "Command" : "Python", recipe[kind], recipe);
    } catch (error) {
      session.fail(error, "export");
    }
  }

  private async link(): Promise<void> {
    await this.offer("Link", this.session.address(), null);
  }

  private async offer(title: string, text: string, recipe: Recipe | null): Promise<void> {
    const copied = await copy(text);
    this.shown = { title, text, copied, recipe };
    this.session.say(copied ? `${title} copied.` : `${title} shown.`);
  }
}

define("lk-export-panel", ExportPanel);
