"""What can go wrong, named by what the caller does next. No message holds a value that the caller sent."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """A field that breaks a rule; `field` is its path in the request, as in `bricklink.consumer_secret`."""

    field: str
    rule: str


class FieldsRefused(Exception):
    """Nothing was changed, because these fields break their rules."""

    def __init__(self, problems: Iterable[FieldProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{problem.field} {problem.rule}" for problem in self.problems))


class CredentialNotFound(Exception):
    """This seller has no keys stored for this marketplace."""

    def __init__(self, marketplace: str) -> None:
        super().__init__(f"no {marketplace} keys are stored")


class RequestIdReused(Exception):
    """This request id was used before, with another body."""

    def __init__(self) -> None:
        super().__init__("this request_id was used before, with another body")


class RecordOutdated(Exception):
    """The stored record is not the newest that was put: somebody brought an older one back. A person must look."""

    def __init__(self, marketplace: str, version: tuple[int, int], newest: tuple[int, int] | None) -> None:
        """Versions are key version and generation; `newest` is None where there is no lifecycle row."""
        says = f"says {newest[0]}.{newest[1]} or revoked" if newest else "is missing"
        super().__init__(
            f"the {marketplace} record is version {version[0]}.{version[1]}, the newest lifecycle row {says}"
        )


class ChainBroken(Exception):
    """The chain of a seller's lifecycle was tampered with. `verify-audit` says more; a new put mends what it can."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the chain of this seller's lifecycle does not hold: {what}")
