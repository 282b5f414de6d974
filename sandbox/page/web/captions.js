// What both sides say, as text, while they say it.

/** Tells `caption` events: `{id, mine, text, final, at}`; the same id again replaces the text. `at` is unix ms, its sender's. */
export class Captions extends EventTarget {
  constructor(room, agent) {
    super();
    // docs:begin captions
    room.registerTextStreamHandler("lk.transcription", async (reader, { identity }) => {
      const mine = identity === room.localParticipant.identity;
      if (!mine && identity !== agent.identity) return;
      const id = reader.info.attributes["lk.segment_id"] ?? reader.info.id;
      const at = reader.info.timestamp;
      let text = "";
      // The agent's come piece by piece; the caller's come whole, again and again, until they are final.
      for await (const piece of reader) {
        text += piece;
        this.#tell({ id, mine, text, final: false, at });
      }
      const final = !mine || reader.info.attributes["lk.transcription_final"] === "true";
      this.#tell({ id, mine, text, final, at });
    });
    // docs:end captions
  }

  #tell(caption) {
    if (caption.text.trim()) this.dispatchEvent(new CustomEvent("caption", { detail: caption }));
  }
}
