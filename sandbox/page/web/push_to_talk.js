// Push to talk: the caller says when a turn begins and ends.

const WRONG_MODE = 405;
const NOT_READY = new Set([1400, 1401, 1402, 1500, 1501, 1502, 1503]);
const ATTEMPTS = 10;

/** Tells `mode` events once the agent has said how it takes turns; `available` and `reason` then stand. */
export class PushToTalk extends EventTarget {
  available = false;
  reason = "";
  #room;
  #agent;

  constructor(room, agent) {
    super();
    this.#room = room;
    this.#agent = agent;
    agent.addEventListener("there", () => this.#probe());
  }

  // docs:begin ptt
  /** `start_turn`, `end_turn` or `cancel_turn`; an error has `code` and `message`. */
  async call(method) {
    const destinationIdentity = this.#agent.identity;
    return this.#room.localParticipant.performRpc({ destinationIdentity, method, payload: "" });
  }
  // docs:end ptt

  async #probe() {
    const asked = this.#agent.participant;
    for (let attempt = 0; attempt < ATTEMPTS && this.#agent.participant === asked; attempt += 1) {
      // docs:begin probe
      // Harmless where no turn is under way, and refused with 405 where turns end by themselves.
      const error = await this.call("cancel_turn").then(() => null, (caught) => caught);
      // docs:end probe
      if (error !== null && NOT_READY.has(error.code)) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        continue;
      }
      this.available = error === null;
      this.reason = error === null ? "" : error.code === WRONG_MODE ? error.message : `not available: ${error.message}`;
      this.dispatchEvent(new Event("mode"));
      return;
    }
  }
}
