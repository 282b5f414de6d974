// What the page says, in plain sentences.

// docs:begin sight
const SIGHT = {
  camera: "It can see your camera.",
  screen: "It can see your screen.",
  both: "It can see your screen and your camera.",
  muted: "Your camera is muted: it sees nothing.",
  stale: "Nothing comes from your camera: it sees nothing.",
  none: "It sees nothing right now.",
  off: "This agent works without sight.",
};

/** What a `vision.status` means. */
export function sightSentence(status) {
  return SIGHT[status] ?? "";
}
// docs:end sight

const CONNECTION = {
  idle: "Not in a call",
  joining: "Connecting…",
  reconnecting: "Reconnecting…",
  gone: "No server. Trying again…",
  ended: "The call has ended",
};

const AGENT = {
  initializing: "Getting ready",
  idle: "Waiting",
  listening: "Listening",
  thinking: "Thinking",
  speaking: "Speaking",
};

/** Two words on how it stands; of a connection that stands, what the agent does. */
export function stateSentence(connection, here, agent) {
  if (connection !== "joined") return CONNECTION[connection] ?? "";
  return here ? (AGENT[agent] ?? "Getting ready") : "Waiting for the agent…";
}

const NAMES = { microphone: "microphone", camera: "camera", screen: "screen" };

/** Why a device can’t be used. `failure` is what LiveKit’s `MediaDeviceFailure.getFailure` says, or `Unsupported`. */
export function deviceSentence(source, failure) {
  const name = NAMES[source];
  if (failure === "Unsupported") return `This browser can’t give your ${name} to a page.`;
  if (source === "screen" && failure === "PermissionDenied") return "Your screen is not shared: it was not allowed.";
  switch (failure) {
    case "PermissionDenied":
      return `The ${name} is not allowed. Allow it in your browser, at the address, then turn it on again.`;
    case "NotFound":
      return `No ${name} was found. Connect one, then turn it on again.`;
    case "DeviceInUse":
      return `The ${name} is used by another program, or can’t be started.`;
    default:
      return `The ${name} can’t be started.`;
  }
}

/** Who says when a turn is over. */
export function turnsSentence(byButton) {
  if (byButton) return "This agent hears you only while the button is held.";
  return "You are heard all the time. For push to talk, start an agent whose turn detection is manual.";
}

export const NOBODY =
  "No agent is free yet. It is asked again every few seconds; check that the worker runs and isn’t full.";
export const SERVER_GONE =
  "The server cannot be reached. It is tried again every few seconds, and a new call begins as soon as it is back.";
export const ANEW = "The connection was lost, and a new call has begun. The agent does not know what was said before.";
export const ANOTHER = "Another agent has come. It does not know what was said before.";
export const RECONNECTING = "The connection is weak or lost. It is being made anew.";
export const INSECURE =
  "Browsers give microphone, camera and screen to secure pages alone: open this one by https, or on the machine itself.";
export const UNSENT = "This could not be sent.";
export const TOO_MANY = (most) => `At most ${most} pictures go together: only the first ${most} are kept.`;
export const PAGE_SILENT = "This browser plays no sound until you press a key or click.";

/** An age in words that stay true: 40 ms, 1.2 s. */
export function duration(ms) {
  if (ms === null || ms === undefined || Number.isNaN(Number(ms))) return "–";
  const value = Number(ms);
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

/** Bytes in words: 12 kB, 3.4 MB. */
export function size(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

const BLIND = {
  muted: "the camera was muted",
  stale: "nothing came from the camera",
  none: "nothing was shown",
  starting: "the first picture was still on its way",
  late: "no picture came in time",
  refused: "the model’s provider refused the picture",
  failed: "the picture could not be made",
  off: "it works without sight",
};

/** Why a turn had no picture. */
export function blindSentence(reason) {
  return BLIND[reason] ?? (reason ? `no picture (${reason})` : "no picture");
}
