/*
 * The last amendment of each order that was amended: of several the latest (occurred_at, event_id)
 * wins, in whatever order they come. Kept in a customer's series QTL_SERIES_AMENDMENTS with rows of
 * its own shape. Few orders are ever amended.
 *
 * Threads: the slice's owner.
 */
#ifndef QTL_SCORING_AMENDMENTS_H
#define QTL_SCORING_AMENDMENTS_H

#include "schemas/event.h"
#include "scoring/customer.h"

#include <stdbool.h>

/* True where this amendment is not older than the last one of its order. */
bool qtl_amendments_is_latest(const struct qtl_customer *customer, const struct qtl_event *event);

/* Remembers it as its order's last. Those of orders that no longer stand make room. */
void qtl_amendments_remember(struct qtl_customer *customer, struct qtl_pool *pool,
                             const struct qtl_event *event);

#endif
