"""What tests, benchmarks and the scripted caller use to direct a sandbox and to ask what it saw."""

import asyncio
from collections.abc import Callable
from typing import Any, Self

import aiohttp

from sandbox.control.entries import Entry, Provider, ToolCall, Vendor
from sandbox.control.faults import Kind
from sandbox.control.orders import BadOrder
from sandbox.control.script import Mode


class SandboxClient:
    """Talks to one sandbox. Use it with `async with`, or call `aclose`."""

    def __init__(self, base_url: str) -> None:
        """Prepare a client; needs a running loop.

        Args:
            base_url: Where the sandbox answers, without a path: `http://127.0.0.1:7990`.
        """
        self._http = aiohttp.ClientSession(base_url)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def ready(self, timeout_s: float = 30.0) -> None:
        """Wait until the sandbox answers and its models are loaded.

        Raises:
            TimeoutError: It did not within `timeout_s` seconds.
        """
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    async with self._http.get("/healthz") as response:
                        if response.ok:
                            return
                except aiohttp.ClientConnectionError:
                    # Not listening yet.
                    pass
                await asyncio.sleep(0.1)

    async def tls(self) -> tuple[str, str]:
        """Where the sandbox answers by TLS, and the file of the authorities that its client has to trust."""
        async with self._http.get("/sandbox/tls") as response:
            response.raise_for_status()
            data = await response.json()
        return data["url"], data["authorities"]

    async def script(
        self, hear: str, answer: str | None = None, *, typed: bool = False, call: ToolCall | None = None
    ) -> None:
        """Say what the next utterance says, and what the model answers to it.

        Args:
            hear: The transcript of the next utterance.
            answer: The answer; None: `Answer <request id>.`
            typed: The sentence will be typed, so no utterance stands for it.
            call: The tool that the model asks for before it answers; its id is the sandbox's to choose.
        """
        tool = call and {"name": call.name, "arguments": call.arguments}
        line = {"hear": hear, "answer": answer, "typed": typed, "call": tool}
        await self._order("POST", "/sandbox/script", line)

    async def mode(
        self,
        *,
        exact: bool | None = None,
        llm_first_token_ms: int | None = None,
        tts_first_sound_ms: int | None = None,
    ) -> Mode:
        """Change the mode where a value is given; the mode as it is then."""
        wanted = {
            "exact": exact,
            "llm_first_token_ms": llm_first_token_ms,
            "tts_first_sound_ms": tts_first_sound_ms,
        }
        changes = {key: value for key, value in wanted.items() if value is not None}
        return Mode(**await self._order("POST", "/sandbox/mode", changes))

    async def fault(
        self,
        provider: Provider,
        kind: Kind,
        *,
        count: int = 1,
        status: int = 500,
        delay_ms: int = 5_000,
        vendor: Vendor = "",
    ) -> None:
        """Order a fault for the next `count` requests to a provider, by whatever protocol or by that of `vendor`."""
        order = {"provider": provider, "kind": kind, "count": count, "status": status}
        await self._order("POST", "/sandbox/faults", {**order, "delay_ms": delay_ms, "vendor": vendor})

    async def requests(self, provider: Provider | None = None, since: int = 0) -> list[Entry]:
        """Requests with an id above `since`, oldest first."""
        query = {"since": str(since)} | ({"provider": provider} if provider else {})
        async with self._http.get("/sandbox/requests", params=query) as response:
            response.raise_for_status()
            return [Entry.from_json(entry) for entry in await response.json()]

    async def wait_for(
        self,
        condition: Callable[[Entry], bool],
        provider: Provider | None = None,
        *,
        since: int = 0,
        timeout_s: float = 10.0,
    ) -> Entry:
        """The first request above `since` that meets `condition`, now or within `timeout_s` seconds.

        Raises:
            TimeoutError: There was none.
        """
        async with asyncio.timeout(timeout_s):
            while True:
                for entry in await self.requests(provider, since):
                    if condition(entry):
                        return entry
                await asyncio.sleep(0.05)

    async def image(self, sha256: str) -> bytes:
        """The very bytes of an image that a request held.

        Raises:
            KeyError: No request held it, or it was too long ago.
        """
        async with self._http.get(f"/sandbox/images/{sha256}") as response:
            if response.status == 404:
                raise KeyError(sha256)
            response.raise_for_status()
            return await response.read()

    async def clear(self) -> None:
        """Forget the record, the script and the orders; the mode stays."""
        for path in ("/sandbox/requests", "/sandbox/script", "/sandbox/faults"):
            await self._order("DELETE", path, {})

    async def _order(self, method: str, path: str, body: dict[str, Any]) -> Any:
        async with self._http.request(method, path, json=body) as response:
            if response.status == 400:
                raise BadOrder((await response.json())["error"])
            response.raise_for_status()
            return await response.json()
