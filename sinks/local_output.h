/*
 * One partition of the local log as its writer sees it: the open segment and what the transaction
 * has put behind it. Called by local_writer.c only.
 */
#ifndef QTL_SINKS_LOCAL_OUTPUT_H
#define QTL_SINKS_LOCAL_OUTPUT_H

#include "schemas/local/local_layout.h"
#include "schemas/local/local_table.h"

struct qtl_local_output {
    struct qtl_bytes buffer; /* frames not yet written */
    int64_t first_offset;    /* of the open segment */
    int64_t next_offset;
    uint64_t bytes; /* in the open segment: committed, and written by this transaction */
    int fd;         /* owned; -1: none */
    int32_t partition;
    enum qtl_topic topic;
    bool touched;      /* by the open transaction */
    bool fresh;        /* the segment is new: its folder is to be synced */
    bool fresh_folder; /* so is the partition's folder: the topic's folder is to be synced */
    struct qtl_local_name name; /* of the open segment */
};

/* Readies the output for a transaction: opens the newest committed segment, or makes the first, and
 * cuts off what is not committed. */
QTL_CHECKED enum qtl_status qtl_local_output_touch(struct qtl_local_output *output,
                                                   const struct qtl_local_layout *layout,
                                                   const struct qtl_local_partition *row,
                                                   struct qtl_error *error);
/* Goes on in a new segment at next_offset. The old one is written and synced. */
QTL_CHECKED enum qtl_status qtl_local_output_start(struct qtl_local_output *output,
                                                   const struct qtl_local_layout *layout,
                                                   struct qtl_error *error);
/* Adds a record to what is to be written; writes where that has become much. */
QTL_CHECKED enum qtl_status qtl_local_output_append(struct qtl_local_output *output,
                                                    const struct qtl_log_append *record,
                                                    struct qtl_error *error);
/* Hands everything to the kernel. */
QTL_CHECKED enum qtl_status qtl_local_output_write(struct qtl_local_output *output,
                                                   struct qtl_error *error);
/* The entries of new files and folders are on the disk. */
QTL_CHECKED enum qtl_status qtl_local_output_sync_folders(struct qtl_local_output *output,
                                                          const struct qtl_local_layout *layout,
                                                          struct qtl_error *error);
/* The open segment's line in the commit record. */
struct qtl_local_length qtl_local_output_length(const struct qtl_local_output *output);
/* The open segment's length with what is not yet written. */
uint64_t qtl_local_output_bytes(const struct qtl_local_output *output);
/* Closes the segment and forgets what was not written. */
void qtl_local_output_close(struct qtl_local_output *output);

#endif
