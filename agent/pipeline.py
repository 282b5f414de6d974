"""Builds the STT-LLM-TTS session from the settings. Nothing here contacts a provider yet."""

from collections.abc import Sequence
from typing import Any

from livekit.agents import AgentSession
from livekit.agents.llm import LLM
from livekit.agents.types import APIConnectOptions
from livekit.agents.vad import VAD
from livekit.agents.voice.agent_session import SessionConnectOptions
from livekit.plugins import silero

from agent.providers import RETRY_S, build_stt, build_tts
from agent.turn_taking import turn_handling
from config.settings import Settings
from config.turn import TurnSettings

NEVER = 2**31
"""More faults than any call has: no number of them ends one."""
_LISTENER_S = 5.0
"""Seconds to connect to a listener."""


def load_vad(settings: TurnSettings) -> VAD:
    """Load Silero; blocking, so it belongs into a job process's start-up."""
    return silero.VAD.load(min_silence_duration=settings.min_silence_s, activation_threshold=settings.vad_threshold)


def build_session(settings: Settings, vad: VAD, llm: LLM[Any]) -> AgentSession[None]:
    """One call's session."""
    return AgentSession(
        stt=build_stt(settings, vad),
        llm=llm,
        tts=build_tts(settings),
        vad=vad,
        turn_handling=turn_handling(settings.turn),
        conn_options=SessionConnectOptions(
            llm_conn_options=_patience(settings.llm.chain, settings.llm.timeout_s),
            # OpenAI's voice would begin its sentence again, also where part of it has been heard.
            tts_conn_options=_patience(
                settings.tts.chain, settings.tts.timeout_s, again=settings.tts.provider != "openai"
            ),
            # The listener's stream is opened again and again, as long as the call lives.
            stt_conn_options=APIConnectOptions(max_retry=0, timeout=_LISTENER_S),
            # A provider's fault ends no call: the framework would hang up after the fourth in a row.
            max_unrecoverable_errors=NEVER,
        ),
    )


def _patience(chain: Sequence[object], timeout_s: float, *, again: bool = True) -> APIConnectOptions:
    """One more attempt at the same provider, or none where another one steps in: the caller is waiting."""
    return APIConnectOptions(max_retry=1 if again and len(chain) == 1 else 0, retry_interval=RETRY_S, timeout=timeout_s)
