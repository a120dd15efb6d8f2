"""The heads of chains as they were published: kept where whoever may write to our database cannot take them back."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from google.protobuf.message import DecodeError

from brickops.events.v1.connection_event_pb2 import ConnectionChanged
from credentials.domain.lifecycle import ChainHead
from servicekit.kafka import KafkaConfig

LAG: Final = "min.compaction.lag.ms"
"""What the topic is told for how long compaction leaves every event after a newer one of its connection came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What the topic holds."""

    heads: Mapping[str, frozenset[ChainHead]]
    """By seller: of each connection's newest event, and of those that compaction has left."""
    outdone: Mapping[str, str]
    """By seller: a connection whose last event is not the newest; an older one was published again after it."""
    kept_for: timedelta
    """For how long the topic keeps each event at least after a newer one of its connection came."""


class TopicMissing(Exception):
    """There is no topic of connections, so nothing can be compared."""


async def read_published(kafka: KafkaConfig, topic: str) -> Published:
    """Every head that the topic still holds. Raises KafkaError, TopicMissing."""
    consumer = AIOKafkaConsumer(**kafka.client_settings(), enable_auto_commit=False)
    await consumer.start()
    heads: dict[str, set[ChainHead]] = defaultdict(set)
    lengths: dict[str, list[int]] = defaultdict(list)
    try:
        partitions, kept_for = await _described(kafka, topic)
        ends = await consumer.end_offsets(partitions)
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        for partition, end in ends.items():
            while await consumer.position(partition) < end:
                batches = await consumer.getmany(partition, timeout_ms=1000)
                for record in batches.get(partition, ()):
                    event = _decoded(record.value)
                    lengths[(record.key or b"").decode(errors="replace")].append(event.audit_length)
                    if event.audit_length:
                        heads[event.seller_id].add(ChainHead(length=event.audit_length, mac=event.audit_head))
    finally:
        await consumer.stop()
    return Published(
        heads={seller_id: frozenset(found) for seller_id, found in heads.items()},
        outdone={key.rpartition("/")[0]: key for key, told in lengths.items() if told[-1] < max(told)},
        kept_for=kept_for,
    )


async def _described(kafka: KafkaConfig, topic: str) -> tuple[list[TopicPartition], timedelta]:
    """The topic's partitions, and for how long compaction leaves events; none where Kafka does not say."""
    admin = AIOKafkaAdminClient(**kafka.client_settings(), request_timeout_ms=5000)
    try:
        await admin.start()
        (described,) = await admin.describe_topics([topic])
        if described["error_code"]:
            raise TopicMissing(f"Kafka does not know the topic {topic}")
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    finally:
        await admin.close()
    (*_, settings) = answer.resources[0]
    milliseconds = next((int(value) for name, value, *_ in settings if name == LAG), 0)
    kept_for = timedelta(milliseconds=min(milliseconds, timedelta.max // timedelta(milliseconds=1)))
    return [TopicPartition(topic, one["partition"]) for one in described["partitions"]], kept_for


def _decoded(value: bytes | None) -> ConnectionChanged:
    """The event; one that tells of no head if it cannot be read."""
    try:
        return ConnectionChanged.FromString(value or b"")
    except DecodeError:
        return ConnectionChanged()
