"""`quintil run` as an operator meets it: ends cleanly, says what is wrong, comes back."""

import json
import os
import resource
import signal
import subprocess
import time

import kit

T = 1_700_000_000
RULES = """
segments:
  buyer:
    when: orders() >= 1
  idle:
    when: since(order) >= 1d
"""


class Run(kit.EngineTest):
    def setUp(self):
        super().setUp()
        self.log = kit.Log(self.path("log"), self.write("rules.yaml", RULES), 3)

    def orders(self, first, end, step=60):
        rows = ({"customer_id": f"c{n % 50}", "order_id": n, "occurred_at": T + n * step, "amount": 1} for n in range(first, end))
        return "".join(json.dumps(row) + "\n" for row in rows).encode()

    def start(self, *arguments, **options):
        """A running engine, once it says that it runs."""
        run = subprocess.Popen(self.log.run_command(*arguments), stderr=subprocess.PIPE, text=True, **options)
        self.addCleanup(run.stderr.close)
        self.addCleanup(run.wait, kit.PATIENCE_S)
        line = run.stderr.readline()
        self.assertIn("running on", line)
        return run

    def refuses(self, words, code, **changes):
        said = self.log.run(code=code, **changes)
        for word in words:
            self.assertIn(word, said)
        self.assertNotIn("assert", said)
        self.assertLess(len(said.splitlines()), 10, said)

    def test_it_ends_on_a_signal_with_all_committed(self):
        for end in (signal.SIGTERM, signal.SIGINT):
            self.log.append("orders", input=self.orders(0, 500))
            run = self.start()
            self.log.append("orders", input=self.orders(500, 600))
            run.send_signal(end)
            said = run.communicate(timeout=kit.PATIENCE_S)[1]
            self.assertEqual(run.returncode, 0, said)
            self.assertIn("stopped records=", said)
        self.log.run()
        self.assert_recorded(self.log)

    def test_live_transitions_come_without_being_asked(self):
        """An order appended while it runs is there for a reader that follows."""
        self.log.append("orders", input=b"")
        run = self.start()
        follow = [kit.quintil, "read", "transitions", "--data", self.log.folder, "--follow"]
        with subprocess.Popen(follow, stdout=subprocess.PIPE) as reader:
            for n in range(5):
                row = {"customer_id": f"live-{n}", "order_id": n, "occurred_at": int(time.time()), "amount": 1}
                self.log.append("orders", input=json.dumps(row).encode())
                self.assertEqual(json.loads(reader.stdout.readline())["customer_id"], f"live-{n}")
            reader.terminate()
        run.terminate()
        self.assertEqual(run.wait(kit.PATIENCE_S), 0)
        self.assert_recorded(self.log)

    def test_one_engine_a_log(self):
        self.log.append("orders", input=self.orders(0, 10))
        run = self.start()
        self.refuses(["another"], 1)
        run.terminate()
        self.assertEqual(run.wait(kit.PATIENCE_S), 0)
        self.log.run()
        self.assert_recorded(self.log)

    def test_a_place_that_cannot_be_used(self):
        file = self.write("file", "")
        for place in (file, os.path.join(file, "log"), "/proc/quintil-data"):
            with self.subTest(place=place):
                self.log.folder = place
                said = kit.call(*self.log.run_command("--drain"), code=None)
                self.assertIn(said.returncode, (1, 2), said.stderr)
                self.assertIn(os.path.basename(place), said.stderr.decode())
                self.assertNotIn("running on", said.stderr.decode())

    def test_a_log_that_loses_a_file(self):
        """Committed bytes that are gone stop the start, with the file's name; put back, it goes on."""
        self.log.append("orders", input=self.orders(0, 300))
        self.log.run()
        state = self.path("log", "topics", "quintil.state", "0")
        segment = os.path.join(state, os.listdir(state)[0])
        os.rename(segment, self.path("kept"))
        self.refuses(["quintil.state"], 1)
        os.rename(self.path("kept"), segment)
        self.log.append("orders", input=self.orders(300, 400))
        self.log.run()
        self.assert_recorded(self.log)

    def test_a_full_disk(self):
        """No file may grow past a limit: exit 1 with a sentence; with room again it goes on."""

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, 8_000))

        self.log.append("orders", input=self.orders(0, 3000))
        self.refuses(["quintil run:", "File too large", "anew"], 1, epoch_records=100, preexec_fn=limit)
        appended = self.log.append("orders", input=self.orders(3000, 9000), code=1, preexec_fn=limit)
        self.assertIn("File too large", appended.stderr.decode())
        self.log.append("orders", input=self.orders(3000, 3100))
        self.log.run()
        self.assert_recorded(self.log)
        self.assertEqual(len(self.log.read("orders")), 3100)

    def test_other_rules(self):
        """Everybody is looked at again, under the cause `rules`; a segment that is gone is refused."""
        self.log.append("orders", input=self.orders(0, 300))
        self.log.run()
        before = self.log.transitions()
        self.log.rules = self.write("more.yaml", RULES + "  regular:\n    when: orders() >= 3\n")
        self.log.run()
        after = [line for line in self.log.transitions() if line not in set(before)]
        found = {(row["customer_id"], row["segment"], row["cause"]) for row in map(json.loads, after)}
        self.assertEqual(found, {(f"c{n}", "regular", "rules") for n in range(50)})
        self.assertEqual(len({json.loads(line)["at"] for line in after}), 1)
        self.log.run()
        self.log.append("orders", input=self.orders(300, 310))
        self.log.run()
        self.assertEqual(len(self.log.transitions()), len(before) + len(after))
        self.log.rules = self.write("fewer.yaml", "segments:\n  buyer:\n    when: orders() >= 1\n")
        self.refuses(["segment", "rules"], 2)
        self.log.rules = self.path("none.yaml")
        self.assertEqual(kit.call(*self.log.run_command("--drain"), code=None).returncode, 2)
        self.log.rules = self.write("wrong.yaml", "segments:\n  buyer:\n    when: orderz() >= 1\n")
        self.refuses(["wrong.yaml:3", "orders"], 2)

    def test_another_mapping(self):
        """What would make other events of the same bytes is refused, until it is put back."""
        self.log.append("orders", input=self.orders(0, 300))
        self.log.run()
        settings = self.log.settings
        for other in ("duplicate_horizon=5m", "base_currency=EUR", "streams.orders.fields.amount=total"):
            self.log.settings = [*settings, other]
            self.refuses(["configuration", "put back"], 2)
        self.log.settings = settings
        self.log.run()
        self.assert_recorded(self.log)

    def test_another_number_of_partitions(self):
        self.log.append("orders", input=self.orders(0, 10))
        self.log.partitions = 2
        said = self.log.append("orders", input=self.orders(10, 20), code=2).stderr.decode()
        self.assertIn("3 partitions", said)
        self.log.run()

    def test_an_empty_log(self):
        self.assertIn("records=0", self.log.run())
        self.assertIn("records=0", self.log.run())
        self.log.partitions = len(os.listdir(self.path("log", "topics", "orders")) or [0] * 4)
        self.log.append("orders", input=self.orders(0, 10))
        self.log.run()
        self.assert_recorded(self.log)


if __name__ == "__main__":
    kit.main()
