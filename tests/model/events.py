"""Canonical events out of CSV and NDJSON files (DESIGN 2). Input is trusted to be well-formed."""

import csv
import json
from datetime import datetime, timezone
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import NamedTuple, Optional

STREAMS = ("orders", "engagement", "customers")
EXACT = Context(prec=60)


class Event(NamedTuple):
    stream: str
    customer_id: str
    occurred_at: Optional[int]
    kind: str
    event_id: str
    order_id: str
    placed_at: Optional[int]
    amount: int  # an engagement's value, too
    margin: int
    items: int
    discount: int


def read_time(text):
    """Whole seconds, or ISO 8601, UTC where it has no offset; None where absent."""
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        pass
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return int(moment.replace(microsecond=0).timestamp())


def read_e4(text, default):
    """Ten-thousandths, exact, half to even past the fourth decimal."""
    if not text:
        return default
    return int(Decimal(text).scaleb(4, EXACT).to_integral_value(ROUND_HALF_EVEN, EXACT))


def make_event(stream, fields):
    """fields: name -> text, absent or empty where there is none."""

    def get(name):
        return fields.get(name) or ""

    return Event(
        stream=stream,
        customer_id=get("customer_id"),
        occurred_at=read_time(get("occurred_at")),
        kind=get("kind") or "placed",
        event_id=get("event_id"),
        order_id=get("order_id"),
        placed_at=read_time(get("placed_at")),
        amount=read_e4(get("value" if stream == "engagement" else "amount"), 0),
        margin=read_e4(get("margin"), 0),
        items=read_e4(get("items"), 10_000),
        discount=read_e4(get("discount"), 0),
    )


def as_text(fields):
    """JSON scalars as they stood: numbers were read as text already."""
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def parse_json(line):
    """Numbers stay text, digit for digit."""
    return json.loads(line, parse_int=str, parse_float=str)


def read_file(stream, path):
    with open(path, encoding="utf-8", newline="") as file:
        if path.endswith((".ndjson", ".jsonl", ".json")):
            rows = [as_text(parse_json(line)) for line in file if line.strip()]
        else:
            rows = list(csv.DictReader(file))
    return [make_event(stream, row) for row in rows]


def read_replay(paths):
    """All events in the order of a replay: (second, stream, line). paths: stream -> files."""
    events = [event for stream in STREAMS for path in paths[stream] for event in read_file(stream, path)]
    first = min((event.occurred_at for event in events if event.occurred_at is not None), default=None)
    if first is None:
        return []
    timed = [
        event if event.occurred_at is not None else event._replace(occurred_at=first)
        for event in events
    ]
    return sorted(timed, key=lambda event: (event.occurred_at, STREAMS.index(event.stream)))  # stable: lines


def read_recorded(path):
    """("clock", T, slice) and ("record", event, merge_second, slice), in applied order."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            row = parse_json(line)
            part = row.get("slice")
            if "clock" in row:
                yield "clock", int(row["clock"]), part
                continue
            merge_second = int(row["merge_second"])
            event = make_event(row["stream"], as_text(row["event"]))
            if event.occurred_at is None:
                event = event._replace(occurred_at=merge_second)
            yield "record", event, merge_second, part
