"""OAuth 1.0 as BrickLink asks for it: one-legged, HMAC-SHA1, keys per shop (`marketplaces/bricklink.md` section 2).

The signature is checked with oauthlib, on purpose not the library that signs in the sync service, so that the two must
agree about the standard and not only about one library's reading of it.
"""

import ipaddress
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, cast
from urllib.parse import unquote, unquote_plus, urlsplit, urlunsplit

from oauthlib.common import Request
from oauthlib.oauth1.rfc5849 import signature

from sandbox.bricklink.errors import bad_oauth
from sandbox.bricklink.switches import Switches

_REQUIRED = ("oauth_consumer_key", "oauth_token", "oauth_signature_method", "oauth_signature", "oauth_timestamp")
_SECONDS = re.compile(r"\d{1,12}")


class _SignedRequest(Request):
    """What oauthlib reads when it checks a signature."""

    params: list[tuple[str, str]]
    signature: str


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The four secrets of one shop's API access; they stay out of `repr`."""

    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    token: str = field(repr=False)
    token_secret: str = field(repr=False)

    def redact(self, text: str) -> str:
        """Return the text with every one of the four taken out."""
        for secret in (self.consumer_key, self.consumer_secret, self.token, self.token_secret):
            text = text.replace(secret, "[redacted]")
        return text


@dataclass(frozen=True)
class Authorization:
    """The OAuth parameters of one request, not yet believed."""

    method: str
    url: str
    parameters: Mapping[str, str] = field(repr=False)

    @classmethod
    def read(cls, method: str, url: str, header: str | None) -> "Authorization":
        """Take the parameters from the header, or from the `Authorization` query parameter holding JSON.

        Raises ShopError (401) when they are absent, unreadable or incomplete.
        """
        url, in_query = _without_authorization(url)
        if in_query is not None:
            parameters = _from_query(in_query)
        elif header is None:
            raise bad_oauth("PARAMETER_ABSENT: no OAuth parameters")
        else:
            try:
                parameters = dict(
                    signature.collect_parameters(headers={"Authorization": header}, exclude_oauth_signature=False)
                )
            except ValueError:
                raise bad_oauth("PARAMETER_REJECTED: malformed Authorization header") from None
        for name in (*_REQUIRED, "oauth_nonce"):
            if not parameters.get(name):
                raise bad_oauth(f"PARAMETER_ABSENT: {name}")
        return cls(method, url, parameters)

    @property
    def consumer_key(self) -> str:
        """The key that says which shop is meant."""
        return self.parameters["oauth_consumer_key"]

    @property
    def query(self) -> str:
        """The query as sent, without the OAuth parameters."""
        return urlsplit(self.url).query

    def is_signed_with(self, keys: Keys) -> bool:
        """Tell whether these secrets sign method, URL and parameters so; the body is no part of it."""
        try:
            request = _SignedRequest(self.url, cast("Any", self.method))
            request.params = signature.collect_parameters(self.query)
        except ValueError:
            return False  # a query that is not URL-encoded cannot have been signed
        request.params += [(name, value) for name, value in self.parameters.items() if name != "oauth_signature"]
        request.signature = self.parameters["oauth_signature"]
        return signature.verify_hmac_sha1(request, keys.consumer_secret, keys.token_secret)


@dataclass(frozen=True, slots=True)
class Use:
    """A timestamp and nonce that were accepted once."""

    timestamp: int
    nonce: str


