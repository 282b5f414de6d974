"""An agent asked into a room, again and again until a worker takes the job."""

from collections.abc import Awaitable, Callable

from livekit import api

RETRY_S = 2.0
"""How long one request may go unanswered. A dispatch made while no worker is registered is lost for good."""

_TAKEN = (api.JobStatus.JS_PENDING, api.JobStatus.JS_RUNNING)


class Dispatcher:
    """Asks one server for agents."""

    def __init__(self, url: str, api_key: str, api_secret: str) -> None:
        self._url = url
        self._key = api_key
        self._secret = api_secret

    async def dispatch(self, agent_name: str, room: str, metadata: str = "") -> str:
        """Ask once, and give the dispatch's id.

        Raises:
            api.TwirpError: The server refuses.
        """
        async with self._server() as server:
            return await _create(server, agent_name, room, metadata)

    async def summon(
        self, agent_name: str, room: str, metadata: str, arrived: Callable[[float], Awaitable[bool]]
    ) -> None:
        """Ask until the agent is there; the caller sets the time limit.

        Args:
            agent_name: the worker's.
            room: the room's name.
            metadata: handed to the job.
            arrived: waits up to so many seconds for the agent, and says whether it came.

        Raises:
            api.TwirpError: The server refuses.
        """
        async with self._server() as server:
            dispatch_id = await _create(server, agent_name, room, metadata)
            while not await arrived(RETRY_S):
                # A worker that is slow to start has the job already: a second one would bring two agents.
                if await _taken(server, dispatch_id, room):
                    continue
                await server.agent_dispatch.delete_dispatch(dispatch_id, room)
                dispatch_id = await _create(server, agent_name, room, metadata)

    def _server(self) -> api.LiveKitAPI:
        return api.LiveKitAPI(self._url, self._key, self._secret)


async def _create(server: api.LiveKitAPI, agent_name: str, room: str, metadata: str) -> str:
    request = api.CreateAgentDispatchRequest(agent_name=agent_name, room=room, metadata=metadata)
    return (await server.agent_dispatch.create_dispatch(request)).id


async def _taken(server: api.LiveKitAPI, dispatch_id: str, room: str) -> bool:
    dispatch = await server.agent_dispatch.get_dispatch(dispatch_id, room)
    return dispatch is not None and any(job.state.status in _TAKEN for job in dispatch.state.jobs)
