import { Api, ApiError, OFFLINE } from "./api.js";
import { fromHash, LinkError, toHash } from "./url-state.js";
import { fromBase64 } from "./download.js";
import { keepFile, keptFile } from "./kept-files.js";
import { LiveSocket, type LiveStatus } from "./live-socket.js";
import { MidiInput } from "./midi/input.js";
import { MidiLearn } from "./midi/learn.js";
import { Recording } from "./midi/recording.js";
import { barsOf, barsOfPiece, barWords, stepsOf, whole } from "./music.js";
import { filled } from "./parts.js";
import { inWords, onOff, signed, unitFor } from "./numbers.js";
import { Player } from "./sound/player.js";
import { deckKey, deckOf, NO_DRAFT, pieceKey, TEMPO, withDeck, withKnob, type Range, type Side, type State } from "./state.js";
import { LOOK, placed, Room, shownAmount, SIDE, type SharedFrame } from "./shared.js";
import { Snapshots } from "./snapshots.js";
import { Store } from "./store.js";
import { SEEDS, surprise } from "./surprise.js";
import { Transport } from "./transport.js";
import type { Accompaniment, Deck, Format, GridRequest, Info, Knob, Model, Note, Opened, OpenedProject, Piece, ProjectRequest, Source, Stretch, Turned } from "./types.js";

const KEPT = 64;
/** Milliseconds after which people should see that something is computed. */
const MOMENT = 200;
const MELODY: Format = { name: "melody-2bar", steps: 32, steps_per_beat: 4, beats_per_bar: 4, beats: 4, unit: 4, drums: null };

/** What went wrong: it is told until the same succeeds, or until it is put away. */
type Cause = "move" | "server" | "grid" | "file" | "export" | "other";

/** A sentence that stands on the page. */
export interface Notice {
  kind: "error" | "note";
  text: string;
  cause: Cause;
}

/** Notes that are in no deck. */
export interface Passage {
  notes: readonly Note[];
  steps: number;
  name: string;
  /** Its time signatures; none = bars of the model's format. */
  stretches: readonly Stretch[];
}

/** A file that was read: to hear what sounds beside its melody, and to have it back with another melody. */
export interface OpenFile {
  /** Its bytes, in base64. */
  data: string;
  accompaniment: Accompaniment;
}

/** What a person has open on this page: the state with its history, what the server said of it, and the sound. */
export class Session {
  info: Info | null = null;
  model: Model | null = null;
  /** The knobs of the model. */
  own: readonly Knob[] = [];
  store: Store<State> | null = null;
  status: LiveStatus = "connecting";
  latency: number | null = null;
  notice: Notice | null = null;
  /** The last sentence for people who listen to the page. */
  said = "";
  /** The knob that was turned last: its colour is that of the changes. */
  turning: string | null = null;
  /** Notes of a grid cell that are heard in place of the deck's. */
  heard: Passage | null = null;
  /** Notes of a grid cell that are looked at. */
  looked: Passage | null = null;
  /** Whether files are saved with the melody alone. */
  alone = false;
  /** The session that other front ends play too, null where this page has its own. */
  room: Room | null = null;
  /** The bars that knobs turn, "" = all. */
  bars = "";
  /** Whether the answer to the newest move has been awaited for a moment. */
  computing = false;
  /** The seed of the surprise that the deck shows. */
  surprised: { seed: number; deck: string } | null = null;
  readonly player = new Player();
  /** Where and what is played, and how it sounds. */
  readonly transport = new Transport(this);
  readonly snapshots = new Snapshots(this);
  readonly midi = new MidiInput(() => this.changed());
  readonly recording = new Recording(this);
  readonly learn = new MidiLearn(this);
  private readonly files = new Map<string, OpenFile>();
  private readonly turnedBy = new Map<string, Turned>();
  private readonly openedBy = new Map<string, Opened>();
  private latest: { piece: string; turned: Turned } | null = null;
  private live: LiveSocket | null = null;
  private readonly listeners = new Set<() => void>();
  private toSay = "";
  private waiting: ReturnType<typeof setTimeout> | null = null;
  private saving: ReturnType<typeof setTimeout> | null = null;
  private lastHash = "";

