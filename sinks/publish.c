/*
 * See publish.h. Everything an epoch says is encoded into buffers that stay, and handed to the
 * log's writer record by record; what is durable and visible, and when, is the log's business.
 *
 * Thread: publish.
 */
#include "sinks/publish.h"

#include "schemas/bytes.h"
#include "schemas/epoch_record.h"
#include "scoring/base/assert.h"
#include "scoring/base/ring.h"
#include "scoring/rules.h"
#include "scoring/shards.h"
#include "sinks/customer_json.h"
#include "sinks/dead_letter.h"
#include "sinks/transition_avro.h"
#include "sinks/transition_json.h"

#include <stdlib.h>

struct qtl_publish {
    struct qtl_publish_settings settings; /* Immutable after new. */
    /* Owned by the publish thread. */
    struct qtl_names_record *names;
    struct qtl_epoch_record *records; /* one a slice, of the epoch at hand */
    bool *due;                        /* which slices have one */
    bool *sent;                       /* whose positions were sent with begin() */
    struct qtl_log_position *positions;
    struct qtl_ledger_scratch *scratches;
    struct qtl_json_buffer json;
    struct qtl_transition_avro *avro; /* NULL: transitions are JSON */
    struct qtl_bytes bytes;
    /* Written by publish, read by anyone. */
    struct qtl_publish_counters counters;
};

struct qtl_publish *qtl_publish_new(const struct qtl_publish_settings *settings)
{
    struct qtl_publish *const publish = calloc(1, sizeof(*publish));
    QTL_ASSERT(publish != NULL);
    const size_t count = settings->slice_count;
    publish->settings = *settings;
    publish->names = qtl_ledger_names_new(settings->rules);
    publish->records = calloc(count, sizeof(*publish->records));
    publish->due = calloc(count, sizeof(*publish->due));
    publish->sent = calloc(count, sizeof(*publish->sent));
    publish->positions = calloc(count * QTL_STREAMS, sizeof(*publish->positions));
    publish->scratches = calloc(count, sizeof(*publish->scratches));
    if (settings->transitions.is_avro) {
        publish->avro = qtl_transition_avro_new((enum qtl_framing)settings->transitions.framing,
                                                settings->transitions.schema_id);
    }
    QTL_ASSERT(publish->records != NULL && publish->due != NULL && publish->sent != NULL);
    QTL_ASSERT(publish->positions != NULL && publish->scratches != NULL);
    return publish;
}

void qtl_publish_free(struct qtl_publish *publish)
{
    if (publish == NULL) {
        return;
    }
    for (size_t slice = 0; slice < publish->settings.slice_count; slice++) {
        qtl_ledger_scratch_fini(&publish->scratches[slice]);
    }
    qtl_ledger_names_free(publish->names);
    qtl_json_buffer_fini(&publish->json);
    qtl_transition_avro_free(publish->avro);
    qtl_bytes_fini(&publish->bytes);
    free(publish->records);
    free(publish->due);
    free(publish->sent);
    free(publish->positions);
    free(publish->scratches);
    free(publish);
}

const struct qtl_publish_counters *qtl_publish_counters(const struct qtl_publish *publish)
{
    return &publish->counters;
}

static void count(atomic_uint_fast64_t *counter, uint64_t more)
{
    /* One writer: a plain read and a relaxed store are enough. */
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
                          memory_order_relaxed);
}

static enum qtl_status append(struct qtl_publish *publish, struct qtl_log_append *record,
                              struct qtl_error *error)
{
    struct qtl_log_writer *const writer = publish->settings.writer;
    record->has_key = true;
    record->has_value = true;
    return writer->ops->append(writer, record, error);
}

/* Adds the positions of one slice. */
static size_t add_positions(struct qtl_publish *publish, size_t slice, const int64_t *next_offset,
                            uint64_t sequence, int64_t clock, size_t count)
{
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        publish->positions[count++] = (struct qtl_log_position){.topic = (enum qtl_topic)stream,
                                                                .partition = (int32_t)slice,
                                                                .next_offset = next_offset[stream],
                                                                .sequence = sequence,
                                                                .clock = clock};
    }
    return count;
}

