"""Builds the session of a call on a speech-to-speech model. Nothing here contacts a provider yet."""

from dataclasses import replace
from typing import Final

from livekit.agents import AgentSession
from livekit.agents.llm import RealtimeModel
from livekit.agents.types import APIConnectOptions
from livekit.agents.vad import VAD
from livekit.agents.voice.agent_session import SessionConnectOptions

from agent.pipeline import NEVER
from agent.realtime.openai_model import openai_model
from config.settings import Settings
from config.turn import TurnSettings

FITTED_PX: Final = 1024
"""Pixels along each edge into which a live picture is fitted, whatever it shows."""
_EDGE_SILENCE_S: Final = 0.2
"""Seconds of silence after which the caller's last picture is taken: before the provider takes the turn as over."""
_ATTEMPTS: Final = 10
"""Attempts to connect in a row, a second apart, before the call is given up."""
PATIENCE: Final = APIConnectOptions(max_retry=_ATTEMPTS, retry_interval=1.0, timeout=5.0)


def for_realtime(settings: Settings) -> Settings:
    """The settings of a call in this mode: sight as a live model needs it, turns as it takes them."""
    vision = settings.vision
    sight = {
        "skip_unchanged": True,
        "format": "jpeg",
        "max_width": min(vision.max_width, FITTED_PX),
        "max_height": min(vision.max_height, FITTED_PX),
        "screen_max_width": min(vision.screen_max_width, FITTED_PX),
        "screen_max_height": min(vision.screen_max_height, FITTED_PX),
    }
    if settings.realtime.framework_video:
        sight["attention"] = "always"  # the framework's own sampler knows of no pauses
    manual = settings.realtime.turn_detection == "manual"
    turn = settings.turn.model_copy(update={"detection": "manual" if manual else "vad"})
    return replace(settings, vision=vision.model_copy(update=sight), turn=turn)


def edges_of(turn: TurnSettings) -> TurnSettings:
    """The settings of a voice activity detector that only tells when pictures matter."""
    return turn.model_copy(update={"min_silence_s": min(turn.min_silence_s, _EDGE_SILENCE_S)})


def realtime_model(settings: Settings, patience: APIConnectOptions = PATIENCE) -> RealtimeModel:
    """The model's client; needs a running job, or a base for HTTP sessions."""
    if settings.realtime.provider == "google":
        from agent.realtime.gemini_model import gemini_model  # noqa: PLC0415 - an extra, and seconds of imports

        return gemini_model(settings, patience)
    return openai_model(settings, patience)


def build_realtime_session(settings: Settings, vad: VAD) -> AgentSession[None]:
    """One call's session."""
    manual = settings.realtime.turn_detection == "manual"
    interruptible = settings.turn.interruptions or not manual  # else it is the provider that interrupts
    return AgentSession(
        llm=realtime_model(settings),
        vad=vad,
        turn_handling={
            "turn_detection": "manual" if manual else "realtime_llm",
            "interruption": {"enabled": interruptible, "mode": "vad"},
        },
        conn_options=SessionConnectOptions(max_unrecoverable_errors=NEVER),
    )
