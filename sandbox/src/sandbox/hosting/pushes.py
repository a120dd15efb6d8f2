"""Pushes: tells an address that the seller named what is new, as each marketplace does it.

Fire and forget, like the real thing: no retry, no signature, and a share of them is lost if a switch says so.
"""

import asyncio
import logging
from dataclasses import dataclass

import httpx

_TIMEOUT_SECONDS = 5
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Push:
    """One request to the seller's address."""

    method: str
    url: str
    body: object = None
    drop_rate: float
    """The share of pushes like this one that never leave, from 0 to 1."""


class Pushes:
    """Pushes of one shop, in the background."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[None]] = set()
        self._lost = 0.0

    def send(self, push: Push) -> None:
        """Start sending it, unless it gets lost."""
        self._lost += push.drop_rate
        if self._lost >= 1:
            self._lost -= 1
            return
        sending = asyncio.get_running_loop().create_task(_send(push))
        self._under_way.add(sending)
        sending.add_done_callback(self._under_way.discard)

    async def stop(self) -> None:
        """Give up what is still on its way."""
        for sending in self._under_way:
            sending.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)


async def _send(push: Push) -> None:
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False) as client:
            await client.request(push.method, push.url, json=push.body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        _LOG.warning("a push could not be sent", extra={"reason": type(error).__name__})
