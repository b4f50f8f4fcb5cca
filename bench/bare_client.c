/*
 * See bare_client.h. Everything that can fail here fails for good: there is nothing to go on with.
 * Topics get unlimited retention and one long segment time, since a history of 300 days would
 * otherwise be rolled a hundred times and then deleted behind the measurement's back.
 */
#include "bench/bare_client.h"

#include "scoring/base/assert.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

enum { ERROR_BYTES = 512, WAIT_MS = 30000 };

#define TEN_YEARS_MS "315360000000"

void qtl_bare_client_fail(const char *what, int code)
{
    fprintf(stderr, "%s: %s\n", what, rd_kafka_err2name((rd_kafka_resp_err_t)code));
    exit(1);
}

static void report_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *context)
{
    (void)client;
    (void)context;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        qtl_bare_client_fail("a record was not delivered", message->err);
    }
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char error[ERROR_BYTES];
    if (rd_kafka_conf_set(conf, name, value, error, sizeof(error)) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "%s=%s: %s\n", name, value, error);
        exit(1);
    }
}

static rd_kafka_t *new (rd_kafka_type_t type, const char *brokers,
                        const struct qtl_bare_property *properties, size_t count)
{
    char error[ERROR_BYTES];
    rd_kafka_conf_t *const conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", brokers);
    set(conf, "socket.nagle.disable", "true");
    set(conf, "log_level", "3"); /* a broker that has just started makes it warn of retries */
    for (size_t i = 0; i < count; i++) {
        set(conf, properties[i].name, properties[i].value);
    }
    if (type == RD_KAFKA_PRODUCER) {
        rd_kafka_conf_set_dr_msg_cb(conf, report_delivery);
    }
    rd_kafka_t *const client = rd_kafka_new(type, conf, error, sizeof(error));
    if (client == NULL) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    return client;
}

struct rd_kafka_s *qtl_bare_client_producer(const char *brokers,
                                            const struct qtl_bare_property *properties,
                                            size_t count)
{
    return new (RD_KAFKA_PRODUCER, brokers, properties, count);
}

struct rd_kafka_s *qtl_bare_client_consumer(const char *brokers,
                                            const struct qtl_bare_property *properties,
                                            size_t count)
{
    return new (RD_KAFKA_CONSUMER, brokers, properties, count);
}

/* ---- topics ------------------------------------------------------------------------------------
 */

static void check_created(rd_kafka_event_t *event, const char *topic)
{
    size_t count = 0;
    const rd_kafka_topic_result_t **const results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    QTL_ASSERT(count == 1);
    const rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[0]);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
        qtl_bare_client_fail(topic, code);
    }
}

void qtl_bare_client_create_topic(struct rd_kafka_s *client, const char *topic, int partitions)
{
    char error[ERROR_BYTES];
    rd_kafka_NewTopic_t *wanted = rd_kafka_NewTopic_new(topic, partitions, 1, error, sizeof(error));
    if (wanted == NULL) {
        fprintf(stderr, "%s: %s\n", topic, error);
        exit(1);
    }
    rd_kafka_NewTopic_set_config(wanted, "retention.ms", "-1");
    rd_kafka_NewTopic_set_config(wanted, "segment.ms", TEN_YEARS_MS);
    rd_kafka_queue_t *const queue = rd_kafka_queue_new(client);
    rd_kafka_CreateTopics(client, &wanted, 1, NULL, queue);
    rd_kafka_event_t *const event = rd_kafka_queue_poll(queue, WAIT_MS);
    if (event == NULL) {
        qtl_bare_client_fail(topic, RD_KAFKA_RESP_ERR__TIMED_OUT);
    }
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        qtl_bare_client_fail(topic, rd_kafka_event_error(event));
    }
    check_created(event, topic);
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(wanted);
    /* The broker answers before its own cache knows of the topic. */
    int32_t found = 0;
    while ((found = qtl_bare_client_partitions(client, topic)) == 0) {
        rd_kafka_poll(client, 10);
    }
    if (found != partitions) {
        fprintf(stderr, "%s: it is there with another number of partitions\n", topic);
        exit(1);
    }
}

int32_t qtl_bare_client_partitions(struct rd_kafka_s *client, const char *topic)
{
    rd_kafka_topic_t *const handle = rd_kafka_topic_new(client, topic, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    const rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, handle, &metadata, WAIT_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        qtl_bare_client_fail(topic, code);
    }
    QTL_ASSERT(metadata->topic_cnt == 1);
    const int32_t partitions = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    return partitions;
}

/* ---- producing ---------------------------------------------------------------------------------
 */

static void *unconst(const char *bytes)
{
    union {
        const char *in;
        void *out;
    } both = {.in = bytes};
    return both.out;
}

void qtl_bare_client_produce(struct rd_kafka_s *producer, const struct qtl_bare_record *record)
{
    const rd_kafka_vu_t fields[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = record->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = record->partition},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = record->timestamp_ms},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {.ptr = unconst(record->key.bytes), .size = record->key.length}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {.ptr = unconst(record->value.bytes), .size = record->value.length}},
    };
    for (;;) {
        rd_kafka_error_t *const error =
            rd_kafka_produceva(producer, fields, sizeof(fields) / sizeof(fields[0]));
        if (error == NULL) {
            return;
        }
        const rd_kafka_resp_err_t code = rd_kafka_error_code(error);
        rd_kafka_error_destroy(error);
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            qtl_bare_client_fail("a record was refused", code);
        }
        rd_kafka_poll(producer, 10);
    }
}

void qtl_bare_client_flush(struct rd_kafka_s *producer)
{
    const rd_kafka_resp_err_t code = rd_kafka_flush(producer, -1);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        qtl_bare_client_fail("the producer could not be flushed", code);
    }
}
