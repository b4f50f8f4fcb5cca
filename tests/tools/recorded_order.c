/*
 * recorded_order DATA RULES [NAME=VALUE...], with kafka.brokers among the settings of Kafka's log:
 * what a running engine applied, in which order, out of quintil.state and the input alone, for
 * tests/model/naive.py --recorded. NAME=VALUE are settings of the configuration. One JSON object a
 * line, slice by slice, epoch by epoch:
 *
 *   {"merge_second":S,"stream":"orders","slice":0,"event":<the record's own bytes>}
 *   {"clock":T,"slice":0}          at the end of each epoch
 *
 * It shares the log's reader, the decoder and the definition of the merge second with the engine;
 * not the slice, nor its merge. On the way it checks what must hold of epoch records: numbered
 * without a gap, ranges that follow each other, clocks that never go back, every dead letter of the
 * decoder named and no other, the last positions those committed. Exit code 1 where not.
 */
#include "consumer/config.h"
#include "consumer/decode.h"
#include "consumer/kafka_config.h"
#include "consumer/kafka_reader.h"
#include "consumer/local_reader.h"
#include "consumer/rule_file.h"
#include "schemas/state_reader.h"
#include "schemas/topic.h"
#include "scoring/base/assert.h"
#include "scoring/merge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct applied {
    int64_t merge_second;
    char *value; /* owned */
    int length;
};

struct list {
    struct applied *records; /* owned */
    size_t count;
    size_t capacity;
};

struct order {
    struct qtl_config config;
    struct qtl_rules *rules;
    struct qtl_kafka_settings kafka;
    char instance[QTL_KAFKA_CONFIG_INSTANCE_MAX];
    struct qtl_log_reader *reader;
    struct qtl_decoder *decoders[QTL_STREAMS];
    struct qtl_error error;
    /* Of the slice at hand. */
    int32_t slice;
    uint64_t sequence;
    int64_t clock;
    int64_t next_offset[QTL_STREAMS];
    int64_t last_merge[QTL_STREAMS];
    struct list lists[QTL_STREAMS]; /* of one epoch */
};

#define REQUIRE(order, condition, what) require(order, condition, what, #condition)

static void require(const struct order *order, bool condition, const char *what, const char *text)
{
    if (!condition) {
        fprintf(stderr, "recorded_order: slice %" PRId32 ", after record %" PRIu64 ": %s (%s) %s\n",
                order->slice, order->sequence, what, text, order->error.text);
        exit(1);
    }
}

static void keep(struct list *list, const struct qtl_log_record *record, int64_t merge_second)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity * 2 + 64;
        list->records = realloc(list->records, list->capacity * sizeof(*list->records));
        QTL_ASSERT(list->records != NULL);
    }
    char *const value = malloc(record->value.length + 1);
    QTL_ASSERT(value != NULL);
    memcpy(value, record->value.bytes, record->value.length);
    for (uint32_t i = 0; i < record->value.length; i++) {
        if (value[i] == '\n' || value[i] == '\r') {
            value[i] = ' '; /* one line each; no string of JSON's holds a bare one */
        }
    }
    list->records[list->count++] = (struct applied){
        .merge_second = merge_second, .value = value, .length = (int)record->value.length};
}

/* The reason that the epoch record gives, or NONE. */
static enum qtl_reason recorded_reason(const struct qtl_epoch_record *epoch, int stream,
                                       int64_t offset)
{
    for (size_t i = 0; i < epoch->rejected_count; i++) {
        const struct qtl_rejected *const rejected = &epoch->rejected[i];
        if (rejected->stream == stream && rejected->offset == offset) {
            return (enum qtl_reason)rejected->reason;
        }
    }
    return QTL_REASON_NONE;
}

