"""Bad input of every kind: dead letters with reason and bytes, counted, and the good records around
them count. What only looks bad is taken exactly."""

import json
import re

import kit

T = 1_700_000_000
RULES = """
segments:
  buyer:
    when: orders() >= 1
  opener:
    when: count(email_open) >= 1
  spender:
    when: orders() >= 3 and spend() > 0 and spend() != 1
"""


def order(**changes):
    row = {"customer_id": "c", "order_id": "o", "occurred_at": T, "amount": 1, **changes}
    return json.dumps({name: value for name, value in row.items() if value is not ...}).encode()


def engagement(**changes):
    row = {"customer_id": "c", "kind": "email_open", "occurred_at": T, **changes}
    return json.dumps({name: value for name, value in row.items() if value is not ...}).encode()


WHOLE = order()
BAD_ORDERS = [
    ("malformed", b""),
    ("malformed", b"   "),
    ("malformed", b"{"),
    ("malformed", WHOLE[:-1]),
    ("malformed", WHOLE[: len(WHOLE) // 2]),
    ("malformed", WHOLE + WHOLE),
    ("malformed", b"[]"),
    ("malformed", b"null"),
    ("malformed", b'"text"'),
    ("malformed", b"\x00\x01\xff\xfe"),
    ("malformed", WHOLE.replace(b'"o"', b'"\xc3\x28"')),
    ("malformed", WHOLE.replace(b": 1}", b": NaN}")),
    ("malformed", WHOLE.replace(b": 1}", b": 1.}")),
    ("malformed", WHOLE.replace(b": 1}", b": +1}")),
    ("malformed", b"[" * 100_000),
    ("malformed", b'{"a":' * 5000 + b"1" + b"}" * 5000),
    ("malformed", order(amount=[])),
    ("malformed", order(amount={})),
    ("malformed", order(amount=True)),
    ("malformed", order(customer_id={})),
    ("malformed", order(order_id=[1])),
    ("malformed", order(note="x" * (4 << 20))),
    ("missing_field", b"{}"),
    ("missing_field", order(customer_id=...)),
    ("missing_field", order(customer_id=None)),
    ("missing_field", order(order_id=...)),
    ("missing_field", order(occurred_at=...)),
    ("missing_field", order(amount=...)),
    ("missing_field", order(amount=None, kind="amended")),
    ("bad_customer_id", order(customer_id="")),
    ("bad_customer_id", order(customer_id="x" * 256)),
    ("bad_customer_id", order(customer_id="x" * 300)),
    ("bad_customer_id", order(customer_id="\u00e9" * 128)),
    ("bad_time", order(occurred_at=0)),
    ("bad_time", order(occurred_at=-1)),
    ("bad_time", order(occurred_at=631_151_999)),
    ("bad_time", order(occurred_at=T * 1000)),
    ("bad_time", order(occurred_at=T * 1_000_000)),
    ("bad_time", order(occurred_at=10**30)),
    ("bad_time", order(occurred_at="9999-12-31T23:59:59Z")),
    ("bad_time", order(occurred_at="yesterday")),
    ("bad_time", order(occurred_at="2023-02-30")),
    ("bad_time", order(occurred_at="")),
    ("bad_time", order(occurred_at=T + 301)),
    ("unknown_kind", order(kind="refunded")),
    ("unknown_currency", order(currency="EUR")),
    ("bad_amount", order(amount="NaN")),
    ("bad_amount", order(amount="Infinity")),
    ("bad_amount", order(amount="1,5")),
    ("bad_amount", order(amount="0x10")),
    ("bad_amount", order(amount="")),
    ("bad_amount", order(amount=-1)),
    ("bad_amount", order(amount=-0.0001)),
    ("bad_amount", order(amount=100_000_000_000_001)),
    ("bad_amount", WHOLE.replace(b": 1}", b": 1e400}")),
    ("bad_amount", order(amount="9" * 400)),
    ("bad_amount", order(items=-1)),
    ("bad_amount", order(discount="-5")),
    ("bad_amount", order(margin="abc")),
]
BAD_ENGAGEMENT = [
    ("malformed", b"\xef\xbb"),
    ("missing_field", engagement(kind=...)),
    ("missing_field", engagement(customer_id=...)),
    ("unknown_kind", engagement(kind="email_opened")),
    ("unknown_kind", engagement(kind="")),
    ("bad_amount", engagement(value="much")),
    ("bad_time", engagement(occurred_at="noon")),
]


def exact(amount, number):
    """An order whose amount stands there digit for digit."""
    return order(customer_id=f"exact-{number}", amount="@").replace(b'"@"', amount)


class BadInput(kit.EngineTest):
    def log(self, name="log", **options):
        return kit.Log(self.path(name), self.write("rules.yaml", RULES), **options)

    def check_letters(self, log, stream, bad):
        """All of them are there, in their order: the bytes, and where they come from."""
        found = [row for row in log.read("quintil.dead-letters") if row[5]["topic"] == stream]
        self.assertEqual([(row[5]["reason"], row[4][:64]) for row in found], [(why, value[:64]) for why, value in bad])
        sources = {row[:2]: row[4] for row in log.read(stream)}
        offsets = {}
        for (partition, _, _, _, value, headers), (_, sent) in zip(found, bad):
            self.assertEqual(value, sent[: 512 << 10])
            self.assertEqual(headers.get("bytes"), str(len(sent)) if len(sent) > 512 << 10 else None)
            self.assertEqual(headers["partition"], str(partition))
            self.assertGreater(int(headers["offset"]), offsets.get(partition, -1))
            offsets[partition] = int(headers["offset"])
            self.assertEqual(sources[partition, offsets[partition]], sent)

    def check_counted(self, said, bad):
        last = said.strip().splitlines()[-1]
        counted = dict(re.findall(r"dead_letters_(\w+)=(\d+)", last))
        reasons = [why for why, _ in bad]
        self.assertEqual(counted, {why: str(reasons.count(why)) for why in set(reasons)}, last)

    def test_every_reason(self):
        """A good record before and after each bad one; the good ones are all taken."""
        log = self.log()
        for stream, bad, good in (("orders", BAD_ORDERS, order), ("engagement", BAD_ENGAGEMENT, engagement)):
            records = []
            for number, (_, value) in enumerate(bad):
                customer = f"{stream}-{number}"
                records += [(T * 1000, "k", value), (T * 1000, "k", good(customer_id=customer, event_id=customer))]
            log.raw(stream, records)
        said = log.run(epoch_records=20)
        self.check_letters(log, "orders", BAD_ORDERS)
        self.check_letters(log, "engagement", BAD_ENGAGEMENT)
        self.check_counted(said, BAD_ORDERS + BAD_ENGAGEMENT)
        self.assertIn(f"records={2 * len(BAD_ORDERS + BAD_ENGAGEMENT)} ", said)
        entered = {json.loads(line)["customer_id"] for line in self.assert_recorded(log)}
        self.assertEqual(len(entered), len(BAD_ORDERS + BAD_ENGAGEMENT))
        self.assertIn("running on", log.run())  # recovery reads the same dead letters again
        self.assertEqual(len(log.read("quintil.dead-letters")), len(BAD_ORDERS + BAD_ENGAGEMENT))

    def test_tombstones(self):
        log = self.log()
        log.raw("orders", [(T * 1000, "c", None), (T * 1000, None, order())])
        log.raw("customers", [(T * 1000, "c", None), (None, None, None), (None, "c", b'{"customer_id":"c"}')])
        said = log.run()
        self.assertIn("dead_letters_malformed=3", said)
        self.assertEqual(len(self.assert_recorded(log)), 1)

    def test_through_append(self):
        """The command stamps with the record's own time, which cannot be wrong about the future."""
        log = self.log(partitions=3)
        lines = [(why, value) for why, value in BAD_ORDERS if value.strip() and value != order(occurred_at=T + 301)]
        text = b"".join(value + b"\n" + order(customer_id=f"c{n}") + b"\n" for n, (_, value) in enumerate(lines))
        said = log.append("orders", input=text).stdout.decode()
        self.assertIn(f"{2 * len(lines)} records", said)
        ended = log.run()
        self.check_letters(log, "orders", lines)
        self.check_counted(ended, lines)
        self.assertEqual(len(self.assert_recorded(log)), len(lines))

    def test_a_total_that_would_overflow(self):
        """Five times almost 10^14 is past 2^62 ten-thousandths: the slice refuses the fifth."""
        log = self.log()
        most = "99999999999999.9999"
        records = [(T * 1000, "c", order(order_id=f"o{n}", amount=most)) for n in range(5)]
        records.append((T * 1000, "c", order(order_id="last", amount="0.0001")))
        log.raw("orders", records)
        said = log.run(epoch_records=2)
        self.check_letters(log, "orders", [("bad_amount", records[4][2])])
        self.assertIn("dead_letters_bad_amount=1", said)
        self.assertEqual(len(self.assert_recorded(log)), 2)
        log.run()
        self.assertEqual(len(log.read("quintil.dead-letters")), 1)

    def test_what_only_looks_bad(self):
        """Digits are kept, whatever their number."""
        log = self.log()
        amounts = {
            b"99999999999999.9999": "99999999999999.9999",
            b'"99999999999999.99985"': "99999999999999.9998",
            b"100000000000000": "100000000000000",
            b"12345678901234.56785": "12345678901234.5678",
            b"0.1234567890123456789": "0.1235",
            b"1234567890123456789e-5": "12345678901234.5679",
            b"1e3": "1000",
            b"2.5e-4": "0.0002",
        }
        records = []
        for number, amount in enumerate(amounts):
            value = exact(amount, number)
            records += [(T * 1000, "k", value.replace(b'"o"', text)) for text in (b"1", b"98765432109876543210")]
            records[-1] = (T * 1000, "k", records[-1][2].replace(amount, b"0"))
            records.append((T * 1000, "k", order(customer_id=f"exact-{number}", order_id="third", amount=0)))
        ids = [b"12345678901234567890", b"98765432109876543210", b"-1", b"1e5", b"0.10"]
        records += [(T * 1000, "k", WHOLE.replace(b'"c"', text)) for text in ids]
        records.append((T * 1000, "k", order(customer_id="x" * 255, items="2.5", kind="placed")))
        log.raw("orders", records)
        said = log.run()
        self.assertNotIn("dead_letters", said)
        rows = [json.loads(line, parse_float=str, parse_int=str) for line in self.assert_recorded(log)]
        found = {row["customer_id"]: row["evidence"]["spend()"] for row in rows if row["segment"] == "spender"}
        self.assertEqual(found, {f"exact-{number}": text for number, text in enumerate(amounts.values())})
        self.assertLessEqual({text.decode() for text in ids} | {"x" * 255}, {row["customer_id"] for row in rows})

    def test_unknown_kinds_may_be_skipped(self):
        log = self.log(settings=["streams.engagement.unknown_kinds=skip"])
        log.raw("engagement", [(T * 1000, "c", engagement(kind=kind)) for kind in ("leaflet", "email_open", "x")])
        said = log.run()
        self.assertIn("skipped=2", said)
        self.assertEqual(log.read("quintil.dead-letters"), [])
        self.assertEqual(len(self.assert_recorded(log)), 1)


if __name__ == "__main__":
    kit.main()
