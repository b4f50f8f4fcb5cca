/*
 * One partition of the local log as its reader sees it: where it stands, and the piece of the file
 * that it has in memory. Called by local_reader.c only.
 */
#ifndef QTL_CONSUMER_LOCAL_INPUT_H
#define QTL_CONSUMER_LOCAL_INPUT_H

#include "consumer/local_memory.h"
#include "schemas/local/local_layout.h"
#include "schemas/local/local_table.h"

struct qtl_local_input {
    int64_t next_offset;   /* to be handed out */
    int64_t announced;     /* end of what wait() has reported */
    int64_t segment_first; /* first offset of the segment it stands in; -1: to be found */
    uint64_t at;           /* the next frame's place in that segment */
    int fd;                /* owned: the segment; -1: not open */
    /* chunk holds the segment's bytes chunk_at .. chunk_at + chunk_bytes. */
    struct qtl_local_chunk *chunk; /* owned */
    uint64_t chunk_at;
    size_t chunk_bytes;
    uint64_t lent; /* value of memory.releases when records of the chunk were last handed out */
};

void qtl_local_input_init(struct qtl_local_input *input);
void qtl_local_input_fini(struct qtl_local_input *input, struct qtl_local_memory *memory);

/* The next record is the one with that offset, which is within the row. */
void qtl_local_input_seek(struct qtl_local_input *input, struct qtl_local_memory *memory,
                          const struct qtl_local_partition *row, int64_t offset);

/* What is being read, and from where. */
struct qtl_local_source {
    const struct qtl_local_layout *layout;
    const struct qtl_local_partition *row; /* what is committed */
    enum qtl_topic topic;
    int32_t partition;
};

/* Takes one record. EMPTY: everything committed was handed out. */
QTL_CHECKED enum qtl_status qtl_local_input_next(struct qtl_local_input *input,
                                                 const struct qtl_local_source *source,
                                                 struct qtl_local_memory *memory,
                                                 struct qtl_log_record *record,
                                                 struct qtl_error *error);
/* Closes the segment; the next read opens it again. */
void qtl_local_input_close(struct qtl_local_input *input);

#endif
