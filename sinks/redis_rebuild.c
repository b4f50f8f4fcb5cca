/*
 * See redis_rebuild.h. The steps, for all partitions that need it together:
 *
 *   note where their transitions end -> begin: offsets go, a marker with our token comes
 *   -> every state of quintil.customers, which carries the token from then on
 *   -> sweep: customers of these partitions without the token go, members of sets that their
 *      customer does not vouch for go
 *   -> finish: the noted offsets come, the markers go
 *
 * quintil.customers is read to its end after the noted one, so that it may know more than the noted
 * end says; the transitions from there on that a customer already has are passed over by their
 * sequence. Nothing is cleared first: a reader sees each customer as it was or as it is, and only
 * what is found wrong goes. A rebuild that is cut off leaves its marker, and the next session
 * begins anew with another token.
 *
 * Where the log still has all transitions, they are all gone through afterwards, from the first:
 * customers that quintil.customers does not know, because it was switched on later, come from
 * there; of the others Redis passes over what it has.
 *
 * Rejected: FLUSHDB (others live there), clearing by SCAN first (readers would see half a shop),
 * a second set of keys and a swap (twice the memory, and every reader would have to follow a name).
 */
#include "sinks/redis_rebuild.h"

#include "scoring/base/arena.h"
#include "scoring/base/assert.h"
#include "sinks/redis_session.h"
#include "sinks/transition_read.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STATE_BYTES ((size_t)64 << 10) /* of one call */
#define READ_MAX 512

struct rebuild {
    const struct qtl_redis_feed *feed;
    struct qtl_redis_session *session;
    struct qtl_transition_read *read;
    struct qtl_arena arena;      /* texts of the call at hand */
    struct qtl_arena sets_arena; /* names of the sets that were met */
    struct qtl_text *sets;
    size_t set_count;
    size_t set_capacity;
    int64_t *starts; /* a position each: where the transitions go on */
    int64_t *ends;   /* a position each: up to where the states may know them */
    char token[48];
    uint64_t states;
};

static bool is_due(const struct rebuild *rebuild, size_t position)
{
    return rebuild->feed->positions[position].applied < 0;
}

/* The partitions that are rebuilt, as arguments. */
static void put_partitions(struct rebuild *rebuild)
{
    for (size_t i = 0; i < rebuild->feed->count; i++) {
        if (is_due(rebuild, i)) {
            qtl_redis_command_add_number(&rebuild->session->command,
                                         rebuild->feed->positions[i].partition);
        }
    }
}

static void make_token(struct rebuild *rebuild)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(rebuild->token, sizeof(rebuild->token), "%" PRId64 "-%ld",
             (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000, (long)getpid());
}

static enum qtl_status begin(struct rebuild *rebuild, struct qtl_error *error)
{
    const struct qtl_redis_feed *const feed = rebuild->feed;
    enum qtl_status status = QTL_OK;
    for (size_t i = 0; status == QTL_OK && i < feed->count; i++) {
        if (is_due(rebuild, i)) {
            int64_t first = 0;
            int64_t end = 0;
            status = feed->reader->ops->range(feed->reader, QTL_TOPIC_TRANSITIONS,
                                              feed->positions[i].partition, &first, &end, error);
            rebuild->starts[i] = first == 0 ? 0 : end;
        }
    }
    if (status != QTL_OK) {
        return status;
    }
    make_token(rebuild);
    qtl_redis_session_begin(rebuild->session, "begin");
    qtl_redis_command_add_word(&rebuild->session->command, rebuild->token);
    put_partitions(rebuild);
    return qtl_redis_session_call(rebuild->session, NULL, error);
}

static void begin_states(struct rebuild *rebuild, int32_t partition)
{
    qtl_arena_reset(&rebuild->arena);
    qtl_redis_session_begin(rebuild->session, "state");
    qtl_redis_command_add_number(&rebuild->session->command, partition);
    qtl_redis_command_add_word(&rebuild->session->command, rebuild->token);
}

/* A customer's state, or its erasure, into the call. A record that cannot be read is passed over.
 */
