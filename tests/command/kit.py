"""What the tests of commands share: the program, a folder that goes away, and running to the end."""
import os
import pathlib
import subprocess
import tempfile
import unittest

QUINTIL = os.environ.get("QUINTIL", "build/quintil")


class CommandTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def quintil(self, *arguments, code=0, **options):
        """Runs a command to its end; its output, after checking the exit code."""
        result = subprocess.run([QUINTIL, *map(str, arguments)], capture_output=True, text=True,
                                check=False, **options)
        self.assertEqual(result.returncode, code, result.stderr)
        return result

    def refuses(self, words, *arguments):
        """The command line is wrong: exit code 2 and a sentence with these words."""
        said = self.quintil(*arguments, code=2).stderr
        self.assertIn(words, said)
