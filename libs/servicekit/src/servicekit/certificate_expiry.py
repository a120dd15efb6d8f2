"""Saying in time that a certificate ends: a line in the log. The same is among the numbers (`metrics`)."""

import asyncio
import logging
from datetime import timedelta

from servicekit.clock import Clock
from servicekit.mtls import Reloaded

logger = logging.getLogger(__name__)

_WARNED_BEFORE = timedelta(days=14)
_INTERVAL_SECONDS = 6 * 3600.0


async def watch_expiry(identity: Reloaded, clock: Clock) -> None:
    """Until cancelled, say four times a day when our certificate ends; a warning in its last 14 days."""
    while True:
        say_expiry(identity, clock)
        await asyncio.sleep(_INTERVAL_SECONDS)


def say_expiry(identity: Reloaded, clock: Clock) -> None:
    """Say it once: `certificate_expires_at` and the seconds that are left, below 0 if it has ended."""
    try:
        expires_at = identity.get().expires_at
    except ValueError:
        logger.exception("our certificate cannot be read")
        return
    left = expires_at - clock.now()
    level = logging.INFO if left > _WARNED_BEFORE else logging.WARNING if left > timedelta(0) else logging.ERROR
    facts = {"certificate_expires_at": expires_at.isoformat(), "seconds_left": int(left.total_seconds())}
    logger.log(level, "our certificate ends", extra=facts)
