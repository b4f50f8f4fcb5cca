/*
 * See recovery.h. One slice after the other, one epoch after the other: an epoch's records and
 * decisions are in memory only while it is replayed.
 *
 *   quintil.state p -> parts -> epoch record -> checks -> ranges read again -> slice replays
 *                                                           |                     |
 *                                              same dead letters?      same hash of the change?
 *
 * Every check is a sentence, because each stands for a start that must not happen. Rejected:
 * evaluating the rules again and comparing. It would make what was published depend on today's
 * code.
 *
 * Thread: main, before the others start.
 */
#include "consumer/recovery.h"

#include "consumer/config.h"
#include "consumer/reread.h"
#include "consumer/shape.h"
#include "consumer/stream.h"
#include "schemas/state_reader.h"
#include "schemas/topic.h"
#include "scoring/base/assert.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What to do where the log contradicts itself. */
#define RESTORE "restore the whole log from one copy, or begin anew with an empty folder"
enum { STATES_MAX = 256 };
enum { WAIT_MS = 100, WAITS_MAX = 300 };

/* What the log holds of one slice, before anything is read. */
struct begin {
    int64_t committed[QTL_STREAMS]; /* -1: never */
    int64_t input_first[QTL_STREAMS];
    int64_t state_first; /* of its partition of quintil.state */
    int64_t state_end;
    uint64_t sequence; /* beside the committed offsets; 0: none, or not kept */
};

/* A recorded segment among those of today. */
struct segment_map {
    int segment; /* -1: gone */
    int states[STATES_MAX];
    size_t state_count;
};

struct recovery {
    const struct qtl_recovery_settings *settings;
    struct qtl_reread reread;
    struct qtl_state_reader state;
    struct qtl_epoch *epoch; /* of one slice */
    uint64_t shape;
    struct segment_map *map; /* the names in force */
    size_t map_count;
    uint64_t map_version;
    bool has_map;
    struct qtl_transition *decisions; /* of one epoch, in the numbers of today */
    size_t decision_capacity;
    /* The slice at hand. */
    int32_t partition;
    struct qtl_slice *slice;
    struct qtl_ledger *ledger;
    const struct begin *begin;
    struct qtl_error *error;
};

static enum qtl_status state_newer(const struct recovery *recovery)
{
    return qtl_error_set(recovery->error, QTL_BAD_CONF,
                         "quintil.state, partition %" PRId32 ": record %" PRIu64
                         " was written by a newer version of quintil: start that one",
                         recovery->partition, recovery->ledger->sequence + 1);
}

/* The states of a segment by their names; -1 where today's has no such state. */
static void map_states(const struct qtl_rules *rules, const struct qtl_segment_names *names,
                       struct segment_map *map)
{
    map->state_count = names->state_count;
    for (size_t i = 0; i < names->state_count; i++) {
        map->states[i] = -1;
        for (uint8_t state = QTL_STATE_OUT; map->segment >= 0 && state <= QTL_STATE_IN; state++) {
            const char *const name = qtl_rules_state_name(rules, (uint16_t)map->segment, state);
            if (strlen(name) == names->states[i].length &&
                memcmp(name, names->states[i].bytes, names->states[i].length) == 0) {
                map->states[i] = state;
            }
        }
    }
}

static void take_names(struct recovery *recovery, const struct qtl_names_record *names)
{
    const struct qtl_rules *const rules = recovery->settings->rules;
    free(recovery->map);
    recovery->map = calloc(names->segment_count + 1, sizeof(*recovery->map));
    QTL_ASSERT(recovery->map != NULL);
    recovery->map_count = names->segment_count;
    recovery->map_version = names->rules_version;
    recovery->has_map = true;
    for (size_t i = 0; i < names->segment_count; i++) {
        QTL_ASSERT(names->segments[i].state_count <= STATES_MAX);
        recovery->map[i].segment = qtl_rules_segment(rules, names->segments[i].name);
        map_states(rules, &names->segments[i], &recovery->map[i]);
    }
}

