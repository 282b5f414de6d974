// The page's own server: a room and a token for each call, and the agent asked for again.

// docs:begin token
/** A new call: `{url, room, identity, token}`. The token brings the agent along. */
export async function newCall() {
  const response = await fetch("/api/call", { method: "POST" });
  if (!response.ok) throw new Error(`no token: ${response.status}`);
  return response.json();
}

/** Ask for the agent once more: a dispatch that no worker was there for is lost. */
export async function askAgain(token) {
  await fetch("/api/agent", { method: "POST", headers: { Authorization: `Bearer ${token}` } });
}
// docs:end token
