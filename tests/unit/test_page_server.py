"""The page's server: who is answered, what a browser may do, and whom a token lets in where."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from livekit import api

from sandbox.page import files
from sandbox.page.policy import content_security_policy
from sandbox.page.server import Page, parse
from sandbox.stack import Address

ADDRESS = Address("ws://127.0.0.1:9", "key", "secret-of-at-least-thirty-two-bytes")
"""Nothing listens on port 9."""
PAGE = Path(files.WEB).parent


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A page on a free port."""
    async with Page(ADDRESS, browser_url="wss://live.example.org", agent_name="ours") as page:
        yield page


def claims(token: str) -> api.access_token.Claims:
    """What a token says, which the server's secret has signed."""
    return api.TokenVerifier(ADDRESS.api_key, ADDRESS.api_secret).verify(token)


async def test_call_has_a_room_of_its_own_and_brings_the_agent(page: Page, http: aiohttp.ClientSession) -> None:
    """The token lets in one identity, into one new room, and nowhere else."""
    calls = []
    for _ in range(2):
        async with http.post(f"{page.url}/api/call") as response:
            calls.append(await response.json())
    for call in calls:
        found = claims(call["token"])
        assert call["url"] == "wss://live.example.org"
        assert found.identity == call["identity"]
        assert found.video is not None
        assert (found.video.room, found.video.room_join, found.video.room_admin) == (call["room"], True, None)
        assert found.room_config is not None
        assert [agent.agent_name for agent in found.room_config.agents] == ["ours"]
    assert calls[0]["room"] != calls[1]["room"]


@pytest.mark.parametrize("token", ["", "Bearer ", "Bearer x.y.z", "Basic a2V5"])
async def test_agent_is_asked_for_with_the_token_of_a_call_only(
    page: Page, http: aiohttp.ClientSession, token: str
) -> None:
    """Nobody else has agents sent anywhere."""
    async with http.post(f"{page.url}/api/agent", headers={"Authorization": token}) as response:
        assert response.status == 401
        assert "the token of a call is wanted" in (await response.json())["error"]


async def test_server_that_is_away_is_told_as_such(page: Page, http: aiohttp.ClientSession) -> None:
    """The page asks again later."""
    async with http.post(f"{page.url}/api/call") as response:
        token = (await response.json())["token"]
    async with http.post(f"{page.url}/api/agent", headers={"Authorization": f"Bearer {token}"}) as response:
        assert response.status == 503


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:{port}"}, 200),
        ({"Host": "attacker.example:{port}"}, 403),
        ({"Host": "127.0.0.1.attacker.example"}, 403),
        ({"Origin": "http://127.0.0.1:{port}"}, 200),
        ({"Origin": "http://attacker.example"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_token_is_given_to_our_own_page_on_this_machine_alone(
    page: Page, http: aiohttp.ClientSession, headers: dict[str, str], status: int
) -> None:
    """Neither another site nor a name that was made to point here gets one."""
    sent = {name: value.format(port=page.port) for name, value in headers.items()}
    async with http.post(f"{page.url}/api/call", headers=sent) as response:
        assert response.status == status


async def test_other_names_are_answered_when_told_so(http: aiohttp.ClientSession) -> None:
    """For who serves the page elsewhere."""
    async with (
        Page(ADDRESS, hosts=["demo.example.org"]) as page,
        http.post(f"{page.url}/api/call", headers={"Host": "demo.example.org"}) as response,
    ):
        assert response.status == 200


@pytest.mark.parametrize("path", ["/page/main.js", "/page/missing.js", "/api/call"])
async def test_every_answer_carries_the_policy(page: Page, http: aiohttp.ClientSession, path: str) -> None:
    """Errors too."""
    async with http.get(f"{page.url}{path}") as response:
        policy = response.headers["Content-Security-Policy"]
        assert "connect-src 'self' wss://live.example.org https://live.example.org" in policy
        assert "'unsafe" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_page_without_its_library_says_what_it_needs(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Where there is no npm."""
    async with Page(ADDRESS, library=tmp_path / "missing") as page, http.get(page.url) as response:
        assert response.status == 503
        assert "install Node.js with npm" in await response.text()


@pytest.mark.parametrize("url", ["http://h:7880", "ws://", "h:7880", "ws://user:pass@h"])
def test_address_that_is_none_is_refused(url: str) -> None:
    """It would go into the policy as it is."""
    with pytest.raises(ValueError, match="LiveKit address"):
        content_security_policy(url)


@pytest.mark.usefixtures("own_environment")
def test_command_says_what_is_not_set(capsys: pytest.CaptureFixture[str]) -> None:
    """All of it at once."""
    with pytest.raises(SystemExit):
        parse([])
    assert "not set: LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET" in capsys.readouterr().err


@pytest.mark.parametrize("file", sorted(files.WEB.iterdir()), ids=lambda file: file.name)
def test_nothing_comes_from_elsewhere_or_becomes_markup(file: Path) -> None:
    """Held by the policy too; here it is told by the file's name."""
    text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text)
    assert not re.search(r"\sstyle=|\son[a-z]+=\"|<script>|<style", text)
    if file.suffix == ".js":
        assert len(text.splitlines()) <= 200


def test_lock_file_of_npm_holds_versions_and_hashes_but_no_address() -> None:
    """`make lock` writes it so."""
    text = (PAGE / "package-lock.json").read_text(encoding="utf-8")
    assert "://" not in text
    assert text.count('"integrity": "sha512-') == text.count('    "node_modules/')
