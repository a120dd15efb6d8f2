"""Proving the lifecycle: each row by its seller's chain, the chain's length by the heads that were published.

What the database alone can show (edited, inserted, reordered, missing rows) the HMACs show. What it cannot (the newest
rows dropped, or all of them made anew by somebody who has the keys too) the published heads show. That the heads are
there the database shows in turn: what does not wait in the outbox was published. The next ordinary event after rows
were dropped has a head of the same length as a dropped one: both are in the topic for as long as it keeps what is
outdone, so whoever verifies more often than that finds them.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Final

from credentials.crypto.chain import Link, audit_key_binding, links_of, mac_before_first, mac_of_row
from credentials.crypto.envelope import Plaintext, Unreadable, WrappedKey
from credentials.domain.credential import Credential
from credentials.domain.lifecycle import ChainHead, LifecycleKind, LifecycleRow
from credentials.published_heads import LAG, Published
from credentials.vault import Vault

KEPT_FOR: Final = timedelta(days=7)
"""For how long the topic must keep each head after a newer one; verify more often than that."""


@dataclass(slots=True)
class Verification:
    """What was found."""

    sellers: int = 0
    rows: int = 0
    """In chains, and sound."""
    unchained: int = 0
    """From before there were chains, of sellers to whom nothing has happened since: nothing vouches for them."""
    unpublished: int = 0
    """Sound, but on their way to Kafka, or younger than this verification: dropped, they would not be missed."""
    problems: list[str] = field(default_factory=list)
    """One for each seller: the first row that is bad or missing. Before these, what is wrong with the topic."""


async def verify_audit(vault: Vault, read_published: Callable[[], Awaitable[Published]]) -> Verification:
    """Goes through every seller's chain, and compares it with the heads of which `read_published` tells.

    The order matters, as chains grow meanwhile: what was published before the heads were read must be among
    them, and chains that are read after them must reach them.
    """
    published_before = await _lengths_published(vault)
    topic = await read_published()
    async with vault.transaction() as uow:
        sellers = await uow.lifecycle.list_sellers()
    verification = Verification()
    if topic.kept_for < KEPT_FOR:
        wanted = KEPT_FOR // timedelta(milliseconds=1)
        verification.problems.append(
            f"the topic forgets heads too soon for dropped rows to be missed: set its {LAG} to {wanted} or more"
        )
    for seller_id in sorted(sellers | topic.heads.keys()):
        async with vault.transaction() as uow:
            await uow.lock_seller(seller_id)
            wrapped = await uow.audit_keys.find(seller_id)
            rows = await uow.lifecycle.list_of(seller_id)
            credentials = await uow.credentials.list_of(seller_id)
        published = topic.heads.get(seller_id, frozenset())
        verification.sellers += 1
        try:
            key = await _key_of(seller_id, wrapped, vault)
            chain = _sound_chain(rows, key)
            _must_reach(chain, published)
            _must_be_published(published_before.get(seller_id, 0), published)
            if seller_id in published_before:  # else the relay may be in the middle of sending some again
                _must_be_last(topic.outdone.get(seller_id))
            _must_tell_of(credentials, rows)
        except _Unsound as problem:
            verification.problems.append(f"seller {seller_id}: {problem}")
            continue
        verification.rows += len(chain)
        verification.unchained += 0 if chain else len(rows)
        verification.unpublished += len(chain) - _longest(published)
    return verification


async def _lengths_published(vault: Vault) -> Mapping[str, int]:
    """How long the chains of sellers are of whom no event waits to be published: Kafka has taken all of them."""
    async with vault.transaction() as uow:
        lengths = await uow.lifecycle.lengths()
        waiting = await uow.sellers_waiting()  # read later: what came in between waits, or is not in `lengths`
    return {seller_id: length for seller_id, length in lengths.items() if seller_id not in waiting}


class _Unsound(Exception):
    """The first thing that is wrong with a seller's chain."""


