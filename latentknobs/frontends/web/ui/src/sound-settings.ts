/** How the page sounds: kept in this browser, and no part of the state that undo and links carry. */
export interface SoundSettings {
  /** The melody's timbre; "" = that of its file. */
  timbre: string;
  /** 0 to 1. */
  volume: number;
  /** How loud the accompaniment is, 0 to 1. */
  accompaniment: number;
  metronome: boolean;
}

export const TIMBRES: Readonly<Record<string, string>> = { "": "as in its file", piano: "electric piano", guitar: "guitar", flute: "flute", organ: "organ", bell: "bell" };
const KEPT = "latentknobs-sound";
const FIRST: SoundSettings = { timbre: "", volume: 1, accompaniment: 0.8, metronome: false };

export function readSound(): SoundSettings {
  try {
    const { timbre, volume, accompaniment, metronome } = JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Partial<SoundSettings>;
    return {
      timbre: typeof timbre === "string" && timbre in TIMBRES ? timbre : FIRST.timbre,
      volume: level(volume, FIRST.volume),
      accompaniment: level(accompaniment, FIRST.accompaniment),
      metronome: metronome === true,
    };
  } catch {
    return FIRST;
  }
}

export function keepSound(settings: SoundSettings): void {
  try {
    localStorage.setItem(KEPT, JSON.stringify(settings));
  } catch {
    // Storage may be off: the choice lasts as long as the page.
  }
}

function level(value: unknown, otherwise: number): number {
  return typeof value === "number" && value >= 0 && value <= 1 ? value : otherwise;
}