/* The positions of the slices that read something: known before the shards are done. */
static size_t look_ahead(struct qtl_publish *publish, const struct qtl_epoch *epoch)
{
    size_t positions = 0;
    for (size_t slice = 0; slice < epoch->slice_count; slice++) {
        const struct qtl_epoch_slice *const part = &epoch->slices[slice];
        const struct qtl_ledger *const ledger = &publish->settings.ledgers[slice];
        publish->sent[slice] = qtl_ledger_has_read(part);
        if (!publish->sent[slice]) {
            continue;
        }
        int64_t next_offset[QTL_STREAMS];
        for (int stream = 0; stream < QTL_STREAMS; stream++) {
            const bool moved = part->next_offset[stream] > part->first_offset[stream];
            next_offset[stream] = moved ? part->next_offset[stream] : ledger->next_offset[stream];
        }
        positions = add_positions(publish, slice, next_offset, ledger->sequence + 1,
                                  part->input.clock, positions);
    }
    return positions;
}

/* Fills records and due, and the positions of the slices that were not sent ahead. */
static size_t describe(struct qtl_publish *publish, const struct qtl_epoch *epoch)
{
    size_t positions = 0;
    for (size_t slice = 0; slice < epoch->slice_count; slice++) {
        struct qtl_epoch_record *const record = &publish->records[slice];
        publish->due[slice] = qtl_ledger_is_due(&epoch->slices[slice]);
        if (!publish->due[slice]) {
            continue;
        }
        qtl_ledger_describe(&publish->settings.ledgers[slice], epoch, slice,
                            &publish->settings.versions, &publish->scratches[slice], record);
        if (!publish->sent[slice]) {
            positions = add_positions(publish, slice, record->next_offset, record->sequence,
                                      record->clock, positions);
        }
    }
    return positions;
}

enum { TRANSITION_HEADERS = 4 };

/* What a consumer can filter by without decoding (DESIGN 6). */
static void make_headers(const struct qtl_rules *rules, const struct qtl_transition *transition,
                         struct qtl_log_header headers[TRANSITION_HEADERS])
{
    const uint16_t segment = transition->segment;
    const char *const rows[TRANSITION_HEADERS][2] = {
        {"segment", rules->segments[segment].name},
        {"from", qtl_rules_state_name(rules, segment, transition->from)},
        {"to", qtl_rules_state_name(rules, segment, transition->to)},
        {"cause", qtl_transition_json_cause((enum qtl_cause)transition->cause)},
    };
    for (int i = 0; i < TRANSITION_HEADERS; i++) {
        headers[i] = (struct qtl_log_header){.name = qtl_text_of(rows[i][0]),
                                             .value = qtl_text_of(rows[i][1])};
    }
}

/* A transition's bytes, until the next one's. */
static struct qtl_text encode(struct qtl_publish *publish, const struct qtl_transition *transition,
                              const struct qtl_publication *publication)
{
    const struct qtl_rules *const rules = publish->settings.rules;
    if (publish->avro != NULL) {
        return qtl_transition_avro_encode(publish->avro, rules, transition, publication);
    }
    publish->json.length = 0;
    qtl_transition_json(&publish->json, rules, transition, publication);
    return (struct qtl_text){publish->json.bytes, (uint32_t)publish->json.length};
}

static enum qtl_status append_transitions(struct qtl_publish *publish,
                                          const struct qtl_epoch *epoch, size_t slice,
                                          struct qtl_error *error)
{
    const struct qtl_outcome *const outcome = &epoch->slices[slice].outcome;
    const struct qtl_publication publication = {.detected_at = epoch->wall,
                                                .epoch = publish->records[slice].sequence};
    enum qtl_status status = QTL_OK;
    for (size_t i = 0; i < outcome->transition_count && status == QTL_OK; i++) {
        const struct qtl_transition *const transition = &outcome->transitions[i];
        struct qtl_log_header headers[TRANSITION_HEADERS];
        make_headers(publish->settings.rules, transition, headers);
        struct qtl_log_append record = {
            .topic = QTL_TOPIC_TRANSITIONS,
            .partition = (int32_t)slice,
            .timestamp_ms = epoch->wall * 1000,
            .key = transition->customer_id,
            .value = encode(publish, transition, &publication),
            .headers = headers,
            .header_count = TRANSITION_HEADERS,
        };
        status = append(publish, &record, error);
    }
    return status;
}

/* The customer's whole state after each evaluation that changed it; the last one stays when the
 * topic is compacted. */
