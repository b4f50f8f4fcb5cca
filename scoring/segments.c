/*
 * See segments.h. Rules are evaluated in the order of their references, but their transitions are
 * numbered and written in the order of the file, so changes are gathered first.
 *
 * Each rule keeps its own second of change. One whose second has not come, whose metrics the event
 * does not touch and whose named segments have not changed is what it was, and is passed over.
 *
 * Thread: the slice's owner.
 */
#include "scoring/segments.h"

#include "scoring/base/assert.h"
#include "scoring/base/hash.h"
#include "scoring/evaluator.h"

#include <stdlib.h>
#include <string.h>

/* A change of one segment within the evaluation under way. */
struct change {
    const struct qtl_evidence *evidence;
    uint16_t evidence_count;
    uint8_t from;
    bool changed;
};

/* What a rule looks at: a bit a kind of engagement, one for orders. */
#define LOOKS_AT_ORDERS (UINT64_C(1) << QTL_SUBJECT_ORDER)
#define LOOKS_AT_RULES (UINT64_C(1) << 63) /* every rule does: other rules touch it */

struct qtl_segments {
    const struct qtl_rules *rules; /* Immutable after new. */
    uint64_t *looks_at;            /* one a segment */
    struct qtl_evaluator *evaluator;
    struct change *changes; /* one a segment */
};

/* One evaluation under way. */
struct evaluation {
    struct qtl_segments *segments;
    struct qtl_customer *customer;
    uint8_t *states;
    uint32_t *nexts;
    struct qtl_outcome *outcome;
    uint64_t touched; /* by the event, or by other rules */
    int64_t second;
    int64_t next; /* of the rule at hand: the earliest second at which time alone may change it */
    unsigned changes;
};

/* What the transitions of one evaluation share. */
struct cause {
    enum qtl_cause cause;
    const struct qtl_event *event; /* NULL: the clock */
    const uint8_t *states;
};

/* What the metrics of a rule look at. */
static uint64_t subjects_of(const struct qtl_rules *rules, const struct qtl_segment *segment)
{
    const uint64_t kinds = (UINT64_C(1) << QTL_KINDS_MAX) - 1;
    uint64_t subjects = LOOKS_AT_RULES;
    for (uint16_t i = 0; i < segment->evidence_count; i++) {
        const struct qtl_metric *const metric = &rules->metrics[segment->evidence[i]];
        if (metric->subject < QTL_KINDS_MAX) {
            subjects |= UINT64_C(1) << metric->subject;
        } else if (metric->subject == QTL_SUBJECT_ANY) {
            subjects |= LOOKS_AT_ORDERS | kinds;
        } else {
            subjects |= LOOKS_AT_ORDERS; /* sums over orders, age; for in() once too often */
        }
    }
    return subjects;
}

static uint64_t touched_by(const struct qtl_event *event)
{
    switch ((enum qtl_stream)event->stream) {
    case QTL_STREAM_ORDERS:
        return LOOKS_AT_ORDERS;
    case QTL_STREAM_ENGAGEMENT:
        return UINT64_C(1) << event->kind;
    case QTL_STREAM_CUSTOMERS:
        return 0; /* attributes get a bit when they come */
    }
    QTL_UNREACHABLE("an event of no known stream");
}

struct qtl_segments *qtl_segments_new(const struct qtl_rules *rules)
{
    struct qtl_segments *const segments = calloc(1, sizeof(*segments));
    QTL_ASSERT(segments != NULL);
    segments->rules = rules;
    segments->evaluator = qtl_evaluator_new(rules);
    segments->changes = calloc(rules->segment_count + 1U, sizeof(*segments->changes));
    segments->looks_at = calloc(rules->segment_count + 1U, sizeof(*segments->looks_at));
    QTL_ASSERT(segments->changes != NULL && segments->looks_at != NULL);
    for (uint16_t i = 0; i < rules->segment_count; i++) {
        segments->looks_at[i] = subjects_of(rules, &rules->segments[i]);
    }
    return segments;
}

void qtl_segments_free(struct qtl_segments *segments)
{
    if (segments == NULL) {
        return;
    }
    qtl_evaluator_free(segments->evaluator);
    free(segments->changes);
    free(segments->looks_at);
    free(segments);
}

void qtl_segments_begin(const struct qtl_segments *segments, struct qtl_customer *customer,
                        int64_t second)
{
    for (uint16_t i = 0; i < segments->rules->segment_count; i++) {
        customer->since[i] = (uint32_t)second;
    }
}

