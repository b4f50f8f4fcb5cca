/*
 * See kafka_reader.h.
 *
 *   partition's queue --io event--> data_fd --+
 *   statistics, errors, group ----> side_fd --+--> wait()
 *   wake() -----------------------> wake_fd --+
 *
 * The queues say each thing once: they tell when they were empty and are no longer. What was handed
 * out is held until release(), because its bytes stand in librdkafka's receive buffers.
 */
#include "consumer/kafka_reader.h"

#include "consumer/kafka_group.h"
#include "consumer/kafka_input.h"
#include "schemas/assert.h"
#include "schemas/event.h"
#include "schemas/kafka/kafka_client.h"
#include "schemas/kafka/kafka_token.h"
#include "schemas/topic.h"
#include "scoring/base/arena.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    SERVE_EVERY_MS = 50,
    STATISTICS_MS_MAX = 1500, /* older ones say nothing any more */
    CONNECT_MS = 10000,
    WATERMARKS_MS = 2000,
    WATERMARKS_PATIENCE_MS = 30000,
    HEADERS_MAX = 64 /* of one record; more are left out */
};

struct kafka_reader {
    struct qtl_log_reader base; /* first: the two are converted into each other */
    /* Immutable after open. */
    const struct qtl_kafka_settings *settings;
    int32_t counts[QTL_TOPICS]; /* partitions */
    int data_fd;
    int side_fd;
    int wake_fd; /* written by any thread, in wake() */
    rd_kafka_t *client;
    rd_kafka_queue_t *main_queue;
    rd_kafka_topic_t *topics[QTL_TOPICS];
    struct qtl_kafka_group *group; /* NULL: none */
    /* Owned by the reader's thread. */
    struct qtl_kafka_events events;
    struct qtl_kafka_input *inputs[QTL_TOPICS];
    int64_t statistics_ms; /* when the last came */
    int64_t served_ms;
    uint64_t sequence; /* beside the offset last asked for */
    rd_kafka_message_t **handed;
    size_t handed_count;
    size_t handed_capacity;
    struct qtl_arena arena; /* lists of headers, until release() */
};

static struct kafka_reader *self_of(struct qtl_log_reader *reader)
{
    QTL_ASSERT(reader != NULL);
    return (struct kafka_reader *)reader;
}

static struct qtl_kafka_input *input_of(const struct kafka_reader *self, enum qtl_topic topic,
                                        int32_t partition)
{
    QTL_ASSERT(topic < QTL_TOPICS);
    QTL_ASSERT(partition >= 0 && partition < self->counts[topic]);
    return &self->inputs[topic][partition];
}

static int note_statistics(rd_kafka_t *client, char *json, size_t length, void *context)
{
    /* The opaque is the events', which stand in the reader. */
    struct kafka_reader *const self =
        (struct kafka_reader *)(void *)((char *)context - offsetof(struct kafka_reader, events));
    struct qtl_kafka_statistics *const statistics = qtl_kafka_statistics_parse(json);
    const int64_t now_ms = qtl_kafka_client_now_ms();
    (void)client;
    (void)length;
    for (enum qtl_topic topic = 0; statistics != NULL && topic < QTL_TOPICS; topic++) {
        for (int32_t i = 0; i < self->counts[topic]; i++) {
            struct qtl_kafka_input *const input = input_of(self, topic, i);
            struct qtl_kafka_partition_statistics found;
            if (input->queue != NULL &&
                qtl_kafka_statistics_find(statistics, self->settings->topics[topic], i, &found)) {
                qtl_kafka_input_note(input, &found, now_ms);
            }
        }
    }
    self->statistics_ms = now_ms;
    qtl_kafka_statistics_free(statistics);
    return 0;
}

/* Lets both clients call back. */
static void serve(struct kafka_reader *self)
{
    self->served_ms = qtl_kafka_client_now_ms();
    rd_kafka_poll(self->client, 0);
    if (self->group != NULL) {
        qtl_kafka_group_poll(self->group);
    }
}

static void serve_at_times(struct kafka_reader *self)
{
    if (qtl_kafka_client_now_ms() - self->served_ms >= SERVE_EVERY_MS) {
        serve(self);
    }
}

