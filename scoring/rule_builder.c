/*
 * Expressions are kept as text until every segment is known: then in() and dwell() resolve while
 * they are parsed, forward or backward, and nothing is patched afterwards.
 *
 * Arrays are made at their limits and cut to size at the end, so that parsing never grows them.
 */
#include "scoring/rule_builder.h"

#include "scoring/base/assert.h"
#include "scoring/base/hash.h"
#include "scoring/expression.h"
#include "scoring/rule_order.h"

#include <stdlib.h>
#include <string.h>

#define HOLDOUT_SEED 3

struct qtl_rule_builder {
    struct qtl_rules *rules;
    struct qtl_problems *problems; /* borrowed */
    struct qtl_segment_source sources[QTL_SEGMENTS_MAX];
    bool too_many_kinds; /* reported once */
    bool too_many_segments;
    /* Of each segment's evidence: where it is mentioned first. */
    struct qtl_place *places[QTL_SEGMENTS_MAX];
    struct qtl_expression_context context;
};

static void *allocate(size_t count, size_t size)
{
    void *const memory = calloc(count, size);
    QTL_ASSERT(memory != NULL);
    return memory;
}

/* Gives back what lies behind `count` entries. */
static void *cut(void *memory, size_t count, size_t size)
{
    void *const smaller = realloc(memory, (count > 0 ? count : 1) * size);
    QTL_ASSERT(smaller != NULL);
    return smaller;
}

static char *copy_text(struct qtl_text text)
{
    char *const copy = strndup(text.length > 0 ? text.bytes : "", text.length);
    QTL_ASSERT(copy != NULL);
    return copy;
}

static void append_kind(struct qtl_rules *rules, struct qtl_text name)
{
    static const char sent[] = "_sent";
    const uint32_t length = sizeof(sent) - 1;
    QTL_ASSERT(rules->kind_count < QTL_KINDS_MAX);
    if (name.length >= length && memcmp(name.bytes + name.length - length, sent, length) == 0) {
        rules->kinds_sent |= UINT32_C(1) << rules->kind_count;
    }
    rules->kinds[rules->kind_count++] = copy_text(name);
}

static bool is_text(struct qtl_text text, const char *name)
{
    return strlen(name) == text.length && memcmp(name, text.bytes, text.length) == 0;
}

struct qtl_rule_builder *qtl_rule_builder_new(struct qtl_problems *problems)
{
    static const char *const known[] = {
#define QTL_KIND(name) #name,
#include "schemas/kinds.def"
#undef QTL_KIND
    };
    _Static_assert(sizeof(known) / sizeof(known[0]) <= QTL_KINDS_MAX, "more kinds than bits");
    struct qtl_rule_builder *const builder = allocate(1, sizeof(*builder));
    struct qtl_rules *const rules = allocate(1, sizeof(*rules));
    rules->retention_s = QTL_RETENTION_DEFAULT_S;
    rules->segments = allocate(QTL_SEGMENTS_MAX, sizeof(*rules->segments));
    rules->nodes = allocate(QTL_NODES_MAX, sizeof(*rules->nodes));
    rules->metrics = allocate(QTL_METRICS_MAX, sizeof(*rules->metrics));
    rules->time_zone = copy_text((struct qtl_text){"UTC", 3});
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        append_kind(rules, (struct qtl_text){known[i], (uint32_t)strlen(known[i])});
    }
    builder->rules = rules;
    builder->problems = problems;
    builder->context.rules = rules;
    builder->context.problems = problems;
    return builder;
}

void qtl_rule_builder_free(struct qtl_rule_builder *builder)
{
    if (builder == NULL) {
        return;
    }
    for (size_t i = 0; i < QTL_SEGMENTS_MAX; i++) {
        free(builder->places[i]);
    }
    qtl_rules_free(builder->rules);
    free(builder);
}

/* Whether a kind or a segment may have this name; reports why not. */
static bool check_name(struct qtl_rule_builder *builder, const char *what, struct qtl_text name,
                       struct qtl_place place)
{
    if (name.length == 0) {
        qtl_problems_add(builder->problems, place,
                         "the name of a %s is empty; expected letters, digits, `_` and `-`", what);
        return false;
    }
    if (name.length > QTL_RULE_NAME_MAX) {
        qtl_problems_add(builder->problems, place,
                         "the name of a %s has %u bytes; expected at most %d", what, name.length,
                         QTL_RULE_NAME_MAX);
        return false;
    }
    for (uint32_t i = 0; i < name.length; i++) {
        if (!qtl_lexer_is_name_byte(name.bytes[i])) {
            qtl_problems_add(builder->problems, place,
                             "`%.*s` is no name of a %s; expected letters, digits, `_` and `-` "
                             "only",
                             qtl_problems_cut(name), name.bytes, what);
            return false;
        }
    }
    return true;
}

void qtl_rule_builder_kind(struct qtl_rule_builder *builder, struct qtl_text name,
                           struct qtl_place place)
{
    struct qtl_rules *const rules = builder->rules;
    if (!check_name(builder, "kind", name, place)) {
        return;
    }
    if (is_text(name, "order") || is_text(name, "any")) {
        qtl_problems_add(builder->problems, place,
                         "`%.*s` has a meaning of its own in since(...); expected another name",
                         qtl_problems_cut(name), name.bytes);
        return;
    }
    /* Naming a built-in kind does no harm, and a file stays good when one of its kinds becomes
     * built in. */
    if (qtl_rules_kind(rules, name) >= 0) {
        return;
    }
    if (rules->kind_count == QTL_KINDS_MAX) {
        if (!builder->too_many_kinds) {
            qtl_problems_add(builder->problems, place,
                             "too many kinds of engagement; expected at most %d with the built-in "
                             "ones",
                             QTL_KINDS_MAX);
        }
        builder->too_many_kinds = true;
        return;
    }
    append_kind(rules, name);
}