static enum qtl_status append_customers(struct qtl_publish *publish, const struct qtl_epoch *epoch,
                                        size_t slice, struct qtl_error *error)
{
    const struct qtl_outcome *const outcome = &epoch->slices[slice].outcome;
    enum qtl_status status = QTL_OK;
    for (size_t i = 0; i < outcome->transition_count && status == QTL_OK; i++) {
        const struct qtl_transition *const transition = &outcome->transitions[i];
        const bool is_last = i + 1 == outcome->transition_count ||
                             outcome->transitions[i + 1].states != transition->states;
        if (!is_last) {
            continue;
        }
        publish->json.length = 0;
        qtl_customer_json_states(&publish->json, publish->settings.rules, transition);
        struct qtl_log_append record = {
            .topic = QTL_TOPIC_PROFILES,
            .partition = (int32_t)slice,
            .timestamp_ms = epoch->wall * 1000,
            .key = transition->customer_id,
            .value = {publish->json.bytes, (uint32_t)publish->json.length},
        };
        status = append(publish, &record, error);
    }
    return status;
}

static enum qtl_status append_dead_letters(struct qtl_publish *publish,
                                           const struct qtl_epoch *epoch, size_t slice,
                                           struct qtl_error *error)
{
    const struct qtl_epoch_slice *const part = &epoch->slices[slice];
    struct qtl_log_writer *const writer = publish->settings.writer;
    enum qtl_status status = QTL_OK;
    for (size_t i = 0; i < part->dead_letter_count && status == QTL_OK; i++) {
        const struct qtl_dead_letter *const letter = &part->dead_letters[i];
        status = qtl_dead_letter_append(writer, (int32_t)slice, epoch->wall, letter, error);
        count(&publish->counters.dead_letters[letter->reason], 1);
    }
    for (size_t i = 0; i < part->outcome.reject_count && status == QTL_OK; i++) {
        const struct qtl_reject *const reject = &part->outcome.rejects[i];
        const struct qtl_event *const event = reject->event;
        const struct qtl_dead_letter letter = {
            .raw = event->raw,
            .key = event->customer_id,
            .raw_bytes = event->raw.length,
            .offset = event->offset,
            .timestamp_ms = event->stamp == QTL_TIME_ABSENT ? QTL_TIME_ABSENT : event->stamp * 1000,
            .stream = event->stream,
            .reason = (uint8_t)reject->reason,
            .has_key = true,
        };
        status = qtl_dead_letter_append(writer, (int32_t)slice, epoch->wall, &letter, error);
        count(&publish->counters.dead_letters[reject->reason], 1);
    }
    return status;
}

static enum qtl_status append_names(struct qtl_publish *publish, const struct qtl_epoch *epoch,
                                    size_t slice, struct qtl_error *error)
{
    char key[QTL_EPOCH_RECORD_KEY_MAX];
    publish->bytes.length = 0;
    qtl_epoch_record_encode_names(publish->names, &publish->bytes);
    struct qtl_log_append record = {
        .topic = QTL_TOPIC_STATE,
        .partition = (int32_t)slice,
        .timestamp_ms = epoch->wall * 1000,
        .key = qtl_epoch_record_names_key((uint32_t)slice, publish->settings.rules->version, key),
        .value = {publish->bytes.bytes, (uint32_t)publish->bytes.length},
    };
    return append(publish, &record, error);
}

static enum qtl_status append_record(struct qtl_publish *publish, const struct qtl_epoch *epoch,
                                     size_t slice, struct qtl_error *error)
{
    const struct qtl_epoch_record *const described = &publish->records[slice];
    enum qtl_status status = QTL_OK;
    if (!publish->settings.ledgers[slice].names_written) {
        status = append_names(publish, epoch, slice, error);
    }
    struct qtl_epoch_record_encoder encoder;
    qtl_epoch_record_begin(&encoder, described);
    for (uint32_t part = 0; status == QTL_OK; part++) {
        publish->bytes.length = 0;
        if (!qtl_epoch_record_next(&encoder, &publish->bytes)) {
            break;
        }
        char key[QTL_EPOCH_RECORD_KEY_MAX];
        struct qtl_log_append record = {
            .topic = QTL_TOPIC_STATE,
            .partition = (int32_t)slice,
            .timestamp_ms = epoch->wall * 1000,
            .key = qtl_epoch_record_key((uint32_t)slice, described->sequence, part, key),
            .value = {publish->bytes.bytes, (uint32_t)publish->bytes.length},
        };
        status = append(publish, &record, error);
    }
    return status;
}