/* Empties a descriptor; whether there was something in it. */
static bool drain(int fd)
{
    uint64_t count = 0;
    return read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count);
}

static bool has_changed(const struct kafka_reader *self)
{
    return self->group != NULL && qtl_kafka_group_changed(self->group);
}

static enum qtl_status wait_for_news(struct qtl_log_reader *reader, int timeout_ms)
{
    struct kafka_reader *const self = self_of(reader);
    const int64_t until_ms = timeout_ms < 0 ? INT64_MAX : qtl_kafka_client_now_ms() + timeout_ms;
    serve_at_times(self);
    while (!has_changed(self)) {
        const int64_t left_ms = timeout_ms < 0 ? -1 : until_ms - qtl_kafka_client_now_ms();
        struct pollfd sources[] = {{.fd = self->wake_fd, .events = POLLIN},
                                   {.fd = self->data_fd, .events = POLLIN},
                                   {.fd = self->side_fd, .events = POLLIN}};
        const int ready = poll(sources, 3, timeout_ms >= 0 && left_ms < 0 ? 0 : (int)left_ms);
        if (ready < 0) {
            return QTL_OK; /* a signal: let the caller look around */
        }
        if (sources[2].revents != 0) {
            drain(self->side_fd);
            serve(self);
        }
        const bool woken = sources[0].revents != 0 && drain(self->wake_fd);
        const bool came = sources[1].revents != 0 && drain(self->data_fd);
        if (woken || came) {
            return QTL_OK;
        }
        if (ready == 0 || (timeout_ms >= 0 && qtl_kafka_client_now_ms() >= until_ms)) {
            return has_changed(self) ? QTL_OK : QTL_EMPTY;
        }
    }
    return QTL_OK;
}

static void wake(struct qtl_log_reader *reader)
{
    const uint64_t one = 1;
    const ssize_t written = write(self_of(reader)->wake_fd, &one, sizeof(one));
    (void)written; /* fails only where the count is at its limit: then it is readable already */
}

static enum qtl_status change(struct qtl_log_reader *reader, struct qtl_log_change *next)
{
    struct kafka_reader *const self = self_of(reader);
    serve_at_times(self);
    return self->group != NULL ? qtl_kafka_group_change(self->group, next) : QTL_EMPTY;
}

static void revoke_done(struct qtl_log_reader *reader, int32_t partition)
{
    struct kafka_reader *const self = self_of(reader);
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        qtl_kafka_input_stop(input_of(self, (enum qtl_topic)stream, partition));
    }
    qtl_kafka_input_stop(input_of(self, QTL_TOPIC_STATE, partition));
    qtl_kafka_group_revoke_done(self->group, partition);
}

static const struct qtl_log_token *token(struct qtl_log_reader *reader)
{
    const struct kafka_reader *const self = self_of(reader);
    return self->group == NULL ? NULL
                               : (const struct qtl_log_token *)qtl_kafka_group_token(self->group);
}

static enum qtl_status committed(struct qtl_log_reader *reader, enum qtl_topic topic,
                                 int32_t partition, int64_t *next_offset, struct qtl_error *error)
{
    struct kafka_reader *const self = self_of(reader);
    QTL_ASSERT(self->group != NULL && qtl_topic_is_input(topic));
    return qtl_kafka_group_committed(self->group, self->settings->topics[topic], partition,
                                     next_offset, &self->sequence, error);
}

static uint64_t committed_sequence(struct qtl_log_reader *reader)
{
    return self_of(reader)->sequence;
}

