"""Late, unordered and badly stamped records: there is no replay to equal, the promise is one order,
the recorded one, and the naive model over it says what must come out."""

import os
import random
import subprocess

import inputs
import kit
import output
import prepare

SHAPES = [(1, 65536), (2, 7), (3, 1000), (8, 65536)]  # shards, records an epoch


def few(rows):
    """Those of a tenth of the customers."""
    return [row for row in rows if row["customer_id"].endswith("1")]


class RecordedOrder(kit.EngineTest):
    def messy_log(self, seed):
        folder = self.path(f"shop-{seed}")
        os.mkdir(folder)
        rules, rows = inputs.past_shop(seed, folder, for_model=True)
        settings = [f"streams.{stream}.timestamp=event" for stream in kit.STREAMS[: seed % 4]]
        log = kit.Log(os.path.join(folder, "log"), rules, (1, 3, 8)[seed % 3], settings)
        return log, inputs.messy_records(rows, seed)

    def test_read_at_once(self):
        total = 0
        for seed in range(100, 124):
            with self.subTest(seed=seed):
                log, records = self.messy_log(seed)
                for stream, some in records.items():
                    log.raw(stream, some)
                shards, epoch_records = SHAPES[seed // 4 % len(SHAPES)]
                log.run(shards=shards, epoch_records=epoch_records)
                total += len(self.assert_recorded(log))
        self.assertGreater(total, 1000)

    def test_piece_by_piece(self):
        """The engine catches up with each piece and its clock goes on to now: the next one is late."""
        for seed in range(200, 206):
            with self.subTest(seed=seed):
                log, records = self.messy_log(seed)
                chaos = random.Random(seed)
                for piece in range(4):
                    for stream in chaos.sample(sorted(records), len(records)):
                        some = records[stream]
                        begin, end = (len(some) * part // 4 for part in (piece, piece + 1))
                        log.raw(stream, some[begin:end])
                        if chaos.random() < 0.6:
                            log.run(shards=1 + piece, epoch_records=50)
                log.run()
                self.assert_recorded(log)

    def test_absurd_stamps_move_nobodys_clock(self):
        """Year 9999, microseconds, 0 and none, first and in the midst; every customer has a deadline."""
        rules = self.write("rules.yaml", "segments:\n  idle:\n    when: since(order) >= 1d\n")
        start, day = 1_700_000_000, 86_400

        def order(customer, second):
            row = {"customer_id": customer, "order_id": f"{customer}-{second}", "occurred_at": str(second)}
            return kit.json.dumps({**row, "amount": "1"})

        def record(customer, second, *stamp):
            return stamp[0] if stamp else second * 1000, customer, order(customer, second)

        for number, stamp in enumerate(inputs.ABSURD):
            log = kit.Log(self.path(f"log-{number}"), rules)
            log.raw(
                "orders",
                [
                    record("liar", start, stamp),
                    record("a", start),
                    record("liar", start + day // 2, stamp),
                    record("b", start + day),
                    record("a", start + 2 * day),
                ],
            )
            log.run()
            lines = self.assert_recorded(log)
            entered = {}
            for line in map(kit.json.loads, lines):
                if line["to"] == "in":
                    entered.setdefault(line["customer_id"], []).append(output.EPOCH.fromisoformat(line["at"]))
            seconds = {who: [int(at.timestamp()) - start for at in some] for who, some in entered.items()}
            wanted = {"liar": [3 * day // 2], "a": [day, 3 * day], "b": [2 * day]}
            self.assertEqual(seconds, wanted, f"stamp {stamp}")

    def test_one_stream_while_it_runs(self):
        """Orders are there, engagement comes while the engine runs."""
        kit.needs_data()
        baskets, _lines, redeemed = prepare.journey(self.folder)
        rules = os.path.join(kit.MODEL, "rules", "journey_shopper.yaml")
        log = kit.Log(self.path("log"), rules, 3)
        log.append("orders", inputs.write_rows(self.path("some.ndjson"), few(inputs.read_rows(baskets))))
        with subprocess.Popen(log.run_command(epoch_records=500), stderr=subprocess.PIPE) as run:
            rows = few(inputs.read_rows(redeemed))
            for begin in range(0, len(rows), 20):
                lines = "".join(kit.json.dumps(row) + "\n" for row in rows[begin : begin + 20])
                log.append("engagement", input=lines.encode())
            run.terminate()
            self.assertEqual(run.wait(kit.PATIENCE_S), 0, run.stderr.read())
        log.run()
        self.assertGreater(len(self.assert_recorded(log)), 0)


if __name__ == "__main__":
    kit.main()
