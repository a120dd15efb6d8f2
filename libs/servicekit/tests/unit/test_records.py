"""Any record can be shown, whatever bytes somebody put in it."""

from datetime import UTC, datetime

import pytest
from aiokafka.structs import ConsumerRecord

from servicekit.records import record_of


def fetched(key: bytes | None, value: bytes | None, header: bytes | None) -> ConsumerRecord:
    return ConsumerRecord("lots", 2, 7, 1_700_000_000_123, 0, key, value, None, 0, 0, (("type", header),))


def test_a_record_in_our_words() -> None:
    record = record_of(fetched("lot-é".encode(), b"\x00\xff", b"test.Event"))

    assert (record.topic, record.partition, record.offset) == ("lots", 2, 7)
    assert (record.key, record.value, record.headers) == ("lot-é", b"\x00\xff", {"type": "test.Event"})
    assert record.timestamp == datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC)


@pytest.mark.parametrize(("key", "shown"), [(None, None), (b"\xff", "\\xff"), (b"a\x00b", "a\\x00b")])
def test_a_key_that_is_no_text_is_shown_escaped(key: bytes | None, shown: str | None) -> None:
    record = record_of(fetched(key, None, None))

    assert (record.key, record.value, record.headers) == (shown, None, {"type": ""})
