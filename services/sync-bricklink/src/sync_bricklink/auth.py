"""OAuth 1.0, one-legged, as BrickLink wants it (marketplaces/bricklink.md#2)."""

import secrets
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import datetime

import httpx
from authlib.oauth1 import ClientAuth

from brickops.credentials.v1.credentials_service_pb2 import LeaseCredentialResponse
from servicekit.logs import learn_secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopKeys:
    """The four values that open a shop. Its repr shows none of them."""

    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    token: str = field(repr=False)
    token_secret: str = field(repr=False)


def keys_of(lease: LeaseCredentialResponse) -> ShopKeys:
    """Take the keys out of a lease, and make them known to the log redactor."""
    lent = lease.bricklink
    for value in (lent.consumer_key, lent.consumer_secret, lent.token, lent.token_secret):
        learn_secret(value)
    return ShopKeys(
        consumer_key=lent.consumer_key,
        consumer_secret=lent.consumer_secret,
        token=lent.token,
        token_secret=lent.token_secret,
    )


class Signature(httpx.Auth):
    """Signs one request with the call's own time (rule B4).

    The body is not signed and no body hash is sent, as with all of BrickLink's clients.
    """

    def __init__(self, keys: ShopKeys, stamp: datetime, *, nonce: str | None = None) -> None:
        self._signer = _Signer(
            keys.consumer_key,
            client_secret=keys.consumer_secret,
            token=keys.token,
            token_secret=keys.token_secret,
        )
        self._signer.nonce = nonce or secrets.token_hex(16)
        self._signer.timestamp = str(int(stamp.timestamp()))

    def __repr__(self) -> str:
        return "<Signature>"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the Authorization header; whatever the answer is, nothing is sent again (rule L3)."""
        _, headers, _ = self._signer.sign(request.method, str(request.url), {}, b"")
        request.headers["Authorization"] = headers["Authorization"]
        yield request


class _Signer(ClientAuth):  # type: ignore[misc]  # authlib has no types
    """authlib's signer with a nonce and a time of ours in place of its own."""

    nonce: str
    timestamp: str

    def get_oauth_params(self, nonce: str, timestamp: str) -> list[tuple[str, str]]:
        parameters: list[tuple[str, str]] = super().get_oauth_params(self.nonce, self.timestamp)
        return parameters
