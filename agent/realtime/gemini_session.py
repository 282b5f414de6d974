"""A session of Gemini Live, with what LiveKit's plugin leaves out of it.

The plugin gives a call up when it can't connect at once, tells nobody that it has connected anew, leaves in the middle
of a sentence when the provider says that it will close, and can't drop what was heard while a button was pressed. It
has no public way to send a picture that is encoded already. Held by `tests/room/test_gemini_session.py`.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Final

from google.genai import types
from google.genai.live import AsyncSession
from livekit import rtc
from livekit.agents import APIConnectionError
from livekit.agents.llm import RealtimeSessionReconnectedEvent
from livekit.plugins.google.realtime.realtime_api import RealtimeModel, RealtimeSession

_REFUSALS: Final = frozenset({1007, 1008})
"""Codes with which the provider closes when it refuses what it was asked for: it would do so again."""
_IN_TIME_S: Final = 2.0
"""Seconds before the provider closes at which we leave in any case."""
_SETTLE_S: Final = 1.0
"""Seconds after an answer in which the provider tells from where the conversation can be resumed."""


class GeminiSession(RealtimeSession):
    """One session, over all its connections.

    Attributes:
        listening: Tells whether the caller speaks or waits: a new connection would lose their words.
    """

    def __init__(self, model: RealtimeModel):
        super().__init__(model)
        self.listening: Callable[[], bool] = lambda: False
        self._connected = asyncio.Event()
        self._was_connected = False
        self._failures = 0
        self._tries_again = False
        self._heard = False
        self._leaving: types.LiveServerGoAway | None = None

    def send(self, event: types.LiveClientContent | types.LiveClientRealtimeInput) -> None:
        """Send it behind what was sent before."""
        self._send_client_event(event)

    async def connected(self) -> None:
        """Wait until there is a connection."""
        await self._connected.wait()

    def push_audio(self, frame: rtc.AudioFrame) -> None:
        """Send sound."""
        self._heard = True
        super().push_audio(frame)

    def commit_audio(self) -> None:
        """Take what was heard as a turn: its end is told with the request for an answer."""
        self._heard = False

    def clear_audio(self) -> None:
        """Drop what was heard since the last turn; the provider can't, but a new connection goes on without it."""
        if self._manual_activity_detection and self._heard:
            self._in_user_activity = False
            self._mark_restart_needed()
        self._heard = False

    async def _main_task(self) -> None:
        while True:
            try:
                await super()._main_task()
            except APIConnectionError:
                if not self._tries_again:
                    raise
                await asyncio.sleep(self._opts.conn_options.retry_interval)
            else:
                return

    def _emit_error(self, error: Exception, recoverable: bool) -> None:  # noqa: FBT001 - the plugin's signature
        # Of connections that break, the plugin makes new ones; one that can't be made is a lost cause for it at once.
        attempts, code = self._opts.conn_options.max_retry, getattr(error, "code", None)
        self._tries_again = False
        if not recoverable and self._num_retries < attempts:
            resumed, refused = self._session_resumption_handle is not None, code in _REFUSALS
            if refused:  # the conversation is not known any more, or too long: begin anew, with what was said
                self._session_resumption_handle = self._resumption_chat_ctx = None
            if resumed or not refused:
                self._failures += 1
                self._tries_again = recoverable = self._failures <= attempts
        super()._emit_error(error, recoverable)

    async def _send_task(self, session: AsyncSession) -> None:
        """Begins when a connection stands, and what the conversation held was told again."""
        self._failures, self._leaving = 0, None
        if self._in_user_activity:  # the new connection knows nothing of the turn that the caller has begun
            self._in_user_activity = False
            self.start_user_activity()
        self._connected.set()
        if self._was_connected:
            self.emit("session_reconnected", RealtimeSessionReconnectedEvent())
        self._was_connected = True
        try:
            await super()._send_task(session)
        finally:
            self._connected.clear()

    def _handle_go_away(self, go_away: types.LiveServerGoAway) -> None:
        """Leave in a pause, or when there is hardly time left."""
        self._leaving = go_away
        left_s = max(0.0, seconds(go_away.time_left) - _IN_TIME_S)
        asyncio.get_running_loop().call_later(left_s, self._leave, go_away)
        self._leave_if_quiet(go_away)

    def _mark_current_generation_done(self) -> None:
        """An answer is over."""
        super()._mark_current_generation_done()
        if self._leaving is not None:
            asyncio.get_running_loop().call_later(_SETTLE_S, self._leave_if_quiet, self._leaving)

    def _leave_if_quiet(self, go_away: types.LiveServerGoAway) -> None:
        answering = self._current_generation is not None and not self._current_generation._done  # noqa: SLF001
        if not answering and not self.listening():
            self._leave(go_away)

    def _leave(self, go_away: types.LiveServerGoAway) -> None:
        if self._leaving is go_away:  # else there is another connection by now
            self._leaving = None
            super()._handle_go_away(go_away)


def seconds(duration: str | None) -> float:
    """A duration of the protocol, such as `9.5s`; 0 for what can't be read."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)s", duration or "")
    return float(found[1]) if found else 0.0
