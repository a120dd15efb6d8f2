"""The gateway as an ASGI application."""

import time
from functools import cached_property
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from gateway import probes
from gateway.auth import Tokens
from gateway.bulk_edits import routes as bulk_edits
from gateway.changes import routes as changes
from gateway.connections import routes as connections
from gateway.docs import CONTENT_SECURITY_POLICY, render_docs
from gateway.door import Door
from gateway.exports import routes as exports
from gateway.imports import from_shop, rows_csv
from gateway.imports import routes as imports
from gateway.key_audit import routes as key_audit
from gateway.lots import routes as lots
from gateway.openapi import build_openapi
from gateway.oversells import routes as oversells
from gateway.pings import routes as pings
from gateway.pings.passing import Pings
from gateway.plans import routes as plans
from gateway.problems import answer_http_exception, answer_invalid_request
from gateway.returns import routes as returns
from gateway.signing_keys import SigningKeys
from gateway.undos import routes as undos
from gateway.upstreams import Upstreams
from gateway.waiting import routes as waiting


class Gateway(FastAPI):
    """FastAPI with our OpenAPI document and a docs page that works without the internet."""

    def __init__(self, *, upstreams: Upstreams, keys: SigningKeys, tokens: Tokens) -> None:
        super().__init__(
            title="BrickOps",
            version="1",
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            generate_unique_id_function=lambda route: route.name,
        )
        self.state.upstreams = upstreams
        self.state.keys = keys
        self.state.tokens = tokens
        self.state.pings = Pings(upstreams.sync, time.monotonic)
        self.add_exception_handler(HTTPException, answer_http_exception)
        self.add_exception_handler(RequestValidationError, answer_invalid_request)
        self.add_middleware(Door)
        for routes in (
            *(
                lots,
                changes,
                returns,
                oversells,
                connections,
                key_audit,
                plans,
                waiting,
                from_shop,
                imports,
                rows_csv,
                exports,
            ),
            *(bulk_edits, undos, pings, probes),
        ):
            self.include_router(routes.router)
        self.add_api_route("/docs", self._show_docs, include_in_schema=False)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        return self._document

    @cached_property
    def _document(self) -> dict[str, Any]:
        return build_openapi(self)

    @cached_property
    def _docs_page(self) -> str:
        return render_docs(self._document)

    async def _show_docs(self) -> HTMLResponse:
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Cache-Control": "public, max-age=300"}
        return HTMLResponse(self._docs_page, headers=headers)
