"""The heads of chains as they were published: kept where whoever may write to our database cannot take them back."""

from collections import defaultdict
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from google.protobuf.message import DecodeError

from brickops.events.v1.connection_event_pb2 import ConnectionChanged
from credentials.domain.lifecycle import ChainHead
from servicekit.kafka import KafkaConfig

Heads = Mapping[str, frozenset[ChainHead]]
"""By seller."""


class TopicMissing(Exception):
    """There is no topic of connections, so nothing can be compared."""


async def read_heads(kafka: KafkaConfig, topic: str) -> Heads:
    """Every head that the topic still holds, of each connection the newest. Raises KafkaError, TopicMissing."""
    consumer = AIOKafkaConsumer(**kafka.client_settings(), enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = await _partitions(kafka, topic)
        ends = await consumer.end_offsets(partitions)
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        heads: dict[str, set[ChainHead]] = defaultdict(set)
        for partition, end in ends.items():
            while await consumer.position(partition) < end:
                batches = await consumer.getmany(partition, timeout_ms=1000)
                for record in batches.get(partition, ()):
                    event = _decoded(record.value)
                    if event is not None and event.audit_length:
                        heads[event.seller_id].add(ChainHead(length=event.audit_length, mac=event.audit_head))
    finally:
        await consumer.stop()
    return {seller_id: frozenset(found) for seller_id, found in heads.items()}


async def _partitions(kafka: KafkaConfig, topic: str) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(**kafka.client_settings(), request_timeout_ms=5000)
    try:
        await admin.start()
        (described,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    if described["error_code"]:
        raise TopicMissing(f"Kafka does not know the topic {topic}")
    return [TopicPartition(topic, one["partition"]) for one in described["partitions"]]


def _decoded(value: bytes | None) -> ConnectionChanged | None:
    try:
        return None if value is None else ConnectionChanged.FromString(value)
    except DecodeError:
        return None
