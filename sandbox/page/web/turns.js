// How each turn went, with the very pictures that the model was given.

/** Tells `turn` events: `{event, endedAt, pictures}`; each picture is `{blob, source, ageMs, sha256, part, genuine}`. */
export class Turns extends EventTarget {
  #pictures = new Map();

  constructor(room, agent) {
    super();
    agent.addEventListener("there", () => this.#pictures.clear());
    // docs:begin turns
    room.registerByteStreamHandler("vision.snapshot", (reader, { identity }) => {
      if (identity !== agent.identity) return;
      const turn = reader.info.attributes.turn;
      this.#pictures.set(turn, [...(this.#pictures.get(turn) ?? []), picture(reader)]);
    });
    room.registerTextStreamHandler("turn.completed", async (reader, { identity }) => {
      if (identity !== agent.identity) return;
      const event = JSON.parse(await reader.readAll());
      // By the agent's clock, as are the beginnings of its captions: the answer is the last that began before it.
      const endedAt = Number(reader.info.attributes.ended_at);
      // The pictures of a turn are sent before its event.
      const pictures = await Promise.allSettled(this.#pictures.get(String(event.turn)) ?? []);
      this.#pictures.delete(String(event.turn));
      const arrived = pictures.filter((one) => one.status === "fulfilled").map((one) => one.value);
      this.dispatchEvent(new CustomEvent("turn", { detail: { event, endedAt, pictures: arrived } }));
    });
    // docs:end turns
  }
}

// docs:begin picture
async function picture(reader) {
  const { source, age_ms, sha256, part } = reader.info.attributes;
  const blob = new Blob(await reader.readAll(), { type: safeType(reader.info.mimeType) });
  const digest = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
  const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { blob, source, ageMs: Number(age_ms), sha256, part: part ?? "", genuine: hex === sha256 };
}
// docs:end picture

// What is shown is shown as a picture, whatever it calls itself.
function safeType(type) {
  return ["image/jpeg", "image/png", "image/webp"].includes(type) ? type : "application/octet-stream";
}
