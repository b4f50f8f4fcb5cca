"""quintil without a command: help, versions, what it does not know."""
import unittest

import kit


class Main(kit.CommandTest):
    def test_help_names_every_command_and_each_has_help(self):
        text = self.quintil("--help").stdout
        self.assertEqual(self.quintil("help").stdout, text)
        commands = [line.split()[0] for line in text.splitlines() if line.startswith("  ")]
        self.assertIn("generate", commands)
        for command in commands:
            with self.subTest(command):
                said = self.quintil(command, "--help")
                self.assertIn(f"usage: quintil {command}", said.stdout)
                self.assertIn("exit codes:", said.stdout)
                self.assertEqual(said.stderr, "")
                self.quintil(command, "--no-such-option", code=2)

    def test_version_names_the_libraries_it_runs_with(self):
        lines = self.quintil("--version").stdout.splitlines()
        self.assertRegex(lines[0], r"^quintil \d+\.\d+\.\d+$")
        for name in ("commit", "compiler", "libyaml", "yajl", "xxHash"):
            self.assertTrue(any(line.split()[0] == name for line in lines[1:]), name)

    def test_what_it_does_not_know(self):
        self.refuses("usage: quintil COMMAND")
        self.refuses("unknown command no-such-command", "no-such-command")


if __name__ == "__main__":
    unittest.main()
