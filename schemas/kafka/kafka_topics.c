/*
 * See kafka_topics.h. All topics are asked about in one go; what is missing is made with one
 * request; then the settings of those that must never lose a record are read back, also of those
 * just made, because a cluster may have its own opinion.
 */
#include "schemas/kafka/kafka_topics.h"

#include "schemas/assert.h"
#include "schemas/kafka/kafka_client.h"
#include "schemas/topic.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>

enum {
    PATIENCE_MS = 10000,
    MISSING_MS = 3000,
    AGAIN_MS = 100,
    ASK_MS = 2000,
    ANSWER_MS = 20000,
    WORDS = 512
};

/* A setting of a topic of ours: made so, and checked at each start. */
static const struct {
    enum qtl_topic topic;
    const char *name;
    const char *value;
    const char *reason;
} rows[] = {
    {QTL_TOPIC_STATE, "cleanup.policy", "delete",
     "compaction would take epoch records away that a restart needs"},
    {QTL_TOPIC_STATE, "retention.ms", "-1", "a restart needs every epoch record"},
    {QTL_TOPIC_STATE, "retention.bytes", "-1", "a restart needs every epoch record"},
    {QTL_TOPIC_PROFILES, "cleanup.policy", "compact",
     "it holds one record a customer, the last one"},
};

struct topics {
    const struct qtl_kafka_settings *settings;
    struct qtl_kafka_events events;
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
    int32_t counts[QTL_TOPICS]; /* partitions; 0: missing */
    struct qtl_error *error;
};

static bool is_used(const struct topics *topics, enum qtl_topic topic)
{
    return topic != QTL_TOPIC_PROFILES || topics->settings->profiles;
}

static const char *name_of(const struct topics *topics, enum qtl_topic topic)
{
    return topics->settings->topics[topic];
}

static enum qtl_status say_not_allowed(const struct topics *topics, enum qtl_topic topic)
{
    const bool input = qtl_topic_is_input(topic);
    return qtl_error_set(topics->error, QTL_BAD_CONF,
                         "topic %s may not be looked at: allow %s on it to this user",
                         name_of(topics, topic),
                         input ? "Read and Describe" : "Read, Write, Describe and DescribeConfigs");
}

/* One topic of the answer. */
static enum qtl_status take_topic(struct topics *topics, enum qtl_topic topic,
                                  const struct rd_kafka_metadata_topic *found)
{
    if (found->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
        return say_not_allowed(topics, topic);
    }
    if (found->err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION) {
        return qtl_error_set(topics->error, QTL_BAD_CONF, "`%s` is no name for a topic",
                             name_of(topics, topic));
    }
    topics->counts[topic] = found->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
                                    found->err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE
                                ? found->partition_cnt
                                : 0;
    return QTL_OK;
}

static enum qtl_status say_no_broker(struct topics *topics, rd_kafka_resp_err_t code)
{
    const char *const words = topics->events.words;
    return qtl_error_set(topics->error, QTL_EMPTY,
                         "no broker of kafka.brokers=%s answers (%s): see whether Kafka runs there "
                         "and may be reached",
                         topics->settings->brokers,
                         words[0] != '\0' ? words : rd_kafka_err2str(code));
}

static enum qtl_status look(struct topics *topics)
{
    const int64_t until_ms = qtl_kafka_client_now_ms() + PATIENCE_MS;
    for (enum qtl_topic topic = 0; topic < QTL_TOPICS; topic++) {
        const struct rd_kafka_metadata *metadata = NULL;
        rd_kafka_topic_t *const handle =
            rd_kafka_topic_new(topics->client, name_of(topics, topic), NULL);
        QTL_ASSERT(handle != NULL);
        rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
        while (metadata == NULL && qtl_kafka_client_now_ms() < until_ms) {
            code = rd_kafka_metadata(topics->client, 0, handle, &metadata, ASK_MS);
            rd_kafka_poll(topics->client, 0); /* errors have the words */
        }
        rd_kafka_topic_destroy(handle);
        if (metadata == NULL) {
            return say_no_broker(topics, code);
        }
        QTL_ASSERT(metadata->topic_cnt == 1);
        const enum qtl_status status = take_topic(topics, topic, &metadata->topics[0]);
        rd_kafka_metadata_destroy(metadata);
        if (status != QTL_OK) {
            return status;
        }
    }
    return QTL_OK;
}

