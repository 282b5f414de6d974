"""The client of OpenAI's Realtime API."""

from typing import Final

from livekit.agents import NOT_GIVEN
from livekit.agents.types import APIConnectOptions
from livekit.plugins import openai
from openai.types.realtime import AudioTranscription
from openai.types.realtime.realtime_audio_input_turn_detection import ServerVad

from agent.providers import plain
from config.keys import realtime_key
from config.settings import Settings

TRANSCRIBER: Final = "gpt-4o-mini-transcribe"
"""Writes down what the caller said; the model itself hears it."""


def openai_model(settings: Settings, patience: APIConnectOptions) -> openai.realtime.RealtimeModel:
    """The client, as the settings say; needs a running job, or a base for HTTP sessions."""
    asked, turn = settings.realtime, settings.turn
    detection = ServerVad(
        type="server_vad",
        threshold=turn.vad_threshold,
        silence_duration_ms=round(turn.min_silence_s * 1000),
        interrupt_response=turn.interruptions,
        create_response=True,
    )
    transcription = AudioTranscription(model=TRANSCRIBER)
    if asked.language:
        transcription.language = asked.language
    return openai.realtime.RealtimeModel(
        model=asked.chosen,
        voice=asked.voice or openai.realtime.realtime_model.DEFAULT_VOICE,
        api_key=plain(realtime_key(settings.services, asked)),
        base_url=asked.base_url or settings.services.openai_base_url,
        turn_detection=None if asked.turn_detection == "manual" else detection,
        input_audio_transcription=transcription,
        tool_choice=NOT_GIVEN,
        conn_options=patience,
    )
