/*
 * See epoch_record.h; field by field what schemas/epoch_record.avsc says, in its order.
 *
 *   part ->  | version | which | scalars, part, parts | rejected | erasures | decisions |
 *
 * The number of parts stands in every part, so the lists are walked twice: once to count, once to
 * write. Both walks cut by the same rule: as many elements as fit.
 */
#include "schemas/epoch_record.h"

#include "schemas/assert.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Places in the union `body`. */
enum { BODY_EPOCH, BODY_NAMES };
/* Scalars of ten bytes at most each, and the frames of three lists. */
enum { HEAD_BYTES_MAX = 256 };
enum { NO_SCORES = 0, SCORES_BYTES = 1, FLAG_BYTES = 1 };

static size_t bytes_of_text(struct qtl_text text)
{
    return qtl_bytes_of_long(text.length) + text.length;
}

static void put_unsigned(struct qtl_bytes *out, uint64_t value)
{
    qtl_bytes_put_long(out, (int64_t)value); /* the same 64 bits */
}

static size_t bytes_of_rejected(const struct qtl_rejected *rejected)
{
    return qtl_bytes_of_long(rejected->stream) + qtl_bytes_of_long(rejected->offset) +
           qtl_bytes_of_long(rejected->reason);
}

static void put_rejected(struct qtl_bytes *out, const struct qtl_rejected *rejected)
{
    qtl_bytes_put_long(out, rejected->stream);
    qtl_bytes_put_long(out, rejected->offset);
    qtl_bytes_put_long(out, rejected->reason);
}

static size_t bytes_of_erasure(const struct qtl_erasure *erasure)
{
    return bytes_of_text(erasure->customer_id) + qtl_bytes_of_long(erasure->records_before) +
           qtl_bytes_of_long(erasure->decisions_before);
}

static void put_erasure(struct qtl_bytes *out, const struct qtl_erasure *erasure)
{
    qtl_bytes_put_text(out, erasure->customer_id);
    qtl_bytes_put_long(out, erasure->records_before);
    qtl_bytes_put_long(out, erasure->decisions_before);
}

static size_t bytes_of_decision(const struct qtl_transition *decision)
{
    return bytes_of_text(decision->customer_id) + qtl_bytes_of_long(decision->segment) +
           qtl_bytes_of_long(decision->from) + qtl_bytes_of_long(decision->to) +
           qtl_bytes_of_long(decision->at) + qtl_bytes_of_long(decision->sequence) +
           qtl_bytes_of_long(decision->cause) + qtl_bytes_of_long(decision->records_before) +
           FLAG_BYTES + SCORES_BYTES;
}

static void put_decision(struct qtl_bytes *out, const struct qtl_transition *decision)
{
    qtl_bytes_put_text(out, decision->customer_id);
    qtl_bytes_put_long(out, decision->segment);
    qtl_bytes_put_long(out, decision->from);
    qtl_bytes_put_long(out, decision->to);
    qtl_bytes_put_long(out, decision->at);
    qtl_bytes_put_long(out, decision->sequence);
    qtl_bytes_put_long(out, decision->cause);
    qtl_bytes_put_long(out, decision->records_before);
    qtl_bytes_put_flag(out, decision->holdout);
    qtl_bytes_put_long(out, NO_SCORES);
}

/* Moves the encoder's places behind what fits into one part. False where nothing is left behind. */
static bool fill(struct qtl_epoch_record_encoder *encoder)
{
    const struct qtl_epoch_record *const record = encoder->record;
    size_t room = QTL_EPOCH_RECORD_PART_BYTES - HEAD_BYTES_MAX;
    for (; encoder->rejected < record->rejected_count; encoder->rejected++) {
        const size_t bytes = bytes_of_rejected(&record->rejected[encoder->rejected]);
        if (bytes > room) {
            return true;
        }
        room -= bytes;
    }
    for (; encoder->erasures < record->erasure_count; encoder->erasures++) {
        const size_t bytes = bytes_of_erasure(&record->erasures[encoder->erasures]);
        if (bytes > room) {
            return true;
        }
        room -= bytes;
    }
    for (; encoder->decisions < record->decision_count; encoder->decisions++) {
        const size_t bytes = bytes_of_decision(&record->decisions[encoder->decisions]);
        if (bytes > room) {
            return true;
        }
        room -= bytes;
    }
    return false;
}

void qtl_epoch_record_begin(struct qtl_epoch_record_encoder *encoder,
                            const struct qtl_epoch_record *record)
{
    QTL_ASSERT(record->sequence > 0);
    struct qtl_epoch_record_encoder counting = {.record = record};
    uint32_t parts = 1;
    while (fill(&counting)) {
        parts++;
        QTL_ASSERT(parts <= QTL_EPOCH_RECORD_PARTS_MAX);
    }
    *encoder = (struct qtl_epoch_record_encoder){.record = record, .parts = parts};
}