static enum qtl_status say_input_missing(const struct topics *topics, enum qtl_topic topic,
                                         int32_t count)
{
    char partitions[64] = "as many partitions as you want slices";
    if (count > 0) {
        snprintf(partitions, sizeof(partitions), "%" PRId32 " partitions, as the others", count);
    }
    return qtl_error_set(topics->error, QTL_BAD_CONF,
                         "topic %s, for the stream %s, is missing: create it with %s, or set "
                         "streams.%s.topic to the one you have",
                         name_of(topics, topic), qtl_topic_name(topic), partitions,
                         qtl_topic_name(topic));
}

/* All of the input are there, with one number of partitions. */
static enum qtl_status check_input(const struct topics *topics, int32_t *partitions)
{
    int32_t count = 0;
    for (enum qtl_topic topic = 0; topic < QTL_TOPICS; topic++) {
        if (qtl_topic_is_input(topic) && count == 0) {
            count = topics->counts[topic];
        }
    }
    for (enum qtl_topic topic = 0; topic < QTL_TOPICS; topic++) {
        const int32_t found = topics->counts[topic];
        if (!qtl_topic_is_input(topic)) {
            continue;
        }
        if (found == 0) {
            return say_input_missing(topics, topic, count);
        }
        if (found != count) {
            return qtl_error_set(topics->error, QTL_BAD_CONF,
                                 "topic %s has %" PRId32 " partitions and topic %s has %" PRId32
                                 ": a customer's records must stand in the same partition of each; "
                                 "give them one number of partitions",
                                 name_of(topics, QTL_TOPIC_ORDERS), count, name_of(topics, topic),
                                 found);
        }
    }
    if (count > QTL_PARTITIONS_MAX) {
        return qtl_error_set(topics->error, QTL_BAD_CONF,
                             "topic %s has %" PRId32 " partitions; expected %d at most",
                             name_of(topics, QTL_TOPIC_ORDERS), count, QTL_PARTITIONS_MAX);
    }
    *partitions = count;
    return QTL_OK;
}

/* Those of ours that are there have that number too. */
static enum qtl_status check_ours(const struct topics *topics, int32_t partitions, bool *missing)
{
    *missing = false;
    for (enum qtl_topic topic = 0; topic < QTL_TOPICS; topic++) {
        const int32_t found = topics->counts[topic];
        if (qtl_topic_is_input(topic) || !is_used(topics, topic)) {
            continue;
        }
        if (found == 0 && !topics->settings->create_topics) {
            return qtl_error_set(topics->error, QTL_BAD_CONF,
                                 "topic %s is missing: create it with %" PRId32 " partitions "
                                 "(docs/OPERATIONS.md has the settings), or set "
                                 "kafka.create_topics to true",
                                 name_of(topics, topic), partitions);
        }
        if (found != 0 && found != partitions) {
            return qtl_error_set(topics->error, QTL_BAD_CONF,
                                 "topic %s has %" PRId32 " partitions and the input has %" PRId32
                                 ": slice p is kept in partition p; begin anew with another "
                                 "kafka.prefix and kafka.group",
                                 name_of(topics, topic), found, partitions);
        }
        *missing = *missing || found == 0;
    }
    return QTL_OK;
}

static rd_kafka_NewTopic_t *new_topic(const struct topics *topics, enum qtl_topic topic,
                                      int32_t partitions)
{
    char words[WORDS];
    const int32_t replication =
        topics->settings->replication > 0 ? topics->settings->replication : -1;
    rd_kafka_NewTopic_t *const made = rd_kafka_NewTopic_new(name_of(topics, topic), partitions,
                                                            replication, words, sizeof(words));
    QTL_ASSERT(made != NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].topic == topic) {
            rd_kafka_NewTopic_set_config(made, rows[i].name, rows[i].value);
        }
    }
    if (qtl_topic_is_input(topic)) { /* a restart reads it again, however old its records are */
        rd_kafka_NewTopic_set_config(made, "retention.ms", "-1");
    }
    if (replication >= 3) { /* what is acknowledged outlives the loss of a broker */
        rd_kafka_NewTopic_set_config(made, "min.insync.replicas", "2");
    }
    return made;
}

static enum qtl_status say_not_created(const struct topics *topics, const char *name,
                                       rd_kafka_resp_err_t code, const char *words)
{
    if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
        code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED) {
        return qtl_error_set(topics->error, QTL_BAD_CONF,
                             "topic %s is missing and may not be created: allow Create on it to "
                             "this user, or create it yourself (docs/OPERATIONS.md)",
                             name);
    }
    return qtl_error_set(topics->error, QTL_BAD_CONF, "topic %s cannot be created: %s", name,
                         words != NULL ? words : rd_kafka_err2str(code));
}

