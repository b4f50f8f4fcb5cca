/*
 * The reading end of the local log (schemas/log.h on files; schemas/local_log.h says which). Hands
 * out what is committed and durable, of every topic; learns of new commits by the kernel's word
 * (inotify), in the same process as well.
 *
 * wait() returns OK once for each time that something new was committed to an input topic (or,
 * where asked for, to any topic) since it last did. It does not repeat itself for records that are
 * still unread: a partition that is left waiting must not keep its reader spinning, and who reads
 * less than everything knows that there is more.
 *
 * token(): the generation of the engine's lock when the partitions were reported. Open the
 * engine's writer before the first change().
 *
 * Threads: a reader belongs to one thread; only wake() may be called from others.
 */
#ifndef QTL_CONSUMER_LOCAL_READER_H
#define QTL_CONSUMER_LOCAL_READER_H

#include "schemas/local_log.h"

struct qtl_local_reader_options {
    int32_t partitions; /* BAD_CONF where the log has another number; 0: any */
    bool wait_outputs;  /* wait() returns for commits to output topics too */
    bool never_waits;   /* wait() is not called: saves the watch, which the kernel is slow to end */
};

/* Opens the log in `path`. `options` may be NULL. The reader is freed by its own free(). */
QTL_CHECKED enum qtl_status qtl_local_reader_open(const char *path,
                                                  const struct qtl_local_reader_options *options,
                                                  struct qtl_log_reader **reader,
                                                  struct qtl_error *error);

#endif
