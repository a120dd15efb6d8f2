"""The outermost layer: every request gets a correlation id, one log line, and an answer even if we fail."""

import logging
import re
import time
import uuid
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.problems import Problem, problem_response
from servicekit.logs import correlation_id

logger = logging.getLogger(__name__)

CORRELATION_HEADER = "X-Correlation-Id"
_GIVEN = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_PROBES = ("/healthz", "/readyz")


class Door:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets one request in and sees its answer out."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(CORRELATION_HEADER, "")
        correlation = given if _GIVEN.fullmatch(given) else str(uuid.uuid4())
        correlation_id.set(correlation)
        started = time.perf_counter()
        status = 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[CORRELATION_HEADER] = correlation
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        except Exception:  # the last resort: whatever it was, the caller gets an answer and no details
            logger.exception("an unexpected error")
            if status:
                raise  # the answer has begun; the server can only cut it off
            problem = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "INTERNAL", "Something went wrong on our side.")
            await problem_response(problem)(scope, receive, send_marked)
        finally:
            # The route's template, not the path: what people put into paths and queries is theirs.
            facts = {
                "method": scope["method"],
                "route": getattr(scope.get("route"), "path", None),
                "status": status,
                "ms": round((time.perf_counter() - started) * 1000, 1),
            }
            logger.log(logging.DEBUG if scope["path"] in _PROBES else logging.INFO, "answered", extra=facts)
