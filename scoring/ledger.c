/*
 * See ledger.h. Positions come from the ledger, not from the epoch: ranges follow each other
 * without a hole, also where a partition was not read in an epoch or its offsets have gaps.
 */
#include "scoring/ledger.h"

#include "scoring/base/assert.h"

#include <stdlib.h>
#include <string.h>

void qtl_ledger_scratch_fini(struct qtl_ledger_scratch *scratch)
{
    free(scratch->rejected);
    *scratch = (struct qtl_ledger_scratch){0};
}

static bool has_moved(const struct qtl_epoch_slice *part, int stream)
{
    return part->next_offset[stream] > part->first_offset[stream];
}

bool qtl_ledger_has_read(const struct qtl_epoch_slice *part)
{
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        if (has_moved(part, stream)) {
            return true;
        }
    }
    return false;
}

bool qtl_ledger_is_due(const struct qtl_epoch_slice *part)
{
    return qtl_ledger_has_read(part) || part->outcome.transition_count > 0 || part->outcome.swept;
}

/* All dead letters of the slice: those of who decoded, then the slice's own. */
static size_t list_rejected(const struct qtl_epoch_slice *part, struct qtl_ledger_scratch *scratch)
{
    const struct qtl_outcome *const outcome = &part->outcome;
    const size_t count = part->dead_letter_count + outcome->reject_count;
    if (count > scratch->capacity) {
        struct qtl_rejected *const grown = realloc(scratch->rejected, count * sizeof(*grown));
        QTL_ASSERT(grown != NULL);
        scratch->rejected = grown;
        scratch->capacity = count;
    }
    struct qtl_rejected *next = scratch->rejected;
    for (size_t i = 0; i < part->dead_letter_count; i++) {
        const struct qtl_dead_letter *const letter = &part->dead_letters[i];
        *next++ = (struct qtl_rejected){
            .offset = letter->offset, .stream = letter->stream, .reason = letter->reason};
    }
    for (size_t i = 0; i < outcome->reject_count; i++) {
        const struct qtl_reject *const reject = &outcome->rejects[i];
        *next++ = (struct qtl_rejected){.offset = reject->event->offset,
                                        .stream = reject->event->stream,
                                        .reason = (uint8_t)reject->reason};
    }
    return count;
}

void qtl_ledger_describe(const struct qtl_ledger *ledger, const struct qtl_epoch *epoch,
                         size_t slice, const struct qtl_ledger_versions *versions,
                         struct qtl_ledger_scratch *scratch, struct qtl_epoch_record *record)
{
    QTL_ASSERT(slice < epoch->slice_count);
    const struct qtl_epoch_slice *const part = &epoch->slices[slice];
    const struct qtl_outcome *const outcome = &part->outcome;
    QTL_ASSERT(qtl_ledger_is_due(part));
    QTL_ASSERT(outcome->clock >= ledger->clock);
    const size_t rejected_count = list_rejected(part, scratch);
    *record = (struct qtl_epoch_record){
        .sequence = ledger->sequence + 1,
        .wall = epoch->wall,
        .clock = outcome->clock,
        .rules_version = versions->rules,
        .shape = versions->shape,
        .state_hash = outcome->state_hash,
        .unfinished = outcome->unfinished,
        .sweep_waits = outcome->sweep_waits,
        .rejected = scratch->rejected,
        .rejected_count = rejected_count,
        .decisions = outcome->transitions,
        .decision_count = outcome->transition_count,
    };
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        const int64_t position = ledger->next_offset[stream];
        const bool moved = has_moved(part, stream);
        QTL_ASSERT(!moved || part->first_offset[stream] >= position);
        record->first_offset[stream] = position;
        record->next_offset[stream] = moved ? part->next_offset[stream] : position;
    }
}

void qtl_ledger_advance(struct qtl_ledger *ledger, const struct qtl_epoch_record *record)
{
    QTL_ASSERT(record->sequence == ledger->sequence + 1);
    ledger->sequence = record->sequence;
    memcpy(ledger->next_offset, record->next_offset, sizeof(ledger->next_offset));
    ledger->rules_version = record->rules_version;
    ledger->clock = record->clock;
    ledger->unfinished = record->unfinished;
    ledger->sweep_waits = record->sweep_waits;
}

/* A flag's states; a ladder's rungs come here. */
enum { FLAG_STATES = 2 };

/* One block: the record, its segments, their states. */
struct names_block {
    struct qtl_names_record record;
    struct qtl_segment_names segments[QTL_SEGMENTS_MAX];
    struct qtl_text states[QTL_SEGMENTS_MAX][FLAG_STATES];
};

struct qtl_names_record *qtl_ledger_names_new(const struct qtl_rules *rules)
{
    QTL_ASSERT(rules->segment_count <= QTL_SEGMENTS_MAX);
    struct names_block *const block = calloc(1, sizeof(*block));
    QTL_ASSERT(block != NULL);
    for (uint16_t i = 0; i < rules->segment_count; i++) {
        for (uint8_t state = 0; state < FLAG_STATES; state++) {
            block->states[i][state] = qtl_text_of(qtl_rules_state_name(rules, i, state));
        }
        block->segments[i] =
            (struct qtl_segment_names){.name = qtl_text_of(rules->segments[i].name),
                                       .states = block->states[i],
                                       .state_count = FLAG_STATES};
    }
    block->record = (struct qtl_names_record){.rules_version = rules->version,
                                              .segments = block->segments,
                                              .segment_count = rules->segment_count};
    return &block->record;
}

void qtl_ledger_names_free(struct qtl_names_record *names)
{
    free(names); /* the record is the block's first member */
}
