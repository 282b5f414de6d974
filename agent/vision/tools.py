"""Tools by which the model looks closer, or back.

A tool's result is text alone: the picture rides on the reply's next request.
"""

from livekit.agents import RunContext
from livekit.agents.llm import Tool, function_tool

from agent.vision.album import Album
from agent.vision.memory import Memory
from agent.vision.pictures import reason_of, time_of_day
from agent.vision.region import Region
from agent.vision.sight import Sight
from agent.vision.view import Look, Shot, View
from config.vision import VisionSettings


def sight_tools(settings: VisionSettings, sight: Sight, memory: Memory, album: Album) -> list[Tool]:
    """The tools that are switched on."""

    # The docstrings are what the model reads; `context` is not its business.
    async def look(context: RunContext[None], region: Region | None = None) -> str:  # noqa: D417
        """Look again at what the user's camera or screen shows.

        Use it when small text or a detail can't be made out, or when the scene may have changed since the picture
        that you have.

        Args:
            region: The part to see enlarged, in full resolution, of the picture that you have. Leave it out for a
                fresh picture of everything.
        """
        found = await (sight.look() if region is None else sight.zoom(region))
        return _receipt(memory, context.speech_handle.id, found)

    async def recall(context: RunContext[None], turns_ago: int = 1) -> str:  # noqa: D417
        """See again the picture of an earlier turn, to compare or to answer about what was shown then.

        Args:
            turns_ago: How many answered turns of the user before the present one; 1 is the turn before.
        """
        found = album.turns_ago(turns_ago)
        if found is None:
            return f"Nothing is kept of {turns_ago} turns ago: {len(album)} earlier turns are kept."
        if not isinstance(found, View):
            return "There was no picture at that turn."  # why is of that moment, not of this one
        return _receipt(memory, context.speech_handle.id, found)

    tools: list[Tool] = []
    if settings.source != "off" and settings.look_tool:
        tools.append(function_tool(look))
    if settings.source != "off" and settings.recall_tool:
        tools.append(function_tool(recall))
    return tools


def _receipt(memory: Memory, reply: str, found: Look) -> str:
    """True when it is read, and in every later request too: the words stay, the picture does not."""
    if not isinstance(found, View):
        return f"There was nothing to see: {reason_of(found) or 'sight is off'}."
    if not memory.also_show(reply, found.shots):
        return f"Not shown: at most {memory.max_looks} pictures at once. Look again after these."
    missing = "".join(f" Not seen: {reason_of(blind)}." for blind in found.missing)
    return f"Seen: {' and '.join(map(_described, found.shots))}.{missing} The picture came with the next message."


def _described(shot: Shot) -> str:
    part = f"the {shot.part} of " if shot.part else ""
    return (
        f"{part}the user's {shot.source} at {time_of_day(shot.taken_at)}, {shot.image.width}x{shot.image.height} pixels"
    )
