/*
 * One input partition: what was read from it and decoded, and waits to be taken into an epoch. A
 * partition that is ahead of its siblings simply keeps its records waiting and is not read again
 * until they are taken, so what waits is bounded.
 *
 * Threads: ingest.
 */
#ifndef QTL_CONSUMER_PARTITION_H
#define QTL_CONSUMER_PARTITION_H

#include "schemas/event.h"
#include "schemas/log.h"
#include "scoring/base/arena.h"
#include "scoring/epoch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qtl_decoder;

#define QTL_PARTITION_WAITING_MAX 2048

/* A record that waits. */
struct qtl_waiting {
    struct qtl_event event;        /* where reason is NONE */
    struct qtl_dead_letter letter; /* else; also for SKIPPED */
    int64_t offset;
    int64_t merge_second; /* as ingest sees it: decides who waits, not what comes out */
    enum qtl_reason reason;
};

struct qtl_partition {
    struct qtl_log_reader *reader; /* borrowed */
    struct qtl_decoder *decoder;   /* borrowed: the stream's */
    struct qtl_waiting *waiting;
    size_t first; /* the next to be taken */
    size_t count; /* behind the last */
    struct qtl_arena arena;
    int64_t next_offset; /* behind the last taken: what is committed */
    int64_t last_merge;
    int32_t number;
    enum qtl_stream stream;
    bool by_event; /* `timestamp: event`: occurred_at instead of the record's stamp */
};

void qtl_partition_init(struct qtl_partition *partition, struct qtl_log_reader *reader,
                        struct qtl_decoder *decoder, enum qtl_stream stream, int32_t number);
void qtl_partition_fini(struct qtl_partition *partition);

/* Where nothing waits, reads and decodes what is there now. `wall` and `floor` (the slice's clock,
 * at least) are for merge seconds. OK also where nothing came. */
QTL_CHECKED enum qtl_status qtl_partition_fill(struct qtl_partition *partition, int64_t wall,
                                               int64_t floor, struct qtl_error *error);

/* The next record that waits, or NULL. */
const struct qtl_waiting *qtl_partition_next(const struct qtl_partition *partition);

/* Moves it into the epoch. */
void qtl_partition_take(struct qtl_partition *partition, struct qtl_epoch *epoch, size_t slice);

/* Read to its end, and nothing waits. */
bool qtl_partition_ended(const struct qtl_partition *partition);

#endif
