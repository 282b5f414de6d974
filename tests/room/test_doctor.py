"""`python -m agent doctor` against a real server and stand-ins that really hear, see and speak."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agent.ops.riddle import QUESTION
from sandbox.control.client import SandboxClient
from sandbox.control.state import WRONG_KEY
from sandbox.stack import API_SECRET, ROOT, Address, free_port, live_env, start_sandbox, worker_env
from tests.fakes import plain

KEYS = {
    "DEEPGRAM_API_KEY": "the-secret-of-deepgram",
    "OPENAI_API_KEY": "the-secret-of-openai",
    "CARTESIA_API_KEY": "the-secret-of-cartesia",
}
ROWS = [
    "settings",
    "LiveKit server",
    "LiveKit clock",
    "LiveKit key",
    "speech to text",
    "model",
    "text to speech",
    "images",
]


@dataclass(frozen=True)
class Report:
    """What one run printed."""

    code: int | None
    output: str

    def rows(self) -> dict[str, dict[str, Any]]:
        """The findings of a JSON report by their names."""
        told = json.loads(self.output)
        assert told["exit_code"] == self.code
        return {row["name"]: row for row in told["findings"]}

    def failed(self) -> set[str]:
        """Names of what failed."""
        return {name for name, row in self.rows().items() if row["status"] == "failed"}


Examine = Callable[..., Awaitable[Report]]
"""Runs the doctor with arguments, on settings that differ by keyword arguments."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def senses_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Stand-ins with their models: the picture is another one each time, so no script could answer."""
    async with AsyncExitStack() as running:
        yield await start_sandbox(running, tmp_path_factory.mktemp("senses"))


@pytest_asyncio.fixture
async def senses(senses_url: str) -> AsyncIterator[SandboxClient]:
    """Directs them."""
    async with SandboxClient(senses_url) as client:
        await client.clear()
        yield client
        await client.clear()


@pytest.fixture
def examine(livekit_server: Address, senses_url: str) -> Examine:
    """The doctor as an operator runs it, who sees no secret and nothing but the report."""

    async def run(*arguments: str, **changes: str) -> Report:
        env = {**os.environ, **worker_env(livekit_server, senses_url), **KEYS, **changes}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "agent",
            "doctor",
            *arguments,
            cwd=ROOT,
            env=env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(90):
            output, errors = (each.decode() for each in await process.communicate())
        assert errors == ""
        for secret in (*KEYS.values(), API_SECRET, WRONG_KEY, "eyJ"):
            assert secret not in output
        return Report(process.returncode, output)

    return run


async def test_everything_fine_ends_with_0_and_a_table(examine: Examine, tmp_path: Path) -> None:
    """Every row is ok, in the same place."""
    (tmp_path / "menu.png").write_bytes(plain())
    report = await examine(AGENT__IMAGES=str(tmp_path / "menu.png"))
    assert report.code == 0, report.output
    *rows, gap, last = report.output.splitlines()
    assert (gap, last) == ("", "Ready for calls.")
    assert [row[:14].rstrip() for row in rows] == ROWS
    assert {row[14:].split()[0] for row in rows} == {"ok"}


async def test_providers_get_one_small_request_each(examine: Examine, senses: SandboxClient) -> None:
    """The model's with one picture; the doctor costs next to nothing."""
    assert (await examine("--json")).code == 0
    requests = await senses.requests()
    assert sorted(request.provider for request in requests) == ["llm", "stt", "tts"]
    asked = next(request for request in requests if request.provider == "llm")
    assert [len(message.images) for message in asked.messages] == [1]
    assert asked.request_bytes < 10_000


async def test_refused_livekit_key(examine: Examine) -> None:
    """Only the key's row fails; the server's own words, which repeat the token, are not told."""
    report = await examine("--json", LIVEKIT_API_SECRET="wrong-" * 8)  # a secret of its own, on purpose
    assert report.code == 69
    assert report.failed() == {"LiveKit key"}
    assert "LIVEKIT_API_SECRET" in report.rows()["LiveKit key"]["advice"]
    assert "wrong-wrong" not in report.output


async def test_unreachable_livekit_server(examine: Examine) -> None:
    """What needs it is skipped and says so; the providers are examined all the same."""
    report = await examine("--json", LIVEKIT_URL=f"ws://user:the-password@127.0.0.1:{free_port()}")
    assert report.code == 69
    rows = report.rows()
    assert report.failed() == {"LiveKit server"}
    assert "LIVEKIT_URL" in rows["LiveKit server"]["advice"]
    assert rows["LiveKit key"]["found"] == "the server must be reached first"
    assert rows["model"]["status"] == "ok"
    assert "the-password" not in report.output


async def test_refused_provider_keys_are_told_by_their_variables(examine: Examine) -> None:
    """All of them in one run."""
    report = await examine("--json", **dict.fromkeys(KEYS, WRONG_KEY))
    assert report.code == 69
    assert report.failed() == {"speech to text", "model", "text to speech"}
    rows = report.rows()
    assert {row["advice"] for row in rows.values() if row["status"] == "failed"} == {f"Check {key}." for key in KEYS}


async def test_model_that_refuses_pictures_cannot_see(examine: Examine, senses: SandboxClient) -> None:
    """Asked again in words it answers: so it is the picture."""
    await senses.fault("llm", "refuse_image")
    report = await examine("--json")
    assert report.code == 69
    assert report.failed() == {"model"}
    model = report.rows()["model"]
    assert "refuses a picture (HTTP 400)" in model["found"]
    assert model["advice"].startswith("This model can't see. Set LLM__MODEL")


