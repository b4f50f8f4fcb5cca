/*
 * See kafka_intake.h. Records are copied into librdkafka's queue; a full queue is waited on, which
 * is what keeps a fast file from filling memory. The first record that was not delivered is
 * remembered and fails the next commit.
 *
 * Rejected: a transactional producer. It would need a name of its own that two commands at once
 * must not share, and an open transaction holds every clock behind it.
 *
 * Thread: its owner's.
 */
#include "sinks/kafka_intake.h"

#include "schemas/assert.h"
#include "schemas/event.h"
#include "schemas/kafka/kafka_client.h"
#include "schemas/kafka/kafka_produce.h"
#include "schemas/topic.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>

enum { FULL_WAIT_MS = 100, FLUSH_MS = 1000 };

struct kafka_intake {
    struct qtl_log_writer base; /* first: the two are converted into each other */
    const struct qtl_kafka_settings *settings;
    struct qtl_kafka_events events;
    rd_kafka_t *client;
    rd_kafka_topic_t *topics[QTL_TOPICS]; /* of the input */
    int64_t last_ms[QTL_TOPICS];          /* the last timestamp given; 0: none yet */
    rd_kafka_resp_err_t delivery_code;    /* of the first record that was not delivered */
};

static struct kafka_intake *self_of(struct qtl_log_writer *writer)
{
    QTL_ASSERT(writer != NULL);
    return (struct kafka_intake *)writer;
}

static void note_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *context)
{
    struct kafka_intake *const self =
        (struct kafka_intake *)(void *)((char *)context - offsetof(struct kafka_intake, events));
    (void)client;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
        self->delivery_code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        self->delivery_code = message->err;
    }
}

static enum qtl_status say_failed(struct kafka_intake *self, rd_kafka_resp_err_t code,
                                  struct qtl_error *error)
{
    return qtl_error_set(error, QTL_IO, "Kafka at %s did not take a record: %s",
                         self->settings->brokers, rd_kafka_err2str(code));
}

static enum qtl_status begin(struct qtl_log_writer *writer, const struct qtl_log_token *token,
                             const struct qtl_log_position *positions, size_t count,
                             struct qtl_error *error)
{
    (void)writer;
    (void)error;
    QTL_ASSERT(token == NULL && positions == NULL && count == 0);
    return QTL_OK;
}

static enum qtl_status add_positions(struct qtl_log_writer *writer,
                                     const struct qtl_log_token *token,
                                     const struct qtl_log_position *positions, size_t count,
                                     struct qtl_error *error)
{
    return begin(writer, token, positions, count, error);
}

static rd_kafka_resp_err_t produce(struct kafka_intake *self, const struct qtl_log_append *record)
{
    /* Kafka has no record without a time: one that says none takes that of the one before it, so
     * that it moves nobody's clock. 0 is now. */
    int64_t *const last_ms = &self->last_ms[record->topic];
    if (record->timestamp_ms != QTL_TIME_ABSENT) {
        *last_ms = record->timestamp_ms;
    }
    rd_kafka_error_t *const failed = qtl_kafka_produce_record(
        self->client, self->topics[record->topic],
        record->has_key ? QTL_KAFKA_PRODUCE_BY_KEY : record->partition, *last_ms, record);
    const rd_kafka_resp_err_t code =
        failed == NULL ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(failed);
    if (failed != NULL) {
        rd_kafka_error_destroy(failed);
    }
    return code;
}

static enum qtl_status append(struct qtl_log_writer *writer, const struct qtl_log_append *record,
                              struct qtl_error *error)
{
    struct kafka_intake *const self = self_of(writer);
    QTL_ASSERT(qtl_topic_is_input(record->topic));
    rd_kafka_resp_err_t code = produce(self, record);
    while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL &&
           self->delivery_code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_poll(self->client, FULL_WAIT_MS); /* returns as soon as records are delivered */
        code = produce(self, record);
    }
    rd_kafka_poll(self->client, 0);
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
        return qtl_error_set(error, QTL_MALFORMED,
                             "a record of %zu bytes is larger than message.max.bytes",
                             (size_t)record->value.length);
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? QTL_OK : say_failed(self, code, error);
}

static enum qtl_status commit(struct qtl_log_writer *writer, struct qtl_error *error)
{
    struct kafka_intake *const self = self_of(writer);
    /* A record that nobody takes ends with its delivery report, so this comes to an end. */
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    while (code == RD_KAFKA_RESP_ERR__TIMED_OUT &&
           self->delivery_code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = rd_kafka_flush(self->client, FLUSH_MS);
    }
    if (self->delivery_code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = self->delivery_code;
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? QTL_OK : say_failed(self, code, error);
}

static void drop_waiting(struct qtl_log_writer *writer)
{
    rd_kafka_purge(self_of(writer)->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}

static void free_intake(struct qtl_log_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    struct kafka_intake *const self = self_of(writer);
    for (enum qtl_topic topic = 0; topic < QTL_TOPICS; topic++) {
        if (self->topics[topic] != NULL) {
            rd_kafka_topic_destroy(self->topics[topic]);
        }
    }
    if (self->client != NULL) {
        drop_waiting(writer);
        rd_kafka_destroy(self->client);
    }
    free(self);
}

static const struct qtl_log_writer_ops kafka_intake_ops = {
    .begin = begin,
    .add_positions = add_positions,
    .append = append,
    .commit = commit,
    .abort = drop_waiting,
    .free = free_intake,
};

enum qtl_status qtl_kafka_intake_open(const struct qtl_kafka_settings *settings,
                                      struct qtl_log_writer **writer, struct qtl_error *error)
{
    struct kafka_intake *const self = calloc(1, sizeof(*self));
    QTL_ASSERT(self != NULL);
    *writer = NULL;
    self->base.ops = &kafka_intake_ops;
    self->settings = settings;
    struct rd_kafka_conf_s *conf = NULL;
    enum qtl_status status =
        qtl_kafka_client_conf(settings, QTL_KAFKA_INTAKE, &self->events, &conf, error);
    if (status == QTL_OK) {
        rd_kafka_conf_set_dr_msg_cb(conf, note_delivery);
        status = qtl_kafka_client_new(&conf, QTL_KAFKA_INTAKE, &self->client, error);
    }
    if (status != QTL_OK) {
        free_intake(&self->base);
        return status;
    }
    for (enum qtl_topic topic = 0; topic < QTL_TOPICS; topic++) {
        if (qtl_topic_is_input(topic)) {
            self->topics[topic] = rd_kafka_topic_new(self->client, settings->topics[topic], NULL);
            QTL_ASSERT(self->topics[topic] != NULL);
        }
    }
    *writer = &self->base;
    return QTL_OK;
}
