/*
 * The least that lies between an event and its visible transition: librdkafka alone reads the two
 * topics as a member of a group and sends a record for each order, with the offsets in the same
 * transaction, the offsets first; one transaction after another, each with what came during the one
 * before. No state, no rules, no clock. Runs until SIGTERM, beside bench_kafka_latency:
 *
 *   build/release/bench/bench_kafka_relay --brokers 127.0.0.1:9092 --topic bench.transitions
 *   build/release/bench/bench_kafka_latency --topic bench.transitions --search-percent 0 ...
 *
 * What is sent is as long as a transition. An order is known by the letter in its customer's id, as
 * bench_kafka_latency gives it.
 *
 * Threads: main, beside librdkafka's own. SIGTERM is blocked and asked for once a round, so that
 * there is no handler and the last transaction is whole.
 */
#include "bench/bare_client.h"
#include "bench/options.h"
#include "scoring/base/assert.h"

#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { BATCH = 65536, VALUE_BYTES = 340, WAIT_MS = 30000, ROUND_MS = 100 };

struct relay {
    rd_kafka_t *producer;
    rd_kafka_t *consumer;
    rd_kafka_queue_t *queue;
    rd_kafka_topic_t *topic;
    rd_kafka_topic_partition_list_t *positions; /* of the batch at hand */
};

static void require(rd_kafka_error_t *error, const char *what)
{
    if (error != NULL) {
        qtl_bare_client_fail(what, rd_kafka_error_code(error));
    }
}

static void connect_both(struct relay *relay, const char *brokers, const char *topic,
                         uint64_t partitions)
{
    const struct qtl_bare_property reading[] = {
        {"group.id", "bench-relay"},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "earliest"},
        {"isolation.level", "read_committed"},
        {"partition.assignment.strategy", "range"},
        {"fetch.wait.max.ms", "5"},
    };
    const struct qtl_bare_property sending[] = {
        {"transactional.id", "bench-relay"},
        {"retry.backoff.ms", "2"},
        {"linger.ms", "0"},
        {"compression.codec", "lz4"},
    };
    relay->producer =
        qtl_bare_client_producer(brokers, sending, sizeof(sending) / sizeof(sending[0]));
    qtl_bare_client_create_topic(relay->producer, topic, (int)partitions);
    require(rd_kafka_init_transactions(relay->producer, WAIT_MS), "init_transactions");
    relay->topic = rd_kafka_topic_new(relay->producer, topic, NULL);
    relay->consumer =
        qtl_bare_client_consumer(brokers, reading, sizeof(reading) / sizeof(reading[0]));
    rd_kafka_topic_partition_list_t *const topics = rd_kafka_topic_partition_list_new(2);
    rd_kafka_topic_partition_list_add(topics, "orders", RD_KAFKA_PARTITION_UA);
    rd_kafka_topic_partition_list_add(topics, "engagement", RD_KAFKA_PARTITION_UA);
    const rd_kafka_resp_err_t code = rd_kafka_subscribe(relay->consumer, topics);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        qtl_bare_client_fail("subscribe", code);
    }
    rd_kafka_topic_partition_list_destroy(topics);
    relay->queue = rd_kafka_queue_get_consumer(relay->consumer);
}

/* Offsets rise within a partition, so the last one of the batch stays. */
static void note_position(struct relay *relay, const rd_kafka_message_t *message)
{
    const char *const topic = rd_kafka_topic_name(message->rkt);
    rd_kafka_topic_partition_t *place =
        rd_kafka_topic_partition_list_find(relay->positions, topic, message->partition);
    if (place == NULL) {
        place = rd_kafka_topic_partition_list_add(relay->positions, topic, message->partition);
    }
    place->offset = message->offset + 1;
}

static void begin(struct relay *relay, rd_kafka_message_t **messages, ssize_t count)
{
    relay->positions = rd_kafka_topic_partition_list_new(16);
    for (ssize_t i = 0; i < count; i++) {
        if (messages[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            qtl_bare_client_fail("reading failed", messages[i]->err);
        }
        note_position(relay, messages[i]);
    }
    rd_kafka_consumer_group_metadata_t *const group =
        rd_kafka_consumer_group_metadata(relay->consumer);
    QTL_ASSERT(group != NULL);
    require(rd_kafka_begin_transaction(relay->producer), "begin_transaction");
    require(rd_kafka_send_offsets_to_transaction(relay->producer, relay->positions, group, -1),
            "send_offsets_to_transaction");
    rd_kafka_consumer_group_metadata_destroy(group);
    rd_kafka_topic_partition_list_destroy(relay->positions);
}

static bool is_order(const rd_kafka_message_t *message)
{
    const char *const key = message->key;
    return memchr(key, 'o', message->key_len) != NULL || memchr(key, 'p', message->key_len) != NULL;
}

static void relay_batch(struct relay *relay, rd_kafka_message_t **messages, ssize_t count)
{
    static char value[VALUE_BYTES];
    memset(value, 'v', sizeof(value));
    begin(relay, messages, count);
    for (ssize_t i = 0; i < count; i++) {
        if (is_order(messages[i])) {
            const struct qtl_bare_record record = {
                .topic = relay->topic,
                .partition = messages[i]->partition,
                .key = {messages[i]->key, (uint32_t)messages[i]->key_len},
                .value = {value, sizeof(value)},
            };
            qtl_bare_client_produce(relay->producer, &record);
        }
        rd_kafka_message_destroy(messages[i]);
    }
    require(rd_kafka_commit_transaction(relay->producer, -1), "commit_transaction");
}

static bool is_asked_to_end(void)
{
    sigset_t pending;
    sigemptyset(&pending);
    sigpending(&pending);
    return sigismember(&pending, SIGTERM) == 1;
}

static void run(struct relay *relay)
{
    static rd_kafka_message_t *messages[BATCH];
    while (!is_asked_to_end()) {
        /* The first alone, or the call would wait for a full batch. */
        ssize_t count = rd_kafka_consume_batch_queue(relay->queue, ROUND_MS, messages, 1);
        if (count == 1) {
            const ssize_t more =
                rd_kafka_consume_batch_queue(relay->queue, 0, messages + 1, BATCH - 1);
            count += more > 0 ? more : 0;
            relay_batch(relay, messages, count);
        }
    }
}

int main(int argc, char **argv)
{
    const char *brokers = "127.0.0.1:9092";
    const char *topic = "bench.transitions";
    uint64_t partitions = 4;
    const struct qtl_option options[] = {
        {"brokers", &brokers, NULL, "where Kafka listens"},
        {"topic", &topic, NULL, "where a record goes for each order; made where it is missing"},
        {"partitions", NULL, &partitions, "as many as the input has"},
    };
    qtl_options_parse(options, sizeof(options) / sizeof(options[0]), argc, argv);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    struct relay relay = {0};
    connect_both(&relay, brokers, topic, partitions);
    run(&relay);
    rd_kafka_queue_destroy(relay.queue);
    rd_kafka_consumer_close(relay.consumer);
    rd_kafka_destroy(relay.consumer);
    rd_kafka_topic_destroy(relay.topic);
    rd_kafka_destroy(relay.producer);
    return 0;
}
