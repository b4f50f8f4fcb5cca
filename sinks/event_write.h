/*
 * Writes an event in the project's own form, as a row of CSV or a JSON object with the canonical
 * names of DESIGN 2: what `generate` makes, and what consumer/ reads without any mapping.
 *
 * Threads: any; a buffer belongs to one thread.
 */
#ifndef QTL_SINKS_EVENT_WRITE_H
#define QTL_SINKS_EVENT_WRITE_H

#include "schemas/event.h"
#include "sinks/json_write.h"

/* Appends the header of a stream's CSV file, with its line end. Orders and engagement only. */
void qtl_event_write_csv_header(struct qtl_json_buffer *buffer, enum qtl_stream stream);

/* Appends the event as a row below that header, with its line end. The ids must need no quoting
 * (asserted). Only the built-in kinds of engagement have a name here. */
void qtl_event_write_csv(struct qtl_json_buffer *buffer, const struct qtl_event *event);

/* Appends the event as one JSON object, no line end; what is at its default is left out. */
void qtl_event_write_json(struct qtl_json_buffer *buffer, const struct qtl_event *event);

#endif
