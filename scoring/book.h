/*
 * A customer's book: everything that it did, in one block of memory. A directory of its series,
 * behind it their words (series.h), in the same order:
 *
 *   | head | orders | kind 0 | kind 7 | ... || orders' words | kind 0's | room | kind 7's | ... |
 * room | 12 bytes each                     32-bit words
 *
 * A row more moves what stands behind it; where the block is full it moves into one that is larger.
 * Large blocks leave room behind each series that grew, so that both stay cheap whatever a customer
 * has done. Pointers to series and rows are stale after anything that takes a `struct qtl_book **`.
 *
 * Threads: the slice's owner.
 */
#ifndef QTL_SCORING_BOOK_H
#define QTL_SCORING_BOOK_H

#include "scoring/series.h"

struct qtl_pool;

struct qtl_book {
    uint32_t bytes;     /* of the block */
    uint32_t ids_since; /* no row of engagement before this second has an id */
    uint16_t event_ids; /* rows of engagement that have one */
    uint8_t series_count;
    uint8_t reserved;
};

/* A row to be booked. */
struct qtl_row {
    int64_t second;
    uint64_t id;                       /* 0: none */
    const struct qtl_amounts *amounts; /* NULL: the defaults */
};

/* A book with an empty series of orders; blocks come from the pool, which belongs to the slice. */
struct qtl_book *qtl_book_new(struct qtl_pool *pool);
void qtl_book_free(struct qtl_book *book, struct qtl_pool *pool);

/* Its series: the first is the orders', the others stand in the order of their codes. */
static inline struct qtl_series *qtl_book_list(const struct qtl_book *book)
{
    return (struct qtl_series *)((uintptr_t)book + sizeof(*book));
}

/* A series, or NULL where nothing ever was in it. */
static inline struct qtl_series *qtl_book_series(const struct qtl_book *book, unsigned code)
{
    struct qtl_series *series = qtl_book_list(book);
    for (const struct qtl_series *const end = series + book->series_count; series < end; series++) {
        if (series->code == code) {
            return series;
        }
    }
    return NULL;
}

/* Adds a row behind those of the same second. What leaves the retention (times <= `forget_before`)
 * may be forgotten to make room. */
void qtl_book_insert(struct qtl_book **book, struct qtl_pool *pool, unsigned code,
                     const struct qtl_row *row, int64_t forget_before);

/* Adds what is older than the retention (`row->second` <= `forget_before`): to the totals only. */
void qtl_book_add_forgotten(struct qtl_book **book, struct qtl_pool *pool, unsigned code,
                            const struct qtl_row *row, int64_t forget_before);

/* Takes a row out as if it had never been there; not of engagement. */
void qtl_book_remove(struct qtl_book *book, unsigned code, uint32_t row);

/* Gives a row other amounts. */
void qtl_book_change(struct qtl_book **book, struct qtl_pool *pool, unsigned code, uint32_t row,
                     const struct qtl_amounts *amounts);

/* Takes the id away from the oldest row of engagement that has one; of one second, from that of the
 * lowest kind. There must be one. */
void qtl_book_drop_oldest_id(struct qtl_book *book);

/* Rows of the caller's own shape: room for one more behind the last, for it to fill. All rows of
 * the series have as many words. */
uint32_t *qtl_book_append(struct qtl_book **book, struct qtl_pool *pool, unsigned code,
                          uint8_t words);

/* Stops the process where an invariant is broken (times rise, series do not overlap). For tests. */
void qtl_book_check(const struct qtl_book *book);

#endif
