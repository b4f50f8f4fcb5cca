/*
 * What librdkafka alone does with the engine's output: sends so many records of a transition's size
 * in transactions of so many, exactly as they come, and commits nothing else with them. Prints one
 * line of JSON.
 *
 *   build/release/bench/bench_kafka_transact --brokers 127.0.0.1:9092 --records 4000000 --bytes 340
 *
 * The values are made once and then only get another id and customer: what a compressor sees is
 * like transitions, and making them costs next to nothing. Time and processor time run from the
 * first begin to the last commit and take in librdkafka's own threads.
 *
 * Threads: main, beside librdkafka's own.
 */
#include "bench/bare_client.h"
#include "bench/machine.h"
#include "bench/options.h"
#include "consumer/random.h"
#include "scoring/base/assert.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>

enum { VALUE_BYTES_MAX = 4096, VALUE_BYTES_MIN = 64, WAIT_MS = 30000 };

struct settings {
    const char *brokers;
    const char *topic;
    const char *compression;
    uint64_t records;
    uint64_t bytes;
    uint64_t transaction;
    uint64_t partitions;
    uint64_t customers;
};

static void parse(struct settings *settings, int argc, char **argv)
{
    *settings = (struct settings){.brokers = "127.0.0.1:9092",
                                  .topic = "bench.transitions",
                                  .compression = "lz4",
                                  .records = 80000,
                                  .bytes = 340,
                                  .transaction = 26000,
                                  .partitions = 4,
                                  .customers = 20000};
    const struct qtl_option options[] = {
        {"brokers", &settings->brokers, NULL, "where Kafka listens"},
        {"topic", &settings->topic, NULL, "made where it is missing"},
        {"compression", &settings->compression, NULL, "none, lz4, ... of the producer"},
        {"records", NULL, &settings->records, "how many"},
        {"bytes", NULL, &settings->bytes, "of a record's value"},
        {"transaction", NULL, &settings->transaction, "records in each"},
        {"partitions", NULL, &settings->partitions, "of the topic, taken in turn"},
        {"customers", NULL, &settings->customers, "the keys"},
    };
    qtl_options_parse(options, sizeof(options) / sizeof(options[0]), argc, argv);
    if (settings->bytes < VALUE_BYTES_MIN || settings->bytes > VALUE_BYTES_MAX ||
        settings->transaction == 0 || settings->partitions == 0 || settings->customers == 0) {
        qtl_bare_client_fail("--bytes is 64 to 4096, the others above 0",
                             RD_KAFKA_RESP_ERR__INVALID_ARG);
    }
}

static void require(rd_kafka_error_t *error, const char *what)
{
    if (error != NULL) {
        fprintf(stderr, "%s: %s\n", what, rd_kafka_error_string(error));
        qtl_bare_client_fail(what, rd_kafka_error_code(error));
    }
}

static rd_kafka_t *connect_producer(const struct settings *settings)
{
    const struct qtl_bare_property properties[] = {
        {"transactional.id", "bench-transact"},
        {"retry.backoff.ms", "2"},
        {"linger.ms", "5"},
        {"queue.buffering.max.messages", "1000000"},
        {"queue.buffering.max.kbytes", "1048576"},
        {"compression.codec", settings->compression},
    };
    rd_kafka_t *const producer = qtl_bare_client_producer(
        settings->brokers, properties, sizeof(properties) / sizeof(properties[0]));
    qtl_bare_client_create_topic(producer, settings->topic, (int)settings->partitions);
    require(rd_kafka_init_transactions(producer, WAIT_MS), "init_transactions");
    return producer;
}

static void fill(char *value, uint64_t bytes)
{
    static const char pattern[] =
        "{\"id\":\"00000000000000000000000000000000\",\"customer_id\":\"c00000000\",\"sequence\":1,"
        "\"segment\":\"cart_abandoned\",\"from\":\"out\",\"to\":\"in\","
        "\"at\":\"2026-01-01T00:00:00Z\",\"detected_at\":\"2026-01-01T00:00:00Z\","
        "\"cause\":\"clock\",\"evidence\":{\"since(cart_add)\":7200,"
        "\"last(cart_add)\":\"2026-01-01T00:00:00Z\"},\"rules_version\":\"5ad8dbe17d354acb\","
        "\"holdout\":false,\"epoch\":1}";
    for (uint64_t i = 0; i < bytes; i++) {
        value[i] = pattern[i % (sizeof(pattern) - 1)];
    }
}

static void send_one(rd_kafka_t *producer, rd_kafka_topic_t *topic, const struct settings *settings,
                     uint64_t number)
{
    static char value[VALUE_BYTES_MAX + 1];
    static struct qtl_random random;
    if (number == 0) {
        random = qtl_random_seed(7, 7);
        fill(value, settings->bytes);
    }
    char id[33];
    snprintf(id, sizeof(id), "%08x%08x%08x%08x", qtl_random_next(&random), qtl_random_next(&random),
             qtl_random_next(&random), qtl_random_next(&random));
    memcpy(value + 7, id, 32); /* behind {"id":" */
    char key[16];
    const int length = snprintf(key, sizeof(key), "c%08u",
                                qtl_random_below(&random, (uint32_t)settings->customers));
    QTL_ASSERT(length > 0 && (size_t)length < sizeof(key));
    const struct qtl_bare_record record = {
        .topic = topic,
        .partition = (int32_t)(number % settings->partitions),
        .timestamp_ms = 0,
        .key = {key, (uint32_t)length},
        .value = {value, (uint32_t)settings->bytes},
    };
    qtl_bare_client_produce(producer, &record);
}

int main(int argc, char **argv)
{
    struct settings settings;
    parse(&settings, argc, argv);
    rd_kafka_t *const producer = connect_producer(&settings);
    rd_kafka_topic_t *const topic = rd_kafka_topic_new(producer, settings.topic, NULL);
    const uint64_t begun_cpu_ns = qtl_machine_process_cpu_ns();
    const uint64_t begun_ns = qtl_machine_now_ns();
    uint64_t transactions = 0;
    for (uint64_t sent = 0; sent < settings.records; transactions++) {
        require(rd_kafka_begin_transaction(producer), "begin_transaction");
        const uint64_t rest = settings.records - sent;
        const uint64_t count = rest < settings.transaction ? rest : settings.transaction;
        for (uint64_t i = 0; i < count; i++) {
            send_one(producer, topic, &settings, sent + i);
        }
        require(rd_kafka_commit_transaction(producer, -1), "commit_transaction");
        sent += count;
    }
    const double took_s = (double)(qtl_machine_now_ns() - begun_ns) / 1e9;
    const double cpu_s = (double)(qtl_machine_process_cpu_ns() - begun_cpu_ns) / 1e9;
    printf("{\"records\": %" PRIu64 ", \"transactions\": %" PRIu64
           ", \"seconds\": %.3f, \"cpu_s\": %.3f}\n",
           settings.records, transactions, took_s, cpu_s);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(producer);
    return 0;
}
