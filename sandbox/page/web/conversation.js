// What was said, typed and shown, in its order.
import { announce } from "./announcer.js";
import { $, icon, make } from "./dom.js";
import { evidence } from "./evidence.js";
import { UNSENT, size } from "./sentences.js";

export class Conversation {
  #list = $("conversation");
  #entries = new Map();
  #urls = [];
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
    // The pictures are kept in memory as long as their addresses are.
    for (const url of this.#urls.splice(0)) URL.revokeObjectURL(url);
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
    if (final) announce(`${mine ? "You" : "Agent"}: ${text}`);
  }

  /** A typed turn. Gives what to call if it can’t be sent. */
  typed(text) {
    this.#atEnd = true;
    const { element, text: words } = this.#add(true, "typed");
    words.textContent = text;
    return () => {
      element.dataset.fate = "rejected";
      element.append(make("p", { className: "fate", textContent: UNSENT }));
      announce(UNSENT);
    };
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
    const url = this.#address(file);
    const thumb = make("img", { src: url, alt: caption || `The picture ${file.name}`, className: "thumb" });
    thumb.addEventListener("error", () => thumb.replaceWith(make("span", { className: "thumb blank" }, icon("picture"))));
    const bar = make("progress", { max: 1, value: 0, "aria-label": `Sending ${file.name}` });
    const fate = make("p", { className: "fate", textContent: `Sending ${file.name}, ${size(file.size)}` });
    entry.text.textContent = caption;
    entry.text.hidden = !caption;
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
    const found = answers.findLast((one) => this.#entryOf(one).at <= turn.endedAt && !proven(one));
    const { element, text } = found ? this.#entryOf(found) : this.#add(false, "spoken", turn.endedAt);
    const question = this.#questionOf(element, turn).map((one) => this.#entryOf(one).text.textContent).join(" ").trim();
    const address = (blob) => this.#address(blob);
    element.append(evidence({ ...turn, question, answer: text.textContent, address }));
  }

  // What stands before an answer and has no other yet. A model that speaks by itself may write down what it heard only
  // while it answers: its question has come below, and belongs above.
  #questionOf(element, { event, endedAt }) {
    const question = [];
    let [one, first] = [element.previousElementSibling, element];
    for (; one !== null && one.matches(".mine, .theirs") && !proven(one); one = one.previousElementSibling) {
      if (one.matches(".mine")) question.unshift(one);
      else if (question.length) break;
      else first = one;
    }
    if (question.length || event.kind !== "spoken") return question;
    const late = element.nextElementSibling;
    if (late?.dataset.kind !== "spoken" || this.#entryOf(late).at > endedAt) return [];
    first.before(late);
    return [late];
  }

  #address(blob) {
    this.#urls.push(URL.createObjectURL(blob));
    return this.#urls.at(-1);
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

const proven = (element) => element.querySelector(".evidence") !== null;
