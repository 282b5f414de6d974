"""One request to nobody, before the first call.

What the framework and the model's client import and build on first use takes a tenth of a second of the event loop, and
would be heard in a call's first answer.
"""

import asyncio

import numpy as np
import structlog
from livekit.agents.llm import ChatContext, ChatMessage
from livekit.agents.types import APIConnectOptions
from livekit.agents.utils import http_context
from livekit.plugins import openai

from agent.uploads.message import upload_message
from agent.vision.encode import encode_bgr

log = structlog.stdlib.get_logger(__name__)

_ANSWER = b"""\
HTTP/1.1 200 OK\r
content-type: text/event-stream\r
connection: close\r
\r
data: {"id":"1","object":"chat.completion.chunk","created":0,"model":"none","choices":\
[{"index":0,"delta":{"role":"assistant","content":"."},"finish_reason":"stop"}]}

data: [DONE]

"""


def rehearse() -> None:
    """Go the whole way of a request with a picture, on loopback, and build what HTTP sessions share. Blocking."""
    http_context._create_ssl_context()  # noqa: SLF001 - built once a process, else when the first provider is called
    try:
        asyncio.run(_rehearse())
    except Exception as error:  # noqa: BLE001 - a proxy before loopback, say: the first answer is slower then
        log.info("rehearsal_failed", error=type(error).__name__)


async def _rehearse() -> None:
    async with await asyncio.start_server(_answer, "127.0.0.1", 0) as nobody:
        address = f"http://127.0.0.1:{nobody.sockets[0].getsockname()[1]}/v1"
        llm = openai.LLM(model="none", api_key="none", base_url=address)
        picture = encode_bgr(np.zeros((64, 64, 3), np.uint8), quality=75)
        question = upload_message(picture, "", caption="", at=0.0, detail="auto")
        context = ChatContext([ChatMessage(role="system", content=["."]), question])
        async with llm.chat(chat_ctx=context, conn_options=APIConnectOptions(max_retry=0, timeout=5)) as stream:
            async for _ in stream:
                pass
        await llm.aclose()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length))
    writer.write(_ANSWER)
    writer.close()
