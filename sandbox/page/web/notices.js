// What stands in the way, and what to do about it: one notice for each subject.
import { $, icon, make } from "./dom.js";

export class Notices {
  #shown = new Map();

  /** Show a sentence in place of the one before on this subject; empty for none. */
  show(subject, sentence) {
    const before = this.#shown.get(subject);
    if (before?.sentence === sentence) return;
    before?.element.remove();
    this.#shown.delete(subject);
    if (!sentence) return;
    const close = make("button", { type: "button", "aria-label": "Dismiss" }, icon("close"));
    const words = make("span", { textContent: sentence });
    const element = make("p", { className: "notice", "data-subject": subject }, icon("alert"), words, close);
    close.addEventListener("click", () => this.show(subject, ""));
    this.#shown.set(subject, { sentence, element });
    $("notices").append(element);
  }

  clear() {
    for (const subject of [...this.#shown.keys()]) this.show(subject, "");
  }
}
