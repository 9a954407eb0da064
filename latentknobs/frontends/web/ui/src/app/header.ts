import { css, html } from "lit";
import { define, icon, shared } from "../elements/shared.js";
import "../elements/theme.js";
import { TIMBRES } from "../sound-settings.js";
import { TEMPO, type Side } from "../state.js";
import { Component, show } from "./component.js";

/** The name, the transport, A and B, undo and redo, the theme and the help. */
export class HeaderPanel extends Component {
  static override styles = [shared, css`
    :host { display: grid; grid-template-columns: 1fr auto 1fr; align-items: center; gap: 12px 20px; padding: 14px 0; }
    .brand { display: flex; align-items: center; gap: 11px; min-width: 0; }
    .brand img { width: 34px; height: 34px; flex: none; }
    .brand h1 { margin: 0; font-size: 19px; font-weight: 650; letter-spacing: -0.025em; }
    .brand select { min-width: 0; }
    .transport { display: flex; align-items: center; gap: 8px; }
    .tools { display: flex; align-items: center; justify-content: flex-end; gap: 2px; }
    .play { width: 112px; border-radius: 22px; }
    .tempo { display: inline-flex; align-items: center; gap: 6px; padding: 0 12px 0 4px; min-height: 44px; border: 1px solid var(--line); border-radius: 10px; background: var(--raise); }
    .tempo input { width: 58px; min-height: 42px; border: 0; background: none; text-align: right; font-variant-numeric: tabular-nums; font-weight: 600; border-radius: 8px; }
    .tempo input:focus-visible { outline-offset: -2px; }
    .tempo span { font-size: 13px; color: var(--soft); }
    .sound { position: relative; }
    .sound summary { list-style: none; } .sound summary::-webkit-details-marker { display: none; }
    .sound[open] summary { border-color: var(--ink); }
    .sheet { position: absolute; z-index: 6; top: 50px; left: 0; width: min(300px, calc(100vw - 24px)); padding: 14px 16px; display: grid; gap: 6px; border: 1px solid var(--line); border-radius: 14px; background: var(--panel); box-shadow: var(--shadow); }
    .sheet label:not(.check) { display: grid; grid-template-columns: 1fr 150px; align-items: center; gap: 10px; min-height: 44px; font-size: 14px; }
    .sheet input[type=range] { width: 100%; height: 32px; margin: 0; accent-color: var(--ink); } .sheet select { width: 100%; }
    .ab { display: inline-flex; border: 1px solid var(--line); border-radius: 10px; background: var(--raise); }
    .ab button { min-width: 44px; min-height: 42px; border: 0; background: none; border-radius: 9px; cursor: pointer; font-weight: 600; }
    .ab button[aria-pressed="true"] { background: var(--ink); color: var(--panel); }
    .ab .over { font-weight: 500; font-size: 13px; color: var(--soft); padding: 0 10px; border-left: 1px solid var(--line); border-radius: 0 9px 9px 0; }
    .ab .over:hover { color: var(--ink); }
    @media (max-width: 1040px) {
      :host { grid-template-columns: 1fr auto; }
      .transport { grid-row: 2; grid-column: 1 / -1; }
    }
    @media (max-width: 560px) {
      :host { padding: 8px 0; gap: 8px; }
      .brand { gap: 8px; } .brand img { width: 30px; height: 30px; }
      .tools .registry { width: 44px; padding: 0; } .registry .word { position: absolute; clip-path: inset(50%); }
      .transport { display: grid; grid-template-columns: 1fr auto auto auto; }
      .sound { position: static; } :host { position: relative; } .sheet { top: 112px; }
      .transport .play { width: 100%; }
      .ab { grid-column: 1 / -1; } .ab button { flex: 1; }
      .brand h1 { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
    }
    @media (min-width: 561px) { .registry svg { display: none; } }
    @media (max-width: 359px) { :host { grid-template-columns: 1fr; } .tools { grid-row: 2; justify-content: space-between; } .transport { grid-row: 3; } .sheet { top: 164px; } .brand img { display: none; } .tools { gap: 0; } .transport { gap: 6px; } .tempo { padding-right: 8px; } .tempo span { display: none; } }
  `];

