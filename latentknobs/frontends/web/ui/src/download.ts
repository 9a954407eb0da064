/** Saving files and copying text. */
import type { Session } from "./session.js";

export function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export async function saveAs(session: Session, as: "midi" | "musicxml" | "wav" | "grid"): Promise<void> {
  const { model, state, deck } = session;
  if (!model || !state || !deck) return;
  try {
    const { blob, name } = as === "grid" ? await session.api.exportGrid(model.name, session.gridRequest()) : await session.api.export(model.name, session.exported(deck), as, session.alone ? null : (session.file?.data ?? null));
    save(blob, name);
    session.settle("export");
    session.say(`Saved ${name}.`);
  } catch (error) {
    session.fail(error, "export");
  }
}

export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // not allowed here: the text stands on the page, to be copied by hand
  }
}

export async function toBase64(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

export function fromBase64(text: string): Blob {
  return new Blob([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], { type: "application/octet-stream" });
}
