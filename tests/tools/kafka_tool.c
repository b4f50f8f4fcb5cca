/*
 * Kafka for the tests, without a Java program a call:
 *
 *   kafka_tool BROKERS create TOPIC PARTITIONS [NAME=VALUE ...]   a topic with these settings
 *   kafka_tool BROKERS delete TOPIC
 *   kafka_tool BROKERS write [TRANSACTIONAL-ID [TIMEOUT-MS]]                   what standard input
 * says, see below kafka_tool BROKERS read TOPIC                                 what is committed,
 * to its end
 *
 * write takes lines of fields between tabs: `record TOPIC PARTITION STAMP KEY VALUE`, key and value
 * in hexadecimal, `-` for absent (of the partition: by the key), and with a transactional id
 * `begin`, `commit` and `abort`. A transaction that is open at the end of the input is left open.
 * `flushed` is printed after each `flush`, `commit` and `abort`.
 *
 * read prints `partition offset stamp key value name=value...`, as raw_read does.
 */
#include "schemas/assert.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 60000, FIELDS = 6, TOPICS_MAX = 16 };

static _Noreturn void fail(const char *what, const char *words)
{
    fprintf(stderr, "kafka_tool: %s: %s\n", what, words);
    exit(1);
}

static void require_error(rd_kafka_error_t *error, const char *what)
{
    if (error != NULL) {
        fail(what, rd_kafka_error_string(error));
    }
}

static void require_code(rd_kafka_resp_err_t code, const char *what)
{
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fail(what, rd_kafka_err2str(code));
    }
}

static void note_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *context)
{
    (void)client;
    (void)context;
    require_code(message->err, "delivery");
}

static rd_kafka_t *make_client(rd_kafka_type_t type, const char *brokers, const char *const *rows)
{
    char words[512];
    rd_kafka_conf_t *const conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers, NULL, 0);
    if (type == RD_KAFKA_PRODUCER) {
        rd_kafka_conf_set_dr_msg_cb(conf, note_delivery);
    }
    for (size_t i = 0; rows[i] != NULL; i += 2) {
        if (rd_kafka_conf_set(conf, rows[i], rows[i + 1], words, sizeof(words)) !=
            RD_KAFKA_CONF_OK) {
            fail(rows[i], words);
        }
    }
    rd_kafka_t *const client = rd_kafka_new(type, conf, words, sizeof(words));
    if (client == NULL) {
        fail("no client", words);
    }
    return client;
}

/* ---- create, delete ---- */

static void create(const char *brokers, int count, char **words)
{
    static const char *const none[] = {NULL};
    char text[512] = "";
    rd_kafka_t *const client = make_client(RD_KAFKA_PRODUCER, brokers, none);
    rd_kafka_queue_t *const queue = rd_kafka_queue_new(client);
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(words[0], atoi(words[1]), 1, text, sizeof(text));
    if (topic == NULL) {
        fail(words[0], text);
    }
    for (int i = 2; i < count; i++) {
        char *const value = strchr(words[i], '=');
        QTL_ASSERT(value != NULL);
        *value = '\0';
        rd_kafka_NewTopic_set_config(topic, words[i], value + 1);
    }
    rd_kafka_AdminOptions_t *const options =
        rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_operation_timeout(options, WAIT_MS, text, sizeof(text));
    rd_kafka_CreateTopics(client, &topic, 1, options, queue);
    rd_kafka_event_t *const event = rd_kafka_queue_poll(queue, -1);
    require_code(rd_kafka_event_error(event), words[0]);
    size_t made = 0;
    const rd_kafka_topic_result_t **const results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &made);
    require_code(rd_kafka_topic_result_error(results[0]), words[0]);
    rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(topic);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
}

static void delete (const char *brokers, const char *name)
{
    static const char *const none[] = {NULL};
    rd_kafka_t *const client = make_client(RD_KAFKA_PRODUCER, brokers, none);
    rd_kafka_queue_t *const queue = rd_kafka_queue_new(client);
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(name);
    rd_kafka_DeleteTopics(client, &topic, 1, NULL, queue);
    rd_kafka_event_t *const event = rd_kafka_queue_poll(queue, -1);
    require_code(rd_kafka_event_error(event), name);
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteTopic_destroy(topic);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
}

