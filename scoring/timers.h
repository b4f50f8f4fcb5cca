/*
 * Timers of one slice: for each customer the second at which time alone may change it. A radix
 * queue: seconds never fall behind the last one taken, so an entry sits in the bucket of the
 * highest bit in which it differs from that, and moves down at most 32 times in its life. Entries
 * that come late (a customer's own clock may trail) wait in a small heap of their own.
 *
 * An entry is a hint: the customer's record holds the truth. Who takes an entry looks there, and
 * arms again where the true deadline is later.
 *
 * Threads: the slice's owner. Seconds are since 1970.
 */
#ifndef QTL_SCORING_TIMERS_H
#define QTL_SCORING_TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct qtl_timers;

struct qtl_timers *qtl_timers_new(void);
void qtl_timers_free(struct qtl_timers *timers); /* NULL is fine */

/* Adds an entry. Amortised constant time. */
void qtl_timers_arm(struct qtl_timers *timers, uint32_t second, uint32_t number);

/* The earliest second that has entries, or UINT32_MAX. */
uint32_t qtl_timers_next(const struct qtl_timers *timers);

/* Takes all entries of the earliest second, which must be <= `upto`: their numbers, in no order.
 * Borrowed until the next call. Returns how many; 0 where there is none up to then. */
size_t qtl_timers_take(struct qtl_timers *timers, uint32_t upto, uint32_t *second,
                       const uint32_t **numbers);

/* Up to `max` of the entries that come next, in no order, so that what they need can be asked for:
 * all there are up to the second `*until`, which is not before the next one, where it has no more
 * than `max`. To be called when the next second is due: it may sort a little ahead. */
size_t qtl_timers_soon(struct qtl_timers *timers, uint32_t *numbers, size_t max, uint32_t *until);

/* Entries held, stale ones included. */
size_t qtl_timers_count(const struct qtl_timers *timers);

size_t qtl_timers_bytes(const struct qtl_timers *timers);

#endif
