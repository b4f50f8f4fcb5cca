/*
 * See kafka_writer.h. Errors of a transaction are looked at in this order: fatal (new clients), to
 * be aborted (abort, rebuild), retriable (the same call again), anything else is fatal. All but the
 * retriable end in the same way, because after a failed epoch everything is built anew.
 *
 * Offsets come first and records after them: the other way round costs a hard-coded wait of 20 ms
 * in librdkafka 2.0.2. Delivery reports only remember the first failure; the commit fails by it.
 *
 * Rejected: two producers in turns (more throughput, no better latency, and two names to fence).
 */
#include "sinks/kafka_writer.h"

#include "schemas/assert.h"
#include "schemas/kafka/kafka_client.h"
#include "schemas/kafka/kafka_produce.h"
#include "schemas/kafka/kafka_token.h"
#include "schemas/topic.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INIT_TIMEOUT_MS = 30000, METADATA_TIMEOUT_MS = 10000, FULL_WAIT_MS = 100 };

struct kafka_writer {
    struct qtl_log_writer base; /* first: the two are converted into each other */
    const struct qtl_kafka_settings *settings;
    struct qtl_kafka_events events;
    rd_kafka_t *client;
    rd_kafka_topic_t *topics[QTL_TOPICS];
    /* Owned by the writer's thread: delivery reports come in calls of its own. */
    rd_kafka_resp_err_t delivery_code;
    bool is_open; /* a transaction */
    bool is_dead;
};

static struct kafka_writer *self_of(struct qtl_log_writer *writer)
{
    QTL_ASSERT(writer != NULL);
    return (struct kafka_writer *)writer;
}

static void note_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *context)
{
    struct kafka_writer *const self =
        (struct kafka_writer *)(void *)((char *)context - offsetof(struct kafka_writer, events));
    (void)client;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
        self->delivery_code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        self->delivery_code = message->err;
    }
}

static enum qtl_status dead(struct qtl_error *error)
{
    return qtl_error_set(error, QTL_IO, "Kafka failed before, nothing more is published");
}

/* What is missing, where it is a permission; else NULL. */
static const char *missing_permission(rd_kafka_resp_err_t code)
{
    switch ((int)code) {
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
        return "allow Write and Describe on the transactional id to this user";
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        return "allow IdempotentWrite on the cluster to this user";
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        return "allow Read on the group to this user";
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return "allow Write and Describe on the topics of Quintil to this user";
    default:
        return NULL;
    }
}

static bool is_fenced(const struct kafka_writer *self, rd_kafka_resp_err_t code)
{
    return atomic_load_explicit(&self->events.fenced, memory_order_relaxed) ||
           code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH ||
           code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
}

/* The writer is dead; the sentence, and LOST where somebody else has our name. */
static enum qtl_status die(struct kafka_writer *self, const char *what, rd_kafka_resp_err_t code,
                           const char *words, struct qtl_error *error)
{
    self->is_dead = true;
    const char *const permission = missing_permission(code);
    if (permission != NULL) {
        return qtl_error_set(error, QTL_BAD_CONF, "%s (instance %s): %s: %s", what,
                             self->settings->instance, words, permission);
    }
    const enum qtl_status status =
        is_fenced(self, code) ? qtl_kafka_client_fenced(&self->events) : QTL_IO;
    return qtl_error_set(error, status, "%s (instance %s): %s", what, self->settings->instance,
                         words);
}

/* Whether the same call is to be made again; otherwise *status says how it went. */
static bool is_again(struct kafka_writer *self, const char *what, rd_kafka_error_t *failed,
                     enum qtl_status *status, struct qtl_error *error)
{
    *status = QTL_OK;
    if (failed == NULL) {
        return false;
    }
    const bool again = !rd_kafka_error_is_fatal(failed) &&
                       !rd_kafka_error_txn_requires_abort(failed) &&
                       rd_kafka_error_is_retriable(failed);
    if (!again) {
        *status =
            die(self, what, rd_kafka_error_code(failed), rd_kafka_error_string(failed), error);
    }
    rd_kafka_error_destroy(failed);
    return again;
}

static void close_client(struct kafka_writer *self)
{
    for (enum qtl_topic topic = 0; topic < QTL_TOPICS; topic++) {
        if (self->topics[topic] != NULL) {
            rd_kafka_topic_destroy(self->topics[topic]);
            self->topics[topic] = NULL;
        }
    }
    if (self->client != NULL) {
        /* What is still in its queues belongs to no committed transaction. */
        rd_kafka_purge(self->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                         RD_KAFKA_PURGE_F_NON_BLOCKING);
        rd_kafka_destroy(self->client);
        self->client = NULL;
    }
}

