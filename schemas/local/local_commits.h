/*
 * The commit log of one kind of writer: DATA/commits/<kind>-<number>.log. Readers follow it, the
 * holder of the kind's lock recovers, appends and rolls it.
 *
 * Each file begins with a snapshot of everything, so that only the newest is needed: a start reads
 * one file, whatever the history. A new file is written aside, synced and renamed; then the old one
 * goes. Whoever had it open reads it to its end and then looks for the newest.
 *
 * Threads: belongs to one reader or writer.
 */
#ifndef QTL_SCHEMAS_LOCAL_LOCAL_COMMITS_H
#define QTL_SCHEMAS_LOCAL_LOCAL_COMMITS_H

#include "schemas/local/local_layout.h"
#include "schemas/local/local_mark.h"
#include "schemas/local/local_table.h"

struct qtl_local_commits {
    const struct qtl_local_layout *layout; /* borrowed */
    struct qtl_local_table *table;         /* borrowed: kept at what is committed */
    struct qtl_local_mark mark;
    struct qtl_bytes buffer; /* scratch */
    uint64_t number;         /* of the open file */
    uint64_t read_bytes;     /* of it are in the table */
    uint64_t sequence;       /* of the last commit in the table */
    int fd;
    enum qtl_local_kind kind;
    bool writable;
    struct qtl_local_name name;
};

/* Opens the newest file and brings the table up to the last durable commit. Where
 * nobody writes, a reader makes durable what it finds beyond the mark (a power cut leaves the mark
 * behind). CORRUPT with a sentence where
 * a commit that was durable cannot be read. */
QTL_CHECKED enum qtl_status qtl_local_commits_open(struct qtl_local_commits *commits,
                                                   const struct qtl_local_layout *layout,
                                                   struct qtl_local_table *table,
                                                   enum qtl_local_kind kind, bool writable,
                                                   struct qtl_error *error);
void qtl_local_commits_close(struct qtl_local_commits *commits);

/* Whether there is a durable commit that the table does not have. Costs no system call. */
bool qtl_local_commits_news(const struct qtl_local_commits *commits);
/* Brings the table up to the mark. */
QTL_CHECKED enum qtl_status qtl_local_commits_follow(struct qtl_local_commits *commits,
                                                     struct qtl_error *error);

/* For the holder of the lock: brings the table up to the last whole commit record, cuts off a torn
 * one behind it, makes all that durable and sets the mark. Called when the lock was taken. A bad
 * record with a good one behind it, or below the mark, is CORRUPT. */
QTL_CHECKED enum qtl_status qtl_local_commits_recover(struct qtl_local_commits *commits,
                                                      struct qtl_error *error);
/* For the holder of the lock: writes and syncs the commit, then takes it into the table and sets
 * the mark. After any other result than OK the caller must not write again. */
QTL_CHECKED enum qtl_status qtl_local_commits_append(struct qtl_local_commits *commits,
                                                     const struct qtl_local_commit *commit,
                                                     struct qtl_error *error);
/* For the holder of the lock: goes on in a new file that begins with a snapshot. */
QTL_CHECKED enum qtl_status qtl_local_commits_roll(struct qtl_local_commits *commits,
                                                   struct qtl_error *error);

#endif
