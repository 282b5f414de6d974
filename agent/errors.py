"""The errors of the worker.

* SightedError
  - StartError            the worker can't start: unreachable or refusing server
    + ServerUnreachableError
    + ServerRefusedError
  - DispatchError         a job's metadata is not valid
  - BackgroundError       a picture that a call is to begin with can't be had
  - ToolsError            the operator's own tools can't be had
  - UploadError           an upload is refused; its `code` goes to the sender
  - FetchError            a picture can't be fetched
"""

from typing import Literal

UploadCode = Literal[
    "not_allowed",
    "too_large",
    "timeout",
    "aborted",
    "busy",
    "rate_limited",
    "call_limit",
    "unsupported_type",
    "too_many_pixels",
    "too_complex",
    "damaged",
    "model_refused",
    "failed",
]


class SightedError(Exception):
    """Superclass of all errors of the worker. Never raised itself."""


class StartError(SightedError):
    """The worker can't start. Never raised itself."""


class ServerUnreachableError(StartError):
    """The LiveKit server did not answer within `WORKER__CONNECT_TIMEOUT_S`."""


class ServerRefusedError(StartError):
    """The LiveKit server does not accept the API key and secret."""


class DispatchError(SightedError):
    """The metadata of a dispatched job is not valid; the message names the field."""


class BackgroundError(SightedError):
    """A picture that a call is to begin with can't be had; the message says which and why."""


class ToolsError(SightedError):
    """A tool of the operator's own can't be had; the message says which and why."""


class UploadError(SightedError):
    """An upload is refused.

    Attributes:
        code: Stable, for programs.
    """

    def __init__(self, code: UploadCode, message: str):
        super().__init__(message)
        self.code: UploadCode = code


class FetchError(SightedError):
    """A picture can't be fetched; the message names the address, what was found and what is allowed."""