/* So that the first record of an epoch does not wait for them. */
static enum qtl_status learn_topics(struct kafka_writer *self, struct qtl_error *error)
{
    const struct rd_kafka_metadata *metadata = NULL;
    for (enum qtl_topic topic = 0; topic < QTL_TOPICS; topic++) {
        const bool is_kept = topic != QTL_TOPIC_PROFILES || self->settings->profiles;
        if (!qtl_topic_is_input(topic) && is_kept) {
            self->topics[topic] =
                rd_kafka_topic_new(self->client, self->settings->topics[topic], NULL);
            QTL_ASSERT(self->topics[topic] != NULL);
        }
    }
    const rd_kafka_resp_err_t code =
        rd_kafka_metadata(self->client, 0, NULL, &metadata, METADATA_TIMEOUT_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return die(self, "topics cannot be looked at", code, rd_kafka_err2str(code), error);
    }
    rd_kafka_metadata_destroy(metadata);
    return QTL_OK;
}

static enum qtl_status open_client(struct kafka_writer *self, struct qtl_error *error)
{
    struct rd_kafka_conf_s *conf = NULL;
    enum qtl_status status =
        qtl_kafka_client_conf(self->settings, QTL_KAFKA_WRITER, &self->events, &conf, error);
    if (status != QTL_OK) {
        return status;
    }
    rd_kafka_conf_set_dr_msg_cb(conf, note_delivery);
    status = qtl_kafka_client_new(&conf, QTL_KAFKA_WRITER, &self->client, error);
    if (status != QTL_OK) {
        return status;
    }
    const int64_t until_ms = qtl_kafka_client_now_ms() + INIT_TIMEOUT_MS;
    const char *const what = "transactions cannot begin";
    while (is_again(self, what, rd_kafka_init_transactions(self->client, INIT_TIMEOUT_MS), &status,
                    error)) {
        if (qtl_kafka_client_now_ms() >= until_ms) {
            return die(self, what, RD_KAFKA_RESP_ERR__TIMED_OUT, "no broker answers", error);
        }
    }
    /* The fencing of the one before us is no fencing of ours, nor are its time-outs. */
    atomic_store_explicit(&self->events.timed_out, false, memory_order_relaxed);
    return status == QTL_OK ? learn_topics(self, error) : status;
}

static rd_kafka_topic_partition_list_t *
list_of(const struct kafka_writer *self, const struct qtl_log_position *positions, size_t count)
{
    rd_kafka_topic_partition_list_t *const list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        const struct qtl_log_position *const position = &positions[i];
        rd_kafka_topic_partition_t *const row = rd_kafka_topic_partition_list_add(
            list, self->settings->topics[position->topic], position->partition);
        char text[64];
        const int length = snprintf(text, sizeof(text), "%" PRIu64 ";%" PRId64, position->sequence,
                                    position->clock);
        QTL_ASSERT(length > 0 && (size_t)length < sizeof(text));
        row->offset = position->next_offset;
        row->metadata = malloc((size_t)length); /* librdkafka frees it with the list */
        QTL_ASSERT(row->metadata != NULL);
        row->metadata_size = (size_t)length;
        memcpy(row->metadata, text, (size_t)length);
    }
    return list;
}

