/** What the registry's page shows, as the address has it: reload, back, forward and a copied link all lead there. */
import { path } from "../api.js";

/** Filters of knobs, as the server names them. */
export const FILTERS = ["name", "where", "verdict", "model", "augmentation", "moves", "kind", "uses", "effect", "tag", "corpus", "seed", "plugin", "since", "until", "run", "history"] as const;
/** Of these, any of several values will do. */
export const SEVERAL = new Set<FilterName>(["verdict", "augmentation", "kind", "tag", "corpus", "seed", "plugin", "run"]);
/** Those that are of runs. */
export const RUN_FILTERS = ["model", "augmentation", "corpus", "seed", "plugin", "since", "until"] as const;
export const SORTS = ["name", "model", "verdict", "effect", "share", "dimensions", "date"] as const;
export type FilterName = (typeof FILTERS)[number];
export type Sort = (typeof SORTS)[number];
export type Filters = Readonly<Partial<Record<FilterName, readonly string[]>>>;
export const MOST_COMPARED = 4;

export interface KnobsView {
  readonly kind: "knobs";
  readonly filters: Filters;
  readonly sort: Sort | null;
  readonly reverse: boolean;
  readonly page: number;
  /** Knobs that are picked to be compared. */
  readonly picked: readonly string[];
}
export type View =
  | KnobsView
  | { readonly kind: "knob"; readonly id: string; readonly amount: number | null }
  | { readonly kind: "compare"; readonly ids: readonly string[] }
  | { readonly kind: "runs"; readonly filters: Pick<Filters, (typeof RUN_FILTERS)[number]>; readonly page: number }
  | { readonly kind: "run"; readonly run: string };

export const ALL: KnobsView = { kind: "knobs", filters: {}, sort: null, reverse: false, page: 1, picked: [] };

export function read(url: URL): View {
  const parts = url.pathname.split("/").slice(2).map(decoded);
  const { searchParams: asked } = url;
  const page = Math.max(1, Math.floor(Number(asked.get("page"))) || 1);
  const [what = "", ...rest] = parts;
  if (what === "knobs" && rest.length) return { kind: "knob", id: rest.join("/"), amount: asked.has("amount") && Number.isFinite(Number(asked.get("amount"))) ? Number(asked.get("amount")) : null };
  if (what === "runs" && rest[0]) return { kind: "run", run: rest[0] };
  if (what === "runs") return { kind: "runs", filters: given(asked, RUN_FILTERS), page };
  if (what === "compare") return { kind: "compare", ids: asked.getAll("knob").slice(0, MOST_COMPARED) };
  const sort = asked.get("sort") as Sort | null;
  return { kind: "knobs", filters: given(asked, FILTERS), sort: sort && SORTS.includes(sort) ? sort : null, reverse: asked.get("reverse") === "true", page, picked: asked.getAll("pick").slice(0, MOST_COMPARED) };
}

export function write(view: View): string {
  const asked = new URLSearchParams();
  if (view.kind === "knob") {
    if (view.amount !== null) asked.set("amount", String(view.amount));
    return `/registry/knobs/${path(view.id)}${text(asked)}`;
  }
  if (view.kind === "run") return `/registry/runs/${path(view.run)}`;
  if (view.kind === "compare") {
    for (const id of view.ids) asked.append("knob", id);
    return `/registry/compare${text(asked)}`;
  }
  for (const [name, values] of Object.entries(view.filters)) for (const value of values ?? []) asked.append(name, value);
  if (view.kind === "knobs") {
    if (view.sort) asked.set("sort", view.sort);
    if (view.reverse) asked.set("reverse", "true");
  }
  if (view.page > 1) asked.set("page", String(view.page));
  if (view.kind === "knobs") for (const id of view.picked) asked.append("pick", id);
  return `/registry${view.kind === "runs" ? "/runs" : ""}${text(asked)}`;
}

/** A view of knobs as the server is asked for it; a name without an asterisk is looked for anywhere in names. */
export function query(view: KnobsView): Record<string, string | boolean | null | readonly string[]> {
  const { name: [name] = [], ...others } = view.filters;
  return { ...others, name: !name ? null : name.includes("*") ? name : `*${name}*`, sort: view.sort, reverse: view.reverse || null };
}

function given<T extends FilterName>(asked: URLSearchParams, names: readonly T[]): Partial<Record<T, readonly string[]>> {
  const values = (name: T) => asked.getAll(name).filter(Boolean).slice(0, SEVERAL.has(name) ? 100 : 1);
  return Object.fromEntries(names.flatMap((name) => (values(name).length ? [[name, values(name)]] : []))) as unknown as Partial<Record<T, readonly string[]>>;
}

function text(asked: URLSearchParams): string {
  const out = asked.toString();
  return out && `?${out}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
