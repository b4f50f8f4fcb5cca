/*
 * What is committed, in memory: of every partition its segments with their committed lengths, the
 * next offset, and for inputs the position that the engine committed. Built from commit records by
 * readers and writers alike.
 *
 *   commit record   type (1 change, 2 snapshot) | sequence | number of files | files | number of
 *                   positions | positions
 *   file            topic | partition | segment's first offset | committed length | next offset
 *   position        topic | partition | next offset
 *
 * A change speaks of the files that its transaction touched; a snapshot of everything that belongs
 * to its writer, and stands first in every commit file.
 *
 * Threads: a table belongs to one reader or writer.
 */
#ifndef QTL_SCHEMAS_LOCAL_LOCAL_TABLE_H
#define QTL_SCHEMAS_LOCAL_LOCAL_TABLE_H

#include "schemas/bytes.h"
#include "schemas/local_log.h"

struct qtl_local_segment {
    int64_t first_offset;
    uint64_t bytes; /* committed */
};

struct qtl_local_partition {
    struct qtl_local_segment *segments; /* owned; by first_offset */
    uint32_t segment_count;
    uint32_t segment_capacity;
    int64_t next_offset; /* the end of what is committed */
    int64_t position;    /* inputs: committed by the engine; -1 none */
};

struct qtl_local_table {
    int32_t partitions;
    struct qtl_local_partition *rows; /* owned; topic x partition */
};

enum qtl_local_commit_type {
    QTL_LOCAL_CHANGE = 1,
    QTL_LOCAL_SNAPSHOT = 2,
};

/* A line of a commit record. */
struct qtl_local_length {
    enum qtl_topic topic;
    int32_t partition;
    int64_t first_offset;
    uint64_t bytes;
    int64_t next_offset;
};

struct qtl_local_commit {
    uint64_t sequence; /* of this kind of writer, from 1, gapless */
    const struct qtl_local_length *lengths;
    size_t length_count;
    const struct qtl_log_position *positions;
    size_t position_count;
};

void qtl_local_table_init(struct qtl_local_table *table, int32_t partitions);
void qtl_local_table_fini(struct qtl_local_table *table);

struct qtl_local_partition *qtl_local_table_row(const struct qtl_local_table *table,
                                                enum qtl_topic topic, int32_t partition);

/* The place in `segments` of the one in which that offset stands or would stand. The row has
 * segments. */
uint32_t qtl_local_table_find(const struct qtl_local_partition *row, int64_t offset);

/* A change, or the whole of what belongs to `kind`, as a frame. */
void qtl_local_table_put_change(struct qtl_bytes *buffer, const struct qtl_local_commit *commit);
void qtl_local_table_put_snapshot(struct qtl_bytes *buffer, const struct qtl_local_table *table,
                                  enum qtl_local_kind kind, uint64_t sequence);

/* Type and sequence of a frame's payload. CORRUPT where it is no commit record. */
QTL_CHECKED enum qtl_status
qtl_local_table_peek(struct qtl_text payload, enum qtl_local_commit_type *type, uint64_t *sequence);
/* Makes the table what the record says. CORRUPT where the record contradicts itself or the table,
 * which is then good for nothing. */
QTL_CHECKED enum qtl_status qtl_local_table_apply(struct qtl_local_table *table,
                                                  enum qtl_local_kind kind,
                                                  struct qtl_text payload);

#endif
