/*
 * Rule files: what is read from a good one, and for each kind of mistake the place and the words.
 * Places are asserted in every style of scalar that YAML has.
 */
#include "consumer/rule_file.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct qtl_text text_of(const char *text)
{
    return (struct qtl_text){text, (uint32_t)strlen(text)};
}

static struct qtl_rules *parse_good(const char *file)
{
    struct qtl_problems problems = {0};
    struct qtl_rules *rules = NULL;
    const enum qtl_status status = qtl_rule_file_parse(text_of(file), &rules, &problems);
    if (status != QTL_OK) {
        fail_msg("%u:%u: %s", problems.items[0].place.line, problems.items[0].place.column,
                 problems.items[0].sentence);
    }
    assert_int_equal(problems.count, 0);
    return rules;
}

/* The file has exactly one problem. */
static void assert_problem(const char *file, uint32_t line, uint32_t column, const char *sentence)
{
    struct qtl_problems problems = {0};
    struct qtl_rules *rules = NULL;
    assert_int_equal(qtl_rule_file_parse(text_of(file), &rules, &problems), QTL_BAD_CONF);
    assert_null(rules);
    assert_true(problems.count > 0);
    assert_string_equal(problems.items[0].sentence, sentence);
    assert_int_equal(problems.items[0].place.line, line);
    assert_int_equal(problems.items[0].place.column, column);
    assert_int_equal(problems.count, 1);
    qtl_problems_fini(&problems);
}

/* As assert_problem; the sentence contains the words. */
static void assert_problem_with(const char *file, uint32_t line, uint32_t column, const char *words)
{
    struct qtl_problems problems = {0};
    struct qtl_rules *rules = NULL;
    assert_int_equal(qtl_rule_file_parse(text_of(file), &rules, &problems), QTL_BAD_CONF);
    assert_int_equal(problems.count, 1);
    assert_non_null(strstr(problems.items[0].sentence, words));
    assert_int_equal(problems.items[0].place.line, line);
    assert_int_equal(problems.items[0].place.column, column);
    qtl_problems_fini(&problems);
}

static void a_whole_file(void **state)
{
    (void)state;
    struct qtl_rules *const rules = parse_good("time_zone: Europe/Berlin\n"
                                               "leap_birthday: mar1\n"
                                               "retention: 500d\n"
                                               "kinds: [favourite, email_open, sms_sent]\n"
                                               "segments:\n"
                                               "  vip: # a comment\n"
                                               "    when: spend(450d) >= 2000 # another\n"
                                               "    leave_when: spend(450d) < 1600\n"
                                               "    hold: 1w\n"
                                               "    holdout: 10%\n"
                                               "  fan: {when: \"count(favourite) > 3\"}\n"
                                               "  odd: {when: in(vip), holdout: 0.07%}\n"
                                               "  all: {when: not in(vip), holdout: 100.00%}\n");
    assert_string_equal(rules->time_zone, "Europe/Berlin");
    assert_int_equal(rules->retention_s, 500 * 86400);
    assert_int_equal(rules->kind_count, 22);
    assert_string_equal(rules->kinds[20], "favourite");
    assert_string_equal(rules->kinds[21], "sms_sent");
    assert_int_equal(rules->segment_count, 4);
    const struct qtl_segment *const vip = &rules->segments[0];
    assert_string_equal(vip->name, "vip");
    assert_int_equal(vip->type, QTL_SEGMENT_FLAG);
    assert_int_equal(vip->hold_s, 7 * 86400);
    assert_int_equal(vip->holdout_e4, 1000);
    assert_int_not_equal(vip->leave_when, QTL_NODE_NONE);
    assert_int_equal(rules->segments[1].leave_when, QTL_NODE_NONE);
    assert_int_equal(rules->segments[1].hold_s, 0);
    assert_int_equal(rules->segments[2].holdout_e4, 7);
    assert_int_equal(rules->segments[3].holdout_e4, 10000);
    /* XXH3_64bits_withSeed("vip", 3, 3), from the xxhash tool. */
    assert_int_equal(vip->holdout_salt, UINT64_C(0x891341de4b4c862b));
    qtl_rules_free(rules);
}

