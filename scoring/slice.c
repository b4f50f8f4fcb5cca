/*
 * See slice.h. The order within an epoch: records by (merge second, stream, offset), before each
 * the customer's own deadlines up to its merge second; at the end everybody's deadlines up to the
 * epoch's clock, by (second, id). Each customer's story is the same however the records are cut
 * into epochs.
 *
 * Records are applied in a software pipeline: the index entry, the record and the book of the
 * customers ahead are asked for while the present one is worked on.
 *
 * Thread: the slice's owner.
 */
#include "scoring/slice.h"

#include "schemas/status.h"
#include "scoring/base/assert.h"
#include "scoring/base/hash.h"
#include "scoring/base/pool.h"
#include "scoring/history.h"
#include "scoring/merge.h"
#include "scoring/segments.h"
#include "scoring/timers.h"

#include <stdlib.h>
#include <string.h>

/* How far ahead of the record at hand what is asked for: far enough for memory to answer, near
 * enough not to be pushed out again. */
enum {
    AHEAD_EVENT = 24,
    AHEAD_INDEX = 20,
    AHEAD_RECORD = 12,
    AHEAD_BOOK = 6,
    GUESSES = 16, /* more than AHEAD_RECORD */
    AHEAD_DUE = 32
};

/* A record on its way in, with what is needed of it before it is looked at. */
struct arrival {
    struct qtl_event *event;
    uint64_t customer_hash;
    int64_t merge_second;
};

struct qtl_slice {
    const struct qtl_rules *rules; /* Immutable after new. */
    struct qtl_pool *pool;
    struct qtl_customers *customers;
    struct qtl_timers *timers;
    struct qtl_segments *segments;
    struct qtl_history history;
    int64_t clock;
    int64_t last_merge[QTL_STREAMS]; /* of each partition */
    bool sweep_waits;
    /* Recovery only. Until rearm() a customer's `armed` holds the number of settle() calls before
     * it was last evaluated: who was not since the last one has nothing left over. */
    int64_t settled_clock;
    uint32_t settled;
    struct arrival *arrivals[QTL_STREAMS]; /* scratch: the epoch's records of each stream */
    size_t arrival_capacity[QTL_STREAMS];
    struct arrival *merged; /* scratch: all of them in merge order */
    size_t merged_capacity;
    /* The customers of the records ahead, as the index has them; NULL: not known yet. */
    struct qtl_customer *guesses[GUESSES];
    uint32_t asked_until;      /* deadlines up to this second were asked for */
    struct qtl_customer **due; /* scratch: the customers whose deadline is one second */
    size_t due_capacity;
};

struct qtl_slice *qtl_slice_new(const struct qtl_slice_settings *settings)
{
    struct qtl_slice *const slice = calloc(1, sizeof(*slice));
    QTL_ASSERT(slice != NULL);
    slice->rules = settings->rules;
    slice->pool = qtl_pool_new();
    slice->customers = qtl_customers_new(settings->rules->segment_count, slice->pool);
    slice->timers = qtl_timers_new();
    slice->segments = qtl_segments_new(settings->rules);
    slice->history = (struct qtl_history){.pool = slice->pool,
                                          .retention_s = settings->rules->retention_s,
                                          .duplicate_horizon_s = settings->duplicate_horizon_s};
    return slice;
}

void qtl_slice_free(struct qtl_slice *slice)
{
    if (slice == NULL) {
        return;
    }
    qtl_segments_free(slice->segments);
    qtl_timers_free(slice->timers);
    qtl_customers_free(slice->customers);
    qtl_pool_free(slice->pool);
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        free(slice->arrivals[stream]);
    }
    free(slice->merged);
    free(slice->due);
    free(slice);
}

static void reserve(struct arrival **arrivals, size_t *capacity, size_t count)
{
    if (count > *capacity) {
        struct arrival *const grown = realloc(*arrivals, count * sizeof(*grown));
        QTL_ASSERT(grown != NULL);
        *arrivals = grown;
        *capacity = count;
    }
}

