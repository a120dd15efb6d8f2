"""The kit of stories that adapters are told: a third marketplace passes it, and adapters that do wrong do not."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from syncengine.listing import ListingId, ListingRead, ListRead
from syncengine.marketplace import Applied, Create, Later, Outcome, ReadFailedError, Refused, Ticket, Unknown, Update
from syncengine.testing.conformance import BEHAVIOURS, Behaviour, check
from syncengine.testing.kiosk.subject import KioskUnderTest

STORIES = {behaviour.name: behaviour for behaviour in BEHAVIOURS}


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=str)
async def test_kiosk_conforms(behaviour: Behaviour) -> None:
    """The shop of docs/adding-a-marketplace.md."""
    await check(behaviour, KioskUnderTest())


class Broken:
    """An adapter that passes all on to one that is right."""

    def __init__(self, shop: Any) -> None:
        self.facts = shop.facts
        self._shop = shop

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shop, name)


class Resends(Broken):
    """Sends again what it got no answer to."""

    async def send(self, write: Any, ticket: Ticket) -> Outcome:
        outcome: Outcome = await self._shop.send(write, ticket)
        return await self._shop.send(write, ticket) if isinstance(outcome, Unknown) else outcome


class HopesForTheBest(Broken):
    """Takes a write that it got no answer to for done."""

    async def send(self, write: Any, ticket: Ticket) -> Outcome:
        outcome: Outcome = await self._shop.send(write, ticket)
        return Applied() if isinstance(outcome, Unknown) and not isinstance(write, Create) else outcome


class DropsAField(Broken):
    """Leaves the words out of every update, and says that they are there."""

    async def send(self, write: Any, ticket: Ticket) -> Outcome:
        if isinstance(write, Update):
            kept = {name: value for name, value in write.fields.items() if name != "words"}
            outcome: Outcome = await self._shop.send(replace(write, fields=kept), ticket)
            return Applied() if isinstance(outcome, Applied) else outcome
        return await self._shop.send(write, ticket)  # type: ignore[no-any-return]


class ReadsErrorsAsNothing(Broken):
    """Takes a read that failed for one that found nothing."""

    async def read(self, listing_id: ListingId, ticket: Ticket) -> ListingRead:
        try:
            return await self._shop.read(listing_id, ticket)  # type: ignore[no-any-return]
        except ReadFailedError:
            return ListingRead(listing=None, read_at=ticket.stamp)

    async def read_all(self, ticket: Ticket) -> ListRead:
        try:
            return await self._shop.read_all(ticket)  # type: ignore[no-any-return]
        except ReadFailedError:
            return ListRead(listings=(), read_at=ticket.stamp)


class RefusesWhenThereAreTooManyCalls(Broken):
    """Takes 429 for a word on the fields that were sent."""

    async def send(self, write: Any, ticket: Ticket) -> Outcome:
        outcome: Outcome = await self._shop.send(write, ticket)
        return Refused(reason="REFUSED") if isinstance(outcome, Later) else outcome


class SeesEmptyShops(Broken):
    """Lists only what is for sale, and believes that the rest is not there."""

    async def read_all(self, ticket: Ticket) -> ListRead:
        read: ListRead = await self._shop.read_all(ticket)
        return replace(read, listings=tuple(each for each in read.listings if each.for_sale and each.quantity))

    async def read(self, listing_id: ListingId, ticket: Ticket) -> ListingRead:
        read: ListingRead = await self._shop.read(listing_id, ticket)
        shown = read.listing
        return read if shown is None or (shown.for_sale and shown.quantity) else replace(read, listing=None)


class SetsAbsolutely(Broken):
    """Sets pieces to a number, without a look at what is there."""

    async def send(self, write: Any, ticket: Ticket) -> Outcome:
        if isinstance(write, Update) and write.delta and write.ledger is not None:
            read = await self._shop.read(write.listing_id, ticket)
            if read.listing is not None:
                there = read.listing.quantity
                write = replace(write, ledger=there, delta=write.ledger + write.delta - there)
        return await self._shop.send(write, ticket)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("broken", "stories"),
    [
        (Resends, ["lost_reply_at_every_kind_of_write", "good_page_at_every_kind_of_write"]),
        (HopesForTheBest, ["lost_request_at_every_kind_of_write", "page_at_every_kind_of_write"]),
        (DropsAField, ["field_follows_description", "all_fields_change_at_once"]),
        (ReadsErrorsAsNothing, ["page_at_the_look_for_a_lost_reply", "server_error_at_the_look_for_a_lost_reply"]),
        (RefusesWhenThereAreTooManyCalls, ["writes_are_answered_by_too_many"]),
        (SeesEmptyShops, ["hidden_lot_keeps_its_pieces_and_comes_back"]),
        (SetsAbsolutely, ["pieces_come_and_go", "sale_that_shows_late_is_not_undone_by_an_increase"]),
    ],
)
async def test_broken_adapter_does_not_pass(broken: type[Broken], stories: Sequence[str]) -> None:
    """A kit that cannot fail says nothing."""
    for name in stories:
        subject = KioskUnderTest()
        subject.marketplace = broken(subject.marketplace)
        with pytest.raises(AssertionError):
            await check(STORIES[name], subject)
