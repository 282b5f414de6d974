"""The page's calls: a room and a token for each, and the agent asked for again where it does not come."""

from datetime import timedelta
from uuid import uuid4

import aiohttp
from aiohttp import web
from livekit import api

from sandbox.caller.dispatch import Dispatcher
from sandbox.stack import Address

TOKEN_LIFE = timedelta(hours=12)
"""Also the time for which the agent can be asked for again, in a call that goes on for longer than one agent."""


class Calls:
    """Lets browsers into rooms of one LiveKit server."""

    def __init__(self, address: Address, browser_url: str, agent_name: str) -> None:
        """`browser_url` is where the browser finds the server, which may differ from where we do."""
        self._address = address
        self._browser_url = browser_url
        self._agent_name = agent_name
        self._dispatcher = Dispatcher(address.url, address.api_key, address.api_secret)

    def add_routes(self, app: web.Application) -> None:
        """Answer on `/api/`."""
        app.router.add_post("/api/call", self._begin)
        app.router.add_post("/api/agent", self._ask_again)

    async def _begin(self, _: web.Request) -> web.Response:
        """A room of its own for each call; its token brings the agent along."""
        room, identity = f"page-{uuid4().hex[:12]}", f"caller-{uuid4().hex[:8]}"
        dispatch = api.RoomAgentDispatch(agent_name=self._agent_name)
        token = (
            api.AccessToken(self._address.api_key, self._address.api_secret)
            .with_identity(identity)
            .with_name("You")
            .with_ttl(TOKEN_LIFE)
            .with_grants(api.VideoGrants(room_join=True, room=room))
            .with_room_config(api.RoomConfiguration(agents=[dispatch]))
        )
        return web.json_response(
            {"url": self._browser_url, "room": room, "identity": identity, "token": token.to_jwt()}
        )

    async def _ask_again(self, request: web.Request) -> web.Response:
        """Dispatch once more, into the room of the token in `Authorization`.

        A dispatch that no worker was there for is lost. Once too often does no harm: the later of two agents leaves.
        """
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            claims = api.TokenVerifier(self._address.api_key, self._address.api_secret).verify(token)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with a stranger's token
            return web.json_response({"error": f"the token of a call is wanted: {error}"}, status=401)
        if claims.video is None or not claims.video.room:
            return web.json_response({"error": "the token names no room"}, status=401)
        try:
            await self._dispatcher.dispatch(self._agent_name, claims.video.room)
        except (aiohttp.ClientError, TimeoutError, api.TwirpError):
            return web.json_response({"error": "the LiveKit server does not answer"}, status=503)
        return web.json_response({"asked": True})
