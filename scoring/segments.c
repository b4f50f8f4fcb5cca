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
#include "scoring/metric.h"

#include <stdlib.h>
#include <string.h>

/* A change of one segment within the evaluation under way. */
struct change {
    const struct qtl_evidence *evidence;
    uint16_t evidence_count;
    uint8_t from;
};

/* What of a rule never changes, ready for use. */
struct rule {
    const struct qtl_segment *segment;
    uint64_t name_hash;
    uint32_t name_bytes;
    uint16_t index; /* of the segment in the rules */
};

enum { SET_WORDS = QTL_SEGMENTS_MAX / 64 };

/* A set of rules, by their places in the order of evaluation, or of segments by their index. */
struct set {
    uint64_t words[SET_WORDS];
};

/* What an event touches: an engagement kind's number, or this. */
enum { TOUCHES_ORDERS = QTL_KINDS_MAX, TOUCHES = QTL_KINDS_MAX + 1 };

struct qtl_segments {
    const struct qtl_rules *rules; /* Immutable after new. */
    struct qtl_evaluator *evaluator;
    struct rule *rule;           /* in the order of evaluation */
    struct set *dependents;      /* of each of these, the rules that name its segment */
    uint16_t *place_of;          /* of a segment in that order */
    struct set touched[TOUCHES]; /* the rules that look at what an event of this sort touches */
    struct set all;
    unsigned words;         /* of a set that are used */
    struct change *changes; /* one a segment */
};

/* One evaluation under way. */
struct evaluation {
    struct qtl_segments *segments;
    struct qtl_customer *customer;
    uint8_t *states;
    uint32_t *nexts;
    struct qtl_outcome *outcome;
    struct qtl_view view;
    int64_t next; /* of the rule at hand: the earliest second at which time alone may change it */
    struct set waiting; /* rules to be evaluated yet */
    struct set changed; /* segments */
    unsigned changes;
};

/* What the transitions of one evaluation share. */
struct cause {
    enum qtl_cause cause;
    struct qtl_text event_id; /* in the outcome's arena, like the customer's */
    struct qtl_text customer_id;
    const uint8_t *states;
};

static void set_add(struct set *set, unsigned number)
{
    set->words[number / 64] |= UINT64_C(1) << number % 64;
}

/* Adds the rule at `place` to the sets of whatever its metrics look at. */
static void note_touches(struct qtl_segments *segments, unsigned place)
{
    const struct qtl_segment *const segment = segments->rule[place].segment;
    for (uint16_t i = 0; i < segment->evidence_count; i++) {
        const struct qtl_metric *const metric = &segments->rules->metrics[segment->evidence[i]];
        const bool names =
            metric->function == QTL_METRIC_IN || metric->function == QTL_METRIC_DWELL;
        if (names) {
            continue;
        }
        const bool any = metric->subject == QTL_SUBJECT_ANY;
        for (unsigned kind = 0; kind < QTL_KINDS_MAX; kind++) {
            if (any || metric->subject == kind) {
                set_add(&segments->touched[kind], place);
            }
        }
        if (any || metric->subject >= QTL_KINDS_MAX) {
            set_add(&segments->touched[TOUCHES_ORDERS], place);
        }
    }
}

/* Adds the rule at `place` to the dependents of those that it names. */
static void note_dependence(struct qtl_segments *segments, unsigned place)
{
    const struct qtl_segment *const segment = segments->rule[place].segment;
    for (uint16_t i = 0; i < segment->evidence_count; i++) {
        const struct qtl_metric *const metric = &segments->rules->metrics[segment->evidence[i]];
        if (metric->function != QTL_METRIC_IN && metric->function != QTL_METRIC_DWELL) {
            continue;
        }
        for (unsigned other = 0; other < place; other++) {
            if (segments->rule[other].index == metric->segment) {
                set_add(&segments->dependents[other], place);
            }
        }
    }
}

