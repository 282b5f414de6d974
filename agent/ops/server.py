"""Asks the LiveKit server something small: the framework itself takes a wrong key for a lost connection."""

from aiohttp import ClientError
from livekit import api

from agent.errors import ServerRefusedError, ServerUnreachableError
from config.services import ServiceSettings


async def ask_server(services: ServiceSettings) -> None:
    """Return if the server is there and accepts the key and secret.

    Raises:
        ServerRefusedError: If it does not accept them. Without its own words: they repeat the token.
        ServerUnreachableError: If it can't be reached, or answers with anything else; the message says why.
    """
    try:
        async with api.LiveKitAPI(
            services.livekit_url, services.livekit_api_key, services.livekit_api_secret.get_secret_value()
        ) as client:
            await client.room.list_rooms(api.ListRoomsRequest(names=["-"]))
    except api.TwirpError as error:
        if error.status in {401, 403}:  # in plain text, so `code` says no more than "unknown"
            raise ServerRefusedError(
                f"{services.livekit_url} refuses LIVEKIT_API_KEY and LIVEKIT_API_SECRET (HTTP {error.status})"
            ) from error
        raise ServerUnreachableError(f"{error.code}: {error.message}") from error
    except (ClientError, OSError) as error:
        raise ServerUnreachableError(str(error) or type(error).__name__) from error
