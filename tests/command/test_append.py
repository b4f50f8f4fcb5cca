"""quintil append and quintil read: files and pipes into the local log, and lines out of it."""
import json
import os
import pathlib
import random
import signal
import subprocess
import unittest

import kit


def order(number, second=1_700_000_000):
    return json.dumps({"customer_id": f"c{number % 7}", "order_id": f"o{number}", "amount": number,
                       "occurred_at": second + number}, separators=(",", ":"))


class Append(kit.CommandTest):
    def setUp(self):
        super().setUp()
        self.data = self.folder / "data"

    def append(self, *arguments, stream="orders", **options):
        return self.quintil("append", stream, "--data", self.data, *arguments, **options).stdout

    def read(self, *arguments, topic="orders"):
        return self.quintil("read", topic, "--data", self.data, *arguments).stdout.splitlines()

    def start(self, *arguments):
        process = subprocess.Popen([kit.QUINTIL, *map(str, arguments)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)

        def end():
            process.kill()
            process.communicate()
        self.addCleanup(end)
        return process

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def test_lines_go_in_and_come_out_as_they_are(self):
        lines = [order(n) for n in range(500)]
        path = self.file("orders.ndjson", "\n".join(lines) + "\n")
        self.assertEqual(self.append(path), "500 records are durable in orders\n")
        self.assertEqual(sorted(self.read()), sorted(lines))
        placed = [line.split("\t", 2) for line in self.read("--offsets")]
        self.assertEqual({place[0] for place in placed}, {"0", "1", "2", "3"})
        for partition in "0123":
            here = [place for place in placed if place[0] == partition]
            self.assertEqual([int(place[1]) for place in here], list(range(len(here))))
            numbers = [json.loads(place[2])["amount"] for place in here]
            self.assertEqual(numbers, sorted(numbers))
        homes = {}
        for partition, _, line in placed:
            homes.setdefault(json.loads(line)["customer_id"], set()).add(partition)
        self.assertTrue(all(len(home) == 1 for home in homes.values()), homes)

    def test_csv_becomes_json(self):
        path = self.file("orders.csv", "customer_id,order_id,occurred_at,amount\n"
                                       "c1,o1,2026-01-01,12.50\nc2,o2,1767225600,3\n")
        self.append(path, "--partitions", 1)
        first, second = map(json.loads, self.read())
        self.assertEqual((first["customer_id"], second["order_id"]), ("c1", "o2"))

    def test_what_cannot_be_decoded_goes_in_too(self):
        said = self.append("--partitions", 2, input=order(1) + "\nnonsense\n" + order(2) + "\n")
        self.assertEqual(said, "3 records are durable in orders, 1 of them for the dead letters\n")
        place = [line.split("\t") for line in self.read("--offsets") if "nonsense" in line]
        self.assertEqual([line[0] for line in place], ["0"])

    def test_a_pipe_is_durable_line_by_line(self):
        self.append(input="")
        reader = self.start("read", "orders", "--data", self.data, "--follow")
        writer = self.start("append", "orders", "--data", self.data)
        for number in range(20):
            writer.stdin.write(order(number) + "\n" + order(number + 1)[:9])  # and half a line
            writer.stdin.flush()
            self.assertEqual(reader.stdout.readline(), order(number) + "\n")
            writer.stdin.write(order(number + 1)[9:] + "\n")
            writer.stdin.flush()
            self.assertEqual(reader.stdout.readline(), order(number + 1) + "\n")
        said, _ = writer.communicate()
        self.assertEqual(said, "40 records are durable in orders\n")

    def test_several_at_once(self):
        files = [self.file(f"{i}.ndjson", "".join(order(n) + "\n" for n in range(i, 4000, 4)))
                 for i in range(4)]
        processes = [self.start("append", "orders", "--data", self.data, file) for file in files]
        for process in processes:
            said, _ = process.communicate()
            self.assertEqual(said, "1000 records are durable in orders\n")
        self.assertEqual(sorted(self.read()), sorted(order(n) for n in range(4000)))

    def test_kills_leave_a_beginning(self):
        seed = int(os.environ.get("QUINTIL_SEED", "7"))
        print(f"QUINTIL_SEED={seed}")
        chance = random.Random(seed)
        self.append("--partitions", 1, input="")
        kept = []
        for life in range(20):
            lines = [order(life * 100_000 + n) for n in range(100_000 // 20)]
            writer = self.start("append", "orders", "--data", self.data)
            try:
                for line in lines[:chance.randrange(len(lines))]:
                    writer.stdin.write(line + "\n")
                    if chance.random() < 0.01:
                        writer.stdin.flush()
            finally:
                writer.send_signal(signal.SIGKILL)
                writer.wait()
            now = self.read()
            self.assertEqual(now[:len(kept)], kept)
            new = now[len(kept):]
            self.assertEqual(new, lines[:len(new)])
            kept = now
        self.assertEqual(self.append(input=order(1) + "\n"), "1 records are durable in orders\n")
        self.assertEqual(self.read(), kept + [order(1)])

    def test_refusals(self):
        self.refuses("expected orders, engagement or customers", "append", "oders")
        self.refuses("expected one of orders,", "read", "oders")
        self.refuses("makes one", "read", "orders", "--data", self.folder / "nowhere")
        self.append("--partitions", 2, input="")
        self.refuses("has 2 partitions, not 3", "append", "orders", "--data", self.data,
                     "--partitions", 3)
        said = self.quintil("append", "orders", "--data", self.data, self.folder / "no.csv", code=1)
        self.assertIn("No such file", said.stderr)
        self.append(input=order(1) + "\n" + order(2) + "\n" + order(3) + "\n")
        name = next(pathlib.Path(self.data, "topics", "orders").glob("*/*.log"))
        name.write_bytes(name.read_bytes()[:-1] + b"~")
        said = self.quintil("read", "orders", "--data", self.data, code=1)
        self.assertIn("fails its checksum", said.stderr)


if __name__ == "__main__":
    unittest.main()
