"""One byte string out of several parts, so that no two lists of parts give the same bytes."""

import struct


def framed(*parts: str | int | bytes) -> bytes:
    """Each part after its length in four bytes, big-endian: ("ab", "c") and ("a", "bc") differ."""
    framed_parts = bytearray()
    for part in parts:
        encoded = part if isinstance(part, bytes) else str(part).encode()
        framed_parts += struct.pack(">I", len(encoded)) + encoded
    return bytes(framed_parts)
