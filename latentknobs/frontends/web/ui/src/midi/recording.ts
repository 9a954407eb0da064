import { sorted } from "../music.js";
import type { Passage, Session } from "../session.js";
import type { Note } from "../types.js";
import type { Played } from "./input.js";

/** Steps by which a note may sound into the next and still be one voice played legato. */
const LEGATO = 1;

/** What was played: a pitch, and its start and end in steps. */
export interface Stroke {
  pitch: number;
  start: number;
  end: number;
}

/** Strokes on the grid as one voice of so many steps. Starts and ends are rounded separately; of several notes at a time the highest stays. */
export function melodyOf(strokes: readonly Stroke[], steps: number): Note[] {
  const rounded: Note[] = [];
  for (const { pitch, start, end } of strokes) {
    const onset = Math.floor(start + 0.5);
    if (onset >= 0 && onset < steps) rounded.push([onset, pitch, Math.min(steps - onset, Math.max(1, Math.floor(end + 0.5) - onset)), 0]);
  }
  const out: Note[] = [];
  for (const [onset, pitch, length] of sorted(rounded)) {
    const before = out.at(-1);
    const over = before ? before[0] + before[2] - onset : 0;
    if (before && over > 0) {
      const together = before[0] === onset;
      if (!together && over > LEGATO && before[1] > pitch) continue;
      out.pop();
      if (!together) out.push([before[0], before[1], onset - before[0], 0]);
    }
    out.push([onset, pitch, length, 0]);
  }
  return out;
}

/** Records what is played on a MIDI instrument: a bar is counted in, then so many bars go by, then the notes are the page's own melody. */
export class Recording {
  /** Whether it counts in or records. */
  running = false;
  private bars = 0;
  private passage: Passage | null = null;
  private strokes: Stroke[] = [];
  private held = new Map<number, number>();
  private leave: () => void = () => undefined;

  constructor(private readonly session: Session) {}

  /** Asks for MIDI, then begins to count in. */
  async start(bars: number): Promise<void> {
    const { session } = this;
    if (this.running || !session.state || !(await session.midi.open())) return;
    this.running = true;
    this.bars = bars;
    this.strokes = [];
    this.held.clear();
    session.player.stop();
    this.show();
    session.transport.cursor = 0;
    session.transport.follow(session.state);
    session.transport.play();
    const leaves = [session.midi.subscribe((played) => this.hear(played)), session.subscribe(() => this.look())];
    this.leave = () => leaves.forEach((leave) => leave());
    session.say(`One bar is counted in, then ${bars} bars are recorded.`);
  }

  /** Ends it; what was played so far is kept. */
  stop(): void {
    if (this.running) this.finish();
  }

  private get bar(): number {
    const { steps_per_beat: beat, beats_per_bar: beats } = this.session.format;
    return beat * beats;
  }

  /** Where it is, in steps after the count-in; the last step where it has come to its end. */
  private get place(): number {
    return (this.session.player.position() ?? (this.bars + 1) * this.bar) - this.bar;
  }

  private hear(played: Played): void {
    const { session } = this;
    if (played.kind !== "note") return;
    if (played.on) session.player.touch([0, played.pitch, 1, 0]);
    const at = this.place - played.late * (session.state!.tempo / 60) * session.format.steps_per_beat;
    this.end(played.pitch, at);
    if (played.on) this.held.set(played.pitch, at);
    else this.show();
  }

  private end(pitch: number, at: number): void {
    const start = this.held.get(pitch);
    this.held.delete(pitch);
    if (start !== undefined) this.strokes.push({ pitch, start, end: at });
  }

  /** The roll shows what was played so far, after the bar that is counted in. */
  private show(): void {
    const { session, bar } = this;
    const { beats, unit } = session.format;
    const steps = (this.bars + 1) * bar;
    const notes = melodyOf(this.strokes, this.bars * bar).map(([onset, pitch, length, voice]): Note => [onset + bar, pitch, length, voice]);
    this.passage = { notes, steps, name: "recording", stretches: [{ start: 0, steps, beats, unit, bar: 0 }] };
    session.heard = this.passage;
    session.changed();
  }

  /** It ends with the sound, or where another melody is opened. */
  private look(): void {
    const { player, heard } = this.session;
    if (this.running && (heard !== this.passage || !player.playing)) this.finish();
  }

  private finish(): void {
    const { session } = this;
    for (const pitch of [...this.held.keys()]) this.end(pitch, this.place);
    const notes = melodyOf(this.strokes, this.bars * this.bar);
    this.running = false;
    this.leave();
    session.player.stop();
    session.transport.cursor = null;
    if (session.heard === this.passage) session.heard = null;
    this.passage = null;
    session.transport.follow(session.state!);
    if (notes.length) session.commit({ ...session.state!, draft: { notes, end: this.bars * this.bar, clips: 1 } }, "a recording");
    else session.changed();
    session.say(notes.length ? `${notes.length} notes were recorded.` : "Nothing was played, so nothing was recorded.");
  }
}
