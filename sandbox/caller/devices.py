"""What a scripted caller holds: a microphone, a camera and a screen, each published or not."""

from typing import Literal

from livekit import rtc

from sandbox.caller.camera import Camera, Source
from sandbox.caller.errors import CallError
from sandbox.caller.microphone import Microphone, Spoken
from sandbox.caller.scenes import Scene, scene, usual_size

AnySource = Source | Literal["microphone"]

_SCREEN_SIZE = (1920, 1080)
_FPS = {"camera": 30.0, "screen": 5.0}


class Devices:
    """The published tracks of one participant, in one room at a time."""

    identity: str
    """The participant's."""

    def __init__(self) -> None:
        self._room: rtc.Room | None = None
        self._microphone: Microphone | None = None
        self._cameras: dict[Source, Camera] = {}

    @property
    def room(self) -> rtc.Room:
        """The joined room, for what has no method here. Raises CallError before `join()`."""
        if self._room is None:
            raise CallError(f"{self.identity} has not joined")
        return self._room

    async def plug_in(self) -> None:
        """Publish a microphone, silent for now."""
        self._microphone = Microphone(self.room)
        await self._microphone.publish()

    async def speak_pcm(self, pcm: bytes, sample_rate: int) -> Spoken:
        """Say a recording (s16le, mono, hertz), in real time; returns once its last sound is sent."""
        if self._microphone is None:
            raise CallError(f"{self.identity} has no microphone")
        return await self._microphone.speak(pcm, sample_rate)

    async def show(
        self,
        what: Scene | str,
        source: Source = "camera",
        *,
        size: tuple[int, int] | None = None,
        fps: float | None = None,
        rotation: int = 0,
        simulcast: bool = False,
        max_bitrate: int | None = None,
    ) -> None:
        """Publish a scene; on a source already published, show it on the same track instead, without an event.

        Args:
            what: a scene, or its short form for `sandbox.caller.scenes.scene`.
            source: where it appears.
            size: width and height of a short form, in pixels; 1920x1080 for a screen, for a camera the form's
                usual one.
            fps: frames a second; 30 for a camera, 5 for a screen.
            rotation: clockwise degrees to flag the frames with: 0, 90, 180 or 270.
            simulcast: whether to send smaller layers too.
            max_bitrate: bits a second.
        """
        if isinstance(what, str):
            size = size or (_SCREEN_SIZE if source == "screen" else usual_size(what))
            shown = scene(what, *size)
        else:
            shown = what
        if source in self._cameras:
            self._cameras[source].replace(shown)
            return
        camera = Camera(
            self.room,
            shown,
            source=source,
            fps=fps or _FPS[source],
            rotation=rotation,
            simulcast=simulcast,
            max_bitrate=max_bitrate,
        )
        self._cameras[source] = camera
        await camera.publish()

    def freeze(self, source: Source = "camera", *, frozen: bool = True) -> None:
        """Stop a source's frames, or let them go on, without any event."""
        self._camera(source).freeze(frozen=frozen)

    async def frames_encoded(self, source: Source = "camera") -> int:
        """Frames of a source that were encoded so far. With `dynacast` they stop some 5 s after the last onlooker."""
        return await self._camera(source).frames_encoded()

    def mute(self, source: AnySource = "camera") -> None:
        """Mute a source; others are told."""
        self._device(source).mute()

    def unmute(self, source: AnySource = "camera") -> None:
        """Unmute a source; others are told."""
        self._device(source).unmute()

    async def unpublish(self, source: AnySource = "camera") -> None:
        """Take a source away; others are told."""
        device = self._device(source)
        if isinstance(device, Microphone):
            self._microphone = None
        else:
            self._cameras = {name: camera for name, camera in self._cameras.items() if camera is not device}
        await device.unpublish()

    async def unplug(self) -> None:
        """End everything, before the room is left."""
        devices: list[Camera | Microphone] = [*self._cameras.values()]
        if self._microphone is not None:
            devices.append(self._microphone)
        self._microphone = None
        self._cameras = {}
        for device in devices:
            await device.aclose()

    def _camera(self, source: Source) -> Camera:
        if source not in self._cameras:
            raise CallError(f"{self.identity} shows no {source}")
        return self._cameras[source]

    def _device(self, source: AnySource) -> Camera | Microphone:
        if source != "microphone":
            return self._camera(source)
        if self._microphone is None:
            raise CallError(f"{self.identity} has no microphone")
        return self._microphone
