"""The sandbox as one HTTP application, and the server that runs it."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.bricklink import api, control, observing, page
from sandbox.bricklink.errors import ShopError
from sandbox.bricklink.hosting import Shops

_GRACE_SECONDS = 5


def system_clock() -> datetime:
    """Return the time by the machine's clock."""
    return datetime.now(UTC)


def create_app(shops: Shops, *, public_url: str | None = None) -> FastAPI:
    """Return the application: Store API, control API, health, and a page for people."""
    app = FastAPI(
        title="BrickOps sandbox", description=control.__doc__ or "", version="1", docs_url=None, redoc_url=None
    )
    app.state.shops = shops
    app.mount(api.ROOT, api.StoreApi(shops, public_url))
    app.include_router(control.router)
    app.include_router(observing.router)
    app.include_router(page.router)

    @app.exception_handler(ShopError)
    async def refused(request: Request, error: ShopError) -> JSONResponse:
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

    def __init__(self, shops: Shops, *, public_url: str | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                create_app(shops, public_url=public_url),
                http=_Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,  # its lines would hold query strings, where OAuth parameters may be
                proxy_headers=False,  # the caller's address is part of what is checked
                server_header=False,
                date_header=False,  # the Store API answers the shop's clock
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._shops = shops

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
