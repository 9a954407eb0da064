import { css } from "lit";

/** How a roll looks. */
export const rollStyles = css`
  :host { display: block; --hue: var(--s7); color: var(--s-ink); position: relative; }
  :host([hue="0"]) { --hue: var(--s0); } :host([hue="1"]) { --hue: var(--s1); } :host([hue="2"]) { --hue: var(--s2); }
  :host([hue="3"]) { --hue: var(--s3); } :host([hue="4"]) { --hue: var(--s4); } :host([hue="5"]) { --hue: var(--s5); }
  :host([hue="6"]) { --hue: var(--s6); }
  .box { display: flex; }
  .names { flex: none; }
  .scroll { overflow-x: auto; overflow-y: hidden; flex: 1; min-width: 0; scrollbar-color: var(--s-bar) transparent; }
  svg { display: block; }
  text { fill: var(--s-soft); font: 500 11px var(--sans); user-select: none; }
  .row { fill: var(--s-row); } .c { fill: var(--s-line); }
  .beat { stroke: var(--s-line); } .bar { stroke: var(--s-bar); }
  .ghost { fill: none; stroke: var(--s-ghost); stroke-dasharray: 3 3; }
  .note { fill: var(--s-note); }
  .changed { fill: var(--hue); }
  .mark { fill: var(--screen); }
  .way { fill: var(--s-ink); opacity: 0.07; } .way.alone { opacity: 0.16; } .way.model, .way.octaves { opacity: 0; }
  .edge { stroke: var(--s-soft); stroke-dasharray: 2 4; } .edge.unfamiliar { stroke: var(--s-warn); stroke-width: 3; stroke-dasharray: none; } text.unfamiliar { fill: var(--s-warn); }
  .head { stroke: var(--s-ink); stroke-width: 1.500; }
  .cursor { fill: none; stroke: var(--s-ink); stroke-width: 1.500; }
  .drawing { cursor: crosshair; touch-action: none; }
  .transport { cursor: pointer; } .ruler { fill: transparent; touch-action: pan-y; } .transport .ruler { cursor: text; } .transport .ruler:hover { fill: var(--s-row); }
  .outside { fill: var(--screen); opacity: 0.62; } .looped { fill: var(--s-ink); opacity: 0.16; } .loop-end { stroke: var(--s-ink); stroke-width: 2; }
  .ghost, .note, .mark { pointer-events: none; }
  .note.older, .older + .mark { opacity: 0.4; } .coming { fill: var(--s-ink); opacity: 0.55; }
  .chosen { fill: var(--s-ink); opacity: 0.1; pointer-events: none; } .chosen.top { opacity: 0.15; } .chosen-end { stroke: var(--s-ink); stroke-width: 1.5; stroke-dasharray: 5 3; pointer-events: none; }
  .progress { position: absolute; left: 0; right: 0; top: 0; height: 3px; overflow: hidden; border-radius: 2px; background: var(--s-line); }
  .progress svg { position: absolute; inset: 0; fill: var(--s-ink); }
  .progress:not([aria-valuenow])::after { content: ""; position: absolute; inset: 0 65% 0 0; background: var(--s-ink); animation: slide 1.1s ease-in-out infinite alternate; }
  @keyframes slide { to { transform: translateX(186%); } }
  @media (prefers-reduced-motion: reduce) { .progress:not([aria-valuenow])::after { inset: 0; opacity: 0.7; } }
  .drawing:focus-visible { outline-offset: -2px; }
  @media (forced-colors: active) {
    .note { fill: CanvasText; } .changed { fill: Highlight; } .ghost { stroke: GrayText; } .beat, .bar { stroke: GrayText; }
    .row, .c, .outside { fill: Canvas; } .looped, .coming, .chosen { fill: Highlight; } .loop-end, .chosen-end { stroke: Highlight; } .mark { fill: HighlightText; } .head, .cursor { stroke: CanvasText; } text, text.unfamiliar { fill: CanvasText; } .edge.unfamiliar { stroke: CanvasText; }
  }
`;