/* A decision with its segment and states in the numbers of today. */
static enum qtl_status map_decision(const struct recovery *recovery,
                                    const struct qtl_transition *recorded,
                                    struct qtl_transition *decision)
{
    const size_t place = recorded->segment;
    const struct segment_map *const map =
        place < recovery->map_count ? &recovery->map[place] : NULL;
    if (map == NULL || recorded->from >= map->state_count || recorded->to >= map->state_count) {
        return qtl_error_set(
            recovery->error, QTL_CORRUPT,
            "quintil.state, partition %" PRId32 ", record %" PRIu64
            ": a decision names a segment that the names before it do not have: " RESTORE,
            recovery->partition, recovery->ledger->sequence + 1);
    }
    *decision = *recorded;
    const int from = map->states[recorded->from];
    const int to = map->states[recorded->to];
    if (from < 0 || to < 0) {
        const struct qtl_text name = recovery->state.names.segments[place].name;
        return qtl_error_set(
            recovery->error, QTL_BAD_CONF,
            "customers have been in segment %.*s, which %s in the rules: put it back; taking "
            "segments and states out is not possible yet",
            (int)name.length, name.bytes,
            map->segment < 0 ? "is no longer" : "has other states than before");
    }
    decision->segment = (uint16_t)map->segment;
    decision->from = (uint8_t)from;
    decision->to = (uint8_t)to;
    return QTL_OK;
}

static enum qtl_status map_decisions(struct recovery *recovery,
                                     const struct qtl_epoch_record *record)
{
    if (record->decision_count > recovery->decision_capacity) {
        struct qtl_transition *const grown =
            realloc(recovery->decisions, record->decision_count * sizeof(*grown));
        QTL_ASSERT(grown != NULL);
        recovery->decisions = grown;
        recovery->decision_capacity = record->decision_count;
    }
    enum qtl_status status = QTL_OK;
    for (size_t i = 0; status == QTL_OK && i < record->decision_count; i++) {
        status = map_decision(recovery, &record->decisions[i], &recovery->decisions[i]);
    }
    return status;
}

/* The first record says where the slice began to read. */
static enum qtl_status begin_reading(struct recovery *recovery,
                                     const struct qtl_epoch_record *record)
{
    const struct begin *const begin = recovery->begin;
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        const int64_t first = record->first_offset[stream];
        if (begin->committed[stream] < 0 && !recovery->settings->offsets_from_state) {
            return qtl_error_set(
                recovery->error, QTL_CORRUPT,
                "%s, partition %" PRId32
                ": no offset is committed, yet quintil.state has records: " RESTORE
                "; where a Kafka group's offsets only ran out, because nothing of it ran for a "
                "week, start once with --offsets-from-state",
                qtl_stream_name((enum qtl_stream)stream), recovery->partition);
        }
        if (begin->committed[stream] > first && begin->input_first[stream] > first) {
            return qtl_error_set(
                recovery->error, QTL_IO,
                "%s, partition %" PRId32 ": the input from offset %" PRId64
                " on is needed and begins at %" PRId64
                " now: restore it from a copy, or begin anew with an empty folder; keep input for "
                "ever (no retention) until there are snapshots",
                qtl_stream_name((enum qtl_stream)stream), recovery->partition, first,
                begin->input_first[stream]);
        }
        recovery->ledger->next_offset[stream] = first;
    }
    return QTL_OK;
}

