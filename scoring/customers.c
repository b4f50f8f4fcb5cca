/*
 * See customers.h. The index holds the low half of the hash, so that it grows without touching a
 * record; slices and shards are chosen by the high half. Records are whole halves of cache lines,
 * so that one of three halves stands on two lines wherever it begins, in chunks of whole huge
 * pages; what their last half has left holds the id, if it is short enough.
 *
 * The index doubles when three quarters are used: one pass over 8-byte entries. At ten million
 * customers that is some tens of milliseconds, a dozen times in the life of a process.
 *
 * Rejected: pointers in the index (twice the memory), Robin Hood probing (the tag already tells
 * nearly every stranger from the one that is looked for).
 */
#include "scoring/customers.h"

#include "scoring/base/assert.h"
#include "scoring/base/pool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { CHUNK_RECORDS = 65536, INDEX_MIN = 1024, HUGE_PAGE = 2 << 20, HALF_LINE = 32 };

struct entry {
    uint32_t tag;
    uint32_t number_plus_one; /* 0: free */
};

struct qtl_customers {
    struct entry *index;
    uint64_t mask;
    unsigned char **chunks;
    size_t chunk_count;
    size_t chunk_capacity;
    struct qtl_pool *pool; /* borrowed: the slice's */
    size_t stride;
    size_t id_offset; /* what a record has left behind its states */
    size_t chunk_bytes;
    uint32_t count;
    uint16_t segment_count;
};

static struct entry *new_index(uint64_t entries)
{
    const size_t bytes = entries * sizeof(struct entry);
    struct entry *const index = aligned_alloc(bytes >= HUGE_PAGE ? HUGE_PAGE : 64, bytes);
    QTL_ASSERT(index != NULL);
    if (bytes >= HUGE_PAGE) {
        madvise(index, bytes, MADV_HUGEPAGE); /* a wish */
    }
    memset(index, 0, bytes);
    return index;
}

struct qtl_customers *qtl_customers_new(uint16_t segment_count, struct qtl_pool *pool)
{
    struct qtl_customers *const customers = calloc(1, sizeof(*customers));
    QTL_ASSERT(customers != NULL);
    customers->segment_count = segment_count;
    customers->pool = pool;
    customers->id_offset = offsetof(struct qtl_customer, since) +
                           (size_t)segment_count * (2 * sizeof(uint32_t) + sizeof(uint8_t));
    const size_t least = customers->id_offset + sizeof(char *);
    customers->stride = (least + HALF_LINE - 1) & ~(size_t)(HALF_LINE - 1);
    customers->chunk_bytes =
        (CHUNK_RECORDS * customers->stride + HUGE_PAGE - 1) & ~(size_t)(HUGE_PAGE - 1);
    customers->mask = INDEX_MIN - 1;
    customers->index = new_index(INDEX_MIN);
    return customers;
}

void qtl_customers_free(struct qtl_customers *customers)
{
    if (customers == NULL) {
        return;
    }
    for (size_t i = 0; i < customers->chunk_count; i++) {
        free(customers->chunks[i]);
    }
    free(customers->chunks);
    free(customers->index);
    free(customers);
}

struct qtl_customer *qtl_customers_at(const struct qtl_customers *customers, uint32_t number)
{
    unsigned char *const chunk = customers->chunks[number / CHUNK_RECORDS];
    return (struct qtl_customer *)(void *)(chunk + (number % CHUNK_RECORDS) * customers->stride);
}

uint32_t qtl_customers_count(const struct qtl_customers *customers)
{
    return customers->count;
}

void qtl_customers_prefetch(const struct qtl_customers *customers, uint64_t hash)
{
    __builtin_prefetch(&customers->index[hash & customers->mask]);
}

struct qtl_customer *qtl_customers_guess(const struct qtl_customers *customers, uint64_t hash)
{
    for (uint64_t place = hash & customers->mask;; place = (place + 1) & customers->mask) {
        const struct entry entry = customers->index[place];
        if (entry.number_plus_one == 0) {
            return NULL;
        }
        if (entry.tag == (uint32_t)hash) {
            return qtl_customers_at(customers, entry.number_plus_one - 1);
        }
    }
}

