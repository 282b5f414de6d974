"""The settings `WATCH__*`: looking by itself, and speaking when there is something to say."""

from pydantic import Field
from pydantic_settings import BaseSettings

from config.group import group


class WatchSettings(BaseSettings):
    """Looking by itself, without being asked, and speaking when there is something to say."""

    model_config = group("WATCH")

    prompt: str = ""
    """What to look out for, in words, such as `Say so when the kettle boils.` Unset: the agent waits to be asked."""
    every_s: float = Field(default=5.0, ge=0.5, le=3600)
    """Seconds from one look to the next. One that shows nothing new costs no request."""
    cooldown_s: float = Field(default=30.0, ge=0, le=86_400)
    """Seconds after it has spoken in which it does not watch."""
