// The card below an answer: what the model was given, and where the time went.
import { announce } from "./announcer.js";
import { $, icon, make } from "./dom.js";
import { blindSentence, duration } from "./sentences.js";
import { stages } from "./stages.js";

const ALSO = "It also had pictures that you sent, or showed before.";
const SOURCES = { camera: "Your camera", screen: "Your screen" };

/** `{event, pictures, question, answer}` as an element; `address` makes the address of a picture’s file. */
export function evidence(turn) {
  const { event, pictures, address } = turn;
  const facts = pictures.map((one) => shown(one, address(one.blob)));
  if (!facts.length) facts.push(make("p", { className: "unseen" }, ...unseen(event)));
  else if (others(event, pictures)) facts.push(make("p", { className: "unseen" }, icon("picture"), ALSO));
  return make(
    "div",
    { className: "evidence", role: "group", "aria-label": "What it saw" },
    ...facts,
    ...bar(event),
    make("div", { className: "foot" }, copyButton(turn)),
  );
}

/** The turn as JSON: what `turn.completed` said, what was said, and what arrived of the pictures. */
export function asJson({ event, pictures, question, answer }) {
  const files = pictures.map(({ blob, source, ageMs, sha256, part, genuine }) => ({
    source,
    age_ms: ageMs,
    sha256,
    sha256_verified: genuine,
    bytes: blob.size,
    type: blob.type,
    ...(part && { part }),
  }));
  return JSON.stringify({ question, answer, turn: event, pictures: files }, null, 2);
}

function shown({ source, ageMs, sha256, part, genuine }, url) {
  const name = SOURCES[source] ?? source;
  const image = make("img", { src: url, alt: `${name}, as the model was given it` });
  const dimensions = make("span");
  image.addEventListener("load", () => (dimensions.textContent = `${image.naturalWidth} × ${image.naturalHeight}`));
  const open = make("button", { type: "button", className: "look", "aria-label": `Enlarge: ${name}` }, image);
  open.addEventListener("click", () => enlarge(url, `${name}, ${duration(ageMs)} old`));
  return make(
    "figure",
    {},
    open,
    make(
      "figcaption",
      {},
      make("strong", { textContent: part ? `${name}, ${part}` : name }),
      make("span", { textContent: `${duration(ageMs)} old` }),
      dimensions,
      make("span", {
        className: genuine ? "genuine" : "doubtful",
        title: `SHA-256 ${sha256}`,
        textContent: genuine ? "Same file as the model’s" : "Not the file that the log names",
      }),
    ),
  );
}

// Of uploads and of earlier turns’ pictures no file comes, only their number. Those of tools are counted apart.
function others(event, pictures) {
  return event.images > pictures.length && !event.tool_images && !event.unchanged;
}

function unseen(event) {
  if (event.unchanged) return [icon("eye"), "The same picture as before was referred to."];
  if (event.images > 0) return [icon("picture"), "Answered from a picture that you sent."];
  return [icon("eye-off"), `Answered without sight: ${blindSentence(event.blind_reason)}.`];
}

function bar(event) {
  const parts = stages(event);
  if (!parts.length) return [];
  const total = event.reply_ms;
  const drawn = make("div", { className: "bar", "aria-hidden": "true" });
  const legend = make("ul", { className: "legend", "aria-label": `First sound after ${duration(total)}` });
  for (const { name, from, to } of parts) {
    const stage = make("span", { "data-stage": name });
    stage.style.flexGrow = String(to - from);
    drawn.append(stage);
    legend.append(make("li", { "data-stage": name, textContent: `${name} ${duration(to)}` }));
  }
  return [drawn, legend];
}

function copyButton(turn) {
  const label = make("span", { textContent: "Copy as JSON" });
  const button = make("button", { type: "button", className: "quiet" }, icon("copy"), label);
  button.addEventListener("click", async () => {
    const done = await copy(asJson(turn)).then(() => "Copied", () => "Could not copy");
    label.textContent = done;
    announce(done);
    setTimeout(() => (label.textContent = "Copy as JSON"), 2000);
  });
  return button;
}

// Not every page may reach the clipboard: an insecure one has none.
async function copy(text) {
  await navigator.clipboard.writeText(text);
}

function enlarge(url, words) {
  const dialog = $("enlarged");
  dialog.querySelector("img").src = url;
  dialog.querySelector("img").alt = words;
  dialog.querySelector("p").textContent = words;
  dialog.showModal();
}
