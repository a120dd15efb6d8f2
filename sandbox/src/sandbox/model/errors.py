"""What a shop answers when it does not do what was asked, whatever the marketplace's words for it."""

from typing import NoReturn


class Refusal(Exception):
    """A refusal: a status code, all the words for a log, and the description alone for a person."""

    def __init__(self, code: int, words: str, description: str, *, retry_after: int | None = None) -> None:
        super().__init__(f"{code} {words}")
        self.code = code
        self.words = words
        self.description = description
        self.retry_after = retry_after
        """Seconds after which to ask again; None where the shop does not say."""


def refuse(error: Refusal) -> NoReturn:
    """Raise, where an expression is needed."""
    raise error
