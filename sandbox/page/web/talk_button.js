// The button of push to talk: held, a turn is open; let go, it is answered; Escape takes it back.
import { $ } from "./dom.js";

export class TalkButton {
  #pushToTalk;
  #held = false;
  #order = Promise.resolve();

  constructor(pushToTalk, onProblem) {
    this.#pushToTalk = pushToTalk;
    this.onProblem = onProblem;
    const button = $("hold");
    button.addEventListener("pointerdown", (event) => {
      button.setPointerCapture(event.pointerId);
      this.#begin();
    });
    button.addEventListener("pointerup", () => this.#end("end_turn"));
    button.addEventListener("pointercancel", () => this.#end("cancel_turn"));
    button.addEventListener("blur", () => this.#end("cancel_turn"));
    button.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#end("cancel_turn");
      if (event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      if (!event.repeat) this.#begin();
    });
    button.addEventListener("keyup", (event) => {
      if (event.key === " " || event.key === "Enter") this.#end("end_turn");
    });
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    pushToTalk.addEventListener("mode", () => this.#draw());
  }

  #begin() {
    if (this.#held) return;
    this.#held = true;
    this.#draw();
    this.#call("start_turn");
  }

  #end(method) {
    if (!this.#held) return;
    this.#held = false;
    this.#draw();
    this.#call(method);
  }

  // One after the other: let go in a hurry, the end must not overtake the beginning.
  #call(method) {
    this.#order = this.#order.then(() => this.#pushToTalk.call(method)).catch((error) => this.onProblem(error.message));
  }

  #draw() {
    const { ready, available, reason } = this.#pushToTalk;
    $("hold").hidden = !available;
    $("hold").disabled = !ready;
    $("hold").dataset.state = this.#held ? "on" : "off";
    $("hold").querySelector(".label").textContent = this.#held ? "Let go to ask" : "Hold to talk";
    $("turns-end").textContent = available
      ? "This agent hears you only while the button is held."
      : `You are heard all the time. No push to talk: ${reason}.`;
  }
}
