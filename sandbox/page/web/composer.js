// The field for words and pictures: typed, dropped, pasted or chosen.
import { ask } from "./chat.js";
import { $, icon, make } from "./dom.js";
import { TOO_MANY, UNSENT } from "./sentences.js";

const MAX_PICTURES = 8; // the agent takes so many of one caller at once

export class Composer {
  #room;
  #agent;
  #pushToTalk;
  #uploads;
  #conversation;
  #onProblem;
  #files = [];
  #thumbs = [];

  /** `onProblem` is told what to say to the user; empty once it is over. */
  constructor(room, agent, pushToTalk, uploads, conversation, onProblem) {
    this.#room = room;
    this.#agent = agent;
    this.#pushToTalk = pushToTalk;
    this.#uploads = uploads;
    this.#conversation = conversation;
    this.#onProblem = onProblem;
    const words = $("words");
    $("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    words.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.#send();
      }
    });
    $("attach").addEventListener("click", () => $("files").click());
    $("files").addEventListener("change", (event) => {
      this.add(event.target.files);
      event.target.value = "";
    });
    document.addEventListener("paste", (event) => {
      if (event.clipboardData.files.length) event.preventDefault();
      this.add(event.clipboardData.files);
    });
    this.#takeDrops();
    pushToTalk.addEventListener("mode", () => this.#draw());
    this.#draw();
  }

  /** Pictures to be sent with the next press of the button. */
  add(files) {
    if ($("call").hidden) return;
    const all = [...this.#files, ...files];
    this.#files = all.slice(0, MAX_PICTURES);
    this.#draw();
    if (!files.length) return;
    this.#onProblem(all.length > MAX_PICTURES ? TOO_MANY(MAX_PICTURES) : "");
    $("words").focus();
  }

  async #send() {
    const text = $("words").value.trim();
    const files = this.#files;
    if (!this.#pushToTalk.ready || (!text && !files.length)) return;
    const reply = $("ask-now").checked;
    $("words").value = "";
    this.#files = [];
    this.#onProblem("");
    this.#draw();
    if (!files.length) {
      const failed = this.#conversation.typed(text);
      await ask(this.#room, this.#agent, text).catch(failed);
      return;
    }
    // Words that come with several pictures stand at the first; all are answered together.
    for (const [index, file] of files.entries()) {
      const caption = index === 0 ? text : "";
      const { progress, status } = this.#conversation.picture(file, caption);
      this.#uploads
        .send(file, { caption, reply, onProgress: progress, onStatus: status })
        .catch(() => status({ status: "rejected", message: UNSENT }));
    }
  }

  #draw() {
    for (const url of this.#thumbs) URL.revokeObjectURL(url);
    this.#thumbs = this.#files.map((file) => URL.createObjectURL(file));
    const chips = this.#files.map((file, index) => {
      const thumb = make("img", { src: this.#thumbs[index], alt: file.name });
      thumb.addEventListener("error", () => thumb.replaceWith(icon("picture")));
      const remove = make("button", { type: "button", "aria-label": `Remove ${file.name}` }, icon("close"));
      remove.addEventListener("click", () => {
        this.#files = this.#files.filter((one) => one !== file);
        this.#draw();
        $("words").focus();
      });
      return make("li", {}, thumb, remove);
    });
    $("tray").replaceChildren(...chips);
    $("tray").hidden = $("asking").hidden = chips.length === 0;
    $("words").placeholder = chips.length ? "Say something about it (optional)" : "Type a question";
    $("send").disabled = !this.#pushToTalk.ready;
  }

  #takeDrops() {
    const veil = $("veil");
    const over = (shown) => (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      veil.hidden = !shown || $("call").hidden;
    };
    document.addEventListener("dragenter", over(true));
    document.addEventListener("dragover", over(true));
    document.addEventListener("dragleave", (event) => event.relatedTarget === null && over(false)(event));
    document.addEventListener("drop", (event) => {
      over(false)(event);
      this.add(event.dataTransfer.files);
    });
  }
}