struct qtl_segments *qtl_segments_new(const struct qtl_rules *rules)
{
    struct qtl_segments *const segments = calloc(1, sizeof(*segments));
    QTL_ASSERT(segments != NULL && rules->segment_count <= QTL_SEGMENTS_MAX);
    segments->rules = rules;
    segments->evaluator = qtl_evaluator_new(rules);
    segments->words = (rules->segment_count + 63U) / 64;
    segments->changes = calloc(rules->segment_count + 1U, sizeof(*segments->changes));
    segments->rule = calloc(rules->segment_count + 1U, sizeof(*segments->rule));
    segments->dependents = calloc(rules->segment_count + 1U, sizeof(*segments->dependents));
    segments->place_of = calloc(rules->segment_count + 1U, sizeof(*segments->place_of));
    QTL_ASSERT(segments->changes != NULL && segments->place_of != NULL);
    QTL_ASSERT(segments->rule != NULL && segments->dependents != NULL);
    for (uint16_t place = 0; place < rules->segment_count; place++) {
        const struct qtl_segment *const segment = &rules->segments[rules->order[place]];
        const size_t name_bytes = strlen(segment->name);
        QTL_ASSERT(name_bytes <= QTL_NAME_BYTES_MAX);
        segments->rule[place] = (struct rule){.segment = segment,
                                              .name_hash = qtl_hash(segment->name, name_bytes, 3),
                                              .name_bytes = (uint32_t)name_bytes,
                                              .index = rules->order[place]};
        segments->place_of[rules->order[place]] = place;
        set_add(&segments->all, place);
        note_touches(segments, place);
        note_dependence(segments, place);
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
    free(segments->rule);
    free(segments->place_of);
    free(segments->dependents);
    free(segments);
}

void qtl_segments_begin(const struct qtl_segments *segments, struct qtl_customer *customer,
                        int64_t second)
{
    for (uint16_t i = 0; i < segments->rules->segment_count; i++) {
        customer->since[i] = (uint32_t)second;
    }
    customer->deadline = 0; /* all is due */
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
    const struct qtl_evaluator *const evaluator = evaluation->segments->evaluator;
    const struct qtl_view *const view = &evaluation->view;
    const bool has_leave = segment->leave_when != QTL_NODE_NONE;
    if (state == QTL_STATE_IN && has_leave) {
        const struct qtl_verdict leave =
            qtl_evaluator_condition(evaluator, view, segment->leave_when);
        look_again_at(evaluation, leave.next);
        return leave.holds ? QTL_STATE_OUT : QTL_STATE_IN;
    }
    const struct qtl_verdict when = qtl_evaluator_condition(evaluator, view, segment->when);
    look_again_at(evaluation, when.next);
    if (!when.holds || !has_leave) {
        return when.holds ? QTL_STATE_IN : QTL_STATE_OUT;
    }
    const struct qtl_verdict leave = qtl_evaluator_condition(evaluator, view, segment->leave_when);
    look_again_at(evaluation, leave.next);
    return leave.holds ? QTL_STATE_OUT : QTL_STATE_IN;
}

/* Undefined, and the last or first of nothing, are left out. */
static bool is_known(const struct qtl_metric *metric, const struct qtl_reading *reading)
{
    const bool of_nothing = metric->type == QTL_TYPE_INSTANT &&
                            (reading->value == INT64_MIN || reading->value == INT64_MAX);
    return reading->defined && !of_nothing;
}

static void gather_evidence(struct evaluation *evaluation, const struct qtl_segment *segment,
                            struct change *change)
{
    struct qtl_evidence *const evidence = qtl_arena_take(
        &evaluation->outcome->arena, (segment->evidence_count + 1U) * sizeof(*evidence));
    change->evidence = evidence;
    change->evidence_count = 0;
    for (uint16_t i = 0; i < segment->evidence_count; i++) {
        const uint16_t number = segment->evidence[i];
        const struct qtl_metric *const metric = &evaluation->view.rules->metrics[number];
        const struct qtl_reading reading = qtl_metric_read(&evaluation->view, metric);
        if (is_known(metric, &reading)) {
            evidence[change->evidence_count++] =
                (struct qtl_evidence){.metric = number, .value = reading.value};
        }
    }
}

static uint32_t stored_second(int64_t second)
{
    return second >= QTL_NEVER ? QTL_NEVER : (uint32_t)second;
}

/* Evaluates one rule; notes a change, and who names it. */
static void evaluate_segment(struct evaluation *evaluation, unsigned place)
{
    struct qtl_segments *const segments = evaluation->segments;
    const struct qtl_segment *const segment = segments->rule[place].segment;
    const uint16_t index = segments->rule[place].index;
    const int64_t second = evaluation->view.second;
    const uint8_t stored = evaluation->states[index];
    const uint8_t state = stored & QTL_STATE_MASK;
    if (segment->hold_s > 0 && (stored & QTL_STATE_CHANGED) != 0) {
        const int64_t held_until = evaluation->customer->since[index] + segment->hold_s;
        if (second < held_until) {
            look_again_at(evaluation, held_until);
            return;
        }
    }
    const uint8_t target = flag_state(evaluation, segment, state);
    if (target == state) {
        return;
    }
    struct change *const change = &segments->changes[index];
    gather_evidence(evaluation, segment, change);
    change->from = state;
    set_add(&evaluation->changed, index);
    evaluation->states[index] = target | QTL_STATE_CHANGED;
    evaluation->customer->since[index] = (uint32_t)second;
    evaluation->changes++;
    for (unsigned word = 0; word < segments->words; word++) {
        evaluation->waiting.words[word] |= segments->dependents[place].words[word];
    }
    /* What was looked at decided about the former state; the new one has its own terms. */
    evaluation->next = QTL_FOREVER;
    if (segment->hold_s > 0) {
        look_again_at(evaluation, second + segment->hold_s);
    } else {
        flag_state(evaluation, segment, target);
    }
}

enum { DIGITS_MAX = 10 };

/* Appends a decimal number; returns where it ends. DIGITS_MAX bytes are written whatever it is. */
static char *put_decimal(char *text, uint32_t value)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";
    char digits[2 * DIGITS_MAX] = {0};
    size_t first = DIGITS_MAX;
    for (; value >= 100; value /= 100) {
        first -= 2;
        memcpy(digits + first, pairs + value % 100 * 2, 2);
    }
    first -= 2;
    memcpy(digits + first, pairs + value * 2, 2);
    first += value < 10 ? 1U : 0U; /* its zero in front */
    memcpy(text, digits + first, DIGITS_MAX);
    return text + DIGITS_MAX - first;
}