void qtl_rule_builder_retention(struct qtl_rule_builder *builder, int64_t seconds,
                                struct qtl_place place)
{
    if (seconds <= 0 || seconds > QTL_DURATION_MAX_S) {
        qtl_problems_add(builder->problems, place,
                         "the retention is empty; expected a duration above 0 such as `400d`");
        return;
    }
    builder->rules->retention_s = seconds;
}

void qtl_rule_builder_time_zone(struct qtl_rule_builder *builder, struct qtl_text name,
                                struct qtl_place place)
{
    bool good = name.length > 0 && name.length <= QTL_RULE_NAME_MAX;
    for (uint32_t i = 0; good && i < name.length; i++) {
        const char byte = name.bytes[i];
        good = qtl_lexer_is_name_byte(byte) || byte == '/' || byte == '+';
    }
    if (!good) {
        qtl_problems_add(builder->problems, place,
                         "`%.*s` is no time zone; expected a name such as `Europe/Berlin` or "
                         "`UTC`",
                         qtl_problems_cut(name), name.length > 0 ? name.bytes : "");
        return;
    }
    free(builder->rules->time_zone);
    builder->rules->time_zone = copy_text(name);
}

void qtl_rule_builder_segment(struct qtl_rule_builder *builder,
                              const struct qtl_segment_source *segment)
{
    struct qtl_rules *const rules = builder->rules;
    QTL_ASSERT(segment->hold_s >= 0);
    QTL_ASSERT(segment->holdout_e4 <= 10000);
    if (!check_name(builder, "segment", segment->name, segment->place)) {
        return;
    }
    if (qtl_rules_segment(rules, segment->name) >= 0) {
        qtl_problems_add(builder->problems, segment->place,
                         "the segment `%.*s` is there already; expected another name",
                         qtl_problems_cut(segment->name), segment->name.bytes);
        return;
    }
    if (rules->segment_count == QTL_SEGMENTS_MAX) {
        if (!builder->too_many_segments) {
            qtl_problems_add(builder->problems, segment->place,
                             "too many segments; expected at most %d", QTL_SEGMENTS_MAX);
        }
        builder->too_many_segments = true;
        return;
    }
    builder->sources[rules->segment_count] = *segment;
    rules->segments[rules->segment_count++] = (struct qtl_segment){
        .name = copy_text(segment->name),
        .type = QTL_SEGMENT_FLAG,
        .when = QTL_NODE_NONE,
        .leave_when = QTL_NODE_NONE,
        .hold_s = segment->hold_s,
        .holdout_e4 = segment->holdout_e4,
        .holdout_salt = qtl_hash(segment->name.bytes, segment->name.length, HOLDOUT_SEED),
    };
}

/* Keeps the metrics that the rule names. */
static void keep_mentions(struct qtl_rule_builder *builder, uint16_t number)
{
    const struct qtl_expression_context *const context = &builder->context;
    struct qtl_segment *const segment = &builder->rules->segments[number];
    struct qtl_place *const places = allocate(context->mention_count + 1U, sizeof(*places));
    segment->evidence = allocate(context->mention_count + 1U, sizeof(*segment->evidence));
    segment->evidence_count = context->mention_count;
    for (uint16_t i = 0; i < context->mention_count; i++) {
        segment->evidence[i] = context->mentions[i].metric;
        places[i] = context->mentions[i].place;
    }
    builder->places[number] = places;
}

static void compile_segment(struct qtl_rule_builder *builder, uint16_t number)
{
    const struct qtl_segment_source *const source = &builder->sources[number];
    struct qtl_segment *const segment = &builder->rules->segments[number];
    builder->context.mention_count = 0;
    QTL_ASSERT(source->when.text.bytes != NULL || builder->problems->count > 0);
    if (source->when.text.bytes != NULL) {
        segment->when = qtl_expression_parse(&builder->context, &source->when);
    }
    if (source->leave_when.text.bytes != NULL) {
        segment->leave_when = qtl_expression_parse(&builder->context, &source->leave_when);
    }
    keep_mentions(builder, number);
}

enum qtl_status qtl_rule_builder_finish(struct qtl_rule_builder **builder, uint64_t version,
                                        struct qtl_rules **rules)
{
    struct qtl_rule_builder *const mine = *builder;
    struct qtl_rules *const built = mine->rules;
    *builder = NULL;
    *rules = NULL;
    for (uint16_t i = 0; i < built->segment_count; i++) {
        compile_segment(mine, i);
    }
    built->order = allocate(built->segment_count + 1U, sizeof(*built->order));
    qtl_rule_order_find(built, mine->places, mine->problems, built->order);
    built->segments = cut(built->segments, built->segment_count, sizeof(*built->segments));
    built->nodes = cut(built->nodes, built->node_count, sizeof(*built->nodes));
    built->metrics = cut(built->metrics, built->metric_count, sizeof(*built->metrics));
    built->version = version;
    enum qtl_status status = QTL_BAD_CONF;
    if (mine->problems->count == 0) {
        *rules = built;
        mine->rules = NULL;
        status = QTL_OK;
    }
    qtl_rule_builder_free(mine);
    return status;
}

uint64_t qtl_rule_builder_version(struct qtl_text file)
{
    return qtl_hash(file.length > 0 ? file.bytes : "", file.length, QTL_SCORING_VERSION);
}
