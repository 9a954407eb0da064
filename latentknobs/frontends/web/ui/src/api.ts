import type { Cell, Deck, GridRequest, Info, Knob, KnobCard, KnobTable, OpenedProject, Piece, ProjectRequest, Read, Recipe, RegistryCard, RegistryValues, RunCard, RunTable, Snippets, Track, Turned } from "./types.js";

/** What went wrong, in words for the person at the page. */
export class ApiError extends Error {
  constructor(message: string, readonly code: string, readonly status: number, readonly tracks: readonly Track[] = []) {
    super(message);
  }
}

/** The code of a server that does not answer. */
export const OFFLINE = "offline";

type Plain = string | number | boolean | null | undefined;
export type Query = Record<string, Plain | readonly string[]>;

/** The HTTP half of the server's API, version 1. Every method raises ApiError with a sentence that says what to do. */
export class Api {
  /** Called when the server has answered, whatever it said. */
  onAnswer: () => void = () => undefined;

  constructor(private readonly base = "/api/v1", private readonly get = globalThis.fetch.bind(globalThis)) {}

  info = (): Promise<Info> => this.json("/info");
  example = (name: string): Promise<Piece> => this.json(`/examples/${encodeURIComponent(name)}`);
  melody = (model: string): Promise<Piece> => this.json(`/models/${encodeURIComponent(model)}/melody`);
  knobs = (model: string): Promise<readonly Knob[]> => this.json(`/models/${encodeURIComponent(model)}/knobs?all=true`);
  knob = (model: string, name: string, amount?: number): Promise<KnobCard> =>
    this.json(`/models/${encodeURIComponent(model)}/knobs/${encodeURIComponent(name)}${query({ amount })}`);
  read = (model: string, body: Blob, options: Query): Promise<Read> =>
    this.json(`/models/${encodeURIComponent(model)}/read${query(options)}`, {
      method: "POST",
      body,
      headers: { "Content-Type": "audio/midi" },
    });
  grid = (model: string, request: GridRequest, signal?: AbortSignal): Promise<{ cells: readonly (readonly Cell[])[] }> =>
    this.post(model, "grid", request, signal);
  recipe = (model: string, of: { state: Deck; file: string | null } | { grid: GridRequest }): Promise<Recipe> => this.post(model, "recipe", of);
  turn = (model: string, state: Deck, signal?: AbortSignal): Promise<Turned> => this.post(model, "turn", state, signal);
  registryKnobs = (filters: Query, signal?: AbortSignal): Promise<KnobTable> => this.json(`/registry/table/knobs${query(filters)}`, { signal: signal ?? null });
  registryRuns = (filters: Query, signal?: AbortSignal): Promise<RunTable> => this.json(`/registry/table/runs${query(filters)}`, { signal: signal ?? null });
  registryKnob = (id: string, signal?: AbortSignal): Promise<RegistryCard> => this.json(`/registry/knobs/${path(id)}`, { signal: signal ?? null });
  registryRun = (run: string, signal?: AbortSignal): Promise<RunCard> => this.json(`/registry/runs/${path(run)}`, { signal: signal ?? null });
  registryValues = (): Promise<RegistryValues> => this.json("/registry/values");
  registrySeen = (ids: readonly string[], signal?: AbortSignal): Promise<Snippets> => this.json(`/registry/seen?${new URLSearchParams(ids.map((id) => ["knob", id]))}`, { signal: signal ?? null });
  registryFile = (name: "csv" | "exchange", filters: Query): Promise<{ blob: Blob; name: string }> => this.saved(`/registry/${name}${query(filters)}`, name);
  export = (model: string, state: Deck, as: "midi" | "musicxml" | "wav", file: string | null): Promise<{ blob: Blob; name: string }> =>
    this.file(model, "export", { state, as, file }, `melody.${as === "midi" ? "mid" : as}`);
  exportGrid = (model: string, request: GridRequest): Promise<{ blob: Blob; name: string }> =>
    this.file(model, "export/grid", request, "grid.zip");

  saveProject = (model: string, request: ProjectRequest): Promise<{ blob: Blob; name: string }> => this.file(model, "project", request, "song.lkproject");
  openProject = (model: string, body: Blob): Promise<OpenedProject> =>
    this.json(`/models/${encodeURIComponent(model)}/project/read`, { method: "POST", body, headers: { "Content-Type": "application/json" } });

  private async json<T>(path: string, init?: RequestInit): Promise<T> {
    return (await (await this.call(path, init)).json()) as T;
  }

  private post<T>(model: string, verb: string, body: unknown, signal?: AbortSignal): Promise<T> {
    return this.json(`/models/${encodeURIComponent(model)}/${verb}`, { ...jsonBody(body), signal: signal ?? null });
  }

  private file(model: string, verb: string, body: unknown, fallback: string) {
    return this.saved(`/models/${encodeURIComponent(model)}/${verb}`, fallback, jsonBody(body));
  }

  private async saved(path: string, fallback: string, init?: RequestInit) {
    const answer = await this.call(path, init);
    const header = answer.headers.get("Content-Disposition") ?? "";
    const name = /filename\*?=(?:UTF-8'')?"?([^";]+)"?/i.exec(header)?.[1];
    return { blob: await answer.blob(), name: name ? safeDecode(name) : fallback };
  }

  private async call(path: string, init?: RequestInit): Promise<Response> {
    let answer: Response;
    try {
      answer = await this.get(this.base + path, init);
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw new ApiError("The server does not answer. Is 'latentknobs serve' still running? Start it again; this page keeps your work.", OFFLINE, 0);
    }
    this.onAnswer();
    if (answer.ok) return answer;
    let code = "failed";
    let tracks: Track[] = [];
    let message = `The server answered ${answer.status}. Try again; if it stays so, restart 'latentknobs serve'.`;
    try {
      const said = (await answer.json()) as { error?: { code?: string; message?: string; tracks?: Track[] } };
      code = said.error?.code ?? code;
      message = said.error?.message ?? message;
      tracks = said.error?.tracks ?? [];
    } catch {
      // No JSON: the sentence above says what is known.
    }
    throw new ApiError(message, code, answer.status, tracks);
  }
}

/** A path, each of its parts encoded. */
export function path(text: string): string {
  return text.split("/").map(encodeURIComponent).join("/");
}

function query(options: Query): string {
  const each = Object.entries(options).flatMap(([key, value]) => (Array.isArray(value) ? value : [value]).map((one: Plain) => [key, one] as const));
  const parts = each.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return parts.length ? `?${new URLSearchParams(parts.map(([key, value]) => [key, String(value)]))}` : "";
}

function jsonBody(body: unknown): RequestInit {
  return { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
}

function safeDecode(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
