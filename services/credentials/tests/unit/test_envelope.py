"""A sealed record opens for the record that it was sealed for, bit for bit, or not at all."""

import copy
import pickle
from dataclasses import replace

import pytest

from credentials.crypto.envelope import Ciphertext, Plaintext, RecordIdentity, Unreadable, WrappedKey, seal, unseal
from credentials.crypto.keyring import Keyring

SECRET = b"token-secret-of-a-seller"
MINE = RecordIdentity(seller_id="seller-a", marketplace="bricklink", version=7)


@pytest.fixture
async def sealed(keyring: Keyring) -> Ciphertext:
    return await seal(Plaintext(SECRET), MINE, keyring)


async def test_opens_again(sealed: Ciphertext, keyring: Keyring) -> None:
    assert (await unseal(sealed, MINE, keyring)).reveal() == SECRET


async def test_nothing_repeats(sealed: Ciphertext, keyring: Keyring) -> None:
    """A fresh data key and nonce each time: equal keys of two sellers cannot be told to be equal."""
    again = await seal(Plaintext(SECRET), MINE, keyring)
    assert again.sealed != sealed.sealed
    assert again.nonce != sealed.nonce
    assert again.data_key.wrapped != sealed.data_key.wrapped


def altered(sealed: Ciphertext, part: str, value: bytes) -> Ciphertext:
    match part:
        case "wrapped":
            return replace(sealed, data_key=replace(sealed.data_key, wrapped=value))
        case "nonce":
            return replace(sealed, nonce=value)
        case _:
            return replace(sealed, sealed=value)


def bytes_of(sealed: Ciphertext, part: str) -> bytes:
    return {"wrapped": sealed.data_key.wrapped, "nonce": sealed.nonce, "sealed": sealed.sealed}[part]


@pytest.mark.parametrize("part", ["wrapped", "nonce", "sealed"])
async def test_every_flipped_bit_is_an_error(sealed: Ciphertext, keyring: Keyring, part: str) -> None:
    original = bytes_of(sealed, part)
    for bit in range(8 * len(original)):
        flipped = bytearray(original)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Unreadable):
            await unseal(altered(sealed, part, bytes(flipped)), MINE, keyring)


@pytest.mark.parametrize("part", ["wrapped", "nonce", "sealed"])
async def test_every_truncation_is_an_error(sealed: Ciphertext, keyring: Keyring, part: str) -> None:
    original = bytes_of(sealed, part)
    for length in range(len(original)):
        with pytest.raises(Unreadable):
            await unseal(altered(sealed, part, original[:length]), MINE, keyring)
    with pytest.raises(Unreadable):
        await unseal(altered(sealed, part, original + b"\0"), MINE, keyring)


@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(MINE, seller_id="seller-b"),
        replace(MINE, marketplace="brickowl"),
        replace(MINE, version=6),
        replace(MINE, version=8),
        replace(MINE, generation=1),
        RecordIdentity(seller_id="seller-abrick", marketplace="link", version=7),
        RecordIdentity(seller_id="seller-abricklink", marketplace="", version=7),
    ],
)
async def test_moved_to_another_row_is_an_error(
    sealed: Ciphertext, keyring: Keyring, elsewhere: RecordIdentity
) -> None:
    with pytest.raises(Unreadable):
        await unseal(sealed, elsewhere, keyring)


async def test_the_data_key_of_another_record_is_an_error(sealed: Ciphertext, keyring: Keyring) -> None:
    other = await seal(Plaintext(SECRET), replace(MINE, version=8), keyring)
    with pytest.raises(Unreadable):
        await unseal(replace(sealed, data_key=other.data_key), MINE, keyring)
    same_identity = await seal(Plaintext(SECRET), MINE, keyring)
    with pytest.raises(Unreadable):
        await unseal(replace(sealed, data_key=same_identity.data_key), MINE, keyring)


async def test_another_keyring_is_an_error(sealed: Ciphertext, other_keyring: Keyring) -> None:
    with pytest.raises(Unreadable):
        await unseal(sealed, MINE, other_keyring)


async def test_another_key_under_the_same_id_is_an_error(
    sealed: Ciphertext, keyring: Keyring, other_keyring: Keyring
) -> None:
    theirs = await other_keyring.wrap(Plaintext(b"k" * 32), b"")
    claimed = WrappedKey(key_id=theirs.key_id, wrapped=sealed.data_key.wrapped)
    with pytest.raises(Unreadable):
        await unseal(replace(sealed, data_key=claimed), MINE, other_keyring)


def test_plaintext_shows_nothing() -> None:
    plaintext = Plaintext(SECRET)
    for shown in (repr(plaintext), str(plaintext), f"{plaintext}", f"{plaintext!r:>40}", repr([plaintext])):
        assert SECRET.decode() not in shown
        assert "hidden" in shown


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plaintext_is_never_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(Plaintext(SECRET), protocol)
    with pytest.raises(TypeError, match="never pickled"):
        copy.copy(Plaintext(SECRET))


async def test_a_record_sealed_anew_opens_as_that_generation_only(keyring: Keyring) -> None:
    second = replace(MINE, generation=1)
    sealed = await seal(Plaintext(SECRET), second, keyring)
    assert (await unseal(sealed, second, keyring)).reveal() == SECRET
    for other in (MINE, replace(MINE, generation=2), replace(MINE, version=71), replace(MINE, version=8, generation=1)):
        with pytest.raises(Unreadable):
            await unseal(sealed, other, keyring)
