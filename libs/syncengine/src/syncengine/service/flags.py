"""The operators' switches, the same names in every sync service: they stop sending, never the outbox (design, Flags).

What is not sent does not move a ledger, so it goes out when the switch is turned back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from servicekit.config import from_environment


@dataclass(frozen=True, kw_only=True)
class _Everywhere:
    disable_external_calls: bool = False
    inventory_sync_enabled: bool = True


@dataclass(frozen=True, kw_only=True)
class _Here:
    sync_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Flags:
    """What an operator allows."""

    may_call: bool
    """Whether shops are called at all; false with DISABLE_EXTERNAL_CALLS."""
    may_send: bool
    """Whether anything is written to shops; false too with INVENTORY_SYNC_ENABLED or <MARKETPLACE>_SYNC_ENABLED off."""


def flags_of(marketplace: str, environ: Mapping[str, str]) -> Flags:
    """Read the switches that concern a marketplace. Raises ConfigError for one that is neither true nor false."""
    prefix = f"{marketplace.upper()}_"
    names = {field.name.upper() for field in fields(_Everywhere)} | {f"{prefix}SYNC_ENABLED"}
    given = {name: value for name, value in environ.items() if name in names}
    here = from_environment(_Here, prefix, given)
    given.pop(f"{prefix}SYNC_ENABLED", None)
    everywhere = from_environment(_Everywhere, "", given)
    may_call = not everywhere.disable_external_calls
    return Flags(may_call=may_call, may_send=may_call and everywhere.inventory_sync_enabled and here.sync_enabled)