/* Fills the arrivals of one stream; sets the events' merge seconds. */
static void receive(struct qtl_slice *slice, const struct qtl_slice_input *input, int stream)
{
    const size_t count = input->counts[stream];
    reserve(&slice->arrivals[stream], &slice->arrival_capacity[stream], count);
    int64_t last = slice->last_merge[stream];
    for (size_t i = 0; i < count; i++) {
        struct qtl_event *const event = input->events[stream][i];
        QTL_ASSERT(event->stream == stream);
        last = qtl_merge_second(event, last > slice->clock ? last : slice->clock, input->wall);
        event->merge_second = last;
        if (event->occurred_at == QTL_TIME_ABSENT) {
            event->occurred_at = last; /* a profile without a time */
        }
        slice->arrivals[stream][i] = (struct arrival){
            .event = event, .customer_hash = event->customer_hash, .merge_second = last};
    }
    slice->last_merge[stream] = last;
}

/* Fills slice->merged; returns how many. Within one partition merge seconds never fall. */
static size_t merge(struct qtl_slice *slice, const struct qtl_slice_input *input)
{
    const struct arrival *next[QTL_STREAMS];
    const struct arrival *end[QTL_STREAMS];
    int64_t second[QTL_STREAMS]; /* of the next; INT64_MAX behind the last */
    size_t total = 0;
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        receive(slice, input, stream);
        next[stream] = slice->arrivals[stream];
        end[stream] = next[stream] + input->counts[stream];
        second[stream] = next[stream] == end[stream] ? INT64_MAX : next[stream]->merge_second;
        total += input->counts[stream];
    }
    reserve(&slice->merged, &slice->merged_capacity, total);
    for (size_t i = 0; i < total; i++) {
        int best = 0;
        for (int stream = 1; stream < QTL_STREAMS; stream++) {
            best = second[stream] < second[best] ? stream : best;
        }
        QTL_ASSERT(second[best] != INT64_MAX);
        slice->merged[i] = *next[best]++;
        second[best] = next[best] == end[best] ? INT64_MAX : next[best]->merge_second;
    }
    return total;
}

static void prefetch_ahead(struct qtl_slice *slice, size_t at, size_t total)
{
    const struct arrival *const merged = slice->merged + at;
    if (at + AHEAD_EVENT < total) {
        const char *const event = (const char *)merged[AHEAD_EVENT].event;
        __builtin_prefetch(event);
        __builtin_prefetch(event + 64);
        __builtin_prefetch(event + 128);
    }
    if (at + AHEAD_INDEX < total) {
        qtl_customers_prefetch(slice->customers, merged[AHEAD_INDEX].customer_hash);
    }
    struct qtl_customer *customer = NULL;
    if (at + AHEAD_RECORD < total) {
        customer = qtl_customers_guess(slice->customers, merged[AHEAD_RECORD].customer_hash);
        __builtin_prefetch(merged[AHEAD_RECORD].event->customer_id.bytes);
    }
    slice->guesses[(at + AHEAD_RECORD) % GUESSES] = customer;
    if (customer != NULL) {
        qtl_customer_prefetch_record(customer);
    }
    const struct qtl_customer *const near = slice->guesses[(at + AHEAD_BOOK) % GUESSES];
    if (near != NULL) {
        qtl_customer_prefetch_book(near);
    }
}

/* Before the first record of an epoch: nothing is known of those ahead. */
static void forget_guesses(struct qtl_slice *slice)
{
    memset(slice->guesses, 0, sizeof(slice->guesses));
}

/* The customer of the record at hand, or NULL. */
static struct qtl_customer *find_customer(const struct qtl_slice *slice, size_t at)
{
    const struct qtl_event *const event = slice->merged[at].event;
    struct qtl_customer *const guess = slice->guesses[at % GUESSES];
    if (guess != NULL && qtl_customers_is(guess, event->customer_id, event->customer_hash)) {
        return guess;
    }
    return qtl_customers_find(slice->customers, event->customer_id, event->customer_hash);
}

/* The same for deadlines: those of the next seconds together, step by step. */
static void prefetch_due(struct qtl_slice *slice)
{
    if (qtl_timers_next(slice->timers) <= slice->asked_until) {
        return;
    }
    uint32_t numbers[AHEAD_DUE];
    const size_t count = qtl_timers_soon(slice->timers, numbers, AHEAD_DUE, &slice->asked_until);
    for (size_t i = 0; i < count; i++) {
        qtl_customer_prefetch_record(qtl_customers_at(slice->customers, numbers[i]));
    }
    for (size_t i = 0; i < count; i++) {
        qtl_customer_prefetch_book(qtl_customers_at(slice->customers, numbers[i]));
    }
}

