/*
 * Times out of text (DESIGN 2, Mapping): whole seconds since 1970 UTC, finer input truncated toward
 * the past.
 *
 * ISO 8601 as found in the wild: `2026-11-22T03:00:00Z`, a blank or `t` for T, seconds and fraction
 * optional, an offset as Z, UTC, +01, +0100 or +01:00 (a blank before it is fine), or none (then
 * `zone_offset_s`); a date alone is its midnight; second 60 is the next minute's 0.
 *
 * Threads: pure functions, any thread.
 */
#ifndef QTL_CONSUMER_INSTANT_H
#define QTL_CONSUMER_INSTANT_H

#include "consumer/field.h"
#include "schemas/text.h"

#include <stdbool.h>
#include <stdint.h>

/* False where the text is no time of that form. Whether the second makes sense is the caller's. */
bool qtl_instant_parse(struct qtl_text text, struct qtl_conversion conversion, int64_t *second);

/* The same of number x 10^exponent that is no text: seconds, or what the form says; false where the
 * form is that of a text. */
bool qtl_instant_of_decimal(int64_t number, int exponent, struct qtl_conversion conversion,
                            int64_t *second);

/* An offset alone: `Z`, `UTC`, `+01`, `+0100`, `-01:30`; in seconds east of UTC. */
bool qtl_instant_parse_offset(struct qtl_text text, int32_t *offset_s);

#endif
