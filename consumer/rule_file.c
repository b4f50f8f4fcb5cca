/*
 * The shape of a rule file: which keys there are and what their values look like. What an
 * expression means is scoring/'s, to which this hands every text with the places of its bytes, so
 * that a problem inside an expression has the line and column of the file.
 *
 * Reading goes on after a problem, so that one run shows them all.
 */
#include "consumer/rule_file.h"

#include "consumer/yaml_file.h"
#include "consumer/yaml_keys.h"
#include "consumer/yaml_tree.h"
#include "scoring/rule_builder.h"
#include "scoring/suggestion.h"

#include <stdlib.h>
#include <string.h>

/* More keys than any mapping of a good file has; bounds the search for duplicates. */

struct reader {
    struct qtl_rule_builder *builder;
    struct qtl_problems *problems;
};

/* A mapping with a fixed set of keys. */
struct key_set {
    const char *what;     /* "a rule file", for sentences */
    const char *expected; /* the keys, for sentences */
    const char *const *names;
    size_t count;
};

enum top_key {
    TOP_TIME_ZONE,
    TOP_LEAP_BIRTHDAY,
    TOP_KINDS,
    TOP_RETENTION,
    TOP_SEGMENTS,
    TOP_RFM,
    TOP_LADDERS,
    TOP_KEYS,
};

static const char *const top_names[TOP_KEYS] = {
    [TOP_TIME_ZONE] = "time_zone", [TOP_LEAP_BIRTHDAY] = "leap_birthday", [TOP_KINDS] = "kinds",
    [TOP_RETENTION] = "retention", [TOP_SEGMENTS] = "segments",           [TOP_RFM] = "rfm",
    [TOP_LADDERS] = "ladders",
};

static const struct key_set top_keys = {
    .what = "a rule file",
    .expected = "time_zone, leap_birthday, kinds, retention or segments",
    .names = top_names,
    .count = TOP_KEYS,
};

enum segment_key { SEGMENT_WHEN, SEGMENT_LEAVE_WHEN, SEGMENT_HOLD, SEGMENT_HOLDOUT, SEGMENT_KEYS };

static const char *const segment_names[SEGMENT_KEYS] = {
    [SEGMENT_WHEN] = "when",
    [SEGMENT_LEAVE_WHEN] = "leave_when",
    [SEGMENT_HOLD] = "hold",
    [SEGMENT_HOLDOUT] = "holdout",
};

static const struct key_set segment_keys = {
    .what = "a segment",
    .expected = "when, leave_when, hold or holdout",
    .names = segment_names,
    .count = SEGMENT_KEYS,
};

static bool equals(struct qtl_text text, const char *name)
{
    return strlen(name) == text.length && memcmp(name, text.bytes, text.length) == 0;
}

/* The place of a key in its set; -1: unknown, reported. */
static int find_key(struct reader *reader, const struct key_set *set,
                    const struct qtl_yaml_node *key)
{
    const struct qtl_text name = key->source.text;
    struct qtl_suggestion suggestion;
    qtl_suggestion_init(&suggestion, name);
    for (size_t i = 0; i < set->count; i++) {
        if (equals(name, set->names[i])) {
            return (int)i;
        }
        qtl_suggestion_offer(&suggestion, set->names[i]);
    }
    qtl_problems_add(reader->problems, key->place, "unknown key `%.*s` in %s; expected %s%s",
                     qtl_problems_cut(name), name.bytes, set->what, set->expected,
                     qtl_suggestion_sentence(&suggestion));
    return -1;
}

/* Whether the value is of the type; reported where not. */
static bool require(struct reader *reader, const struct qtl_yaml_node *value,
                    enum qtl_yaml_type type, const char *name, const char *expected)
{
    if (value->type == type) {
        return true;
    }
    const bool empty = value->type == QTL_YAML_SCALAR && value->source.text.length == 0;
    qtl_problems_add(reader->problems, value->place, "`%s` is %s; expected %s", name,
                     empty ? "empty" : qtl_yaml_tree_words(value), expected);
    return false;
}

static bool read_duration(struct reader *reader, const struct qtl_yaml_node *value,
                          const char *name, int64_t *seconds)
{
    return require(reader, value, QTL_YAML_SCALAR, name, "a duration such as `7d`") &&
           qtl_lexer_duration(&value->source, reader->problems, seconds);
}

