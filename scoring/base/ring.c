/*
 * See ring.h for the argument about memory order. Head and tail stand on cache lines of their own.
 */
#include "scoring/base/ring.h"

#include "scoring/base/assert.h"

#include <errno.h>
#include <semaphore.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

struct qtl_ring {
    /* Immutable after new. */
    size_t mask;
    void **items;
    sem_t filled; /* counts items that were pushed and not popped */
    /* Written by the popping thread, read by the other. */
    alignas(64) atomic_size_t head;
    /* Written by the pushing thread, read by the other. */
    alignas(64) atomic_size_t tail;
};

struct qtl_ring *qtl_ring_new(size_t capacity)
{
    QTL_ASSERT(capacity > 0 && capacity <= (size_t)1 << 30);
    size_t size = 1;
    while (size < capacity) {
        size *= 2;
    }
    struct qtl_ring *const ring = aligned_alloc(64, sizeof(*ring));
    QTL_ASSERT(ring != NULL);
    ring->mask = size - 1;
    ring->items = calloc(size, sizeof(*ring->items));
    QTL_ASSERT(ring->items != NULL);
    QTL_ASSERT(sem_init(&ring->filled, 0, 0) == 0);
    atomic_init(&ring->head, 0);
    atomic_init(&ring->tail, 0);
    return ring;
}

void qtl_ring_free(struct qtl_ring *ring)
{
    if (ring == NULL) {
        return;
    }
    sem_destroy(&ring->filled);
    free(ring->items);
    free(ring);
}

enum qtl_status qtl_ring_push(struct qtl_ring *ring, void *item)
{
    const size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    const size_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    QTL_ASSERT(tail - head <= ring->mask + 1);
    if (tail - head > ring->mask) {
        return QTL_FULL;
    }
    ring->items[tail & ring->mask] = item;
    atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
    QTL_ASSERT(sem_post(&ring->filled) == 0);
    return QTL_OK;
}

static void *take(struct qtl_ring *ring)
{
    const size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    const size_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    QTL_ASSERT(tail != head);
    void *const item = ring->items[head & ring->mask];
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    return item;
}

void *qtl_ring_pop(struct qtl_ring *ring)
{
    while (sem_wait(&ring->filled) != 0) {
        QTL_ASSERT(errno == EINTR);
    }
    return take(ring);
}

enum qtl_status qtl_ring_try_pop(struct qtl_ring *ring, void **item)
{
    while (sem_trywait(&ring->filled) != 0) {
        if (errno == EAGAIN) {
            return QTL_EMPTY;
        }
        QTL_ASSERT(errno == EINTR);
    }
    *item = take(ring);
    return QTL_OK;
}
