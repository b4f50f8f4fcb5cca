/*
 * From an event to its visible transition, between real servers and past a running engine: sends
 * events at a steady rate, reads quintil.transitions read_committed and takes the time from the
 * call that sent the event to the batch that brought the transition, on one monotonic clock. Prints
 * one line of JSON.
 *
 *   build/release/bench/bench_kafka_latency --brokers 127.0.0.1:9092 --rate 1000 --seconds 20
 *
 * The engine runs with these two rules, so that a customer's id says what is to come of it:
 *   first: orders() >= 1          customer o<n> orders once: a transition at once
 *   due:   since(search) >= 3s    customer t<n> searches once: a transition three seconds later, by
 *                                 the clock alone; what is late is measured against that second
 * The rest are page views of customers v<n>, which change nothing. Matching by cause_event_id would
 * want a parser here and would say the same.
 *
 * The time of the call counts, not the time at which it was due: what the sender does on a busy
 * machine is not the engine's doing. Whether the rate was kept is printed.
 *
 * Threads: main sends, one thread reads. They share the stamps (one writer each, released and
 * acquired) and a mutex with the count of what has arrived, for main to wait on.
 */
#include "bench/bare_client.h"
#include "bench/kafka_load.h"
#include "bench/machine.h"
#include "bench/options.h"
#include "scoring/base/assert.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PRIMES = 64, VIEWERS = 10000, BATCH = 1024, DUE_S = 3, QUIET_S = 30, WAIT_MS = 30000 };

struct settings {
    const char *brokers;
    const char *topic;
    const char *format;
    const char *prefix;
    uint64_t rate;
    uint64_t seconds;
    uint64_t warm_up;
    uint64_t order_percent;
    uint64_t search_percent;
    uint64_t linger_ms;
};

struct latency {
    struct settings settings;
    rd_kafka_t *producer;
    rd_kafka_t *consumer;
    rd_kafka_topic_t *orders;
    rd_kafka_topic_t *engagement;
    uint64_t events;
    uint64_t first_counted; /* the events before it warm up */
    /* Of each event: when it was sent, monotonic. Written by main before it sends, read by the
     * reader after the transition came. */
    _Atomic uint64_t *sent_ns;
    int64_t *searched_s; /* the same, of a search: its second; published by sent_ns */
    /* Owned by the reader until it has been joined. */
    uint64_t *taken_ns;
    uint64_t *late_ns;
    uint64_t taken;
    uint64_t late;
    /* Under the mutex: the reader adds, main waits. */
    pthread_mutex_t mutex;
    pthread_cond_t arrived;
    uint64_t primed;
    uint64_t transitions;
    bool stop;
};

static void parse(struct settings *settings, int argc, char **argv)
{
    *settings = (struct settings){.brokers = "127.0.0.1:9092",
                                  .topic = "quintil.transitions",
                                  .format = "json",
                                  .prefix = "a",
                                  .rate = 1000,
                                  .seconds = 10,
                                  .warm_up = 3,
                                  .order_percent = 40,
                                  .search_percent = 1,
                                  .linger_ms = 1};
    const struct qtl_option options[] = {
        {"brokers", &settings->brokers, NULL, "where Kafka listens"},
        {"topic", &settings->topic, NULL, "the transitions"},
        {"format", &settings->format, NULL, "json or avro"},
        {"prefix", &settings->prefix, NULL, "of this run's customers, at most 5 bytes"},
        {"rate", NULL, &settings->rate, "events a second"},
        {"seconds", NULL, &settings->seconds, "of measuring"},
        {"warm-up", NULL, &settings->warm_up, "seconds before that"},
        {"order-percent", NULL, &settings->order_percent, "of events with a transition at once"},
        {"search-percent", NULL, &settings->search_percent, "of events with one by the clock"},
        {"linger-ms", NULL, &settings->linger_ms, "of our producer"},
    };
    qtl_options_parse(options, sizeof(options) / sizeof(options[0]), argc, argv);
    if (strlen(settings->prefix) > 5 || settings->rate == 0 || settings->order_percent == 0 ||
        settings->order_percent + settings->search_percent > 100) {
        fprintf(stderr, "the prefix has at most 5 bytes, the rate and the orders are above 0, the "
                        "percentages at most 100\n");
        exit(2);
    }
}

