"""tidy itself: each demand is broken once, and what is right passes."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

TIDY = pathlib.Path(__file__).resolve().parent / "tidy"
GOOD = """/* Says what it is for. */
#include "scoring/wheel.h"

#include <stdint.h>

struct pair {
    int a, b;
};
static const struct pair pairs[] = {{1, 2}, {3, 4}};

__attribute__((noinline)) static int sum(struct pair pair)
{
    const char *const text = "volatile { ( rand() /*";
    return pair.a + pair.b + (text != (char *)0) + '{';
}

int qtl_wheel_turn(int a, int b, int c, int d, int e, int f)
{
    for (int i = 0; i < a; i++) {
        while (b > 0) {
            if (c > 0) {
                do {
                    d = sum((struct pair){a, b});
                } while (d > e);
            } else if (f > 0) {
                e = sum((struct pair){.a = 1, .b = pairs[0].a});
            }
        }
    }
    return d;
}
"""


def function(body, name="qtl_wheel_turn", parameters="void"):
    return f"/* x */\n#include \"scoring/wheel.h\"\n\nint {name}({parameters})\n{{\n{body}\n}}\n"


class Tidy(unittest.TestCase):
    def said(self, **files):
        """What tidy prints about a tree of these files (`__` in a name stands for `/`)."""
        with tempfile.TemporaryDirectory() as folder:
            tree = {"scoring/wheel.h": "/* x */\n#ifndef QTL_SCORING_WHEEL_H\n"
                                       "#define QTL_SCORING_WHEEL_H\n#endif\n",
                    "scoring/wheel.c": GOOD}
            tree.update({name.replace("__", "/").replace("_DOT_", "."): text
                         for name, text in files.items()})
            for name, text in tree.items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            result = subprocess.run([sys.executable, str(TIDY), folder], capture_output=True,
                                    text=True, check=False)
            self.assertEqual(result.stderr, "")
            lines = result.stdout.splitlines()
            self.assertEqual(result.returncode, 1 if len(lines) > 1 else 0)
            return lines[:-1]

    def breaks(self, words, **files):
        said = self.said(**files)
        self.assertEqual(len(said), 1, said)
        self.assertIn(words, said[0])

    def test_good_code_passes(self):
        self.assertEqual(self.said(), [])

    def test_sizes(self):
        self.breaks("has 71 lines", scoring__wheel_DOT_c=function("\n" * 67))
        self.assertEqual(self.said(scoring__wheel_DOT_c=function("\n" * 66)), [])
        self.breaks("has 7 parameters", scoring__wheel_DOT_c=function(
            "return a;", parameters="int a, int b, int c, int d, int e, int f, int (*g)(int, int)"))
        nested = "if (1) { while (1) { for (;;) { switch (1) { case 1: if (1) { } } } } }"
        self.breaks("has 5 levels", scoring__wheel_DOT_c=function(nested))
        self.breaks("801 lines", scoring__wheel_DOT_c=GOOD + "\n" * (801 - GOOD.count("\n")))

    def test_directions(self):
        self.breaks("must not include sinks/x.h",
                    consumer__a_DOT_c='/* x */\n#include "sinks/x.h"\n')
        self.breaks("must not include consumer/x.h",
                    sinks__a_DOT_c='/* x */\n#include "consumer/x.h"\n')
        self.breaks("must not include <time.h>", scoring__a_DOT_c="/* x */\n#include <time.h>\n")
        wiring = '/* x */\n#include "consumer/x.h"\n#include "sinks/x.h"\n'
        self.assertEqual(self.said(consumer__command_run_DOT_c=wiring), [])

    def test_libraries(self):
        self.breaks("yaml.h is for", sinks__a_DOT_c="/* x */\n#include <yaml.h>\n")
        self.breaks("a header must not", consumer__a_DOT_h="/* x */\n#ifndef QTL_CONSUMER_A_H\n"
                    "#include <yaml.h>\n#endif\n")

    def test_own_header_comes_first(self):
        self.breaks("must be the first include", scoring__wheel_DOT_c='/* x */\n#include '
                    '"schemas/text.h"\n#include "scoring/wheel.h"\n')

    def test_guards_and_comments(self):
        self.breaks("the guard must be", scoring__b_DOT_h="/* x */\n#ifndef B_H\n#endif\n")
        self.breaks("must open with a comment", sinks__b_DOT_c="int x;\n")

    def test_names(self):
        self.breaks("should be static", scoring__wheel_DOT_c=function("return 0;", name="turn"))
        self.breaks("should be static",
                    scoring__wheel_DOT_c=function("return 0;", name="qtl_wheels_turn"))
        contract = "/* x */\n#ifndef QTL_SCORING_RULES_H\n#endif\n"
        maker = '/* x */\n#include "scoring/rules.h"\n\nint qtl_rules_free(void)\n{\n}\n'
        self.assertEqual(self.said(scoring__rules_DOT_h=contract, scoring__maker_DOT_c=maker), [])

    def test_forbidden(self):
        for code, words in (("volatile int x;", "no volatile"), ("double x;", "no double"),
                            ("time(0);", "scoring has no clock"), ("rand();", "deterministic"),
                            ("strcpy(a, b);", "strcpy()"), ("pthread_self();", "shards.c")):
            with self.subTest(code):
                self.breaks(words, scoring__wheel_DOT_c=function(code))
        self.assertEqual(self.said(scoring__wheel_DOT_c=function("ops->read(1);")), [])
        self.breaks("no #if inside", scoring__wheel_DOT_c=function("#ifdef A\n#endif"))

    def test_words(self):
        self.breaks("somebody's machine", docs__a_DOT_md="see /home/" + "ann/x\n")
        self.breaks("unfinished", docs__a_DOT_md="TO" + "DO: more\n")


if __name__ == "__main__":
    unittest.main()
