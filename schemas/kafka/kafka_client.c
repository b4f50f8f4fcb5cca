/*
 * See kafka_client.h. Properties are rows of three tables: what we would choose, what the user
 * chooses, what must be so. librdkafka's log goes through one function, which keeps what an
 * operator can use and at most one line a second of it.
 */
#include "schemas/kafka/kafka_client.h"

#include "schemas/assert.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROLE(role) (1u << (role))
#define ALL 0x1fu
#define PRODUCERS (ROLE(QTL_KAFKA_WRITER) | ROLE(QTL_KAFKA_INTAKE))
#define CONSUMERS (ROLE(QTL_KAFKA_MEMBER) | ROLE(QTL_KAFKA_READER))

struct row {
    unsigned roles;
    const char *name;
    const char *value;
};

/* What we would choose; `kafka.properties:` goes over it. */
static const struct row chosen[] = {
    {ALL, "client.id", "quintil"},
    {ALL, "socket.nagle.disable", "true"},
    {ALL, "reconnect.backoff.max.ms", "1000"},
    {ALL, "log.connection.close", "false"},
    {ROLE(QTL_KAFKA_MEMBER), "session.timeout.ms", "10000"},
    {ROLE(QTL_KAFKA_MEMBER), "heartbeat.interval.ms", "1000"},
    {ROLE(QTL_KAFKA_READER), "fetch.wait.max.ms", "10"},
    {ROLE(QTL_KAFKA_READER), "fetch.error.backoff.ms", "50"},
    {ROLE(QTL_KAFKA_WRITER), "transaction.timeout.ms", "15000"},
    {ROLE(QTL_KAFKA_WRITER), "retry.backoff.ms", "2"},
    {ROLE(QTL_KAFKA_WRITER), "linger.ms", "2"},
    {PRODUCERS, "compression.type", "lz4"},
    {ROLE(QTL_KAFKA_WRITER), "queue.buffering.max.messages", "200000"},
};

/* What must be so: each has its reason in schemas/kafka_properties.def. */
static const struct row needed[] = {
    {CONSUMERS, "enable.auto.commit", "false"},
    {CONSUMERS, "enable.auto.offset.store", "false"},
    {CONSUMERS, "auto.offset.reset", "error"},
    {CONSUMERS, "isolation.level", "read_committed"},
    {CONSUMERS | ROLE(QTL_KAFKA_ADMIN), "allow.auto.create.topics", "false"},
    {ROLE(QTL_KAFKA_MEMBER), "partition.assignment.strategy", "range"},
    {ROLE(QTL_KAFKA_READER), "enable.partition.eof", "true"},
    {ROLE(QTL_KAFKA_READER), "statistics.interval.ms", "500"},
    {PRODUCERS, "enable.idempotence", "true"},
    {ROLE(QTL_KAFKA_INTAKE), "partitioner", "murmur2_random"}, /* as Kafka's own producers */
};

int64_t qtl_kafka_client_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool qtl_kafka_client_lost(const struct qtl_kafka_events *events, int64_t window_ms)
{
    const int64_t lost_ms = atomic_load_explicit(&events->lost_ms, memory_order_relaxed);
    return lost_ms != 0 && qtl_kafka_client_now_ms() - lost_ms < window_ms;
}

enum qtl_status qtl_kafka_client_fenced(const struct qtl_kafka_events *events)
{
    enum { WINDOW_MS = 60000 };
    return qtl_kafka_client_lost(events, WINDOW_MS) ? QTL_IO : QTL_LOST;
}

