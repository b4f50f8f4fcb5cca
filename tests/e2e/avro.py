"""Avro, written and read in Python: an implementation of its own, so that the engine's is not its own
judge. Records are encoded by function, not by schema; canonical forms and fingerprints are computed
as the specification says."""

import json
import os
import zlib
from decimal import Decimal

import kit

import events

SCHEMAS = os.path.join(os.path.dirname(os.path.dirname(kit.HERE)), "schemas")
ORDER_KINDS = ["placed", "amended", "cancelled", "returned"]
FILES = {"orders": "order", "engagement": "engagement", "customers": "customer"}
NAMES = {
    "orders": ["customer_id", "order_id", "occurred_at", "placed_at", "kind", "currency", "amount", "margin", "items",
               "discount", "event_id"],
    "engagement": ["customer_id", "kind", "occurred_at", "value", "event_id"],
    "customers": ["customer_id", "occurred_at", "birth_date", "time_zone", "subscribed"],
}


def schema_text(name):
    with open(os.path.join(SCHEMAS, f"{name}.avsc"), encoding="utf-8") as file:
        return file.read()


def text_schema(stream):
    """A schema of texts that may be absent: what a CSV row is."""
    fields = [{"name": name, "type": ["null", "string"]} for name in NAMES[stream]]
    return json.dumps({"type": "record", "name": f"Text_{stream}", "fields": fields})


# --- bytes


def long(number):
    left, out = (number << 1) ^ (number >> 63), bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*out, left])


def text(value):
    value = value if isinstance(value, bytes) else value.encode()
    return long(len(value)) + value


def decimal(value, scale=4):
    number = Decimal(value).scaleb(scale)
    if number != int(number):
        raise ValueError(f"{value} has over {scale} decimals")
    number = int(number)
    return text(number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def option(value, encode):
    return long(0) if value is None else long(1) + encode(value)


def millis(value):
    return long(events.read_time(value) * 1000)


def encode_order(row):
    return b"".join([
        text(row["customer_id"]), text(row["order_id"]), millis(row["occurred_at"]),
        long(ORDER_KINDS.index(row.get("kind", "placed"))), option(row.get("amount"), decimal),
        option(row.get("currency"), text), decimal(row.get("margin", "0")), long(int(row.get("items", "1"))),
        decimal(row.get("discount", "0")), option(row.get("placed_at"), millis), option(row.get("event_id"), text),
    ])


def encode_engagement(row):
    return b"".join([
        text(row["customer_id"]), text(row["kind"]), millis(row["occurred_at"]), decimal(row.get("value", "0")),
        option(row.get("event_id"), text),
    ])


def encode_customer(row):
    subscribed = row.get("subscribed")
    flag = None if subscribed is None else subscribed.lower() in ("true", "yes", "1")
    return b"".join([
        text(row["customer_id"]), option(row.get("occurred_at"), millis), option(row.get("birth_date"), text),
        option(row.get("time_zone"), text), option(flag, lambda value: bytes([value])), long(0),
    ])


OURS = {"orders": encode_order, "engagement": encode_engagement, "customers": encode_customer}


def encode_text(stream, row):
    return b"".join(option(row.get(name), text) for name in NAMES[stream])


# --- names of schemas


def canonical(schema, space=""):
    """Parsing Canonical Form of a parsed schema."""
    if isinstance(schema, str):
        return json.dumps(schema)
    if isinstance(schema, list):
        return "[" + ",".join(canonical(one, space) for one in schema) + "]"
    kind = schema["type"]
    if kind == "array":
        return f'{{"type":"array","items":{canonical(schema["items"], space)}}}'
    if kind == "map":
        return f'{{"type":"map","values":{canonical(schema["values"], space)}}}'
    if kind not in ("record", "enum", "fixed"):
        return canonical(kind, space)
    space = schema.get("namespace", space)
    name = schema["name"] if "." in schema["name"] or not space else f'{space}.{schema["name"]}'
    out = f'{{"name":{json.dumps(name)},"type":"{kind}"'
    if kind == "record":
        fields = (f'{{"name":{json.dumps(one["name"])},"type":{canonical(one["type"], space)}}}'
                  for one in schema["fields"])
        return out + ',"fields":[' + ",".join(fields) + "]}"
    if kind == "enum":
        return out + ',"symbols":[' + ",".join(json.dumps(one) for one in schema["symbols"]) + "]}"
    return out + f',"size":{schema["size"]}}}'


def fingerprint(schema):
    """CRC-64-AVRO of a schema's text."""
    crc = 0xC15D213AA4D7A795
    for byte in canonical(json.loads(schema)).encode():
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xC15D213AA4D7A795 if crc & 1 else 0)
    return crc


