/** Elements on a page, for tests. */
import type { LitElement } from "lit";

export async function put<T extends LitElement>(element: T, properties: Partial<T> = {}): Promise<T> {
  Object.assign(element, properties);
  document.body.replaceChildren(element);
  await element.updateComplete;
  return element;
}

export function all<T extends Element = HTMLElement>(element: LitElement, selector: string): T[] {
  return [...element.renderRoot.querySelectorAll<T>(selector)];
}

export function one<T extends Element = HTMLElement>(element: LitElement, selector: string): T {
  const found = all<T>(element, selector);
  if (found.length !== 1) throw new Error(`${found.length} of ${selector}`);
  return found[0]!;
}

/** What an element sends, as [type, detail]. */
export function sent(element: EventTarget, ...types: string[]): [string, any][] {
  const heard: [string, any][] = [];
  for (const type of types) element.addEventListener(type, (event) => heard.push([type, (event as CustomEvent).detail]));
  return heard;
}

export const key = (name: string, more: KeyboardEventInit = {}) => new KeyboardEvent("keydown", { key: name, bubbles: true, composed: true, cancelable: true, ...more });

export const pointer = (type: string, more: PointerEventInit = {}) => new PointerEvent(type, { pointerId: 1, button: 0, bubbles: true, composed: true, cancelable: true, ...more });