static void look_again_at(struct evaluation *evaluation, int64_t second)
{
    if (second < evaluation->next) {
        evaluation->next = second;
    }
}

/* The state that a flag should have now. */
static uint8_t flag_state(struct evaluation *evaluation, const struct qtl_segment *segment,
                          uint8_t state)
{
    struct qtl_evaluator *const evaluator = evaluation->segments->evaluator;
    const bool has_leave = segment->leave_when != QTL_NODE_NONE;
    if (state == QTL_STATE_IN && has_leave) {
        const struct qtl_verdict leave = qtl_evaluator_condition(evaluator, segment->leave_when);
        look_again_at(evaluation, leave.next);
        return leave.holds ? QTL_STATE_OUT : QTL_STATE_IN;
    }
    const struct qtl_verdict when = qtl_evaluator_condition(evaluator, segment->when);
    look_again_at(evaluation, when.next);
    if (!when.holds || !has_leave) {
        return when.holds ? QTL_STATE_IN : QTL_STATE_OUT;
    }
    const struct qtl_verdict leave = qtl_evaluator_condition(evaluator, segment->leave_when);
    look_again_at(evaluation, leave.next);
    return leave.holds ? QTL_STATE_OUT : QTL_STATE_IN;
}

static void gather_evidence(struct evaluation *evaluation, const struct qtl_segment *segment,
                            struct change *change)
{
    struct qtl_evidence *const evidence = qtl_arena_take(
        &evaluation->outcome->arena, (segment->evidence_count + 1U) * sizeof(*evidence));
    change->evidence = evidence;
    change->evidence_count = 0;
    for (uint16_t i = 0; i < segment->evidence_count; i++) {
        const uint16_t metric = segment->evidence[i];
        const struct qtl_reading *const reading =
            qtl_evaluator_metric(evaluation->segments->evaluator, metric);
        const bool of_nothing =
            evaluation->segments->rules->metrics[metric].type == QTL_TYPE_INSTANT &&
            (reading->value == INT64_MIN || reading->value == INT64_MAX);
        if (reading->defined && !of_nothing) {
            evidence[change->evidence_count++] =
                (struct qtl_evidence){.metric = metric, .value = reading->value};
        }
    }
}

static uint32_t stored_second(int64_t second)
{
    return second >= QTL_NEVER ? QTL_NEVER : (uint32_t)second;
}

/* Whether a segment that the rule names has changed in this evaluation. */
static bool names_a_change(const struct evaluation *evaluation, const struct qtl_segment *segment)
{
    const struct qtl_rules *const rules = evaluation->segments->rules;
    for (uint16_t i = 0; evaluation->changes > 0 && i < segment->evidence_count; i++) {
        const struct qtl_metric *const metric = &rules->metrics[segment->evidence[i]];
        const bool names =
            metric->function == QTL_METRIC_IN || metric->function == QTL_METRIC_DWELL;
        if (names && evaluation->segments->changes[metric->segment].changed) {
            return true;
        }
    }
    return false;
}

/* Evaluates one rule; notes a change. */
static void evaluate_segment(struct evaluation *evaluation, uint16_t index)
{
    const struct qtl_segment *const segment = &evaluation->segments->rules->segments[index];
    struct change *const change = &evaluation->segments->changes[index];
    uint8_t *const stored = &evaluation->states[index];
    const uint8_t state = *stored & QTL_STATE_MASK;
    const int64_t held_until = evaluation->customer->since[index] + segment->hold_s;
    if ((*stored & QTL_STATE_CHANGED) != 0 && evaluation->second < held_until) {
        look_again_at(evaluation, held_until);
        return;
    }
    const uint8_t target = flag_state(evaluation, segment, state);
    if (target == state) {
        return;
    }
    gather_evidence(evaluation, segment, change);
    change->changed = true;
    change->from = state;
    *stored = target | QTL_STATE_CHANGED;
    evaluation->customer->since[index] = (uint32_t)evaluation->second;
    evaluation->changes++;
    /* What was looked at decided about the former state; the new one has its own terms. */
    if (segment->hold_s > 0) {
        look_again_at(evaluation, evaluation->second + segment->hold_s);
    } else {
        flag_state(evaluation, segment, target);
    }
}

/* Appends a decimal number; returns the new length. */
static size_t put_decimal(char *text, size_t length, uint32_t value)
{
    char digits[10];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (count > 0) {
        text[length++] = digits[--count];
    }
    return length;
}