def confluent(number):
    return b"\0" + number.to_bytes(4, "big")


def single_object(schema):
    return b"\xc3\x01" + fingerprint(schema).to_bytes(8, "little")


# --- files


def write_file(path, schema, records, codec="deflate", block=500):
    """An object container file; some blocks are empty, as writers that flush make them."""
    sync = b"quintil's marker"
    with open(path, "wb") as file:
        file.write(b"Obj\x01" + long(2) + text("avro.schema") + text(schema) + text("avro.codec") + text(codec))
        file.write(long(0) + sync)
        for start in range(0, len(records), block):
            some = records[start : start + block]
            data = b"".join(some)
            if codec == "deflate":
                packer = zlib.compressobj(wbits=-15)
                data = packer.compress(data) + packer.flush()
            file.write(long(len(some)) + text(data) + sync)
            if start == block:
                empty = b"\x03\x00" if codec == "deflate" else b""
                file.write(long(0) + text(empty) + sync)
    return path


# --- transitions back


class Reader:
    """Values out of a transition's bytes, in the order of schemas/transition.avsc."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def long(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value >> 1 ^ -(value & 1)
            shift += 7

    def raw(self, length):
        self.at += length
        return self.data[self.at - length : self.at]

    def text(self):
        return self.raw(self.long()).decode()

    def option(self, read):
        return read() if self.long() == 1 else None

    def flag(self):
        return self.raw(1) == b"\x01"

    def time(self):
        millis = self.long()
        if millis % 1000:
            raise AssertionError("a time that is no whole second")
        moment = events.datetime.fromtimestamp(millis // 1000, events.timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    def number(self):
        data = self.raw(self.long())
        value = Decimal(int.from_bytes(data, "big", signed=True)).scaleb(-4).normalize()
        return Number(format(value, "f"))

    def metric(self):
        branch = self.long()
        return [lambda: None, self.flag, self.long, self.number, self.text][branch]()

    def evidence(self):
        out = {}
        while (count := self.long()) != 0:
            for _ in range(count):
                key = self.text()
                out[key] = self.metric()
        return out


class Number(str):
    """A decimal as the JSON form writes it."""


def to_json(value):
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{to_json(key)}:{to_json(one)}" for key, one in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def transition_line(data):
    """The JSON form of a bare Avro transition."""
    reader = Reader(data)
    fields = [
        ("id", reader.text), ("customer_id", reader.text), ("sequence", reader.long), ("segment", reader.text),
        ("from", reader.text), ("to", reader.text), ("at", reader.time),
        ("detected_at", lambda: reader.option(reader.time)), ("cause", reader.text),
        ("cause_event_id", lambda: reader.option(reader.text)), ("evidence", reader.evidence),
        ("rules_version", reader.text), ("holdout", reader.flag), ("epoch", lambda: reader.option(reader.long)),
    ]
    row = {name: read() for name, read in fields}
    if reader.at != len(data):
        raise AssertionError(f"{len(data) - reader.at} bytes too many")
    return to_json({name: value for name, value in row.items() if value is not None}).encode()
