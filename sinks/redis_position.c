/*
 * See redis_position.h. Of each partition <prefix>offsets has up to four fields:
 *
 *   3          1741                       the next offset to apply
 *   3:last     1740 9f0c...e1             offset and id of the last transition applied
 *   3:until    1500                       the last rebuild's states know transitions up to here
 *   3:rebuild  1764038400123456-4711      a rebuild is under way
 *
 * An offset is believed where no rebuild was cut off, it lies within what the log has, and the
 * transition before it is the one that Redis took: by that another log is recognised, also one that
 * has grown past the offset meanwhile. Where that transition is trimmed away, the offset has to do.
 */
#include "sinks/redis_position.h"

#include "scoring/base/arena.h"
#include "sinks/redis_session.h"
#include "sinks/transition_read.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 4
#define WAIT_MS 1000 /* after which it is looked whether to stop; wake() makes it shorter */

static enum qtl_status ask(const struct qtl_redis_feed *feed, redisReply **reply,
                           struct qtl_error *error)
{
    static const char *const suffixes[FIELDS] = {"", ":last", ":rebuild", ":until"};
    struct qtl_redis_command *const command = &feed->session->command;
    qtl_redis_command_reset(command);
    qtl_redis_command_add_word(command, "HMGET");
    qtl_redis_command_add_joined(command, feed->session->prefix, qtl_text_of("offsets"));
    for (size_t i = 0; i < feed->count; i++) {
        for (size_t field = 0; field < FIELDS; field++) {
            char name[32];
            const int length = snprintf(name, sizeof(name), "%" PRId32 "%s",
                                        feed->positions[i].partition, suffixes[field]);
            qtl_redis_command_add(
                command,
                qtl_arena_copy(&command->arena, (struct qtl_text){name, (uint32_t)length}));
        }
    }
    enum qtl_status status =
        qtl_redis_connection_call(feed->session->connection, command, reply, error);
    if (status == QTL_OK &&
        ((*reply)->type != REDIS_REPLY_ARRAY || (*reply)->elements != feed->count * FIELDS)) {
        freeReplyObject(*reply);
        *reply = NULL;
        status = qtl_error_set(error, QTL_IO, "it answered HMGET with something else");
    }
    return status;
}

/* The offset in a reply; -1 where there is none. */
static int64_t offset_of(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_STRING || reply->len == 0 || reply->len > 18 ||
        strspn(reply->str, "0123456789") != reply->len) {
        return -1;
    }
    return strtoll(reply->str, NULL, 10);
}

enum qtl_status qtl_redis_position_read(const struct qtl_redis_feed *feed, enum qtl_topic topic,
                                        int32_t partition, struct qtl_log_record *record,
                                        struct qtl_error *error)
{
    struct qtl_log_reader *const reader = feed->reader;
    for (;;) {
        size_t count = 0;
        enum qtl_status status =
            reader->ops->read(reader, topic, partition, 1, record, &count, error);
        if (status != QTL_EMPTY || reader->ops->ended(reader, topic, partition)) {
            return status;
        }
        if (atomic_load_explicit(feed->stopping, memory_order_relaxed)) {
            return QTL_END;
        }
        status = reader->ops->wait(reader, WAIT_MS);
        (void)status; /* whatever it was, it is looked again */
    }
}