static void defaults(void **state)
{
    (void)state;
    struct qtl_rules *const rules = parse_good("segments: {a: {when: spend() > 1}}");
    assert_string_equal(rules->time_zone, "UTC");
    assert_int_equal(rules->retention_s, 400 * 86400);
    assert_int_equal(rules->kind_count, 20);
    qtl_rules_free(rules);
}

static void the_version_is_of_the_bytes(void **state)
{
    (void)state;
    struct qtl_rules *const rules = parse_good("segments: {a: {when: spend() > 1}}\n");
    struct qtl_rules *const other = parse_good("segments: {a: {when: spend() > 1}} \n");
    /* XXH3_64bits_withSeed(bytes, 1), from the xxhash tool. */
    assert_int_equal(rules->version, UINT64_C(0xe9c2f697207102ed));
    assert_int_not_equal(rules->version, other->version);
    qtl_rules_free(rules);
    qtl_rules_free(other);
}

static void keys_that_are_wrong(void **state)
{
    (void)state;
    assert_problem("retension: 9d\nsegments: {a: {when: spend() > 1}}", 1, 1,
                   "unknown key `retension` in a rule file; expected time_zone, leap_birthday, "
                   "kinds, retention or segments; did you mean `retention`?");
    assert_problem("segments:\n  a:\n    wehn: spend() > 1\n", 3, 5,
                   "unknown key `wehn` in a segment; expected when, leave_when, hold or holdout; "
                   "did you mean `when`?");
    assert_problem("segments:\n  a:\n    hold: 3d\n", 2, 3,
                   "the segment `a` has no condition; expected `when:` below it");
    assert_problem("segments:\n  a: {when: spend() > 1}\n  a: {when: spend() > 2}\n", 3, 3,
                   "`a` stands here twice, first in line 2; expected it once");
    assert_problem("segments:\n  a:\n    when: spend() > 1\n    when: spend() > 1\n", 4, 5,
                   "`when` stands here twice, first in line 3; expected it once");
    assert_problem("retention: 9d\nsegments: {a: {when: spend() > 1}}\nretention: 9d\n", 3, 1,
                   "`retention` stands here twice, first in line 1; expected it once");
    assert_problem("rfm: {}\nsegments: {a: {when: spend() > 1}}", 1, 1,
                   "`rfm` comes with a later version; expected segments only");
    assert_problem("segments: {a: {when: spend() > 1}}\nladders: {}", 2, 1,
                   "`ladders` comes with a later version; expected segments only");
    assert_problem("segments: {a: {when: spend() > 1}, [b]: {when: spend() > 1}}", 1, 36,
                   "a key is a list; expected a name");
    assert_problem("time_zone: UTC\n", 1, 1,
                   "the file has no segments; expected `segments:` with at least one");
    assert_problem("# nothing\n", 1, 1, "the file is empty; expected `segments:`");
    assert_problem("- a\n", 1, 1, "the file is a list; expected `segments:`");
    assert_problem("segments: {}\n", 1, 11, "`segments` is empty; expected at least one segment");
    assert_problem("segments:\n", 1, 10,
                   "`segments` is empty; expected names of segments, each with its `when:`");
}

