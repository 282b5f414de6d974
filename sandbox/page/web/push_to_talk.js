// Push to talk: the caller says when a turn begins and ends. What is asked for that also tells when the agent hears us.
import { RoomEvent } from "./lib/livekit-client.mjs";

const UNKNOWN_METHOD = 1400; // the agent is in the room, and not ready yet
const ANSWERS = 1000; // codes below are the agent's own
const ATTEMPTS = 10;
const AGAIN_MS = 500;

/** Tells `mode` when the agent has said how it takes turns, and when it is lost: see `ready` and `available`. */
export class PushToTalk extends EventTarget {
  /** Whether the agent receives what is sent: it is seen in the room a moment earlier, above all after a reconnection. */
  ready = false;
  /** Whether turns end by the button. */
  available = false;
  #room;
  #agent;
  #probes = 0;

  constructor(room, agent) {
    super();
    this.#room = room;
    this.#agent = agent;
    agent.addEventListener("there", () => this.#probe());
    agent.addEventListener("left", () => this.#lose());
    room.on(RoomEvent.Reconnecting, () => this.#lose());
    room.on(RoomEvent.Reconnected, () => this.#probe());
  }

  // docs:begin ptt
  /** `start_turn`, `end_turn` or `cancel_turn`; an error has `code` and `message`. */
  async call(method) {
    const destinationIdentity = this.#agent.identity;
    return this.#room.localParticipant.performRpc({ destinationIdentity, method, payload: "", responseTimeout: 3000 });
  }
  // docs:end ptt

  async #probe() {
    this.#probes += 1;
    const probe = this.#probes;
    let unknown = 0;
    while (probe === this.#probes && this.#agent.identity) {
      // docs:begin probe
      // Harmless where no turn is under way, and refused with 405 where turns end by themselves.
      const error = await this.call("cancel_turn").then(() => null, (caught) => caught);
      // docs:end probe
      if (probe !== this.#probes) return;
      if (error?.code === UNKNOWN_METHOD) unknown += 1;
      if (error === null || error.code < ANSWERS || unknown === ATTEMPTS) {
        this.ready = true;
        this.available = error === null;
        this.dispatchEvent(new Event("mode"));
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }

  #lose() {
    this.#probes += 1;
    this.ready = false;
    this.dispatchEvent(new Event("mode"));
  }
}