static enum qtl_status check_sequence(struct recovery *recovery,
                                      const struct qtl_epoch_record *record)
{
    const struct qtl_ledger *const ledger = recovery->ledger;
    if (record->sequence != ledger->sequence + 1) {
        return qtl_error_set(recovery->error, QTL_CORRUPT,
                             "quintil.state, partition %" PRId32 ": record %" PRIu64
                             " follows record %" PRIu64 ", what is between is gone: " RESTORE,
                             recovery->partition, record->sequence, ledger->sequence);
    }
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        if (record->first_offset[stream] != ledger->next_offset[stream]) {
            return qtl_error_set(recovery->error, QTL_CORRUPT,
                                 "quintil.state, partition %" PRId32 ", record %" PRIu64
                                 ": reads %s from offset %" PRId64
                                 ", the record before it ended at %" PRId64 ": " RESTORE,
                                 recovery->partition, record->sequence,
                                 qtl_stream_name((enum qtl_stream)stream),
                                 record->first_offset[stream], ledger->next_offset[stream]);
        }
    }
    if (record->clock < ledger->clock) {
        return qtl_error_set(recovery->error, QTL_CORRUPT,
                             "quintil.state, partition %" PRId32 ", record %" PRIu64
                             ": its clock lies before that of the record before it: " RESTORE,
                             recovery->partition, record->sequence);
    }
    return QTL_OK;
}

static enum qtl_status check_meaning(const struct recovery *recovery,
                                     const struct qtl_epoch_record *record)
{
    if (record->shape != recovery->shape) {
        return qtl_error_set(
            recovery->error, QTL_BAD_CONF,
            "the configuration makes other events of the input than before, and record %" PRIu64
            " of partition %" PRId32
            " must be read again: put back the mapping (streams:), base_currency, "
            "duplicate_horizon, and the rules' kinds and retention; or begin anew with an empty "
            "folder",
            record->sequence, recovery->partition);
    }
    if (!recovery->has_map || recovery->map_version != record->rules_version) {
        return qtl_error_set(recovery->error, QTL_CORRUPT,
                             "quintil.state, partition %" PRId32 ", record %" PRIu64
                             ": the names of its rules version do not stand before it: " RESTORE,
                             recovery->partition, record->sequence);
    }
    return QTL_OK;
}

static enum qtl_status replay(struct recovery *recovery, const struct qtl_epoch_record *record)
{
    struct qtl_epoch *const epoch = recovery->epoch;
    qtl_epoch_reset(epoch);
    struct qtl_reread *const reread = &recovery->reread;
    enum qtl_status status = qtl_reread_range(reread, record, epoch, recovery->error);
    if (status != QTL_OK) {
        return status;
    }
    qtl_epoch_close(epoch, record->wall, &record->clock, QTL_DEADLINES_MAX);
    struct qtl_outcome *const outcome = &epoch->slices[0].outcome;
    const enum qtl_status replayed =
        qtl_slice_replay(recovery->slice, &epoch->slices[0].input, recovery->decisions,
                         record->decision_count, outcome);
    if (replayed == QTL_OK) {
        status = qtl_reread_compare(reread, record, outcome, recovery->error);
    }
    if (status != QTL_OK) {
        return status; /* says more than a hash does */
    }
    if (replayed != QTL_OK || outcome->state_hash != record->state_hash) {
        return qtl_error_set(recovery->error, QTL_CORRUPT,
                             "slice %" PRId32 ", record %" PRIu64
                             ": reading its input again gives another state than the one recorded. "
                             "The input was changed, or this quintil counts in another way than "
                             "the one that wrote it: start that version, or begin anew with an "
                             "empty folder",
                             recovery->partition, record->sequence);
    }
    return QTL_OK;
}

static enum qtl_status look_around(const struct recovery *recovery)
{
    const struct qtl_recovery_settings *const settings = recovery->settings;
    return settings->look_around == NULL
               ? QTL_OK
               : settings->look_around(settings->context, recovery->error);
}

