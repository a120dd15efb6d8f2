"""The redactor finds a secret in every dress that it is known to wear."""

import base64
import json
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.redaction import REDACTED, SHORTEST, Redactor

SECRET = 'K3y/with+"odd\\ characters=&é'


def knowing(*secrets: str) -> Redactor:
    redactor = Redactor()
    for secret in secrets:
        redactor.learn(secret)
    return redactor


@pytest.mark.parametrize(
    "dressed",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower().replace("k3y", "K3y"),
        quote_plus(SECRET),
        urlencode({"key": SECRET}),
        quote(quote(SECRET, safe=""), safe=""),
        json.dumps({"key": SECRET}),
        json.dumps({"key": SECRET}, ensure_ascii=False),
        repr(SECRET),
        repr({"key": [SECRET]}),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        *(base64.b64encode((f"{'u' * length}:" + SECRET + "tail").encode()).decode() for length in range(4)),
    ],
)
def test_a_secret_is_found_in_every_dress(dressed: str) -> None:
    redacted = knowing(SECRET).redact(f"before {dressed} after")

    assert REDACTED in redacted
    assert redacted.startswith("before ")
    assert redacted.endswith(" after")
    for part in (SECRET[:10], "characters", quote(SECRET[:8], safe=""), "V3aXRo"):
        assert part not in redacted.replace(REDACTED, "")


def test_all_of_several_secrets_are_found() -> None:
    assert knowing("alpha-key", "alpha-key-2").redact("alpha-key-2,alpha-key;alpha-key") == ",".join(
        [REDACTED, f"{REDACTED};{REDACTED}"]
    )


def test_it_is_not_where_a_secret_can_be_found_later() -> None:
    kept = repr(vars(knowing(SECRET, "alpha-key-that-was-revoked")))

    assert "key-that-was-revoked" not in kept
    for form in (SECRET, quote(SECRET), base64.b64encode(SECRET.encode()).decode()):
        assert form[SHORTEST : 2 * SHORTEST] not in kept


def test_other_text_is_left_alone() -> None:
    redactor = knowing("alpha-key", "x" * (SHORTEST - 1), "")

    assert redactor.redact("alpha-kex xxxxx alpha") == "alpha-kex xxxxx alpha"


@given(st.text(min_size=SHORTEST, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_no_secret_survives_wherever_it_stands(secret: str, before: str, after: str) -> None:
    assert secret not in knowing(secret).redact(before + secret + after).replace(REDACTED, "")