  constructor(readonly api = new Api(), private readonly connect?: ConstructorParameters<typeof LiveSocket>[2]) {
    this.player.onChange = () => {
      this.transport.align();
      this.changed();
    };
    api.onAnswer = () => this.settle("server");
  }

  // What is shown.

  get state(): State | null {
    return this.store?.value ?? null;
  }

  get deck(): Deck | null {
    return this.state ? this.state.decks[this.state.side] : null;
  }

  get format(): Format {
    return this.model?.format ?? MELODY;
  }

  /** The format of a model that the server has. */
  private formatOf(model: string): Format {
    return this.info?.models.find(({ name }) => name === model)?.format ?? this.format;
  }

  get opened(): Opened | null {
    return (this.model && this.deck && this.openedBy.get(pieceKey(this.model.name, this.deck.piece))) ?? null;
  }

  /** The knobs that can be turned: of a piece that other models steer too, or alone, those of all of them. */
  get knobs(): readonly Knob[] {
    return this.opened?.knobs ?? this.own;
  }

  /** The name of a knob's model. */
  modelOf(knob: Knob): string {
    return this.info?.models.find(({ model_id }) => model_id === knob.model_id)?.name ?? this.model!.name;
  }

  /** What the deck sounds like; while the answer to the newest move is under way, the one before. */
  get result(): Turned | null {
    if (!this.model || !this.deck) return null;
    const exact = this.turnedBy.get(deckKey(this.model.name, this.deck));
    if (exact) return exact;
    return this.latest?.piece === pieceKey(this.model.name, this.deck.piece) ? this.latest.turned : null;
  }

  /** The steps whose notes are older than the knobs, while that lasts for more than a moment. */
  get pending(): readonly Range[] {
    if (!this.computing) return [];
    return this.result?.pending?.length ? this.result.pending : [[0, this.steps]];
  }

  /** Notes that would be heard now. */
  get notes(): readonly Note[] {
    return this.heard?.notes ?? this.result?.notes ?? this.deck?.piece.notes ?? [];
  }

  get steps(): number {
    const shown = this.heard ?? this.deck?.piece;
    return shown ? whole(shown, this.format).steps : this.format.steps;
  }

  /** The time signatures of what is heard. */
  get stretches(): readonly Stretch[] {
    return (this.heard ?? this.deck?.piece)?.stretches ?? [];
  }

  /** The file of the deck that is heard; null where it came from none, or from one that this page no longer has. */
  get file(): OpenFile | null {
    return (this.deck && this.files.get(JSON.stringify(this.deck.piece.source))) ?? null;
  }

  keepFile(source: Source, file: OpenFile): void {
    keep(this.files, JSON.stringify(source), file);
    if (source.kind === "midi") void keepFile(source.sha256, file.data);
  }

  /** Reads the files of both decks again, where this browser has kept them. */
  private async recallFiles(): Promise<void> {
    const { state } = this;
    for (const { piece: { source } } of state ? [state.decks.a, state.decks.b] : []) {
      if (source.kind !== "midi" || this.files.has(JSON.stringify(source))) continue;
      const data = await keptFile(source.sha256);
      if (!data) continue;
      try {
        const { piece, accompaniment } = await this.api.read(state!.model, fromBase64(data), { file: source.file, ...source.options });
        this.keepFile(piece.source, { data, accompaniment });
      } catch {
        // It can be opened again by hand, and the page says so.
      }
      this.moved();
    }
  }

  /** What a piece is called: an example has a title. */
  titleOf(piece: Piece): string {
    const { source, name } = piece;
    return (source.kind === "example" && this.info?.examples.find((example) => example.name === source.name)?.title) || name;
  }

