// The button of push to talk: held, a turn is open; let go, it is answered; Escape takes it back.
import { $ } from "./dom.js";
import { turnsSentence } from "./sentences.js";

export class TalkButton {
  #pushToTalk;
  #devices;
  #onProblem;
  #held = false;
  #order = Promise.resolve();

  /** `onProblem` is told what to say to the user; empty once it is over. */
  constructor(pushToTalk, devices, onProblem) {
    this.#pushToTalk = pushToTalk;
    this.#devices = devices;
    this.#onProblem = onProblem;
    const button = $("hold");
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
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
    pushToTalk.addEventListener("mode", () => {
      // Whoever lost the agent in the middle of a turn lost the turn, too.
      if (!pushToTalk.ready) this.#held = false;
      this.#draw();
    });
  }

  #begin() {
    if (this.#held) return;
    this.#held = true;
    this.#onProblem("");
    this.#draw();
    // Who presses the button wants to be heard.
    if (this.#devices.state("microphone") !== "on") this.#then(() => this.#devices.set("microphone", true));
    this.#then(() => this.#pushToTalk.call("start_turn"), () => (this.#held = false));
  }

  #end(method) {
    if (!this.#held) return;
    this.#held = false;
    this.#draw();
    this.#then(() => this.#pushToTalk.call(method));
  }

  // One after the other: let go in a hurry, the end must not overtake the beginning.
  #then(step, undo = () => {}) {
    this.#order = this.#order.then(step).catch((error) => {
      this.#onProblem(error.message);
      undo();
      this.#draw();
    });
  }

  #draw() {
    const { ready, available } = this.#pushToTalk;
    $("hold").hidden = !available;
    $("hold").disabled = !ready;
    $("hold").dataset.state = this.#held ? "on" : "off";
    $("hold").querySelector(".label").textContent = this.#held ? "Let go to ask" : "Hold to talk";
    $("turns-end").textContent = turnsSentence(available);
  }
}