class Door:
    """Lets signed requests into one shop, each once."""

    def __init__(self, keys: Keys, uses: Iterable[Use] = ()) -> None:
        self.keys = keys
        self._nonces_at: dict[int, set[str]] = {}
        self._nonces: set[str] = set()
        for use in uses:
            self._remember(use)

    def admit(self, authorization: Authorization, *, caller_ip: str, now: datetime, switches: Switches) -> Use:
        """Return what the request used up, for the caller to persist; it is remembered here.

        Raises ShopError (401) saying what is wrong, in the words of OAuth's problem reporting.
        """
        given = authorization.parameters
        if given.get("oauth_version", "1.0") != "1.0":
            raise bad_oauth("VERSION_REJECTED: only 1.0")
        if given["oauth_signature_method"] != "HMAC-SHA1":
            raise bad_oauth("SIGNATURE_METHOD_REJECTED: only HMAC-SHA1")
        if "oauth_body_hash" in given:
            raise bad_oauth("PARAMETER_REJECTED: oauth_body_hash")
        if given["oauth_token"] != self.keys.token:
            raise bad_oauth(f"TOKEN_REJECTED: {given['oauth_token']}")
        if not _SECONDS.fullmatch(given["oauth_timestamp"]):
            raise bad_oauth("PARAMETER_REJECTED: oauth_timestamp")
        use = Use(int(given["oauth_timestamp"]), given["oauth_nonce"])
        if abs(use.timestamp - now.timestamp()) > switches.timestamp_window_seconds:
            raise bad_oauth("TIMESTAMP_REFUSED: outside of the window")
        if not authorization.is_signed_with(self.keys):
            raise bad_oauth(f"SIGNATURE_INVALID: consumer: {self.keys.consumer_key}")
        if use.nonce in self._nonces:
            raise bad_oauth("NONCE_USED")
        if switches.refuse_repeated_timestamp and use.timestamp in self._nonces_at:
            raise bad_oauth("TIMESTAMP_REFUSED: used before")
        if not _is_within(caller_ip, switches.token_ip, switches.token_ip_mask):
            raise bad_oauth(ip_mismatch(self.keys.consumer_key, caller_ip))
        self._forget_before(now.timestamp() - 2 * switches.timestamp_window_seconds)
        self._remember(use)
        return use

    def _remember(self, use: Use) -> None:
        self._nonces_at.setdefault(use.timestamp, set()).add(use.nonce)
        self._nonces.add(use.nonce)

    def _forget_before(self, timestamp: float) -> None:
        """Let go of what the window alone keeps out; only the oldest few are looked at each time."""
        for oldest in list(islice(self._nonces_at, 2)):
            if oldest < timestamp:
                self._nonces -= self._nonces_at.pop(oldest)


def ip_mismatch(consumer_key: str, caller_ip: str) -> str:
    """Return BrickLink's words for a caller outside the token's address; they hold the key (section 1.2)."""
    return f"TOKEN_IP_MISMATCHED: consumer: {consumer_key} IP: {caller_ip}"


def _is_within(address: str, network: str, mask: str) -> bool:
    """Tell whether the masked bits of both addresses agree."""
    bits = int(ipaddress.IPv4Address(mask))
    if bits == 0:
        return True
    try:
        return (int(ipaddress.IPv4Address(address)) & bits) == (int(ipaddress.IPv4Address(network)) & bits)
    except ValueError:
        return False  # an IPv6 caller is outside of every IPv4 network


def _without_authorization(url: str) -> tuple[str, str | None]:
    """Split the `Authorization` query parameter off; that wrapper is not signed, the other parameters stay as sent."""
    parts = urlsplit(url)
    kept, found = [], None
    for pair in parts.query.split("&"):
        name, _, value = pair.partition("=")
        if name == "Authorization":
            found = unquote_plus(value)
        else:
            kept.append(pair)
    return urlunsplit(parts._replace(query="&".join(kept))), found


def _from_query(text: str) -> dict[str, str]:
    try:
        parameters = json.loads(text)
    except ValueError:
        parameters = None
    if not isinstance(parameters, dict):
        raise bad_oauth("PARAMETER_REJECTED: malformed Authorization parameter")
    parameters = {name: str(value) for name, value in parameters.items() if name != "realm"}
    if "oauth_signature" in parameters:
        parameters["oauth_signature"] = unquote(parameters["oauth_signature"])
    return parameters
