"""`quintil check` from outside: exit codes, what goes to which stream, the shipped packs, the
examples of docs/RULES.md.

    test_check.py QUINTIL SOURCE_FOLDER
"""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

QUINTIL = ""
SOURCES = pathlib.Path()


class Check(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def check(self, *arguments):
        return subprocess.run([QUINTIL, "check", *map(str, arguments)], capture_output=True,
                              text=True, check=False, cwd=self.folder, timeout=60)

    def write(self, name, text):
        (self.folder / name).write_text(text, encoding="utf-8")
        return name

    def assert_good(self, *arguments):
        result = self.check(*arguments)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def test_packs(self):
        packs = sorted((SOURCES / "schemas" / "rules").glob("*.yaml"))
        self.assertIn("shop.yaml", [pack.name for pack in packs])
        for pack in packs:
            self.assert_good(pack)

    def test_examples_of_the_documentation(self):
        text = (SOURCES / "docs" / "RULES.md").read_text(encoding="utf-8")
        examples = re.findall(r"```yaml\n(.*?)```", text, re.S)
        self.assertGreaterEqual(len(examples), 3)
        for number, example in enumerate(examples):
            if not example.startswith("segments:"):
                example = "segments:\n  example:\n" + example
            self.assert_good(self.write(f"{number}.yaml", example))

    def test_table(self):
        name = self.write("r.yaml", "segments:\n"
                                    "  vip:\n"
                                    "    when: spend(365d) >= 2000 and count(review, 2w) > 0\n"
                                    "    hold: 36h\n"
                                    "    holdout: 2.5%\n"
                                    "  a: {when: in(vip) or orders() > 3}\n"
                                    "  b: {when: since(order) > 1d}\n")
        lines = self.assert_good(name).splitlines()
        self.assertRegex(lines[0], r"^r\.yaml: good; rules version [0-9a-f]{16}, 3 segments, "
                                   r"5 distinct metrics, retention 400d, time zone UTC$")
        self.assertEqual([line.split() for line in lines[1:]], [
            ["segment", "window", "hold", "holdout", "metrics"],
            ["vip", "365d", "36h", "2.50%", "spend(365d)", "count(review,14d)"],
            ["a", "lifetime", "-", "-", "in(vip)", "orders()"],
            ["b", "-", "-", "-", "since(order)"],
        ])

    def test_problems(self):
        bad = self.write("bad.yaml", "segments:\n  a: {when: spned() > 1}\n  b: {hold: 1d}\n")
        good = self.write("good.yaml", "segments: {a: {when: spend() > 1}}\n")
        result = self.check(bad, good)
        self.assertEqual(result.returncode, 2)
        self.assertEqual([line.split(" ", 1)[0] for line in result.stderr.splitlines()],
                         ["bad.yaml:2:13:", "bad.yaml:3:3:"])
        self.assertIn("did you mean `spend`?", result.stderr)
        self.assertTrue(result.stdout.startswith("good.yaml: good"))

    def test_missing_file(self):
        result = self.check("nowhere.yaml")
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertEqual(result.stderr, "nowhere.yaml: cannot be opened (No such file or "
                                        "directory); expected a rule file\n")

    def test_command_line(self):
        self.assertIn("usage: quintil check", self.assert_good("--help"))
        self.assertEqual(self.check().returncode, 2)
        self.assertEqual(self.check("--fast").returncode, 2)
        self.write("--odd", "segments: {a: {when: spend() > 1}}\n")
        self.assert_good("--", "--odd")


if __name__ == "__main__":
    QUINTIL, SOURCES = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    unittest.main(argv=sys.argv[:1])