/* customer id, 0, second of birth, 0, segment, 0, sequence: the bytes that the id is a hash of. */
static void set_id(struct qtl_transition *transition, const struct qtl_customer *customer,
                   const char *segment)
{
    char text[QTL_CUSTOMER_ID_BYTES_MAX + QTL_NAME_BYTES_MAX + 32];
    const size_t segment_bytes = strlen(segment);
    QTL_ASSERT(segment_bytes <= QTL_NAME_BYTES_MAX);
    memcpy(text, customer->id, customer->id_bytes);
    size_t length = customer->id_bytes;
    text[length++] = 0;
    length = put_decimal(text, length, customer->born);
    text[length++] = 0;
    memcpy(text + length, segment, segment_bytes);
    length += segment_bytes;
    text[length++] = 0;
    length = put_decimal(text, length, transition->sequence);
    const struct qtl_hash128 hash = qtl_hash_128(text, length);
    transition->id_high = hash.high;
    transition->id_low = hash.low;
}

static bool is_held_out(const struct qtl_customer *customer, const struct qtl_segment *segment)
{
    return segment->holdout_e4 > 0 &&
           qtl_hash(customer->id, customer->id_bytes, segment->holdout_salt) % QTL_E4 <
               segment->holdout_e4;
}

static void mix_decision(struct qtl_outcome *outcome, const struct qtl_customer *customer,
                         const char *segment, const struct qtl_transition *transition)
{
    const uint64_t words[] = {customer->hash, qtl_hash(segment, strlen(segment), 3), transition->to,
                              (uint64_t)transition->at, transition->sequence};
    qtl_outcome_mix(outcome, words, sizeof(words) / sizeof(words[0]));
}

/* A copy of the customer's states as they are now. */
static const uint8_t *copy_states(const struct evaluation *evaluation)
{
    const uint16_t count = evaluation->segments->rules->segment_count;
    uint8_t *const states = qtl_arena_take(&evaluation->outcome->arena, count);
    for (uint16_t i = 0; i < count; i++) {
        states[i] = evaluation->states[i] & QTL_STATE_MASK;
    }
    return states;
}

static void write_transition(struct evaluation *evaluation, uint16_t index,
                             const struct cause *cause)
{
    struct qtl_outcome *const outcome = evaluation->outcome;
    struct qtl_customer *const customer = evaluation->customer;
    const struct qtl_segment *const segment = &evaluation->segments->rules->segments[index];
    const struct change *const change = &evaluation->segments->changes[index];
    struct qtl_transition *const transition = qtl_outcome_add_transition(outcome);
    *transition = (struct qtl_transition){
        .customer_id =
            qtl_arena_copy(&outcome->arena, (struct qtl_text){customer->id, customer->id_bytes}),
        .evidence = change->evidence,
        .states = cause->states,
        .at = evaluation->second,
        .sequence = ++customer->sequence,
        .records_before = outcome->records,
        .segment = index,
        .from = change->from,
        .to = evaluation->states[index] & QTL_STATE_MASK,
        .cause = (uint8_t)cause->cause,
        .evidence_count = change->evidence_count,
        .holdout = is_held_out(customer, segment),
    };
    if (cause->event != NULL) {
        transition->cause_event_id = qtl_arena_copy(&outcome->arena, cause->event->event_id);
    }
    set_id(transition, customer, segment->name);
    mix_decision(outcome, customer, segment->name, transition);
}

static void set_deadline(const struct evaluation *evaluation)
{
    const uint16_t count = evaluation->segments->rules->segment_count;
    uint32_t deadline = QTL_NEVER;
    for (uint16_t i = 0; i < count; i++) {
        deadline = evaluation->nexts[i] < deadline ? evaluation->nexts[i] : deadline;
    }
    evaluation->customer->deadline = deadline;
}

/* Evaluates a rule where it may not be what it was. */
static void look_at_segment(struct evaluation *evaluation, uint16_t index)
{
    struct qtl_segments *const segments = evaluation->segments;
    segments->changes[index].changed = false;
    if ((evaluation->touched & segments->looks_at[index]) == 0 &&
        evaluation->nexts[index] > evaluation->second &&
        !names_a_change(evaluation, &segments->rules->segments[index])) {
        return;
    }
    evaluation->next = QTL_FOREVER;
    evaluate_segment(evaluation, index);
    QTL_ASSERT(evaluation->next > evaluation->second);
    evaluation->nexts[index] = stored_second(evaluation->next);
}

