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
#include "sinks/json_write.h"

#include <stdbool.h>

/* Appends one to the open transaction. `wall` in seconds. */
QTL_CHECKED enum qtl_status qtl_dead_letter_append(struct qtl_log_writer *writer, int32_t partition,
                                                   int64_t wall,
                                                   const struct qtl_dead_letter *letter,
                                                   struct qtl_error *error);

/* A dead letter read back, as one JSON object: its headers, then `value` as text, or `value_base64`
 * where it is no UTF-8. @thread any */
void qtl_dead_letter_json(struct qtl_json_buffer *buffer, const struct qtl_log_record *record,
                          bool is_text);

#endif