static enum qtl_status send_positions(struct kafka_writer *self,
                                      const struct qtl_kafka_token *token,
                                      const struct qtl_log_position *positions, size_t count,
                                      struct qtl_error *error)
{
    QTL_ASSERT(count > 0); /* an empty list "succeeds" */
    if (token == NULL || token->metadata == NULL) {
        return die(self, "offsets cannot be committed", RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
                   "we are no member of the group", error);
    }
    rd_kafka_topic_partition_list_t *const list = list_of(self, positions, count);
    enum qtl_status status = QTL_OK;
    while (is_again(self, "offsets cannot be committed",
                    rd_kafka_send_offsets_to_transaction(self->client, list, token->metadata, -1),
                    &status, error)) {
    }
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

static enum qtl_status begin(struct qtl_log_writer *writer, const struct qtl_log_token *token,
                             const struct qtl_log_position *positions, size_t count,
                             struct qtl_error *error)
{
    struct kafka_writer *const self = self_of(writer);
    if (self->is_dead) {
        return dead(error);
    }
    QTL_ASSERT(!self->is_open);
    enum qtl_status status = QTL_OK;
    if (atomic_load_explicit(&self->events.timed_out, memory_order_relaxed)) {
        fprintf(stderr, "quintil: kafka: a request got no answer in time; taking a new producer\n");
        close_client(self);
        status = open_client(self, error);
    }
    if (status == QTL_OK) {
        (void)is_again(self, "a transaction cannot begin", rd_kafka_begin_transaction(self->client),
                       &status, error);
        self->is_open = status == QTL_OK;
    }
    self->delivery_code = RD_KAFKA_RESP_ERR_NO_ERROR;
    return status == QTL_OK && count > 0
               ? send_positions(self, (const struct qtl_kafka_token *)token, positions, count,
                                error)
               : status;
}

static enum qtl_status add_positions(struct qtl_log_writer *writer,
                                     const struct qtl_log_token *token,
                                     const struct qtl_log_position *positions, size_t count,
                                     struct qtl_error *error)
{
    struct kafka_writer *const self = self_of(writer);
    if (self->is_dead) {
        return dead(error);
    }
    QTL_ASSERT(self->is_open);
    return send_positions(self, (const struct qtl_kafka_token *)token, positions, count, error);
}

static enum qtl_status append(struct qtl_log_writer *writer, const struct qtl_log_append *record,
                              struct qtl_error *error)
{
    struct kafka_writer *const self = self_of(writer);
    if (self->is_dead) {
        return dead(error);
    }
    QTL_ASSERT(self->is_open && self->topics[record->topic] != NULL);
    for (;;) {
        rd_kafka_error_t *const failed =
            qtl_kafka_produce_record(self->client, self->topics[record->topic], record->partition,
                                     record->timestamp_ms, record);
        if (failed == NULL) {
            rd_kafka_poll(self->client, 0);
            return QTL_OK;
        }
        const rd_kafka_resp_err_t code = rd_kafka_error_code(failed);
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL ||
            self->delivery_code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            const enum qtl_status status =
                die(self, "a record cannot be written", code, rd_kafka_error_string(failed), error);
            rd_kafka_error_destroy(failed);
            return status;
        }
        rd_kafka_error_destroy(failed);
        rd_kafka_poll(self->client, FULL_WAIT_MS); /* until some of them were delivered */
    }
}

static enum qtl_status commit(struct qtl_log_writer *writer, struct qtl_error *error)
{
    struct kafka_writer *const self = self_of(writer);
    if (self->is_dead) {
        return dead(error);
    }
    QTL_ASSERT(self->is_open);
    enum qtl_status status = QTL_OK;
    while (is_again(self, "the transaction cannot be committed",
                    rd_kafka_commit_transaction(self->client, -1), &status, error)) {
    }
    if (status == QTL_OK) {
        self->is_open = false;
        QTL_ASSERT(self->delivery_code == RD_KAFKA_RESP_ERR_NO_ERROR);
    } else if (self->delivery_code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return die(self, "a record was not delivered", self->delivery_code,
                   rd_kafka_err2str(self->delivery_code), error);
    }
    return status;
}

static void abort_transaction(struct qtl_log_writer *writer)
{
    struct kafka_writer *const self = self_of(writer);
    enum { ABORT_MS = 5000 };
    if (!self->is_open || self->client == NULL) {
        return;
    }
    self->is_open = false;
    self->is_dead = true;
    /* With a limit: whoever comes next ends it anyway, by taking the name. */
    rd_kafka_error_t *const failed = rd_kafka_abort_transaction(self->client, ABORT_MS);
    if (failed != NULL) {
        rd_kafka_error_destroy(failed);
    }
}

static void free_writer(struct qtl_log_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    struct kafka_writer *const self = self_of(writer);
    abort_transaction(writer);
    close_client(self);
    free(self);
}

static const struct qtl_log_writer_ops kafka_writer_ops = {
    .begin = begin,
    .add_positions = add_positions,
    .append = append,
    .commit = commit,
    .abort = abort_transaction,
    .free = free_writer,
};

enum qtl_status qtl_kafka_writer_open(const struct qtl_kafka_settings *settings,
                                      struct qtl_log_writer **writer, struct qtl_error *error)
{
    struct kafka_writer *const self = calloc(1, sizeof(*self));
    QTL_ASSERT(self != NULL);
    *writer = NULL;
    self->base.ops = &kafka_writer_ops;
    self->settings = settings;
    const enum qtl_status status = open_client(self, error);
    if (status != QTL_OK) {
        free_writer(&self->base);
        return status;
    }
    *writer = &self->base;
    return QTL_OK;
}