/* Sees to it that a timer entry stands at or before the customer's deadline. */
static void arm(struct qtl_slice *slice, struct qtl_customer *customer)
{
    if (customer->deadline < customer->armed) {
        qtl_timers_arm(slice->timers, customer->deadline, customer->number);
        customer->armed = customer->deadline;
    }
}

/* One deadline, at its own second. One that changes nothing leaves the customer's clock. */
static void fire(struct qtl_slice *slice, struct qtl_customer *customer,
                 struct qtl_outcome *outcome)
{
    const uint32_t second = customer->deadline;
    const unsigned changes =
        qtl_segments_evaluate(slice->segments, customer, second, QTL_CAUSE_CLOCK, NULL, outcome);
    if (changes > 0) {
        QTL_ASSERT(second >= customer->clock);
        customer->clock = second;
    }
    outcome->deadlines++;
}

static void mix_record(struct qtl_outcome *outcome, const struct qtl_customer *customer,
                       const struct qtl_event *event)
{
    qtl_outcome_mix(outcome, customer->hash);
    qtl_outcome_mix(outcome, event->order_hash);
    qtl_outcome_mix(outcome, event->event_hash);
    qtl_outcome_mix(outcome, (uint64_t)event->amount_e4);
    qtl_outcome_mix(outcome,
                    (uint64_t)customer->clock << 32 | (uint64_t)(event->stream << 8 | event->kind));
}

/* Books a record for its customer, new or known; NULL where it was refused. */
static struct qtl_customer *book(struct qtl_slice *slice, const struct qtl_event *event,
                                 struct qtl_customer *customer, struct qtl_outcome *outcome)
{
    int64_t clock =
        event->occurred_at < event->merge_second ? event->occurred_at : event->merge_second;
    const bool is_new = customer == NULL;
    if (is_new) {
        customer = qtl_customers_add(slice->customers, event->customer_id, event->customer_hash);
        customer->born = (uint32_t)event->merge_second;
    } else if (customer->clock > clock) {
        clock = customer->clock;
    }
    const enum qtl_reason reason = qtl_history_book(&slice->history, customer, clock, event);
    if (reason != QTL_REASON_NONE) {
        QTL_ASSERT(!is_new); /* one record alone stays below every bound */
        qtl_outcome_add_reject(outcome, (struct qtl_reject){.event = event, .reason = reason});
        return NULL;
    }
    customer->clock = (uint32_t)clock;
    outcome->records++;
    if (is_new) {
        qtl_segments_begin(slice->segments, customer, clock);
    }
    mix_record(outcome, customer, event);
    return customer;
}

static enum qtl_cause cause_of(const struct qtl_event *event)
{
    static const enum qtl_cause causes[QTL_STREAMS] = {
        [QTL_STREAM_ORDERS] = QTL_CAUSE_ORDER,
        [QTL_STREAM_ENGAGEMENT] = QTL_CAUSE_ENGAGEMENT,
        [QTL_STREAM_CUSTOMERS] = QTL_CAUSE_PROFILE,
    };
    return causes[event->stream];
}

static void apply_record(struct qtl_slice *slice, size_t at, struct qtl_outcome *outcome)
{
    const struct qtl_event *const event = slice->merged[at].event;
    struct qtl_customer *customer = find_customer(slice, at);
    while (customer != NULL && customer->deadline <= event->merge_second) {
        fire(slice, customer, outcome);
    }
    struct qtl_customer *const known = customer;
    customer = book(slice, event, customer, outcome);
    if (customer != NULL) {
        qtl_segments_evaluate(slice->segments, customer, customer->clock, cause_of(event), event,
                              outcome);
    }
    if (customer != NULL || known != NULL) {
        arm(slice, customer != NULL ? customer : known);
    }
}

static int compare_ids(const void *left, const void *right)
{
    const struct qtl_customer *const a = *(struct qtl_customer *const *)left;
    const struct qtl_customer *const b = *(struct qtl_customer *const *)right;
    return qtl_text_compare(qtl_customer_id(a), qtl_customer_id(b));
}

/* Of the timer entries of one second, the customers whose true deadline it is, by id. Others are
 * armed again. */
