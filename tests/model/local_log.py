"""Reads a local log's folder, independently of the engine: its files, and from them the order in which
the engine applied the records (DESIGN 3, 7; schemas/local_log.h; schemas/epoch_record.avsc).

Only for logs that were left in peace: everything in the files is taken as committed.
"""

import glob
import json
import os
import struct
from typing import NamedTuple

import events

SINCE_1990 = 631_152_000
RANGED = ("orders", "engagement", "customers")
BAD_AMOUNT = 6  # its place in schemas/reasons.def
SCHEMAS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "schemas")
with open(os.path.join(SCHEMAS, "epoch_record.avsc"), encoding="utf-8") as schema_file:
    STATE_SCHEMA = json.load(schema_file)
NAMED = {}


class Cursor:
    """Avro binary, as far as it is needed."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def long(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return (value >> 1) ^ -(value & 1)

    def text(self):
        length = self.long()
        self.at += length
        return self.data[self.at - length : self.at]

    def flag(self):
        self.at += 1
        return self.data[self.at - 1] != 0

    def array(self, item):
        elements = []
        while (count := self.long()) != 0:
            assert count > 0, "a block with its size, which the engine does not write"
            elements += [self.value(item) for _ in range(count)]
        return elements

    def value(self, schema):
        """Whatever the schema says, records as dictionaries. NAMED: records defined before."""
        if isinstance(schema, list):
            return self.value(schema[self.long()])
        if isinstance(schema, str):
            if schema in NAMED:
                return self.value(NAMED[schema])
            plain = {"int": self.long, "long": self.long, "string": self.text, "boolean": self.flag}
            return plain[schema]() if schema != "null" else None
        if schema["type"] == "array":
            return self.array(schema["items"])
        if schema["type"] == "record":
            NAMED[schema["name"]] = schema
            return {field["name"]: self.value(field["type"]) for field in schema["fields"]}
        return self.value(schema["type"])


class Record(NamedTuple):
    offset: int
    timestamp_ms: int
    value: bytes  # None: a tombstone


def read_topic(folder, topic, partition):
    """All records of a partition."""
    records = []
    for path in sorted(glob.glob(os.path.join(folder, "topics", topic, str(partition), "*.log"))):
        first = int(os.path.basename(path).removesuffix(".log"))
        with open(path, "rb") as file:
            data = file.read()
        at = 0
        while at < len(data):
            (length,) = struct.unpack_from("<I", data, at)
            records.append(read_record(Cursor(data[at + 8 : at + 8 + length]), first))
            at += 8 + length
    return records


def read_record(cursor, first):
    offset, timestamp_ms = first + cursor.long(), cursor.long()
    has_key, has_value = cursor.flag(), cursor.flag()
    if has_key:
        cursor.text()
    return Record(offset, timestamp_ms, cursor.text() if has_value else None)


def partitions(folder):
    return range(len(os.listdir(os.path.join(folder, "topics", "orders"))))


def read_epochs(folder, partition):
    """The epoch records as dictionaries, in order; `rejected` as {(stream, offset): reason}. Their
    decisions are the engine's opinion: nobody here looks at them."""
    epochs = []
    for record in read_topic(folder, "quintil.state", partition):
        state = Cursor(record.value).value(STATE_SCHEMA)
        assert state["version"] == 1, state
        epoch = state["body"]
        if "sequence" not in epoch:
            continue  # names
        rejected = {(RANGED[row["stream"]], row["offset"]): row["reason"] for row in epoch["rejected"]}
        if epoch["part"] == 0:
            epochs.append({**epoch, "rejected": rejected})
        else:
            epochs[-1]["rejected"] |= rejected
    assert [epoch["sequence"] for epoch in epochs] == list(range(1, len(epochs) + 1))
    return epochs


def merge_second(record, event, wall, floor):
    """DESIGN 3: the stamp, unless it is absurd; else occurred_at; never below the floor."""
    for second in (record.timestamp_ms // 1000, event.occurred_at):
        if second is not None and SINCE_1990 <= second <= wall:
            return max(second, floor, SINCE_1990)
    return max(floor, SINCE_1990)


def epoch_records(folder, partition, epochs):
    """For each epoch its rows ("record", event, merge second, slice) in the order of the merge."""
    logs = {stream: iter(read_topic(folder, stream, partition)) for stream in RANGED}
    last = dict.fromkeys(RANGED, 0)  # merge second of each partition's last record
    clock = 0
    for epoch in epochs:
        rows = []
        for place, stream in enumerate(RANGED):
            for offset in range(epoch[stream]["first"], epoch[stream]["next"]):
                record = next(logs[stream])
                assert record.offset == offset
                reason = epoch["rejected"].get((stream, offset))
                if reason not in (None, BAD_AMOUNT):
                    continue  # could not be decoded
                event = events.make_event(stream, events.as_text(events.parse_json(record.value)))
                second = merge_second(record, event, epoch["wall"], max(last[stream], clock))
                last[stream] = second
                if reason == BAD_AMOUNT:
                    continue  # by the slice, where a total would pass its bound
                if event.occurred_at is None:
                    event = event._replace(occurred_at=second)
                rows.append((second, place, offset, event))
        clock = epoch["clock"]
        yield [("record", event, second, partition) for second, _place, _offset, event in sorted(rows)]


def recorded_order(folder):
    """The rows that naive.recorded() takes, slice by slice: slices share no customer."""
    for partition in partitions(folder):
        epochs = read_epochs(folder, partition)
        for epoch, rows in zip(epochs, epoch_records(folder, partition, epochs)):
            yield from rows
            if not epoch["unfinished"]:
                yield "clock", epoch["clock"], partition


def transitions(folder):
    """The committed ones as bytes of lines."""
    found = [read_topic(folder, "quintil.transitions", partition) for partition in partitions(folder)]
    return [record.value for records in found for record in records]
