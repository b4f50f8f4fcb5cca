/*
 * A customer's whole present state as one line of JSON: what `replay --state` writes and
 * `quintil.customers` holds.
 *
 * Threads: any; a buffer belongs to its caller.
 */
#ifndef QTL_SINKS_CUSTOMER_JSON_H
#define QTL_SINKS_CUSTOMER_JSON_H

#include "scoring/slice.h"
#include "sinks/json_write.h"

struct qtl_rules;

/* Appends, without a line end: customer_id, born, clock, sequence, segments, and the metrics of the
 * rules at `second`. Must be called by the slice's owner. */
void qtl_customer_json(struct qtl_json_buffer *buffer, const struct qtl_rules *rules,
                       struct qtl_slice *slice, struct qtl_customer *customer, int64_t second);

/* Appends, without a line end, what quintil.customers holds: the customer's whole state after its
 * transition. @thread publish */
void qtl_customer_json_states(struct qtl_json_buffer *buffer, const struct qtl_rules *rules,
                              const struct qtl_transition *transition);

#endif