/* `10%`, at most two decimals, as ten-thousandths; false: it is none. */
static bool parse_percentage(struct qtl_text text, uint32_t *value_e4)
{
    uint32_t decimals = 0;
    uint32_t i = 0;
    *value_e4 = 0;
    for (; i < text.length && text.bytes[i] >= '0' && text.bytes[i] <= '9' && i < 5; i++) {
        *value_e4 = *value_e4 * 10 + (uint32_t)(text.bytes[i] - '0');
    }
    if (i == 0) {
        return false;
    }
    if (i < text.length && text.bytes[i] == '.') {
        for (i++; i < text.length && text.bytes[i] >= '0' && text.bytes[i] <= '9' && decimals < 2;
             i++, decimals++) {
            *value_e4 = *value_e4 * 10 + (uint32_t)(text.bytes[i] - '0');
        }
        if (decimals == 0) {
            return false;
        }
    }
    for (; decimals < 2; decimals++) {
        *value_e4 *= 10;
    }
    return i + 1 == text.length && text.bytes[i] == '%' && *value_e4 <= 10000;
}

static void read_holdout(struct reader *reader, const struct qtl_yaml_node *value,
                         uint32_t *holdout_e4)
{
    if (!require(reader, value, QTL_YAML_SCALAR, "holdout", "a percentage such as `10%`")) {
        return;
    }
    const struct qtl_text text = value->source.text;
    if (!parse_percentage(text, holdout_e4)) {
        qtl_problems_add(reader->problems, value->place,
                         "`%.*s` is no share of customers; expected a percentage from `0%%` to "
                         "`100%%` with at most two decimals, e.g. `10%%`",
                         qtl_problems_cut(text), text.bytes);
        *holdout_e4 = 0;
    }
}

static void read_condition(struct reader *reader, const struct qtl_yaml_node *value,
                           const char *name, struct qtl_source *source)
{
    if (require(reader, value, QTL_YAML_SCALAR, name,
                "a condition, e.g. `spend(365d) >= 2000`, in quotes where it begins with `[`, `{` "
                "or `- `")) {
        *source = value->source;
    }
}

static void read_segment(struct reader *reader, const struct qtl_yaml_node *name,
                         const struct qtl_yaml_node *value)
{
    struct qtl_segment_source segment = {.name = name->source.text, .place = name->place};
    const struct qtl_text text = name->source.text;
    bool has_when = false; /* or a key that may have been meant for it */
    size_t count = 0;
    if (value->type != QTL_YAML_MAPPING) {
        qtl_problems_add(reader->problems, value->place,
                         "the segment `%.*s` is %s; expected keys, e.g. `when:`, below its name",
                         qtl_problems_cut(text), text.bytes,
                         value->type == QTL_YAML_LIST ? "a list" : "no mapping");
        return;
    }
    for (const struct qtl_yaml_node *key = NULL;
         (key = qtl_yaml_keys_next(reader->problems, value, key, &count)) != NULL;) {
        const int number = find_key(reader, &segment_keys, key);
        has_when = has_when || number == SEGMENT_WHEN || number < 0;
        if (number == SEGMENT_WHEN) {
            read_condition(reader, key->next, "when", &segment.when);
        } else if (number == SEGMENT_LEAVE_WHEN) {
            read_condition(reader, key->next, "leave_when", &segment.leave_when);
        } else if (number == SEGMENT_HOLD) {
            (void)read_duration(reader, key->next, "hold", &segment.hold_s);
        } else if (number == SEGMENT_HOLDOUT) {
            read_holdout(reader, key->next, &segment.holdout_e4);
        }
    }
    if (!has_when) {
        qtl_problems_add(reader->problems, name->place,
                         "the segment `%.*s` has no condition; expected `when:` below it",
                         qtl_problems_cut(text), text.bytes);
    }
    /* Also one without a good condition, so that others may name it. */
    qtl_rule_builder_segment(reader->builder, &segment);
}

static void read_segments(struct reader *reader, const struct qtl_yaml_node *value)
{
    size_t count = 0;
    if (!require(reader, value, QTL_YAML_MAPPING, "segments",
                 "names of segments, each with its `when:`")) {
        return;
    }
    if (value->first == NULL) {
        qtl_problems_add(reader->problems, value->place,
                         "`segments` is empty; expected at least one segment");
    }
    for (const struct qtl_yaml_node *key = NULL;
         (key = qtl_yaml_keys_next(reader->problems, value, key, &count)) != NULL;) {
        read_segment(reader, key, key->next);
    }
}

static void read_kinds(struct reader *reader, const struct qtl_yaml_node *value)
{
    static const char expected[] =
        "a list of kinds of engagement, e.g. `[favourite, wishlist_add]`";
    if (!require(reader, value, QTL_YAML_LIST, "kinds", expected)) {
        return;
    }
    size_t count = 0;
    for (const struct qtl_yaml_node *item = value->first; item != NULL; item = item->next) {
        if (++count > QTL_YAML_KEYS_MAX) {
            return; /* far past the 32 that the builder has complained about */
        }
        if (require(reader, item, QTL_YAML_SCALAR, "kinds", "a name at each place of the list")) {
            qtl_rule_builder_kind(reader->builder, item->source.text, item->place);
        }
    }
}

