"""What is known of one customer: raw events in plain tuples, and every metric summed over them.

A History never changes: booking a record makes another one (DESIGN 2, 3). So a record that would
overflow a total is refused by forgetting the new history.

`known_after` below is the instant clock - retention: what is not later than that is no longer known.
"""

import math
import pathlib
import re
from typing import NamedTuple

from expression import ONE, cut_toward_zero

TOTAL_MAX = 2**62
DUPLICATE_HORIZON = 600
EVENT_IDS_MAX = 1024
CANCELLATIONS_MAX = 256

# The numbers of kinds: those known without saying, then the rule file's own, as it names them.
KINDS_FILE = pathlib.Path(__file__).resolve().parents[2] / "schemas" / "kinds.def"
KNOWN_KINDS = re.findall(r"^QTL_KIND\((\w+)\)", KINDS_FILE.read_text(encoding="utf-8"), re.MULTILINE)
kind_numbers = {}


def number_kinds(own):
    kind_numbers.clear()
    kind_numbers.update({kind: number for number, kind in enumerate([*KNOWN_KINDS, *own])})


number_kinds([])


class Order(NamedTuple):
    order_id: str
    time: int
    voided: bool
    spend: int
    margin: int
    items: int
    discount: int
    amended: tuple = ()  # (occurred_at, event_id) of the last amendment kept; () before any


class Return(NamedTuple):
    order_id: str
    event_id: str
    occurred_at: int
    time: int  # where it is booked
    amount: int


class Engagement(NamedTuple):
    kind: str
    event_id: str
    time: int
    value: int


class Cancellation(NamedTuple):
    order_id: str
    clock: int


class History(NamedTuple):
    orders: tuple = ()  # also the voided ones
    returns: tuple = ()
    engagement: tuple = ()  # without the duplicates
    unmatched: tuple = ()  # cancellations, the oldest first


# ---- booking -------------------------------------------------------------------------------------


def book(history, event, clock, retention):
    """The history after the event; the same one where the event changes nothing."""
    known_after = clock - retention
    if event.stream == "engagement":
        return book_engagement(history, event, known_after)
    if event.stream == "customers":
        return history
    booking = {
        "placed": book_placed,
        "amended": book_amended,
        "cancelled": book_cancelled,
        "returned": book_returned,
    }[event.kind]
    return booking(history, event, clock, known_after)


def book_time(event):
    """Where an amendment that places its order, or a return, is booked."""
    if event.placed_at is None:
        return event.occurred_at
    return min(event.placed_at, event.occurred_at)


def find_known(history, order_id, known_after):
    """The place of the order of that id that is still known, standing or voided, or None."""
    for place, order in enumerate(history.orders):
        if order.order_id == order_id and order.time > known_after:
            return place
    return None


def is_cancelled(history, order_id, known_after):
    """Whether a cancellation that came before its order is remembered."""
    return any(c.order_id == order_id and c.clock > known_after for c in history.unmatched)


def with_order(history, place, order):
    orders = history.orders[:place] + (order,) + history.orders[place + 1 :]
    return history._replace(orders=orders)


def new_order(history, event, time, known_after, amended=()):
    order = Order(
        event.order_id,
        time,
        is_cancelled(history, event.order_id, known_after),
        event.amount,
        event.margin,
        event.items,
        event.discount,
        amended,
    )
    return history._replace(orders=history.orders + (order,))


def book_placed(history, event, _clock, known_after):
    if find_known(history, event.order_id, known_after) is not None:
        return history
    return new_order(history, event, event.occurred_at, known_after)


def book_amended(history, event, _clock, known_after):
    stamp = (event.occurred_at, event.event_id.encode())
    place = find_known(history, event.order_id, known_after)
    if place is None:
        return new_order(history, event, book_time(event), known_after, stamp)
    order = history.orders[place]
    if order.voided or stamp < order.amended:
        return history
    values = {"spend": event.amount, "margin": event.margin, "items": event.items}
    amended = order._replace(**values, discount=event.discount, amended=stamp)
    return with_order(history, place, amended)


