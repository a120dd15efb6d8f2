from enum import StrEnum
from typing import Any

import pytest

from brickops.inventory.v1 import change_pb2, import_pb2, lot_pb2, lot_sync_pb2
from brickops.sync.v1 import sync_service_pb2
from gateway.changes.models import ChangeSource, ChangeType
from gateway.connections.models import ConnectionState
from gateway.imports.models import ImportFormat, ImportState
from gateway.lots.models import (
    Availability,
    Completeness,
    Condition,
    FieldGroup,
    ItemType,
    Stockroom,
    SyncState,
    UsedGrade,
)
from gateway.words import value_of, word_of

ENUMS: list[tuple[type[StrEnum], Any]] = [
    (ItemType, lot_pb2.ItemType),
    (Condition, lot_pb2.Condition),
    (Completeness, lot_pb2.Completeness),
    (UsedGrade, lot_pb2.UsedGrade),
    (Stockroom, lot_pb2.Stockroom),
    (Availability, lot_pb2.Availability),
    (SyncState, lot_sync_pb2.SyncState),
    (FieldGroup, lot_sync_pb2.FieldGroup),
    (ChangeType, change_pb2.ChangeType),
    (ChangeSource, change_pb2.ChangeSource),
    (ImportFormat, import_pb2.ImportFormat),
    (ImportState, import_pb2.ImportState),
    (ConnectionState, sync_service_pb2.ConnectionState),
]


@pytest.mark.parametrize(("words", "proto"), ENUMS)
def test_every_value_has_a_word_and_every_word_its_value(words: type[StrEnum], proto: Any) -> None:
    said = [value for value in proto.values() if value]

    assert [value_of(proto, word_of(words, proto, value)) for value in said] == said
    assert word_of(words, proto, 0) is None
    assert value_of(proto, None) == 0
