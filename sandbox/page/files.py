"""The page's files, and the one library that the browser loads."""

from pathlib import Path

from aiohttp import web

WEB = Path(__file__).parent / "web"
LIBRARY = Path(__file__).parent / "node_modules" / "livekit-client" / "dist" / "livekit-client.esm.mjs"
MISSING = "needs livekit-client: install Node.js with npm, then run `make setup` again"


def installed() -> bool:
    """Whether the page can run: `make setup` fetches its library where there is npm."""
    return LIBRARY.is_file()


def add_routes(app: web.Application, library: Path = LIBRARY) -> None:
    """Serve the page on `/`, and what it loads below `/page/`."""
    there = library.is_file()

    async def index(_: web.Request) -> web.StreamResponse:
        if not there:
            return web.Response(status=503, text=f"The page {MISSING}.\n")
        return web.FileResponse(WEB / "index.html")

    async def script(_: web.Request) -> web.StreamResponse:
        if not there:
            raise web.HTTPNotFound(text=f"The page {MISSING}.\n")
        return web.FileResponse(library, headers={"Content-Type": "text/javascript; charset=utf-8"})

    app.router.add_get("/", index)
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/page/lib/livekit-client.mjs", script)
    app.router.add_static("/page/", WEB)


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")
