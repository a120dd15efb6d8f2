"""What the rooms that all sandboxes share read of a shop's switches; each marketplace has its own `Switches`."""

from typing import Any, ClassVar, Protocol


class AnySwitches(Protocol):
    """One shop's switches: a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def order_lag_seconds(self) -> float:
        """How long a new or changed order stays unseen, while its pieces are gone at once."""

    @property
    def clock_offset_seconds(self) -> float:
        """How far the shop's clock is ahead of the machine's."""

    @property
    def parallel_limit(self) -> int | None:
        """Answer an HTML 503 to more calls than this at once; None: no limit."""