bool qtl_customers_is(const struct qtl_customer *customer, struct qtl_text id, uint64_t hash)
{
    return customer->hash == hash && customer->id_bytes == id.length &&
           memcmp(qtl_customer_id(customer).bytes, id.bytes, id.length) == 0;
}

struct qtl_customer *qtl_customers_find(const struct qtl_customers *customers, struct qtl_text id,
                                        uint64_t hash)
{
    for (uint64_t place = hash & customers->mask;; place = (place + 1) & customers->mask) {
        const struct entry entry = customers->index[place];
        if (entry.number_plus_one == 0) {
            return NULL;
        }
        if (entry.tag != (uint32_t)hash) {
            continue;
        }
        struct qtl_customer *const customer =
            qtl_customers_at(customers, entry.number_plus_one - 1);
        if (qtl_customers_is(customer, id, hash)) {
            return customer;
        }
    }
}

static void put_in_index(struct entry *index, uint64_t mask, struct entry entry)
{
    uint64_t place = entry.tag & mask;
    while (index[place].number_plus_one != 0) {
        place = (place + 1) & mask;
    }
    index[place] = entry;
}

static void grow_index(struct qtl_customers *customers)
{
    const uint64_t mask = customers->mask * 2 + 1;
    struct entry *const index = new_index(mask + 1);
    for (uint64_t place = 0; place <= customers->mask; place++) {
        if (customers->index[place].number_plus_one != 0) {
            put_in_index(index, mask, customers->index[place]);
        }
    }
    free(customers->index);
    customers->index = index;
    customers->mask = mask;
}

static void grow_chunks(struct qtl_customers *customers)
{
    if (customers->chunk_count == customers->chunk_capacity) {
        customers->chunk_capacity =
            customers->chunk_capacity == 0 ? 16 : 2 * customers->chunk_capacity;
        unsigned char **const chunks =
            realloc(customers->chunks, customers->chunk_capacity * sizeof(*chunks));
        QTL_ASSERT(chunks != NULL);
        customers->chunks = chunks;
    }
    unsigned char *const chunk = aligned_alloc(HUGE_PAGE, customers->chunk_bytes);
    QTL_ASSERT(chunk != NULL);
    madvise(chunk, customers->chunk_bytes, MADV_HUGEPAGE); /* a wish */
    customers->chunks[customers->chunk_count++] = chunk;
}

static void set_id(const struct qtl_customers *customers, struct qtl_customer *customer,
                   struct qtl_text id)
{
    char *bytes = (char *)customer + customers->id_offset;
    customer->id_place = (uint16_t)customers->id_offset;
    customer->id_bytes = (uint8_t)id.length;
    if (id.length > customers->stride - customers->id_offset) {
        customer->id_place |= QTL_ID_IS_FAR;
        char *const far = qtl_pool_take(customers->pool, id.length);
        memcpy(bytes, &far, sizeof(far));
        bytes = far;
    }
    memcpy(bytes, id.bytes, id.length);
}

struct qtl_customer *qtl_customers_add(struct qtl_customers *customers, struct qtl_text id,
                                       uint64_t hash)
{
    QTL_ASSERT(id.length > 0 && id.length <= UINT8_MAX);
    QTL_ASSERT(customers->count < UINT32_MAX - 1);
    if ((uint64_t)customers->count + 1 > (customers->mask + 1) / 4 * 3) {
        grow_index(customers);
    }
    if (customers->count == customers->chunk_count * CHUNK_RECORDS) {
        grow_chunks(customers);
    }
    const uint32_t number = customers->count++;
    struct qtl_customer *const customer = qtl_customers_at(customers, number);
    memset((void *)customer, 0, customers->stride);
    customer->book = qtl_book_new(customers->pool);
    qtl_customer_note_book(customer);
    customer->hash = hash;
    customer->number = number;
    customer->deadline = customer->armed = QTL_NEVER;
    set_id(customers, customer, id);
    put_in_index(customers->index, customers->mask,
                 (struct entry){.tag = (uint32_t)hash, .number_plus_one = number + 1});
    return customer;
}

size_t qtl_customers_bytes(const struct qtl_customers *customers)
{
    return (customers->mask + 1) * sizeof(struct entry) +
           customers->chunk_count * customers->chunk_bytes;
}