/* ---- write ---- */

struct writer {
    rd_kafka_t *client;
    rd_kafka_topic_t *topics[TOPICS_MAX];
    bool is_open;
};

static rd_kafka_topic_t *topic_of(struct writer *writer, const char *name)
{
    int i = 0;
    while (i < TOPICS_MAX && writer->topics[i] != NULL) {
        if (strcmp(rd_kafka_topic_name(writer->topics[i]), name) == 0) {
            return writer->topics[i];
        }
        i++;
    }
    QTL_ASSERT(i < TOPICS_MAX);
    writer->topics[i] = rd_kafka_topic_new(writer->client, name, NULL);
    return writer->topics[i];
}

static int digit(char byte)
{
    const char *const digits = "0123456789abcdef";
    const char *const found = strchr(digits, byte);
    QTL_ASSERT(byte != '\0' && found != NULL);
    return (int)(found - digits);
}

/* In place; the length, or -1 for `-`. */
static ssize_t unhex(char *text)
{
    if (strcmp(text, "-") == 0) {
        return -1;
    }
    const size_t length = strlen(text) / 2;
    for (size_t i = 0; i < length; i++) {
        text[i] = (char)(digit(text[2 * i]) * 16 + digit(text[2 * i + 1]));
    }
    return (ssize_t)length;
}

static void write_record(struct writer *writer, char **fields)
{
    char empty[] = "";
    const ssize_t key = unhex(fields[4]);
    const ssize_t value = unhex(fields[5]);
    const int64_t stamp = strcmp(fields[3], "-") == 0 ? 0 : strtoll(fields[3], NULL, 10);
    const rd_kafka_vu_t values[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic_of(writer, fields[1])},
        {.vtype = RD_KAFKA_VTYPE_PARTITION,
         .u.i32 = strcmp(fields[2], "-") == 0 ? RD_KAFKA_PARTITION_UA : atoi(fields[2])},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {.ptr = key < 0    ? NULL
                          : key == 0 ? empty
                                     : fields[4],
                   .size = key < 0 ? 0 : (size_t)key}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {.ptr = value < 0    ? NULL
                          : value == 0 ? empty
                                       : fields[5],
                   .size = value < 0 ? 0 : (size_t)value}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = stamp},
    };
    require_error(rd_kafka_produceva(writer->client, values, sizeof(values) / sizeof(values[0])),
                  "record");
    rd_kafka_poll(writer->client, 0);
}

static void take_line(struct writer *writer, char *line)
{
    char *fields[FIELDS] = {0};
    size_t count = 0;
    for (char *field = strtok(line, "\t\n"); field != NULL && count < FIELDS;
         field = strtok(NULL, "\t\n")) {
        fields[count++] = field;
    }
    if (count == FIELDS && strcmp(fields[0], "record") == 0) {
        write_record(writer, fields);
        return;
    }
    QTL_ASSERT(count == 1);
    if (strcmp(fields[0], "begin") == 0) {
        require_error(rd_kafka_begin_transaction(writer->client), "begin");
        writer->is_open = true;
        return;
    }
    require_code(rd_kafka_flush(writer->client, WAIT_MS), "flush");
    if (strcmp(fields[0], "flush") != 0) {
        require_error(strcmp(fields[0], "commit") == 0
                          ? rd_kafka_commit_transaction(writer->client, WAIT_MS)
                          : rd_kafka_abort_transaction(writer->client, WAIT_MS),
                      fields[0]);
        writer->is_open = false;
    }
    printf("flushed\n");
    fflush(stdout);
}