static void values_that_are_wrong(void **state)
{
    (void)state;
    assert_problem_with("segments: {a: spend() > 1}", 1, 15, "the segment `a` is no mapping");
    assert_problem_with("segments: {a: {when: [spend() > 1]}}", 1, 22, "`when` is a list");
    assert_problem_with("segments: {a: {when: }}", 1, 22, "the condition is empty");
    assert_problem_with("segments: {a: {when: spend() > 1, hold: 7}}", 1, 41,
                        "`7` is no duration; expected a whole number and a unit, e.g. `7d`");
    assert_problem_with("segments: {a: {when: spend() > 1, hold: 7 days}}", 1, 41,
                        "`7 days` is no duration");
    assert_problem_with("segments: {a: {when: spend() > 1, hold: 7days}}", 1, 41,
                        "did you mean `7d`?");
    assert_problem_with("segments: {a: {when: spend() > 1, hold: -7d}}", 1, 41, "is no duration");
    assert_problem_with("segments: {a: {when: spend() > 1, hold: {}}}", 1, 41,
                        "`hold` is a mapping; expected a duration");
    assert_problem_with("retention: 0d\nsegments: {a: {when: spend() > 1}}", 1, 12,
                        "the retention is empty");
    assert_problem_with("kinds: favourite\nsegments: {a: {when: spend() > 1}}", 1, 8,
                        "`kinds` is a text; expected a list");
    assert_problem_with("kinds: [a b]\nsegments: {a: {when: spend() > 1}}", 1, 9,
                        "`a b` is no name of a kind");
    assert_problem_with("kinds: [order]\nsegments: {a: {when: spend() > 1}}", 1, 9,
                        "`order` has a meaning of its own");
    assert_problem_with("time_zone: \"\"\nsegments: {a: {when: spend() > 1}}", 1, 12,
                        "`` is no time zone");
    assert_problem_with("leap_birthday: feb29\nsegments: {a: {when: spend() > 1}}", 1, 16,
                        "expected `feb28` or `mar1`");
    assert_problem_with("segments: {a b: {when: spend() > 1}}", 1, 12,
                        "`a b` is no name of a segment");
    assert_problem_with("segments: {\"\": {when: spend() > 1}}", 1, 12,
                        "the name of a segment is empty");
}

static void holdouts_that_are_wrong(void **state)
{
    (void)state;
    static const char *const values[] = {"10",  "10.123%", "101%", "-1%",     "%",          ".5%",
                                         "1.%", "1e1%",    "1%%",  "100.01%", "999999999%", "1 %"};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char file[128];
        snprintf(file, sizeof(file), "segments:\n  a:\n    when: spend() > 1\n    holdout: '%s'\n",
                 values[i]);
        assert_problem_with(file, 4, 14, "is no share of customers");
    }
}

/* `ordrs` stands at the place in every style of scalar. */
static void places_inside_expressions(void **state)
{
    (void)state;
    assert_problem_with("segments:\n  a:\n    when: spend() > 1 and ordrs() > 1\n", 3, 27, "ordrs");
    assert_problem_with("segments:\n  a:\n    when:   spend() > 1 and ordrs() > 1 # c\n", 3, 29,
                        "ordrs");
    assert_problem_with("segments:\n  a:\n    when: \"spend() > 1 and ordrs() > 1\"\n", 3, 28,
                        "ordrs");
    assert_problem_with("segments:\n  a:\n    when: 'spend() > 1 and ordrs() > 1'\n", 3, 28,
                        "ordrs");
    assert_problem_with("segments:\n  a:\n    when: \"spend()\\t\\x3e\\u0020 1 and ordrs() > 1\"\n",
                        3, 38, "ordrs");
    assert_problem_with("segments:\n  a:\n    when: \"spend() \\\n      > 1 and ordrs() > 1\"\n", 4,
                        15, "ordrs");
    assert_problem_with("segments:\n  a:\n    when: spend() > 1\n\n      and ordrs() > 1\n", 5, 11,
                        "ordrs");
    assert_problem_with("segments:\n  a:\n    when: |  # why\n\n      spend() > 1\n"
                        "        and ordrs() > 1\n",
                        6, 13, "ordrs");
    assert_problem_with("segments:\n  a:\n    when: >-\n      spend() > 1\n      and\n"
                        "      ordrs() > 1\n",
                        6, 7, "ordrs");
    assert_problem_with("segments:\r\n  a:\r\n    when: spend() > 1\r\n      and ordrs() > 1\r\n",
                        4, 11, "ordrs");
    assert_problem_with("\xef\xbb\xbfsegments: {a: {when: ordrs() > 1}}", 1, 22, "ordrs");
    /* Columns count characters. */
    assert_problem_with("# \xc3\xa9\nsegments: {a: {when: '\xc3\xa9'}}", 2, 23, "\xc3\xa9");
    assert_problem_with("segments: {a: {when: \"\\\"\xc3\xa9\\\" == ordrs()\"}}", 1, 32, "ordrs");
    assert_problem_with("segments: {a: {when: 'spend() > 1 ''x'}}", 1, 35, "unexpected `'`");
    /* The end, where something is missing. */
    assert_problem_with("segments: {a: {when: spend() >}}", 1, 31, "ends too early");
    assert_problem_with("segments: {a: {when: \"spend() >\"}}", 1, 32, "ends too early");
    assert_problem_with("segments: {a: {when: spend() > 1, hold: 1d, leave_when: ordrs() > 1}}", 1,
                        57, "ordrs");
}