static enum qtl_status take_epoch(struct recovery *recovery, const struct qtl_epoch_record *record)
{
    enum qtl_status status = check_meaning(recovery, record);
    if (status == QTL_OK && recovery->ledger->sequence == 0) {
        status = begin_reading(recovery, record);
    }
    if (status == QTL_OK) {
        status = check_sequence(recovery, record);
    }
    if (status == QTL_OK) {
        status = map_decisions(recovery, record);
    }
    if (status == QTL_OK && record->rules_version != recovery->ledger->rules_version) {
        qtl_slice_settle(recovery->slice); /* as the start with these rules did */
    }
    if (status == QTL_OK) {
        status = replay(recovery, record);
    }
    if (status == QTL_OK && !record->unfinished) {
        qtl_slice_settle(recovery->slice);
    }
    if (status == QTL_OK) {
        qtl_ledger_advance(recovery->ledger, record);
        status = look_around(recovery);
    }
    return status;
}

static enum qtl_status take_record(struct recovery *recovery, const struct qtl_log_record *record)
{
    struct qtl_state_reader *const state = &recovery->state;
    const int64_t offset = record->offset;
    const enum qtl_status status = qtl_state_reader_feed(state, record->value);
    recovery->settings->reader->ops->release(recovery->settings->reader);
    if (state->version > QTL_EPOCH_RECORD_VERSION || (status == QTL_OK && state->from_future)) {
        return state_newer(recovery);
    }
    if (status != QTL_OK) {
        return qtl_error_set(recovery->error, QTL_CORRUPT,
                             "quintil.state, partition %" PRId32 ", offset %" PRId64
                             ": this is no epoch record, or a part of one is missing: " RESTORE,
                             recovery->partition, offset);
    }
    switch (state->type) {
    case QTL_STATE_NAMES:
        take_names(recovery, &state->names);
        return QTL_OK;
    case QTL_STATE_PART:
        return QTL_OK;
    case QTL_STATE_EPOCH:
        break;
    }
    return take_epoch(recovery, &state->epoch);
}

/* There is nothing now: a log that fetches needs its time. */
static enum qtl_status wait_for_records(const struct recovery *recovery, int *waits)
{
    if (*waits == WAITS_MAX) {
        return qtl_error_set(
            recovery->error, QTL_IO,
            "quintil.state, partition %" PRId32 ": its records do not come (%" PRIu64 " of %" PRIu64
            "): see whether the log is there",
            recovery->partition, recovery->ledger->sequence, recovery->begin->sequence);
    }
    struct qtl_log_reader *const reader = recovery->settings->reader;
    const enum qtl_status status = reader->ops->wait(reader, WAIT_MS);
    if (status == QTL_EMPTY) {
        ++*waits;
        return look_around(recovery);
    }
    return status;
}

/* Whether all that is committed was taken: the records up to the end that was seen, and to the
 * sequence beside the offsets. A record of a commit may become readable after the offsets. */
static bool is_complete(const struct recovery *recovery, int64_t at)
{
    return at >= recovery->begin->state_end &&
           recovery->ledger->sequence >= recovery->begin->sequence;
}

/* Every record of the slice's partition, one at a time: reading the input in between releases what
 * was handed out. */
static enum qtl_status scan(struct recovery *recovery)
{
    struct qtl_log_reader *const reader = recovery->settings->reader;
    const struct begin *const begin = recovery->begin;
    enum qtl_status status = reader->ops->seek(reader, QTL_TOPIC_STATE, recovery->partition,
                                               begin->state_first, recovery->error);
    int waits = 0;
    for (int64_t at = begin->state_first; status == QTL_OK && !is_complete(recovery, at);) {
        struct qtl_log_record record;
        size_t count = 0;
        status = reader->ops->read(reader, QTL_TOPIC_STATE, recovery->partition, 1, &record, &count,
                                   recovery->error);
        if (count > 0) {
            at = record.offset + 1;
            status = take_record(recovery, &record);
        } else if (status == QTL_EMPTY) {
            if (reader->ops->ended(reader, QTL_TOPIC_STATE, recovery->partition) &&
                is_complete(recovery, begin->state_end)) {
                return QTL_OK; /* what is left are no records; whether it is all: check_end() */
            }
            status = wait_for_records(recovery, &waits);
        }
    }
    return status;
}

