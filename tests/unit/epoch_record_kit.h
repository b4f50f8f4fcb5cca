/*
 * What the tests of epoch records share: a random record with its lists, and names.
 */
#ifndef QTL_TESTS_UNIT_EPOCH_RECORD_KIT_H
#define QTL_TESTS_UNIT_EPOCH_RECORD_KIT_H

#include "tests/unit/test.h"

#include "consumer/random.h"
#include "schemas/state_reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct kit_record {
    struct qtl_epoch_record record;
    struct qtl_rejected *rejected;
    struct qtl_erasure *erasures;
    struct qtl_transition *decisions;
    char ids[64][QTL_CUSTOMER_ID_BYTES_MAX];
};

static inline uint64_t kit_bits(struct qtl_random *random)
{
    const uint64_t bits = (uint64_t)qtl_random_next(random) << 32 | qtl_random_next(random);
    return bits >> qtl_random_below(random, 64); /* of every length */
}

static inline int64_t kit_positive(struct qtl_random *random)
{
    return (int64_t)(kit_bits(random) >> 1);
}

static inline struct qtl_text kit_id(struct kit_record *kit, struct qtl_random *random)
{
    const uint32_t most = qtl_random_below(random, 4) == 0 ? QTL_CUSTOMER_ID_BYTES_MAX : 12;
    return (struct qtl_text){kit->ids[qtl_random_below(random, 64)],
                             1 + qtl_random_below(random, most)};
}

static inline void kit_decide(struct kit_record *kit, struct qtl_random *random, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        kit->decisions[i] = (struct qtl_transition){
            .customer_id = kit_id(kit, random),
            .segment = (uint16_t)(kit_bits(random) & UINT16_MAX),
            .from = (uint8_t)qtl_random_below(random, 256),
            .to = (uint8_t)qtl_random_below(random, 256),
            .at = (int64_t)(kit_bits(random) & UINT32_MAX),
            .sequence = 1 + (uint32_t)(kit_bits(random) & INT32_MAX),
            .cause = (uint8_t)qtl_random_below(random, QTL_CAUSE_ERASURE + 1),
            .records_before = (uint32_t)kit_bits(random),
            .holdout = qtl_random_below(random, 2) == 0,
        };
    }
}

static inline void kit_fill_lists(struct kit_record *kit, struct qtl_random *random)
{
    struct qtl_epoch_record *const record = &kit->record;
    kit->rejected = calloc(record->rejected_count + 1, sizeof(*kit->rejected));
    kit->erasures = calloc(record->erasure_count + 1, sizeof(*kit->erasures));
    kit->decisions = calloc(record->decision_count + 1, sizeof(*kit->decisions));
    assert_true(kit->rejected != NULL && kit->erasures != NULL && kit->decisions != NULL);
    for (size_t i = 0; i < record->rejected_count; i++) {
        kit->rejected[i] = (struct qtl_rejected){
            .stream = (uint8_t)qtl_random_below(random, QTL_STREAMS),
            .offset = kit_positive(random),
            .reason = (uint8_t)(1 + qtl_random_below(random, QTL_REASON_MISROUTED))};
    }
    for (size_t i = 0; i < record->erasure_count; i++) {
        kit->erasures[i] = (struct qtl_erasure){.customer_id = kit_id(kit, random),
                                                .records_before = (uint32_t)kit_bits(random),
                                                .decisions_before = (uint32_t)kit_bits(random)};
    }
    kit_decide(kit, random, record->decision_count);
    record->rejected = kit->rejected;
    record->erasures = kit->erasures;
    record->decisions = kit->decisions;
}

/* At most `most` elements a list. */
static inline struct kit_record *kit_record_new(struct qtl_random *random, uint32_t most)
{
    struct kit_record *const kit = calloc(1, sizeof(*kit));
    assert_non_null(kit);
    for (size_t i = 0; i < sizeof(kit->ids); i++) {
        kit->ids[i / QTL_CUSTOMER_ID_BYTES_MAX][i % QTL_CUSTOMER_ID_BYTES_MAX] =
            (char)('a' + qtl_random_below(random, 26));
    }
    struct qtl_epoch_record *const record = &kit->record;
    *record = (struct qtl_epoch_record){
        .sequence = 1 + (kit_bits(random) >> 2),
        .wall = kit_positive(random),
        .clock = -kit_positive(random),
        .rules_version = kit_bits(random),
        .cuts_version = kit_bits(random),
        .zones_version = kit_bits(random),
        .shape = kit_bits(random),
        .state_hash = kit_bits(random),
        .unfinished = qtl_random_below(random, 2) == 0,
        .sweep_waits = qtl_random_below(random, 2) == 0,
        .rejected_count = qtl_random_below(random, most + 1),
        .erasure_count = qtl_random_below(random, 3) == 0 ? qtl_random_below(random, most + 1) : 0,
        .decision_count = qtl_random_below(random, most + 1),
    };
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        record->first_offset[stream] = kit_positive(random) / 2;
        record->next_offset[stream] = record->first_offset[stream] + kit_positive(random) / 2;
    }
    kit_fill_lists(kit, random);
    return kit;
}

static inline void kit_record_free(struct kit_record *kit)
{
    free(kit->rejected);
    free(kit->erasures);
    free(kit->decisions);
    free(kit);
}

/* Two segments: a flag, and a ladder whose first state has no name. */
static const struct qtl_text kit_states[] = {{"out", 3}, {"in", 2}, {"", 0}, {"b\xc3\xa9", 3}};
static const struct qtl_segment_names kit_segments[] = {
    {.name = {"vip", 3}, .states = kit_states, .state_count = 2},
    {.name = {"tier", 4}, .states = kit_states + 2, .state_count = 2},
};
static const struct qtl_names_record kit_names = {
    .rules_version = UINT64_C(0xfedcba9876543210), .segments = kit_segments, .segment_count = 2};

static inline struct qtl_text kit_text_of(const struct qtl_bytes *bytes)
{
    return (struct qtl_text){bytes->bytes, (uint32_t)bytes->length};
}

static inline bool kit_is_same(struct qtl_text a, struct qtl_text b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

#endif
