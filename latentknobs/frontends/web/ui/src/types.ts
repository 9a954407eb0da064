/** The page's names for what the server and the page exchange; schema.ts is made from the server's own description. */
import type { components } from "./schema.js";

type Schemas = components["schemas"];

/** [onset, pitch, length, voice], in steps of the model's grid. */
export type Note = Piece["notes"][number];
export type Piece = Schemas["PieceMessage"];
export type Source = Piece["source"];
export type Stretch = Piece["stretches"][number];
/** How a file is read. */
export type Reading = Schemas["ReadOptions"];
export type Format = Schemas["FormatFacts"];
export type Model = Schemas["ModelFacts"];
export type Info = Schemas["Info"];
export type Knob = Schemas["KnobFacts"];
export type KnobCard = Schemas["KnobCard"];
/** What is sounded: a piece, its knobs, the seed of the reserved knobs and the knob that they imitate. */
export type Deck = Required<Schemas["State"]>;
export type ClipWindow = Schemas["Window"];
export type Track = Schemas["Track"];
export type Read = Schemas["ReadResponse"];
/** What sounds beside a melody in its file. */
export type Accompaniment = Schemas["AccompanimentFacts"];
/** [start, pitch or drum, length, place of its timbre, gain against the melody's], in steps. */
export type Sound = Accompaniment["sounds"][number];
export type Way = ClipWindow["way"];
export type Opened = Schemas["Opened"];
export type Turned = Schemas["TurnResponse"];
export type GridRequest = Schemas["GridRequest"];
export type Cell = Schemas["Cell"];
export type Snippets = Schemas["Snippets"];
export type RegistryKnob = Schemas["RegistryKnob"];
export type KnobTable = Schemas["KnobTable"];
export type RegistryRun = Schemas["RegistryRun"];
export type RunTable = Schemas["RunTable"];
export type RunCard = Schemas["RunCard"];
export type RegistryValues = Schemas["RegistryValues"];
export type RegistryCard = Schemas["RegistryCard"];
export type ProjectRequest = Schemas["ProjectRequest"];
export type OpenedProject = Schemas["OpenedProject"];
export type Recipe = Schemas["Recipe"];