static void put_head(struct qtl_bytes *out, const struct qtl_epoch_record_encoder *encoder)
{
    const struct qtl_epoch_record *const record = encoder->record;
    qtl_bytes_put_long(out, QTL_EPOCH_RECORD_VERSION);
    qtl_bytes_put_long(out, BODY_EPOCH);
    put_unsigned(out, record->sequence);
    qtl_bytes_put_long(out, encoder->part);
    qtl_bytes_put_long(out, encoder->parts);
    qtl_bytes_put_long(out, record->wall);
    qtl_bytes_put_long(out, record->clock);
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        QTL_ASSERT(record->first_offset[stream] <= record->next_offset[stream]);
        qtl_bytes_put_long(out, record->first_offset[stream]);
        qtl_bytes_put_long(out, record->next_offset[stream]);
    }
    put_unsigned(out, record->rules_version);
    put_unsigned(out, record->cuts_version);
    put_unsigned(out, record->zones_version);
    put_unsigned(out, record->shape);
    put_unsigned(out, record->state_hash);
    qtl_bytes_put_flag(out, record->unfinished);
    qtl_bytes_put_flag(out, record->sweep_waits);
}

/* An Avro array is blocks: a count, so many elements; a count of 0 ends it. */
static void put_count(struct qtl_bytes *out, size_t count)
{
    if (count > 0) {
        qtl_bytes_put_long(out, (int64_t)count);
    }
}

bool qtl_epoch_record_next(struct qtl_epoch_record_encoder *encoder, struct qtl_bytes *out)
{
    if (encoder->part == encoder->parts) {
        return false;
    }
    const struct qtl_epoch_record *const record = encoder->record;
    const size_t before = out->length;
    const struct qtl_epoch_record_encoder from = *encoder;
    const bool has_more = fill(encoder);
    QTL_ASSERT(has_more == (encoder->part + 1 < encoder->parts));
    put_head(out, encoder);
    put_count(out, encoder->rejected - from.rejected);
    for (size_t i = from.rejected; i < encoder->rejected; i++) {
        put_rejected(out, &record->rejected[i]);
    }
    qtl_bytes_put_long(out, 0);
    put_count(out, encoder->erasures - from.erasures);
    for (size_t i = from.erasures; i < encoder->erasures; i++) {
        put_erasure(out, &record->erasures[i]);
    }
    qtl_bytes_put_long(out, 0);
    put_count(out, encoder->decisions - from.decisions);
    for (size_t i = from.decisions; i < encoder->decisions; i++) {
        put_decision(out, &record->decisions[i]);
    }
    qtl_bytes_put_long(out, 0);
    QTL_ASSERT(out->length - before <= QTL_EPOCH_RECORD_PART_BYTES);
    encoder->part++;
    return true;
}

void qtl_epoch_record_encode_names(const struct qtl_names_record *names, struct qtl_bytes *out)
{
    const size_t before = out->length;
    qtl_bytes_put_long(out, QTL_EPOCH_RECORD_VERSION);
    qtl_bytes_put_long(out, BODY_NAMES);
    put_unsigned(out, names->rules_version);
    put_count(out, names->segment_count);
    for (size_t i = 0; i < names->segment_count; i++) {
        const struct qtl_segment_names *const segment = &names->segments[i];
        qtl_bytes_put_text(out, segment->name);
        put_count(out, segment->state_count);
        for (size_t state = 0; state < segment->state_count; state++) {
            qtl_bytes_put_text(out, segment->states[state]);
        }
        qtl_bytes_put_long(out, 0);
    }
    qtl_bytes_put_long(out, 0);
    QTL_ASSERT(out->length - before <= QTL_EPOCH_RECORD_PART_BYTES);
}

static struct qtl_text key_text(const char *text, int length)
{
    QTL_ASSERT(length > 0 && length < QTL_EPOCH_RECORD_KEY_MAX);
    return (struct qtl_text){text, (uint32_t)length};
}

struct qtl_text qtl_epoch_record_key(uint32_t slice, uint64_t sequence, uint32_t part, char *text)
{
    return key_text(text, snprintf(text, QTL_EPOCH_RECORD_KEY_MAX,
                                   "%" PRIu32 "/%" PRIu64 "/%" PRIu32, slice, sequence, part));
}

struct qtl_text qtl_epoch_record_names_key(uint32_t slice, uint64_t rules_version, char *text)
{
    return key_text(text, snprintf(text, QTL_EPOCH_RECORD_KEY_MAX, "%" PRIu32 "/names/%016" PRIx64,
                                   slice, rules_version));
}
