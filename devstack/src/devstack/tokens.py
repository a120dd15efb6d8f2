"""Tokens of demo users: signed by whoever may read the state folder (`make token`), never over HTTP."""

import hashlib
import json
import time
import uuid
from pathlib import Path

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


def _key_file(state: Path) -> Path:
    return state / "issuer" / "signing-key.json"


def _opaque(*words: str) -> str:
    return hashlib.sha256("/".join(words).encode()).hexdigest()[:12]