static enum qtl_status check_whole(const struct recovery *recovery)
{
    if (recovery->state.part != 0) {
        return qtl_error_set(recovery->error, QTL_CORRUPT,
                             "quintil.state, partition %" PRId32
                             ": the last record is cut off: " RESTORE,
                             recovery->partition);
    }
    return QTL_OK;
}

/* The positions committed with the last record must be those it names. */
static enum qtl_status check_end(const struct recovery *recovery)
{
    const struct qtl_ledger *const ledger = recovery->ledger;
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        if (recovery->begin->committed[stream] < 0) {
            continue; /* offsets_from_state: begin_reading() */
        }
        if (ledger->next_offset[stream] != recovery->begin->committed[stream]) {
            return qtl_error_set(recovery->error, QTL_CORRUPT,
                                 "%s, partition %" PRId32 ": offset %" PRId64
                                 " is committed, and the last record of quintil.state (%" PRIu64
                                 ") ends at %" PRId64 ": " RESTORE,
                                 qtl_stream_name((enum qtl_stream)stream), recovery->partition,
                                 recovery->begin->committed[stream], ledger->sequence,
                                 ledger->next_offset[stream]);
        }
    }
    return QTL_OK;
}

/* Where the slice begins: at nothing, and with the first record. A snapshot, to come, is loaded
 * here; its stamp is the sequence to begin behind. */
static void begin_slice(struct recovery *recovery, int32_t partition, struct qtl_slice *slice,
                        struct qtl_ledger *ledger, const struct begin *begin)
{
    QTL_ASSERT(qtl_slice_customer_count(slice) == 0);
    recovery->partition = partition;
    recovery->slice = slice;
    recovery->ledger = ledger;
    recovery->begin = begin;
    recovery->has_map = false;
    *ledger = (struct qtl_ledger){0};
    qtl_reread_begin(&recovery->reread, partition);
}

/* Offsets and records come and go together: one without the other is somebody's half of a log. The
 * other way round: begin_reading(). */
static enum qtl_status check_nothing(const struct recovery *recovery)
{
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        if (recovery->begin->committed[stream] >= 0) {
            return qtl_error_set(recovery->error, QTL_CORRUPT,
                                 "%s, partition %" PRId32 ": offset %" PRId64
                                 " is committed, yet quintil.state has no records: " RESTORE,
                                 qtl_stream_name((enum qtl_stream)stream), recovery->partition,
                                 recovery->begin->committed[stream]);
        }
    }
    return QTL_OK;
}

/* Rules decide nothing at seconds gone by when they were not in force: what the rules before them
 * left over is dropped, and a sweep puts the new ones to every customer at its own second. */
static enum qtl_status recover_slice(struct recovery *recovery)
{
    struct qtl_ledger *const ledger = recovery->ledger;
    enum qtl_status status = scan(recovery);
    if (status == QTL_OK) {
        status = check_whole(recovery);
    }
    if (status == QTL_OK && ledger->sequence == 0) {
        memcpy(ledger->next_offset, recovery->begin->input_first, sizeof(ledger->next_offset));
        return check_nothing(recovery);
    }
    if (status == QTL_OK) {
        status = check_end(recovery);
    }
    if (status == QTL_OK) {
        ledger->names_written =
            recovery->has_map && recovery->map_version == recovery->settings->rules->version;
        const bool others = ledger->rules_version != recovery->settings->rules->version;
        if (others) {
            qtl_slice_settle(recovery->slice);
        }
        qtl_slice_rearm(recovery->slice);
        if (others || ledger->sweep_waits) {
            qtl_slice_request_sweep(recovery->slice);
        }
    }
    return status;
}

