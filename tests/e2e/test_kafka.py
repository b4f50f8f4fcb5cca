"""Kafka equals the replay: the same records give the same transitions from files and through a real
broker, read back by Kafka's own console consumer; whatever order the topics are fed in."""

import json
import os

import inputs
import kafka_kit
import kit
import output
import prepare


def setUpModule():
    kafka_kit.start()


def rule_path(name):
    return os.path.join(kit.MODEL, "rules", f"{name}.yaml")


def in_time(files):
    """Stream -> rows of the files, sorted by time."""
    return {stream: sorted((row for path in paths for row in inputs.read_rows(path)), key=inputs.time_of)
            for stream, paths in files.items()}


class Equality(kit.EngineTest):
    def lines_of(self, log, stream, rows):
        return [log.record(stream, inputs.time_of(row) * 1000, row["customer_id"], json.dumps(row, ensure_ascii=False))
                for row in rows]

    def want_equal(self, name, rules, files, partitions, backwards=False, **run):
        wanted = kit.replay(rules, files)
        last = output.time_json(inputs.last_second(files)).strip('"')
        self.assertGreater(len(wanted), 0)
        log = kafka_kit.Log(name, rules, partitions)
        rows = in_time(files)
        for stream in reversed(kit.STREAMS) if backwards else kit.STREAMS:
            kafka_kit.write(self.lines_of(log, stream, rows.get(stream, ())))
        log.run(**run)
        found = kit.up_to(log.transitions(), last)
        self.assert_lines(wanted, found, f"{name}: {partitions} partitions")
        log.run(**run)
        self.assert_lines(wanted, kit.up_to(log.transitions(), last), f"{name}: after one start more")
        return log, wanted, last

    def test_cdnow(self):
        kit.needs_data()
        files = {"orders": [prepare.cdnow(self.folder)]}
        for partitions, records in ((1, 1000), (3, 65536), (8, 700)):
            with self.subTest(partitions=partitions):
                log, wanted, last = self.want_equal(f"cdnow{partitions}", rule_path("cdnow_value"), files, partitions,
                                                    epoch_records=records)
                if partitions == 3:
                    console = kit.sort_lines(kit.ONLY_LIVE.sub(b"", line) for line in log.console("transitions"))
                    self.assert_lines(wanted, kit.up_to(console, last), "the console consumer")

    def test_random_shops(self):
        for seed, partitions in ((2, 1), (3, 3), (5, 8)):
            folder = self.path(f"shop-{seed}")
            os.mkdir(folder)
            rules, files = inputs.past_files(seed, folder)
            with self.subTest(seed=seed):
                self.want_equal(f"shop{seed}", rules, files, partitions, seed % 2 == 0, shards=seed % 3 + 1)


if __name__ == "__main__":
    kit.main()
