"""Normal forms, as properties and as tables."""

import html
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_bricklink.values import normal_price, several, shown_price, shown_text
from syncengine.service.reading import (
    TEXT_BYTES,
    UnreadableError,
    normal_text,
    shown_moment,
    shown_number,
)

TEXTS = st.text(max_size=400) | st.text(alphabet="&#;()'\"<>amp lt\xa0\r\n\té\u0301", max_size=60)


def as_html_escape(text: str) -> str:
    return html.escape(text)


def as_bricklink_escapes(text: str) -> str:
    """As marketplaces/bricklink.md#1 shows it."""
    escaped = html.escape(text, quote=False).replace('"', "&quot;").replace("\xa0", "&nbsp;")
    for character in "()'":
        escaped = escaped.replace(character, f"&#{ord(character)};")
    return escaped


@pytest.mark.parametrize("escape", [as_html_escape, as_bricklink_escapes])
@given(text=TEXTS)
def test_escaped_text_reads_as_the_same_normal_form(escape: Callable[[str], str], text: str) -> None:
    assert shown_text(escape(text)) == normal_text(text)


@given(text=TEXTS)
def test_normal_form_is_stable_and_within_the_limit(text: str) -> None:
    normal = normal_text(text)

    assert normal_text(normal) == normal
    assert len(normal.encode()) <= TEXT_BYTES
    assert normal == normal.strip()
    assert unicodedata.is_normalized("NFC", normal)
    assert all(character == "\n" or unicodedata.category(character) != "Cc" for character in normal)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("  light scratches ", "light scratches"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("a\xa0b\u202fc\u2007d\te", "a b c d e"),
        ("e\u0301", "\u00e9"),
        ("bell\x07 and nul\x00", "bell and nul"),
        ("half \ud83d of a pair", "half  of a pair"),
        ("x" * 254 + "é", "x" * 254),
        ("x" * 253 + "é", "x" * 253 + "é"),
        ("x" * 254 + " more", "x" * 254),
    ],
)
def test_normal_text(text: str, normal: str) -> None:
    assert normal_text(text) == normal


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (None, ""),
        ("light scratches &#40;see photo&#41;", "light scratches (see photo)"),
        ("don&#39;t &quot;wash&quot;&nbsp;it", 'don\'t "wash" it'),
        ("fish &amp;amp; chips", "fish &amp; chips"),
    ],
)
def test_shown_text_is_decoded_once(raw: object, text: str) -> None:
    assert shown_text(raw) == text


@given(st.decimals(min_value=0, max_value=99_999, places=4))
def test_price_with_four_places_is_kept_to_the_digit(amount: Decimal) -> None:
    normal = normal_price(amount)

    assert Decimal(normal) == amount
    assert len(normal.partition(".")[2]) == 4
    assert shown_price(normal) == normal
    assert shown_price(Decimal(normal)) == normal


@pytest.mark.parametrize(
    ("raw", "price"),
    [
        ("0.1200", "0.1200"),
        ("0.12", "0.1200"),
        (Decimal("0.123"), "0.1230"),
        (3, "3.0000"),
        ("0.12341", "0.1235"),
        ("-0.0", "0.0000"),
        (None, "0.0000"),
        ("", "0.0000"),
    ],
)
def test_shown_price(raw: object, price: str) -> None:
    assert shown_price(raw) == price


@pytest.mark.parametrize("raw", ["free", "NaN", "Infinity", "-1", "1e40", True, [], {}])
def test_what_is_no_price_is_not_read_as_one(raw: object) -> None:
    with pytest.raises(UnreadableError):
        shown_price(raw)


@pytest.mark.parametrize(("raw", "number"), [(40, 40), ("40", 40), ("-3", -3), (0, 0)])
def test_shown_number(raw: object, number: int) -> None:
    assert shown_number(raw, "quantity") == number


@pytest.mark.parametrize("raw", [None, True, "4.0", Decimal("4.0"), "", "٤", "1_0", 2**63, "9" * 19, "9" * 9999, []])
def test_what_is_no_whole_number_is_not_read_as_one(raw: object) -> None:
    with pytest.raises(UnreadableError):
        shown_number(raw, "quantity")


@pytest.mark.parametrize(
    "raw", ["2026-02-01T10:15:00.000Z", "2026-02-01T10:15:00Z", "2026-02-01T10:15:00.000", "2026-02-01T12:15:00+02:00"]
)
def test_shown_moment_is_utc(raw: str) -> None:
    assert shown_moment(raw, "date_ordered") == datetime(2026, 2, 1, 10, 15, tzinfo=UTC)


@pytest.mark.parametrize("raw", [None, 1700000000, "yesterday", "2026-13-01T00:00:00.000Z", "0001-01-01T00:00+14:00"])
def test_what_is_no_moment_is_not_read_as_one(raw: object) -> None:
    with pytest.raises(UnreadableError):
        shown_moment(raw, "date_ordered")


@pytest.mark.parametrize("raw", [None, {}, []])
def test_no_data_is_an_empty_array_in_every_spelling(raw: object) -> None:
    assert several(shown_text, "orders")(raw) == ()


def test_unreadable_error_names_the_part_and_never_the_content() -> None:
    with pytest.raises(UnreadableError) as caught:
        several(shown_text, "orders")({"key": "CKEY-CANARY"})

    assert str(caught.value) == "orders"
