"""The one key of a shop, and what it opens (section 1)."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The secret of one shop's API access; it stays out of `repr`."""

    key: str = field(repr=False)

    def redact(self, text: str) -> str:
        """Return the text with the key taken out."""
        return text.replace(self.key, "[redacted]")
