/*
 * Syncs several files at once. One after the other, each waits for a commit of the file system's
 * journal of its own; together they share one: nine files took 22 ms and take 4 (ext4). Called by
 * local_writer.c only.
 */
#ifndef QTL_SINKS_LOCAL_SYNC_H
#define QTL_SINKS_LOCAL_SYNC_H

#include "schemas/status.h"

#include <stdbool.h>
#include <stddef.h>

struct qtl_local_sync {
    unsigned long context; /* the kernel's, while is_open */
    bool is_open;
    bool is_absent; /* the kernel does not offer it: one after the other */
};

struct qtl_local_sync_file {
    int fd;
    const char *name; /* for the sentence */
};

/* All zero is a new one. */
void qtl_local_sync_fini(struct qtl_local_sync *sync);

/* Every file's bytes and length are on the disk, or IO. Returns when all are done, good or bad. */
QTL_CHECKED enum qtl_status qtl_local_sync_files(struct qtl_local_sync *sync,
                                                 const struct qtl_local_sync_file *files,
                                                 size_t count, struct qtl_error *error);

#endif