static enum qtl_status range(struct qtl_log_reader *reader, enum qtl_topic topic, int32_t partition,
                             int64_t *first, int64_t *end, struct qtl_error *error)
{
    struct kafka_reader *const self = self_of(reader);
    const char *const name = self->settings->topics[topic];
    const int64_t until_ms = qtl_kafka_client_now_ms() + WATERMARKS_PATIENCE_MS;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    while (code != RD_KAFKA_RESP_ERR_NO_ERROR &&
           code != RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED &&
           qtl_kafka_client_now_ms() < until_ms) {
        code = rd_kafka_query_watermark_offsets(self->client, name, partition, first, end,
                                                WATERMARKS_MS);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_poll(self->client, SERVE_EVERY_MS); /* a new topic's leader, a restart */
        }
        serve_at_times(self);
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return QTL_OK;
    }
    return qtl_error_set(error, QTL_IO,
                         "topic %s, partition %" PRId32 ": where it begins and ends cannot be "
                         "learnt: %s",
                         name, partition, rd_kafka_err2str(code));
}

static enum qtl_status seek(struct qtl_log_reader *reader, enum qtl_topic topic, int32_t partition,
                            int64_t offset, struct qtl_error *error)
{
    struct kafka_reader *const self = self_of(reader);
    struct qtl_kafka_input *const input = input_of(self, topic, partition);
    if (input->queue != NULL && input->next_offset == offset && !input->has_failed) {
        return QTL_OK;
    }
    return qtl_kafka_input_start(input, self->client, self->topics[topic], offset, self->data_fd,
                                 error);
}

static void reserve_handed(struct kafka_reader *self, size_t more)
{
    if (self->handed_count + more > self->handed_capacity) {
        self->handed_capacity = 2 * (self->handed_count + more);
        rd_kafka_message_t **const grown =
            realloc(self->handed, self->handed_capacity * sizeof(rd_kafka_message_t *));
        QTL_ASSERT(grown != NULL);
        self->handed = grown;
    }
}

/* The headers' texts stand in the message; the list of them is copied. */
static const struct qtl_log_header *take_headers(struct kafka_reader *self,
                                                 const rd_kafka_message_t *message, uint32_t *count)
{
    rd_kafka_headers_t *headers = NULL;
    *count = 0;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return NULL;
    }
    size_t all = rd_kafka_header_cnt(headers);
    all = all < HEADERS_MAX ? all : HEADERS_MAX;
    struct qtl_log_header *const list = qtl_arena_take(&self->arena, (all + 1) * sizeof(*list));
    const char *name = NULL;
    const void *value = NULL;
    size_t size = 0;
    while (*count < all && rd_kafka_header_get_all(headers, *count, &name, &value, &size) ==
                               RD_KAFKA_RESP_ERR_NO_ERROR) {
        list[(*count)++] =
            (struct qtl_log_header){.name = qtl_text_of(name), .value = {value, (uint32_t)size}};
    }
    return list;
}

static void hand_out(struct kafka_reader *self, const rd_kafka_message_t *message,
                     struct qtl_log_record *record)
{
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    const int64_t timestamp_ms = rd_kafka_message_timestamp(message, &type);
    *record = (struct qtl_log_record){
        .offset = message->offset,
        .timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? INT64_MIN : timestamp_ms,
        .key = {message->key, (uint32_t)message->key_len},
        .value = {message->payload, (uint32_t)message->len},
        .has_key = message->key != NULL,
        .has_value = message->payload != NULL,
    };
    record->headers = take_headers(self, message, &record->header_count);
}

static enum qtl_status read_records(struct qtl_log_reader *reader, enum qtl_topic topic,
                                    int32_t partition, size_t max, struct qtl_log_record *records,
                                    size_t *count, struct qtl_error *error)
{
    struct kafka_reader *const self = self_of(reader);
    struct qtl_kafka_input *const input = input_of(self, topic, partition);
    *count = 0;
    serve_at_times(self);
    reserve_handed(self, max);
    rd_kafka_message_t **const messages = self->handed + self->handed_count;
    const enum qtl_status status = qtl_kafka_input_read(input, max, messages, count, error);
    for (size_t i = 0; i < *count; i++) {
        hand_out(self, messages[i], &records[i]);
    }
    self->handed_count += *count;
    return status;
}

static void release(struct qtl_log_reader *reader)
{
    struct kafka_reader *const self = self_of(reader);
    for (size_t i = 0; i < self->handed_count; i++) {
        rd_kafka_message_destroy(self->handed[i]);
    }
    self->handed_count = 0;
    qtl_arena_reset(&self->arena);
}