static void put_state(struct rebuild *rebuild, int32_t partition,
                      const struct qtl_log_record *record)
{
    struct qtl_redis_command *const command = &rebuild->session->command;
    if (!record->has_value) {
        qtl_redis_command_add(command, qtl_arena_copy(&rebuild->arena, record->key));
        qtl_redis_command_add_word(command, "0");
        return;
    }
    struct qtl_transition_fields fields;
    const struct qtl_text document = qtl_arena_copy(&rebuild->arena, record->value);
    if (qtl_transition_read_state(rebuild->read, document, &rebuild->arena, &fields) != QTL_OK) {
        return;
    }
    qtl_redis_command_add(command, fields.customer_id);
    qtl_redis_command_add_number(command, (int64_t)fields.pair_count * 2 + 8);
    for (uint32_t i = 0; i < fields.pair_count; i++) {
        qtl_redis_command_add_joined(command, "segment:", fields.pairs[i].name);
        qtl_redis_command_add(command, fields.pairs[i].value);
    }
    qtl_redis_command_add_word(command, "partition");
    qtl_redis_command_add_number(command, partition);
    qtl_redis_command_add_word(command, "rebuild");
    qtl_redis_command_add_word(command, rebuild->token);
    qtl_redis_command_add_word(command, "at");
    qtl_redis_command_add(command, fields.at);
    qtl_redis_command_add_word(command, "sequence");
    qtl_redis_command_add_number(command, fields.sequence);
    rebuild->states++;
}

static enum qtl_status send_states(struct rebuild *rebuild, int32_t partition,
                                   const struct qtl_log_record *records, size_t count,
                                   struct qtl_error *error)
{
    enum qtl_status status = QTL_OK;
    begin_states(rebuild, partition);
    for (size_t i = 0; status == QTL_OK && i < count; i++) {
        put_state(rebuild, partition, &records[i]);
        if (rebuild->session->command.bytes >= STATE_BYTES || i + 1 == count) {
            status = qtl_redis_session_call(rebuild->session, NULL, error);
            begin_states(rebuild, partition);
        }
    }
    return status;
}

/* Everything that quintil.customers has of the partition when this begins. */
static enum qtl_status write_states(struct rebuild *rebuild, int32_t partition,
                                    struct qtl_error *error)
{
    struct qtl_log_reader *const reader = rebuild->feed->reader;
    int64_t first = 0;
    int64_t end = 0;
    enum qtl_status status =
        reader->ops->range(reader, QTL_TOPIC_PROFILES, partition, &first, &end, error);
    if (status == QTL_OK && first < end) {
        status = reader->ops->seek(reader, QTL_TOPIC_PROFILES, partition, first, error);
    }
    for (int64_t at = first; status == QTL_OK && at < end;) {
        struct qtl_log_record records[READ_MAX];
        size_t count = 0;
        status =
            qtl_redis_position_read(rebuild->feed, QTL_TOPIC_PROFILES, partition, records, error);
        if (status != QTL_OK) {
            break; /* EMPTY: nothing but control records is left */
        }
        status = reader->ops->read(reader, QTL_TOPIC_PROFILES, partition, READ_MAX - 1, records + 1,
                                   &count, error);
        if (status == QTL_OK || status == QTL_EMPTY) {
            at = records[count].offset + 1;
            status = send_states(rebuild, partition, records, count + 1, error);
        }
        reader->ops->release(reader);
        if (status == QTL_EMPTY) {
            return status; /* another rebuild began */
        }
    }
    return status == QTL_EMPTY ? QTL_OK : status;
}

/* Adds what a step's answer has behind the cursor to the sets; sets the cursor. */
static enum qtl_status take_answer(struct rebuild *rebuild, redisReply *reply, char cursor[32],
                                   struct qtl_error *error)
{
    enum qtl_status status = QTL_OK;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 ||
        reply->element[0]->type != REDIS_REPLY_STRING || reply->element[0]->len >= 32) {
        status = qtl_error_set(error, QTL_IO, "it answered the script with something else");
    }
    for (size_t i = 1; status == QTL_OK && i < reply->elements; i++) {
        const redisReply *const set = reply->element[i];
        if (rebuild->set_count == rebuild->set_capacity) {
            rebuild->set_capacity = rebuild->set_capacity == 0 ? 16 : rebuild->set_capacity * 2;
            rebuild->sets = realloc(rebuild->sets, rebuild->set_capacity * sizeof(*rebuild->sets));
            QTL_ASSERT(rebuild->sets != NULL);
        }
        rebuild->sets[rebuild->set_count++] =
            qtl_arena_copy(&rebuild->sets_arena, (struct qtl_text){set->str, (uint32_t)set->len});
    }
    if (status == QTL_OK) {
        snprintf(cursor, 32, "%s", reply->element[0]->str);
    }
    freeReplyObject(reply);
    return status;
}

/* The prefix with `*` behind it, its own wildcards made plain. */
static struct qtl_text pattern_of(struct rebuild *rebuild)
{
    const char *const prefix = rebuild->session->prefix;
    char *const pattern = qtl_arena_take(&rebuild->session->command.arena, strlen(prefix) * 2 + 1);
    uint32_t length = 0;
    for (const char *at = prefix; *at != '\0'; at++) {
        if (strchr("*?[]\\^", *at) != NULL) {
            pattern[length++] = '\\';
        }
        pattern[length++] = *at;
    }
    pattern[length++] = '*';
    return (struct qtl_text){pattern, length};
}

