/*
 * A hash of what shapes events (RECOVERY, Epoch record): the same bytes of input, decoded under the
 * same shape, are the same events, merged in the same order and booked alike. It stands in every
 * epoch record; where it differs at a start, the input cannot be read again as it was.
 *
 * In it: for each stream its format, what orders it in time, what becomes of unknown kinds, and
 * each field's path and conversion; the base currency; the duplicate horizon; the rules' retention
 * and kinds. Not in it: topics, folders, and everything else in the rules.
 *
 * Threads: any.
 */
#ifndef QTL_CONSUMER_SHAPE_H
#define QTL_CONSUMER_SHAPE_H

#include <stdint.h>

struct qtl_config;
struct qtl_rules;

/* The same in every process, on every machine. */
uint64_t qtl_shape_hash(const struct qtl_config *config, const struct qtl_rules *rules);

#endif
