"""A person in a room, scripted: microphone, camera, screen and keyboard, and ears for the agent."""

import asyncio
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from livekit import api, rtc

from sandbox.caller.devices import Devices
from sandbox.caller.dispatch import Dispatcher
from sandbox.caller.errors import CallError, NoAgentError, NoReplyError
from sandbox.caller.hearing import Hearing
from sandbox.caller.journal import AgentLeft, Journal
from sandbox.caller.microphone import Speaks, Spoken
from sandbox.caller.reply import Reply, assemble, describe
from sandbox.caller.streams import write_bytes


class Caller(Devices):
    """One participant. As a context manager it leaves the room at the end; what it heard stays readable."""

    def __init__(
        self,
        url: str,
        api_key: str,
        api_secret: str,
        room: str,
        identity: str = "caller",
        *,
        voice: Speaks | None = None,
        dynacast: bool = False,
    ) -> None:
        super().__init__()
        self._url = url
        self._key = api_key
        self._secret = api_secret
        self._dispatcher = Dispatcher(url, api_key, api_secret)
        self._room_name = room
        self.identity = identity
        self._voice = voice
        # Browsers can stop encoding what nobody is subscribed to: `dynacast` has this caller do as they do.
        self._dynacast = dynacast
        self.journal = Journal()
        """What was heard and seen of the agent, across rejoining."""
        self._hearing: Hearing | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.leave()

    @property
    def agent(self) -> rtc.RemoteParticipant | None:
        """The agent, while it is in the room."""
        return self._hearing.agent if self._hearing else None

    async def join(self, *, microphone: bool = True) -> None:
        """Join the room, with a silent microphone unless told otherwise.

        Raises:
            CallError: It has joined already.
            rtc.ConnectError: The server cannot be reached, or refuses.
        """
        if self._room is not None:
            raise CallError(f"{self.identity} has joined already")
        room = rtc.Room()
        hearing = Hearing(room, self.journal)
        hearing.register()
        self._room, self._hearing = room, hearing
        try:
            options = rtc.RoomOptions(auto_subscribe=False, dynacast=self._dynacast)
            await room.connect(self._url, self._token(), options)
            hearing.look_around()
            if microphone:
                await self.plug_in()
        except BaseException:
            await self.leave()
            raise

    async def dispatch(self, agent_name: str, metadata: str = "") -> str:
        """Ask for an agent once, and give the dispatch's id. It is lost if no worker is registered."""
        return await self._dispatcher.dispatch(agent_name, self._room_name, metadata)

    async def call(self, agent_name: str, metadata: str = "", timeout_s: float = 30.0) -> None:
        """Join if need be, ask for an agent until one comes, and wait until it can be heard.

        One that is there already is not asked for again. An empty `agent_name` asks for none: a worker without
        a name comes by itself.

        Raises:
            NoAgentError: None came in time.
        """
        if self._room is None:
            await self.join()
        try:
            async with asyncio.timeout(timeout_s):
                if agent_name and self.agent is None:
                    await self._dispatcher.summon(agent_name, self._room_name, metadata, self._agent_came)
                await self.journal.until(lambda: self._audible() or None, timeout_s)
        except TimeoutError as error:
            seen = "seen, but without audio" if self.agent else "not seen"
            raise NoAgentError(
                f"agent {agent_name!r} {seen} in room {self._room_name!r} after {timeout_s:g} s"
            ) from error

    async def speak(self, text: str) -> Spoken:
        """Say a text with the voice, in real time; returns once its last sound is sent."""
        if self._voice is None:
            raise CallError(f"{self.identity} has no voice")
        return await self.speak_pcm(await self._voice.speak(text), self._voice.sample_rate)

    async def type(self, text: str) -> float:
        """Send a chat message, and give the unix seconds at which it was sent."""
        sent = time.time()
        await self.room.local_participant.send_text(text, topic="lk.chat")
        return sent

    async def upload(
        self,
        data: bytes,
        name: str = "picture.jpg",
        mime_type: str = "image/jpeg",
        *,
        caption: str | None = None,
        reply: bool = False,
        attributes: dict[str, str] | None = None,
    ) -> str:
        """Send a picture as `streamBytes` of the JavaScript SDK does, and give the stream's id.

        To the agent alone, if it is there: whoever else learns a stream's id can put bytes into it.
        """
        sent = dict(attributes or {})
        if caption is not None:
            sent["caption"] = caption
        if reply:
            sent["reply"] = "true"
        return await write_bytes(self.room, data, name, mime_type, topic="images", attributes=sent, to=self._to_agent())

    async def upload_file(self, path: Path | str) -> str:
        """Send a file as `sendFile` of the JavaScript SDK does, without attributes; give the stream's id."""
        sent = await self.room.local_participant.send_file(
            str(path), topic="images", destination_identities=self._to_agent()
        )
        return sent.stream_id

    async def perform_rpc(self, method: str, payload: str = "", timeout_s: float = 10.0) -> str:
        """Call a method of the agent. Raises NoAgentError where there is none, rtc.RpcError where it fails."""
        if self.agent is None:
            raise NoAgentError("there is no agent to call")
        return await self.room.local_participant.perform_rpc(
            destination_identity=self.agent.identity, method=method, payload=payload, response_timeout=timeout_s
        )

    async def reply(self, after: float, timeout_s: float = 20.0) -> Reply:
        """Wait for the agent's whole answer to what was said at `after` (unix seconds).

        Raises:
            NoReplyError: There was none, or it did not end in time.
        """
        try:
            return await self.journal.until(lambda: self._assembled(after), timeout_s)
        except TimeoutError as error:
            found = describe(self.journal, after)
            raise NoReplyError(f"no whole reply after {timeout_s:g} s: {found}") from error

    async def agent_left(self, timeout_s: float = 30.0) -> AgentLeft:
        """Wait until the agent is gone; at once if it has gone already. Raises TimeoutError."""
        return await self.journal.until(lambda: self.journal.last(AgentLeft) if self.agent is None else None, timeout_s)

    async def leave(self) -> None:
        """Leave the room and end everything; `join()` may follow. Safe to call twice."""
        await self.unplug()
        hearing, self._hearing = self._hearing, None
        if hearing is not None:
            await hearing.aclose()
        room, self._room = self._room, None
        if room is not None:
            await room.disconnect()

    def _to_agent(self) -> list[str] | None:
        return None if self.agent is None else [self.agent.identity]

    def _token(self) -> str:
        grants = api.VideoGrants(room_join=True, room=self._room_name, can_update_own_metadata=True)
        token = api.AccessToken(self._key, self._secret).with_identity(self.identity)
        return token.with_name(self.identity).with_grants(grants).to_jwt()

    def _audible(self) -> bool:
        return self._hearing is not None and self._hearing.audible

    async def _agent_came(self, within_s: float) -> bool:
        try:
            await self.journal.until(lambda: self.agent, within_s)
        except TimeoutError:
            return False
        return True

    def _assembled(self, after: float) -> Reply | None:
        writing = self._hearing is not None and self._hearing.writing(after)
        return assemble(self.journal, self.identity, after, writing=writing)