static enum qtl_status take_created(const struct topics *topics, rd_kafka_event_t *event)
{
    size_t count = 0;
    const rd_kafka_CreateTopics_result_t *const result = rd_kafka_event_CreateTopics_result(event);
    if (result == NULL || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return qtl_error_set(topics->error, QTL_IO, "topics cannot be created: %s",
                             rd_kafka_event_error_string(event));
    }
    const rd_kafka_topic_result_t **const made =
        rd_kafka_CreateTopics_result_topics(result, &count);
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_resp_err_t code = rd_kafka_topic_result_error(made[i]);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
            return say_not_created(topics, rd_kafka_topic_result_name(made[i]), code,
                                   rd_kafka_topic_result_error_string(made[i]));
        }
    }
    return QTL_OK;
}

/* Makes the missing topics of the input, or of ours. */
static enum qtl_status create(struct topics *topics, bool input, int32_t partitions)
{
    rd_kafka_NewTopic_t *wanted[QTL_TOPICS];
    size_t count = 0;
    for (enum qtl_topic topic = 0; topic < QTL_TOPICS; topic++) {
        if (qtl_topic_is_input(topic) == input && is_used(topics, topic) &&
            topics->counts[topic] == 0) {
            wanted[count++] = new_topic(topics, topic, partitions);
        }
    }
    char words[WORDS];
    rd_kafka_AdminOptions_t *const options =
        rd_kafka_AdminOptions_new(topics->client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    /* Until every broker knows them. */
    rd_kafka_AdminOptions_set_operation_timeout(options, ANSWER_MS, words, sizeof(words));
    rd_kafka_CreateTopics(topics->client, wanted, count, options, topics->queue);
    rd_kafka_event_t *const event = rd_kafka_queue_poll(topics->queue, -1);
    const enum qtl_status status = take_created(topics, event);
    rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy_array(wanted, count);
    return status;
}

/* The settings of one topic against the rows. */
static enum qtl_status check_settings(const struct topics *topics, enum qtl_topic topic,
                                      const rd_kafka_ConfigResource_t *resource)
{
    if (rd_kafka_ConfigResource_error(resource) == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
        return say_not_allowed(topics, topic);
    }
    size_t count = 0;
    const rd_kafka_ConfigEntry_t **const entries =
        rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        for (size_t i = 0; i < count; i++) {
            const char *const value = rd_kafka_ConfigEntry_value(entries[i]);
            if (rows[row].topic == topic && value != NULL &&
                strcmp(rd_kafka_ConfigEntry_name(entries[i]), rows[row].name) == 0 &&
                strcmp(value, rows[row].value) != 0) {
                return qtl_error_set(topics->error, QTL_BAD_CONF,
                                     "topic %s has %s=%s: %s; set it to %s", name_of(topics, topic),
                                     rows[row].name, value, rows[row].reason, rows[row].value);
            }
        }
    }
    return QTL_OK;
}

/* Input that goes away is no error yet: it may be long after the last restart that needs it. */
static void warn_of_retention(const struct topics *topics, enum qtl_topic topic,
                              const rd_kafka_ConfigResource_t *resource)
{
    size_t count = 0;
    const rd_kafka_ConfigEntry_t **const entries =
        rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++) {
        const char *const name = rd_kafka_ConfigEntry_name(entries[i]);
        const char *const value = rd_kafka_ConfigEntry_value(entries[i]);
        const bool limits =
            strcmp(name, "retention.ms") == 0 || strcmp(name, "retention.bytes") == 0;
        if (limits && value != NULL && strcmp(value, "-1") != 0) {
            fprintf(stderr,
                    "quintil: warning: topic %s has %s=%s: a restart reads all of the input again "
                    "until there are snapshots; set it to -1\n",
                    name_of(topics, topic), name, value);
        }
    }
}

static enum qtl_status describe(struct topics *topics, enum qtl_topic topic)
{
    rd_kafka_ConfigResource_t *asked =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name_of(topics, topic));
    rd_kafka_DescribeConfigs(topics->client, &asked, 1, NULL, topics->queue);
    rd_kafka_event_t *const event = rd_kafka_queue_poll(topics->queue, -1);
    const rd_kafka_DescribeConfigs_result_t *const result =
        rd_kafka_event_DescribeConfigs_result(event);
    enum qtl_status status = QTL_OK;
    const bool is_input = qtl_topic_is_input(topic);
    if (result == NULL || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        status = qtl_error_set(topics->error, QTL_IO, "the settings of topic %s cannot be read: %s",
                               name_of(topics, topic), rd_kafka_event_error_string(event));
    } else {
        size_t count = 0;
        const rd_kafka_ConfigResource_t **const resources =
            rd_kafka_DescribeConfigs_result_resources(result, &count);
        QTL_ASSERT(count == 1);
        if (is_input) {
            warn_of_retention(topics, topic,
                              resources[0]); /* nothing where it may not be looked at */
        } else {
            status = check_settings(topics, topic, resources[0]);
        }
    }
    rd_kafka_event_destroy(event);
    rd_kafka_ConfigResource_destroy(asked);
    return status;
}

