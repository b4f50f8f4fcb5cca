/*
 * Where a field stands in a JSON document: names with dots between, `[n]` for an element of an
 * array, e.g. `customer.id`, `line_items[0].sku`. To come: `[]` with a condition, for sums and
 * `each`.
 *
 * Threads: pure functions, any thread.
 */
#ifndef QTL_CONSUMER_JSON_PATH_H
#define QTL_CONSUMER_JSON_PATH_H

#include "schemas/text.h"

#include <stdbool.h>
#include <stdint.h>

#define QTL_JSON_PATH_STEPS_MAX 16

struct qtl_json_step {
    struct qtl_text name; /* of a member; borrowed from the path's text */
    int32_t index;        /* of an element, from 0; -1: a member */
};

struct qtl_json_path {
    struct qtl_json_step steps[QTL_JSON_PATH_STEPS_MAX];
    uint32_t count;
};

/* False where the text is no path; *problem then says why (static text). */
bool qtl_json_path_parse(struct qtl_text text, struct qtl_json_path *path, const char **problem);

#endif