static void take_record(struct order *order, int stream, const struct qtl_epoch_record *epoch,
                        const struct qtl_log_record *record)
{
    struct qtl_event event = {0};
    const enum qtl_reason found = qtl_decode(order->decoders[stream], record, &event);
    const enum qtl_reason recorded = recorded_reason(epoch, stream, record->offset);
    if (found != QTL_REASON_NONE) {
        REQUIRE(order, recorded == found || found == QTL_REASON_SKIPPED, "a dead letter");
        return;
    }
    REQUIRE(order, recorded == QTL_REASON_NONE || recorded == QTL_REASON_BAD_AMOUNT, "a refusal");
    event.stamp = record->timestamp_ms == INT64_MIN ? QTL_TIME_ABSENT : record->timestamp_ms / 1000;
    if (order->config.streams[stream].timestamp == QTL_TIMESTAMP_EVENT) {
        event.stamp = event.occurred_at;
    }
    const int64_t last = order->last_merge[stream];
    const int64_t floor = last > order->clock ? last : order->clock;
    order->last_merge[stream] = qtl_merge_second(&event, floor, epoch->wall);
    keep(&order->lists[stream], record, order->last_merge[stream]);
}

/* The next record, which a log that fetches may take a while to bring; END where there is none. */
static enum qtl_status read_one(struct order *order, enum qtl_topic topic,
                                struct qtl_log_record *record)
{
    struct qtl_log_reader *const reader = order->reader;
    for (;;) {
        size_t count = 0;
        enum qtl_status status =
            reader->ops->read(reader, topic, order->slice, 1, record, &count, &order->error);
        if (status != QTL_EMPTY) {
            return status;
        }
        if (reader->ops->ended(reader, topic, order->slice)) {
            return QTL_END;
        }
        status = reader->ops->wait(reader, 1000);
        REQUIRE(order, status == QTL_OK || status == QTL_EMPTY, "waiting");
    }
}

static void read_range(struct order *order, int stream, const struct qtl_epoch_record *epoch)
{
    struct qtl_log_reader *const reader = order->reader;
    const enum qtl_topic topic = (enum qtl_topic)stream;
    int64_t at = epoch->first_offset[stream];
    REQUIRE(order, order->sequence == 0 || at == order->next_offset[stream], "a gap");
    REQUIRE(order, at <= epoch->next_offset[stream], "a range");
    order->lists[stream].count = 0;
    enum qtl_status status = QTL_OK;
    if (at < epoch->next_offset[stream]) {
        status = reader->ops->seek(reader, topic, order->slice, at, &order->error);
    }
    while (status == QTL_OK && at < epoch->next_offset[stream]) {
        struct qtl_log_record record;
        status = read_one(order, topic, &record);
        if (status == QTL_OK) {
            REQUIRE(order, record.offset >= at, "offsets rise");
            at = record.offset + 1;
            take_record(order, stream, epoch, &record);
        }
        reader->ops->release(reader);
    }
    REQUIRE(order, status == QTL_OK, "the input");
    order->next_offset[stream] = at;
}

/* The plainest merge: of the first ones of all streams always the earliest, orders first. */
static void print_merged(const struct order *order)
{
    size_t next[QTL_STREAMS] = {0};
    for (;;) {
        int best = -1;
        int64_t second = INT64_MAX;
        for (int stream = 0; stream < QTL_STREAMS; stream++) {
            const struct list *const list = &order->lists[stream];
            if (next[stream] < list->count && list->records[next[stream]].merge_second < second) {
                best = stream;
                second = list->records[next[stream]].merge_second;
            }
        }
        if (best < 0) {
            return;
        }
        const struct applied *const record = &order->lists[best].records[next[best]++];
        printf("{\"merge_second\":%" PRId64 ",\"stream\":\"%s\",\"slice\":%" PRId32
               ",\"event\":%.*s}\n",
               second, qtl_topic_name((enum qtl_topic)best), order->slice, record->length,
               record->value);
        free(record->value);
    }
}

static void take_epoch(struct order *order, const struct qtl_epoch_record *epoch)
{
    REQUIRE(order, epoch->sequence == order->sequence + 1, "a record is missing");
    REQUIRE(order, epoch->clock >= order->clock, "the clock went back");
    REQUIRE(order, epoch->clock <= epoch->wall || epoch->clock == order->clock, "clock and wall");
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        read_range(order, stream, epoch);
    }
    print_merged(order);
    printf("{\"clock\":%" PRId64 ",\"slice\":%" PRId32 "}\n", epoch->clock, order->slice);
    order->clock = epoch->clock;
    order->sequence = epoch->sequence;
}

