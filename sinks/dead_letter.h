/*
 * Dead letters (DESIGN 2): a record that could not be used, with its own bytes as value, its own
 * key, and in the headers where it came from and why it is here.
 *
 * Headers: reason, topic, partition, offset; bytes where the value was cut (the whole length).
 *
 * Threads: publish.
 */
#ifndef QTL_SINKS_DEAD_LETTER_H
#define QTL_SINKS_DEAD_LETTER_H

#include "schemas/log.h"
#include "schemas/status.h"
#include "scoring/epoch.h"

/* Appends one to the open transaction. `wall` in seconds. */
QTL_CHECKED enum qtl_status qtl_dead_letter_append(struct qtl_log_writer *writer, int32_t partition,
                                                   int64_t wall,
                                                   const struct qtl_dead_letter *letter,
                                                   struct qtl_error *error);

#endif
