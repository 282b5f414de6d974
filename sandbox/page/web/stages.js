// The delay of an answer, cut into what it was spent on.

/**
 * From the end of the question to the first sound, in milliseconds: `[{name, from, to}]`, or nothing where the turn has
 * no such delay. What overlaps is told once: a model that was asked early is waited for only after the turn is taken.
 */
export function stages(event) {
  const total = event.reply_ms;
  if (!(total > 0)) return [];
  const heard = event.heard_ms ?? 0;
  // Where the agent asked for patience first, the sound is that of those words, and tells nothing of the model.
  if (event.held) return cut([["heard", heard], ["asked for patience", total]]);
  // A model that speaks by itself gives its voice without a text before it.
  if ((event.tts_ttfb_ms ?? null) === null) return cut([["heard", heard], ["first sound", total]]);
  // The voice is given its first sentence some time after the model’s first word. When that came is known only of a model
  // that was asked after the turn was taken.
  const sentence = total - event.tts_ttfb_ms;
  const asked = event.speculative === false && event.llm_ttft_ms !== null;
  const token = asked ? Math.min(heard + event.llm_ttft_ms, sentence) : sentence;
  return cut([["heard", heard], ["first token", token], ["first sound", total]]);
}

// Each stage ends at its mark, and begins where the one before has ended; one that took no time is none.
function cut(marks) {
  const total = marks.at(-1)[1];
  let from = 0;
  const parts = [];
  for (const [name, mark] of marks) {
    const to = Math.min(Math.max(mark, from), total);
    if (to > from) parts.push({ name, from, to });
    from = to;
  }
  return parts;
}