static size_t gather_due(struct qtl_slice *slice, uint32_t second, const uint32_t *numbers,
                         size_t count)
{
    if (count > slice->due_capacity) {
        struct qtl_customer **const grown = realloc(slice->due, count * sizeof(*grown));
        QTL_ASSERT(grown != NULL);
        slice->due = grown;
        slice->due_capacity = count;
    }
    size_t due = 0;
    for (size_t i = 0; i < count; i++) {
        if (i + AHEAD_RECORD < count) {
            __builtin_prefetch(qtl_customers_at(slice->customers, numbers[i + AHEAD_RECORD]));
        }
        struct qtl_customer *const customer = qtl_customers_at(slice->customers, numbers[i]);
        if (customer->armed != second) {
            continue; /* an entry that an earlier one overtook */
        }
        customer->armed = QTL_NEVER;
        QTL_ASSERT(customer->deadline >= second);
        if (customer->deadline == second) {
            slice->due[due++] = customer;
        } else {
            arm(slice, customer);
        }
    }
    if (due > 1) {
        qsort(slice->due, due, sizeof(*slice->due), compare_ids);
    }
    return due;
}

/* Fires everybody's deadlines up to `clock`, `max` of them at most; the rest stay armed. Returns
 * the clock that the slice has then. */
static int64_t advance(struct qtl_slice *slice, int64_t clock, uint32_t max,
                       struct qtl_outcome *outcome)
{
    const uint32_t upto = clock >= QTL_NEVER ? QTL_NEVER - 1 : (uint32_t)clock;
    uint32_t fired = 0;
    uint32_t second = 0;
    const uint32_t *numbers = NULL;
    while (qtl_timers_next(slice->timers) <= upto) {
        prefetch_due(slice);
        const size_t count = qtl_timers_take(slice->timers, upto, &second, &numbers);
        const size_t due = gather_due(slice, second, numbers, count);
        for (size_t i = 0; i < due; i++) {
            if (fired < max) {
                fire(slice, slice->due[i], outcome);
                fired++;
            } else {
                outcome->unfinished = true;
            }
            arm(slice, slice->due[i]);
        }
        if (outcome->unfinished) {
            return (int64_t)second - 1;
        }
    }
    return clock;
}

/* Evaluates every customer at `second`, in the order of their numbers. */
static void sweep(struct qtl_slice *slice, int64_t second, struct qtl_outcome *outcome)
{
    const uint32_t count = qtl_customers_count(slice->customers);
    for (uint32_t number = 0; number < count; number++) {
        struct qtl_customer *const customer = qtl_customers_at(slice->customers, number);
        QTL_ASSERT(customer->deadline > second); /* advance() fired what was due */
        if (second < customer->clock) {
            continue; /* evaluated under the present rules, later than this */
        }
        if (qtl_segments_evaluate(slice->segments, customer, second, QTL_CAUSE_RULES, NULL,
                                  outcome) > 0) {
            customer->clock = (uint32_t)second;
        }
        arm(slice, customer);
    }
    slice->sweep_waits = false;
    outcome->swept = true;
}

void qtl_slice_request_sweep(struct qtl_slice *slice)
{
    slice->sweep_waits = true;
}

void qtl_slice_apply(struct qtl_slice *slice, const struct qtl_slice_input *input,
                     struct qtl_outcome *outcome)
{
    const size_t total = merge(slice, input);
    forget_guesses(slice);
    for (size_t i = 0; i < total; i++) {
        prefetch_ahead(slice, i, total);
        apply_record(slice, i, outcome);
    }
    const int64_t target = input->clock > slice->clock ? input->clock : slice->clock;
    const int64_t reached = advance(slice, target, input->deadlines_max, outcome);
    if (slice->sweep_waits && input->is_live && !outcome->unfinished) {
        sweep(slice, reached, outcome);
    }
    outcome->sweep_waits = slice->sweep_waits;
    const bool has_record =
        total > 0 || input->has_read || outcome->swept || outcome->transition_count > 0;
    if (has_record && reached > slice->clock) {
        slice->clock = reached; /* an epoch without a record leaves the clock: RECOVERY */
    }
    outcome->clock = slice->clock;
}