/* A step that goes through keys or members piece by piece. `set` NULL: all keys. */
static enum qtl_status go_through(struct rebuild *rebuild, const struct qtl_text *set,
                                  struct qtl_error *error)
{
    char cursor[32] = "0";
    enum qtl_status status = QTL_OK;
    do {
        redisReply *reply = NULL;
        qtl_redis_session_begin(rebuild->session, set == NULL ? "sweep" : "members");
        struct qtl_redis_command *const command = &rebuild->session->command;
        qtl_redis_command_add_word(command, rebuild->token);
        qtl_redis_command_add_number(command, rebuild->feed->partitions);
        qtl_redis_command_add(command, set == NULL ? pattern_of(rebuild) : *set);
        qtl_redis_command_add_word(command, cursor);
        put_partitions(rebuild);
        status = qtl_redis_session_call(rebuild->session, &reply, error);
        if (status == QTL_OK) {
            status = take_answer(rebuild, reply, cursor, error);
        }
    } while (status == QTL_OK && strcmp(cursor, "0") != 0);
    return status;
}

/* The transitions' ends by now: no state that was written knows more. */
static enum qtl_status find_ends(struct rebuild *rebuild, struct qtl_error *error)
{
    const struct qtl_redis_feed *const feed = rebuild->feed;
    enum qtl_status status = QTL_OK;
    for (size_t i = 0; status == QTL_OK && i < feed->count; i++) {
        int64_t first = 0;
        status = feed->reader->ops->range(feed->reader, QTL_TOPIC_TRANSITIONS,
                                          feed->positions[i].partition, &first, &rebuild->ends[i],
                                          error);
    }
    return status;
}

static enum qtl_status finish(struct rebuild *rebuild, struct qtl_error *error)
{
    const struct qtl_redis_feed *const feed = rebuild->feed;
    struct qtl_redis_command *const command = &rebuild->session->command;
    qtl_redis_session_begin(rebuild->session, "finish");
    qtl_redis_command_add_word(command, rebuild->token);
    qtl_redis_command_add_number(command, feed->partitions);
    for (size_t i = 0; i < feed->count; i++) {
        if (is_due(rebuild, i)) {
            qtl_redis_command_add_number(command, feed->positions[i].partition);
            qtl_redis_command_add_number(command, rebuild->starts[i]);
            qtl_redis_command_add_number(command, rebuild->ends[i]);
        }
    }
    enum qtl_status status = qtl_redis_session_call(rebuild->session, NULL, error);
    for (size_t i = 0; status == QTL_OK && i < feed->count; i++) {
        struct qtl_redis_position *const position = &feed->positions[i];
        if (is_due(rebuild, i)) {
            position->applied = rebuild->starts[i];
            position->sent = position->applied;
            position->checked_until = rebuild->ends[i];
            status = feed->reader->ops->seek(feed->reader, QTL_TOPIC_TRANSITIONS,
                                             position->partition, position->applied, error);
        }
    }
    return status;
}

static enum qtl_status run(struct rebuild *rebuild, struct qtl_error *error)
{
    const struct qtl_redis_feed *const feed = rebuild->feed;
    enum qtl_status status = begin(rebuild, error);
    for (size_t i = 0; status == QTL_OK && i < feed->count; i++) {
        if (is_due(rebuild, i)) {
            status = write_states(rebuild, feed->positions[i].partition, error);
        }
    }
    if (status == QTL_OK) {
        status = find_ends(rebuild, error);
    }
    if (status == QTL_OK) {
        status = go_through(rebuild, NULL, error);
    }
    for (size_t i = 0; status == QTL_OK && i < rebuild->set_count; i++) {
        const struct qtl_text set = rebuild->sets[i];
        status = go_through(rebuild, &set, error);
    }
    return status == QTL_OK ? finish(rebuild, error) : status;
}

enum qtl_status qtl_redis_rebuild_run(const struct qtl_redis_feed *feed, uint64_t *states,
                                      struct qtl_error *error)
{
    struct rebuild rebuild = {
        .feed = feed, .session = feed->session, .read = qtl_transition_read_new()};
    rebuild.starts = calloc(feed->count, sizeof(*rebuild.starts));
    rebuild.ends = calloc(feed->count, sizeof(*rebuild.ends));
    QTL_ASSERT(rebuild.starts != NULL && rebuild.ends != NULL);
    const enum qtl_status status = run(&rebuild, error);
    *states = rebuild.states;
    qtl_transition_read_free(rebuild.read);
    qtl_arena_fini(&rebuild.arena);
    qtl_arena_fini(&rebuild.sets_arena);
    free(rebuild.sets);
    free(rebuild.starts);
    free(rebuild.ends);
    return status;
}