  override render() {
    const { session } = this;
    const { state, store, info } = session;
    const playing = session.player.playing;
    const other = state?.side === "a" ? "B" : "A";
    const level = (name: "volume" | "accompaniment", words: string) =>
      html`<label>${words}<input type="range" min="0" max="1" step="0.05" data-do=${name} .value=${String(session.transport.sounds[name])} @input=${(event: Event) => session.transport.setSounds({ [name]: Number((event.target as HTMLInputElement).value) })}></label>`;
    return html`
      <div class="brand"><img src="/static/icon.svg" alt="" width="34" height="34"><h1>latentknobs</h1>
        ${info && info.models.length > 1 ? html`<select aria-label="Model" data-do="model" @change=${(event: Event) => void session.pickModel((event.target as HTMLSelectElement).value)}>
          ${info.models.map(({ name }) => html`<option value=${name} ?selected=${name === state?.model}>${name}</option>`)}</select>` : null}</div>
      <div class="transport" role="group" aria-label="Playing">
        <button class="button main play" type="button" data-do="play" aria-pressed=${playing ? "true" : "false"} ?disabled=${!state} title="Space" @click=${() => session.transport.toggle()}>${icon(playing ? "stop" : "play")}${playing ? "Stop" : "Play"}</button>
        <button class="button square" type="button" data-do="loop" aria-label="Loop" title="Loop (L)" aria-pressed=${state?.loop ? "true" : "false"} ?disabled=${!state} @click=${() => session.transport.toggleLoop()}>${icon("loop")}</button>
        <label class="tempo"><input type="number" data-do="tempo" min=${TEMPO.low} max=${TEMPO.high} step="1" inputmode="numeric" aria-label="Tempo, beats per minute" .value=${String(state?.tempo ?? 120)} ?disabled=${!state} @change=${this.tempo}><span aria-hidden="true">bpm</span></label>
        <details class="sound" @focusout=${this.left} @keydown=${this.escape}><summary class="button square" role="button" data-do="sound" aria-label="Sound" title="Sound: timbre, volumes, metronome">${icon("sound")}</summary>
          <div class="sheet" role="group" aria-label="Sound">
            <label>Melody<select data-do="timbre" @change=${(event: Event) => session.transport.setSounds({ timbre: (event.target as HTMLSelectElement).value })}>${Object.entries(TIMBRES).map(([name, words]) => html`<option value=${name} ?selected=${name === session.transport.sounds.timbre}>${words}</option>`)}</select></label>
            ${level("volume", "Volume")}${level("accompaniment", "Accompaniment")}
            <label class="check"><input type="checkbox" role="switch" data-do="metronome" .checked=${session.transport.sounds.metronome} @change=${(event: Event) => session.transport.setSounds({ metronome: (event.target as HTMLInputElement).checked })}>Metronome</label>
          </div></details>
        <div class="ab" role="group" aria-label="Compare">
          ${(["a", "b"] as Side[]).map((side) => html`<button type="button" data-do=${side} aria-pressed=${state?.side === side ? "true" : "false"} ?disabled=${!state} title=${state ? `${session.titleOf(state.decks[side].piece)} (A switches sides)` : ""} @click=${() => session.flip(side)}>${side.toUpperCase()}</button>`)}
          <button class="over" type="button" data-do="copy-over" ?disabled=${!state} title="Copy this side to ${other}" @click=${() => session.copyOver()}>copy to ${other}</button>
        </div>
      </div>
      <div class="tools">
        <button class="button plain square" type="button" data-do="undo" aria-label="Undo${store?.undoLabel ? ` ${store.undoLabel}` : ""}" title=${store?.undoLabel ? `Undo ${store.undoLabel} (Ctrl+Z)` : "Nothing to undo"} ?disabled=${!store?.undoLabel} @click=${() => session.undo()}>${icon("undo")}</button>
        <button class="button plain square" type="button" data-do="redo" aria-label="Redo${store?.redoLabel ? ` ${store.redoLabel}` : ""}" title=${store?.redoLabel ? `Redo ${store.redoLabel} (Ctrl+Shift+Z)` : "Nothing to redo"} ?disabled=${!store?.redoLabel} @click=${() => session.redo()}>${icon("redo")}</button>
        <a class="button plain registry" href="/registry" data-do="registry" title="All knobs that were found, with their evidence">${icon("table")}<span class="word">Registry</span></a>
        <lk-theme></lk-theme>
        <button class="button plain square" type="button" data-do="help" aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" @click=${() => show(this, "help")}>${icon("help")}</button>
      </div>`;
  }

  private left(event: FocusEvent): void {
    const sheet = event.currentTarget as HTMLDetailsElement;
    if (event.relatedTarget instanceof Node && !sheet.contains(event.relatedTarget)) sheet.open = false;
  }

  private escape(event: KeyboardEvent): void {
    const sheet = event.currentTarget as HTMLDetailsElement;
    if (event.key !== "Escape" || !sheet.open) return;
    event.preventDefault();
    sheet.open = false;
    sheet.querySelector("summary")!.focus();
  }

  private tempo(event: Event): void {
    const field = event.target as HTMLInputElement;
    const { state } = this.session;
    const wanted = Math.round(Number(field.value));
    if (!state) return;
    if (field.value !== "" && Number.isFinite(wanted)) {
      const tempo = Math.min(TEMPO.high, Math.max(TEMPO.low, wanted));
      this.session.commit({ ...state, tempo }, `tempo ${tempo}`);
    }
    // Set here and not with each drawing of the page, which may come while a number is being typed.
    field.value = String(this.session.state!.tempo);
  }
}

define("lk-header", HeaderPanel);
