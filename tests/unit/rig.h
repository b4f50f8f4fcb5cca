/*
 * A slice on the bench: rules from text, events from a line of code, and the transitions that come
 * out as lines of text, with times counted from RIG_START:
 *
 *   customer sequence segment state @seconds cause
 *
 * For the tests of scoring/. Each test has a rig of its own.
 */
#ifndef QTL_TESTS_UNIT_RIG_H
#define QTL_TESTS_UNIT_RIG_H

#include "consumer/rule_file.h"
#include "scoring/base/assert.h"
#include "scoring/base/hash.h"
#include "scoring/slice.h"
#include "tests/unit/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RIG_START INT64_C(1767225600) /* 2026-01-01; every test counts from here */
#define RIG_DAY INT64_C(86400)

struct rig_line {
    int64_t at;
    uint32_t sequence;
    char customer[24];
    char text[120];
};

struct rig {
    struct qtl_rules *rules;
    struct qtl_slice *slice;
    struct qtl_outcome outcome;
    struct rig_line *lines;
    size_t line_count;
    size_t line_capacity;
    size_t rejects;
    char *text; /* of rig_changes() */
};

static inline struct qtl_text rig_text(const char *text)
{
    return (struct qtl_text){text, (uint32_t)strlen(text)};
}

static inline struct qtl_rules *rig_rules(const char *file)
{
    struct qtl_rules *rules = NULL;
    struct qtl_problems problems = {0};
    if (qtl_rule_file_parse(rig_text(file), &rules, &problems) != QTL_OK) {
        qtl_rule_file_report("rules", &problems, stderr);
    }
    assert_non_null(rules);
    qtl_problems_fini(&problems);
    return rules;
}

static inline struct rig rig_start(const char *file)
{
    struct rig rig = {.rules = rig_rules(file)};
    const struct qtl_slice_settings settings = {.rules = rig.rules, .duplicate_horizon_s = 600};
    rig.slice = qtl_slice_new(&settings);
    return rig;
}

static inline void rig_stop(struct rig *rig)
{
    qtl_slice_free(rig->slice);
    qtl_outcome_fini(&rig->outcome);
    qtl_rules_free(rig->rules);
    free(rig->lines);
    free(rig->text);
}

/* ---- events; texts are borrowed, times count from RIG_START ------------------------------------
 */

static inline struct qtl_event rig_event(enum qtl_stream stream, unsigned kind,
                                         const char *customer, int64_t at)
{
    return (struct qtl_event){.stream = (uint8_t)stream,
                              .kind = (uint8_t)kind,
                              .customer_id = rig_text(customer),
                              .occurred_at = RIG_START + at,
                              .placed_at = QTL_TIME_ABSENT,
                              .stamp = RIG_START + at,
                              .items_e4 = QTL_E4};
}

/* An order record of `kind` for an amount in whole units. */
static inline struct qtl_event rig_order_record(enum qtl_order_kind kind, const char *customer,
                                                int64_t at, const char *order, int64_t amount)
{
    struct qtl_event event = rig_event(QTL_STREAM_ORDERS, kind, customer, at);
    event.order_id = rig_text(order);
    event.amount_e4 = amount * QTL_E4;
    qtl_event_seal(&event);
    return event;
}

static inline struct qtl_event rig_order(const char *customer, int64_t at, const char *order,
                                         int64_t amount)
{
    return rig_order_record(QTL_ORDER_PLACED, customer, at, order, amount);
}

/* `id` may be empty. */
static inline struct qtl_event rig_engagement(const struct rig *rig, const char *customer,
                                              int64_t at, const char *kind, const char *id)
{
    const int number = qtl_rules_kind(rig->rules, rig_text(kind));
    assert_true(number >= 0);
    struct qtl_event event = rig_event(QTL_STREAM_ENGAGEMENT, (unsigned)number, customer, at);
    event.event_id = rig_text(id);
    event.items_e4 = 0;
    qtl_event_seal(&event);
    return event;
}

/* ---- epochs ------------------------------------------------------------------------------------
 */

static inline void rig_keep(struct rig *rig, const struct qtl_transition *transition)
{
    if (rig->line_count == rig->line_capacity) {
        rig->line_capacity = rig->line_capacity * 2 + 64;
        rig->lines = realloc(rig->lines, rig->line_capacity * sizeof(*rig->lines));
        assert_non_null(rig->lines);
    }
    struct rig_line *const line = &rig->lines[rig->line_count++];
    *line = (struct rig_line){.at = transition->at, .sequence = transition->sequence};
    assert_true(transition->customer_id.length < sizeof(line->customer));
    memcpy(line->customer, transition->customer_id.bytes, transition->customer_id.length);
    static const char *const causes[] = {
#define QTL_CAUSE(name, text) text,
#include "schemas/causes.def"
#undef QTL_CAUSE
    };
    snprintf(line->text, sizeof(line->text), "%s %" PRIu32 " %s %s @%" PRId64 " %s\n",
             line->customer, transition->sequence, rig->rules->segments[transition->segment].name,
             qtl_rules_state_name(rig->rules, transition->segment, transition->to),
             transition->at - RIG_START, causes[transition->cause]);
}

