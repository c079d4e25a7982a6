"""A Kafka broker on loopback that speaks the real protocol: the mock cluster inside librdkafka.

The product gets its address and nothing else. What a test needs beyond the protocol (topics with several
partitions, brokers that go away, records that are deleted) is asked of the cluster through the C library.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import confluent_kafka
from confluent_kafka import Consumer, Producer, TopicPartition

TOPIC = "analytics-data.raw"
PRODUCER_HANDLE, ALL_BROKERS, ONLY_BROKER = 0, -1, 1
PRODUCE_KEY, PRODUCE_VERSION = 0, 3  # API of the protocol
CONTROL_BATCH = 0b110000  # transactional and control, as attributes of a record batch
Pointer, Text, Number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32


def _library() -> ctypes.CDLL:
    folder = Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
    library = ctypes.CDLL(str(next(folder.glob("librdkafka*"))))
    for name, result, arguments in (
        ("conf_new", Pointer, []),
        ("conf_set", ctypes.c_int, [Pointer, Text, Text, Text, ctypes.c_size_t]),
        ("new", Pointer, [ctypes.c_int, Pointer, Text, ctypes.c_size_t]),
        ("destroy_flags", None, [Pointer, ctypes.c_int]),
        ("mock_cluster_new", Pointer, [Pointer, ctypes.c_int]),
        ("mock_cluster_bootstraps", Text, [Pointer]),
        ("mock_cluster_destroy", None, [Pointer]),
        ("mock_set_controller_id", ctypes.c_int, [Pointer, Number]),
        ("mock_topic_create", ctypes.c_int, [Pointer, Text, ctypes.c_int, ctypes.c_int]),
        ("mock_topic_delete", ctypes.c_int, [Pointer, Text]),
        ("mock_partition_delete_records", ctypes.c_int, [Pointer, Text, Number, ctypes.c_int64]),
        ("mock_broker_set_down", ctypes.c_int, [Pointer, Number]),
        ("mock_broker_set_up", ctypes.c_int, [Pointer, Number]),
        ("mock_broker_set_rtt", ctypes.c_int, [Pointer, Number, ctypes.c_int]),
    ):
        function = getattr(library, f"rd_kafka_{name}")
        function.restype, function.argtypes = result, arguments
    return library


@dataclass
class KafkaCluster:
    """One broker with its topics, as long as this process lives."""

    library: ctypes.CDLL
    handle: int
    servers: str

    def _ask(self, name: str, *arguments: Any) -> None:
        assert getattr(self.library, f"rd_kafka_mock_{name}")(self.handle, *arguments) == 0, name

    def create(self, topic: str = TOPIC, partitions: int = 1) -> None:
        self._ask("topic_create", topic.encode(), partitions, 1)

    def delete(self, topic: str = TOPIC) -> None:
        self._ask("topic_delete", topic.encode())

    def delete_before(self, offset: int, partition: int = 0, topic: str = TOPIC) -> None:
        self._ask("partition_delete_records", topic.encode(), partition, offset)

    def go_away(self) -> None:
        self._ask("broker_set_down", ALL_BROKERS)

    def come_back(self) -> None:
        self._ask("broker_set_up", ALL_BROKERS)

    def answer_after(self, milliseconds: int) -> None:
        self._ask("broker_set_rtt", ALL_BROKERS, milliseconds)

    def write(
        self,
        value: bytes | None,
        *,
        key: bytes | None = None,
        headers: Mapping[str, bytes] | None = None,
        partition: int = 0,
        topic: str = TOPIC,
    ) -> None:
        """Write a message as some other program would."""
        producer = Producer({"bootstrap.servers": self.servers, "log_level": 3})
        producer.produce(topic, value, key=key, headers=dict(headers or {}), partition=partition)
        assert producer.flush(10) == 0

    def write_marker(self, partition: int = 0, topic: str = TOPIC) -> None:
        """Write the marker with which a broker ends a transaction: an offset that holds no message."""
        host, _, port = self.servers.partition(":")
        request = _produce_request(topic, partition)
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            assert connection.recv(4)

    def read(self, topic: str = TOPIC, partition: int = 0) -> list[Any]:
        """All messages of a partition, read by a client of its own."""
        reader = Consumer({"bootstrap.servers": self.servers, "group.id": "test", "enable.partition.eof": True})
        reader.assign([TopicPartition(topic, partition, 0)])
        found = []
        try:
            while True:
                message = reader.poll(10)
                assert message is not None
                if message.error() is not None:
                    return found
                found.append(message)
        finally:
            reader.close()


def _text(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


def _produce_request(topic: str, partition: int) -> bytes:
    record = b"\x10\x00\x00\x00\x08\x00\x00\x00\x01\x02\x00\x00"  # length, ..., key: version 0 and type 1 (commit)
    record = bytes([(len(record[1:])) * 2]) + record[1:]
    after_crc = struct.pack(">hiqqqhii", CONTROL_BATCH, 0, 0, 0, 1, 0, -1, 1) + record
    batch = struct.pack(">qiibI", 0, 4 + 1 + 4 + len(after_crc), 0, 2, _crc32c(after_crc)) + after_crc
    header = struct.pack(">hhi", PRODUCE_KEY, PRODUCE_VERSION, 1) + _text("marker")
    body = struct.pack(">hhii", -1, -1, 5000, 1) + _text(topic) + struct.pack(">iii", 1, partition, len(batch)) + batch
    return header + body


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@contextlib.contextmanager
def kafka_cluster() -> Iterator[KafkaCluster]:
    """A running broker without topics."""
    library = _library()
    reason = ctypes.create_string_buffer(512)
    options = library.rd_kafka_conf_new()
    library.rd_kafka_conf_set(options, b"log_level", b"2", reason, len(reason))
    client = library.rd_kafka_new(PRODUCER_HANDLE, options, reason, len(reason))
    assert client, reason.value
    cluster = library.rd_kafka_mock_cluster_new(client, 1)
    library.rd_kafka_mock_set_controller_id(cluster, ONLY_BROKER)
    try:
        yield KafkaCluster(library, cluster, library.rd_kafka_mock_cluster_bootstraps(cluster).decode())
    finally:
        library.rd_kafka_mock_cluster_destroy(cluster)
        library.rd_kafka_destroy_flags(client, 0)