static int64_t wall_ns(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- reading -----------------------------------------------------------------------------------
 */

/* A topic that was made a moment ago has no leader yet, by what some answers say. */
static int64_t end_of(rd_kafka_t *consumer, const char *topic, int32_t partition)
{
    for (;;) {
        int64_t low = 0;
        int64_t high = 0;
        const rd_kafka_resp_err_t code =
            rd_kafka_query_watermark_offsets(consumer, topic, partition, &low, &high, WAIT_MS);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return high;
        }
        if (code != RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION &&
            code != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE &&
            code != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
            qtl_bare_client_fail("the end of the transitions", code);
        }
        rd_kafka_message_t *const message = rd_kafka_consumer_poll(consumer, 10);
        if (message != NULL) {
            rd_kafka_message_destroy(message); /* an error that the next round will show */
        }
    }
}

/* From the present ends on: what earlier runs left is none of ours. */
static rd_kafka_t *connect_consumer(const struct settings *settings)
{
    const struct qtl_bare_property properties[] = {
        {"group.id", "bench-latency"}, /* only named: partitions are assigned by hand */
        {"enable.auto.commit", "false"},       {"enable.auto.offset.store", "false"},
        {"isolation.level", "read_committed"}, {"fetch.wait.max.ms", "5"},
    };
    rd_kafka_t *const consumer = qtl_bare_client_consumer(
        settings->brokers, properties, sizeof(properties) / sizeof(properties[0]));
    int32_t partitions = 0;
    while ((partitions = qtl_bare_client_partitions(consumer, settings->topic)) == 0) {
        rd_kafka_message_t *const message = rd_kafka_consumer_poll(consumer, 10);
        if (message != NULL) {
            rd_kafka_message_destroy(message); /* an error that the next round will show */
        }
    }
    rd_kafka_topic_partition_list_t *const places = rd_kafka_topic_partition_list_new(partitions);
    for (int32_t i = 0; i < partitions; i++) {
        rd_kafka_topic_partition_list_add(places, settings->topic, i)->offset =
            end_of(consumer, settings->topic, i);
    }
    rd_kafka_assign(consumer, places);
    rd_kafka_topic_partition_list_destroy(places);
    return consumer;
}

/* What one transition says; true where it is one of this run's and no prime. */
static bool take_transition(struct latency *latency, const rd_kafka_message_t *message,
                            uint64_t now_ns, int64_t now_wall_ns)
{
    const size_t prefix_length = strlen(latency->settings.prefix);
    char key[32];
    if (message->key_len <= prefix_length + 1 || message->key_len >= sizeof(key) ||
        memcmp(message->key, latency->settings.prefix, prefix_length) != 0) {
        return false;
    }
    memcpy(key, message->key, message->key_len);
    key[message->key_len] = '\0';
    const char kind = key[prefix_length];
    const uint64_t number = strtoull(key + prefix_length + 1, NULL, 10);
    if (kind == 'p' || number >= latency->events) {
        latency->primed += kind == 'p';
        return false;
    }
    const uint64_t sent_ns =
        atomic_load_explicit(&latency->sent_ns[number], memory_order_acquire); /* send_event() */
    if (sent_ns == 0 || number < latency->first_counted) {
        return sent_ns != 0;
    }
    if (kind == 'o') {
        latency->taken_ns[latency->taken++] = now_ns - sent_ns;
    } else if (kind == 't') {
        const int64_t due_ns = (latency->searched_s[number] + DUE_S) * INT64_C(1000000000);
        latency->late_ns[latency->late++] =
            now_wall_ns > due_ns ? (uint64_t)(now_wall_ns - due_ns) : 0;
    }
    return true;
}

