/*
 * See kafka_group.h. The group's callback runs inside poll(), on the reader's thread. It accepts an
 * assignment at once, with an empty list: the group counts us as the owner of what it gave us,
 * and this client fetches nothing. A clean revocation is answered only when the engine has
 * committed what it gathered; until then the group waits.
 *
 *   assigned -> changes, token captured          revoked -> changes ... revoke_done() -> answered
 *   lost, fenced, fatal -> one change LOST: the failure path
 *
 * Rejected: fetching with this client. A rebalance then races with batches under way, partitions
 * outside the subscription (the siblings, quintil.state) come and go with it, and a seek has to
 * wait for it.
 */
#include "consumer/kafka_group.h"

#include "schemas/assert.h"
#include "schemas/kafka/kafka_client.h"
#include "schemas/kafka/kafka_token.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMITTED_TIMEOUT_MS = 2000, COMMITTED_PATIENCE_MS = 180000 };

struct qtl_kafka_group {
    const struct qtl_kafka_settings *settings;
    struct qtl_kafka_events events;
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
    struct qtl_kafka_token token;
    /* Changes not yet handed out: a ring would do, a list that is emptied is enough. */
    struct qtl_log_change *changes;
    size_t change_first;
    size_t change_count;
    size_t change_capacity;
    int32_t owned;    /* partitions of the last assignment */
    int32_t revoking; /* of them, those revoked and not yet done */
    bool is_lost;     /* told as a change */
};

static void push(struct qtl_kafka_group *group, const struct qtl_log_change *change)
{
    if (group->change_first == group->change_count) {
        group->change_first = group->change_count = 0;
    }
    if (group->change_count == group->change_capacity) {
        group->change_capacity = 2 * group->change_capacity + 16;
        struct qtl_log_change *const grown =
            realloc(group->changes, group->change_capacity * sizeof(*grown));
        QTL_ASSERT(grown != NULL);
        group->changes = grown;
    }
    group->changes[group->change_count++] = *change;
}

static void push_all(struct qtl_kafka_group *group, enum qtl_log_change_type type,
                     const rd_kafka_topic_partition_list_t *partitions)
{
    for (int i = 0; i < partitions->cnt; i++) {
        const struct qtl_log_change change = {.type = type,
                                              .partition = partitions->elems[i].partition};
        push(group, &change);
    }
}

/* Once: the failure path ends this client. */
static void push_lost(struct qtl_kafka_group *group, const char *refusal)
{
    char words[8];
    if (rd_kafka_fatal_error(group->client, words, sizeof(words)) ==
        RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) { /* error_cb comes to know of it later */
        atomic_store_explicit(&group->events.fenced, true, memory_order_relaxed);
    }
    const struct qtl_log_change change = {
        .type = QTL_LOG_LOST,
        .fenced = atomic_load_explicit(&group->events.fenced, memory_order_relaxed) &&
                  qtl_kafka_client_fenced(&group->events) == QTL_LOST,
        .refusal = refusal};
    if (!group->is_lost) {
        group->is_lost = true;
        push(group, &change);
    }
}

static void capture_token(struct qtl_kafka_group *group)
{
    if (group->token.metadata != NULL) {
        rd_kafka_consumer_group_metadata_destroy(group->token.metadata);
        group->token.metadata = NULL;
    }
    char *const member = rd_kafka_memberid(group->client);
    if (member != NULL && member[0] != '\0') { /* without a member nothing would be fenced */
        group->token.metadata = rd_kafka_consumer_group_metadata(group->client);
    }
    if (member != NULL) {
        rd_kafka_mem_free(group->client, member);
    }
}