static void check_positions(struct order *order)
{
    if (order->config.log == QTL_LOG_TYPE_KAFKA) {
        return; /* only a member of the group can ask; the engine does at each start */
    }
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        int64_t committed = 0;
        const enum qtl_status status = order->reader->ops->committed(
            order->reader, (enum qtl_topic)stream, order->slice, &committed, &order->error);
        REQUIRE(order, status == QTL_OK, "committed positions");
        const bool is_there = order->sequence > 0;
        REQUIRE(order, committed == (is_there ? order->next_offset[stream] : -1), "positions");
    }
}

static void print_slice(struct order *order, struct qtl_state_reader *state)
{
    struct qtl_log_reader *const reader = order->reader;
    order->sequence = 0;
    order->clock = 0;
    memset(order->last_merge, 0, sizeof(order->last_merge));
    int64_t at = 0;
    int64_t end = 0;
    enum qtl_status status =
        reader->ops->range(reader, QTL_TOPIC_STATE, order->slice, &at, &end, &order->error);
    if (status == QTL_OK) {
        status = reader->ops->seek(reader, QTL_TOPIC_STATE, order->slice, at, &order->error);
    }
    while (status == QTL_OK && at < end) {
        struct qtl_log_record record;
        status = read_one(order, QTL_TOPIC_STATE, &record);
        if (status == QTL_END && order->config.log == QTL_LOG_TYPE_KAFKA) {
            status = QTL_OK; /* what is left are the marks of transactions */
            break;
        }
        REQUIRE(order, status == QTL_OK, "quintil.state");
        at = record.offset + 1;
        status = qtl_state_reader_feed(state, record.value);
        reader->ops->release(reader);
        if (status == QTL_OK && state->type == QTL_STATE_EPOCH) {
            take_epoch(order, &state->epoch);
        }
    }
    REQUIRE(order, status == QTL_OK, "quintil.state");
    check_positions(order);
}

static void open_all(struct order *order, char **argv)
{
    struct qtl_problems problems = {0};
    REQUIRE(order, qtl_rule_file_read(argv[2], &order->rules, &problems) == QTL_OK, argv[2]);
    qtl_problems_fini(&problems);
    qtl_config_init(&order->config);
    for (char **setting = argv + 3; *setting != NULL; setting++) {
        const enum qtl_status status = qtl_config_set(&order->config, *setting, &order->error);
        REQUIRE(order, status == QTL_OK, *setting);
    }
    const enum qtl_status finished = qtl_config_finish(&order->config, &order->error);
    REQUIRE(order, finished == QTL_OK, "settings");
    enum qtl_status opened = QTL_OK;
    if (order->config.log == QTL_LOG_TYPE_KAFKA) {
        opened = qtl_kafka_config_settings(&order->config, order->instance, &order->kafka,
                                           &order->error);
        REQUIRE(order, opened == QTL_OK, "settings of Kafka");
        opened = qtl_kafka_reader_open(&order->kafka, false, &order->reader, &order->error);
    } else {
        opened = qtl_local_reader_open(argv[1], NULL, &order->reader, &order->error);
    }
    REQUIRE(order, opened == QTL_OK, argv[1]);
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        order->decoders[stream] =
            qtl_decoder_new((enum qtl_stream)stream, &order->config.streams[stream], order->rules);
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: recorded_order DATA RULES [NAME=VALUE...]\n");
        return 2;
    }
    struct order order = {0};
    struct qtl_state_reader state = {0};
    open_all(&order, argv);
    const int32_t partitions = order.reader->ops->partitions(order.reader, QTL_TOPIC_STATE);
    for (order.slice = 0; order.slice < partitions; order.slice++) {
        print_slice(&order, &state);
    }
    qtl_state_reader_fini(&state);
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        free(order.lists[stream].records);
        qtl_decoder_free(order.decoders[stream]);
    }
    order.reader->ops->free(order.reader);
    qtl_config_fini(&order.config);
    qtl_rules_free(order.rules);
    return 0;
}
