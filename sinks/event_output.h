/*
 * Where made-up events go: files in a folder, or the input topics of a log.
 *
 * Threads: belongs to one thread.
 */
#ifndef QTL_SINKS_EVENT_OUTPUT_H
#define QTL_SINKS_EVENT_OUTPUT_H

#include "schemas/event.h"
#include "schemas/log.h"
#include "schemas/status.h"

#include <stdint.h>

enum qtl_event_format { QTL_EVENT_CSV, QTL_EVENT_NDJSON };

struct qtl_event_output;

/* orders.csv and engagement.csv (or .ndjson) in `folder`, which is made where it is not there.
 * BAD_CONF where one of them is there already: nobody's file is overwritten. */
QTL_CHECKED enum qtl_status qtl_event_output_open_files(const char *folder,
                                                        enum qtl_event_format format,
                                                        struct qtl_event_output **output,
                                                        struct qtl_error *error);

/* The input of a log, `partitions` of each topic. Takes over the writer. */
struct qtl_event_output *qtl_event_output_new_log(struct qtl_log_writer **writer,
                                                  int32_t partitions);

/* Takes one order or engagement event, its hashes set, stamped with its own time. */
QTL_CHECKED enum qtl_status qtl_event_output_put(struct qtl_event_output *output,
                                                 const struct qtl_event *event,
                                                 struct qtl_error *error);

/* Makes all that was put durable (the log) and visible. */
QTL_CHECKED enum qtl_status qtl_event_output_flush(struct qtl_event_output *output,
                                                   struct qtl_error *error);

/* Flushes, closes, frees and sets the pointer to NULL; a NULL in it is fine. What failed last is
 * the status, so that a full disk is not taken for success. */
QTL_CHECKED enum qtl_status qtl_event_output_close(struct qtl_event_output **output,
                                                   struct qtl_error *error);

#endif
