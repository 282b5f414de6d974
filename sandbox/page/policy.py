"""What a browser may do with the page, and whose requests are answered."""

from collections.abc import Collection
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
"""The names under which this machine alone is reached."""


def content_security_policy(livekit_url: str) -> str:
    """Nothing inline, nothing from elsewhere, and no connection but to us and to the LiveKit server.

    Args:
        livekit_url: Where the browser finds the server, `ws://` or `wss://`.

    Raises:
        ValueError: It is no such address.
    """
    found = urlsplit(livekit_url)
    if found.scheme not in {"ws", "wss"} or not found.netloc or found.username is not None:
        raise ValueError(f"LiveKit address {livekit_url!r}, allowed: ws://host:port or wss://host")
    # The SDK asks over HTTP, at the same place, why a connection was refused.
    plain = found.scheme.replace("ws", "http")
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' blob:",
            "media-src blob:",
            f"connect-src 'self' {found.scheme}://{found.netloc} {plain}://{found.netloc}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            # Text that came from the room can't become markup, by whatever mistake.
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def guard(livekit_url: str, hosts: Collection[str]) -> Middleware:
    """Answer requests for these hosts alone, from our own page alone where they change something.

    A name that is made to point at this machine, or another site's script, gets no token.

    Args:
        livekit_url: Where the browser finds the LiveKit server.
        hosts: The names under which we are reached, without a port.
    """
    headers = {
        "Content-Security-Policy": content_security_policy(livekit_url),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
        "Cache-Control": "no-cache",
    }

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = _refusal(request, hosts)
        if refusal:
            return web.json_response({"error": refusal}, status=403, headers=headers)
        try:
            response = await handler(request)
        except web.HTTPException as error:
            error.headers.update(headers)
            raise
        response.headers.update(headers)
        return response

    return answer


def _refusal(request: web.Request, hosts: Collection[str]) -> str:
    """Why a request is not answered; empty if it is."""
    name = request.host.rpartition(":")[0] if request.host.rpartition(":")[2].isdigit() else request.host
    if name not in hosts:
        return f"host {name!r}, allowed: {', '.join(sorted(hosts))}"
    origin = request.headers.get("Origin")
    # Programs send none; a browser does whenever it posts.
    if request.method == "POST" and origin is not None and urlsplit(origin).netloc != request.host:
        return f"a request from {origin}, allowed: the page's own"
    return ""