static bool ended(struct qtl_log_reader *reader, enum qtl_topic topic, int32_t partition)
{
    struct kafka_reader *const self = self_of(reader);
    const struct qtl_kafka_input *const input = input_of(self, topic, partition);
    return input->has_ended && !input->is_silent && !input->was_silent &&
           qtl_kafka_client_now_ms() - self->statistics_ms < STATISTICS_MS_MAX;
}

static bool holds_clock(struct qtl_log_reader *reader, enum qtl_topic topic, int32_t partition)
{
    const struct kafka_reader *const self = self_of(reader);
    return qtl_kafka_input_holds_clock(input_of(self, topic, partition),
                                       self->settings->open_transaction_wait_s,
                                       qtl_kafka_client_now_ms());
}

static int32_t partitions(struct qtl_log_reader *reader, enum qtl_topic topic)
{
    QTL_ASSERT(topic < QTL_TOPICS);
    return self_of(reader)->counts[topic];
}

static void free_reader(struct qtl_log_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    struct kafka_reader *const self = self_of(reader);
    release(reader);
    for (enum qtl_topic topic = 0; topic < QTL_TOPICS; topic++) {
        for (int32_t i = 0; self->inputs[topic] != NULL && i < self->counts[topic]; i++) {
            qtl_kafka_input_stop(&self->inputs[topic][i]);
        }
        free(self->inputs[topic]);
        if (self->topics[topic] != NULL) {
            rd_kafka_topic_destroy(self->topics[topic]);
        }
    }
    qtl_kafka_group_free(self->group);
    if (self->main_queue != NULL) {
        rd_kafka_queue_io_event_enable(self->main_queue, -1, NULL, 0);
        rd_kafka_queue_destroy(self->main_queue);
    }
    if (self->client != NULL) {
        rd_kafka_destroy(self->client);
    }
    const int fds[] = {self->data_fd, self->side_fd, self->wake_fd};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    free(self->handed);
    qtl_arena_fini(&self->arena);
    free(self);
}

static const struct qtl_log_reader_ops kafka_reader_ops = {
    .wait = wait_for_news,
    .wake = wake,
    .change = change,
    .revoke_done = revoke_done,
    .token = token,
    .committed = committed,
    .committed_sequence = committed_sequence,
    .range = range,
    .seek = seek,
    .read = read_records,
    .release = release,
    .ended = ended,
    .holds_clock = holds_clock,
    .partitions = partitions,
    .free = free_reader,
};

/* The memory of what is fetched ahead, and librdkafka's second of sleep where that is full (before
 * 2.2): enough records for a second of all partitions together. */
static void bound_memory(rd_kafka_conf_t *conf, int32_t count)
{
    const int64_t records = 1000000 / (count > 0 ? count : 1);
    const int64_t kilobytes = 393216 / (count > 0 ? count : 1);
    char text[32];
    snprintf(text, sizeof(text), "%" PRId64, records > 20000 ? records : INT64_C(20000));
    rd_kafka_conf_set(conf, "queued.min.messages", text, NULL, 0);
    snprintf(text, sizeof(text), "%" PRId64, kilobytes > 8192 ? kilobytes : INT64_C(8192));
    rd_kafka_conf_set(conf, "queued.max.messages.kbytes", text, NULL, 0);
    /* Unknown before 2.2: then it is not set. */
    rd_kafka_conf_set(conf, "fetch.queue.backoff.ms", "10", NULL, 0);
}

static enum qtl_status make_client(struct kafka_reader *self, struct qtl_error *error)
{
    static const uint64_t one = 1;
    struct rd_kafka_conf_s *conf = NULL;
    enum qtl_status status =
        qtl_kafka_client_conf(self->settings, QTL_KAFKA_READER, &self->events, &conf, error);
    if (status != QTL_OK) {
        return status;
    }
    bool has_own = false;
    for (size_t i = 0; i < self->settings->property_count; i++) {
        has_own = has_own || strncmp(self->settings->properties[i].name, "queued.", 7) == 0;
    }
    if (!has_own) {
        bound_memory(conf, self->settings->partitions * QTL_STREAMS);
    }
    rd_kafka_conf_set_stats_cb(conf, note_statistics);
    status = qtl_kafka_client_new(&conf, QTL_KAFKA_READER, &self->client, error);
    if (status == QTL_OK) {
        self->main_queue = rd_kafka_queue_get_main(self->client);
        rd_kafka_queue_io_event_enable(self->main_queue, self->side_fd, &one, sizeof(one));
    }
    return status;
}

