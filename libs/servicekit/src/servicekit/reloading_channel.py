"""A channel that shakes hands with the certificate of today. gRPC's own reads its files once."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import grpc

from servicekit.mtls import Identity, Reloaded

_GRACE_SECONDS = 60.0
"""For calls under way on a channel whose certificate was replaced."""


class ReloadingChannel(grpc.aio.Channel):
    """Opens another channel as soon as a call finds that the files changed; calls under way end on the old one."""

    def __init__(self, identity: Reloaded, connect: Callable[[Identity], grpc.aio.Channel]) -> None:
        self._reloaded = identity
        self._connect = connect
        self._identity = identity.get()
        self._channel = connect(self._identity)
        self._closing: dict[asyncio.Task[None], grpc.aio.Channel] = {}

    def current(self) -> grpc.aio.Channel:
        """The channel for a call that is made now."""
        identity = self._reloaded.get()
        if identity is not self._identity:
            old, self._channel, self._identity = self._channel, self._connect(identity), identity
            closing = asyncio.ensure_future(old.close(_GRACE_SECONDS))
            self._closing[closing] = old
            closing.add_done_callback(self._closing.pop)
        return self._channel

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        """Close it, with what is left of the channels before it."""
        before = dict(self._closing)
        for closing in before:
            closing.cancel()
        await asyncio.gather(*before, return_exceptions=True)
        for channel in (*before.values(), self._channel):
            await channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """The state of the channel for a call that is made now."""
        return self.current().get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Wait until it is in another state."""
        await self.current().wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Wait until it is connected."""
        await self.current().channel_ready()

    def unary_unary(self, *args: Any, **kwargs: Any) -> Any:
        """A method with one request and one answer."""
        return self._method("unary_unary", args, kwargs)

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        """A method with one request and many answers."""
        return self._method("unary_stream", args, kwargs)

    def stream_unary(self, *args: Any, **kwargs: Any) -> Any:
        """A method with many requests and one answer."""
        return self._method("stream_unary", args, kwargs)

    def stream_stream(self, *args: Any, **kwargs: Any) -> Any:
        """A method with many requests and many answers."""
        return self._method("stream_stream", args, kwargs)

    def _method(self, kind: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Callable[..., Any]:
        made: tuple[grpc.aio.Channel, Any] | None = None

        def call(*call_args: Any, **call_kwargs: Any) -> Any:
            nonlocal made
            channel = self.current()
            if made is None or made[0] is not channel:
                made = (channel, getattr(channel, kind)(*args, **kwargs))
            return made[1](*call_args, **call_kwargs)

        return call
