// The page: everything below, put together.
import { Room, RoomEvent, Track } from "./lib/livekit-client.mjs";
import { Agent } from "./agent.js";
import { Captions } from "./captions.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { Controls } from "./controls.js";
import { Conversation } from "./conversation.js";
import { Devices } from "./devices.js";
import { $ } from "./dom.js";
import { Meter } from "./meter.js";
import { Notices } from "./notices.js";
import { PushToTalk } from "./push_to_talk.js";
import * as say from "./sentences.js";
import { TalkButton } from "./talk_button.js";
import { Turns } from "./turns.js";
import { Uploads } from "./uploads.js";

// docs:begin room
const room = new Room({ adaptiveStream: false, dynacast: true });
// docs:end room
const connection = new Connection(room);
const agent = new Agent(room);
const devices = new Devices(room);
const captions = new Captions(room, agent);
const turns = new Turns(room, agent);
const uploads = new Uploads(room, agent);
const pushToTalk = new PushToTalk(room, agent);
const notices = new Notices();
const conversation = new Conversation();
const meter = { mine: new Meter($("microphone")), agent: new Meter($("state")) };
new Controls(devices);
new Composer(room, agent, pushToTalk, uploads, conversation, (problem) => notices.show("pictures", problem));
new TalkButton(pushToTalk, devices, (problem) => notices.show("talk", problem));

captions.addEventListener("caption", ({ detail }) => conversation.caption(detail));
turns.addEventListener("turn", ({ detail }) => conversation.turn(detail));

let before = connection.state;
let served = "";
connection.addEventListener("state", ({ detail: state }) => {
  if (state === "joined" && before === "gone") conversation.note(say.ANEW);
  before = state;
  if (state !== "joined" && state !== "reconnecting") served = "";
  $("welcome").hidden = state !== "idle" && state !== "ended";
  $("call").hidden = $("leave").hidden = $("skip").hidden = !$("welcome").hidden;
  $("ended").hidden = state !== "ended";
  notices.show("connection", { gone: say.SERVER_GONE, reconnecting: say.RECONNECTING }[state] ?? "");
  if (state !== "joined") notices.show("agent", "");
  drawState();
});
agent.addEventListener("there", () => {
  notices.show("agent", "");
  if (served && served !== agent.identity) conversation.note(say.ANOTHER);
  served = agent.identity;
  hear();
});
agent.addEventListener("late", () => {
  if (connection.state !== "joined") return;
  notices.show("agent", say.NOBODY);
  connection.askAgain();
});
for (const event of ["there", "left", "changed"]) agent.addEventListener(event, drawState);
pushToTalk.addEventListener("mode", drawState);

devices.addEventListener("failed", ({ detail }) => {
  notices.show(detail.source, say.deviceSentence(detail.source, detail.failure));
});
devices.addEventListener("changed", () => {
  for (const source of ["microphone", "camera", "screen"]) {
    if (devices.state(source) === "on") notices.show(source, "");
  }
  meter.mine.follow(devices.state("microphone") === "on" ? devices.track("microphone") : null);
});

// docs:begin sound
function hear() {
  const track = agent.participant?.getTrackPublication(Track.Source.Microphone)?.track;
  if (!track) return;
  track.attach($("voice"));
  meter.agent.follow(track);
}
room.on(RoomEvent.TrackSubscribed, hear);
room.on(RoomEvent.TrackUnsubscribed, (track) => track.detach());
// docs:end sound
room.on(RoomEvent.TrackUnsubscribed, () => meter.agent.follow(null));
room.on(RoomEvent.AudioPlaybackStatusChanged, () => {
  notices.show("sound", room.canPlaybackAudio ? "" : say.PAGE_SILENT);
});
for (const press of ["click", "keydown"]) {
  document.addEventListener(press, () => room.canPlaybackAudio || room.startAudio().catch(() => {}));
}

// Each new connection begins with the devices that the user wants, also after the server was away.
room.on(RoomEvent.Connected, () => devices.restore());

$("start").addEventListener("submit", async (event) => {
  event.preventDefault();
  devices.wanted = { microphone: $("with-microphone").checked, camera: $("with-camera").checked, screen: false };
  notices.clear();
  conversation.clear();
  if (!window.isSecureContext) notices.show("page", say.INSECURE);
  const joined = connection.join();
  // The button that was pressed is gone. On a touch screen the field would bring up a keyboard over the call.
  $(matchMedia("(pointer: coarse)").matches ? "microphone" : "words").focus();
  await joined;
});
$("leave").addEventListener("click", async () => {
  await connection.leave();
  notices.clear();
  $("begin").focus();
});
window.addEventListener("pagehide", () => connection.leave());

function drawState() {
  const here = agent.participant !== null;
  const doing = pushToTalk.ready ? agent.state : "initializing";
  $("state").dataset.state = connection.state === "joined" && here ? doing : connection.state;
  $("state-text").textContent = say.stateSentence(connection.state, here, doing);
  const sight = connection.state === "joined" && here ? agent.sight : "";
  $("sight").dataset.sight = sight;
  const seeing = ["camera", "screen", "both"].includes(sight);
  $("sight").querySelector("use").setAttribute("href", seeing ? "#icon-eye" : "#icon-eye-off");
  $("sight-text").textContent = say.sightSentence(sight);
}
drawState();
