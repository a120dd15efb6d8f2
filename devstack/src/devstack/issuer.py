"""A small OpenID Connect issuer for development: it publishes one key, and tokens of demo users are signed with it.

Tokens are made by whoever may read the state folder (`make token`), never over HTTP: the process that listens has the
public key only.
"""

import hashlib
import json
import time
import uuid
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from devstack.problems import Problem
from devstack.secret_files import write_secret

AUDIENCE = "brickops"
ROLES = ("owner", "editor", "viewer")
_ALGORITHM = "ES256"
_VALID_SECONDS = 12 * 3600


def ensure_signing_key(state: Path) -> Path:
    """Make this state's signing key once; return the file that publishes its public half."""
    secret, published = _key_file(state), state / "issuer" / "jwks.json"
    if not secret.exists():
        key = ECKey.generate_key("P-256", parameters={"use": "sig", "alg": _ALGORITHM})
        key.ensure_kid()
        write_secret(secret, json.dumps(key.as_dict(private=True)))
    public = ECKey.import_key(json.loads(secret.read_text())).as_dict(private=False)
    published.write_text(json.dumps({"keys": [public]}))
    return published


def sign_token(state: Path, *, issuer_url: str, role: str, seller: str = "A") -> str:
    """Sign a token for the demo user who has this role at this demo seller (any short word names one).

    Raises `Problem` if nothing was ever started with this state.
    """
    if not _key_file(state).exists():
        raise Problem(f"there is no signing key in {state}: start the stack first (make run)")
    key = ECKey.import_key(json.loads(_key_file(state).read_text()))
    now = int(time.time())
    claims = {
        "iss": issuer_url,
        "aud": AUDIENCE,
        "sub": demo_user(seller, role),
        "seller": demo_seller(seller),
        "role": role,
        "iat": now,
        "exp": now + _VALID_SECONDS,
        "jti": str(uuid.uuid4()),
    }
    return jwt.encode({"alg": _ALGORITHM, "kid": key.kid}, claims, key)


def demo_seller(name: str) -> str:
    """Return the opaque id of a demo seller; the same in every state."""
    return f"seller-{_opaque(name)}"


def demo_user(seller: str, role: str) -> str:
    """Return the opaque id of the demo user who has this role at this seller."""
    return f"user-{_opaque(seller, role)}"


def serve(listen: str, jwks: Path) -> None:
    """Answer discovery and key requests until interrupted. `listen` is host:port."""
    host, _, port = listen.rpartition(":")
    url = f"http://{listen}"
    documents = {
        "/.well-known/openid-configuration": {
            "issuer": url,
            "jwks_uri": f"{url}/jwks.json",
            "id_token_signing_alg_values_supported": [_ALGORITHM],
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


def _key_file(state: Path) -> Path:
    return state / "issuer" / "signing-key.json"


def _opaque(*words: str) -> str:
    return hashlib.sha256("/".join(words).encode()).hexdigest()[:12]
