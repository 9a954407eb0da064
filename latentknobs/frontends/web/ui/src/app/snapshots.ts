import { css, html } from "lit";
import { live } from "lit/directives/live.js";
import { define, icon, shared } from "../elements/shared.js";
import { save } from "../download.js";
import { Component } from "./component.js";

const NUMBERS = ["1", "2", "3", "4", "5", "6", "7", "8"];

/** Which bars the knobs turn, the snapshots and the way between two, and what can be undone. */
export class SnapshotsPanel extends Component {
  static override styles = [shared, css`
    :host { display: flex; flex-wrap: wrap; gap: 8px 20px; align-items: center; margin-top: 14px; }
    .badge { display: inline-flex; align-items: center; min-height: 32px; padding: 0 12px; border-radius: 16px; border: 1px solid var(--line); font-weight: 600; font-size: 13px; }
    .label { display: inline-flex; align-items: center; gap: 8px; font-size: 13px; }
    .label input { width: 84px; }
    .chip { display: inline-flex; align-items: center; gap: 4px; padding-left: 14px; border: 1px solid var(--ink); border-radius: 22px; font-weight: 600; }
    .slots { display: flex; flex-wrap: wrap; gap: 4px; }
    .slots .button { width: 44px; padding: 0; }
    .slots .button:not([aria-pressed="true"]) { color: var(--soft); }
    .history { max-width: 240px; }
  `];

  override render() {
    const { session } = this;
    const { bars, room, snapshots: { all: snapshots } } = session;
    const { from, to, place } = session.snapshots.way;
    const steps = room ? [...room.history].reverse() : [...(session.store?.labels ?? [])].reverse();
    return html`
      ${room ? html`<span class="badge" data-badge>Shared session</span>` : null}
      ${bars ? html`<span class="chip" data-bars=${bars}>bars ${bars}<button class="button plain square" type="button" data-do="all-bars" aria-label="Turn the whole piece again" @click=${() => session.chooseBars("")}>${icon("close")}</button></span>
          <button class="button" type="button" data-do="reset-bars" ?disabled=${!session.barsTurned} @click=${() => session.resetBars()}>${icon("reset")}As the piece</button>`
        : html`<label class="label">Turn bars<input class="field" data-do="choose-bars" placeholder="all" maxlength="13" inputmode="numeric" @change=${this.choose}></label>`}
      <div class="slots" role="group" aria-label="Snapshots: a digit recalls, Shift and a digit stores">${NUMBERS.map((name) => html`<button class="button" type="button" data-snapshot=${name} aria-pressed=${name in snapshots ? "true" : "false"} title=${name in snapshots ? `Recall snapshot ${name} (${name}); store it anew with Shift` : `Store snapshot ${name} (Shift ${name})`}
        @click=${(event: MouseEvent) => (event.shiftKey || !(name in snapshots) ? session.snapshots.store(name) : session.snapshots.recall(name))}>${name}</button>`)}</div>
      ${Object.keys(snapshots).length > 1 ? html`<label class="label">Morph ${this.end("from", from)}<input type="range" min="0" max="1" step="0.01" data-do="morph" aria-label="From one snapshot to the other" .value=${live(String(place))} @input=${this.morph} @change=${this.morph}>${this.end("to", to)}</label>` : null}
      <button class="button" type="button" data-do="save-project" @click=${() => void this.save()}>${icon("down")}Save project</button>
      <button class="button" type="button" @click=${(event: Event) => ((event.currentTarget as HTMLElement).nextElementSibling as HTMLInputElement).click()}>Open project</button><input hidden type="file" accept=".lkproject" data-do="open-project" @change=${this.open}>
      ${steps.length ? html`<label class="label history">History<select data-do="history" @change=${this.back}><option value="0" selected>${steps.length} step${steps.length === 1 ? "" : "s"}</option>${steps.map((label, k) => html`<option value=${k + 1}>before ${label}</option>`)}</select></label>` : null}`;
  }

  private end(end: "from" | "to", chosen: string) {
    const { snapshots } = this.session;
    return html`<select data-do=${`morph-${end}`} aria-label="Snapshot" @change=${(event: Event) => snapshots.choose(end, (event.target as HTMLSelectElement).value)}>${Object.keys(snapshots.all).map((name) => html`<option value=${name} .selected=${name === chosen}>${name}</option>`)}</select>`;
  }

  private async save(): Promise<void> {
    const { session } = this;
    try {
      const { blob, name } = await session.api.saveProject(session.model!.name, session.project());
      save(blob, name);
      session.say(`Saved ${name}.`);
    } catch (error) {
      session.fail(error);
    }
  }

  private async open(event: Event): Promise<void> {
    const field = event.target as HTMLInputElement;
    const file = field.files?.[0];
    field.value = "";
    if (!file) return;
    try {
      await this.session.openProject(await this.session.api.openProject(this.session.model!.name, file));
    } catch (error) {
      this.session.fail(error);
    }
  }

  private choose(event: Event): void {
    const field = event.target as HTMLInputElement;
    if (!this.session.chooseBars(field.value.trim())) field.select();
  }

  private morph(event: Event): void {
    this.session.snapshots.morph(Number((event.target as HTMLInputElement).value), event.type === "change");
  }

  private back(event: Event): void {
    const field = event.target as HTMLSelectElement;
    const steps = Number(field.value);
    field.value = "0";
    for (let k = 0; k < steps; k += 1) this.session.undo();
  }
}

define("lk-snapshots", SnapshotsPanel);
