import asyncio
from datetime import timedelta

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey

from gateway.signing_keys import FETCH_PAUSE, MAX_AGE, KeysUnavailable, SigningKeys
from gateway.testing.issuer import Issuer
from servicekit.testing.clock import SteppedClock

MOMENT = timedelta(milliseconds=1)


def current_key_id(issuer: Issuer) -> str:
    return str(jws.extract_compact(issuer.token().encode()).headers()["kid"])


async def test_keys_are_fetched_once_for_many_tokens(issuer: Issuer, keys: SigningKeys) -> None:
    found = await asyncio.gather(*(keys.find(current_key_id(issuer)) for _ in range(20)))

    assert None not in found
    assert issuer.fetches == 1


async def test_an_unknown_key_is_looked_for_at_the_issuer(
    issuer: Issuer, keys: SigningKeys, clock: SteppedClock
) -> None:
    await keys.load()
    issuer.rotate()
    clock.advance(FETCH_PAUSE)

    assert await keys.find(current_key_id(issuer)) is not None


async def test_made_up_keys_cause_one_fetch_in_a_while(issuer: Issuer, keys: SigningKeys, clock: SteppedClock) -> None:
    await keys.load()
    clock.advance(FETCH_PAUSE)

    assert [await keys.find(f"made-up-{number}") for number in range(50)] == [None] * 50
    assert issuer.fetches == 2


async def test_a_withdrawn_key_is_forgotten(issuer: Issuer, keys: SigningKeys, clock: SteppedClock) -> None:
    old = current_key_id(issuer)
    await keys.load()
    issuer.rotate()
    clock.advance(MAX_AGE)
    assert await keys.find(old) is not None

    clock.advance(MOMENT)
    assert await keys.find(old) is None


async def test_known_keys_outlive_an_issuer_that_is_away(
    issuer: Issuer, keys: SigningKeys, clock: SteppedClock
) -> None:
    await keys.load()
    issuer.down = True
    clock.advance(MAX_AGE + MOMENT)

    assert await keys.find(current_key_id(issuer)) is not None


async def test_without_any_keys_nobody_can_be_checked_until_the_issuer_answers(
    issuer: Issuer, keys: SigningKeys, clock: SteppedClock
) -> None:
    issuer.down = True
    with pytest.raises(KeysUnavailable):
        await keys.load()

    issuer.down = False
    with pytest.raises(KeysUnavailable):
        await keys.load()
    clock.advance(FETCH_PAUSE)
    await keys.load()


async def test_another_issuers_document_is_not_believed(issuer: Issuer, clock: SteppedClock) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(issuer.app)) as http:
        with pytest.raises(KeysUnavailable):
            await SigningKeys(http, "http://other.test", clock).load()


async def test_keys_of_other_kinds_are_left_out(issuer: Issuer, keys: SigningKeys) -> None:
    secret = OctKey.generate_key(256, parameters={"kid": "secret"})
    for_encryption = ECKey.generate_key("P-256", parameters={"kid": "encryption", "use": "enc"})
    issuer.extra_keys = [
        secret.as_dict(private=True),
        for_encryption.as_dict(private=False),
        {"kty": "PQ", "kid": "later"},
        {"kty": "EC", "crv": "P-256"},
    ]

    assert [await keys.find(name) for name in ("secret", "encryption", "later")] == [None] * 3
    assert await keys.find(current_key_id(issuer)) is not None
