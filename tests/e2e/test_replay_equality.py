"""The log equals the replay: the same records, in time order, give the same transitions from files
and through the local log, for any number of partitions, shards and records an epoch."""

import os

import inputs
import kit
import output
import prepare

SHAPES = [(1, 7), (2, 1000), (3, 65536), (8, 7), (1, 65536), (2, 7), (3, 1000), (8, 1000)]  # shards, records


def rule_path(name):
    return os.path.join(kit.MODEL, "rules", f"{name}.yaml")


class ReplayEquality(kit.EngineTest):
    def want_equal(self, rules, files, partitions, shapes, backwards=False):
        """Appended once, by time, and run on a copy for each (shards, records an epoch)."""
        wanted = kit.replay(rules, files)
        last = output.time_json(inputs.last_second(files)).strip('"')
        self.assertGreater(len(wanted), 0)
        log = kit.Log(self.path(f"log-{partitions}"), rules, partitions)
        for stream in reversed(kit.STREAMS) if backwards else kit.STREAMS:
            for path in files.get(stream, ()):
                log.append(stream, "--sort", path)
        for number, (shards, records) in enumerate(shapes):
            run = log.copy(self.path(f"run-{partitions}-{number}"))
            run.run(shards=shards, epoch_records=records)
            found = kit.up_to(run.transitions(), last)
            who = f"{partitions} partitions, {shards} shards, {records} records an epoch"
            self.assert_lines(wanted, found, who)
        return len(wanted)

    def test_cdnow(self):
        kit.needs_data()
        files = {"orders": [prepare.cdnow(self.folder)]}
        cases = {
            ("cdnow_value", 1): [(1, 1000)],
            ("cdnow_value", 3): [(1, 65536), (2, 1000), (3, 100), (8, 1000)],
            ("cdnow_value", 8): [(3, 1000), (8, 65536)],
            ("cdnow_recency", 3): [(2, 65536), (8, 1000)],
            ("weekly_counts", 8): [(1, 1000), (8, 65536)],
        }
        for (name, partitions), shapes in cases.items():
            with self.subTest(rules=name, partitions=partitions):
                self.want_equal(rule_path(name), files, partitions, shapes)
                self.clear()

    def test_complete_journey(self):
        kit.needs_data()
        baskets, _lines, redeemed = prepare.journey(self.folder)
        files = {"orders": [baskets], "engagement": [redeemed]}
        for partitions, shapes in ((1, [(3, 65536)]), (3, [(2, 1000), (3, 65536)]), (8, [(1, 65536)])):
            with self.subTest(partitions=partitions):
                self.want_equal(rule_path("journey_shopper"), files, partitions, shapes, backwards=True)
                self.clear()

    def test_random_shops(self):
        for seed in range(1, 13):
            folder = self.path(f"shop-{seed}")
            os.mkdir(folder)
            rules, files = inputs.past_files(seed, folder)
            partitions = (1, 3, 8)[seed % 3]
            if not kit.replay(rules, files):
                continue
            with self.subTest(seed=seed):
                self.want_equal(rules, files, partitions, [SHAPES[seed % 8], SHAPES[(seed + 3) % 8]], seed % 2 == 0)
                self.clear()

    def clear(self):
        """Away with the logs of a comparison that went well."""
        for name in os.listdir(self.folder):
            if name.startswith(("log-", "run-")):
                kit.shutil.rmtree(self.path(name))


if __name__ == "__main__":
    kit.main()
