/*
 * An epoch: one batch on its way through the three stages (DESIGN 7). Ingest fills the input, the
 * shards the outcomes, publish commits both and gives the memory back. Exactly one stage owns it at
 * any time; rings hand it on.
 *
 * Everything in it lives until reset: events, their texts, the bytes of dead letters.
 */
#ifndef QTL_SCORING_EPOCH_H
#define QTL_SCORING_EPOCH_H

#include "schemas/event.h"
#include "scoring/base/arena.h"
#include "scoring/outcome.h"
#include "scoring/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A record that could not be decoded; the slice's own refusals are in its outcome. */
struct qtl_dead_letter {
    struct qtl_text raw; /* the first QTL_DEAD_LETTER_BYTES_MAX bytes */
    struct qtl_text key;
    uint64_t raw_bytes; /* of the whole record */
    int64_t offset;
    int64_t timestamp_ms;
    uint8_t stream; /* enum qtl_stream */
    uint8_t reason; /* enum qtl_reason */
    bool has_key;
};
#define QTL_DEAD_LETTER_BYTES_MAX (512u << 10)

/* Events of one partition, in the order of their offsets. */
struct qtl_event_list {
    struct qtl_event **events;
    size_t count;
    size_t capacity;
};

/* The part of an epoch that belongs to one slice. */
struct qtl_epoch_slice {
    struct qtl_slice_input input;
    struct qtl_outcome outcome;
    struct qtl_event_list lists[QTL_STREAMS];
    struct qtl_dead_letter *dead_letters;
    size_t dead_letter_count;
    size_t dead_letter_capacity;
    /* Offsets read in this epoch: [first, next) of each partition; equal where nothing was. */
    int64_t first_offset[QTL_STREAMS];
    int64_t next_offset[QTL_STREAMS];
    uint64_t skipped; /* records passed over because the configuration says so */
};

struct qtl_epoch {
    struct qtl_epoch_slice *slices; /* one a slice, in their order */
    size_t slice_count;
    struct qtl_arena arena; /* events, texts, raw bytes */
    uint64_t number;
    int64_t wall;       /* seconds, read once when the epoch closed */
    uint64_t opened_us; /* monotonic; for the histogram of latencies */
    size_t records;     /* read, dead letters included */
};

struct qtl_epoch *qtl_epoch_new(size_t slice_count);
void qtl_epoch_free(struct qtl_epoch *epoch); /* NULL is fine */

/* Empties it; memory stays. */
void qtl_epoch_reset(struct qtl_epoch *epoch);

/* Copies the event with its texts into the epoch and adds it to its slice and stream. The copy. */
struct qtl_event *qtl_epoch_add(struct qtl_epoch *epoch, size_t slice,
                                const struct qtl_event *event);

/* Adds an event that lives longer than the epoch, without copying. */
void qtl_epoch_add_borrowed(struct qtl_epoch *epoch, size_t slice, struct qtl_event *event);

/* Copies a dead letter with its bytes into the epoch, cut at QTL_DEAD_LETTER_BYTES_MAX. */
void qtl_epoch_add_dead_letter(struct qtl_epoch *epoch, size_t slice,
                               const struct qtl_dead_letter *letter);

/* Sets the inputs' pointers and the clocks; call it last, before submitting. `clocks` is one a
 * slice. */
void qtl_epoch_close(struct qtl_epoch *epoch, int64_t wall, const int64_t *clocks,
                     uint32_t deadlines_max);

#endif
