/*
 * See kafka_input.h. A partition is started and stopped by itself (librdkafka's simple interface),
 * with a queue of its own: a seek is a stop and a start with a new queue, so that nothing of before
 * can come out of it, and no other partition notices.
 *
 * Rejected: the group's own fetching (consumer/kafka_group.c says why), and rd_kafka_seek(), behind
 * which 2.0.2 may still hand out what was fetched before.
 */
#include "consumer/kafka_input.h"

#include "schemas/assert.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>

static enum qtl_status say_failed(const struct qtl_kafka_input *input, rd_kafka_resp_err_t code,
                                  const char *words, struct qtl_error *error)
{
    switch ((int)code) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        return qtl_error_set(error, QTL_IO,
                             "topic %s, partition %" PRId32 ": offset %" PRId64
                             " is not there: what was to be read is gone; restore the topic, or "
                             "begin anew with another kafka.group and kafka.prefix; keep input for "
                             "ever (retention.ms=-1, retention.bytes=-1) until there are snapshots",
                             input->name, input->partition, input->next_offset);
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return qtl_error_set(error, QTL_BAD_CONF,
                             "topic %s may not be read: allow Read and Describe on it to this user",
                             input->name);
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return qtl_error_set(error, QTL_IO,
                             "topic %s, partition %" PRId32 " is there no longer: it was deleted "
                             "while it was read",
                             input->name, input->partition);
    default:
        return qtl_error_set(error, QTL_IO, "topic %s, partition %" PRId32 " cannot be read: %s",
                             input->name, input->partition, words);
    }
}

enum qtl_status qtl_kafka_input_start(struct qtl_kafka_input *input, struct rd_kafka_s *client,
                                      struct rd_kafka_topic_s *topic, int64_t offset, int event_fd,
                                      struct qtl_error *error)
{
    static const uint64_t one = 1;
    qtl_kafka_input_stop(input);
    input->topic = topic;
    input->next_offset = offset;
    input->has_ended = input->has_failed = false;
    input->is_silent = input->was_silent = false;
    input->open_since_ms = 0;
    input->stable = -1;
    input->queue = rd_kafka_queue_new(client);
    rd_kafka_queue_io_event_enable(input->queue, event_fd, &one, sizeof(one));
    if (rd_kafka_consume_start_queue(topic, input->partition, offset, input->queue) != 0) {
        const rd_kafka_resp_err_t code = rd_kafka_last_error();
        rd_kafka_queue_destroy(input->queue);
        input->queue = NULL;
        return say_failed(input, code, rd_kafka_err2str(code), error);
    }
    return QTL_OK;
}

void qtl_kafka_input_stop(struct qtl_kafka_input *input)
{
    if (input->queue == NULL) {
        return;
    }
    rd_kafka_queue_io_event_enable(input->queue, -1, NULL, 0);
    rd_kafka_consume_stop(input->topic, input->partition);
    rd_kafka_queue_destroy(input->queue);
    input->queue = NULL;
}

/* Whether it is a record to hand out; otherwise it is destroyed. */
static bool take(struct qtl_kafka_input *input, rd_kafka_message_t *message)
{
    bool is_record = false;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        input->has_ended = false;
        is_record = message->offset >= input->next_offset; /* never one twice: #4636 */
        input->next_offset = is_record ? message->offset + 1 : input->next_offset;
    } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        input->has_ended = true;
    } else if (message->err != RD_KAFKA_RESP_ERR__TRANSPORT &&
               message->err != RD_KAFKA_RESP_ERR__TIMED_OUT) { /* those mend themselves */
        input->has_failed = true;
        const enum qtl_status status =
            say_failed(input, message->err, rd_kafka_message_errstr(message), &input->failed);
        (void)status; /* told with the next read */
    }
    if (!is_record) {
        rd_kafka_message_destroy(message);
    }
    return is_record;
}

enum qtl_status qtl_kafka_input_read(struct qtl_kafka_input *input, size_t max,
                                     struct rd_kafka_message_s **messages, size_t *count,
                                     struct qtl_error *error)
{
    QTL_ASSERT(input->queue != NULL);
    *count = 0;
    if (!input->has_failed) {
        const ssize_t got = rd_kafka_consume_batch_queue(input->queue, 0, messages, max);
        for (ssize_t i = 0; i < got; i++) {
            rd_kafka_message_t *const message = messages[i];
            if (take(input, message)) {
                messages[(*count)++] = message;
            }
        }
    }
    if (*count > 0) {
        return QTL_OK;
    }
    if (input->has_failed) {
        return qtl_error_set(error, QTL_IO, "%s", input->failed.text);
    }
    return QTL_EMPTY;
}

void qtl_kafka_input_note(struct qtl_kafka_input *input,
                          const struct qtl_kafka_partition_statistics *statistics, int64_t now_ms)
{
    input->was_silent = input->is_silent;
    input->is_silent = statistics->is_silent;
    const bool is_open = statistics->stable >= 0 && statistics->stable < statistics->high;
    if (!is_open || statistics->stable != input->stable) {
        input->open_since_ms = is_open ? now_ms : 0; /* another one: it moved in between */
        input->is_given_up = false;
    }
    input->stable = statistics->stable;
}

bool qtl_kafka_input_holds_clock(struct qtl_kafka_input *input, int64_t wait_s, int64_t now_ms)
{
    if (input->open_since_ms == 0 || input->is_given_up) {
        return false;
    }
    const int64_t open_ms = now_ms - input->open_since_ms;
    if (open_ms <= 1000) {
        return false;
    }
    if (open_ms <= (wait_s + 1) * 1000) {
        return true;
    }
    input->is_given_up = true;
    fprintf(stderr,
            "quintil: warning: topic %s, partition %" PRId32 ": somebody left a transaction open "
            "at offset %" PRId64 "; the clock waited for %" PRId64 " s and goes on, records of it "
            "that are committed later will be late\n",
            input->name, input->partition, input->stable, wait_s);
    return false;
}
