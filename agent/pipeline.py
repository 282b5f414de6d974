"""Builds the STT-LLM-TTS session from the settings. Nothing here contacts a provider yet."""

from typing import Any

from livekit.agents import NOT_GIVEN, AgentSession
from livekit.agents.llm import LLM
from livekit.agents.stt import STT
from livekit.agents.tts import TTS
from livekit.agents.types import APIConnectOptions
from livekit.agents.vad import VAD
from livekit.agents.voice.agent_session import SessionConnectOptions
from livekit.plugins import cartesia, deepgram, openai, silero
from livekit.plugins.cartesia.models import TTSDefaultVoiceId

from config.groups import TurnSettings
from config.settings import Settings

_NEVER = 2**31
_KEYLESS = "none"
"""Local model servers ignore the key, but the client insists on one."""


def load_vad(settings: TurnSettings) -> VAD:
    """Load Silero; blocking, so it belongs into a job process's start-up."""
    return silero.VAD.load(min_silence_duration=settings.min_silence_s)


def build_llm(settings: Settings) -> LLM[Any]:
    """The model's client; blocking, since it reads the system's certificates."""
    key = settings.services.openai_api_key
    return openai.LLM(
        model=settings.llm.model,
        api_key=key.get_secret_value() if key else _KEYLESS,
        base_url=settings.services.openai_base_url,
        temperature=NOT_GIVEN if settings.llm.temperature is None else settings.llm.temperature,
    )


def build_stt(settings: Settings) -> STT[Any]:
    """The listener's client."""
    services = settings.services
    return deepgram.STT(
        model=settings.stt.model,
        language=settings.stt.language,
        api_key=services.deepgram_api_key.get_secret_value(),
        base_url=services.deepgram_base_url,
    )


def build_tts(settings: Settings) -> TTS[Any]:
    """The speaker's client."""
    services = settings.services
    return cartesia.TTS(
        model=settings.tts.model,
        language=settings.tts.language,
        api_key=services.cartesia_api_key.get_secret_value(),
        base_url=services.cartesia_base_url,
        voice=settings.tts.voice or TTSDefaultVoiceId,
    )


def build_session(settings: Settings, vad: VAD, llm: LLM[Any]) -> AgentSession[None]:
    """One call's session. Turn detection and interruptions run on the VAD, so no cloud service decides them."""
    turn = settings.turn
    return AgentSession(
        stt=build_stt(settings),
        llm=llm,
        tts=build_tts(settings),
        vad=vad,
        turn_handling={
            "turn_detection": "vad",
            "endpointing": {"mode": "fixed", "min_delay": turn.min_delay_s, "max_delay": turn.max_delay_s},
            "interruption": {"enabled": turn.interruptions, "mode": "vad"},
            "preemptive_generation": {"enabled": turn.preemptive},
        },
        conn_options=SessionConnectOptions(
            llm_conn_options=APIConnectOptions(timeout=settings.llm.timeout_s),
            # A provider's fault ends no call: the framework would hang up after the fourth in a row.
            max_unrecoverable_errors=_NEVER,
        ),
    )