/* customer id, 0, second of birth, 0, segment, 0, sequence: the bytes that the id is a hash of. */
static void set_id(struct qtl_transition *transition, const struct qtl_customer *customer,
                   const struct rule *rule)
{
    char text[QTL_CUSTOMER_ID_BYTES_MAX + QTL_NAME_BYTES_MAX + 4 * DIGITS_MAX];
    const struct qtl_text id = transition->customer_id;
    memcpy(text, id.bytes, id.length);
    char *end = text + id.length;
    *end++ = 0;
    end = put_decimal(end, customer->born);
    *end++ = 0;
    memcpy(end, rule->segment->name, rule->name_bytes);
    end += rule->name_bytes;
    *end++ = 0;
    end = put_decimal(end, transition->sequence);
    const struct qtl_hash128 hash = qtl_hash_128(text, (size_t)(end - text));
    transition->id_high = hash.high;
    transition->id_low = hash.low;
}

static bool is_held_out(struct qtl_text id, const struct qtl_segment *segment)
{
    return segment->holdout_e4 > 0 &&
           qtl_hash(id.bytes, id.length, segment->holdout_salt) % QTL_E4 < segment->holdout_e4;
}

static void mix_decision(struct qtl_outcome *outcome, const struct qtl_customer *customer,
                         const struct rule *rule, const struct qtl_transition *transition)
{
    qtl_outcome_mix(outcome, customer->hash ^ rule->name_hash);
    qtl_outcome_mix(outcome, (uint64_t)transition->at << 8 | transition->to);
    qtl_outcome_mix(outcome, transition->sequence);
}

/* A copy of the customer's states as they are now. */
static const uint8_t *copy_states(const struct evaluation *evaluation)
{
    const uint16_t count = evaluation->view.rules->segment_count;
    uint8_t *const states = qtl_arena_take(&evaluation->outcome->arena, count);
    for (uint16_t i = 0; i < count; i++) {
        states[i] = evaluation->states[i] & QTL_STATE_MASK;
    }
    return states;
}

static void write_transition(struct evaluation *evaluation, const struct rule *rule,
                             const struct cause *cause)
{
    struct qtl_outcome *const outcome = evaluation->outcome;
    struct qtl_customer *const customer = evaluation->customer;
    const struct change *const change = &evaluation->segments->changes[rule->index];
    struct qtl_transition *const transition = qtl_outcome_add_transition(outcome);
    *transition = (struct qtl_transition){
        .customer_id = cause->customer_id,
        .cause_event_id = cause->event_id,
        .evidence = change->evidence,
        .states = cause->states,
        .at = evaluation->view.second,
        .sequence = ++customer->sequence,
        .records_before = outcome->records,
        .segment = rule->index,
        .from = change->from,
        .to = evaluation->states[rule->index] & QTL_STATE_MASK,
        .cause = (uint8_t)cause->cause,
        .evidence_count = change->evidence_count,
        .holdout = is_held_out(cause->customer_id, rule->segment),
    };
    set_id(transition, customer, rule);
    mix_decision(outcome, customer, rule, transition);
}

/* The rule of a segment. */
static const struct rule *rule_of(const struct qtl_segments *segments, uint16_t index)
{
    return &segments->rule[segments->place_of[index]];
}

/* In the order of the file. */
static void write_transitions(struct evaluation *evaluation, enum qtl_cause cause,
                              const struct qtl_event *event)
{
    struct qtl_arena *const arena = &evaluation->outcome->arena;
    const struct cause origin = {.cause = cause,
                                 .customer_id =
                                     qtl_arena_copy(arena, qtl_customer_id(evaluation->customer)),
                                 .event_id = event == NULL ? (struct qtl_text){NULL, 0}
                                                           : qtl_arena_copy(arena, event->event_id),
                                 .states = copy_states(evaluation)};
    for (unsigned word = 0; word < evaluation->segments->words; word++) {
        for (uint64_t bits = evaluation->changed.words[word]; bits != 0; bits &= bits - 1) {
            const unsigned index = word * 64 + (unsigned)__builtin_ctzll(bits);
            write_transition(evaluation, rule_of(evaluation->segments, (uint16_t)index), &origin);
        }
    }
}