static bool is_fencing(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID ||
           code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

static void note_error(rd_kafka_t *client, int code, const char *words, void *context)
{
    struct qtl_kafka_events *const events = context;
    rd_kafka_resp_err_t error = (rd_kafka_resp_err_t)code;
    snprintf(events->words, sizeof(events->words), "%s", words);
    if (error == RD_KAFKA_RESP_ERR__FATAL) {
        error = rd_kafka_fatal_error(client, events->words, sizeof(events->words));
        atomic_store_explicit(&events->fatal, true, memory_order_relaxed);
    }
    if (is_fencing(error)) {
        atomic_store_explicit(&events->fenced, true, memory_order_relaxed);
    }
    if (error == RD_KAFKA_RESP_ERR__TRANSPORT || error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        atomic_store_explicit(&events->lost_ms, qtl_kafka_client_now_ms(), memory_order_relaxed);
    }
}

/* Whether a line of librdkafka's log is of no use to an operator: what is said elsewhere, and what
 * stands in properties of the other kind of client. */
static bool is_noise(const char *facility)
{
    return strcmp(facility, "CONFWARN") == 0 || strcmp(facility, "FATAL") == 0 ||
           strcmp(facility, "ASSIGN") == 0 || strcmp(facility, "GETPID") == 0 ||
           strcmp(facility, "TERMINATE") == 0;
}

static void note_log(const rd_kafka_t *client, int level, const char *facility, const char *words)
{
    enum { WARNING = 4, EVERY_MS = 1000 };
    struct qtl_kafka_events *const events = rd_kafka_opaque(client);
    if (strcmp(facility, "REQTMOUT") == 0) {
        atomic_store_explicit(&events->timed_out, true, memory_order_relaxed);
    }
    if (strcmp(facility, "FAIL") == 0) { /* sooner than error_cb, which waits to be polled */
        atomic_store_explicit(&events->lost_ms, qtl_kafka_client_now_ms(), memory_order_relaxed);
    }
    if (level > WARNING || is_noise(facility)) {
        return;
    }
    const int64_t now_ms = qtl_kafka_client_now_ms();
    int_fast64_t said_ms = atomic_load_explicit(&events->said_ms, memory_order_relaxed);
    if (now_ms - said_ms >= EVERY_MS &&
        atomic_compare_exchange_strong_explicit(&events->said_ms, &said_ms, now_ms,
                                                memory_order_relaxed, memory_order_relaxed)) {
        fprintf(stderr, "quintil: kafka: %s\n", words);
    }
}

static enum qtl_status set(rd_kafka_conf_t *conf, const char *name, const char *value,
                           struct qtl_error *error)
{
    char words[512];
    if (rd_kafka_conf_set(conf, name, value, words, sizeof(words)) == RD_KAFKA_CONF_OK) {
        return QTL_OK;
    }
    return qtl_error_set(error, QTL_BAD_CONF, "librdkafka does not take %s=%s: %s", name, value,
                         words);
}

static enum qtl_status set_rows(rd_kafka_conf_t *conf, const struct row *rows, size_t count,
                                enum qtl_kafka_role role, struct qtl_error *error)
{
    enum qtl_status status = QTL_OK;
    for (size_t i = 0; status == QTL_OK && i < count; i++) {
        if ((rows[i].roles & ROLE(role)) != 0) {
            status = set(conf, rows[i].name, rows[i].value, error);
        }
    }
    return status;
}

static enum qtl_status set_names(rd_kafka_conf_t *conf, const struct qtl_kafka_settings *settings,
                                 enum qtl_kafka_role role, struct qtl_error *error)
{
    enum qtl_status status = set(conf, "bootstrap.servers", settings->brokers, error);
    if (status == QTL_OK && role == QTL_KAFKA_MEMBER) {
        status = set(conf, "group.id", settings->group, error);
        if (status == QTL_OK) {
            status = set(conf, "group.instance.id", settings->instance, error);
        }
    }
    if (status == QTL_OK && role == QTL_KAFKA_WRITER) {
        status = set(conf, "transactional.id", settings->instance, error);
    }
    return status;
}

enum qtl_status qtl_kafka_client_conf(const struct qtl_kafka_settings *settings,
                                      enum qtl_kafka_role role, struct qtl_kafka_events *events,
                                      struct rd_kafka_conf_s **made, struct qtl_error *error)
{
    rd_kafka_conf_t *const conf = rd_kafka_conf_new();
    enum qtl_status status =
        set_rows(conf, chosen, sizeof(chosen) / sizeof(chosen[0]), role, error);
    for (size_t i = 0; status == QTL_OK && i < settings->property_count; i++) {
        status = set(conf, settings->properties[i].name, settings->properties[i].value, error);
    }
    if (status == QTL_OK) {
        status = set_rows(conf, needed, sizeof(needed) / sizeof(needed[0]), role, error);
    }
    if (status == QTL_OK) {
        status = set_names(conf, settings, role, error);
    }
    if (status != QTL_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    rd_kafka_conf_set_opaque(conf, events);
    rd_kafka_conf_set_error_cb(conf, note_error);
    rd_kafka_conf_set_log_cb(conf, note_log);
    *made = conf;
    return QTL_OK;
}

enum qtl_status qtl_kafka_client_new(struct rd_kafka_conf_s **conf, enum qtl_kafka_role role,
                                     struct rd_kafka_s **client, struct qtl_error *error)
{
    char words[512];
    /* A consumer's look at a topic never makes one. */
    const bool produces = (PRODUCERS & ROLE(role)) != 0;
    *client =
        rd_kafka_new(produces ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, *conf, words, sizeof(words));
    if (*client == NULL) {
        rd_kafka_conf_destroy(*conf);
        *conf = NULL;
        return qtl_error_set(error, QTL_BAD_CONF,
                             "librdkafka makes no client of kafka.properties: %s", words);
    }
    *conf = NULL;
    return QTL_OK;
}

const char *qtl_kafka_client_try(const char *name, const char *value, char *words, size_t size)
{
    rd_kafka_conf_t *const conf = rd_kafka_conf_new();
    const rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, name, value, words, size);
    rd_kafka_conf_destroy(conf);
    return result == RD_KAFKA_CONF_OK ? NULL : words;
}
