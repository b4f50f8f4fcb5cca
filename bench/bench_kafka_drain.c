/*
 * What librdkafka alone does with the engine's input: reads topics from their beginning to their
 * end, read_committed, counts records and throws them away, in the way in which the engine reads
 * (split partition queues, batches, one descriptor to wait on). Prints one line of JSON; also what
 * counts the transitions afterwards.
 *
 *   build/release/bench/bench_kafka_drain --brokers 127.0.0.1:9092 --topics orders,engagement
 *
 * A commit is acknowledged before its records are visible: whoever knows how many are to come says
 * so
 * (`--records`), and the program waits for that many beyond the first end.
 *
 * Time and processor time run from the assignment to the last end of a partition and take in
 * librdkafka's own threads. Nothing else happens to a record, so this is a floor, no estimate.
 *
 * Threads: main, beside librdkafka's own.
 */
#include "bench/bare_client.h"
#include "bench/machine.h"
#include "bench/options.h"
#include "scoring/base/assert.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { BATCH = 4096, TOPIC_BYTES = 250, QUIET_MS = 30000 };

struct drain {
    rd_kafka_t *consumer;
    rd_kafka_topic_partition_list_t *places;
    rd_kafka_queue_t **queues; /* one a place */
    bool *ended;               /* one a place: its end was seen and nothing since */
    int descriptor;            /* readable when a queue that was empty has something */
    uint64_t records;
    uint64_t key_bytes;
    uint64_t value_bytes;
};

static void connect_consumer(struct drain *drain, const char *brokers)
{
    const struct qtl_bare_property properties[] = {
        {"group.id", "bench-drain"}, /* only named: partitions are assigned by hand */
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"enable.partition.eof", "true"},
        {"isolation.level", "read_committed"},
        {"fetch.wait.max.ms", "10"},
        {"queued.min.messages", "1000000"},
        {"queued.max.messages.kbytes", "262144"},
    };
    drain->consumer =
        qtl_bare_client_consumer(brokers, properties, sizeof(properties) / sizeof(properties[0]));
}

static void list_places(struct drain *drain, const char *topics)
{
    drain->places = rd_kafka_topic_partition_list_new(16);
    while (*topics != '\0') {
        char topic[TOPIC_BYTES];
        const size_t length = strcspn(topics, ",");
        QTL_ASSERT(length < sizeof(topic));
        memcpy(topic, topics, length);
        topic[length] = '\0';
        const int32_t partitions = qtl_bare_client_partitions(drain->consumer, topic);
        for (int32_t i = 0; i < partitions; i++) {
            rd_kafka_topic_partition_list_add(drain->places, topic, i)->offset =
                RD_KAFKA_OFFSET_BEGINNING;
        }
        topics += length + (topics[length] == ',');
    }
}

static void assign(struct drain *drain)
{
    static const uint64_t one = 1;
    drain->descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    drain->queues = calloc((size_t)drain->places->cnt, sizeof(rd_kafka_queue_t *));
    drain->ended = calloc((size_t)drain->places->cnt, sizeof(*drain->ended));
    QTL_ASSERT(drain->descriptor >= 0);
    QTL_ASSERT(drain->places->cnt == 0 || (drain->queues != NULL && drain->ended != NULL));
    const rd_kafka_resp_err_t code = rd_kafka_assign(drain->consumer, drain->places);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        qtl_bare_client_fail("the partitions could not be assigned", code);
    }
    for (int i = 0; i < drain->places->cnt; i++) {
        const rd_kafka_topic_partition_t *const place = &drain->places->elems[i];
        drain->queues[i] =
            rd_kafka_queue_get_partition(drain->consumer, place->topic, place->partition);
        QTL_ASSERT(drain->queues[i] != NULL);
        rd_kafka_queue_forward(drain->queues[i], NULL);
        rd_kafka_queue_io_event_enable(drain->queues[i], drain->descriptor, &one, sizeof(one));
    }
}

static void take(struct drain *drain, int place, rd_kafka_message_t *message)
{
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        drain->records++;
        drain->key_bytes += message->key_len;
        drain->value_bytes += message->len;
        drain->ended[place] = false;
    } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        drain->ended[place] = true;
    } else {
        qtl_bare_client_fail("reading failed", message->err);
    }
    rd_kafka_message_destroy(message);
}

/* True where a queue had something. */
static bool read_all(struct drain *drain)
{
    static rd_kafka_message_t *messages[BATCH];
    bool had = false;
    for (int i = 0; i < drain->places->cnt; i++) {
        const ssize_t count = rd_kafka_consume_batch_queue(drain->queues[i], 0, messages, BATCH);
        for (ssize_t j = 0; j < count; j++) {
            take(drain, i, messages[j]);
        }
        had = had || count > 0;
    }
    return had;
}

static bool is_complete(const struct drain *drain, uint64_t records)
{
    for (int i = 0; i < drain->places->cnt; i++) {
        if (!drain->ended[i]) {
            return false;
        }
    }
    return drain->records >= records;
}

/* False where nothing came for QUIET_MS: what is missing does not come any more. */
static bool wait_for_more(const struct drain *drain)
{
    struct pollfd waiting = {.fd = drain->descriptor, .events = POLLIN};
    if (poll(&waiting, 1, QUIET_MS) == 0) {
        return false;
    }
    uint64_t count = 0;
    if (read(drain->descriptor, &count, sizeof(count)) < 0) {
        count = 0; /* spurious: the queues are looked at either way */
    }
    return true;
}

int main(int argc, char **argv)
{
    const char *brokers = "127.0.0.1:9092";
    const char *topics = "orders,engagement";
    uint64_t records = 0;
    const struct qtl_option options[] = {
        {"brokers", &brokers, NULL, "where Kafka listens"},
        {"topics", &topics, NULL, "what to read, separated by commas"},
        {"records", NULL, &records, "to wait for, past the first ends"},
    };
    qtl_options_parse(options, sizeof(options) / sizeof(options[0]), argc, argv);
    struct drain drain = {0};
    connect_consumer(&drain, brokers);
    list_places(&drain, topics);
    const uint64_t begun_cpu_ns = qtl_machine_process_cpu_ns();
    const uint64_t begun_ns = qtl_machine_now_ns();
    assign(&drain);
    bool goes_on = true;
    while (goes_on && !is_complete(&drain, records)) {
        goes_on = read_all(&drain) || wait_for_more(&drain);
    }
    const double took_s = (double)(qtl_machine_now_ns() - begun_ns) / 1e9;
    const double cpu_s = (double)(qtl_machine_process_cpu_ns() - begun_cpu_ns) / 1e9;
    printf("{\"records\": %" PRIu64 ", \"key_bytes\": %" PRIu64 ", \"value_bytes\": %" PRIu64
           ", \"seconds\": %.3f, \"cpu_s\": %.3f}\n",
           drain.records, drain.key_bytes, drain.value_bytes, took_s, cpu_s);
    for (int i = 0; i < drain.places->cnt; i++) {
        rd_kafka_queue_destroy(drain.queues[i]);
    }
    free(drain.queues);
    free(drain.ended);
    rd_kafka_topic_partition_list_destroy(drain.places);
    rd_kafka_consumer_close(drain.consumer);
    rd_kafka_destroy(drain.consumer);
    close(drain.descriptor);
    return 0;
}
