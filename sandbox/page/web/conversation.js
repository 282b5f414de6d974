// What was said, typed and shown, in its order.
import { evidence } from "./evidence.js";
import { $, icon, make } from "./dom.js";
import { size } from "./sentences.js";

export class Conversation {
  #list = $("conversation");
  #entries = new Map();
  #lastQuestion = "";
  #atEnd = true;
  #top = 0;

  constructor() {
    const scroller = $("scroller");
    scroller.addEventListener("scroll", () => {
      // What has come since the last look is below, and no reason to stay behind: only a move upwards is.
      const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
      if (atEnd || scroller.scrollTop < this.#top) this.#atEnd = atEnd;
      this.#top = scroller.scrollTop;
    });
    const follow = new ResizeObserver(() => this.#follow());
    follow.observe(scroller);
    follow.observe(this.#list);
  }

  /** A new call: what was said before is gone. */
  clear() {
    this.#list.replaceChildren();
    this.#entries.clear();
    this.#lastQuestion = "";
    this.#atEnd = true;
    $("empty").hidden = false;
  }

  /** A caption of either side; the caller’s sentences of one turn stand together. */
  caption({ id, mine, text, final, at }) {
    let entry = this.#entries.get(id);
    if (entry === undefined) {
      const last = this.#list.lastElementChild;
      entry = mine && last?.dataset.kind === "spoken" ? this.#entryOf(last) : this.#add(mine, "spoken", at);
      this.#entries.set(id, entry);
    }
    entry.parts.set(id, text);
    entry.text.textContent = [...entry.parts.values()].join(" ");
    entry.element.classList.toggle("passing", !final);
    if (final) {
      if (mine) this.#lastQuestion = entry.text.textContent;
      announce(`${mine ? "You" : "Agent"}: ${text}`);
    }
  }

  /** A typed turn. */
  typed(text) {
    this.#atEnd = true;
    const entry = this.#add(true, "typed");
    entry.text.textContent = text;
    this.#lastQuestion = text;
    return entry;
  }

  /** Something the page itself has to say about the call. */
  note(text) {
    this.#list.append(make("li", { className: "note", textContent: text }));
    announce(text);
  }

  /** A picture on its way. Gives `progress(share)` and `status(status)`, to be told what becomes of it. */
  picture(file, caption) {
    this.#atEnd = true;
    const entry = this.#add(true, "picture");
    const url = URL.createObjectURL(file);
    const thumb = make("img", { src: url, alt: caption || `The picture ${file.name}`, className: "thumb" });
    thumb.addEventListener("error", () => thumb.replaceWith(make("span", { className: "thumb blank" }, icon("picture"))));
    const bar = make("progress", { max: 1, value: 0, "aria-label": `Sending ${file.name}` });
    const fate = make("p", { className: "fate", textContent: `Sending ${file.name}, ${size(file.size)}` });
    entry.text.textContent = caption;
    entry.text.hidden = !caption;
    this.#lastQuestion = caption;
    entry.element.prepend(thumb);
    entry.element.append(bar, fate);
    return {
      progress: (share) => (bar.value = share),
      status: (status) => {
        bar.remove();
        entry.element.dataset.fate = status.status;
        const made = status.width ? ` ${status.width} × ${status.height}, ${size(status.bytes)}.` : "";
        fate.textContent = `${status.message}${made}`;
        announce(status.message);
      },
    };
  }

  /** How a turn went, at the answer it belongs to: the last that had begun by then, though another may be growing. */
  turn(turn) {
    const answers = [...this.#list.querySelectorAll(".theirs")];
    const element = answers.findLast((one) => this.#entryOf(one).at <= turn.endedAt && one.querySelector(".evidence") === null);
    const entry = element ? this.#entryOf(element) : this.#add(false, "spoken", turn.endedAt);
    entry.element.append(evidence({ ...turn, question: this.#lastQuestion, answer: entry.text.textContent }));
  }

  #add(mine, kind, at = 0) {
    const who = make("span", { className: "who", textContent: mine ? "You" : "Agent" });
    const text = make("p", { className: "text", dir: "auto" });
    const element = make("li", { className: mine ? "mine" : "theirs", "data-kind": mine ? kind : "answer" }, who, text);
    const entry = { element, text, at, parts: new Map() };
    this.#entries.set(element, entry);
    this.#list.append(element);
    $("empty").hidden = true;
    return entry;
  }

  #entryOf(element) {
    return this.#entries.get(element);
  }

  // The newest stays in view, unless somebody reads further up.
  #follow() {
    if (this.#atEnd) $("scroller").scrollTop = $("scroller").scrollHeight;
  }
}

/** Read out by screen readers: whole sentences, never the pieces they grow from. */
export function announce(text) {
  $("announcer").textContent = text;
}
