"""The steps of a scripted call, and what there is to tell of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sandbox.caller import journal
from sandbox.caller.caller import Caller
from sandbox.caller.camera import Source
from sandbox.caller.devices import AnySource
from sandbox.caller.errors import CallError, NoReplyError

_UPLOAD_TIMEOUT_S = 15.0
_LEFT_TIMEOUT_S = 30.0


class Steps:
    """Carries out steps by name with one caller, and tells a line for each thing that happens."""

    def __init__(self, caller: Caller, timeout_s: float, say: Callable[[str], None]) -> None:
        self._caller = caller
        self._timeout_s = timeout_s
        self._say = say
        self._began = time.time()
        self._answer = ""
        self._steps: dict[str, Callable[[Any], Awaitable[None]]] = {
            "camera": lambda scene: self._show(scene, "camera"),
            "screen": lambda scene: self._show(scene, "screen"),
            "greeting": lambda _: self._hear(self._began),
            "say": self._speak,
            "type": self._type,
            "upload": self._upload,
            "expect": self._expect,
            "rpc": self._rpc,
            "mute": self._mute,
            "unmute": self._unmute,
            "unpublish": self._unpublish,
            "freeze": self._freeze,
            "thaw": self._thaw,
            "wait": asyncio.sleep,
            "until_left": self._until_left,
        }

    async def carry_out(self, name: str, value: Any) -> None:
        """Carry out one step.

        Raises:
            CallError: It does not go as it should; NoReplyError where an answer is missing or another.
            ValueError: A scene cannot be made.
        """
        await self._steps[name](value)

    def tell(self, event: journal.Event) -> None:
        """Tell of an event, if a reader would want to know."""
        match event:
            case journal.AgentJoined(identity=identity):
                self._say(f"joined    {identity}")
            case journal.AgentLeft(identity=identity):
                self._say(f"left      {identity}")
            case journal.VisionStatus(status=status):
                self._say(f"vision    {status}")
            case journal.UploadStatus(data=data):
                what = data.get("message") or data.get("code") or ""
                self._say(f"upload    {data.get('status')} {data.get('name')} {what}".rstrip())
            case journal.Transcript(speaker=speaker, text=text, final=True) if speaker == self._caller.identity:
                self._say(f"heard     {text}")
            case journal.Snapshot(data=data, attributes=attributes):
                shown = ", ".join(f"{key} {value}" for key, value in attributes.items() if key != "sha256")
                self._say(f"shown     {len(data):,} bytes: {shown}")

    async def _show(self, scene: str, source: Source) -> None:
        await self._caller.show(scene, source)
        self._say(f"{source:<9} {scene}")

    async def _speak(self, text: str) -> None:
        spoken = await self._caller.speak(text)
        self._say(f"said      {text}")
        await self._hear(spoken.ended)

    async def _type(self, text: str) -> None:
        sent = await self._caller.type(text)
        self._say(f"typed     {text}")
        await self._hear(sent)

    async def _upload(self, arguments: list[str]) -> None:
        path, caption = arguments[0], " ".join(arguments[1:])
        try:
            data = await asyncio.to_thread(Path(path).read_bytes)
        except OSError as error:
            raise CallError(f"upload {path!r}: {error.strerror}") from error
        sent = time.time()
        if caption:
            stream_id = await self._caller.upload(data, Path(path).name, caption=caption, reply=True)
        else:
            stream_id = await self._caller.upload_file(path)
        status = await self._upload_status(stream_id)
        if status != "accepted":
            raise CallError(f"upload {path!r} was {status}")
        if caption:
            await self._hear(sent)

    async def _upload_status(self, stream_id: str) -> str:
        try:
            event = await self._caller.journal.wait_for(
                journal.UploadStatus,
                where=lambda event: event.data.get("stream_id") == stream_id,
                timeout_s=_UPLOAD_TIMEOUT_S,
            )
        except TimeoutError as error:
            raise NoReplyError(f"nothing became of the upload in {_UPLOAD_TIMEOUT_S:g} s") from error
        return str(event.data.get("status"))

    async def _expect(self, text: str) -> None:
        if text.casefold() not in self._answer.casefold():
            raise NoReplyError(f"expected {text!r} in the answer {self._answer!r}")

    async def _rpc(self, method: str) -> None:
        self._say(f"rpc       {method}: {await self._caller.perform_rpc(method)}")

    async def _mute(self, source: AnySource) -> None:
        self._caller.mute(source)
        self._say(f"muted     {source}")

    async def _unmute(self, source: AnySource) -> None:
        self._caller.unmute(source)
        self._say(f"unmuted   {source}")

    async def _unpublish(self, source: AnySource) -> None:
        await self._caller.unpublish(source)
        self._say(f"took away {source}")

    async def _freeze(self, source: Source) -> None:
        self._caller.freeze(source)
        self._say(f"froze     {source}")

    async def _thaw(self, source: Source) -> None:
        self._caller.freeze(source, frozen=False)
        self._say(f"thawed    {source}")

    async def _until_left(self, _: object) -> None:
        try:
            await self._caller.agent_left(_LEFT_TIMEOUT_S)
        except TimeoutError as error:
            raise CallError(f"the agent is still there after {_LEFT_TIMEOUT_S:g} s") from error

    async def _hear(self, after: float) -> None:
        reply = await self._caller.reply(after, self._timeout_s)
        self._answer = reply.text
        self._say(f"answered  {reply.text} ({reply.delay_s * 1000:.0f} ms)")
