// The buttons of microphone, camera and screen, their menus, and the previews.
import { $, make } from "./dom.js";

const SOURCES = ["microphone", "camera", "screen"];
// What is seen stays in place, and stands in what is read out.
const SEEN = { microphone: "Microphone", camera: "Camera", screen: "Screen" };
const NAMES = {
  microphone: { on: "Mute microphone", muted: "Unmute microphone", off: "Turn on microphone" },
  camera: { on: "Mute camera", muted: "Unmute camera", off: "Turn on camera" },
  screen: { on: "Stop sharing the screen", muted: "Share your screen", off: "Share your screen" },
};

export class Controls {
  #devices;

  constructor(devices) {
    this.#devices = devices;
    for (const source of SOURCES) {
      $(source).addEventListener("click", () => devices.set(source, devices.state(source) !== "on"));
    }
    for (const source of ["microphone", "camera"]) {
      $(`${source}-choice`).addEventListener("change", (event) => devices.choose(source, event.target.value));
      $(`${source}-stop`).addEventListener("click", () => {
        devices.stop(source);
        $(`${source}-menu`).open = false;
        $(source).focus();
      });
      closes($(`${source}-menu`));
    }
    $("screen").closest(".device").hidden = !devices.offers("screen");
    devices.addEventListener("changed", () => this.draw());
    this.draw();
  }

  draw() {
    for (const source of SOURCES) {
      const state = this.#devices.state(source);
      const button = $(source);
      button.dataset.state = state;
      button.setAttribute("aria-label", NAMES[source][state]);
      button.title = NAMES[source][state];
      button.querySelector(".label").textContent = SEEN[source];
      const shape = source === "screen" || state === "on" ? source : `${source}-off`;
      button.querySelector("use").setAttribute("href", `#icon-${shape}`);
    }
    for (const source of ["microphone", "camera"]) {
      $(`${source}-stop`).disabled = this.#devices.state(source) === "off";
      this.#drawChoice(source);
    }
    for (const source of ["camera", "screen"]) this.#drawPreview(source);
    $("nothing").hidden = !($("camera-view").hidden && $("screen-view").hidden);
  }

  async #drawChoice(source) {
    const devices = await this.#devices.list(source);
    const choice = $(`${source}-choice`);
    choice.disabled = devices.length === 0;
    const options = devices.map(({ id, label, active }) => make("option", { value: id, textContent: label, selected: active }));
    choice.replaceChildren(...(options.length ? options : [make("option", { textContent: `No ${source} found` })]));
  }

  #drawPreview(source) {
    const view = $(`${source}-view`);
    const video = view.querySelector("video");
    const track = this.#devices.state(source) === "on" ? this.#devices.track(source) : null;
    view.hidden = track === null;
    if (track === null) video.srcObject = null;
    else if (!track.attachedElements.includes(video)) track.attach(video);
  }
}

// A menu ends with Escape, and when the focus goes elsewhere.
function closes(menu) {
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  for (const elsewhere of ["focusin", "pointerdown"]) {
    document.addEventListener(elsewhere, (event) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  }
}