static void yaml_that_is_none(void **state)
{
    (void)state;
    assert_problem_with("segments: {a: {when: spend() > 1}", 1, 34, "not YAML");
    assert_problem_with("segments:\n\ta: 1\n", 2, 1, "a tab in the indentation");
    assert_problem_with("segments:\n  a:\n    when: \"x\" == 1\n", 3, 15, "not YAML");
    assert_problem_with("segments:\n  a: \xff\n", 2, 6, "not YAML");
    assert_problem_with("a: 1\n--- \nb: 1\n", 2, 1, "a second document begins here");
    assert_problem_with("segments: &all {a: {when: spend() > 1}}\n", 1, 11, "anchors");
    assert_problem_with("segments: {a: &x {when: spend() > 1}, b: *x}\n", 1, 15, "anchors");
    assert_problem_with("segments: {a: {when: !!str spend() > 1}}\n", 1, 22, "tags");
    assert_problem_with("[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", 1, 17, "nested too deeply");
}

static void problems_come_in_the_order_of_the_file(void **state)
{
    (void)state;
    struct qtl_problems problems = {0};
    struct qtl_rules *rules = NULL;
    const char *const file = "segments:\n"
                             "  a: {when: in(b) and spned() > 1}\n"
                             "  b: {when: in(a), hold: 3}\n"
                             "kinds: [x y]\n"
                             "colour: red\n";
    static const struct qtl_place places[] = {{2, 23}, {3, 13}, {3, 26}, {4, 9}, {5, 1}};
    assert_int_equal(qtl_rule_file_parse(text_of(file), &rules, &problems), QTL_BAD_CONF);
    assert_int_equal(problems.count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(problems.items[i].place.line, places[i].line);
        assert_int_equal(problems.items[i].place.column, places[i].column);
    }
    assert_non_null(strstr(problems.items[1].sentence, "a -> b -> a"));
    qtl_problems_fini(&problems);
}

/* Builds "segments:" with so many flags. */
static char *many_segments(size_t count, const char *when)
{
    const size_t size = 64 + count * 64;
    char *const file = malloc(size);
    assert_non_null(file);
    size_t length = (size_t)snprintf(file, size, "segments:\n");
    for (size_t i = 0; i < count; i++) {
        length += (size_t)snprintf(file + length, size - length, "  s%zu: {when: %s}\n", i, when);
    }
    return file;
}

static void limits(void **state)
{
    (void)state;
    char *file = many_segments(QTL_SEGMENTS_MAX, "spend() > 1");
    struct qtl_rules *const rules = parse_good(file);
    assert_int_equal(rules->segment_count, QTL_SEGMENTS_MAX);
    qtl_rules_free(rules);
    free(file);
    file = many_segments(QTL_SEGMENTS_MAX + 2, "spend() > 1");
    assert_problem(file, QTL_SEGMENTS_MAX + 2, 3, "too many segments; expected at most 256");
    free(file);
    assert_problem("kinds: [a1, a2, a3, a4, a5, a6, a7, a8, a9, b1, b2, b3, b4, b5]\n"
                   "segments: {a: {when: spend() > 1}}\n",
                   1, 57,
                   "too many kinds of engagement; expected at most 32 with the built-in ones");
    assert_problem(
        "segments: {a2345678901234567890123456789012345678901234567890123456789012345: {when: "
        "spend() > 1}}",
        1, 12, "the name of a segment has 65 bytes; expected at most 64");
}

