/*
 * The committing end of the local log (schemas/log.h on files; schemas/local_log.h says which).
 *
 * One transaction: appends gather in memory, one run a file; commit writes each file once, syncs
 * all of them and the folders of new ones, then writes and syncs the commit record, then moves the
 * mark. The intake's writer holds its lock from begin to commit or abort, so that several processes
 * take turns; the engine's from open to free.
 *
 * A writer on which anything failed is dead: it returns IO from then on. Free it and open
 * another, which cuts off what was not committed. A failed sync is never tried again.
 *
 * Threads: a writer belongs to one thread.
 */
#ifndef QTL_SINKS_LOCAL_WRITER_H
#define QTL_SINKS_LOCAL_WRITER_H

#include "schemas/local_log.h"

struct qtl_local_writer_options {
    int32_t partitions;     /* BAD_CONF where the log has another number; 0: any */
    uint64_t segment_bytes; /* a segment this long is followed by a new one; 0: 64 MiB */
    uint64_t commit_bytes;  /* likewise for commit files; 0: 4 MiB */
};

/* Opens the log in `path` for one kind of writer and cuts its files to what is committed. LOST with
 * a sentence where another engine runs on it; CORRUPT where committed bytes are missing or, in the
 * engine's newest segments, damaged. `options` may be NULL. The writer is freed by its own free().
 *
 * An intake's begin() takes no positions. A record of more than QTL_LOCAL_RECORD_BYTES_MAX is
 * MALFORMED and leaves the transaction as it was. */
QTL_CHECKED enum qtl_status qtl_local_writer_open(const char *path, enum qtl_local_kind kind,
                                                  const struct qtl_local_writer_options *options,
                                                  struct qtl_log_writer **writer,
                                                  struct qtl_error *error);

#endif