/* Takes the decisions made before the record number `records` of the epoch. */
static enum qtl_status take_decisions(struct qtl_slice *slice,
                                      const struct qtl_transition *decisions, size_t count,
                                      size_t *next, struct qtl_outcome *outcome)
{
    while (*next < count && decisions[*next].records_before <= outcome->records) {
        const struct qtl_transition *const decision = &decisions[(*next)++];
        const struct qtl_text id = decision->customer_id;
        struct qtl_customer *const customer =
            qtl_customers_find(slice->customers, id, qtl_hash(id.bytes, id.length, 0));
        if (customer == NULL) {
            return QTL_MALFORMED;
        }
        if (decision->cause == QTL_CAUSE_CLOCK || decision->cause == QTL_CAUSE_RULES) {
            customer->clock = (uint32_t)decision->at;
        }
        customer->armed = slice->settled;
        qtl_segments_take(slice->segments, customer, decision, outcome);
    }
    return QTL_OK;
}

enum qtl_status qtl_slice_replay(struct qtl_slice *slice, const struct qtl_slice_input *input,
                                 const struct qtl_transition *decisions, size_t decision_count,
                                 struct qtl_outcome *outcome)
{
    const size_t total = merge(slice, input);
    size_t next = 0;
    forget_guesses(slice);
    for (size_t i = 0; i < total; i++) {
        prefetch_ahead(slice, i, total);
        const enum qtl_status status =
            take_decisions(slice, decisions, decision_count, &next, outcome);
        if (status != QTL_OK) {
            return status;
        }
        struct qtl_customer *const customer =
            book(slice, slice->merged[i].event, find_customer(slice, i), outcome);
        if (customer != NULL) {
            customer->armed = slice->settled;
        }
    }
    const enum qtl_status status = take_decisions(slice, decisions, decision_count, &next, outcome);
    if (status != QTL_OK || next != decision_count) {
        return QTL_MALFORMED;
    }
    if (input->clock > slice->clock) {
        slice->clock = input->clock; /* as recorded, after the epoch */
    }
    outcome->clock = slice->clock;
    return QTL_OK;
}

void qtl_slice_settle(struct qtl_slice *slice)
{
    slice->settled_clock = slice->clock;
    slice->settled++;
}

void qtl_slice_rearm(struct qtl_slice *slice)
{
    const uint32_t count = qtl_customers_count(slice->customers);
    for (uint32_t number = 0; number < count; number++) {
        struct qtl_customer *const customer = qtl_customers_at(slice->customers, number);
        int64_t fired = customer->clock;
        if (customer->armed != slice->settled && fired < slice->settled_clock) {
            fired = slice->settled_clock; /* under the rules that were in force then */
        }
        customer->armed = QTL_NEVER;
        qtl_segments_rearm(slice->segments, customer, fired);
        arm(slice, customer);
    }
}

int64_t qtl_slice_clock(const struct qtl_slice *slice)
{
    return slice->clock;
}

void qtl_slice_read_metrics(struct qtl_slice *slice, struct qtl_customer *customer, int64_t second,
                            void (*visit)(void *context, uint16_t metric, int64_t value),
                            void *context)
{
    qtl_segments_read_metrics(slice->segments, customer, second, visit, context);
}

uint32_t qtl_slice_customer_count(const struct qtl_slice *slice)
{
    return qtl_customers_count(slice->customers);
}

struct qtl_customer *qtl_slice_customer(const struct qtl_slice *slice, uint32_t number)
{
    return qtl_customers_at(slice->customers, number);
}

struct qtl_customer *qtl_slice_find(const struct qtl_slice *slice, struct qtl_text id,
                                    uint64_t hash)
{
    return qtl_customers_find(slice->customers, id, hash);
}

size_t qtl_slice_bytes(const struct qtl_slice *slice)
{
    return qtl_pool_bytes(slice->pool) + qtl_customers_bytes(slice->customers) +
           qtl_timers_bytes(slice->timers);
}

struct qtl_slice_counters qtl_slice_counters(const struct qtl_slice *slice)
{
    return (struct qtl_slice_counters){
        .duplicates = slice->history.duplicates,
        .unmatched_cancellations = slice->history.unmatched_cancellations,
        .forgotten_event_ids = slice->history.forgotten_event_ids,
        .forgotten_cancellations = slice->history.forgotten_cancellations,
    };
}
