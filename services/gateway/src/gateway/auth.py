"""Who asks: a bearer token from the issuer, checked here, says which seller, which user and which role."""

import re
from dataclasses import dataclass
from enum import StrEnum

from joserfc import jws, jwt
from joserfc.errors import ExpiredTokenError, JoseError

from gateway.signing_keys import SigningKeys
from servicekit.clock import Clock

ALGORITHMS = ("ES256", "RS256")
LEEWAY_SECONDS = 30
"""How far the issuer's clock and ours may be apart."""

_METADATA_SAFE = re.compile(r"[\x21-\x7e]{1,100}")


class Role(StrEnum):
    """What a user may do for a seller."""

    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"


@dataclass(frozen=True)
class Principal:
    """On whose behalf a request is made."""

    seller_id: str
    actor: str
    """The user: an opaque id."""
    role: Role


class InvalidToken(Exception):
    """The token proves nothing; says why in words without its content."""


class Tokens:
    """Checks the tokens of one issuer."""

    def __init__(self, keys: SigningKeys, *, issuer_url: str, audience: str, clock: Clock) -> None:
        self._keys = keys
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(clock.now().timestamp()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer_url},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    async def verify(self, token: str) -> Principal:
        """Who the token stands for. Raises InvalidToken, or KeysUnavailable while the issuer cannot be asked."""
        try:
            key_id = jws.extract_compact(token.encode()).headers().get("kid")
            key = await self._keys.find(key_id) if isinstance(key_id, str) else None
            if key is None:
                raise InvalidToken("The token is not signed with a key of the issuer.")
            claims = jwt.decode(token, key, algorithms=ALGORITHMS).claims
            self._claims.validate(claims)
        except ExpiredTokenError:
            raise InvalidToken("The token has expired.") from None
        except (JoseError, ValueError, RecursionError) as error:
            # A signature, a header or a claim is wrong, or it is no token at all: all the same to the caller.
            raise InvalidToken("The token is not valid here.") from error
        return _principal_of(claims)


def _principal_of(claims: jwt.Claims) -> Principal:
    role = claims.get("role")
    if role not in list(Role):
        raise InvalidToken("The token names no role.")
    return Principal(seller_id=_opaque_id(claims, "seller"), actor=_opaque_id(claims, "sub"), role=Role(role))


def _opaque_id(claims: jwt.Claims, name: str) -> str:
    """A claim that can travel as gRPC metadata. Raises InvalidToken."""
    value = claims.get(name)
    if not (isinstance(value, str) and _METADATA_SAFE.fullmatch(value)):
        raise InvalidToken(f"The token has no usable claim {name}.")
    return value
