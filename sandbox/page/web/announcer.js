// What screen readers read out: whole sentences, never the pieces they grow from.
import { $, make } from "./dom.js";

const KEPT = 8;

/** Each is a line of its own: two that come together are both read. */
export function announce(text) {
  const log = $("announcer");
  log.append(make("p", { textContent: text }));
  while (log.childElementCount > KEPT) log.firstElementChild.remove();
}
