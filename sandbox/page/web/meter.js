// How loud a track is, for the eye.
import { createAudioAnalyser } from "./lib/livekit-client.mjs";

const FRAME_MS = 50;

export class Meter {
  #element;
  #analyser = null;
  #timer = 0;

  /** `element` is given the style property `--level`, 0 to 1. */
  constructor(element) {
    this.#element = element;
  }

  /** Follow a track; null for none. */
  follow(track) {
    clearInterval(this.#timer);
    this.#analyser?.cleanup();
    this.#analyser = null;
    this.#show(0);
    if (track === null) return;
    try {
      this.#analyser = createAudioAnalyser(track, { cloneTrack: false, smoothingTimeConstant: 0.6 });
    } catch {
      return; // without Web Audio the words alone tell who speaks
    }
    this.#timer = setInterval(() => this.#show(this.#analyser.calculateVolume()), FRAME_MS);
  }

  #show(level) {
    this.#element.style.setProperty("--level", Math.min(1, level * 1.6).toFixed(2));
  }
}
