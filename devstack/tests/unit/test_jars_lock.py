"""The lock says what Kafka is made of, and nothing else."""

import re

from devstack.jars import KAFKA, LOCK, SLF4J_BINDING, read_lock


def test_every_jar_is_pinned_by_its_sum() -> None:
    jars = read_lock()
    assert len({jar.name for jar in jars}) == len(jars) == 46
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) for jar in jars)


def test_what_is_pinned_is_what_would_be_resolved() -> None:
    names = [jar.coordinates for jar in read_lock()]
    assert KAFKA in names
    assert SLF4J_BINDING in names


def test_the_lock_holds_no_address() -> None:
    assert "//" not in LOCK.read_text()
