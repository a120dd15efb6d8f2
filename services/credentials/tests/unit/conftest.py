from pathlib import Path

import pytest

from credentials.crypto.keyring import Keyring, new_keyring


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return written(tmp_path / "keyring.json")


@pytest.fixture
def other_keyring(tmp_path: Path) -> Keyring:
    return written(tmp_path / "other.json")


def written(path: Path) -> Keyring:
    path.write_text(new_keyring())
    return Keyring.read(path)
