/*
 * Bytes where a transition or a state should be, read twice with one reader, so that what a damaged
 * one leaves behind is seen: nothing crashes, both times tell the same, and what was taken has what
 * it must have.
 */
#include "schemas/assert.h"
#include "scoring/base/arena.h"
#include "sinks/transition_read.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef enum qtl_status (*read_function)(struct qtl_transition_read *read, struct qtl_text document,
                                         struct qtl_arena *arena,
                                         struct qtl_transition_fields *fields);

/* The sum of all bytes of all texts: each of them is touched. */
static uint64_t sum_of(const struct qtl_transition_fields *fields)
{
    const struct qtl_text texts[] = {fields->id, fields->customer_id, fields->segment, fields->from,
                                     fields->to, fields->at,          fields->cause};
    uint64_t sum = fields->sequence;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (uint32_t n = 0; n < texts[i].length; n++) {
            sum = sum * 31 + (unsigned char)texts[i].bytes[n];
        }
    }
    for (uint32_t i = 0; i < fields->pair_count; i++) {
        for (uint32_t n = 0; n < fields->pairs[i].name.length; n++) {
            sum = sum * 31 + (unsigned char)fields->pairs[i].name.bytes[n];
        }
        for (uint32_t n = 0; n < fields->pairs[i].value.length; n++) {
            sum = sum * 31 + (unsigned char)fields->pairs[i].value.bytes[n];
        }
    }
    return sum;
}

static void read_twice(struct qtl_transition_read *read, read_function function,
                       struct qtl_text document)
{
    struct qtl_arena arenas[2] = {{0}, {0}};
    struct qtl_transition_fields fields[2];
    const enum qtl_status first = function(read, document, &arenas[0], &fields[0]);
    const enum qtl_status second = function(read, document, &arenas[1], &fields[1]);
    QTL_ASSERT(first == second);
    if (first == QTL_OK) {
        QTL_ASSERT(fields[0].customer_id.length > 0);
        QTL_ASSERT(fields[0].sequence > 0);
        QTL_ASSERT(sum_of(&fields[0]) == sum_of(&fields[1]));
    }
    qtl_arena_fini(&arenas[0]);
    qtl_arena_fini(&arenas[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *const bytes = malloc(size + 1); /* of its own size, so that a byte too far is seen */
    QTL_ASSERT(bytes != NULL);
    if (size > 0) {
        memcpy(bytes, data, size);
    }
    struct qtl_transition_read *const read = qtl_transition_read_new();
    const struct qtl_text document = {bytes, (uint32_t)size};
    read_twice(read, qtl_transition_read_change, document);
    read_twice(read, qtl_transition_read_state, document);
    qtl_transition_read_free(read);
    free(bytes);
    return 0;
}
