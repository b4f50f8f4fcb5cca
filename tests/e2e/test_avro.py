"""Avro equals JSON and CSV: the same records give the same transitions, from files and through the
local log in every framing; transitions in Avro say what those in JSON do; a schema that comes later
does not stand in the way of a restart."""

import json
import os

import kit  # first: it knows where the model's modules are

import avro
import inputs
import prepare

RULES = os.path.join(kit.MODEL, "rules", "cdnow_value.yaml")
SHOP_RULES = os.path.join(avro.SCHEMAS, "rules", "shop.yaml")
FRAMINGS = ("bare", "single_object", "confluent")


class Avro(kit.EngineTest):
    def made_shop(self):
        """stream -> rows of a generated shop, and its files."""
        kit.call(kit.quintil, "generate", "--out", self.path("shop"), "--customers", 400, "--days", 200)
        files = {stream: [self.path("shop", f"{stream}.csv")] for stream in ("orders", "engagement")}
        return {stream: inputs.read_rows(paths[0]) for stream, paths in files.items()}, files

    def settings(self, framing, schemas):
        """Settings of a framing, and the bytes before a record of each stream. schemas: stream -> text."""
        folder = self.path(f"schemas-{framing}")
        os.makedirs(folder, exist_ok=True)
        settings, prefixes = [f"avro.schemas={folder}"], {}
        for number, (stream, schema) in enumerate(schemas.items(), 70_000):
            name = str(number) if framing == "confluent" else stream
            path = self.write(os.path.join(folder, f"{name}.avsc"), schema)
            settings += [f"streams.{stream}.format=avro", f"streams.{stream}.framing={framing}"]
            if framing == "bare":
                settings.append(f"streams.{stream}.schema={path}")
            prefixes[stream] = {
                "bare": b"",
                "single_object": avro.single_object(schema),
                "confluent": avro.confluent(number),
            }[framing]
        return settings, prefixes

    def run_log(self, name, rules, records, settings):
        """records: stream -> [(second, customer, bytes)]. The log after a run over them."""
        log = kit.Log(self.path(name), rules, 3, settings)
        for stream, some in records.items():
            log.raw(stream, ((second * 1000, customer, value) for second, customer, value in some))
        log.run(epoch_records=1000)
        self.assertEqual([], log.read("quintil.dead-letters"))
        return log

    def encoded(self, rows, encode, prefixes):
        return {
            stream: [
                (inputs.time_of(row), row["customer_id"], prefixes[stream] + encode[stream](row))
                for row in sorted(some, key=inputs.time_of)
            ]
            for stream, some in rows.items()
        }

    def through_all_framings(self, rules, rows, files):
        wanted = kit.replay(rules, files)
        last = json_time(inputs.last_second(files))
        self.assertGreater(len(wanted), 0)
        schemas = {stream: avro.schema_text(avro.FILES[stream]) for stream in rows}
        for framing in FRAMINGS:
            with self.subTest(framing=framing):
                settings, prefixes = self.settings(framing, schemas)
                log = self.run_log(framing, rules, self.encoded(rows, avro.OURS, prefixes), settings)
                self.assert_lines(wanted, kit.up_to(log.transitions(), last), framing)

    def test_cdnow_through_the_log(self):
        kit.needs_data()
        files = {"orders": [prepare.cdnow(self.folder)]}
        self.through_all_framings(RULES, {"orders": inputs.read_rows(files["orders"][0])}, files)

    def test_a_shop_through_the_log(self):
        rows, files = self.made_shop()
        self.through_all_framings(SHOP_RULES, rows, files)

    def test_files(self):
        """An Avro file replays as its CSV does, and is appended as it is."""
        rows, files = self.made_shop()
        wanted = kit.replay(SHOP_RULES, files)
        self.assertGreater(len(wanted), 100)
        made = {}
        for codec in ("null", "deflate"):
            made = {
                stream: [
                    avro.write_file(
                        self.path(f"{stream}-{codec}.avro"), avro.schema_text(avro.FILES[stream]),
                        [avro.OURS[stream](row) for row in some], codec,
                    )
                ]
                for stream, some in rows.items()
            }
            self.assert_lines(wanted, kit.replay(SHOP_RULES, made), codec)
        log = kit.Log(self.path("appended"), SHOP_RULES, 3)
        for stream, paths in made.items():
            log.append(stream, "--sort", *paths)
        log.run()
        last = json_time(inputs.last_second(files))
        self.assert_lines(wanted, kit.up_to(log.transitions(), last), "appended")
        for stream, paths in made.items():  # the same from a pipe
            with open(paths[0], "rb") as file:
                other = kit.Log(self.path(f"piped-{stream}"), SHOP_RULES, 3)
                other.append(stream, "--sort", "--format", "avro", "-", stdin=file)
            self.assertEqual(values(log, stream), values(other, stream))

    def test_cdnow_as_a_file(self):
        kit.needs_data()
        csv = prepare.cdnow(self.folder)
        records = [avro.encode_order(row) for row in inputs.read_rows(csv)]
        path = avro.write_file(self.path("cdnow.avro"), avro.schema_text("order"), records)
        self.assert_lines(kit.replay(RULES, {"orders": [csv]}), kit.replay(RULES, {"orders": [path]}), "cdnow")

    def test_random_shops_of_texts(self):
        """Fields that are texts in Avro behave as in CSV, whatever stands in them."""
        for seed in range(1, 7):
            folder = self.path(f"shop-{seed}")
            os.mkdir(folder)
            rules, files = inputs.past_files(seed, folder)
            made = {
                stream: [
                    avro.write_file(
                        self.path(folder, f"{stream}.avro"), avro.text_schema(stream),
                        [avro.encode_text(stream, row) for path in paths for row in inputs.read_rows(path)],
                        block=37,
                    )
                ]
                for stream, paths in files.items()
            }
            with self.subTest(seed=seed):
                self.assert_lines(kit.replay(rules, files), kit.replay(rules, made), f"seed {seed}")

    def test_transitions_in_avro(self):
        rows, files = self.made_shop()
        settings, prefixes = self.settings("confluent", {s: avro.schema_text(avro.FILES[s]) for s in rows})
        records = self.encoded(rows, avro.OURS, prefixes)
        json_log = self.run_log("json", SHOP_RULES, records, settings)
        wanted = json_log.transitions()
        schema = avro.schema_text("transition")
        before = {"bare": b"", "single_object": avro.single_object(schema), "confluent": avro.confluent(258)}
        for framing in FRAMINGS:
            form = ["transitions.format=avro", f"transitions.framing={framing}", "transitions.schema_id=258"]
            log = self.run_log(f"avro-{framing}", SHOP_RULES, records, [*settings, *form])
            lines = []
            for row in log.read("quintil.transitions"):
                self.assertTrue(row[4].startswith(before[framing]))
                lines.append(kit.ONLY_LIVE.sub(b"", avro.transition_line(row[4][len(before[framing]) :])))
            self.assert_lines(wanted, kit.sort_lines(lines), framing)

    def test_a_schema_that_comes_later(self):
        """Records of an unknown id are dead letters, also once it is known; those after it are taken."""
        schema = avro.schema_text("engagement")
        settings, _ = self.settings("confluent", {"engagement": schema})
        rules = self.write("rules.yaml", "segments:\n  seen:\n    when: count(page_view) >= 1\n")
        log = kit.Log(self.path("log"), rules, 1, settings)

        def view(number, second):
            value = avro.encode_engagement({"customer_id": f"c{number}", "kind": "page_view", "occurred_at": str(second)})
            return second * 1000, f"c{number}", avro.confluent(number) + value

        log.raw("engagement", [view(70_000, 1_700_000_000), view(9, 1_700_000_001), view(70_000, 1_700_000_002)])
        log.run()
        self.assertEqual(["unknown_schema"], [row[5]["reason"] for row in log.read("quintil.dead-letters")])
        self.write(os.path.join("schemas-confluent", "9.avsc"), schema)
        log.raw("engagement", [view(9, 1_700_000_003)])
        log.run()
        log.run()  # and once more from the records of both
        self.assertEqual(1, len(log.read("quintil.dead-letters")))
        found = [(row["customer_id"], row["at"]) for row in map(json.loads, log.transitions())]
        self.assertEqual([("c70000", "2023-11-14T22:13:20Z"), ("c9", "2023-11-14T22:13:23Z")], found)

    def test_what_is_refused(self):
        """The command line's own ways into Avro, each with its sentence and exit code 2."""
        schema = avro.schema_text("order")
        settings, _ = self.settings("bare", {"orders": schema})
        log = kit.Log(self.path("log"), RULES, 1)
        sets = [part for setting in settings for part in ("--set", setting)]
        done = log.append("orders", *sets, self.write("a.csv", "customer_id\n"), code=2)
        self.assertIn(b"streams.orders.format is avro, but append writes JSON", done.stderr)
        path = avro.write_file(self.path("a.avro"), schema, [])
        done = log.append("orders", "--set", "streams.orders.fields.amount=total", path, code=2)
        self.assertIn(b"CSV and Avro are appended with our own field names", done.stderr)
        other = avro.write_file(self.path("b.avro"), avro.schema_text("engagement"), [])
        done = kit.call(kit.quintil, "replay", "--rules", RULES, "--orders", other, code=2)
        self.assertIn(b"the records of its schema have no order_id where it is looked for", done.stderr)
        with open(path, "ab") as file:
            file.write(b"\x02\x02")
        done = kit.call(kit.quintil, "replay", "--rules", RULES, "--orders", path, code=1)
        self.assertIn(b"is damaged (the file ends in it)", done.stderr)


def json_time(second):
    return avro.events.datetime.fromtimestamp(second, avro.events.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def values(log, stream):
    return [row[4] for row in log.read(stream)]


if __name__ == "__main__":
    kit.main()
