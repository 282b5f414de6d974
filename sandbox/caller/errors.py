"""What can go wrong in a scripted call.

* CallError
  x NoAgentError
  x NoReplyError
"""


class CallError(Exception):
    """A call did not go as its script says. Superclass of those below."""


class NoAgentError(CallError):
    """No agent came, or none is there."""


class NoReplyError(CallError):
    """The agent did not answer in time."""
