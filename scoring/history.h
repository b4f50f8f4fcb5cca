/*
 * What a customer did: books events into its series (DESIGN 2 and 4, RECOVERY Bounds). Decides
 * which events are repeats, what a cancellation voids, which amendment wins, and when a total grows
 * too large. Nothing here evaluates a rule.
 *
 * Threads: the slice's owner.
 */
#ifndef QTL_SCORING_HISTORY_H
#define QTL_SCORING_HISTORY_H

#include "schemas/event.h"
#include "scoring/customer.h"

struct qtl_pool;

#define QTL_EVENT_IDS_MAX 1024
#define QTL_UNMATCHED_MAX 256

struct qtl_history {
    struct qtl_pool *pool; /* borrowed: the slice's */
    int64_t retention_s;
    int64_t duplicate_horizon_s;
    /* Counted since the start. */
    uint64_t duplicates;
    uint64_t unmatched_cancellations;
    uint64_t forgotten_event_ids;     /* pushed out by QTL_EVENT_IDS_MAX */
    uint64_t forgotten_cancellations; /* pushed out by QTL_UNMATCHED_MAX */
};

/* Books an event at the customer's clock as it will be after it (`clock`; the customer's own is not
 * touched). QTL_REASON_NONE, also where the event is a repeat and changes nothing; or
 * QTL_REASON_BAD_AMOUNT where the magnitudes of a total's parts would pass 2^62 in sum, and then
 * nothing has changed. */
enum qtl_reason qtl_history_book(struct qtl_history *history, struct qtl_customer *customer,
                                 int64_t clock, const struct qtl_event *event);

#endif
