"""Pushes: posts new notifications to the URL that a seller typed into the website (section 5).

Fire and forget, like the real thing: no retry, no signature, and a share of them is lost if the switch says so.
"""

import asyncio
import logging
from collections.abc import Sequence

import httpx

from sandbox.bricklink.entities import Notification
from sandbox.bricklink.render import Renderer
from sandbox.bricklink.switches import Switches

_TIMEOUT_SECONDS = 5
_LOG = logging.getLogger(__name__)


class Callbacks:
    """Posts of one shop, in the background."""

    def __init__(self) -> None:
        self._posts: set[asyncio.Task[None]] = set()
        self._lost = 0.0

    def announce(self, notifications: Sequence[Notification], renderer: Renderer, switches: Switches) -> None:
        """Start posting each notification, except those that get lost."""
        if switches.callback_url is None:
            return
        for notification in notifications:
            self._lost += switches.callback_drop_rate
            if self._lost >= 1:
                self._lost -= 1
                continue
            rendered = renderer.notification(notification)
            body = rendered if switches.callback_body == "object" else [rendered]
            post = asyncio.get_running_loop().create_task(_post(switches.callback_url, body))
            self._posts.add(post)
            post.add_done_callback(self._posts.discard)

    async def stop(self) -> None:
        """Give up what is still on its way."""
        for post in self._posts:
            post.cancel()
        await asyncio.gather(*self._posts, return_exceptions=True)


async def _post(url: str, body: object) -> None:
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False) as client:
            await client.post(url, json=body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        _LOG.warning("a notification could not be posted", extra={"reason": type(error).__name__})
