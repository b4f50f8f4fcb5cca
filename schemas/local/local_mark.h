/*
 * The mark: the sequence number of a writer's last durable commit, in a file of 16 bytes (the
 * number and its complement). A commit record can be seen in its file before it is on the disk;
 * readers believe it only once the mark has reached it. Written after the sync, never synced
 * itself: after a power cut it may be too low, never too high.
 *
 * The writer writes it with pwrite, which readers' inotify watches report; readers load it from a
 * mapping, which costs no system call.
 *
 * Threads: one writer at a time (the lock's holder); a mapping belongs to one reader.
 */
#ifndef QTL_SCHEMAS_LOCAL_LOCAL_MARK_H
#define QTL_SCHEMAS_LOCAL_LOCAL_MARK_H

#include "schemas/local/local_layout.h"

#include <stdatomic.h>

struct qtl_local_mark {
    int fd; /* owned */
    const _Atomic uint64_t
        *words; /* mapped: sequence, complement. Written by the writer's pwrite */
    char name[QTL_LOCAL_NAME_MAX];
};

QTL_CHECKED enum qtl_status qtl_local_mark_open(struct qtl_local_mark *mark,
                                                const struct qtl_local_layout *layout,
                                                enum qtl_local_kind kind, bool writable,
                                                struct qtl_error *error);
/* Closes one that was opened, or is zeroed with fd -1. */
void qtl_local_mark_close(struct qtl_local_mark *mark);

/* The sequence; false while it is being written or was never. */
bool qtl_local_mark_load(const struct qtl_local_mark *mark, uint64_t *sequence);
QTL_CHECKED enum qtl_status qtl_local_mark_store(struct qtl_local_mark *mark, uint64_t sequence,
                                                 struct qtl_error *error);

#endif
