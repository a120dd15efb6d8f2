"""A sandbox of one marketplace as an HTTP application, and the server that runs it."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.control import observing, shops, stock
from sandbox.hosting.shops import Shops
from sandbox.marketplaces import MARKETPLACES
from sandbox.model.errors import Refusal
from sandbox.page import pages

_GRACE_SECONDS = 5


def system_clock() -> datetime:
    """Return the time by the machine's clock."""
    return datetime.now(UTC)


def create_app(hosted: Shops[Any, Any], *, public_url: str | None = None) -> FastAPI:
    """Return the application: the marketplace's API, control API, health, and a page for people."""
    marketplace = MARKETPLACES[hosted.marketplace]
    app = FastAPI(
        title=f"{marketplace.title} sandbox",
        description=shops.__doc__ or "",
        version="1",
        docs_url=None,
        redoc_url=None,
    )
    app.state.shops = hosted
    app.mount(marketplace.root, marketplace.api(hosted, public_url))
    for router in (shops.router, stock.router, marketplace.router, observing.router, pages.router):
        app.include_router(router)

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> JSONResponse:
        return JSONResponse({"detail": error.description}, status_code=error.code)

    @app.get("/healthz", tags=["health"])
    async def healthz() -> dict[str, str]:
        """Say that the server serves."""
        return {"status": "ok"}

    return app


class _Protocol(H11Protocol):
    """HTTP as uvicorn speaks it; requests can also close their connection without an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in H11Protocol
        # asyncio does so itself, but only where the listener names its protocol; without it, answers wait 40 ms.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class Server(uvicorn.Server):
    """A uvicorn server that leaves signals to its owner and does not wait for withheld replies when it stops."""

    def __init__(self, hosted: Shops[Any, Any], *, public_url: str | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                create_app(hosted, public_url=public_url),
                http=_Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,  # its lines would hold query strings, where keys may be
                proxy_headers=False,  # the caller's address is part of what is checked
                server_header=False,
                date_header=False,  # the API answers the shop's clock
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._shops = hosted

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield

    def stop(self) -> None:
        """Begin to stop; `serve` returns once requests are finished."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drop what is withheld, then finish the rest."""
        await self._shops.stop()
        await super().shutdown(sockets)