static inline void rig_apply_input(struct rig *rig, const struct qtl_slice_input *input)
{
    qtl_outcome_reset(&rig->outcome);
    qtl_slice_apply(rig->slice, input, &rig->outcome);
    for (size_t i = 0; i < rig->outcome.transition_count; i++) {
        rig_keep(rig, &rig->outcome.transitions[i]);
    }
    rig->rejects += rig->outcome.reject_count;
}

/* One epoch: the events (each stream in the order given) and the clock after them, counted from
 * RIG_START. At most `max` deadlines. */
static inline void rig_epoch(struct rig *rig, struct qtl_event *events, size_t count, int64_t clock,
                             uint32_t max)
{
    struct qtl_event **const places = calloc(QTL_STREAMS * (count + 1), sizeof(*places));
    assert_non_null(places);
    struct qtl_slice_input input = {
        .wall = INT64_MAX, .clock = RIG_START + clock, .deadlines_max = max};
    for (size_t stream = 0; stream < QTL_STREAMS; stream++) {
        struct qtl_event **const list = places + stream * (count + 1);
        input.events[stream] = list;
        for (size_t i = 0; i < count; i++) {
            if (events[i].stream == stream) {
                list[input.counts[stream]++] = &events[i];
            }
        }
    }
    rig_apply_input(rig, &input);
    free(places);
}

static inline void rig_apply(struct rig *rig, struct qtl_event event)
{
    rig_epoch(rig, &event, 1, event.stamp - RIG_START, QTL_DEADLINES_MAX);
}

/* Lets time pass: an epoch that read something that is no event. */
static inline void rig_pass(struct rig *rig, int64_t clock)
{
    const struct qtl_slice_input input = {.wall = INT64_MAX,
                                          .clock = RIG_START + clock,
                                          .deadlines_max = QTL_DEADLINES_MAX,
                                          .has_read = true};
    rig_apply_input(rig, &input);
}

/* ---- what came out -----------------------------------------------------------------------------
 */

static inline int rig_compare(const void *left, const void *right)
{
    const struct rig_line *const a = left;
    const struct rig_line *const b = right;
    if (a->at != b->at) {
        return a->at < b->at ? -1 : 1;
    }
    const int order = strcmp(a->customer, b->customer);
    return order != 0 ? order : (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

/* All transitions so far as one text, sorted by (at, customer, sequence). Until the next call. */
static inline const char *rig_changes(struct rig *rig)
{
    if (rig->line_count > 1) {
        qsort(rig->lines, rig->line_count, sizeof(*rig->lines), rig_compare);
    }
    free(rig->text);
    rig->text = calloc(1, rig->line_count * sizeof(rig->lines->text) + 1);
    assert_non_null(rig->text);
    size_t length = 0;
    for (size_t i = 0; i < rig->line_count; i++) {
        const size_t bytes = strlen(rig->lines[i].text);
        memcpy(rig->text + length, rig->lines[i].text, bytes + 1);
        length += bytes;
    }
    return rig->text;
}

static inline struct qtl_customer *rig_customer(const struct rig *rig, const char *id)
{
    return qtl_slice_find(rig->slice, rig_text(id), qtl_hash(id, strlen(id), 0));
}

struct rig_wanted {
    uint16_t metric;
    int64_t value;
    bool defined;
};

static inline void rig_visit(void *context, uint16_t metric, int64_t value)
{
    struct rig_wanted *const wanted = context;
    if (metric == wanted->metric) {
        wanted->value = value;
        wanted->defined = true;
    }
}

#define RIG_UNDEFINED INT64_MIN

/* A customer's metric, by its canonical text, at a second from RIG_START; RIG_UNDEFINED. */
static inline int64_t rig_metric(const struct rig *rig, const char *customer, const char *metric,
                                 int64_t second)
{
    struct rig_wanted wanted = {.metric = 0};
    while (wanted.metric < rig->rules->metric_count &&
           strcmp(rig->rules->metrics[wanted.metric].text, metric) != 0) {
        wanted.metric++;
    }
    assert_true(wanted.metric < rig->rules->metric_count);
    struct qtl_customer *const found = rig_customer(rig, customer);
    assert_non_null(found);
    qtl_slice_read_metrics(rig->slice, found, RIG_START + second, rig_visit, &wanted);
    return wanted.defined ? wanted.value : RIG_UNDEFINED;
}

#endif