static enum qtl_status ask_count(struct kafka_reader *self, enum qtl_topic topic,
                                 struct qtl_error *error)
{
    const struct rd_kafka_metadata *metadata = NULL;
    const rd_kafka_resp_err_t code =
        rd_kafka_metadata(self->client, 0, self->topics[topic], &metadata, CONNECT_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        serve(self); /* error_cb has the words */
        return qtl_error_set(
            error, QTL_IO, "no broker of kafka.brokers=%s answers: %s", self->settings->brokers,
            self->events.words[0] != '\0' ? self->events.words : rd_kafka_err2str(code));
    }
    self->counts[topic] = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
    rd_kafka_metadata_destroy(metadata);
    return QTL_OK;
}

/* How many partitions each topic has. A topic that was just made may not be known to every broker
 * yet. */
static enum qtl_status learn_topics(struct kafka_reader *self, struct qtl_error *error)
{
    const int64_t until_ms = qtl_kafka_client_now_ms() + CONNECT_MS;
    for (enum qtl_topic topic = 0; topic < QTL_TOPICS; topic++) {
        const char *const name = self->settings->topics[topic];
        const bool is_used = topic != QTL_TOPIC_PROFILES || self->settings->profiles;
        const int32_t wanted = is_used ? self->settings->partitions : 0;
        self->topics[topic] = rd_kafka_topic_new(self->client, name, NULL);
        enum qtl_status status = ask_count(self, topic, error);
        while (status == QTL_OK && self->counts[topic] < wanted &&
               qtl_kafka_client_now_ms() < until_ms) {
            rd_kafka_poll(self->client, SERVE_EVERY_MS);
            status = ask_count(self, topic, error);
        }
        if (status != QTL_OK) {
            return status;
        }
        self->inputs[topic] = calloc((size_t)self->counts[topic] + 1, sizeof(**self->inputs));
        QTL_ASSERT(self->inputs[topic] != NULL);
        for (int32_t i = 0; i < self->counts[topic]; i++) {
            self->inputs[topic][i].name = name;
            self->inputs[topic][i].partition = i;
        }
    }
    return QTL_OK;
}

enum qtl_status qtl_kafka_reader_open(const struct qtl_kafka_settings *settings, bool in_group,
                                      struct qtl_log_reader **reader, struct qtl_error *error)
{
    struct kafka_reader *const self = calloc(1, sizeof(*self));
    QTL_ASSERT(self != NULL);
    *reader = NULL;
    self->base.ops = &kafka_reader_ops;
    self->settings = settings;
    self->data_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    self->side_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    self->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    self->statistics_ms = qtl_kafka_client_now_ms();
    enum qtl_status status = QTL_OK;
    if (self->data_fd < 0 || self->side_fd < 0 || self->wake_fd < 0) {
        status = qtl_error_set(error, QTL_IO, "no more descriptors (eventfd)");
    }
    if (status == QTL_OK) {
        status = make_client(self, error);
    }
    if (status == QTL_OK) {
        status = learn_topics(self, error);
    }
    if (status == QTL_OK && in_group) {
        status = qtl_kafka_group_open(settings, self->side_fd, &self->group, error);
    }
    if (status != QTL_OK) {
        free_reader(&self->base);
        return status;
    }
    *reader = &self->base;
    return QTL_OK;
}

bool qtl_kafka_reader_lost_connection(struct qtl_log_reader *reader)
{
    enum { WINDOW_MS = 60000 };
    struct kafka_reader *const self = self_of(reader);
    serve(self);
    return qtl_kafka_client_lost(&self->events, WINDOW_MS);
}