static enum qtl_status append_slice(struct qtl_publish *publish, const struct qtl_epoch *epoch,
                                    size_t slice, struct qtl_error *error)
{
    enum qtl_status status = append_transitions(publish, epoch, slice, error);
    if (status == QTL_OK && publish->settings.customers) {
        status = append_customers(publish, epoch, slice, error);
    }
    if (status == QTL_OK) {
        status = append_dead_letters(publish, epoch, slice, error);
    }
    if (status == QTL_OK) {
        status = append_record(publish, epoch, slice, error);
    }
    return status;
}

/* The epoch is durable and visible: the ledgers and the counters go on. */
static void advance(struct qtl_publish *publish, const struct qtl_epoch *epoch)
{
    for (size_t slice = 0; slice < epoch->slice_count; slice++) {
        const struct qtl_epoch_slice *const part = &epoch->slices[slice];
        if (!publish->due[slice]) {
            continue;
        }
        qtl_ledger_advance(&publish->settings.ledgers[slice], &publish->records[slice]);
        publish->settings.ledgers[slice].names_written = true;
        count(&publish->counters.transitions, part->outcome.transition_count);
        count(&publish->counters.skipped, part->skipped);
    }
    count(&publish->counters.records, epoch->records);
    count(&publish->counters.epochs, 1);
}

/* Opens the epoch's transaction while the shards still score, where something was read. */
static enum qtl_status begin_early(struct qtl_publish *publish, const struct qtl_epoch *epoch,
                                   bool *is_open, struct qtl_error *error)
{
    struct qtl_log_writer *const writer = publish->settings.writer;
    const size_t positions = look_ahead(publish, epoch);
    *is_open = positions > 0;
    return positions == 0 ? QTL_OK
                          : writer->ops->begin(writer, publish->settings.token, publish->positions,
                                               positions, error);
}

/* The rest, once they are done. */
static enum qtl_status publish_epoch(struct qtl_publish *publish, const struct qtl_epoch *epoch,
                                     bool is_open, struct qtl_error *error)
{
    struct qtl_log_writer *const writer = publish->settings.writer;
    const struct qtl_log_token *const token = publish->settings.token;
    const size_t positions = describe(publish, epoch);
    enum qtl_status status = QTL_OK;
    if (positions == 0 && !is_open) {
        return QTL_OK;
    }
    if (!is_open) {
        status = writer->ops->begin(writer, token, publish->positions, positions, error);
    } else if (positions > 0) {
        status = writer->ops->add_positions(writer, token, publish->positions, positions, error);
    }
    for (size_t slice = 0; slice < epoch->slice_count && status == QTL_OK; slice++) {
        if (publish->due[slice]) {
            status = append_slice(publish, epoch, slice, error);
        }
    }
    if (status == QTL_OK) {
        status = writer->ops->commit(writer, error);
    } else {
        writer->ops->abort(writer);
    }
    if (status == QTL_OK) {
        advance(publish, epoch);
    }
    return status;
}

enum qtl_status qtl_publish_run(struct qtl_publish *publish, struct qtl_error *error)
{
    const struct qtl_publish_settings *const settings = &publish->settings;
    enum qtl_status status = QTL_OK;
    const struct qtl_epoch *next = NULL;
    while ((next = qtl_shards_next(settings->shards)) != NULL) {
        bool is_open = false;
        const bool was_well = status == QTL_OK;
        if (was_well) {
            status = begin_early(publish, next, &is_open, error);
        }
        struct qtl_epoch *const epoch = qtl_shards_collect(settings->shards);
        if (status == QTL_OK) {
            status = publish_epoch(publish, epoch, is_open, error);
        }
        if (was_well && status != QTL_OK) { /* the latch: nothing more is published */
            atomic_store_explicit(&publish->counters.failed, true, memory_order_relaxed);
        }
        const enum qtl_status returned = qtl_ring_push(settings->returned, epoch);
        QTL_ASSERT(returned == QTL_OK); /* it has a place for every epoch */
        settings->wake(settings->context);
    }
    struct qtl_epoch *const none = qtl_shards_collect(settings->shards); /* lets the shards end */
    QTL_ASSERT(none == NULL);
    return status;
}
