/*
 * A radix heap (Ahuja, Mehlhorn, Orlin, Tarjan 1990) on 32-bit seconds. Arming touches the end of
 * one array; a binary heap would touch 23 cache lines at ten million customers, a hierarchical
 * wheel needs its levels chosen for a span of windows that ranges from a minute to years.
 *
 *   bucket 0       entries of `last` itself
 *   bucket b >= 1  entries whose highest bit that differs from `last` is bit b - 1
 *
 * Thread: the slice's owner.
 */
#include "scoring/timers.h"

#include "scoring/base/assert.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 33, KEPT_MAX = 64 << 10 };

struct timer {
    uint32_t second;
    uint32_t number;
};

struct bucket {
    struct timer *timers;
    size_t count;
    size_t capacity;
    uint32_t earliest; /* UINT32_MAX where empty */
};

struct qtl_timers {
    struct bucket buckets[BUCKETS];
    struct bucket late; /* a binary heap by second: entries before `last` */
    uint32_t *taken;
    size_t taken_capacity;
    uint64_t filled; /* a bit for each bucket that has entries */
    uint32_t last;   /* nothing in the buckets is earlier */
};

struct qtl_timers *qtl_timers_new(void)
{
    struct qtl_timers *const timers = calloc(1, sizeof(*timers));
    QTL_ASSERT(timers != NULL);
    for (int i = 0; i < BUCKETS; i++) {
        timers->buckets[i].earliest = UINT32_MAX;
    }
    return timers;
}

void qtl_timers_free(struct qtl_timers *timers)
{
    if (timers == NULL) {
        return;
    }
    for (int i = 0; i < BUCKETS; i++) {
        free(timers->buckets[i].timers);
    }
    free(timers->late.timers);
    free(timers->taken);
    free(timers);
}

static void push(struct bucket *bucket, struct timer timer)
{
    if (bucket->count == bucket->capacity) {
        bucket->capacity = bucket->capacity == 0 ? 64 : 2 * bucket->capacity;
        struct timer *const grown = realloc(bucket->timers, bucket->capacity * sizeof(*grown));
        QTL_ASSERT(grown != NULL);
        bucket->timers = grown;
    }
    bucket->timers[bucket->count++] = timer;
    if (timer.second < bucket->earliest) {
        bucket->earliest = timer.second;
    }
}

static void push_late(struct bucket *heap, struct timer timer)
{
    push(heap, timer);
    struct timer *const timers = heap->timers;
    size_t child = heap->count - 1;
    while (child > 0 && timers[(child - 1) / 2].second > timer.second) {
        timers[child] = timers[(child - 1) / 2];
        child = (child - 1) / 2;
    }
    timers[child] = timer;
}

static struct timer pop_late(struct bucket *heap)
{
    struct timer *const timers = heap->timers;
    const struct timer top = timers[0];
    const struct timer moved = timers[--heap->count];
    size_t parent = 0;
    for (;;) {
        size_t child = 2 * parent + 1;
        if (child >= heap->count) {
            break;
        }
        if (child + 1 < heap->count && timers[child + 1].second < timers[child].second) {
            child++;
        }
        if (timers[child].second >= moved.second) {
            break;
        }
        timers[parent] = timers[child];
        parent = child;
    }
    timers[parent] = moved;
    return top;
}

static void push_into(struct qtl_timers *timers, unsigned bucket, struct timer timer)
{
    push(&timers->buckets[bucket], timer);
    timers->filled |= UINT64_C(1) << bucket;
}

static unsigned bucket_of(const struct qtl_timers *timers, uint32_t second)
{
    const uint32_t differs = second ^ timers->last;
    return differs == 0 ? 0U : 32U - (unsigned)__builtin_clz(differs);
}

void qtl_timers_arm(struct qtl_timers *timers, uint32_t second, uint32_t number)
{
    QTL_ASSERT(second != UINT32_MAX);
    const struct timer timer = {.second = second, .number = number};
    if (second < timers->last) {
        push_late(&timers->late, timer);
    } else {
        push_into(timers, bucket_of(timers, second), timer);
    }
}

static unsigned first_bucket(const struct qtl_timers *timers)
{
    return timers->filled == 0 ? (unsigned)BUCKETS : (unsigned)__builtin_ctzll(timers->filled);
}

