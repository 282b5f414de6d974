"""What the doctor tries of LiveKit, and of the pictures that calls begin with."""

import re
import time
from email.utils import parsedate_to_datetime

import aiohttp

from agent.background import load_background
from agent.errors import ServerRefusedError, ServerUnreachableError
from agent.ops.bare import bare, host
from agent.ops.finding import Verdict
from agent.ops.server import ask_server
from agent.ops.verdict import judge_clock, unreachable
from config.settings import Settings


async def check_server(settings: Settings) -> Verdict:
    """Whether anybody answers at the LiveKit server's address."""
    try:
        await _server_time(settings)
    except (aiohttp.ClientError, OSError) as error:
        cause = getattr(error, "os_error", error)
        reason = getattr(cause, "strerror", None) or type(error).__name__
        return unreachable("LIVEKIT_URL", host(settings.services.livekit_url), bare(settings, reason))
    return Verdict("ok", f"{host(settings.services.livekit_url)} answers")


async def check_clock(settings: Settings) -> Verdict:
    """How far our clock is from the server's."""
    asked = time.time()
    theirs = await _server_time(settings)
    if theirs is None:
        return Verdict("skipped", "the server does not tell its time")
    return judge_clock((asked + time.time()) / 2 - theirs)


async def check_key(settings: Settings) -> Verdict:
    """Whether the LiveKit server accepts key and secret."""
    try:
        await ask_server(settings.services)
    except ServerRefusedError:
        advice = "Check LIVEKIT_API_KEY and LIVEKIT_API_SECRET, which belong together, and this machine's clock."
        return Verdict("failed", "key and secret are refused", advice)
    except ServerUnreachableError as error:
        return unreachable("LIVEKIT_URL", host(settings.services.livekit_url), bare(settings, str(error)))
    return Verdict("ok", "key and secret are accepted")


async def check_images(settings: Settings) -> Verdict:
    """Whether every picture that a call begins with can be had."""
    wanted = len(settings.agent.images)
    if not wanted:
        return Verdict("skipped", "no pictures are set")
    background = await load_background(settings, local=True)
    if background.problems:
        advice = "Correct AGENT__IMAGES: the worker would not start."
        return Verdict("failed", "; ".join(background.problems), advice, "settings")
    if len(background.pictures) < wanted:
        background = await load_background(settings)
    if background.problems:
        advice = "Check the addresses in AGENT__IMAGES: calls would go on without these pictures."
        return Verdict("failed", "; ".join(background.problems), advice)
    passed = sum(isinstance(each, str) for each in background.pictures)
    return Verdict("ok", f"{wanted - passed} can be had, {passed} left to the model's provider")


async def _server_time(settings: Settings) -> float | None:
    """Ask the server for anything; its time in unix seconds, if it tells."""
    url = re.sub("^ws", "http", settings.services.livekit_url)
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        date = response.headers.get("Date")
    try:
        return parsedate_to_datetime(date).timestamp() + 0.5 if date else None  # it counts whole seconds
    except ValueError:
        return None