async def test_model_that_ignores_pictures_cannot_see(examine: Examine, senses: SandboxClient) -> None:
    """A server may drop a picture without a word: only the answer tells."""
    await senses.script(QUESTION, "The sky and the grass.", typed=True)
    report = await examine("--json")
    assert report.code == 69
    assert report.failed() == {"model"}
    assert "answered 'The sky and the grass.'" in report.rows()["model"]["found"]


async def test_model_in_trouble_is_not_taken_for_blind(examine: Examine, senses: SandboxClient) -> None:
    """A server that fails in words too has another fault."""
    await senses.fault("llm", "error", count=2, status=503)
    model = (await examine("--json")).rows()["model"]
    assert model["found"].startswith("refused with HTTP 503")
    assert "can't see" not in model["advice"]


async def test_provider_that_complains_on_an_open_connection(examine: Examine, senses: SandboxClient) -> None:
    """It accepted the key, and yet it does not speak: the account may be why."""
    await senses.fault("tts", "error", status=402)
    report = await examine("--json")
    assert report.code == 69
    assert report.failed() == {"text to speech"}
    assert "CARTESIA_API_KEY" in report.rows()["text to speech"]["advice"]


async def test_provider_that_hangs_fails_in_time(examine: Examine, senses: SandboxClient) -> None:
    """The others have long answered."""
    await senses.fault("tts", "hang")
    report = await examine("--json")
    assert report.code == 69
    assert report.failed() == {"text to speech"}
    speech = report.rows()["text to speech"]
    assert speech["found"] == "no answer within 10 s"
    assert 9_900 <= speech["took_ms"] < 15_000


async def test_wrong_setting_ends_with_78_and_contacts_nobody(examine: Examine, senses: SandboxClient) -> None:
    """The row names the variable; what needs settings is skipped."""
    report = await examine("--json", LOG__LEVEL="loud")
    assert report.code == 78
    rows = report.rows()
    assert list(rows) == ["LOG__LEVEL", *ROWS[1:]]
    assert {row["status"] for name, row in rows.items() if name != "LOG__LEVEL"} == {"skipped"}
    assert await senses.requests() == []


async def test_missing_picture_is_a_wrong_setting(examine: Examine) -> None:
    """The worker would not start with it either."""
    report = await examine("--json", AGENT__IMAGES="/nowhere/menu.png")
    assert report.code == 78
    assert report.failed() == {"images"}
    assert "/nowhere/menu.png" in report.rows()["images"]["found"]


async def test_remote_picture_that_cannot_be_fetched(examine: Examine) -> None:
    """The settings are right, but calls would lack it."""
    report = await examine("--json", AGENT__IMAGES="https://127.0.0.1/menu.png?key=hidden")
    assert report.code == 69
    assert report.failed() == {"images"}
    assert "hidden" not in report.output


async def test_speech_to_speech_model_is_shown_the_riddle(examine: Examine) -> None:
    """And nobody else is asked: such a call needs one provider."""
    report = await examine("--json", AGENT__MODE="realtime", DEEPGRAM_API_KEY="", CARTESIA_API_KEY="")
    assert report.failed() == set()
    assert list(report.rows()) == [*ROWS[:4], "realtime model", "images"]
    assert "gpt-realtime at 127.0.0.1" in report.rows()["realtime model"]["found"]
    assert " sees " in report.rows()["realtime model"]["found"]


async def test_gemini_is_shown_the_riddle(examine: Examine, senses_url: str) -> None:
    """By its own client, in content."""
    report = await examine("--json", **await live_env("google", senses_url))
    assert report.failed() == set()
    assert "gemini-3.8-live at 127.0.0.1" in report.rows()["realtime model"]["found"]
    assert " sees " in report.rows()["realtime model"]["found"]


async def test_gemini_that_fails_is_told_apart(examine: Examine, senses: SandboxClient, senses_url: str) -> None:
    """By codes of a closed connection, which are all that it says."""
    env = await live_env("google", senses_url)
    wrong = await examine("--json", **{**env, "GOOGLE_API_KEY": WRONG_KEY})
    gone = await examine("--json", **{**env, "REALTIME__BASE_URL": f"https://127.0.0.1:{free_port()}"})
    await senses.fault("realtime", "error", status=429, vendor="google")
    limited = await examine("--json", **env)
    told = [report.rows()["realtime model"] for report in (wrong, gone, limited)]
    assert [row["status"] for row in told] == ["failed"] * 3
    assert told[0]["advice"] == "Check GOOGLE_API_KEY."
    assert "REALTIME__BASE_URL" in told[1]["advice"]
    assert told[2]["advice"] == "Check quota and credit of the account behind GOOGLE_API_KEY."


async def test_speech_to_speech_model_that_fails_is_told_apart(examine: Examine, senses: SandboxClient) -> None:
    """A wrong key, nobody there, and an account without credit."""
    wrong = await examine("--json", AGENT__MODE="realtime", OPENAI_API_KEY=WRONG_KEY)
    gone = await examine("--json", AGENT__MODE="realtime", REALTIME__BASE_URL=f"http://127.0.0.1:{free_port()}/v1")
    await senses.fault("realtime", "error", status=429)
    limited = await examine("--json", AGENT__MODE="realtime")
    told = [report.rows()["realtime model"] for report in (wrong, gone, limited)]
    assert [row["status"] for row in told] == ["failed"] * 3
    assert "Check OPENAI_API_KEY." in told[0]["advice"]
    assert "REALTIME__BASE_URL" in told[1]["advice"]
    assert "OPENAI_API_KEY" in told[2]["advice"]
