/**
 * One value with its history. `preview` shows a value while a gesture lasts, `commit` ends the gesture as one step
 * that can be undone. Values are never changed in place.
 */
export class Store<T> {
  private past: { value: T; label: string }[] = [];
  private future: { value: T; label: string }[] = [];
  private before: T | null = null;
  private readonly listeners = new Set<() => void>();

  constructor(private now: T, private readonly depth = 200) {}

  get value(): T {
    return this.now;
  }

  get undoLabel(): string | null {
    return this.past.at(-1)?.label ?? null;
  }

  get redoLabel(): string | null {
    return this.future.at(-1)?.label ?? null;
  }

  /** What can be undone, the newest last. */
  get labels(): readonly string[] {
    return this.past.map(({ label }) => label);
  }

  /** Whether a gesture is under way. */
  get previewing(): boolean {
    return this.before !== null;
  }

  /** Shows a value without a step of its own. */
  preview(value: T): void {
    if (this.before === null) this.before = this.now;
    this.set(value);
  }

  /** Ends a gesture, or makes one step at once. A step that changes nothing is none. */
  commit(value: T, label: string): void {
    const before = this.before ?? this.now;
    this.before = null;
    if (JSON.stringify(before) !== JSON.stringify(value)) {
      this.past.push({ value: before, label });
      if (this.past.length > this.depth) this.past.shift();
      this.future = [];
    }
    this.set(value);
  }

  /** Gives up a gesture: what was before it is back. */
  cancel(): void {
    if (this.before === null) return;
    const before = this.before;
    this.before = null;
    this.set(before);
  }

  /** A value that has no history: the first one, or one from a link. */
  reset(value: T): void {
    this.past = [];
    this.future = [];
    this.before = null;
    this.set(value);
  }

  /** Changes the present value without a step: what the page fills in by itself. */
  amend(value: T): void {
    this.before = null;
    this.set(value);
  }

  /** Back by one step; gives its label, or null where there is none. */
  undo(): string | null {
    this.cancel();
    return this.move(this.past, this.future);
  }

  redo(): string | null {
    this.cancel();
    return this.move(this.future, this.past);
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private move(from: { value: T; label: string }[], to: { value: T; label: string }[]): string | null {
    const step = from.pop();
    if (!step) return null;
    to.push({ value: this.now, label: step.label });
    this.set(step.value);
    return step.label;
  }

  private set(value: T): void {
    this.now = value;
    for (const listener of this.listeners) listener();
  }
}
