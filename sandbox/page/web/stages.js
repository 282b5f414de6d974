// The delay of an answer, cut into what it was spent on.

/**
 * From the end of the question to the first sound, in milliseconds: `[{name, from, to}]`, or nothing where the turn has
 * no such delay. What overlaps is told once: a model that was asked early is waited for only after the turn is taken. Where
 * the agent asked for patience first (`held`), the sound is that of those words, and tells nothing of the model.
 */
export function stages(event) {
  const total = event.reply_ms;
  if (!(total > 0)) return [];
  const heard = Math.min(Math.max(event.heard_ms ?? 0, 0), total);
  if (event.held) {
    return [
      { name: "heard", from: 0, to: heard },
      { name: "asked for patience", from: heard, to: total },
    ].filter((stage) => stage.to > stage.from);
  }
  const token = Math.min(Math.max(total - (event.tts_ttfb_ms ?? 0), heard), total);
  return [
    { name: "heard", from: 0, to: heard },
    { name: "first token", from: heard, to: token },
    { name: "first sound", from: token, to: total },
  ].filter((stage) => stage.to > stage.from);
}
