import base64
import hmac
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from gateway.auth import InvalidToken, Principal, Role, Tokens
from gateway.signing_keys import SigningKeys
from gateway.testing.issuer import Issuer
from servicekit.testing.clock import SteppedClock


async def test_a_token_says_seller_user_and_role(issuer: Issuer, tokens: Tokens) -> None:
    token = issuer.token(sub="user-7", seller="seller-b", role="viewer")

    assert await tokens.verify(token) == Principal("seller-b", "user-7", Role.VIEWER)


async def test_an_rsa_key_is_as_good(issuer: Issuer, tokens: Tokens) -> None:
    issuer.rotate(RSAKey.generate_key(2048))

    assert (await tokens.verify(issuer.token())).seller_id == "seller-a"


async def test_one_of_several_audiences_is_enough(issuer: Issuer, tokens: Tokens) -> None:
    assert (await tokens.verify(issuer.token(aud=["other", "brickops"]))).seller_id == "seller-a"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "http://elsewhere.test"},
        {"iss": None},
        {"aud": "other"},
        {"aud": ["other"]},
        {"aud": None},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": float("inf")},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "user\n1"},
        {"seller": None},
        {"seller": ""},
        {"seller": ["seller-a"]},
        {"seller": "s" * 101},
        {"seller": "sellér"},
        {"role": None},
        {"role": "root"},
        {"role": ["owner"]},
        {"role": "OWNER"},
    ],
)
async def test_a_wrong_or_missing_claim_is_refused(issuer: Issuer, tokens: Tokens, claims: dict[str, Any]) -> None:
    with pytest.raises(InvalidToken):
        await tokens.verify(issuer.token(**claims))


async def test_a_token_ends_half_a_minute_after_its_time(issuer: Issuer, tokens: Tokens, clock: SteppedClock) -> None:
    """Clocks differ a little: that is the leeway."""
    token = issuer.token()
    clock.advance(timedelta(minutes=5, seconds=29))
    await tokens.verify(token)

    clock.advance(timedelta(seconds=1))
    with pytest.raises(InvalidToken, match="expired"):
        await tokens.verify(token)


async def test_a_token_of_an_unknown_key_is_refused(issuer: Issuer, tokens: Tokens) -> None:
    stranger = ECKey.generate_key("P-256")

    with pytest.raises(InvalidToken):
        await tokens.verify(issuer.token(key=stranger))
    with pytest.raises(InvalidToken):
        await tokens.verify(issuer.token(key=stranger, header={"kid": "stranger"}))


@pytest.mark.parametrize(
    "header",
    [
        {"kid": None},
        {"kid": 7},
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "ES384"},
        {"alg": "RS256"},
        {"alg": None},
        {"crit": ["exp"]},
        {"b64": False, "crit": ["b64"]},
    ],
)
async def test_a_strange_header_is_refused(issuer: Issuer, tokens: Tokens, header: dict[str, Any]) -> None:
    with pytest.raises(InvalidToken):
        await tokens.verify(issuer.token(header=header))


async def test_the_published_key_is_no_secret_to_sign_with(issuer: Issuer, tokens: Tokens, keys: SigningKeys) -> None:
    """The old trick: HS256 with the public key as the secret."""
    known = await keys.find(key_id_of(issuer))
    assert known is not None
    content = issuer.token(header={"alg": "HS256"}).rpartition(".")[0]
    code = hmac.digest(known.as_pem(private=False), content.encode(), "sha256")

    with pytest.raises(InvalidToken):
        await tokens.verify(f"{content}.{base64.urlsafe_b64encode(code).rstrip(b'=').decode()}")


def key_id_of(issuer: Issuer) -> str:
    key_id = jws.extract_compact(issuer.token().encode()).headers()["kid"]
    assert isinstance(key_id, str)
    return key_id


@pytest.mark.parametrize("position", [0, 1, 2])
async def test_a_token_changed_in_any_part_is_refused(issuer: Issuer, tokens: Tokens, position: int) -> None:
    parts = issuer.token().split(".")
    other = issuer.token(sub="user-2", header={"typ": "at+jwt"}).split(".")

    with pytest.raises(InvalidToken):
        await tokens.verify(".".join([*parts[:position], other[position], *parts[position + 1 :]]))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a",
        "a.b",
        "a.b.c",
        "....",
        "\u00fc.b.c",
        "\ud800.b.c",
        "e30.e30.",
        f"{'W1tb' * 20_000}.e30.e30",
        "bnVsbA.e30.e30",
    ],
    ids=range(10),
)
async def test_what_is_no_token_is_refused(tokens: Tokens, token: str) -> None:
    with pytest.raises(InvalidToken):
        await tokens.verify(token)


async def test_a_refusal_says_nothing_of_what_the_token_holds(issuer: Issuer, tokens: Tokens) -> None:
    with pytest.raises(InvalidToken) as refused:
        await tokens.verify(issuer.token(seller="canary value", role="canary"))

    assert "canary" not in str(refused.value)