static void *read_transitions(void *context)
{
    struct latency *const latency = context;
    static rd_kafka_message_t *messages[BATCH];
    rd_kafka_queue_t *const queue = rd_kafka_queue_get_consumer(latency->consumer);
    bool stop = false;
    while (!stop) {
        /* The first alone, or the call would wait for a full batch. */
        ssize_t count = rd_kafka_consume_batch_queue(queue, 100, messages, 1);
        if (count == 1) {
            const ssize_t more = rd_kafka_consume_batch_queue(queue, 0, messages + 1, BATCH - 1);
            count += more > 0 ? more : 0;
        }
        const uint64_t now_ns = qtl_machine_now_ns();
        const int64_t now_wall_ns = wall_ns();
        pthread_mutex_lock(&latency->mutex);
        for (ssize_t i = 0; i < count; i++) {
            if (messages[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
                qtl_bare_client_fail("reading the transitions", messages[i]->err);
            }
            latency->transitions += take_transition(latency, messages[i], now_ns, now_wall_ns);
            rd_kafka_message_destroy(messages[i]);
        }
        stop = latency->stop;
        pthread_cond_signal(&latency->arrived);
        pthread_mutex_unlock(&latency->mutex);
    }
    rd_kafka_queue_destroy(queue);
    return NULL;
}

/* ---- sending -----------------------------------------------------------------------------------
 */

static rd_kafka_t *connect_producer(const struct settings *settings)
{
    char linger_ms[24];
    snprintf(linger_ms, sizeof(linger_ms), "%" PRIu64, settings->linger_ms);
    const struct qtl_bare_property properties[] = {
        {"enable.idempotence", "true"},
        {"partitioner", "murmur2_random"},
        {"linger.ms", linger_ms},
    };
    return qtl_bare_client_producer(settings->brokers, properties,
                                    sizeof(properties) / sizeof(properties[0]));
}

static void send_event(struct latency *latency, char kind, uint64_t number)
{
    const int64_t now_ns = wall_ns();
    struct qtl_kafka_load_event event = {
        .customer = kind == 'v' ? number % VIEWERS : number,
        .number = number,
        .occurred_at = now_ns / INT64_C(1000000000),
        .kind = kind == 'v'   ? "page_view"
                : kind == 't' ? "search"
                              : NULL,
        .amount_cents = 1990,
    };
    snprintf(event.prefix, sizeof(event.prefix), "%s%c", latency->settings.prefix, kind);
    struct qtl_kafka_load_record record;
    qtl_kafka_load_encode(qtl_kafka_load_format(latency->settings.format), &event, &record);
    const struct qtl_bare_record bare = {.topic = event.kind == NULL ? latency->orders
                                                                     : latency->engagement,
                                         .partition = RD_KAFKA_PARTITION_UA,
                                         .timestamp_ms = now_ns / INT64_C(1000000),
                                         .key = record.key,
                                         .value = record.value};
    if (kind != 'p') {
        latency->searched_s[number] = event.occurred_at;
        atomic_store_explicit(&latency->sent_ns[number], qtl_machine_now_ns(),
                              memory_order_release); /* take_transition() */
    }
    qtl_bare_client_produce(latency->producer, &bare);
}

/* Until so many have arrived; gives up when nothing has come for QUIET_S. */
static bool wait_for(struct latency *latency, const uint64_t *count, uint64_t wanted)
{
    pthread_mutex_lock(&latency->mutex);
    uint64_t last = *count;
    int64_t quiet_since_ns = wall_ns();
    while (*count < wanted && wall_ns() - quiet_since_ns < QUIET_S * INT64_C(1000000000)) {
        pthread_cond_wait(&latency->arrived, &latency->mutex); /* signalled ten times a second */
        if (*count != last) {
            last = *count;
            quiet_since_ns = wall_ns();
        }
    }
    const bool complete = *count >= wanted;
    pthread_mutex_unlock(&latency->mutex);
    return complete;
}

/* Customers spread over all partitions: the engine is up, and every path was gone once. */
static void prime(struct latency *latency)
{
    for (uint64_t i = 0; i < PRIMES; i++) {
        send_event(latency, 'p', i);
    }
    qtl_bare_client_flush(latency->producer);
    if (!wait_for(latency, &latency->primed, PRIMES)) {
        fprintf(stderr, "no transition came of the first orders: is the engine running?\n");
        exit(1);
    }
}

/* 37 is coprime to 100, so that the kinds lie evenly among each other. */
static char kind_of(const struct settings *settings, uint64_t number)
{
    const uint64_t place = number * 37 % 100;
    return place < settings->order_percent                              ? 'o'
           : place < settings->order_percent + settings->search_percent ? 't'
                                                                        : 'v';
}

/* Returns how many transitions are to come. */
static uint64_t send_steadily(struct latency *latency, uint64_t *took_ns)
{
    const struct settings *const settings = &latency->settings;
    const uint64_t begun_ns = qtl_machine_now_ns();
    uint64_t expected = 0;
    for (uint64_t i = 0; i < latency->events; i++) {
        const uint64_t due_ns = begun_ns + i * UINT64_C(1000000000) / settings->rate;
        if (qtl_machine_now_ns() < due_ns) {
            rd_kafka_poll(latency->producer, 0);
            const struct timespec due = {.tv_sec = (time_t)(due_ns / UINT64_C(1000000000)),
                                         .tv_nsec = (long)(due_ns % UINT64_C(1000000000))};
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        }
        const char kind = kind_of(settings, i);
        expected += kind != 'v';
        send_event(latency, kind, i);
    }
    *took_ns = qtl_machine_now_ns() - begun_ns;
    return expected;
}

/* ---- result ------------------------------------------------------------------------------------
 */

static int compare(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left;
    const uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static double percentile_ms(const uint64_t *sorted_ns, uint64_t count, uint64_t percent)
{
    const uint64_t place = count * percent / 100;
    return (double)sorted_ns[place < count ? place : count - 1] / 1e6;
}

static void print_percentiles(const char *name, uint64_t *values_ns, uint64_t count)
{
    qsort(values_ns, count, sizeof(*values_ns), compare);
    printf(", \"%s\": {\"count\": %" PRIu64, name, count);
    if (count > 0) {
        printf(", \"p50_ms\": %.2f, \"p99_ms\": %.2f, \"max_ms\": %.2f",
               percentile_ms(values_ns, count, 50), percentile_ms(values_ns, count, 99),
               percentile_ms(values_ns, count, 100));
    }
    printf("}");
}

static void init(struct latency *latency)
{
    const struct settings *const settings = &latency->settings;
    latency->events = settings->rate * (settings->warm_up + settings->seconds);
    latency->first_counted = settings->rate * settings->warm_up;
    latency->sent_ns = calloc(latency->events, sizeof(*latency->sent_ns));
    latency->searched_s = calloc(latency->events, sizeof(*latency->searched_s));
    latency->taken_ns = calloc(latency->events, sizeof(*latency->taken_ns));
    latency->late_ns = calloc(latency->events, sizeof(*latency->late_ns));
    QTL_ASSERT(latency->sent_ns != NULL && latency->searched_s != NULL);
    QTL_ASSERT(latency->taken_ns != NULL && latency->late_ns != NULL);
    pthread_mutex_init(&latency->mutex, NULL);
    pthread_cond_init(&latency->arrived, NULL);
    latency->consumer = connect_consumer(settings);
    latency->producer = connect_producer(settings);
    latency->orders = rd_kafka_topic_new(latency->producer, "orders", NULL);
    latency->engagement = rd_kafka_topic_new(latency->producer, "engagement", NULL);
}

static void fini(struct latency *latency)
{
    rd_kafka_topic_destroy(latency->orders);
    rd_kafka_topic_destroy(latency->engagement);
    rd_kafka_destroy(latency->producer);
    rd_kafka_consumer_close(latency->consumer);
    rd_kafka_destroy(latency->consumer);
    pthread_cond_destroy(&latency->arrived);
    pthread_mutex_destroy(&latency->mutex);
    free(latency->sent_ns);
    free(latency->searched_s);
    free(latency->taken_ns);
    free(latency->late_ns);
}

int main(int argc, char **argv)
{
    struct latency latency = {0};
    parse(&latency.settings, argc, argv);
    init(&latency);
    pthread_t reader;
    const int started = pthread_create(&reader, NULL, read_transitions, &latency);
    QTL_ASSERT(started == 0);
    prime(&latency);
    uint64_t took_ns = 0;
    const uint64_t expected = send_steadily(&latency, &took_ns);
    qtl_bare_client_flush(latency.producer);
    wait_for(&latency, &latency.transitions, expected);
    pthread_mutex_lock(&latency.mutex);
    latency.stop = true;
    pthread_mutex_unlock(&latency.mutex);
    pthread_join(reader, NULL);
    printf("{\"events\": %" PRIu64 ", \"per_second\": %.0f, \"expected\": %" PRIu64
           ", \"seen\": %" PRIu64,
           latency.events, (double)latency.events / ((double)took_ns / 1e9), expected,
           latency.transitions);
    print_percentiles("latency", latency.taken_ns, latency.taken);
    print_percentiles("lateness", latency.late_ns, latency.late);
    printf("}\n");
    fini(&latency);
    return 0;
}