static void write_input(const char *brokers, const char *transactional_id, const char *timeout_ms)
{
    const char *const plain[] = {"linger.ms", "5", "partitioner", "consistent", NULL};
    const char *const transactional[] = {"linger.ms",
                                         "5",
                                         "partitioner",
                                         "consistent",
                                         "transactional.id",
                                         transactional_id,
                                         "transaction.timeout.ms",
                                         timeout_ms,
                                         NULL};
    struct writer writer = {0};
    writer.client =
        make_client(RD_KAFKA_PRODUCER, brokers, transactional_id != NULL ? transactional : plain);
    if (transactional_id != NULL) {
        require_error(rd_kafka_init_transactions(writer.client, WAIT_MS), "init");
    }
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, stdin) > 0) {
        take_line(&writer, line);
    }
    require_code(rd_kafka_flush(writer.client, WAIT_MS), "flush");
    if (writer.is_open) {
        _exit(0); /* as a producer that died: nothing is aborted */
    }
    for (int i = 0; i < TOPICS_MAX && writer.topics[i] != NULL; i++) {
        rd_kafka_topic_destroy(writer.topics[i]);
    }
    free(line);
    rd_kafka_destroy(writer.client);
}

/* ---- read ---- */

static void print_hex(const void *bytes, size_t length)
{
    const unsigned char *const at = bytes;
    if (bytes == NULL) {
        putchar('-');
    }
    for (size_t i = 0; bytes != NULL && i < length; i++) {
        printf("%02x", at[i]);
    }
}

static void print_message(const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    rd_kafka_headers_t *headers = NULL;
    printf("%" PRId32 "\t%" PRId64 "\t%" PRId64 "\t", message->partition, message->offset,
           rd_kafka_message_timestamp(message, &type));
    print_hex(message->key, message->key_len);
    putchar('\t');
    print_hex(message->payload, message->len);
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const char *name = NULL;
        const void *value = NULL;
        size_t size = 0;
        for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) ==
                           RD_KAFKA_RESP_ERR_NO_ERROR;
             i++) {
            printf("\t%s=%.*s", name, (int)size, (const char *)value);
        }
    }
    putchar('\n');
}

static void read_topic(const char *brokers, const char *topic)
{
    const char *const rows[] = {"group.id",
                                "kafka_tool",
                                "isolation.level",
                                "read_committed",
                                "enable.partition.eof",
                                "true",
                                "auto.offset.reset",
                                "error",
                                "enable.auto.commit",
                                "false",
                                "fetch.wait.max.ms",
                                "10",
                                NULL};
    rd_kafka_t *const client = make_client(RD_KAFKA_CONSUMER, brokers, rows);
    rd_kafka_topic_t *const handle = rd_kafka_topic_new(client, topic, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    require_code(rd_kafka_metadata(client, 0, handle, &metadata, WAIT_MS), topic);
    require_code(metadata->topics[0].err, topic);
    const int count = metadata->topics[0].partition_cnt;
    rd_kafka_topic_partition_list_t *const list = rd_kafka_topic_partition_list_new(count);
    for (int i = 0; i < count; i++) {
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    rd_kafka_poll_set_consumer(client);
    require_code(rd_kafka_assign(client, list), topic);
    for (int ended = 0; ended < count;) {
        rd_kafka_message_t *const message = rd_kafka_consumer_poll(client, WAIT_MS);
        if (message == NULL) {
            fail(topic, "nothing comes");
        }
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            ended++;
        } else {
            require_code(message->err, topic);
            print_message(message);
        }
        rd_kafka_message_destroy(message);
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
}

int main(int argc, char **argv)
{
    const char *const verb = argc > 2 ? argv[2] : "";
    if (strcmp(verb, "create") == 0 && argc >= 5) {
        create(argv[1], argc - 3, argv + 3);
    } else if (strcmp(verb, "delete") == 0 && argc == 4) {
        delete (argv[1], argv[3]);
    } else if (strcmp(verb, "write") == 0 && argc <= 5) {
        write_input(argv[1], argc > 3 ? argv[3] : NULL, argc > 4 ? argv[4] : "600000");
    } else if (strcmp(verb, "read") == 0 && argc == 4) {
        read_topic(argv[1], argv[3]);
    } else {
        fail("usage", "kafka_tool BROKERS create|delete|write|read ...");
    }
    return 0;
}
