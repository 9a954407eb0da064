import { App } from "./app/app.js";
import "./registry/page.js";
import type { State } from "./state.js";

declare global {
  interface Window {
    /** For looking from outside: the state as it stands, what is heard, and the sound. */
    readonly latentknobs: { readonly state: State | null; readonly notes: unknown; readonly playing: boolean; readonly position: number | null; readonly cursor: number | null; readonly computing: boolean; readonly analyser: AnalyserNode | null; readonly status: string; readonly latency: number | null };
  }
}

const page = () => document.querySelector("lk-app") as App;

Object.defineProperty(window, "latentknobs", {
  value: Object.freeze({
    get state() { return page().session.state; },
    get notes() { return page().session.notes; },
    get playing() { return page().session.player.playing; },
    get position() { return page().session.transport.position; },
    get cursor() { return page().session.transport.cursor; },
    get computing() { return page().session.computing; },
    get analyser() { return page().session.player.analyser; },
    get status() { return page().session.status; },
    get latency() { return page().session.latency; },
  }),
});
