"""What is compared with ours sends a write until it is answered."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from chaos.blind_resend import all_sent_again, sent_again
from syncengine.listing import ListingId
from syncengine.marketplace import Applied, Later, Outcome, Remove, Ticket, Unknown, Write

TICKET = Ticket(stamp=datetime(2026, 11, 22, tzinfo=UTC), deadline=timedelta(seconds=10))
WRITE = Remove(listing_id=ListingId("7"))


class Deaf:
    """A shop whose first replies are lost."""

    def __init__(self, lost: int) -> None:
        self.lost = lost
        self.done = 0

    async def send(self, write: Write, ticket: Ticket) -> Outcome:
        self.done += 1
        return Unknown(reason="NO_REPLY") if self.done <= self.lost else Applied()

    async def send_all(self, writes: Sequence[Write], ticket: Ticket) -> Sequence[Outcome]:
        return [await self.send(write, ticket) for write in writes]


async def test_a_write_is_sent_until_it_is_answered() -> None:
    deaf = Deaf(lost=1)
    assert await sent_again(Deaf.send)(deaf, WRITE, TICKET) == Applied()
    assert deaf.done == 2


async def test_several_are_sent_again_together() -> None:
    deaf = Deaf(lost=1)
    assert await all_sent_again(Deaf.send_all)(deaf, [WRITE, WRITE], TICKET) == [Applied(), Applied()]
    assert deaf.done == 4


async def test_in_the_end_it_is_planned_anew() -> None:
    deaf = Deaf(lost=9)
    assert await sent_again(Deaf.send)(deaf, WRITE, TICKET) == Later(reason="NO_REPLY")
    assert deaf.done == 3