/* Whether a topic is missing that is not ours to make. */
static bool is_something_missing(const struct topics *topics)
{
    for (enum qtl_topic topic = 0; topic < QTL_TOPICS; topic++) {
        const bool ours = !qtl_topic_is_input(topic);
        if (topics->counts[topic] == 0 && is_used(topics, topic) &&
            !(ours && topics->settings->create_topics)) {
            return true;
        }
    }
    return false;
}

/* A broker that has just started may answer before it knows its topics. */
static enum qtl_status look_twice(struct topics *topics)
{
    const int64_t until_ms = qtl_kafka_client_now_ms() + MISSING_MS;
    enum qtl_status status = look(topics);
    while (status == QTL_OK && is_something_missing(topics) &&
           qtl_kafka_client_now_ms() < until_ms) {
        rd_kafka_poll(topics->client, AGAIN_MS);
        status = look(topics);
    }
    return status;
}

static enum qtl_status prepare(struct topics *topics, int32_t *partitions)
{
    bool missing = false;
    enum qtl_status status = look_twice(topics);
    if (status == QTL_OK) {
        status = check_input(topics, partitions);
    }
    if (status == QTL_OK) {
        status = check_ours(topics, *partitions, &missing);
    }
    if (status == QTL_OK && missing) {
        status = create(topics, false, *partitions);
    }
    for (enum qtl_topic topic = 0; status == QTL_OK && topic < QTL_TOPICS; topic++) {
        const bool has_rows = topic == QTL_TOPIC_STATE || topic == QTL_TOPIC_PROFILES;
        if (is_used(topics, topic) && (qtl_topic_is_input(topic) || has_rows)) {
            status = describe(topics, topic);
        }
    }
    return status;
}

static enum qtl_status make_input(struct topics *topics, int32_t *partitions)
{
    int32_t found = 0;
    bool missing = false;
    enum qtl_status status = look(topics);
    for (enum qtl_topic topic = 0; status == QTL_OK && topic < QTL_TOPICS; topic++) {
        if (qtl_topic_is_input(topic)) {
            found = found == 0 ? topics->counts[topic] : found;
            missing = missing || topics->counts[topic] == 0;
        }
    }
    if (status == QTL_OK && missing) {
        status = create(topics, true, found > 0 ? found : *partitions);
    }
    if (status == QTL_OK && missing) {
        status = look(topics);
    }
    return status == QTL_OK ? check_input(topics, partitions) : status;
}

/* Does it with a client of its own. */
static enum qtl_status with_client(const struct qtl_kafka_settings *settings,
                                   enum qtl_status (*act)(struct topics *topics,
                                                          int32_t *partitions),
                                   int32_t *partitions, struct qtl_error *error)
{
    struct topics topics = {.settings = settings, .error = error};
    struct rd_kafka_conf_s *conf = NULL;
    enum qtl_status status =
        qtl_kafka_client_conf(settings, QTL_KAFKA_ADMIN, &topics.events, &conf, error);
    if (status == QTL_OK) {
        status = qtl_kafka_client_new(&conf, QTL_KAFKA_ADMIN, &topics.client, error);
    }
    if (status == QTL_OK) {
        topics.queue = rd_kafka_queue_new(topics.client);
        status = act(&topics, partitions);
        rd_kafka_queue_destroy(topics.queue);
    }
    if (topics.client != NULL) {
        rd_kafka_destroy(topics.client);
    }
    return status;
}

enum qtl_status qtl_kafka_topics_prepare(const struct qtl_kafka_settings *settings,
                                         int32_t *partitions, struct qtl_error *error)
{
    return with_client(settings, prepare, partitions, error);
}

enum qtl_status qtl_kafka_topics_make_input(const struct qtl_kafka_settings *settings,
                                            int32_t wanted, int32_t *partitions,
                                            struct qtl_error *error)
{
    *partitions = wanted;
    return with_client(settings, make_input, partitions, error);
}
