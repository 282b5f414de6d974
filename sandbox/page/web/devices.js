// Microphone, camera and screen: started, muted, stopped and chosen.
import { MediaDeviceFailure, Room, RoomEvent, Track } from "./lib/livekit-client.mjs";

const TRACKS = {
  microphone: Track.Source.Microphone,
  camera: Track.Source.Camera,
  screen: Track.Source.ScreenShare,
};
const KINDS = { microphone: "audioinput", camera: "videoinput" };

/** Tells `changed` when a device is started, muted, stopped or plugged in, and `failed` with `{source, failure}`. */
export class Devices extends EventTarget {
  /** What the user wants on, whether or not it could be started: a new call begins with it. */
  wanted = { microphone: true, camera: true, screen: false };
  #room;

  constructor(room) {
    super();
    this.#room = room;
    const tell = () => this.dispatchEvent(new Event("changed"));
    for (const event of [
      RoomEvent.LocalTrackPublished,
      RoomEvent.LocalTrackUnpublished,
      RoomEvent.TrackMuted,
      RoomEvent.TrackUnmuted,
      RoomEvent.MediaDevicesChanged,
      RoomEvent.ActiveDeviceChanged,
      RoomEvent.Disconnected,
    ]) {
      room.on(event, tell);
    }
  }

  /** Whether this browser can give it to a page at all: phones share no screen, and insecure pages get nothing. */
  offers(source) {
    return (source === "screen" ? "getDisplayMedia" : "getUserMedia") in (navigator.mediaDevices ?? {});
  }

  /** `on`, `muted` or `off`. */
  state(source) {
    const publication = this.#publication(source);
    if (publication?.track === undefined) return "off";
    return publication.isMuted ? "muted" : "on";
  }

  /** The track, for a preview or a meter; null while there is none. */
  track(source) {
    return this.#publication(source)?.track ?? null;
  }

  /** After joining: what the user wants. A screen is shared only at a press of its button, as browsers want it. */
  async restore() {
    this.wanted.screen = false;
    if (this.wanted.microphone) await this.set("microphone", true);
    if (this.wanted.camera) await this.set("camera", true);
  }

  /** Turn on, or mute; a screen is not muted, but no longer shared. */
  async set(source, on) {
    this.wanted[source] = on;
    const local = this.#room.localParticipant;
    try {
      // docs:begin devices
      if (source === "microphone") await local.setMicrophoneEnabled(on);
      if (source === "camera") await local.setCameraEnabled(on);
      if (source === "screen") await local.setScreenShareEnabled(on, { audio: false, contentHint: "detail" });
      // docs:end devices
    } catch (error) {
      this.wanted[source] = false;
      this.#failed(source, error);
    }
    this.dispatchEvent(new Event("changed"));
  }

  /** Give the device back: nothing is published any more. */
  async stop(source) {
    this.wanted[source] = false;
    const track = this.track(source);
    if (track !== null) await this.#room.localParticipant.unpublishTrack(track, true);
  }

  /** `[{id, label, active}]` of a microphone or camera; labels are there once one was allowed. */
  async list(source) {
    const devices = await Room.getLocalDevices(KINDS[source], false).catch(() => []);
    const active = this.#room.getActiveDevice(KINDS[source]);
    return devices
      .filter((device) => device.deviceId)
      .map((device, index) => ({
        id: device.deviceId,
        label: device.label || `${source} ${index + 1}`,
        active: device.deviceId === active,
      }));
  }

  async choose(source, id) {
    try {
      await this.#room.switchActiveDevice(KINDS[source], id);
    } catch (error) {
      this.#failed(source, error);
    }
    this.dispatchEvent(new Event("changed"));
  }

  #publication(source) {
    return this.#room.localParticipant.getTrackPublication(TRACKS[source]);
  }

  #failed(source, error) {
    const told = MediaDeviceFailure.getFailure(error) ?? MediaDeviceFailure.Other;
    const failure = this.offers(source) ? told : "Unsupported";
    this.dispatchEvent(new CustomEvent("failed", { detail: { source, failure } }));
  }
}
