/*
 * Who may write: one flock a kind of writer, on DATA/<kind>.lock. The kernel lets go of it when its
 * holder dies, however it dies.
 *
 * Each taking of the engine's lock has a generation, one higher than the last. It is the group
 * token of schemas/log.h: a commit with the token of another generation is refused.
 */
#ifndef QTL_SCHEMAS_LOCAL_LOCAL_LOCK_H
#define QTL_SCHEMAS_LOCAL_LOCAL_LOCK_H

#include "schemas/local/local_layout.h"

/* What a `struct qtl_log_token *` of the local log points to. */
struct qtl_local_token {
    uint64_t generation;
};

/* Opens the lock's file, without taking the lock. The caller closes it, which lets go. */
QTL_CHECKED enum qtl_status qtl_local_lock_open(const struct qtl_local_layout *layout,
                                                enum qtl_local_kind kind, int *fd,
                                                struct qtl_error *error);
/* Takes the lock for the run. LOST with a sentence that names the holder where another process (or
 * writer of this one) has it. `generation` is then this taking's. */
QTL_CHECKED enum qtl_status qtl_local_lock_take(const struct qtl_local_layout *layout, int fd,
                                                uint64_t *generation, struct qtl_error *error);
/* Takes the lock for one transaction, waiting for others to finish theirs; and lets go. */
QTL_CHECKED enum qtl_status qtl_local_lock_wait(int fd, struct qtl_error *error);
void qtl_local_lock_release(int fd);

/* For a reader that wants to know that nobody writes: holds the lock together with other readers
 * until it closes *fd. FULL where a writer has it. */
QTL_CHECKED enum qtl_status qtl_local_lock_share(const struct qtl_local_layout *layout,
                                                 enum qtl_local_kind kind, int *fd,
                                                 struct qtl_error *error);

/* The generation of the engine's last taking; 0: there was none. */
QTL_CHECKED enum qtl_status qtl_local_lock_generation(const struct qtl_local_layout *layout,
                                                      uint64_t *generation,
                                                      struct qtl_error *error);

#endif
