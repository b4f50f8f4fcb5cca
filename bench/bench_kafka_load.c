/*
 * Fills the two topics that the engine reads: made-up events, evenly spread over the days up to
 * now, in time order, keyed by customer, each record stamped with its occurred_at. Makes the
 * topics, and one for profiles, which stays empty. Prints what it wrote as one line of JSON.
 *
 *   build/release/bench/bench_kafka_load --brokers 127.0.0.1:9092 --events 10000000 \
 *                                        --customers 1000000 --mix busy --format json
 *
 * One thread and one idempotent producer, so that every partition is in time order whatever is sent
 * again.
 */
#include "bench/bare_client.h"
#include "bench/kafka_load.h"
#include "bench/machine.h"
#include "bench/options.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct settings {
    const char *brokers;
    const char *mix;
    const char *format;
    const char *compression;
    uint64_t events;
    uint64_t customers;
    uint64_t partitions;
};

struct totals {
    uint64_t orders;
    uint64_t engagement;
    uint64_t key_bytes;
    uint64_t value_bytes;
};

static void parse(struct settings *settings, int argc, char **argv)
{
    *settings = (struct settings){.brokers = "127.0.0.1:9092",
                                  .mix = "busy",
                                  .format = "json",
                                  .compression = "none",
                                  .events = 200000,
                                  .customers = 20000,
                                  .partitions = 4};
    const struct qtl_option options[] = {
        {"brokers", &settings->brokers, NULL, "where Kafka listens"},
        {"mix", &settings->mix, NULL, "busy or calm: 0.4 transitions an event, or one in 50"},
        {"format", &settings->format, NULL, "json or avro"},
        {"compression", &settings->compression, NULL, "none, lz4, ... of the producer"},
        {"events", NULL, &settings->events, "orders and engagement together"},
        {"customers", NULL, &settings->customers, "all equally likely"},
        {"partitions", NULL, &settings->partitions, "of each topic"},
    };
    qtl_options_parse(options, sizeof(options) / sizeof(options[0]), argc, argv);
}

static rd_kafka_t *connect_producer(const struct settings *settings)
{
    const struct qtl_bare_property properties[] = {
        {"enable.idempotence", "true"},
        {"partitioner", "murmur2_random"},
        {"linger.ms", "50"},
        {"queue.buffering.max.messages", "1000000"},
        {"queue.buffering.max.kbytes", "1048576"},
        {"compression.codec", settings->compression},
    };
    return qtl_bare_client_producer(settings->brokers, properties,
                                    sizeof(properties) / sizeof(properties[0]));
}

static void load(const struct settings *settings, rd_kafka_t *producer, struct totals *totals)
{
    const struct qtl_kafka_load_mix *const mix = qtl_kafka_load_mix(settings->mix);
    const enum qtl_kafka_load_format format = qtl_kafka_load_format(settings->format);
    rd_kafka_topic_t *const orders = rd_kafka_topic_new(producer, "orders", NULL);
    rd_kafka_topic_t *const engagement = rd_kafka_topic_new(producer, "engagement", NULL);
    struct qtl_random random = qtl_random_seed(7, 7);
    const int64_t span_s = (int64_t)mix->days * 86400;
    const int64_t first = (int64_t)time(NULL) - span_s;
    struct qtl_kafka_load_event event = {.prefix = "c"};
    struct qtl_kafka_load_record record;
    for (uint64_t i = 0; i < settings->events; i++) {
        qtl_kafka_load_draw(&random, mix, (uint32_t)settings->customers, &event);
        event.number = i;
        event.occurred_at =
            first + (int64_t)((double)i / (double)settings->events * (double)span_s);
        qtl_kafka_load_encode(format, &event, &record);
        const struct qtl_bare_record bare = {.topic = event.kind == NULL ? orders : engagement,
                                             .partition = RD_KAFKA_PARTITION_UA,
                                             .timestamp_ms = event.occurred_at * 1000,
                                             .key = record.key,
                                             .value = record.value};
        qtl_bare_client_produce(producer, &bare);
        *(event.kind == NULL ? &totals->orders : &totals->engagement) += 1;
        totals->key_bytes += record.key.length;
        totals->value_bytes += record.value.length;
        if (i % 4096 == 0) {
            rd_kafka_poll(producer, 0);
        }
    }
    qtl_bare_client_flush(producer);
    rd_kafka_topic_destroy(orders);
    rd_kafka_topic_destroy(engagement);
}

int main(int argc, char **argv)
{
    struct settings settings;
    parse(&settings, argc, argv);
    if (qtl_kafka_load_mix(settings.mix) == NULL) {
        fprintf(stderr, "%s: expected busy or calm\n", settings.mix);
        return 2;
    }
    rd_kafka_t *const producer = connect_producer(&settings);
    static const char *const topics[] = {"orders", "engagement", "customers"};
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        qtl_bare_client_create_topic(producer, topics[i], (int)settings.partitions);
    }
    struct totals totals = {0};
    const uint64_t begun_ns = qtl_machine_now_ns();
    load(&settings, producer, &totals);
    const double took_s = (double)(qtl_machine_now_ns() - begun_ns) / 1e9;
    printf("{\"orders\": %" PRIu64 ", \"engagement\": %" PRIu64 ", \"key_bytes\": %" PRIu64
           ", \"value_bytes\": %" PRIu64 ", \"seconds\": %.3f, \"librdkafka\": \"%s\"}\n",
           totals.orders, totals.engagement, totals.key_bytes, totals.value_bytes, took_s,
           rd_kafka_version_str());
    rd_kafka_destroy(producer);
    return 0;
}
