"""Takes learned secrets out of any text, in the forms in which they tend to travel.

It must recognise keys long after they ended, in late errors say, and so must not be the place where they can still be
found: of each form it keeps the first characters, and a hash of the whole under a key of this process.
"""

import base64
import hashlib
import json
import os
import re
from threading import Lock
from urllib.parse import quote, quote_plus

REDACTED = "[redacted]"
SHORTEST = 6
"""Shorter texts are not learned: they would blot out ordinary words, and no key of ours is that short."""


class Redactor:
    """Knows secrets and replaces them, in time that depends on the text and not on how many secrets are known."""

    def __init__(self) -> None:
        # first SHORTEST characters -> lengths and hashes of the whole forms, longest first
        self._forms: dict[str, list[tuple[int, bytes]]] = {}
        self._salt = os.urandom(32)
        self._lock = Lock()

    def learn(self, secret: str) -> None:
        """Know `secret` plain, escaped as in JSON, URL-quoted (also twice) and in base64, whatever stands around it."""
        if len(secret) < SHORTEST:
            return
        with self._lock:
            for form in _forms_of(secret):
                known = self._forms.get(form[:SHORTEST], [])
                new = (len(form), self._hash(form))
                if new not in known:
                    self._forms[form[:SHORTEST]] = sorted([*known, new], reverse=True)

    def redact(self, text: str) -> str:
        """The text with every known form of every secret replaced."""
        forms = self._forms
        if not forms:
            return text
        kept: list[str] = []
        start = position = 0
        while position <= len(text) - SHORTEST:
            for form in forms.get(text[position : position + SHORTEST], ()):
                length, whole = form
                if self._hash(text[position : position + length]) == whole:
                    kept += [text[start:position], REDACTED]
                    position += length
                    start = position
                    break
            else:
                position += 1
        kept.append(text[start:])
        return "".join(kept)

    def _hash(self, form: str) -> bytes:
        return hashlib.blake2b(form.encode(errors="surrogatepass"), key=self._salt, digest_size=16).digest()


def _forms_of(secret: str) -> set[str]:
    quoted = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    lower = {_with_lower_escapes(form) for form in quoted}
    twice = {quote(form, safe="") for form in quoted}
    encoded = {_within_base64(secret.encode(), offset) for offset in range(3)}
    url_safe = {form.replace("+", "-").replace("/", "_") for form in encoded}
    forms = {secret, repr(secret)[1:-1]} | quoted | lower | twice | encoded | url_safe
    forms |= {json.dumps(form, ensure_ascii=ascii_only)[1:-1] for form in forms for ascii_only in (True, False)}
    return {form for form in forms if len(form) >= SHORTEST}


def _with_lower_escapes(quoted: str) -> str:
    return re.sub("%[0-9A-F]{2}", lambda escape: escape.group().lower(), quoted)


def _within_base64(secret: bytes, offset: int) -> str:
    """The characters that base64 of any text shows when the secret starts `offset` bytes (modulo 3) into it."""
    encoded = base64.b64encode(b"x" * offset + secret).decode().rstrip("=")
    last = len(encoded) - (1 if (offset + len(secret)) % 3 else 0)  # a character that depends on what follows
    return encoded[(0, 2, 3)[offset] : last]