static enum qtl_status check_partitions(struct qtl_log_reader *reader, int32_t partition,
                                        struct qtl_error *error)
{
    static const enum qtl_topic topics[] = {QTL_TOPIC_ORDERS, QTL_TOPIC_ENGAGEMENT,
                                            QTL_TOPIC_CUSTOMERS, QTL_TOPIC_STATE};
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        const int32_t count = reader->ops->partitions(reader, topics[i]);
        if (partition >= count) {
            return qtl_error_set(error, QTL_BAD_CONF,
                                 "topic %s has %" PRId32 " partitions and slice %" PRId32
                                 " needs its own: make all inputs and quintil.state with one "
                                 "number of partitions",
                                 qtl_topic_name(topics[i]), count, partition);
        }
    }
    return QTL_OK;
}

static enum qtl_status read_begin(struct qtl_log_reader *reader, int32_t partition,
                                  struct begin *begin, struct qtl_error *error)
{
    enum qtl_status status = check_partitions(reader, partition, error);
    for (int stream = 0; status == QTL_OK && stream < QTL_STREAMS; stream++) {
        const enum qtl_topic topic = (enum qtl_topic)stream;
        int64_t end = 0;
        status = reader->ops->committed(reader, topic, partition, &begin->committed[stream], error);
        if (status == QTL_OK) {
            const uint64_t sequence = reader->ops->committed_sequence(reader);
            begin->sequence = sequence > begin->sequence ? sequence : begin->sequence;
            status = reader->ops->range(reader, topic, partition, &begin->input_first[stream], &end,
                                        error);
        }
        if (status == QTL_OK && begin->committed[stream] > end) {
            status = qtl_error_set(error, QTL_IO,
                                   "%s, partition %" PRId32 ": offset %" PRId64
                                   " is committed, and the input ends at %" PRId64 ": " RESTORE,
                                   qtl_stream_name((enum qtl_stream)stream), partition,
                                   begin->committed[stream], end);
        }
    }
    if (status == QTL_OK) {
        status = reader->ops->range(reader, QTL_TOPIC_STATE, partition, &begin->state_first,
                                    &begin->state_end, error);
    }
    return status;
}

static uint64_t offsets_to_read(const struct begin *begin)
{
    uint64_t all = 0;
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        if (begin->committed[stream] > begin->input_first[stream]) {
            all += (uint64_t)(begin->committed[stream] - begin->input_first[stream]);
        }
    }
    return all;
}

enum qtl_status qtl_recovery_run(const struct qtl_recovery_settings *settings,
                                 struct qtl_slice *const *slices, size_t count,
                                 struct qtl_ledger *ledgers, struct qtl_error *error)
{
    QTL_ASSERT(count > 0 && count <= QTL_PARTITIONS_MAX);
    struct recovery recovery = {.settings = settings,
                                .epoch = qtl_epoch_new(1),
                                .shape = qtl_shape_hash(settings->config, settings->rules),
                                .error = error};
    qtl_reread_init(&recovery.reread, settings->reader, settings->config, settings->rules);
    struct begin *const begins = calloc(count, sizeof(*begins));
    QTL_ASSERT(begins != NULL);
    enum qtl_status status = QTL_OK;
    for (size_t i = 0; status == QTL_OK && i < count; i++) {
        ledgers[i] = (struct qtl_ledger){.elsewhere = slices[i] == NULL};
        if (slices[i] != NULL) {
            status = read_begin(settings->reader, (int32_t)i, &begins[i], error);
            recovery.reread.all += offsets_to_read(&begins[i]);
        }
    }
    for (size_t i = 0; status == QTL_OK && i < count; i++) {
        if (slices[i] == NULL) {
            continue;
        }
        begin_slice(&recovery, (int32_t)i, slices[i], &ledgers[i], &begins[i]);
        status = recover_slice(&recovery);
    }
    free(begins);
    free(recovery.map);
    free(recovery.decisions);
    qtl_state_reader_fini(&recovery.state);
    qtl_epoch_free(recovery.epoch);
    qtl_reread_fini(&recovery.reread);
    return status;
}
