/*
 * The one wrapper around xxHash (XXH3). Which 64-bit hash serves what:
 *   customer_hash  seed 0 of the id: the partition uses the high bits, the table the low ones
 *   event_hash     seed 1 of event_id, 0 replaced by 1
 *   order_hash     seed 2 of order_id
 */
#ifndef QTL_SCORING_BASE_HASH_H
#define QTL_SCORING_BASE_HASH_H

#include "schemas/event.h"

#include <stddef.h>
#include <stdint.h>

struct qtl_hash128 {
    uint64_t high;
    uint64_t low;
};

/* XXH3_64bits_withSeed. @thread any */
uint64_t qtl_hash(const void *bytes, size_t length, uint64_t seed);

/* XXH3_128bits. @thread any */
struct qtl_hash128 qtl_hash_128(const void *bytes, size_t length);

/* Sets the event's three hashes from its texts. @thread any */
void qtl_event_seal(struct qtl_event *event);

/* The partition of a customer with this customer_hash, where we choose it (the local log, replay;
 * with Kafka the producers do): 0 .. partitions - 1. Never changes: logs are laid out by it.
 * @thread any */
uint32_t qtl_hash_partition(uint64_t customer_hash, uint32_t partitions);

/* Version of the xxHash built in: major * 10000 + minor * 100 + release. @thread any */
unsigned qtl_hash_library_version(void);

#endif
