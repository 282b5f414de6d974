"""What the agent says of its own accord, in the caller's language."""

from pydantic_settings import BaseSettings

from config.group import group


class PhraseSettings(BaseSettings):
    """Sentences for when something goes wrong, or comes to its end.

    Unset ones are built in, by the language of the agent's speech: see `agent.phrases`.
    """

    model_config = group("PHRASES")

    hold: str = ""
    """Said when an answer takes longer than `AGENT__HOLD_AFTER_S`. Unset sentences are built in: English, German,
    French, Spanish, Italian, Portuguese and Dutch, by the language of the agent's speech; English for any other."""
    still: str = ""
    """When it takes as long again, and again."""
    sorry: str = ""
    """When there is no answer: no model answers, or no voice can speak it."""
    cut: str = ""
    """When an answer breaks off in the middle."""
    unheard: str = ""
    """When the caller spoke and nothing was understood, because listening failed."""
    deaf: str = ""
    """When that goes on."""
    ending: str = ""
    """When the call is about to reach `AGENT__MAX_CALL_S`."""
    goodbye: str = ""
    """Before a call is ended: after `AGENT__MAX_CALL_S`, or because the worker stops."""
