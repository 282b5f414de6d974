"""Somebody who visits the page: what they do, and what they find."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Browser, ConsoleMessage, JSHandle, Locator, Page, expect

from sandbox.page.files import LIBRARY

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / ".screenshots"
"""Looked at before a change of the page lands; never committed."""

DESKTOP, PHONE = (1280, 800), (390, 844)
SLOW_MS = 45_000
"""Milliseconds for whatever needs server, worker or models."""

_AXE = LIBRARY.parents[2] / "axe-core" / "axe.min.js"
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


class Visit:
    """One page in one browser."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        """Errors in the console, breaches of the policy among them."""
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def at(self, name: str) -> Locator:
        """The element with an id."""
        return self.page.locator(f"#{name}")

    def button(self, name: str) -> Locator:
        """The button that is called so."""
        return self.page.get_by_role("button", name=name, exact=True)

    async def begin(self, *, microphone: bool = True, camera: bool = True) -> None:
        """Press the one button."""
        await self.at("with-microphone").set_checked(microphone)
        await self.at("with-camera").set_checked(camera)
        await self.button("Start the call").click()

    async def agent_there(self) -> None:
        """Wait until the agent listens."""
        await expect(self.at("state-text")).to_have_text("Listening", timeout=SLOW_MS)

    async def sees(self, sentence: str) -> None:
        """Wait until the page says what the agent can see."""
        await expect(self.at("sight-text")).to_have_text(sentence, timeout=SLOW_MS)

    async def write(self, text: str) -> None:
        """Ask by keyboard."""
        await self.at("words").fill(text)
        await self.page.keyboard.press("Enter")

    async def answered(self, words: str) -> Locator:
        """Wait for an answer with these words and the evidence below it."""
        said = self.page.locator(".theirs", has=self.page.locator(".text", has_text=re.compile(words, re.IGNORECASE)))
        answer = said.filter(has=self.page.locator(".evidence")).last
        await expect(answer).to_be_visible(timeout=SLOW_MS)
        return answer

    async def evidence(self, answer: Locator) -> dict[str, Any]:
        """What the copy button of an answer gives."""
        await answer.get_by_role("button", name="Copy as JSON").click()
        await expect(answer.get_by_text("Copied")).to_be_visible()
        copied: dict[str, Any] = json.loads(await self.page.evaluate("navigator.clipboard.readText()"))
        return copied

    async def tab_stops(self, count: int) -> list[str | None]:
        """Press Tab so often; what has the focus each time, by its id or that of the menu that it opens."""
        found: list[str | None] = []
        for _ in range(count):
            await self.page.keyboard.press("Tab")
            here = "document.activeElement.id || document.activeElement.closest('details')?.id"
            found.append(await self.page.evaluate(here))
        return found

    async def marks(self, answer: Locator) -> list[str | None]:
        """The stages of an answer's delay, as they are drawn."""
        drawn = answer.locator(".bar span")
        named: list[str | None] = await drawn.evaluate_all("spans => spans.map(span => span.dataset.stage)")
        legend = await answer.locator(".legend li").all_text_contents()
        assert [re.sub(r" \d[\d.]* m?s$", "", words) for words in legend] == named
        return named

    async def hears_the_agent(self) -> None:
        """Wait until its voice comes out, and the meter moves."""
        await self.page.wait_for_function(
            """() => {
                const voice = document.getElementById("voice"), state = document.getElementById("state");
                const level = Number(getComputedStyle(state).getPropertyValue("--level"));
                return !voice.paused && voice.srcObject?.active && state.dataset.state === "speaking" && level > 0.05;
            }""",
            timeout=SLOW_MS,
        )

    async def drop(self, path: Path, mime: str) -> None:
        """Drop a file onto the page."""
        data = await self._transfer(path, mime)
        for event in ("dragenter", "dragover", "drop"):
            await self.page.dispatch_event("body", event, {"dataTransfer": data})

    async def paste(self, path: Path, mime: str) -> None:
        """Paste a file."""
        data = await self._transfer(path, mime)
        await self.page.evaluate(
            "data => document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true }))",
            data,
        )

    async def _transfer(self, path: Path, mime: str) -> JSHandle:
        return await self.page.evaluate_handle(
            """([bytes, name, type]) => {
                const transfer = new DataTransfer();
                transfer.items.add(new File([new Uint8Array(bytes)], name, { type }));
                return transfer;
            }""",
            [_bytes(path), path.name, mime],
        )

    async def shots(self, name: str) -> None:
        """Take the page in every look: desktop and phone, light and dark."""
        SHOTS.mkdir(exist_ok=True)
        schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
        for device, (width, height) in {"desktop": DESKTOP, "phone": PHONE}.items():
            await self.page.set_viewport_size({"width": width, "height": height})
            for scheme in schemes:
                await self.page.emulate_media(color_scheme=scheme)
                await self.page.wait_for_timeout(250)  # colours fade
                await self.page.screenshot(path=SHOTS / f"{name}-{device}-{scheme}.png")
        await self.page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
        await self.page.emulate_media(color_scheme="light")

    async def barriers(self) -> list[str]:
        """What axe finds wrong for people with disabilities, in both colour schemes."""
        found: list[str] = []
        await self.page.evaluate(_AXE.read_text(encoding="utf-8"))
        schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
        for scheme in schemes:
            await self.page.emulate_media(color_scheme=scheme)
            await self.page.wait_for_timeout(250)
            report = await self.page.evaluate("rules => axe.run(document, rules)", _RULES)
            assert len(report["passes"]) > 10
            found += [
                f"{scheme}: {rule['id']}: {node['target']} {node['failureSummary']}"
                for rule in report["violations"]
                for node in rule["nodes"]
            ]
        await self.page.emulate_media(color_scheme="light")
        return found

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)


def _bytes(path: Path) -> list[int]:
    return list(path.read_bytes())


@asynccontextmanager
async def visit(browser: Browser, url: str) -> AsyncIterator[Visit]:
    """Open the page in a profile of its own."""
    context = await browser.new_context(
        viewport={"width": DESKTOP[0], "height": DESKTOP[1]}, permissions=["clipboard-read", "clipboard-write"]
    )
    try:
        found = Visit(await context.new_page())
        await found.page.goto(url)
        yield found
    finally:
        await context.close()
