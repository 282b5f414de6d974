// Pictures on their way to the agent, and what became of each.

const PIECE_BYTES = 60_000;
// The agent answers within its own limits of time (30 s of upload, 10 s of decoding); this is for one that left.
const PATIENCE_MS = 60_000;

export class Uploads {
  #room;
  #agent;
  #waiting = new Map();

  constructor(room, agent) {
    this.#room = room;
    this.#agent = agent;
    // docs:begin status
    room.registerTextStreamHandler("images.status", async (reader, { identity }) => {
      if (identity !== agent.identity) return;
      const status = JSON.parse(await reader.readAll());
      this.#waiting.get(status.stream_id)?.(status);
    });
    // docs:end status
  }

  /**
   * Send a picture to the agent alone.
   * @param {File} file
   * @param {{caption?: string, reply?: boolean, onProgress?: (share: number) => void, onStatus: (status: object) => void}} how
   *   `onStatus` is told `{status, code, message, ...}`, perhaps twice: a model may refuse what was accepted.
   */
  async send(file, { caption = "", reply = false, onProgress = () => {}, onStatus }) {
    if (!this.#agent.identity) throw new Error("no agent is here");
    let over = false;
    // docs:begin upload
    const writer = await this.#room.localParticipant.streamBytes({
      topic: "images",
      name: file.name,
      mimeType: file.type,
      totalSize: file.size,
      destinationIdentities: [this.#agent.identity],
      attributes: { ...(caption && { caption }), ...(reply && { reply: "true" }) },
    });
    // docs:end upload
    const timer = setTimeout(
      () => onStatus({ status: "rejected", code: "unanswered", message: "Nothing was heard of this picture." }),
      PATIENCE_MS,
    );
    this.#waiting.set(writer.info.id, (status) => {
      clearTimeout(timer);
      over ||= status.status === "rejected";
      onStatus(status);
    });
    try {
      // docs:begin pieces
      for (let start = 0; start < file.size && !over; start += PIECE_BYTES) {
        const piece = await file.slice(start, start + PIECE_BYTES).arrayBuffer();
        await writer.write(new Uint8Array(piece));
        onProgress(Math.min(1, (start + PIECE_BYTES) / file.size));
      }
      await writer.close();
      // docs:end pieces
    } catch (error) {
      clearTimeout(timer);
      throw error;
    }
  }
}
