"""A small OpenID Connect issuer for development: a process that publishes the key which `tokens.py` signs with.

It has the public half only. `python -m devstack.issuer --listen HOST:PORT --jwks FILE`
"""

import argparse
import contextlib
import json
import signal
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m devstack.issuer", description="Publishes a signing key.")
    parser.add_argument("--listen", required=True, metavar="HOST:PORT")
    parser.add_argument("--jwks", required=True, type=Path, metavar="FILE", help="the key set to publish")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    with contextlib.suppress(KeyboardInterrupt):
        serve(chosen.listen, chosen.jwks)


def serve(listen: str, jwks: Path) -> None:
    """Answer discovery and key requests until interrupted. `listen` is host:port."""
    host, _, port = listen.rpartition(":")
    url = f"http://{listen}"
    documents = {
        "/.well-known/openid-configuration": {
            "issuer": url,
            "jwks_uri": f"{url}/jwks.json",
            "id_token_signing_alg_values_supported": ["ES256"],
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
        },
        "/jwks.json": json.loads(jwks.read_text()),
    }
    with ThreadingHTTPServer((host, int(port)), _answering(documents)) as server:
        server.serve_forever(poll_interval=3600)


def _answering(documents: dict[str, Any]) -> type[BaseHTTPRequestHandler]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = documents.get(self.path)
            body = json.dumps(found if found is not None else {"error": "not found"}).encode()
            self.send_response(HTTPStatus.OK if found is not None else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
            """Write nothing: health probes come every second or so."""

    return Answer


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
