"""Configuration: one frozen dataclass per service, read from the environment once, in `__main__`.

A secret never stands in the environment: a field holds the path of the file that holds it.
"""

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, Self, TypeVar, Union
from urllib.parse import urlsplit

from servicekit.logs import learn_secret

T = TypeVar("T")

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})


class ConfigError(Exception):
    """What is wrong with the configuration, one line per problem; never repeats a value."""


class SecureUrl(str):
    """An address to which secrets may travel. Raises ValueError for one that has them travel in clear."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """See that it is https, or stays on this machine."""
        url = urlsplit(text)
        if not url.hostname or (url.scheme != "https" and (url.scheme != "http" or url.hostname not in _THIS_MACHINE)):
            raise ValueError("secrets would travel in clear")
        return super().__new__(cls, text)


def from_environment(config: type[T], prefix: str, environ: Mapping[str, str]) -> T:
    """Read the dataclass `config` from the variables that start with `prefix`, such as `INVENTORY_`.

    The field `database_url_file` is read from `INVENTORY_DATABASE_URL_FILE`. Fields may be str, int, float, bool, Path,
    SecureUrl, timedelta (a number of seconds), or one of these or None. A variable that is missing, unknown or
    malformed is a problem; all problems are raised together as one ConfigError.
    """
    wanted = typing.get_type_hints(config)
    problems: list[str] = []
    values: dict[str, Any] = {}
    names = {f"{prefix}{field.name.upper()}": field for field in fields(config)}  # type: ignore[arg-type]
    for name, field in names.items():
        if name in environ:
            kind = _without_none(wanted[field.name])
            try:
                values[field.name] = _parse(environ[name], kind)
            except ValueError:
                problems.append(f"{name} must be {_DESCRIPTIONS[kind]}")
        elif field.default is MISSING and field.default_factory is MISSING:
            problems.append(f"{name} is missing")
    problems.extend(
        f"{name} is not a setting" for name in sorted(environ) if name.startswith(prefix) and name not in names
    )
    if problems:
        raise ConfigError("\n".join(problems))
    return config(**values)


def read_secret(path: Path) -> str:
    """The stripped content of a secret's file, made known to the log redactor.

    Raises ConfigError, which names the path only.
    """
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the secret in {path} ({type(error).__name__})") from None
    if not secret:
        raise ConfigError(f"the secret in {path} is empty")
    learn_secret(secret)
    return secret


_DESCRIPTIONS: dict[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Path: "a path",
    SecureUrl: "an address that begins with https://, or with http:// on this machine",
    timedelta: "a number of seconds",
}


def _without_none(kind: Any) -> Any:
    if typing.get_origin(kind) in {Union, types.UnionType}:
        return next(one for one in typing.get_args(kind) if one is not type(None))
    return kind


def _parse(text: str, kind: Any) -> Any:
    if kind is bool:
        if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        raise ValueError
    if kind is timedelta:
        try:
            return timedelta(seconds=float(text))
        except OverflowError:
            raise ValueError from None
    if kind is Path and not text:
        raise ValueError
    return kind(text)