  /** Places of a knob's colour; the reserved knobs share one. */
  hue(name: string | null): number {
    const at = this.knobs.filter((knob) => !knob.reserved).findIndex((knob) => knob.name === name);
    return at < 0 ? 7 : at % 7;
  }

  /** A deck with the tempo of the page, as it is exported. */
  exported(deck: Deck): Deck {
    return { ...deck, piece: { ...deck.piece, tempo: this.state!.tempo } };
  }

  gridRequest(): GridRequest {
    const { decks, grid } = this.state!;
    return { a: this.exported(decks.a), b: this.exported(decks.b), ...grid };
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  changed(): void {
    for (const listener of this.listeners) listener();
  }

  say(text: string): void {
    this.said = text;
    this.changed();
  }

  /** Tells what went wrong; `settle` with the same cause takes it away again. */
  fail(error: unknown, cause: Cause = "other"): void {
    if (error instanceof DOMException && error.name === "AbortError") return;
    const known = error instanceof ApiError || error instanceof LinkError;
    const away = error instanceof ApiError && error.code === OFFLINE;
    this.notice = { kind: "error", text: known ? error.message : "This page failed. Reload it: your work is kept in the address.", cause: away ? "server" : cause };
    if (!known) console.error(error);
    this.changed();
  }

  dismiss(): void {
    this.notice = null;
    this.changed();
  }

  /** Something has succeeded: what was told of its failure is over. */
  settle(cause: Cause): void {
    if (this.notice?.cause === cause) this.dismiss();
  }

  // Start.

  /** Asks the server for what it has, until it answers, and opens what the address or the first example says. */
  async start(hash: string): Promise<void> {
    for (;;) {
      try {
        this.info = await this.api.info();
        break;
      } catch (error) {
        this.fail(error, "server");
        await new Promise((done) => setTimeout(done, 2000));
      }
    }
    try {
      this.store = new Store(await this.fromAddress(hash) ?? await this.fresh(this.info.model));
    } catch (error) {
      this.fail(error);
      return;
    }
    this.store.subscribe(() => this.moved());
    await this.useModel(this.store.value.model);
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.live = new LiveSocket(`${scheme}//${location.host}/api/v1/live`, {
      opened: (key, opened) => { keep(this.openedBy, key, opened); this.changed(); },
      turned: (key, turned, latency) => this.arrived(key, turned, latency),
      failed: (message) => {
        this.notice = { kind: "error", text: message, cause: "move" };
        this.answered();
        this.changed();
      },
      status: (status) => this.connected(status),
      clock: (server, asked, heard) => this.room?.clock.heard(server, asked, heard),
      room: (frame) => {
        if (frame.type === "shared") this.room ??= this.enter();
        this.room?.receive(frame);
      },
    }, this.connect);
    this.live.start();
    this.moved();
    await this.recallFiles();
    await this.learn.resume();
  }

  /** Opens another link in the same page. */
  async follow(hash: string): Promise<void> {
    if (hash === this.lastHash || !this.store) return;
    const state = await this.fromAddress(hash);
    if (!state) return;
    this.store.commit(state, "a link");
    await this.useModel(state.model);
    await this.recallFiles();
  }

  private async fromAddress(hash: string): Promise<State | null> {
    if (hash.length < 2) return null;
    try {
      const state = fromHash(hash);
      if (!this.info!.models.some(({ name }) => name === state.model)) {
        throw new LinkError(`The link needs the model ${state.model}, which this server does not have; the page starts with the example.`);
      }
      return state;
    } catch (error) {
      this.fail(error);
      return null;
    }
  }

  private async fresh(model: string): Promise<State> {
    const piece = await this.api.example(this.info!.examples[0]!.name);
    return {
      model, side: "a", tempo: Math.min(TEMPO.high, Math.max(TEMPO.low, Math.round(piece.tempo))), loop: true, range: null, follow: "bar", locks: [], draft: NO_DRAFT,
      decks: { a: deckOf(piece), b: deckOf(piece) }, grid: { size: 5, rows: "", columns: "", rest: "mean" },
    };
  }

  private async useModel(name: string): Promise<void> {
    this.model = this.info!.models.find((model) => model.name === name) ?? null;
    this.player.kit = this.format.drums;
    try {
      this.own = await this.api.knobs(name);
    } catch (error) {
      this.own = [];
      this.fail(error);
    }
    const state = this.store!.value;
    const accepted = this.own.filter((knob) => !knob.reserved && knob.verdict === "accepted").map((knob) => knob.name);
    const usable = accepted.length ? accepted : this.own.filter((knob) => !knob.reserved).map((knob) => knob.name);
    const known = new Set(usable);
    if (!known.has(state.grid.rows) || !known.has(state.grid.columns)) {
      const grid = { ...state.grid, rows: usable[0] ?? "", columns: usable[1] ?? usable[0] ?? "" };
      this.store!.amend({ ...state, grid });
    }
    this.moved();
  }

  // Moves: each is one step of the history.

  commit(state: State, label: string): void {
    this.store?.commit(state, label);
  }

  /** A knob under the hand. */
  turn(name: string, amount: number): void {
    const { state, deck } = this;
    if (!state || !deck) return;
    this.turning = name;
    this.heard = null;
    this.store!.preview(withDeck(state, state.side, withKnob(deck, placed(name, this.bars), amount)));
  }

  /** A knob let go. */
  set(name: string, amount: number): void {
    const { state, deck } = this;
    if (!state || !deck) return;
    const knob = this.knobs.find((one) => one.name === name);
    this.turning = name;
    this.heard = null;
    const words = knob && onOff(knob) ? (amount ? "on" : "off") : inWords(amount, knob?.unit ?? "", knob?.says);
    this.toSay = `${knob?.label ?? name}: ${words}.`;
    const where = this.bars ? ` in bars ${this.bars}` : "";
    this.commit(withDeck(state, state.side, withKnob(deck, placed(name, this.bars), amount)), `${knob?.label ?? name} ${signed(amount)} ${unitFor(amount, knob?.unit ?? "")}${where}`);
    this.sayResult();
  }

  resetKnobs(): void {
    const { state, deck } = this;
    if (!state || !deck) return;
    const knobs = Object.fromEntries(Object.entries(deck.knobs).filter(([name]) => state.locks.includes(name)));
    this.heard = null;
    this.commit(withDeck(state, state.side, { knobs }), "all knobs to 0");
    this.say("All knobs except locked ones are at 0.");
  }

  /** Turns a few knobs by chance: accepted ones that are not locked. All others go to 0. */
  surprise(seed = Math.floor(Math.random() * SEEDS)): void {
    const { state, deck } = this;
    if (!state || !deck) return;
    const kept = Object.entries(deck.knobs).filter(([name]) => state.locks.includes(name));
    const free = this.knobs.filter((knob) => !knob.reserved && knob.verdict === "accepted" && !state.locks.includes(knob.name));
    const turned = Object.entries({ ...Object.fromEntries(kept), ...surprise(free, seed) });
    const knobs = Object.fromEntries(turned.sort(([a], [b]) => (a < b ? -1 : 1)));
    this.heard = null;
    this.turning = null;
    this.surprised = { seed, deck: JSON.stringify([state.side, knobs]) };
    this.toSay = `Surprise ${seed}.`;
    this.commit(withDeck(state, state.side, { knobs }), `surprise ${seed}`);
    this.sayResult();
  }

  /** The seed of the surprise that stands; null where something was turned since. */
  get surpriseSeed(): number | null {
    const { state, deck, surprised } = this;
    return surprised && surprised.deck === JSON.stringify([state?.side, deck?.knobs]) ? surprised.seed : null;
  }

  /** Whether the model turns clips outside its style too. */
  setByModel(byModel: boolean): void {
    const { state, deck } = this;
    if (!state || !deck) return;
    this.heard = null;
    this.commit(withDeck(state, state.side, { piece: { ...deck.piece, by_model: byModel } }), byModel ? "all by the model" : "by rule outside the style");
  }

  lock(name: string, locked: boolean): void {
    const { state } = this;
    if (!state) return;
    const locks = locked ? [...state.locks, name].sort() : state.locks.filter((other) => other !== name);
    this.commit({ ...state, locks }, `${name} ${locked ? "locked" : "unlocked"}`);
  }

  load(piece: Piece, label: string): void {
    const { state, deck } = this;
    if (!state || !deck) return;
    const knobs = Object.fromEntries(Object.entries(deck.knobs).filter(([name]) => state.locks.includes(name)));
    const tempo = Math.min(TEMPO.high, Math.max(TEMPO.low, Math.round(piece.tempo)));
    this.heard = null;
    this.notice = null;
    this.bars = "";
    this.transport.cursor = null;
    if (this.shares) return this.room!.load(piece);
    this.commit({ ...withDeck(state, state.side, { piece, knobs }), tempo, range: null }, label);
    this.say(`${this.titleOf(piece)} is open as ${state.side.toUpperCase()}.`);
  }

  flip(side: Side): void {
    const { state } = this;
    if (!state || state.side === side) return;
    this.heard = null;
    this.commit({ ...state, side }, `switch to ${side.toUpperCase()}`);
    this.say(`${side.toUpperCase()}: ${this.titleOf(state.decks[side].piece)}.`);
  }

  /** The deck that is heard, copied over the other. */
  copyOver(): void {
    const { state, deck } = this;
    if (!state || !deck) return;
    const other: Side = state.side === "a" ? "b" : "a";
    this.commit(withDeck(state, other, deck), `${state.side.toUpperCase()} copied to ${other.toUpperCase()}`);
    this.say(`${state.side.toUpperCase()} was copied to ${other.toUpperCase()}.`);
  }

  undo(): void {
    if (this.shares) return this.room!.trigger("undo");
    const label = this.store?.undo();
    this.heard = null;
    this.modelBack();
    this.say(label ? `Undone: ${label}.` : "There is nothing to undo.");
  }

  redo(): void {
    if (this.shares) return this.room!.trigger("redo");
    const label = this.store?.redo();
    this.heard = null;
    this.modelBack();
    this.say(label ? `Redone: ${label}.` : "There is nothing to redo.");
  }

  async pickModel(name: string): Promise<void> {
    const { state } = this;
    if (!state || name === state.model) return;
    this.commit({ ...state, model: name }, `the model ${name}`);
    await this.useModel(name);
  }

  private modelBack(): void {
    if (this.state && this.state.model !== this.model?.name) void this.useModel(this.state.model);
  }

  // Sound.

  // A session that is shared, bars and snapshots.

  /** Whether what is heard is the shared session's. */
  get shares(): boolean {
    return this.room !== null && this.state?.side === SIDE;
  }

  /** Tells a shared session whether it sounds, and from where if that is no beginning. */
  tellPlaying(playing: boolean, from: number | null = null): void {
    if (!this.shares || (playing && this.heard) || Boolean(this.room!.values["play"]) === playing) return;
    this.room!.set({ play: playing, ...(playing && from !== null ? { position: from } : {}) });
  }

  private enter(): Room {
    setInterval(() => this.room?.look(), LOOK);
    return new Room({
      send: (message) => this.live?.tell(message) ?? 0,
      piece: (frame) => void this.enterPiece(frame),
      show: (change) => this.store && this.store.amend(change(this.store.value)),
      music: (settings, turned) => {
        const { state } = this;
        if (state) this.arrived(deckKey(state.model, { ...state.decks[SIDE], ...settings }), turned, null);
      },
      play: (playing) => {
        if (!this.shares || playing === this.player.playing) return;
        if (playing) this.transport.play();
        else this.transport.stop();
      },
      moved: () => this.transport.align(),
      format: (name) => this.formatOf(name),
      fail: (text) => { this.notice = { kind: "error", text, cause: "move" }; this.changed(); },
    });
  }

  private async enterPiece({ model, piece, file, opened }: SharedFrame): Promise<void> {
    const state = this.room!.shown(withDeck({ ...this.state!, model, side: SIDE }, SIDE, { piece }));
    keep(this.openedBy, pieceKey(model, piece), opened);
    if (file && piece.source.kind === "midi" && !this.files.has(JSON.stringify(piece.source))) this.keepFile(piece.source, { data: file, accompaniment: { timbre: "", timbres: [], sounds: [] } });
    this.bars = "";
    this.store!.amend(state);
    if (this.model?.name !== model) await this.useModel(model);
  }

  /** Turns these bars from now on, "" = all; gives whether they are bars. */
  chooseBars(text: string, tell = true): boolean {
    const found = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(text);
    const last = found?.[2] ?? found?.[1];
    if (text && (!found || Number(found[1]) < 1 || Number(last) < Number(found[1]))) {
      this.say("Write the first and the last bar, as 5-8.");
      return false;
    }
    const bars = found ? `${Number(found[1])}-${Number(last)}` : "";
    const own = this.deck ? barsOfPiece(whole(this.deck.piece, this.format), this.format) : [];
    if (bars && own.length && !stepsOf(bars, own, this.steps)) {
      const [low, high] = [own[0]!.number, own.at(-1)!.number];
      this.say(`The piece has ${low === 1 ? `${high} bar${high > 1 ? "s" : ""}` : barWords([low, high]).toLowerCase()}.`);
      return false;
    }
    this.bars = bars;
    if (tell) this.say(this.bars ? `Knobs turn bars ${this.bars}.` : "Knobs turn the whole piece.");
    return true;
  }

  /** What a knob shows. */
  amountOf(name: string): number {
    return shownAmount(this.deck?.knobs ?? {}, name, this.bars);
  }

  /** Whether the bars that are chosen have knobs of their own. */
  get barsTurned(): boolean {
    return Object.keys(this.deck?.knobs ?? {}).some((name) => name.endsWith(`@${this.bars}`));
  }

  /** The bars that are chosen follow the piece again. */
  resetBars(): void {
    const { state, deck } = this;
    if (!state || !deck) return;
    const knobs = Object.fromEntries(Object.entries(deck.knobs).filter(([name]) => !name.endsWith(`@${this.bars}`)));
    this.commit(withDeck(state, state.side, { knobs }), `bars ${this.bars} as the piece`);
  }

  /** What a project file is to hold. */
  project(): ProjectRequest {
    const { loop, range } = this.state!;
    const loop_bars = range ? barsOf(range, barsOfPiece(whole(this.deck!.piece, this.format), this.format)) : "";
    return { state: this.exported(this.deck!), snapshots: this.snapshots.own, loop, loop_bars, file: this.file?.data ?? null };
  }

  async openProject(project: OpenedProject): Promise<void> {
    const { model, piece, settings, snapshots, tempo, loop, loop_bars, file, accompaniment } = project;
    if (file) this.keepFile(piece.source, { data: file, accompaniment });
    if (project.shared) return;
    const { state } = this;
    this.bars = "";
    this.heard = null;
    this.notice = null;
    this.snapshots.own = Object.fromEntries(Object.entries(snapshots).map(([name, one]) => [name, { ...one, like: one.like ?? null }]));
    const format = this.formatOf(model);
    const padded = whole(piece, format);
    const range = stepsOf(loop_bars, barsOfPiece(padded, format), padded.steps);
    this.commit({ ...withDeck(state!, state!.side, { piece, ...settings, like: settings.like ?? null }), model, tempo, loop, range }, "a project");
    await this.useModel(model);
    this.say(`${this.titleOf(piece)} is open as ${state!.side.toUpperCase()}.`);
  }

  /** Plays notes of the grid in place of the deck's; null goes back. */
  hear(heard: Passage | null): void {
    this.heard = heard;
    if (heard) this.transport.play();
    else if (this.player.playing) this.player.replace(this.transport.melody, "once");
    this.changed();
  }

  /** Shows notes of the grid without a sound; null goes back. */
  look(looked: Passage | null): void {
    if (looked === this.looked) return;
    this.looked = looked;
    this.changed();
  }

  // What follows from a change.

  private moved(): void {
    const { state, deck, model } = this;
    if (!state || !deck || !model) return;
    this.transport.follow(state);
    const key = deckKey(model.name, deck);
    if (this.shares) this.room!.push(state);
    else if (this.live && state.model === model.name && key !== this.wanted) {
      this.wanted = key;
      this.live.want(model.name, deck, this.transport.lookedAt);
    }
    this.await();
    this.sound();
    this.save();
    this.changed();
  }

  private arrived(key: string, turned: Turned, latency: number | null): void {
    const part = Boolean(turned.pending?.length);
    const { deck, model, result } = this;
    if (!part) {
      keep(this.turnedBy, key, turned);
      this.latency = latency ?? this.latency;
      this.settle("move");
      this.answered();
    }
    if (deck && model) {
      // An answer that was overtaken is still nearer to what is wanted than the one before, if it is of this piece.
      const piece = pieceKey(model.name, deck.piece);
      if (key.startsWith(`${piece.slice(0, -1)},`)) this.latest = { piece, turned: part ? filled(turned, result ?? { ...turned, notes: deck.piece.notes, changed: [] }) : turned };
    }
    this.sound();
    this.sayResult();
    this.changed();
  }

  private connected(status: LiveStatus): void {
    this.status = status;
    if (status === "live") {
      this.settle("server");
      if (!this.own.length && this.state) void this.useModel(this.state.model);
    }
    this.await();
    this.changed();
  }

  /** Notes that are older than the knobs are marked as such when the answer takes a moment. */
  private await(): void {
    const { deck, model } = this;
    if (!deck || !model || this.status !== "live" || this.turnedBy.has(deckKey(model.name, deck))) this.answered();
    else this.waiting ??= setTimeout(() => { this.computing = true; this.changed(); }, MOMENT);
  }

  private answered(): void {
    if (this.waiting) clearTimeout(this.waiting);
    this.waiting = null;
    this.computing = false;
  }

  private wanted = "";
  private sounding = "";
  private side: Side = "a";

  private sound(): void {
    if (!this.state) return;
    const key = JSON.stringify([this.notes, this.steps, this.heard ? null : this.deck?.piece.source]);
    if (key === this.sounding) return;
    this.sounding = key;
    const flipped = this.side !== this.state.side;
    this.side = this.state.side;
    if (this.player.playing) this.player.replace(this.transport.melody, flipped ? "once" : this.state.follow);
  }

  private sayResult(): void {
    const { deck, model } = this;
    if (!this.toSay || !deck || !model) return;
    const exact = this.turnedBy.get(deckKey(model.name, deck));
    if (!exact) return;
    this.said = `${this.toSay} ${exact.changed.length} of ${exact.notes.length} notes changed.`;
    this.toSay = "";
  }

  /** The address that opens this page as it stands. */
  address(): string {
    return `${location.origin}${location.pathname}${toHash(this.store!.value)}`;
  }

  private save(): void {
    if (this.saving) clearTimeout(this.saving);
    this.saving = setTimeout(() => this.keepInAddress(), 300); // browsers let a page do this only so often
  }

  /** Writes the state into the address now; also when the page is left. */
  keepInAddress(): void {
    if (!this.store || this.store.previewing) return;
    this.lastHash = toHash(this.store.value);
    try {
      history.replaceState(null, "", this.lastHash);
    } catch {
      // Too often, or too long for this browser: the copied link still has it.
    }
  }
}

function keep<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > KEPT) map.delete(map.keys().next().value!);
}