async def _key_of(seller_id: str, wrapped: WrappedKey | None, vault: Vault) -> Plaintext | None:
    if wrapped is None:
        return None
    try:
        return await vault.keys.unwrap(wrapped, audit_key_binding(seller_id))
    except Unreadable as problem:
        raise _Unsound(f"the key of the chain cannot be opened: {problem}") from None


def _sound_chain(rows: Sequence[LifecycleRow], key: Plaintext | None) -> list[Link]:
    """The rows that have a place, in its order, each found to be what was recorded, and when."""
    links = links_of(rows)
    before_any = [row for row in rows if row.place is None]
    if not links:
        if key is not None:
            raise _Unsound("row 1 of the chain is missing")
        return []
    if key is None:
        raise _Unsound("the key of the chain is missing")
    stray = [row for row in before_any if row.lifecycle_id > links[0].row.lifecycle_id]
    if stray:
        raise _Unsound(f"{_name(stray[0])} has no place in the chain: it was inserted")
    mac = mac_before_first(key, before_any)
    for position, link in enumerate(links, start=1):
        if link.place.length != position:
            raise _Unsound(f"row {position} of the chain is missing; the next is {_name(link.row)}")
        mac = mac_of_row(key, position, link.row.event, link.row.origin, before=mac)
        if mac != link.place.mac:
            also = ", or a row from before the chain is not" if position == 1 and before_any else ""
            raise _Unsound(f"row {position} of the chain, {_name(link.row)}, is not what was recorded{also}")
    for one, next_one in pairwise(links):  # no HMAC covers ids, by which people are shown what was last
        if one.row.lifecycle_id >= next_one.row.lifecycle_id:
            rows_named = f"row {one.place.length} of the chain, {_name(one.row)}, and the next, {_name(next_one.row)}"
            raise _Unsound(f"{rows_named}: their ids do not rise, so one was changed")
    return links


def _must_reach(chain: Sequence[Link], published: frozenset[ChainHead]) -> None:
    for head in sorted(published, key=lambda head: head.length):
        if head.length > len(chain):
            raise _Unsound(f"row {len(chain) + 1} of the chain is missing: {_longest(published)} rows were published")
        link = chain[head.length - 1]
        if link.place.mac != head.mac:
            made_anew = "the chain up to it was made anew"
            raise _Unsound(f"row {head.length} of the chain, {_name(link.row)}, is not the published one: {made_anew}")


def _must_be_published(length: int, published: frozenset[ChainHead]) -> None:
    """Else nothing shows that rows were dropped: the topic was emptied, made anew, or holds an older event last."""
    longest = _longest(published)
    if longest < length:
        gone = "the topic lost it, or it never went out"
        raise _Unsound(f"row {longest + 1} of the chain is not published, and does not wait to be: {gone}")


def _must_be_last(outdone: str | None) -> None:
    """Else compaction leaves an older event, and takes the newest head away."""
    if outdone is not None:
        raise _Unsound(f"the newest event of {outdone} in the topic is not its last: an older one was published again")


def _longest(published: frozenset[ChainHead]) -> int:
    return max((head.length for head in published), default=0)


def _must_tell_of(credentials: Sequence[Credential], rows: Sequence[LifecycleRow]) -> None:
    """Each record must be the one that the newest row about it tells of: by place, rows without one being older."""
    before_any = [row for row in rows if row.place is None]
    in_order = (*before_any, *(link.row for link in links_of(rows)))
    newest = {row.event.marketplace: row.event for row in in_order}
    for credential in credentials:
        told = newest.pop(credential.marketplace, None)
        record = (credential.key_version, credential.generation, credential.enabled)
        if told is None or (told.key_version, told.generation, told.kind is not LifecycleKind.REVOKE) != record:
            raise _Unsound(f"the {credential.marketplace} record is not the one that the newest row tells of")
    for marketplace in newest:
        raise _Unsound(f"the {marketplace} record is missing, of which there are rows")


def _name(row: LifecycleRow) -> str:
    return (
        f"lifecycle_id {row.lifecycle_id} ({row.event.marketplace} {row.event.kind} of {row.event.at:%Y-%m-%d %H:%M})"
    )