static void read_retention(struct reader *reader, const struct qtl_yaml_node *value)
{
    int64_t seconds = 0;
    if (read_duration(reader, value, "retention", &seconds)) {
        qtl_rule_builder_retention(reader->builder, seconds, value->place);
    }
}

static void read_time_zone(struct reader *reader, const struct qtl_yaml_node *value)
{
    if (require(reader, value, QTL_YAML_SCALAR, "time_zone", "a name such as `Europe/Berlin`")) {
        qtl_rule_builder_time_zone(reader->builder, value->source.text, value->place);
    }
}

/* Checked already, used with birthdays, which are to come. */
static void read_leap_birthday(struct reader *reader, const struct qtl_yaml_node *value)
{
    static const char expected[] = "`feb28` or `mar1`";
    if (!require(reader, value, QTL_YAML_SCALAR, "leap_birthday", expected)) {
        return;
    }
    const struct qtl_text text = value->source.text;
    if (!equals(text, "feb28") && !equals(text, "mar1")) {
        qtl_problems_add(reader->problems, value->place, "`%.*s` is no leap birthday; expected %s",
                         qtl_problems_cut(text), text.bytes, expected);
    }
}

static void read_top_key(struct reader *reader, enum top_key number,
                         const struct qtl_yaml_node *key)
{
    switch (number) {
    case TOP_TIME_ZONE:
        read_time_zone(reader, key->next);
        return;
    case TOP_LEAP_BIRTHDAY:
        read_leap_birthday(reader, key->next);
        return;
    case TOP_KINDS:
        read_kinds(reader, key->next);
        return;
    case TOP_RETENTION:
        read_retention(reader, key->next);
        return;
    case TOP_SEGMENTS:
        read_segments(reader, key->next);
        return;
    case TOP_RFM:
    case TOP_LADDERS:
        qtl_problems_add(reader->problems, key->place,
                         "`%s` comes with a later version; expected segments only",
                         top_names[number]);
        return;
    case TOP_KEYS:
        break;
    }
}

static void read_top(struct reader *reader, const struct qtl_yaml_node *root)
{
    const struct qtl_place start = {1, 1};
    bool has_segments = false; /* or a key that may have been meant for it */
    size_t count = 0;
    if (root == NULL || (root->type == QTL_YAML_SCALAR && root->source.text.length == 0)) {
        qtl_problems_add(reader->problems, start, "the file is empty; expected `segments:`");
        return;
    }
    if (root->type != QTL_YAML_MAPPING) {
        qtl_problems_add(reader->problems, root->place, "the file is %s; expected `segments:`",
                         qtl_yaml_tree_words(root));
        return;
    }
    for (const struct qtl_yaml_node *key = NULL;
         (key = qtl_yaml_keys_next(reader->problems, root, key, &count)) != NULL;) {
        const int number = find_key(reader, &top_keys, key);
        has_segments = has_segments || number == TOP_SEGMENTS || number < 0;
        if (number >= 0) {
            read_top_key(reader, (enum top_key)number, key);
        }
    }
    if (!has_segments) {
        qtl_problems_add(reader->problems, start,
                         "the file has no segments; expected `segments:` with at least one");
    }
}

enum qtl_status qtl_rule_file_parse(struct qtl_text file, struct qtl_rules **rules,
                                    struct qtl_problems *problems)
{
    struct qtl_yaml_tree *tree = NULL;
    *rules = NULL;
    enum qtl_status status = qtl_yaml_tree_parse(file, problems, &tree);
    if (status == QTL_OK) {
        struct reader reader = {.builder = qtl_rule_builder_new(problems), .problems = problems};
        read_top(&reader, qtl_yaml_tree_root(tree));
        status = qtl_rule_builder_finish(&reader.builder, qtl_rule_builder_version(file), rules);
    }
    qtl_yaml_tree_free(tree);
    qtl_problems_sort(problems);
    return status;
}

enum qtl_status qtl_rule_file_read(const char *path, struct qtl_rules **rules,
                                   struct qtl_problems *problems)
{
    *rules = NULL;
    struct qtl_text text = {NULL, 0};
    char *const bytes = qtl_yaml_file_read(path, "a rule file", &text, problems);
    const enum qtl_status status =
        bytes == NULL ? QTL_BAD_CONF : qtl_rule_file_parse(text, rules, problems);
    free(bytes);
    return status;
}

void qtl_rule_file_report(const char *path, const struct qtl_problems *problems, FILE *out)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct qtl_problem *const problem = &problems->items[i];
        if (problem->place.line > 0) {
            fprintf(out, "%s:%u:%u: %s\n", path, problem->place.line, problem->place.column,
                    problem->sentence);
        } else {
            fprintf(out, "%s: %s\n", path, problem->sentence);
        }
    }
    if (problems->dropped > 0) {
        fprintf(out, "%s: and %zu problems more\n", path, problems->dropped);
    }
}
