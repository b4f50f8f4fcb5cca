/*
 * One customer's record: its own clock, its deadline, its book and the states of its segments.
 *
 * Threads: the slice's owner.
 */
#ifndef QTL_SCORING_CUSTOMER_H
#define QTL_SCORING_CUSTOMER_H

#include "schemas/text.h"
#include "scoring/book.h"

#include <stdint.h>

#define QTL_NEVER UINT32_MAX    /* a deadline that does not come */
#define QTL_STATE_CHANGED 0x80U /* in a stored state: it has changed since birth, so holds hold */
#define QTL_STATE_MASK 0x7fU
#define QTL_ID_IS_FAR 0x8000U
#define QTL_BOOK_LINES_MAX 10

struct qtl_customer {
    struct qtl_book *book; /* owned, from the slice's pool: whatever it did */
    uint64_t hash;
    uint32_t clock;    /* its own clock: never goes back */
    uint32_t deadline; /* the second at which time alone may change a rule; QTL_NEVER */
    uint32_t armed;    /* the earliest timer entry that is there for it; QTL_NEVER */
    uint32_t sequence; /* of its last transition; 0: none yet */
    uint32_t born;     /* merge second of its first record */
    uint32_t number;   /* its place in the table */
    uint16_t id_place; /* in the record: of the id's bytes, or, where QTL_ID_IS_FAR, of a pointer */
    uint8_t id_bytes;
    uint8_t book_lines; /* cache lines of the book to ask for: all it has, for nearly everybody */
    /* Per segment when its state began; behind them uint32_t next[segments], uint8_t
     * state[segments], and the id. */
    uint32_t since[];
};

/* Two steps of asking for the cache lines of an evaluation: the record; the book that it names.
 * Always inlined: gcc takes a function that only prefetches for one without effect, and leaves out
 * its calls. */
__attribute__((always_inline)) static inline void
qtl_customer_prefetch_record(const struct qtl_customer *customer)
{
    __builtin_prefetch(customer, 1);
    __builtin_prefetch((const char *)customer + 64, 1);
}

__attribute__((always_inline)) static inline void
qtl_customer_prefetch_book(const struct qtl_customer *customer)
{
    const char *line = (const char *)customer->book;
    for (const char *const end = line + customer->book_lines * 64; line < end; line += 64) {
        __builtin_prefetch(line, 1);
    }
}

/* To be called when the book may have moved. */
static inline void qtl_customer_note_book(struct qtl_customer *customer)
{
    const size_t lines = ((uintptr_t)customer->book % 64 + customer->book->bytes + 63) / 64;
    customer->book_lines = (uint8_t)(lines < QTL_BOOK_LINES_MAX ? lines : QTL_BOOK_LINES_MAX);
}

/* Its id's bytes; borrowed until the customer goes. */
static inline struct qtl_text qtl_customer_id(const struct qtl_customer *customer)
{
    const char *bytes = (const char *)customer + (customer->id_place & ~QTL_ID_IS_FAR);
    if ((customer->id_place & QTL_ID_IS_FAR) != 0) {
        uintptr_t far = 0;
        memcpy(&far, bytes, sizeof(far));
        bytes = (const char *)far;
    }
    return (struct qtl_text){bytes, customer->id_bytes};
}

/* Behind since[]: the second at which time alone may change each rule; QTL_NEVER. */
static inline uint32_t *qtl_customer_next(struct qtl_customer *customer, uint16_t segment_count)
{
    return customer->since + segment_count;
}

/* The stored states behind those. */
static inline uint8_t *qtl_customer_states(struct qtl_customer *customer, uint16_t segment_count)
{
    return (uint8_t *)(customer->since + 2U * segment_count);
}

#endif