def book_cancelled(history, event, clock, known_after):
    place = find_known(history, event.order_id, known_after)
    if place is not None:
        return with_order(history, place, history.orders[place]._replace(voided=True))
    if is_cancelled(history, event.order_id, known_after):
        return history
    remembered = tuple(c for c in history.unmatched if c.clock > known_after)
    remembered += (Cancellation(event.order_id, clock),)
    return history._replace(unmatched=remembered[-CANCELLATIONS_MAX:])


def same_return(event, other):
    """The same event_id; where neither has one, the same order at the same second."""
    if event.event_id or other.event_id:
        return other.event_id == event.event_id
    return (other.order_id, other.occurred_at) == (event.order_id, event.occurred_at)


def book_returned(history, event, _clock, known_after):
    if any(other.occurred_at > known_after and same_return(event, other) for other in history.returns):
        return history
    one = Return(event.order_id, event.event_id, event.occurred_at, book_time(event), event.amount)
    return history._replace(returns=history.returns + (one,))


def is_duplicate(history, event, known_after):
    if not event.event_id:
        return False
    with_id = [e for e in history.engagement if e.event_id and e.time > known_after]
    # Of one second those of the highest kinds stay; of one kind (sorting is stable) those that came last.
    by_age = sorted(with_id, key=lambda e: (e.time, kind_numbers[e.kind]))
    remembered = by_age[-EVENT_IDS_MAX:]
    same = [e for e in remembered if e.event_id == event.event_id]
    return any(abs(e.time - event.occurred_at) <= DUPLICATE_HORIZON for e in same)


def book_engagement(history, event, known_after):
    if is_duplicate(history, event, known_after):
        return history
    one = Engagement(event.kind, event.event_id, event.occurred_at, event.amount)
    return history._replace(engagement=history.engagement + (one,))


def overflows(history, event):
    """Whether the magnitudes of anything that the event touches add up to more than 2^62. Of
    magnitudes, so that no window's sum can be more either, in whatever order records came."""
    if event.stream == "customers":
        return False
    if event.stream == "engagement":
        columns = [[e.value for e in history.engagement if e.kind == event.kind]]
    else:
        names = ("spend", "margin", "items", "discount")
        columns = [[getattr(order, name) for order in standing(history)] for name in names]
        columns.append([one.amount for one in history.returns])
    return any(sum(map(abs, column)) > TOTAL_MAX for column in columns)


# ---- metrics: each from scratch, over everything later than `after` ---------------------------------


def standing(history, after=-math.inf):
    return [order for order in history.orders if not order.voided and order.time > after]


def order_total(history, name, after):
    if name == "orders":
        return ONE * len(standing(history, after))
    if name == "returns":
        return ONE * sum(1 for one in history.returns if one.time > after)
    total = sum(getattr(order, name) for order in standing(history, after))
    if name == "spend":
        total -= sum(one.amount for one in history.returns if one.time > after)
    return total


def average_order(history, after):
    orders = order_total(history, "orders", after)
    return cut_toward_zero(order_total(history, "spend", after) * ONE, orders) if orders else None


def kind_count(history, kind, after):
    return ONE * sum(1 for e in history.engagement if e.kind == kind and e.time > after)


def value_total(history, kind, after):
    return sum(e.value for e in history.engagement if e.kind == kind and e.time > after)


def instants(history, subject):
    """The instants that first, last, since and age look at."""
    if subject == "order":
        return [order.time for order in standing(history)]
    if subject == "any":
        own_doing = [e.time for e in history.engagement if not e.kind.endswith("_sent")]
        return instants(history, "order") + own_doing
    return [e.time for e in history.engagement if e.kind == subject]


def measure(history, metric, second):
    """A metric's value at a second; None is undefined. in() and dwell() are the customer's."""
    after = second - metric.window if metric.window is not None else -math.inf
    function, subject = metric.function, metric.subject
    if function == "aov":
        return average_order(history, after)
    if function == "count":
        return kind_count(history, subject, after)
    if function == "value":
        return value_total(history, subject, after)
    if function == "last":
        return max(instants(history, subject), default=-math.inf)
    if function == "first":
        return min(instants(history, subject), default=math.inf)
    if function == "since":
        last = max(instants(history, subject), default=None)
        return second - last if last is not None else None
    if function == "age":
        first = min(instants(history, subject), default=None)
        return second - first if first is not None else None
    return order_total(history, function, after)
