"""Values that must not show themselves: a secret leaks most often through a repr in a log line or a traceback."""

from typing import NoReturn, SupportsIndex


class Hidden:
    """A value whose text forms show its type only, and which cannot be pickled or copied."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: hidden>"

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, format_spec: str, /) -> str:
        return repr(self)

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        raise TypeError(f"{type(self).__name__} is never pickled or copied: its value would leave our sight")
