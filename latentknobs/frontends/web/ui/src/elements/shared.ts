import { css, svg } from "lit";

/** What every element of the page looks like: buttons, fields, focus, hidden text. */
export const shared = css`
  *, *::before, *::after { box-sizing: border-box; }
  :host { font: inherit; color: inherit; }
  [hidden] { display: none !important; }
  :focus { outline: none; }
  :focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
  .hidden { position: absolute; width: 1px; height: 1px; margin: -1px; padding: 0; overflow: hidden; clip-path: inset(50%); white-space: nowrap; border: 0; }
  button, select, input, textarea { font: inherit; color: inherit; }
  .button, select, .field {
    min-height: 44px; padding: 0 14px; border: 1px solid var(--line); border-radius: 10px;
    background: var(--raise); color: var(--ink);
  }
  .button { display: inline-flex; align-items: center; justify-content: center; gap: 8px; cursor: pointer; font-weight: 500; white-space: nowrap; text-decoration: none; }
  .button:hover { border-color: var(--edge); }
  .button:active { transform: translateY(1px); }
  .button[disabled], .button[aria-disabled="true"] { opacity: 0.55; cursor: not-allowed; }
  .button.plain { background: transparent; border-color: transparent; }
  .button.plain:hover { background: var(--raise); border-color: var(--line); }
  .button.square { width: 44px; padding: 0; flex: none; }
  .button.main { background: var(--ink); color: var(--panel); border-color: var(--ink); }
  .button[aria-pressed="true"]:not(.main) { border-color: var(--ink); box-shadow: inset 0 0 0 1px var(--ink); }
  select { max-width: 100%; padding-right: 8px; cursor: pointer; }
  svg.icon { width: 20px; height: 20px; flex: none; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
  svg.icon .solid { fill: currentColor; stroke: none; }
  h2 { margin: 0; font-size: 17px; font-weight: 600; letter-spacing: -0.01em; }
  h3 { margin: 0; font-size: 14px; font-weight: 600; }
  p { margin: 0; }
  .soft { color: var(--soft); }
  .small { font-size: 13px; }
  .row { display: flex; flex-wrap: wrap; align-items: center; gap: 10px; }
  .check { display: inline-flex; align-items: center; gap: 10px; min-height: 44px; cursor: pointer; }
  .check input { width: 20px; height: 20px; margin: 0; accent-color: var(--ink); flex: none; }
  @media (forced-colors: active) { [aria-pressed="true"], [role="radio"][aria-checked="true"] { forced-color-adjust: none; background: Highlight !important; color: HighlightText !important; } }
  @media (prefers-reduced-motion: reduce) { *, *::before, *::after { transition: none !important; animation: none !important; scroll-behavior: auto !important; } }
`;

const ICONS = {
  play: svg`<path class="solid" d="M7 4.500v15l12.500-7.500z"/>`,
  stop: svg`<rect class="solid" x="6" y="6" width="12" height="12" rx="1.500"/>`,
  loop: svg`<path d="M17 3l3 3-3 3M20 6H8a4 4 0 0 0-4 4v1M7 21l-3-3 3-3M4 18h12a4 4 0 0 0 4-4v-1"/>`,
  undo: svg`<path d="M8 5L4 9l4 4M4 9h10a5.500 5.500 0 0 1 0 11h-3"/>`,
  redo: svg`<path d="M16 5l4 4-4 4M20 9H10a5.500 5.500 0 0 0 0 11h3"/>`,
  lock: svg`<rect x="5" y="11" width="14" height="9" rx="2"/><path d="M8 11V8a4 4 0 0 1 8 0v3"/>`,
  unlock: svg`<rect x="5" y="11" width="14" height="9" rx="2"/><path d="M8 11V7a4 4 0 0 1 7.700-1.500"/>`,
  dice: svg`<rect x="4" y="4" width="16" height="16" rx="3"/><circle class="solid" cx="9" cy="9" r="1.500"/><circle class="solid" cx="15" cy="15" r="1.500"/><circle class="solid" cx="15" cy="9" r="1.500"/><circle class="solid" cx="9" cy="15" r="1.500"/>`,
  help: svg`<circle cx="12" cy="12" r="9"/><path d="M9.300 9.300a2.800 2.800 0 1 1 4 2.600c-.9.4-1.300 1-1.300 2"/><circle class="solid" cx="12" cy="17" r="1.200"/>`,
  sun: svg`<circle cx="12" cy="12" r="4"/><path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.600 5.600L7 7M17 17l1.400 1.400M18.400 5.600L17 7M7 17l-1.400 1.400"/>`,
  moon: svg`<path d="M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z"/>`,
  auto: svg`<circle cx="12" cy="12" r="8.500"/><path class="solid" d="M12 3.500a8.500 8.500 0 0 1 0 17z"/>`,
  close: svg`<path d="M6 6l12 12M18 6L6 18"/>`,
  reset: svg`<path d="M4 5v5h5M4.500 10A8 8 0 1 1 4 14"/>`,
  surprise: svg`<path d="M12 3l1.800 5.200L19 10l-5.200 1.800L12 17l-1.800-5.200L5 10l5.200-1.800z"/><path d="M19 16v4M17 18h4"/>`,
  sound: svg`<path d="M4 9.500v5h3.500L12 18.500v-13L7.500 9.500z"/><path d="M15.500 9a4.200 4.200 0 0 1 0 6M18 6.500a7.800 7.800 0 0 1 0 11"/>`,
  table: svg`<rect x="4" y="5" width="16" height="14" rx="2"/><path d="M4 10h16M4 14.500h16M10 5v14"/>`,
  record: svg`<circle class="solid" cx="12" cy="12" r="6"/>`,
  knob: svg`<circle cx="12" cy="13" r="7"/><path d="M12 13V7.500"/>`,
  plus: svg`<path d="M12 5v14M5 12h14"/>`,
  minus: svg`<path d="M5 12h14"/>`,
  whole: svg`<path d="M4 6v12M20 6v12M8 12h8M8 12l2.500-2.500M8 12l2.500 2.500M16 12l-2.500-2.500M16 12l-2.500 2.500"/>`,
  down: svg`<path d="M12 4v11M7 11l5 5 5-5M5 20h14"/>`,
  copy: svg`<rect x="8" y="8" width="12" height="12" rx="2"/><path d="M16 8V6a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v8a2 2 0 0 0 2 2h2"/>`,
  back: svg`<path d="M21 12H4M10 6l-6 6 6 6"/>`,
  open: svg`<path d="M6 9l6 6 6-6"/>`,
  up: svg`<path d="M6 15l6-6 6 6"/>`,
  left: svg`<path d="M15 5l-7 7 7 7"/>`,
  right: svg`<path d="M9 5l7 7-7 7"/>`,
};

export type IconName = keyof typeof ICONS;

export const icon = (name: IconName) => svg`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${ICONS[name]}</svg>`;

/** Registers an element once, also where two bundles meet on one page. */
export function define(name: string, element: CustomElementConstructor): void {
  if (!customElements.get(name)) customElements.define(name, element);
}
