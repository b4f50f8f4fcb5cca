/*
 * A log in memory whose topics begin and end where a test wants them to: what a test of the Redis
 * sink needs that no local log can give (trimmed transitions, ladders, erasures, gaps between
 * offsets).
 *
 * Threads: the log is filled before the sink starts; `meanwhile` runs on the sink's thread.
 */
#ifndef QTL_TESTS_UNIT_REDIS_KIT_H
#define QTL_TESTS_UNIT_REDIS_KIT_H

#include "tests/unit/test.h"

#include "schemas/log.h"
#include "sinks/redis_sink.h"

#include <poll.h>
#include <semaphore.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { KIT_RECORDS_MAX = 64 };

/* ---- the log: partition 0 of the transitions and of quintil.customers --------------------------
 */

struct kit_topic {
    int64_t offsets[KIT_RECORDS_MAX];
    const char *keys[KIT_RECORDS_MAX];
    const char *values[KIT_RECORDS_MAX]; /* NULL: a tombstone */
    size_t count;
    size_t next;
    int64_t first;
    int64_t end;
};

struct kit_log {
    struct qtl_log_reader base; /* first: the two are converted into each other */
    struct kit_topic transitions;
    struct kit_topic customers;
    int wake_fd;
    /* Called once, when the end of quintil.customers is first asked for. May be NULL. */
    void (*meanwhile)(struct kit_log *log);
};

static inline struct kit_topic *kit_topic(struct qtl_log_reader *reader, enum qtl_topic topic)
{
    struct kit_log *const log = (struct kit_log *)reader;
    assert_true(topic == QTL_TOPIC_TRANSITIONS || topic == QTL_TOPIC_PROFILES);
    return topic == QTL_TOPIC_TRANSITIONS ? &log->transitions : &log->customers;
}

/* At the end. */
static inline void kit_add(struct kit_topic *topic, const char *key, const char *value)
{
    assert_true(topic->count < KIT_RECORDS_MAX);
    topic->offsets[topic->count] = topic->end++;
    topic->keys[topic->count] = key;
    topic->values[topic->count++] = value;
}

static inline enum qtl_status kit_wait(struct qtl_log_reader *reader, int timeout_ms)
{
    struct pollfd woken = {.fd = ((struct kit_log *)reader)->wake_fd, .events = POLLIN};
    uint64_t times = 0;
    const bool is_woken = poll(&woken, 1, timeout_ms) > 0 &&
                          read(woken.fd, &times, sizeof(times)) == (ssize_t)sizeof(times);
    return is_woken ? QTL_OK : QTL_EMPTY;
}

static inline void kit_wake(struct qtl_log_reader *reader)
{
    const uint64_t one = 1;
    assert_int_equal(write(((struct kit_log *)reader)->wake_fd, &one, sizeof(one)), sizeof(one));
}

static inline enum qtl_status kit_range(struct qtl_log_reader *reader, enum qtl_topic topic,
                                        int32_t partition, int64_t *first, int64_t *end,
                                        struct qtl_error *error)
{
    struct kit_log *const log = (struct kit_log *)reader;
    (void)partition;
    (void)error;
    if (topic == QTL_TOPIC_PROFILES && log->meanwhile != NULL) {
        log->meanwhile(log);
        log->meanwhile = NULL;
    }
    *first = kit_topic(reader, topic)->first;
    *end = kit_topic(reader, topic)->end;
    return QTL_OK;
}

static inline enum qtl_status kit_seek(struct qtl_log_reader *reader, enum qtl_topic topic,
                                       int32_t partition, int64_t offset, struct qtl_error *error)
{
    struct kit_topic *const input = kit_topic(reader, topic);
    (void)partition;
    (void)error;
    assert_true(offset >= input->first && offset <= input->end);
    input->next = 0;
    while (input->next < input->count && input->offsets[input->next] < offset) {
        input->next++;
    }
    return QTL_OK;
}

static inline enum qtl_status kit_redis_read(struct qtl_log_reader *reader, enum qtl_topic topic,
                                             int32_t partition, size_t max,
                                             struct qtl_log_record *records, size_t *count,
                                             struct qtl_error *error)
{
    struct kit_topic *const input = kit_topic(reader, topic);
    (void)partition;
    (void)error;
    *count = 0;
    while (*count < max && input->next < input->count) {
        const size_t n = input->next++;
        records[*count] = (struct qtl_log_record){
            .offset = input->offsets[n], .has_key = true, .key = qtl_text_of(input->keys[n])};
        if (input->values[n] != NULL) {
            records[*count].value = qtl_text_of(input->values[n]);
            records[*count].has_value = true;
        }
        (*count)++;
    }
    return *count > 0 ? QTL_OK : QTL_EMPTY;
}

static inline bool kit_ended(struct qtl_log_reader *reader, enum qtl_topic topic, int32_t partition)
{
    const struct kit_topic *const input = kit_topic(reader, topic);
    (void)partition;
    return input->next == input->count;
}

static inline int32_t kit_partitions(struct qtl_log_reader *reader, enum qtl_topic topic)
{
    (void)reader;
    (void)topic;
    return 1;
}

static inline void kit_nothing(struct qtl_log_reader *reader)
{
    (void)reader;
}

static const struct qtl_log_reader_ops kit_ops = {
    .wait = kit_wait,
    .wake = kit_wake,
    .range = kit_range,
    .seek = kit_seek,
    .read = kit_redis_read,
    .release = kit_nothing,
    .ended = kit_ended,
    .partitions = kit_partitions,
    .free = kit_nothing,
};

static inline void kit_log_init(struct kit_log *log)
{
    *log = (struct kit_log){.base = {.ops = &kit_ops}};
    log->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert_true(log->wake_fd >= 0);
}

static inline void kit_post(void *context)
{
    sem_post(context);
}

/* What a sink counted. */
struct kit_counts {
    uint64_t applied;
    uint64_t lag;
    uint64_t rebuilds;
    uint64_t malformed;
};

/* Runs a sink on the log until Redis has all of it. */
static inline struct kit_counts kit_feed(const char *address, struct kit_log *log)
{
    static const int32_t partitions[] = {0};
    sem_t done;
    sem_init(&done, 0, 0);
    const struct qtl_redis_sink_settings settings = {
        .address = address,
        .username = "",
        .password = "",
        .prefix = "q:",
        .partitions = partitions,
        .partition_count = 1,
        .stream_max = 1000,
        .changes_max = 16,
        .timeout_ms = 60000,
        .quiet = true,
        .tell = kit_post,
        .context = &done,
    };
    struct qtl_log_reader *reader = &log->base;
    struct qtl_redis_sink *sink = NULL;
    struct qtl_error error = {0};
    assert_int_equal(qtl_redis_sink_start(&settings, &reader, &sink, &error), QTL_OK);
    assert_null(reader);
    qtl_redis_sink_drain(sink);
    while (sem_wait(&done) != 0) {
    }
    assert_true(qtl_redis_sink_drained(sink));
    const struct qtl_redis_sink_counters *const counters = qtl_redis_sink_counters(sink);
    const struct kit_counts counts = {.applied = atomic_load(&counters->applied),
                                      .lag = atomic_load(&counters->lag),
                                      .rebuilds = atomic_load(&counters->rebuilds),
                                      .malformed = atomic_load(&counters->malformed)};
    qtl_redis_sink_stop(sink);
    sem_destroy(&done);
    return counts;
}

#endif
