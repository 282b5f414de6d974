// The connection to the room: joined, lost, made anew.
import { DisconnectReason, RoomEvent } from "./lib/livekit-client.mjs";
import { askAgain, newCall } from "./calls.js";

const RETRY_MS = 2000;

// After these nobody wants us back: somebody ended the call, or it goes on elsewhere.
const FINAL = new Set([
  DisconnectReason.CLIENT_INITIATED,
  DisconnectReason.DUPLICATE_IDENTITY,
  DisconnectReason.PARTICIPANT_REMOVED,
  DisconnectReason.ROOM_DELETED,
]);

/** Tells `state` events: `idle`, `joining`, `joined`, `reconnecting`, `gone` (it tries again by itself), `ended`. */
export class Connection extends EventTarget {
  state = "idle";
  #room;
  #token = "";
  #wanted = false;
  #attempts = 0;

  constructor(room) {
    super();
    this.#room = room;
    room.on(RoomEvent.SignalReconnecting, () => this.#become("reconnecting"));
    room.on(RoomEvent.Reconnecting, () => this.#become("reconnecting"));
    room.on(RoomEvent.Reconnected, () => this.#become("joined"));
    room.on(RoomEvent.Disconnected, (reason) => this.#onDisconnected(reason));
  }

  /** Join a new room. Keeps trying while the server is away, until `leave()`. */
  async join() {
    this.#wanted = true;
    if (this.state !== "gone") this.#become("joining");
    this.#attempts += 1;
    const attempt = this.#attempts;
    // Of somebody who left and started again, an older attempt may still be waiting: only the newest counts.
    const over = () => !this.#wanted || attempt !== this.#attempts;
    while (!over()) {
      try {
        const call = await newCall();
        if (over()) return;
        await this.#room.connect(call.url, call.token, { autoSubscribe: true });
        if (over()) return;
        this.#token = call.token;
        return this.#become("joined");
      } catch {
        if (over()) return;
        this.#become("gone");
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  async leave() {
    this.#wanted = false;
    await this.#room.disconnect();
    this.#become("ended");
  }

  /** Have the agent asked for once more. */
  async askAgain() {
    // Where the page's server is away too, the next attempt tells.
    await askAgain(this.#token).catch(() => {});
  }

  #onDisconnected(reason) {
    // A failed attempt to join is told here too; `join` is in charge of it.
    if (!this.#wanted || this.state === "joining" || this.state === "gone") return;
    if (FINAL.has(reason)) {
      this.#wanted = false;
      this.#become("ended");
    } else {
      this.#become("gone");
      this.join();
    }
  }

  #become(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}
