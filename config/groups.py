"""The groups of settings: every `GROUP__NAME` variable with its type, unit, bound, default and meaning.

Those of providers, turn taking, sight and uploads have files of their own: `config/providers.py`, `config/turn.py`,
`config/vision.py` and `config/uploads.py`.
"""

import re
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode

from config.group import group
from config.reference import MAX_REFERENCES, parse_reference, parse_references

_FORMS: Final = {
    "tools": (r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", "module:NAME"),
    "mcp_servers": (r"https?://[^\s/]\S*", "https://host/mcp"),
}
"""What an entry of a list looks like, and how that is told."""


class AgentSettings(BaseSettings):
    """Who the agent is and how long it stays."""

    model_config = group("AGENT")

    mode: Literal["pipeline", "realtime"] = "pipeline"
    """`pipeline` (listener, language model, speaker) or `realtime` (one speech-to-speech model, `REALTIME__*`)."""
    instructions_file: Path | None = None
    """A text file with the agent's instructions (UTF-8). Unset: a short built-in persona."""
    greeting: str = ""
    """The first sentence, spoken when the caller is there. Unset: the agent waits for the caller."""
    images: Annotated[tuple[str, ...], NoDecode] = ()
    """Pictures that every call begins with: files, `https://` addresses and data URLs, separated by spaces (or as a
    JSON list). They are checked as uploads are."""
    pass_image_urls: bool = False
    """Hands `https://` addresses of such pictures to the model's provider as they are, in place of fetching them."""
    fetch_timeout_s: float = Field(default=5.0, gt=0, le=60)
    """Seconds such a picture may take to be fetched. Only public addresses are asked."""
    hold_after_s: float = Field(default=2.0, ge=0, le=60)
    """Seconds of silence before the caller is asked for a moment's patience; 0 for never."""
    tools: Annotated[tuple[str, ...], NoDecode] = ()
    """Function tools of your own, each as `module:NAME` (one tool, or a list of them), separated by spaces. The module
    must be importable, from the working directory or `PYTHONPATH`."""
    mcp_servers: Annotated[tuple[str, ...], NoDecode] = ()
    """Addresses of MCP servers whose tools the model may call, separated by spaces. An address that ends in `/mcp` is
    spoken to over streamable HTTP, any other over SSE."""
    mcp_token: SecretStr | None = None
    """Bearer token that every one of these servers is sent."""
    linger_s: float = Field(default=20.0, ge=0, le=3600)
    """Seconds a call stays open after its caller has left; a caller who returns in time finds it as it was."""
    max_call_s: float = Field(default=1800.0, ge=0, le=86_400)
    """Seconds a call may last; 0 for no limit."""
    max_call_warning_s: float = Field(default=60.0, ge=0, le=3600)
    """Seconds before that limit at which the caller is told; 0 for not at all."""

    @field_validator("tools", "mcp_servers", mode="before")
    @classmethod
    def _words(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, tuple):
            return value
        form, allowed = _FORMS[info.field_name or ""]
        for word in (words := tuple(str(value).split())):
            if not re.fullmatch(form, word):
                raise PydanticCustomError(
                    "reference", "found {word}, expected {allowed}", {"word": repr(word), "allowed": allowed}
                )
        return words

    @field_validator("images", mode="before")
    @classmethod
    def _known_references(cls, value: object) -> object:
        if isinstance(value, tuple):
            return value
        try:
            found = parse_references(str(value))
            for one in found:
                parse_reference(one, files=True)
            if len(found) > MAX_REFERENCES:
                raise ValueError(f"found {len(found)} pictures, at most {MAX_REFERENCES}")  # noqa: TRY301
        except ValueError as error:
            raise PydanticCustomError("reference", "{problem}", {"problem": str(error)}) from None
        return found


class WorkerSettings(BaseSettings):
    """The worker process: capacity, health, start and stop."""

    model_config = group("WORKER")

    max_jobs: int = Field(default=10, ge=1, le=1000)
    """Calls at the same time at most; further ones are left to other workers."""
    max_load: float = Field(default=0.7, ge=0, lt=1)
    """CPU share (0 to 1) from which on new calls are refused; 0 for never. LiveKit's own limit is 0.7 by default."""
    max_memory: float = Field(default=0.9, ge=0, le=1)
    """Share (0 to 1) of the container's or machine's memory from which on new calls are refused; 0 for never."""
    job_memory_limit_mb: int = Field(default=1000, ge=0, le=1_000_000)
    """Megabytes of memory at which the process of a call is ended, as one that leaks; 0 for never."""
    hang_timeout_s: float = Field(default=20.0, ge=5, le=600)
    """Seconds without a sign of life after which the process of a call is ended, as one that hangs."""
    idle_processes: int = Field(default=1, ge=0, le=100)
    """Job processes kept warm, so that a call starts without waiting for one."""
    http_host: str = "0.0.0.0"  # noqa: S104 - a container's health check comes from outside
    """Address that endpoint listens on."""
    http_port: int = Field(default=8081, ge=0, le=65535)
    """Port of the endpoint for health and metrics (`/healthz`, `/readyz`, `/metrics`); 0 picks a free one."""
    connect_timeout_s: float = Field(default=60.0, gt=0, le=3600)
    """Seconds after which a LiveKit server that was never reached ends the worker (exit code 69)."""
    init_timeout_s: float = Field(default=60.0, gt=0, le=600)
    """Seconds a job process may take to load its models."""
    drain_timeout_s: int = Field(default=1800, ge=1, le=86_400)  # the framework takes 0 for no limit
    """Seconds running calls may go on after the first SIGTERM; the second ends them at once."""
    goodbye_s: float = Field(default=15.0, ge=1, le=300)
    """Seconds before that limit at which calls still running say `PHRASES__GOODBYE` and end; half of it at most.
    Whoever speaks may finish first, so it takes up to 12 s."""


class LogSettings(BaseSettings):
    """Logging to standard error."""

    model_config = group("LOG")

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe level that is written."""
    format: Literal["auto", "json", "console"] = "auto"
    """`json` (one object a line), `console` (for people), or `auto`: console on a terminal, else json."""
    personal_data: bool = False
    """Lets what was said into traces (`question` and `answer` of each turn), and into the log where LiveKit's framework
    puts it."""
