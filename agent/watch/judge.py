"""Has the language model judge whether what a watch looks out for has come to pass."""

import json
from typing import Any, Final

from livekit.agents.llm import LLM, ChatContext, ChatMessage, Tool, function_tool
from livekit.agents.types import APIConnectOptions

from agent.vision.pictures import pictures
from agent.vision.view import View
from agent.watch.reports import Verdict
from config.settings import Settings

MAX_CHARACTERS: Final = 400
"""Of a report: more is no word in passing."""
_INSTRUCTIONS: Final = """\
You watch what a user shows. Look at the picture, and call the tool report if, and only if, what you are told to look \
out for holds in it now, with the one short sentence that the user should hear. Otherwise answer with the word "no".\
"""
_BEFORE: Final = "[You have already said: {} Report only what is new since. If it no longer holds, call the tool over.]"


@function_tool
async def report(words: str) -> None:
    """Tell the user that what you look out for holds now.

    Args:
        words: One short sentence, to be spoken aloud.
    """


@function_tool
async def over() -> None:
    """What you have already said no longer holds."""


class Judge:
    """Asks the model of `LLM__*`, in either mode: a live model can't look without speaking."""

    def __init__(self, llm: LLM[Any], settings: Settings):
        self._llm = llm
        self._prompt = settings.watch.prompt
        self._detail = settings.vision.detail
        self._patience = APIConnectOptions(max_retry=0, timeout=settings.llm.timeout_s)

    async def ask(self, view: View, before: str) -> Verdict:
        """What the user should hear, if anything; `before` is what was said before.

        Raises:
            APIError: The model does not answer.
        """
        told = [_BEFORE.format(before)] if before else []
        context = ChatContext(
            [
                ChatMessage(role="system", content=[_INSTRUCTIONS]),
                ChatMessage(role="user", content=[self._prompt, *told, *pictures(view, self._detail)]),
            ]
        )
        tools: list[Tool] = [report, over] if before else [report]
        async with self._llm.chat(chat_ctx=context, tools=tools, conn_options=self._patience) as stream:
            answer = await stream.collect()
        said = [words_of(call.arguments) for call in answer.tool_calls if call.name == "report"]
        return Verdict(said[0] if said else "", any(call.name == "over" for call in answer.tool_calls))


def words_of(arguments: str) -> str:
    """The sentence in a call's arguments; empty where a model wrote none that can be read."""
    try:
        data = json.loads(arguments)
    except ValueError:
        return ""
    words = data.get("words") if isinstance(data, dict) else None
    return " ".join(words.split())[:MAX_CHARACTERS] if isinstance(words, str) else ""
