"""The issuer's public keys: discovered, cached, fetched again when a token names one that is not known."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, RSAKey

from servicekit.clock import Clock
from servicekit.logs import describe

logger = logging.getLogger(__name__)

SigningKey = ECKey | RSAKey

MAX_AGE = timedelta(minutes=10)
"""A key that the issuer withdrew is trusted no longer than this, while the issuer answers."""
FETCH_PAUSE = timedelta(seconds=5)
"""Tokens that name made-up keys cause at most one fetch in this time."""


class KeysUnavailable(Exception):
    """The issuer has not told its keys yet."""


class SigningKeys:
    """What an OpenID Connect issuer signs with."""

    def __init__(self, http: httpx.AsyncClient, issuer_url: str, clock: Clock) -> None:
        self._http = http
        self._issuer_url = issuer_url
        self._clock = clock
        self._lock = asyncio.Lock()
        self._keys: Mapping[str, SigningKey] = {}
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None

    async def find(self, key_id: str) -> SigningKey | None:
        """The key of this id; None if the issuer has no such key. Raises KeysUnavailable."""
        await self._refresh(key_id)
        return self._keys.get(key_id)

    async def load(self) -> None:
        """Fetches the keys unless they are there. Raises KeysUnavailable."""
        await self._refresh(None)

    async def _refresh(self, wanted: str | None) -> None:
        if self._lacks(wanted) and not (self._lock.locked() and wanted in self._keys):
            async with self._lock:
                # While this one waited for the lock, another may have fetched.
                if self._lacks(wanted) and self._may_fetch():
                    await self._fetch()
        if self._fetched_at is None:
            raise KeysUnavailable

    def _lacks(self, wanted: str | None) -> bool:
        expired = self._fetched_at is None or self._clock.now() - self._fetched_at > MAX_AGE
        return expired or (wanted is not None and wanted not in self._keys)

    def _may_fetch(self) -> bool:
        return self._tried_at is None or self._clock.now() - self._tried_at >= FETCH_PAUSE

    async def _fetch(self) -> None:
        self._tried_at = self._clock.now()
        try:
            published = await self._get(await self._discover())
            self._keys = {key["kid"]: _import_key(key) for key in published["keys"] if _signs(key)}
        except (httpx.HTTPError, httpx.InvalidURL, JoseError, ValueError, KeyError, TypeError) as error:
            # Known keys stay in use: an issuer that is away must not lock everybody out.
            facts = {"issuer": self._issuer_url, "error": describe(error)}
            logger.warning("the issuer's keys could not be fetched", extra=facts)
        else:
            self._fetched_at = self._clock.now()

    async def _discover(self) -> str:
        """The address of the keys. Raises ValueError for another issuer's document (OpenID Discovery, 4.3)."""
        discovered = await self._get(f"{self._issuer_url.rstrip('/')}/.well-known/openid-configuration")
        if discovered["issuer"] != self._issuer_url:
            raise ValueError("the discovery document names another issuer")
        return str(discovered["jwks_uri"])

    async def _get(self, url: str) -> Any:
        response = await self._http.get(url)
        response.raise_for_status()
        return response.json()


def _signs(key: Mapping[str, Any]) -> bool:
    """Whether a published key is of a kind that tokens are checked with; an issuer may publish others (RFC 7517, 5)."""
    return key.get("kty") in ("EC", "RSA") and key.get("use", "sig") == "sig" and isinstance(key.get("kid"), str)


def _import_key(published: Mapping[str, Any]) -> SigningKey:
    key = JWKRegistry.import_key(dict(published))
    assert isinstance(key, ECKey | RSAKey)  # noqa: S101  # narrows what _signs has checked
    return key