static void take_assignment(struct qtl_kafka_group *group,
                            const rd_kafka_topic_partition_list_t *partitions)
{
    rd_kafka_topic_partition_list_t *const none = rd_kafka_topic_partition_list_new(0);
    capture_token(group);
    group->owned = partitions->cnt;
    push_all(group, QTL_LOG_ASSIGNED, partitions);
    const rd_kafka_resp_err_t code = rd_kafka_assign(group->client, none);
    rd_kafka_topic_partition_list_destroy(none);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        atomic_store_explicit(&group->events.fatal, true, memory_order_relaxed);
    }
}

static void rebalance(rd_kafka_t *client, rd_kafka_resp_err_t code,
                      rd_kafka_topic_partition_list_t *partitions, void *context)
{
    /* The opaque is the events', which stand in the group. */
    struct qtl_kafka_group *const group =
        (struct qtl_kafka_group *)(void *)((char *)context -
                                           offsetof(struct qtl_kafka_group, events));
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        take_assignment(group, partitions);
        return;
    }
    if (code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS && !rd_kafka_assignment_lost(client) &&
        partitions->cnt > 0) {
        group->revoking = partitions->cnt;
        push_all(group, QTL_LOG_REVOKED, partitions);
        return; /* answered by revoke_done() */
    }
    if (partitions->cnt > 0) {
        push_lost(group, NULL);
    }
    rd_kafka_assign(client, NULL);
}

void qtl_kafka_group_revoke_done(struct qtl_kafka_group *group, int32_t partition)
{
    (void)partition; /* eager: all of them are revoked together */
    QTL_ASSERT(group->revoking > 0);
    if (--group->revoking == 0) {
        group->owned = 0;
        rd_kafka_assign(group->client, NULL);
    }
}

/* What is missing, where the group does not take us; else NULL. */
static const char *refusal_of(rd_kafka_resp_err_t code)
{
    switch ((int)code) {
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        return "the group may not be used: allow Read on it (kafka.group) to this user";
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return "a topic of the input may not be read: allow Read and Describe on it to this user";
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
        return "the group is used by something else: choose another kafka.group";
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
        return "the brokers do not take this session.timeout.ms: see their "
               "group.min.session.timeout.ms and group.max.session.timeout.ms";
    default:
        return NULL;
    }
}

void qtl_kafka_group_poll(struct qtl_kafka_group *group)
{
    rd_kafka_message_t *message = NULL;
    while ((message = rd_kafka_consumer_poll(group->client, 0)) != NULL) {
        /* Only errors come: nothing is fetched. Of those that matter error_cb knows. */
        if (message->err == RD_KAFKA_RESP_ERR__FATAL ||
            message->err == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED) {
            atomic_store_explicit(&group->events.fatal, true, memory_order_relaxed);
        }
        const char *const refusal = refusal_of(message->err);
        if (refusal != NULL) {
            push_lost(group, refusal);
        }
        rd_kafka_message_destroy(message);
    }
    const bool is_gone = atomic_load_explicit(&group->events.fatal, memory_order_relaxed) ||
                         atomic_load_explicit(&group->events.fenced, memory_order_relaxed);
    if (is_gone) {
        push_lost(group, NULL);
    }
}

bool qtl_kafka_group_changed(const struct qtl_kafka_group *group)
{
    return group->change_first < group->change_count;
}

enum qtl_status qtl_kafka_group_change(struct qtl_kafka_group *group, struct qtl_log_change *change)
{
    if (!qtl_kafka_group_changed(group)) {
        return QTL_EMPTY;
    }
    *change = group->changes[group->change_first++];
    return QTL_OK;
}

const struct qtl_kafka_token *qtl_kafka_group_token(const struct qtl_kafka_group *group)
{
    return &group->token;
}

/* `sequence;clock`, as the writer puts it beside each offset. */
static uint64_t read_sequence(const rd_kafka_topic_partition_t *partition)
{
    char text[64];
    if (partition->metadata == NULL || partition->metadata_size >= sizeof(text)) {
        return 0;
    }
    memcpy(text, partition->metadata, partition->metadata_size);
    text[partition->metadata_size] = '\0';
    return strtoull(text, NULL, 10);
}