uint32_t qtl_timers_next(const struct qtl_timers *timers)
{
    if (timers->late.count > 0) {
        return timers->late.timers[0].second; /* earlier than all in the buckets */
    }
    const unsigned bucket = first_bucket(timers);
    return bucket == BUCKETS ? UINT32_MAX : timers->buckets[bucket].earliest;
}

/* Moves `last` to the earliest second and its bucket's entries to where they then belong. */
static void settle(struct qtl_timers *timers, unsigned from)
{
    struct bucket source = timers->buckets[from];
    timers->buckets[from] = (struct bucket){.earliest = UINT32_MAX};
    timers->filled &= ~(UINT64_C(1) << from);
    timers->last = source.earliest;
    for (size_t i = 0; i < source.count; i++) {
        push_into(timers, bucket_of(timers, source.timers[i].second), source.timers[i]);
    }
    QTL_ASSERT(timers->buckets[from].count == 0); /* all of them moved down */
    if (source.capacity > KEPT_MAX) {
        free(source.timers); /* or each of the higher buckets would hold what once was in it */
        return;
    }
    source.count = 0;
    source.earliest = UINT32_MAX;
    timers->buckets[from] = source; /* its memory serves again */
}

static void take_number(struct qtl_timers *timers, size_t *count, uint32_t number)
{
    if (*count == timers->taken_capacity) {
        timers->taken_capacity = timers->taken_capacity == 0 ? 64 : 2 * timers->taken_capacity;
        uint32_t *const grown = realloc(timers->taken, timers->taken_capacity * sizeof(*grown));
        QTL_ASSERT(grown != NULL);
        timers->taken = grown;
    }
    timers->taken[(*count)++] = number;
}

size_t qtl_timers_take(struct qtl_timers *timers, uint32_t upto, uint32_t *second,
                       const uint32_t **numbers)
{
    const uint32_t next = qtl_timers_next(timers);
    if (next == UINT32_MAX || next > upto) {
        return 0;
    }
    size_t count = 0;
    if (timers->late.count > 0) {
        while (timers->late.count > 0 && timers->late.timers[0].second == next) {
            take_number(timers, &count, pop_late(&timers->late).number);
        }
    } else {
        const unsigned bucket = first_bucket(timers);
        if (bucket > 0) {
            settle(timers, bucket);
        }
        struct bucket *const due = &timers->buckets[0];
        for (size_t i = 0; i < due->count; i++) {
            take_number(timers, &count, due->timers[i].number);
        }
        due->count = 0;
        due->earliest = UINT32_MAX;
        timers->filled &= ~UINT64_C(1);
    }
    *second = next;
    *numbers = timers->taken;
    return count;
}

static size_t copy_numbers(const struct bucket *bucket, uint32_t *numbers, size_t max)
{
    const size_t count = bucket->count < max ? bucket->count : max;
    for (size_t i = 0; i < count; i++) {
        numbers[i] = bucket->timers[i].number;
    }
    return count;
}

size_t qtl_timers_soon(struct qtl_timers *timers, uint32_t *numbers, size_t max, uint32_t *until)
{
    *until = qtl_timers_next(timers);
    if (timers->late.count > 0) {
        return copy_numbers(&timers->late, numbers, max);
    }
    unsigned bucket = first_bucket(timers);
    if (bucket < BUCKETS && bucket > 0 && timers->buckets[bucket].count > max) {
        settle(timers, bucket);
        bucket = 0;
    }
    size_t count = 0;
    for (; bucket < BUCKETS && count < max; bucket++) {
        const struct bucket *const next = &timers->buckets[bucket];
        if (count > 0 && count + next->count > max) {
            break;
        }
        count += copy_numbers(next, numbers + count, max - count);
        /* The last second that has this bucket: all bits below its own are free. */
        *until = (uint32_t)(timers->last | ((UINT64_C(1) << bucket) - 1));
    }
    return count;
}

size_t qtl_timers_count(const struct qtl_timers *timers)
{
    size_t count = timers->late.count;
    for (int i = 0; i < BUCKETS; i++) {
        count += timers->buckets[i].count;
    }
    return count;
}

size_t qtl_timers_bytes(const struct qtl_timers *timers)
{
    size_t capacity = timers->late.capacity;
    for (int i = 0; i < BUCKETS; i++) {
        capacity += timers->buckets[i].capacity;
    }
    return capacity * sizeof(struct timer) + timers->taken_capacity * sizeof(uint32_t);
}
