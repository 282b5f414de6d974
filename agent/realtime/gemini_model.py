"""The client of Gemini Live. Imported only where it is asked for: it is an extra, and takes seconds to load."""

from typing import Final

from google.genai import Client, types
from livekit.agents import NOT_GIVEN
from livekit.agents.types import APIConnectOptions
from livekit.agents.utils import http_context
from livekit.plugins import google

from agent.providers import plain
from agent.realtime.gemini_session import GeminiSession
from config.keys import realtime_key
from config.settings import Settings
from config.turn import TurnSettings
from config.vision import Detail

DEFAULT_VOICE: Final = "Puck"
_KEPT: Final = 0.5
"""Share of the conversation that stays when it is cut."""
_RESOLUTION: Final[dict[Detail, types.MediaResolution]] = {
    "low": types.MediaResolution.MEDIA_RESOLUTION_LOW,
    "high": types.MediaResolution.MEDIA_RESOLUTION_HIGH,
}
"""How closely the model looks; `auto` leaves it to the provider."""


class GeminiModel(google.realtime.RealtimeModel):
    """The plugin's model with sessions of our own."""

    def session(self, *, turn_detection_disabled: bool = False) -> GeminiSession:  # noqa: ARG002 - as the plugin does
        """A new session."""
        session = GeminiSession(self)
        self._sessions.add(session)
        return session


def gemini_model(settings: Settings, patience: APIConnectOptions) -> GeminiModel:
    """The client, as the settings say."""
    asked = settings.realtime
    return GeminiModel(
        model=asked.chosen,
        voice=asked.voice or DEFAULT_VOICE,
        language=asked.language or NOT_GIVEN,
        temperature=NOT_GIVEN if asked.temperature is None else asked.temperature,
        api_key=plain(realtime_key(settings.services, asked)),
        vertexai=False,
        http_options=_http(asked.base_url, patience),
        realtime_input_config=_input(settings.turn, manual=asked.turn_detection == "manual"),
        media_resolution=_RESOLUTION.get(settings.vision.detail, NOT_GIVEN),
        # Without it the provider ends a conversation with video after two minutes.
        context_window_compression=types.ContextWindowCompressionConfig(
            trigger_tokens=asked.context_tokens,
            sliding_window=types.SlidingWindow(target_tokens=round(asked.context_tokens * _KEPT)),
        ),
        conn_options=patience,
    )


def warm_up() -> None:
    """Build what the client builds on first use: it would stall a call's first connection. Blocking."""
    Client(api_key="none", vertexai=False, http_options=_http("", APIConnectOptions())).close()
    types.LiveConnectParameters(model="none", config=types.LiveConnectConfig()).model_dump(exclude_none=True)
    types.LiveServerMessage.model_validate({"server_content": {"model_turn": {"parts": [{"text": ""}]}}})
    for sent in (types.LiveClientRealtimeInput(), types.LiveClientContent()):
        sent.model_dump(exclude_none=True)


def _http(base_url: str, patience: APIConnectOptions) -> types.HttpOptions:
    trust = http_context._create_ssl_context()  # noqa: SLF001 - one for the process; the client makes three for each call
    return types.HttpOptions(
        base_url=base_url or None,
        timeout=round(patience.timeout * 1000),
        client_args={"verify": trust},
        async_client_args={"verify": trust, "ssl": trust},
    )


def _input(turn: TurnSettings, *, manual: bool) -> types.RealtimeInputConfig:
    detection = types.AutomaticActivityDetection(silence_duration_ms=round(turn.min_silence_s * 1000))
    barge_in = types.ActivityHandling.START_OF_ACTIVITY_INTERRUPTS
    return types.RealtimeInputConfig(
        automatic_activity_detection=types.AutomaticActivityDetection(disabled=True) if manual else detection,
        # A button that is pressed is no interruption; that it may be one, the session decides.
        activity_handling=barge_in if manual or turn.interruptions else types.ActivityHandling.NO_INTERRUPTION,
        # Else what is shown in a silence, such as the last picture of a still scene, would never be seen.
        turn_coverage=types.TurnCoverage.TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO,
    )
