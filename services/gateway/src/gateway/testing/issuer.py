"""An OpenID Connect issuer as an ASGI application, with keys to rotate and tokens of every kind, also wrong ones."""

import base64
import json
from datetime import timedelta
from typing import Any

from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gateway.signing_keys import SigningKey
from servicekit.clock import Clock

_LIFE = timedelta(minutes=5)


class Issuer:
    """Publishes keys; signs what it is asked to."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.url = url
        self.fetches = 0
        """How often the keys were fetched."""
        self.down = False
        self.extra_keys: list[dict[str, Any]] = []
        """Published beside its own, as they are."""
        self._clock = clock
        self._keys: list[SigningKey] = []
        self.rotate()
        routes = [Route("/.well-known/openid-configuration", self._discovery), Route("/keys", self._published)]
        self.app = Starlette(routes=routes)

    def rotate(self, key: SigningKey | None = None) -> None:
        """Signs with another key from now on, and withdraws those before."""
        new = key or ECKey.generate_key("P-256", parameters={"use": "sig", "alg": "ES256"})
        new.ensure_kid()
        self._keys = [new]

    def token(self, *, header: dict[str, Any] | None = None, key: SigningKey | None = None, **claims: Any) -> str:
        """A token of an owner. `header` and `claims` replace what it says, even by nonsense; None takes out."""
        now = int(self._clock.now().timestamp())
        said = {
            "iss": self.url,
            "aud": "brickops",
            "sub": "user-1",
            "seller": "seller-a",
            "role": "owner",
            "iat": now,
            "exp": now + int(_LIFE.total_seconds()),
        }
        signer = key or self._keys[0]
        algorithm = "RS256" if isinstance(signer, RSAKey) else "ES256"
        head = {"typ": "JWT", "alg": algorithm, "kid": self._keys[0].kid}
        content = f"{_part(head | (header or {}))}.{_part(said | claims)}"
        signature = JWSRegistry.algorithms[algorithm].sign(content.encode(), signer)
        return f"{content}.{_base64(signature)}"

    async def _discovery(self, _: Request) -> JSONResponse:
        return self._answer({"issuer": self.url, "jwks_uri": f"{self.url}/keys"})

    async def _published(self, _: Request) -> JSONResponse:
        self.fetches += 1
        return self._answer({"keys": [*self.extra_keys, *(key.as_dict(private=False) for key in self._keys)]})

    def _answer(self, document: dict[str, Any]) -> JSONResponse:
        return JSONResponse({}, status_code=503) if self.down else JSONResponse(document)


def _part(said: dict[str, Any]) -> str:
    return _base64(json.dumps({name: value for name, value in said.items() if value is not None}).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