static bool is_retriable(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__WAIT_COORD ||
           code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR_NOT_COORDINATOR ||
           code == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
           code == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
           code == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT ||
           code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS ||
           code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
}

enum qtl_status qtl_kafka_group_committed(struct qtl_kafka_group *group, const char *topic,
                                          int32_t partition, int64_t *next_offset,
                                          uint64_t *sequence, struct qtl_error *error)
{
    const int64_t until_ms = qtl_kafka_client_now_ms() + COMMITTED_PATIENCE_MS;
    rd_kafka_topic_partition_list_t *const list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *const asked =
        rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    while (is_retriable(code) && qtl_kafka_client_now_ms() < until_ms && !group->is_lost) {
        /* Pending offsets of a transaction come as a time-out, without an error of their own. */
        code = rd_kafka_committed(group->client, list, COMMITTED_TIMEOUT_MS);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            code = asked->err;
        }
        qtl_kafka_group_poll(group);
    }
    *next_offset = asked->offset >= 0 ? asked->offset : -1;
    *sequence = asked->offset >= 0 ? read_sequence(asked) : 0;
    rd_kafka_topic_partition_list_destroy(list);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return QTL_OK;
    }
    if (code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) {
        return qtl_error_set(error, QTL_BAD_CONF,
                             "the group %s may not be used: allow Read on it to this user",
                             group->settings->group);
    }
    return qtl_error_set(error, QTL_IO,
                         "%s, partition %" PRId32 ": the offset committed by group %s cannot be "
                         "read: %s",
                         topic, partition, group->settings->group, rd_kafka_err2str(code));
}

static enum qtl_status subscribe(struct qtl_kafka_group *group, struct qtl_error *error)
{
    const char *const topic = group->settings->topics[QTL_TOPIC_ORDERS];
    rd_kafka_topic_partition_list_t *const topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
    const rd_kafka_resp_err_t code = rd_kafka_subscribe(group->client, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return qtl_error_set(error, QTL_IO, "group %s cannot be joined: %s", group->settings->group,
                             rd_kafka_err2str(code));
    }
    return QTL_OK;
}

enum qtl_status qtl_kafka_group_open(const struct qtl_kafka_settings *settings, int event_fd,
                                     struct qtl_kafka_group **group, struct qtl_error *error)
{
    static const uint64_t one = 1;
    struct qtl_kafka_group *const made = calloc(1, sizeof(*made));
    QTL_ASSERT(made != NULL);
    made->settings = settings;
    struct rd_kafka_conf_s *conf = NULL;
    enum qtl_status status =
        qtl_kafka_client_conf(settings, QTL_KAFKA_MEMBER, &made->events, &conf, error);
    if (status == QTL_OK) {
        rd_kafka_conf_set_rebalance_cb(conf, rebalance);
        status = qtl_kafka_client_new(&conf, QTL_KAFKA_MEMBER, &made->client, error);
    }
    if (status == QTL_OK) {
        rd_kafka_poll_set_consumer(made->client);
        made->queue = rd_kafka_queue_get_consumer(made->client);
        rd_kafka_queue_io_event_enable(made->queue, event_fd, &one, sizeof(one));
        status = subscribe(made, error);
    }
    if (status != QTL_OK) {
        qtl_kafka_group_free(made);
        return status;
    }
    *group = made;
    return QTL_OK;
}

void qtl_kafka_group_free(struct qtl_kafka_group *group)
{
    if (group == NULL) {
        return;
    }
    if (group->token.metadata != NULL) {
        rd_kafka_consumer_group_metadata_destroy(group->token.metadata);
    }
    if (group->queue != NULL) {
        rd_kafka_queue_io_event_enable(group->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(group->queue);
    }
    if (group->client != NULL) {
        /* A static member leaves no group: there is nothing to wait for. */
        rd_kafka_destroy_flags(group->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
    free(group->changes);
    free(group);
}