/* Whether the record at the offset in `last` ("offset id") is that transition. */
static enum qtl_status compare_last(const struct qtl_redis_feed *feed, int32_t partition,
                                    const redisReply *last, bool *same, struct qtl_error *error)
{
    struct qtl_log_reader *const reader = feed->reader;
    char *id = NULL;
    const int64_t offset = strtoll(last->str, &id, 10);
    int64_t first = 0;
    int64_t end = 0;
    *same = false;
    if (*id != ' ' || offset < 0) {
        return QTL_OK;
    }
    enum qtl_status status =
        reader->ops->range(reader, QTL_TOPIC_TRANSITIONS, partition, &first, &end, error);
    if (status != QTL_OK || offset < first || offset >= end) {
        *same = offset < first; /* trimmed: nothing speaks against it */
        return status;
    }
    status = reader->ops->seek(reader, QTL_TOPIC_TRANSITIONS, partition, offset, error);
    struct qtl_log_record record;
    if (status == QTL_OK) {
        status = qtl_redis_position_read(feed, QTL_TOPIC_TRANSITIONS, partition, &record, error);
    }
    if (status == QTL_OK && record.offset == offset && record.has_value) {
        struct qtl_arena arena = {0};
        struct qtl_transition_fields fields;
        struct qtl_transition_read *const read = qtl_transition_read_new();
        *same = qtl_transition_read_change(read, record.value, &arena, &fields) == QTL_OK &&
                qtl_text_compare(fields.id, qtl_text_of(id + 1)) == 0;
        qtl_transition_read_free(read);
        qtl_arena_fini(&arena);
    }
    reader->ops->release(reader);
    return status == QTL_EMPTY ? QTL_OK : status;
}

/* Sets `applied`, and `reason` where the offset cannot be true. */
static enum qtl_status judge(const struct qtl_redis_feed *feed, struct qtl_redis_position *position,
                             redisReply *const fields[FIELDS], struct qtl_error *reason,
                             struct qtl_error *error)
{
    struct qtl_log_reader *const reader = feed->reader;
    const int32_t partition = position->partition;
    const int64_t offset = offset_of(fields[0]);
    int64_t first = 0;
    int64_t end = 0;
    bool same = true;
    position->applied = -1;
    enum qtl_status status =
        reader->ops->range(reader, QTL_TOPIC_TRANSITIONS, partition, &first, &end, error);
    if (status == QTL_OK && fields[1]->type == REDIS_REPLY_STRING && fields[1]->len > 0) {
        status = compare_last(feed, partition, fields[1], &same, error);
    }
    if (status != QTL_OK) {
        return status;
    }
    if (fields[2]->type == REDIS_REPLY_STRING) {
        qtl_error_set(reason, QTL_OK, "a rebuild of partition %" PRId32 " was cut off", partition);
    } else if (offset < 0) {
        qtl_error_set(reason, QTL_OK, "it had no offset of partition %" PRId32, partition);
    } else if (offset < first || offset > end) {
        qtl_error_set(reason, QTL_OK,
                      "its offset of partition %" PRId32 ", %" PRId64
                      ", is not in the log, which has %" PRId64 " to %" PRId64,
                      partition, offset, first, end);
    } else if (!same) {
        qtl_error_set(reason, QTL_OK,
                      "what it took last of partition %" PRId32 " is not in this log", partition);
    } else {
        const int64_t until = offset_of(fields[3]);
        const int64_t last =
            fields[1]->type == REDIS_REPLY_STRING ? strtoll(fields[1]->str, NULL, 10) + 1 : 0;
        position->checked_until = until > last ? until : last;
        position->applied = offset;
        position->sent = offset;
        return reader->ops->seek(reader, QTL_TOPIC_TRANSITIONS, partition, offset, error);
    }
    return QTL_OK;
}

enum qtl_status qtl_redis_position_find(const struct qtl_redis_feed *feed, struct qtl_error *reason,
                                        struct qtl_error *error)
{
    redisReply *reply = NULL;
    reason->text[0] = '\0';
    enum qtl_status status = ask(feed, &reply, error);
    for (size_t i = 0; status == QTL_OK && i < feed->count; i++) {
        status = judge(feed, &feed->positions[i], &reply->element[i * FIELDS], reason, error);
    }
    if (reply != NULL) {
        freeReplyObject(reply);
    }
    return status;
}

enum qtl_status qtl_redis_position_check(const struct qtl_redis_feed *feed, struct qtl_error *error)
{
    redisReply *reply = NULL;
    enum qtl_status status = ask(feed, &reply, error);
    for (size_t i = 0; status == QTL_OK && i < feed->count; i++) {
        if (offset_of(reply->element[i * FIELDS]) != feed->positions[i].applied) {
            status = QTL_EMPTY;
        }
    }
    if (reply != NULL) {
        freeReplyObject(reply);
    }
    return status;
}
