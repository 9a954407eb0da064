/** A note or a controller of an instrument that is plugged in; `late` is how many seconds ago that was. */
export type Played =
  | { kind: "note"; pitch: number; on: boolean; late: number }
  | { kind: "control"; channel: number; number: number; value: number; late: number };

const MOST_LATE = 1;

/** The MIDI instruments that the browser sees. It is asked for them at the first `open`, since it then asks the person. */
export class MidiInput {
  /** The instruments, by name. */
  names: readonly string[] = [];
  /** Why there are none, "" = there are some, or nobody has asked. */
  trouble = "";
  private access: MIDIAccess | null = null;
  private readonly listeners = new Set<(played: Played) => void>();

  /** `changed` is called when an instrument comes or goes. */
  constructor(private readonly changed: () => void = () => undefined, private readonly browser: Pick<Navigator, "requestMIDIAccess"> = navigator) {}

  /** Hears what is played; gives a function that ends it. */
  subscribe(listener: (played: Played) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Asks the browser; gives whether it lets this page hear MIDI. */
  async open(): Promise<boolean> {
    if (!this.access) {
      if (!this.browser.requestMIDIAccess) return this.refused(globalThis.isSecureContext === false ? "Browsers let a page hear MIDI only on this machine (127.0.0.1) or over HTTPS." : "This browser has no Web MIDI. Chrome, Edge and Firefox have it; or run latentknobs serve web,midi.");
      try {
        this.access = await this.browser.requestMIDIAccess();
      } catch (error) {
        const denied = error instanceof DOMException && ["NotAllowedError", "SecurityError"].includes(error.name);
        return this.refused(denied ? "The browser does not let this page hear MIDI. Allow MIDI for it in the browser's site settings, then try again." : "The browser found no MIDI on this machine. Plug an instrument in and try again.");
      }
      this.access.onstatechange = () => this.look();
    }
    this.look();
    return true;
  }

  private refused(trouble: string): boolean {
    this.trouble = trouble;
    this.changed();
    return false;
  }

  private look(): void {
    const inputs = [...this.access!.inputs.values()].filter(({ state }) => state === "connected");
    for (const input of inputs) input.onmidimessage = (event) => this.hear(event);
    this.names = inputs.map(({ name }) => name ?? "unnamed");
    this.trouble = inputs.length ? "" : "No MIDI instrument is plugged in. One that is plugged in now is heard at once.";
    this.changed();
  }

  private hear(event: MIDIMessageEvent): void {
    const [status, first, second] = event.data ?? [];
    if (status === undefined || first === undefined || second === undefined || first > 127 || second > 127) return;
    const late = Math.min(MOST_LATE, Math.max(0, (performance.now() - event.timeStamp) / 1000));
    const kind = status & 0xf0;
    if (kind === 0x80 || kind === 0x90) this.tell({ kind: "note", pitch: first, on: kind === 0x90 && second > 0, late });
    else if (kind === 0xb0) this.tell({ kind: "control", channel: status & 0x0f, number: first, value: second, late });
  }

  private tell(played: Played): void {
    for (const listener of this.listeners) listener(played);
  }
}
