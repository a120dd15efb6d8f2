"""The engine's only source of time: handed in, so that a simulation can turn it."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time; aware, UTC."""

    def now(self) -> datetime:
        """Tell it."""
        ...