static void set_deadline(const struct evaluation *evaluation)
{
    const uint16_t count = evaluation->view.rules->segment_count;
    uint32_t deadline = QTL_NEVER;
    for (uint16_t i = 0; i < count; i++) {
        deadline = evaluation->nexts[i] < deadline ? evaluation->nexts[i] : deadline;
    }
    evaluation->customer->deadline = deadline;
}

/* The rules that may not be what they were: what the cause touches, and what is due. Whether there
 * are any. */
static bool gather_waiting(struct evaluation *evaluation, enum qtl_cause cause,
                           const struct qtl_event *event)
{
    static const struct set none;
    const struct qtl_segments *const segments = evaluation->segments;
    const struct set *touched = cause == QTL_CAUSE_CLOCK ? &none : &segments->all;
    if (event != NULL) {
        const bool is_profile = event->stream == QTL_STREAM_CUSTOMERS; /* attributes are to come */
        const unsigned sort =
            event->stream == QTL_STREAM_ENGAGEMENT ? event->kind : (unsigned)TOUCHES_ORDERS;
        touched = is_profile ? &none : &segments->touched[sort];
    }
    uint64_t any = 0;
    for (unsigned word = 0; word < segments->words; word++) {
        evaluation->waiting.words[word] = touched->words[word];
        any |= touched->words[word];
    }
    if (evaluation->customer->deadline > evaluation->view.second) {
        return any != 0;
    }
    for (uint16_t place = 0; place < evaluation->view.rules->segment_count; place++) {
        if (evaluation->nexts[segments->rule[place].index] <= evaluation->view.second) {
            set_add(&evaluation->waiting, place);
        }
    }
    return true;
}

/* A rule's change makes those that name it wait, all behind it in the order. */
static void evaluate_waiting(struct evaluation *evaluation)
{
    for (unsigned word = 0; word < evaluation->segments->words; word++) {
        uint64_t *const bits = &evaluation->waiting.words[word];
        while (*bits != 0) {
            const unsigned place = word * 64 + (unsigned)__builtin_ctzll(*bits);
            *bits &= *bits - 1;
            evaluation->next = QTL_FOREVER;
            evaluate_segment(evaluation, place);
            QTL_ASSERT(evaluation->next > evaluation->view.second);
            evaluation->nexts[evaluation->segments->rule[place].index] =
                stored_second(evaluation->next);
        }
    }
}

static void begin(struct evaluation *evaluation, struct qtl_segments *segments,
                  struct qtl_customer *customer, int64_t second)
{
    const struct qtl_rules *const rules = segments->rules;
    evaluation->segments = segments;
    evaluation->customer = customer;
    evaluation->states = qtl_customer_states(customer, rules->segment_count);
    evaluation->nexts = qtl_customer_next(customer, rules->segment_count);
    evaluation->outcome = NULL;
    evaluation->view = (struct qtl_view){
        .rules = rules, .customer = customer, .states = evaluation->states, .second = second};
    evaluation->waiting = evaluation->changed = (struct set){{0}};
    evaluation->changes = 0;
}

unsigned qtl_segments_evaluate(struct qtl_segments *segments, struct qtl_customer *customer,
                               int64_t second, enum qtl_cause cause, const struct qtl_event *event,
                               struct qtl_outcome *outcome)
{
    struct evaluation evaluation;
    begin(&evaluation, segments, customer, second);
    evaluation.outcome = outcome;
    if (!gather_waiting(&evaluation, cause, event)) {
        return 0;
    }
    evaluate_waiting(&evaluation);
    set_deadline(&evaluation);
    QTL_ASSERT(customer->deadline > second);
    if (evaluation.changes > 0) {
        write_transitions(&evaluation, cause, event);
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
    mix_decision(outcome, customer, rule_of(segments, decision->segment), decision);
}

void qtl_segments_rearm(struct qtl_segments *segments, struct qtl_customer *customer,
                        int64_t second)
{
    const struct qtl_rules *const rules = segments->rules;
    struct evaluation evaluation;
    begin(&evaluation, segments, customer, second);
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
    for (uint16_t i = 0; i < rules->metric_count; i++) {
        const struct qtl_metric *const metric = &rules->metrics[i];
        if (metric->function == QTL_METRIC_IN || metric->function == QTL_METRIC_DWELL) {
            continue;
        }
        const struct qtl_reading reading = qtl_metric_read(&view, metric);
        if (is_known(metric, &reading)) {
            visit(context, i, reading.value);
        }
    }
}