/* What an evaluation for this cause has to look at anew, besides what is due. */
static uint64_t touched_by_cause(enum qtl_cause cause, const struct qtl_event *event)
{
    if (event != NULL) {
        return touched_by(event);
    }
    return cause == QTL_CAUSE_CLOCK ? 0 : LOOKS_AT_RULES;
}

unsigned qtl_segments_evaluate(struct qtl_segments *segments, struct qtl_customer *customer,
                               int64_t second, enum qtl_cause cause, const struct qtl_event *event,
                               struct qtl_outcome *outcome)
{
    const struct qtl_rules *const rules = segments->rules;
    struct evaluation evaluation = {.segments = segments,
                                    .customer = customer,
                                    .states = qtl_customer_states(customer, rules->segment_count),
                                    .nexts = qtl_customer_next(customer, rules->segment_count),
                                    .outcome = outcome,
                                    .touched = touched_by_cause(cause, event),
                                    .second = second};
    const struct qtl_view view = {
        .rules = rules, .customer = customer, .states = evaluation.states, .second = second};
    qtl_evaluator_begin(segments->evaluator, &view);
    for (uint16_t i = 0; i < rules->segment_count; i++) {
        look_at_segment(&evaluation, rules->order[i]);
    }
    set_deadline(&evaluation);
    QTL_ASSERT(customer->deadline > second);
    if (evaluation.changes == 0) {
        return 0;
    }
    const struct cause origin = {
        .cause = cause, .event = event, .states = copy_states(&evaluation)};
    for (uint16_t i = 0; i < rules->segment_count; i++) {
        if (segments->changes[i].changed) {
            write_transition(&evaluation, i, &origin);
        }
    }
    return evaluation.changes;
}

void qtl_segments_take(const struct qtl_segments *segments, struct qtl_customer *customer,
                       const struct qtl_transition *decision, struct qtl_outcome *outcome)
{
    const uint16_t count = segments->rules->segment_count;
    QTL_ASSERT(decision->segment < count);
    qtl_customer_states(customer, count)[decision->segment] = decision->to | QTL_STATE_CHANGED;
    customer->since[decision->segment] = (uint32_t)decision->at;
    customer->sequence = decision->sequence;
    mix_decision(outcome, customer, segments->rules->segments[decision->segment].name, decision);
}

void qtl_segments_rearm(struct qtl_segments *segments, struct qtl_customer *customer,
                        int64_t second)
{
    const struct qtl_rules *const rules = segments->rules;
    struct evaluation evaluation = {.segments = segments,
                                    .customer = customer,
                                    .states = qtl_customer_states(customer, rules->segment_count),
                                    .nexts = qtl_customer_next(customer, rules->segment_count),
                                    .second = second};
    const struct qtl_view view = {
        .rules = rules, .customer = customer, .states = evaluation.states, .second = second};
    qtl_evaluator_begin(segments->evaluator, &view);
    for (uint16_t i = 0; i < rules->segment_count; i++) {
        const struct qtl_segment *const segment = &rules->segments[i];
        const int64_t held_until = customer->since[i] + segment->hold_s;
        const uint8_t stored = evaluation.states[i];
        evaluation.next = QTL_FOREVER;
        if ((stored & QTL_STATE_CHANGED) != 0 && second < held_until) {
            look_again_at(&evaluation, held_until);
        } else {
            flag_state(&evaluation, segment, stored & QTL_STATE_MASK);
        }
        evaluation.nexts[i] = stored_second(evaluation.next);
    }
    set_deadline(&evaluation);
}

void qtl_segments_read_metrics(struct qtl_segments *segments, struct qtl_customer *customer,
                               int64_t second,
                               void (*visit)(void *context, uint16_t metric, int64_t value),
                               void *context)
{
    const struct qtl_rules *const rules = segments->rules;
    const struct qtl_view view = {.rules = rules,
                                  .customer = customer,
                                  .states = qtl_customer_states(customer, rules->segment_count),
                                  .second = second};
    qtl_evaluator_begin(segments->evaluator, &view);
    for (uint16_t i = 0; i < rules->metric_count; i++) {
        const struct qtl_metric *const metric = &rules->metrics[i];
        if (metric->function == QTL_METRIC_IN || metric->function == QTL_METRIC_DWELL) {
            continue;
        }
        const struct qtl_reading *const reading = qtl_evaluator_metric(segments->evaluator, i);
        const bool of_nothing = metric->type == QTL_TYPE_INSTANT &&
                                (reading->value == INT64_MIN || reading->value == INT64_MAX);
        if (reading->defined && !of_nothing) {
            visit(context, i, reading->value);
        }
    }
}
