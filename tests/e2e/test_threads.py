"""The whole pipeline for the thread sanitizer: three partitions, three shards, several who append
and one who reads meanwhile, and its end by a signal."""

import json
import subprocess
import threading
import time

import kit

RULES = """
segments:
  busy:
    when: count(page_view, 2s) >= 2
  buyer:
    when: orders(3s) >= 1 and not in(busy)
"""


class Threads(kit.EngineTest):
    def feed(self, log, stream, pieces):
        for piece in range(pieces):
            rows = []
            for n in range(40):
                row = {"customer_id": f"c{n % 17}", "occurred_at": int(time.time()), "event_id": f"{stream}-{piece}-{n}"}
                more = {"order_id": f"{piece}-{n}", "amount": n} if stream == "orders" else {"kind": "page_view"}
                rows.append(json.dumps({**row, **more}) + ("}" if n == 39 else "") + "\n")
            log.append(stream, input="".join(rows).encode())

    def test_pipeline(self):
        log = kit.Log(self.path("log"), self.write("rules.yaml", RULES), 3, ["publish_customers=true", "epoch.min_ms=0"])
        log.append("orders", input=b"")
        follow = [kit.quintil, "read", "transitions", "--data", log.folder, "--follow"]
        command = log.run_command(shards=3, epoch_records=30)
        with subprocess.Popen(command, stderr=subprocess.PIPE) as run, subprocess.Popen(
            follow, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as reader:
            feeders = [threading.Thread(target=self.feed, args=(log, stream, 12)) for stream in ("orders", "engagement")]
            for feeder in feeders:
                feeder.start()
            for _ in range(50):
                self.assertIn(b'"sequence"', reader.stdout.readline())
            for feeder in feeders:
                feeder.join()
            reader.terminate()
            run.terminate()
            said = run.communicate(timeout=kit.PATIENCE_S)[1].decode()
            self.assertEqual(run.returncode, 0, said)
            self.assertNotIn("Sanitizer", said + reader.communicate()[1].decode())
        self.assertNotIn("Sanitizer", log.run(shards=3))
        self.assert_recorded(log)
        self.assertEqual(len(log.read("quintil.dead-letters")), 24)


if __name__ == "__main__":
    kit.main()
