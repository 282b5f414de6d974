// Typed turns.

// docs:begin chat
/** Ask by text; the answer is spoken, and comes as a caption. */
export async function ask(room, agent, text) {
  await room.localParticipant.sendText(text, { topic: "lk.chat", destinationIdentities: [agent.identity] });
}
// docs:end chat