static void more_problems_than_a_list_holds(void **state)
{
    (void)state;
    char *const file = many_segments(QTL_PROBLEMS_MAX + 20, "spned() > 1");
    struct qtl_problems problems = {0};
    struct qtl_rules *rules = NULL;
    assert_int_equal(qtl_rule_file_parse(text_of(file), &rules, &problems), QTL_BAD_CONF);
    assert_int_equal(problems.count, QTL_PROBLEMS_MAX);
    assert_int_equal(problems.dropped, 20);
    qtl_problems_fini(&problems);
    free(file);
}

static void files_that_cannot_be_read(void **state)
{
    (void)state;
    struct qtl_problems problems = {0};
    struct qtl_rules *rules = NULL;
    assert_int_equal(qtl_rule_file_read("/nonexistent/rules.yaml", &rules, &problems),
                     QTL_BAD_CONF);
    assert_null(rules);
    assert_int_equal(problems.count, 1);
    assert_int_equal(problems.items[0].place.line, 0);
    assert_string_equal(problems.items[0].sentence,
                        "cannot be opened (No such file or directory); expected a rule file");
    qtl_problems_fini(&problems);
    assert_int_equal(qtl_rule_file_read("/", &rules, &problems), QTL_BAD_CONF);
    assert_int_equal(problems.count, 1);
    qtl_problems_fini(&problems);
}

/* Writes the file to the temporary folder; the caller removes and frees the path. */
static char *write_file(const char *bytes, size_t length)
{
    char *const path = strdup("/tmp/quintil-rules-XXXXXX");
    assert_non_null(path);
    const int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, length), length);
    assert_int_equal(close(file), 0);
    return path;
}

static void files_are_read(void **state)
{
    (void)state;
    const char *const good = "segments: {a: {when: spend() > 1}}\n";
    char *path = write_file(good, strlen(good));
    struct qtl_problems problems = {0};
    struct qtl_rules *rules = NULL;
    assert_int_equal(qtl_rule_file_read(path, &rules, &problems), QTL_OK);
    assert_int_equal(rules->segment_count, 1);
    qtl_rules_free(rules);
    unlink(path);
    free(path);
    const size_t length = (1U << 20) + 1;
    char *const huge = malloc(length);
    assert_non_null(huge);
    memset(huge, '#', length);
    path = write_file(huge, length);
    assert_int_equal(qtl_rule_file_read(path, &rules, &problems), QTL_BAD_CONF);
    assert_string_equal(problems.items[0].sentence,
                        "the file has over 1048576 bytes; expected at most that many");
    qtl_problems_fini(&problems);
    unlink(path);
    free(path);
    free(huge);
}

static void reports_are_one_line_a_problem(void **state)
{
    (void)state;
    struct qtl_problems problems = {.dropped = 3};
    char text[256] = "";
    FILE *const out = fmemopen(text, sizeof(text), "w");
    assert_non_null(out);
    qtl_problems_add(&problems, (struct qtl_place){2, 7}, "unknown `%s`", "a\x1b[31m\n");
    qtl_problems_add(&problems, (struct qtl_place){0, 0}, "cannot be opened");
    qtl_rule_file_report("r.yaml", &problems, out);
    fclose(out);
    assert_string_equal(text, "r.yaml:2:7: unknown `a?[31m?`\n"
                              "r.yaml: cannot be opened\n"
                              "r.yaml: and 3 problems more\n");
    qtl_problems_fini(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_file),
        cmocka_unit_test(defaults),
        cmocka_unit_test(the_version_is_of_the_bytes),
        cmocka_unit_test(keys_that_are_wrong),
        cmocka_unit_test(values_that_are_wrong),
        cmocka_unit_test(holdouts_that_are_wrong),
        cmocka_unit_test(places_inside_expressions),
        cmocka_unit_test(yaml_that_is_none),
        cmocka_unit_test(problems_come_in_the_order_of_the_file),
        cmocka_unit_test(limits),
        cmocka_unit_test(more_problems_than_a_list_holds),
        cmocka_unit_test(files_that_cannot_be_read),
        cmocka_unit_test(files_are_read),
        cmocka_unit_test(reports_are_one_line_a_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
