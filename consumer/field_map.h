/*
 * One entry of a stream's `fields:`: where a canonical field stands in the user's records, and how
 * it is written. `customer_id: customer.id`, or in parts:
 * `occurred_at: {path: created_at, time: epoch_ms}`.
 *
 * Threads: plain data; filled by the main thread, immutable afterwards.
 */
#ifndef QTL_CONSUMER_FIELD_MAP_H
#define QTL_CONSUMER_FIELD_MAP_H

#include "consumer/field.h"
#include "scoring/lexer.h"
#include "scoring/problems.h"

#include <stdbool.h>

struct qtl_field_map {
    /* Owned, e.g. "customer.id". NULL: the field's own name at the top; "": the records have no
     * such field. */
    char *path;
    struct qtl_conversion conversion;
};

void qtl_field_map_fini(struct qtl_field_map *map);

/* The parts of an entry: "path", "time", "zone", "scale"; NULL behind the last. */
const char *qtl_field_map_part(size_t number);

/* Sets one part from text; false and a problem where it does not fit. `~` and `null` as the path:
 * no such field. */
bool qtl_field_map_assign(struct qtl_field_map *map, enum qtl_field field, const char *part,
                          const struct qtl_source *value, struct qtl_problems *problems);

#endif
