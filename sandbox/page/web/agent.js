// The agent in the room: whether it is there, what it does, and what it sees.
import { ParticipantKind, RoomEvent } from "./lib/livekit-client.mjs";

const PATIENCE_MS = 5000;

/** Tells `there`, `left`, `late` (again after each 5 s without it) and `changed`. */
export class Agent extends EventTarget {
  participant = null;
  #room;
  #timer = 0;

  constructor(room) {
    super();
    this.#room = room;
    // docs:begin agent
    room.on(RoomEvent.Connected, () => this.#look());
    room.on(RoomEvent.Reconnected, () => this.#look());
    room.on(RoomEvent.ParticipantConnected, () => this.#look());
    room.on(RoomEvent.ParticipantDisconnected, () => this.#look());
    room.on(RoomEvent.ParticipantAttributesChanged, (_, participant) => {
      if (participant === this.participant) this.dispatchEvent(new Event("changed"));
    });
    // docs:end agent
    room.on(RoomEvent.Disconnected, () => this.#lose());
  }

  get identity() {
    return this.participant?.identity ?? "";
  }

  // docs:begin attributes
  /** `listening`, `thinking`, `speaking`, `initializing`, or empty. */
  get state() {
    return this.participant?.attributes["lk.agent.state"] ?? "";
  }

  /** `camera`, `screen`, `both`, `muted`, `stale`, `none`, `off`, or empty. */
  get sight() {
    return this.participant?.attributes["vision.status"] ?? "";
  }
  // docs:end attributes

  #look() {
    const here = [...this.#room.remoteParticipants.values()];
    if (this.participant !== null && here.includes(this.participant)) return;
    const left = this.participant !== null;
    // docs:begin find
    // Of two agents the later one leaves again.
    const agents = here.filter((one) => one.kind === ParticipantKind.AGENT);
    const agent = agents.sort((a, b) => (a.joinedAt ?? 0) - (b.joinedAt ?? 0))[0] ?? null;
    // docs:end find
    this.participant = agent;
    clearTimeout(this.#timer);
    if (agent !== null) {
      this.dispatchEvent(new Event("there"));
    } else {
      if (left) this.dispatchEvent(new Event("left"));
      this.#timer = setTimeout(() => this.#onLate(), PATIENCE_MS);
    }
  }

  #onLate() {
    this.dispatchEvent(new Event("late"));
    this.#timer = setTimeout(() => this.#onLate(), PATIENCE_MS);
  }

  #lose() {
    clearTimeout(this.#timer);
    if (this.participant === null) return;
    this.participant = null;
    this.dispatchEvent(new Event("left"));
  }
}
