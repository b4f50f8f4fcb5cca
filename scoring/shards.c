/*
 * See shards.h. Threads share nothing but two rings each; an epoch's memory belongs to one stage at
 * a time, and the rings' release and acquire hand it over.
 */
#include "scoring/shards.h"

#include "scoring/base/assert.h"
#include "scoring/base/ring.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct shard {
    /* Immutable after start. */
    struct qtl_slice **slices;
    size_t slice_count;
    size_t first; /* its slices: first, first + step, ... */
    size_t step;
    struct qtl_ring *inbox;
    struct qtl_ring *outbox;
    pthread_t thread;
};

struct qtl_shards {
    struct shard *shards;
    size_t count;
    struct qtl_ring
        *submitted; /* from ingest to publish: what next() and collect() are to return */
    /* Owned by the publish thread. */
    struct qtl_epoch *next;
    bool has_next;
};

static void *run(void *context)
{
    struct shard *const shard = context;
    for (;;) {
        struct qtl_epoch *const epoch = qtl_ring_pop(shard->inbox);
        for (size_t i = shard->first; epoch != NULL && i < shard->slice_count; i += shard->step) {
            QTL_ASSERT(epoch->slice_count == shard->slice_count);
            struct qtl_epoch_slice *const part = &epoch->slices[i];
            if (shard->slices[i] != NULL) {
                qtl_slice_apply(shard->slices[i], &part->input, &part->outcome);
            }
        }
        const enum qtl_status status = qtl_ring_push(shard->outbox, epoch);
        QTL_ASSERT(status == QTL_OK); /* as many places as epochs may be under way */
        if (epoch == NULL) {
            return NULL;
        }
    }
}

struct qtl_shards *qtl_shards_start(struct qtl_slice **slices, size_t slice_count,
                                    size_t shard_count, size_t epochs_max)
{
    QTL_ASSERT(slice_count > 0 && shard_count > 0 && epochs_max > 0);
    struct qtl_shards *const shards = calloc(1, sizeof(*shards));
    QTL_ASSERT(shards != NULL);
    shards->count = shard_count < slice_count ? shard_count : slice_count;
    shards->shards = calloc(shards->count, sizeof(*shards->shards));
    QTL_ASSERT(shards->shards != NULL);
    shards->submitted = qtl_ring_new(epochs_max + 1);
    for (size_t i = 0; i < shards->count; i++) {
        shards->shards[i] = (struct shard){.slices = slices,
                                           .slice_count = slice_count,
                                           .first = i,
                                           .step = shards->count,
                                           .inbox = qtl_ring_new(epochs_max + 1),
                                           .outbox = qtl_ring_new(epochs_max + 1)};
        QTL_ASSERT(pthread_create(&shards->shards[i].thread, NULL, run, &shards->shards[i]) == 0);
    }
    return shards;
}

static void submit(struct qtl_shards *shards, struct qtl_epoch *epoch)
{
    const enum qtl_status told = qtl_ring_push(shards->submitted, epoch);
    QTL_ASSERT(told == QTL_OK);
    for (size_t i = 0; i < shards->count; i++) {
        const enum qtl_status status = qtl_ring_push(shards->shards[i].inbox, epoch);
        QTL_ASSERT(status == QTL_OK);
    }
}

void qtl_shards_submit(struct qtl_shards *shards, struct qtl_epoch *epoch)
{
    QTL_ASSERT(epoch != NULL);
    submit(shards, epoch);
}

const struct qtl_epoch *qtl_shards_next(struct qtl_shards *shards)
{
    if (!shards->has_next) {
        shards->next = qtl_ring_pop(shards->submitted);
        shards->has_next = true;
    }
    return shards->next;
}

struct qtl_epoch *qtl_shards_collect(struct qtl_shards *shards)
{
    const struct qtl_epoch *const next = qtl_shards_next(shards);
    shards->has_next = false;
    struct qtl_epoch *const epoch = qtl_ring_pop(shards->shards[0].outbox);
    for (size_t i = 1; i < shards->count; i++) {
        struct qtl_epoch *const same = qtl_ring_pop(shards->shards[i].outbox);
        QTL_ASSERT(same == epoch);
    }
    QTL_ASSERT(epoch == next);
    return epoch;
}

void qtl_shards_submit_end(struct qtl_shards *shards)
{
    submit(shards, NULL);
}

void qtl_shards_stop(struct qtl_shards *shards)
{
    for (size_t i = 0; i < shards->count; i++) {
        QTL_ASSERT(pthread_join(shards->shards[i].thread, NULL) == 0);
        qtl_ring_free(shards->shards[i].inbox);
        qtl_ring_free(shards->shards[i].outbox);
    }
    qtl_ring_free(shards->submitted);
    free(shards->shards);
    free(shards);
}
