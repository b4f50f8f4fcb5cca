/*
 * xxHash, header-only, inlined here and nowhere else; see hash.h.
 */
#include "scoring/base/hash.h"

#include "scoring/base/assert.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t qtl_hash(const void *bytes, size_t length, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, length, seed);
}

struct qtl_hash128 qtl_hash_128(const void *bytes, size_t length)
{
    const XXH128_hash_t hash = XXH3_128bits(bytes, length);
    return (struct qtl_hash128){.high = hash.high64, .low = hash.low64};
}

void qtl_event_seal(struct qtl_event *event)
{
    event->customer_hash = qtl_hash(event->customer_id.bytes, event->customer_id.length, 0);
    event->event_hash = 0;
    if (event->event_id.length > 0) {
        const uint64_t hash = qtl_hash(event->event_id.bytes, event->event_id.length, 1);
        event->event_hash = hash == 0 ? 1 : hash;
    }
    event->order_hash = qtl_hash(event->order_id.bytes, event->order_id.length, 2);
}

uint32_t qtl_hash_partition(uint64_t customer_hash, uint32_t partitions)
{
    QTL_ASSERT(partitions > 0);
    return (uint32_t)((customer_hash >> 32) % partitions);
}

unsigned qtl_hash_library_version(void)
{
    return XXH_versionNumber();
}
