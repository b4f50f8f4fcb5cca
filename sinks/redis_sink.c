/*
 * See redis_sink.h. The thread lives from session to session:
 *
 *   connect, load the script -> read the offsets back -> rebuild where one cannot be true
 *   -> feed: read transitions, gather a batch, send it; two batches are under way at most, so that
 *      the next is gathered while Redis works on the last
 *
 * A failure of any kind ends the session, and the next one begins by asking Redis where it is: what
 * became of the batches under way need not be known. The script's guard (the stored offset must be
 * the one that the batch begins at) makes it impossible to apply one twice or out of order, also
 * for a second sink that believes to be alone.
 *
 * Once a second without transitions the offsets are looked at: a Redis that was emptied is filled
 * again without waiting for somebody to change segment.
 *
 * Rejected: a queue from publish (Redis would slow the output or lose), offsets in a file of ours
 * (they could differ from the data they are about).
 */
#include "sinks/redis_sink.h"

#include "scoring/base/assert.h"
#include "sinks/redis_batch.h"
#include "sinks/redis_connection.h"
#include "sinks/redis_position.h"
#include "sinks/redis_rebuild.h"
#include "sinks/redis_session.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { IN_FLIGHT_MAX = 2, READ_MAX = 1024, CHECK_MS = 1000, BACK_OFF_MIN_MS = 100 };
enum { BACK_OFF_MAX_MS = 5000, FRUITLESS_MAX = 3 };

/* A batch that was sent. */
struct flight {
    struct qtl_redis_position *position;
    int64_t next_offset;
    size_t count;
};

struct qtl_redis_sink {
    /* Immutable after start. */
    struct qtl_redis_sink_settings settings; /* its texts are owned */
    struct qtl_redis_connection_settings connection;
    int stop_fd;
    pthread_t thread;
    /* Owned by the sink's thread. */
    struct qtl_log_reader *reader;
    struct qtl_redis_session session;
    struct qtl_redis_position *positions;
    struct qtl_redis_feed feed;
    struct qtl_redis_batch *batch;
    struct qtl_log_record *records;
    struct flight flights[IN_FLIGHT_MAX];
    size_t in_flight;
    int64_t lag_ms;        /* when the lag was last counted */
    int64_t check_ms;      /* when the offsets were last looked at */
    int64_t wait_ms;       /* the next back-off */
    int fruitless;         /* sessions in a row that applied nothing and had to begin anew */
    bool was_progress;     /* of the session at hand */
    struct qtl_error said; /* why it is not connected, as last said */
    /* Written by main, read by the sink's thread. */
    atomic_bool stopping;
    atomic_bool draining;
    /* Written by the sink's thread, read by anyone. */
    atomic_bool drained;
    struct qtl_redis_sink_counters counters;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_stopping(const struct qtl_redis_sink *sink)
{
    return atomic_load_explicit(&sink->stopping, memory_order_relaxed);
}

static void count(atomic_uint_fast64_t *counter, uint64_t more)
{
    /* One writer: a plain read and a relaxed store are enough. */
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
                          memory_order_relaxed);
}

/* Counts what the log has and Redis has not, at most once a second. */
static void count_lag(struct qtl_redis_sink *sink, bool now)
{
    const int64_t at_ms = now_ms();
    if (!now && at_ms - sink->lag_ms < CHECK_MS) {
        return;
    }
    struct qtl_log_reader *const reader = sink->reader;
    uint64_t lag = 0;
    for (size_t i = 0; i < sink->settings.partition_count; i++) {
        const struct qtl_redis_position *const position = &sink->positions[i];
        int64_t first = 0;
        int64_t end = 0;
        const bool is_level =
            position->applied == position->sent &&
            reader->ops->ended(reader, QTL_TOPIC_TRANSITIONS, position->partition);
        if (!is_level && reader->ops->range(reader, QTL_TOPIC_TRANSITIONS, position->partition,
                                            &first, &end, NULL) == QTL_OK) {
            const int64_t applied = position->applied > first ? position->applied : first;
            lag += end > applied ? (uint64_t)(end - applied) : 0;
        }
    }
    sink->lag_ms = at_ms;
    atomic_store_explicit(&sink->counters.lag, lag, memory_order_relaxed);
}

/* Redis did what it was asked for, not only answered: else each failing attempt would say so. */
static void say_connected(struct qtl_redis_sink *sink)
{
    if (atomic_load_explicit(&sink->counters.connected, memory_order_relaxed)) {
        return;
    }
    if (!sink->settings.quiet) {
        fprintf(stderr, "quintil: redis: connected to %s\n", sink->settings.address);
    }
    sink->said.text[0] = '\0';
    atomic_store_explicit(&sink->counters.connected, true, memory_order_relaxed);
}

/* Takes the reply to the oldest batch under way. */
static enum qtl_status settle(struct qtl_redis_sink *sink, struct qtl_error *error)
{
    QTL_ASSERT(sink->in_flight > 0);
    redisReply *reply = NULL;
    enum qtl_status status = qtl_redis_connection_receive(sink->session.connection, &reply, error);
    if (status == QTL_OK) {
        status = qtl_redis_session_answer(reply);
        freeReplyObject(reply);
    }
    if (status != QTL_OK) {
        return status;
    }
    const struct flight flight = sink->flights[0];
    sink->in_flight--;
    memmove(sink->flights, sink->flights + 1, sink->in_flight * sizeof(flight));
    QTL_ASSERT(flight.next_offset > flight.position->applied);
    flight.position->applied = flight.next_offset;
    count(&sink->counters.applied, flight.count);
    sink->was_progress = true;
    sink->check_ms = now_ms();
    say_connected(sink);
    return QTL_OK;
}

static enum qtl_status settle_all(struct qtl_redis_sink *sink, struct qtl_error *error)
{
    enum qtl_status status = QTL_OK;
    while (status == QTL_OK && sink->in_flight > 0) {
        status = settle(sink, error);
    }
    return status;
}

/* Sends the batch, once one of those under way is done where there are two. */
static enum qtl_status send_batch(struct qtl_redis_sink *sink, struct qtl_redis_position *position,
                                  struct qtl_error *error)
{
    enum qtl_status status = QTL_OK;
    if (sink->in_flight == IN_FLIGHT_MAX) {
        status = settle(sink, error);
    }
    if (status != QTL_OK) {
        return status;
    }
    const int64_t next_offset = qtl_redis_batch_next_offset(sink->batch);
    qtl_redis_session_begin_bare(&sink->session);
    qtl_redis_batch_put(sink->batch, &sink->session.command);
    status = qtl_redis_connection_send(sink->session.connection, &sink->session.command, error);
    sink->flights[sink->in_flight++] = (struct flight){.position = position,
                                                       .next_offset = next_offset,
                                                       .count = qtl_redis_batch_count(sink->batch)};
    position->sent = next_offset;
    return status;
}

static void pass_over(struct qtl_redis_sink *sink, const struct qtl_redis_position *position,
                      int64_t offset)
{
    if (atomic_load_explicit(&sink->counters.malformed, memory_order_relaxed) == 0) {
        fprintf(stderr,
                "quintil: redis: partition %" PRId32 ", offset %" PRId64
                " is no transition; passed over, as all like it will be\n",
                position->partition, offset);
    }
    count(&sink->counters.malformed, 1);
}

static void begin_batch(struct qtl_redis_sink *sink, const struct qtl_redis_position *position)
{
    qtl_redis_batch_begin(sink->batch, position->partition, position->sent,
                          position->sent < position->checked_until);
}

/* Sends what was read of one partition, in as many batches as it takes. */
static enum qtl_status send_records(struct qtl_redis_sink *sink,
                                    struct qtl_redis_position *position, size_t records,
                                    struct qtl_error *error)
{
    enum qtl_status status = QTL_OK;
    begin_batch(sink, position);
    for (size_t i = 0; status == QTL_OK && i < records;) {
        const enum qtl_status added = qtl_redis_batch_add(sink->batch, &sink->records[i]);
        if (added == QTL_FULL) {
            status = send_batch(sink, position, error);
            begin_batch(sink, position);
            continue;
        }
        if (added == QTL_MALFORMED) {
            pass_over(sink, position, sink->records[i].offset);
        }
        i++;
    }
    if (status == QTL_OK && qtl_redis_batch_next_offset(sink->batch) > position->sent) {
        status = send_batch(sink, position, error);
    }
    return status;
}

/* Reads and sends some of every partition; *sent tells whether there was anything. */
static enum qtl_status feed_once(struct qtl_redis_sink *sink, bool *sent, struct qtl_error *error)
{
    struct qtl_log_reader *const reader = sink->reader;
    enum qtl_status status = QTL_OK;
    *sent = false;
    for (size_t i = 0; status == QTL_OK && i < sink->settings.partition_count; i++) {
        struct qtl_redis_position *const position = &sink->positions[i];
        size_t records = 0;
        status = reader->ops->read(reader, QTL_TOPIC_TRANSITIONS, position->partition, READ_MAX,
                                   sink->records, &records, error);
        if (status == QTL_OK && records > 0) {
            *sent = true;
            status = send_records(sink, position, records, error);
        }
        reader->ops->release(reader);
        status = status == QTL_EMPTY && records == 0 ? QTL_OK : status;
    }
    return status;
}

/* Everything read is in Redis: whether that is all there is. */
static void look_whether_drained(struct qtl_redis_sink *sink)
{
    struct qtl_log_reader *const reader = sink->reader;
    /* Pairs with the release in qtl_redis_sink_drain(): what was committed before is seen. */
    if (!atomic_load_explicit(&sink->draining, memory_order_acquire)) {
        return;
    }
    for (size_t i = 0; i < sink->settings.partition_count; i++) {
        if (!reader->ops->ended(reader, QTL_TOPIC_TRANSITIONS, sink->positions[i].partition)) {
            return;
        }
    }
    if (!atomic_exchange_explicit(&sink->drained, true, memory_order_release) &&
        sink->settings.tell != NULL) {
        sink->settings.tell(sink->settings.context);
    }
}

/* Nothing to read: waits for more, and sees meanwhile that Redis is as it was left. */
static enum qtl_status idle(struct qtl_redis_sink *sink, struct qtl_error *error)
{
    enum qtl_status status = settle_all(sink, error);
    if (status != QTL_OK) {
        return status;
    }
    count_lag(sink, true);
    if (now_ms() - sink->check_ms >= CHECK_MS) {
        status = qtl_redis_position_check(&sink->feed, error);
        sink->check_ms = now_ms();
    }
    if (status == QTL_OK) {
        say_connected(sink);
        look_whether_drained(sink);
        const enum qtl_status waited = sink->reader->ops->wait(sink->reader, CHECK_MS);
        (void)waited; /* news, the time-out, a wake(): it is looked in any case */
    }
    return status;
}

static enum qtl_status feed(struct qtl_redis_sink *sink, struct qtl_error *error)
{
    enum qtl_status status = QTL_OK;
    while (status == QTL_OK) {
        bool sent = false;
        if (is_stopping(sink)) {
            return QTL_END;
        }
        status = feed_once(sink, &sent, error);
        if (status == QTL_OK && !sent) {
            status = idle(sink, error);
        }
        count_lag(sink, false);
    }
    return status;
}

static enum qtl_status rebuild(struct qtl_redis_sink *sink, const struct qtl_error *reason,
                               struct qtl_error *error)
{
    uint64_t states = 0;
    const enum qtl_status status = qtl_redis_rebuild_run(&sink->feed, &states, error);
    if (status == QTL_OK) {
        count(&sink->counters.rebuilds, 1);
        say_connected(sink);
        if (!sink->settings.quiet) {
            fprintf(stderr,
                    "quintil: redis: rebuilt from %" PRIu64 " states of quintil.customers: %s\n",
                    states, reason->text);
        }
    }
    return status;
}

/* From connecting to the first failure. END: asked to stop; EMPTY: Redis is not where it was. */
static enum qtl_status run_session(struct qtl_redis_sink *sink, struct qtl_error *error)
{
    struct qtl_error reason;
    sink->in_flight = 0;
    sink->was_progress = false;
    enum qtl_status status =
        qtl_redis_session_open(&sink->session, sink->settings.prefix, &sink->connection, error);
    if (status == QTL_OK) {
        status = qtl_redis_position_find(&sink->feed, &reason, error);
    }
    if (status == QTL_OK && reason.text[0] != '\0') {
        status = rebuild(sink, &reason, error);
    }
    if (status == QTL_OK) {
        sink->check_ms = now_ms();
        status = feed(sink, error);
    }
    qtl_redis_session_close(&sink->session);
    return status;
}

/* One line for each change: a failure that repeats itself is said once. */
static void say_lost(struct qtl_redis_sink *sink, const struct qtl_error *error)
{
    atomic_store_explicit(&sink->counters.connected, false, memory_order_relaxed);
    if (strcmp(sink->said.text, error->text) != 0) {
        fprintf(stderr, "quintil: redis: lost %s: %s; trying again, the log keeps what it misses\n",
                sink->settings.address, error->text);
        sink->said = *error;
    }
}

/* Waits before the next session, with some jitter so that many engines do not come at once; a stop
 * ends it. */
static void back_off(struct qtl_redis_sink *sink)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    struct pollfd stop = {.fd = sink->stop_fd, .events = POLLIN};
    const int64_t jitter = sink->wait_ms * (now.tv_nsec / 1000 % 500) / 1000; /* up to a half */
    (void)poll(&stop, 1, (int)(sink->wait_ms / 2 + jitter));
    sink->wait_ms = sink->wait_ms * 2 < BACK_OFF_MAX_MS ? sink->wait_ms * 2 : BACK_OFF_MAX_MS;
}

static void *run(void *context)
{
    struct qtl_redis_sink *const sink = context;
    /* A socket whose other end is gone is an error to us, not a signal. */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGPIPE);
    QTL_ASSERT(pthread_sigmask(SIG_BLOCK, &signals, NULL) == 0);
    while (!is_stopping(sink)) {
        struct qtl_error error = {0};
        const enum qtl_status status = run_session(sink, &error);
        if (sink->was_progress) {
            sink->wait_ms = BACK_OFF_MIN_MS;
            sink->fruitless = 0;
        }
        if (status == QTL_END) {
            break;
        }
        if (status == QTL_EMPTY && ++sink->fruitless <= FRUITLESS_MAX) {
            continue; /* ask again where it is */
        }
        if (status == QTL_EMPTY) {
            qtl_error_set(&error, status, "somebody else moves the offsets of %s",
                          sink->settings.prefix);
        }
        count_lag(sink, true);
        say_lost(sink, &error);
        back_off(sink);
    }
    return NULL;
}

static char *copy_of(const char *text)
{
    char *const copy = strdup(text);
    QTL_ASSERT(copy != NULL);
    return copy;
}

static void copy_settings(struct qtl_redis_sink *sink,
                          const struct qtl_redis_sink_settings *settings)
{
    struct qtl_redis_sink_settings *const own = &sink->settings;
    *own = *settings;
    own->address = copy_of(settings->address);
    own->username = copy_of(settings->username);
    own->password = copy_of(settings->password);
    own->prefix = copy_of(settings->prefix);
    own->partitions = NULL; /* they are in the positions */
    sink->connection = (struct qtl_redis_connection_settings){
        .address = own->address,
        .username = own->username,
        .password = own->password,
        .database = own->database,
        .timeout_ms = own->timeout_ms,
        .stop_fd = sink->stop_fd,
    };
    sink->positions = calloc(own->partition_count, sizeof(*sink->positions));
    QTL_ASSERT(sink->positions != NULL);
    for (size_t i = 0; i < own->partition_count; i++) {
        sink->positions[i].partition = settings->partitions[i];
        sink->positions[i].applied = -1;
    }
}

enum qtl_status qtl_redis_sink_start(const struct qtl_redis_sink_settings *settings,
                                     struct qtl_log_reader **reader, struct qtl_redis_sink **sink,
                                     struct qtl_error *error)
{
    QTL_ASSERT(settings->partition_count > 0);
    const enum qtl_status status = qtl_redis_connection_check(settings->address, error);
    *sink = NULL;
    if (status != QTL_OK) {
        (*reader)->ops->free(*reader);
        *reader = NULL;
        return status;
    }
    struct qtl_redis_sink *const made = calloc(1, sizeof(*made));
    QTL_ASSERT(made != NULL);
    made->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    QTL_ASSERT(made->stop_fd >= 0);
    copy_settings(made, settings);
    made->reader = *reader;
    *reader = NULL;
    made->wait_ms = BACK_OFF_MIN_MS;
    made->records = calloc(READ_MAX, sizeof(*made->records));
    QTL_ASSERT(made->records != NULL);
    const struct qtl_redis_batch_settings batch = {.prefix = made->settings.prefix,
                                                   .changes_max = (size_t)settings->changes_max,
                                                   .stream_max = settings->stream_max,
                                                   .publish = settings->publish};
    made->batch = qtl_redis_batch_new(&batch);
    made->feed = (struct qtl_redis_feed){
        .session = &made->session,
        .reader = made->reader,
        .positions = made->positions,
        .count = settings->partition_count,
        .partitions = made->reader->ops->partitions(made->reader, QTL_TOPIC_TRANSITIONS),
        .stopping = &made->stopping,
    };
    QTL_ASSERT(pthread_create(&made->thread, NULL, run, made) == 0);
    *sink = made;
    return QTL_OK;
}

void qtl_redis_sink_drain(struct qtl_redis_sink *sink)
{
    atomic_store_explicit(&sink->draining, true, memory_order_release);
    sink->reader->ops->wake(sink->reader);
}

bool qtl_redis_sink_drained(const struct qtl_redis_sink *sink)
{
    return atomic_load_explicit(&sink->drained, memory_order_acquire);
}

void qtl_redis_sink_stop(struct qtl_redis_sink *sink)
{
    if (sink == NULL) {
        return;
    }
    const uint64_t one = 1;
    atomic_store_explicit(&sink->stopping, true, memory_order_relaxed);
    QTL_ASSERT(write(sink->stop_fd, &one, sizeof(one)) == sizeof(one));
    sink->reader->ops->wake(sink->reader);
    QTL_ASSERT(pthread_join(sink->thread, NULL) == 0);
    sink->reader->ops->free(sink->reader);
    qtl_redis_batch_free(sink->batch);
    close(sink->stop_fd);
    free(sink->records);
    free(sink->positions);
    free((char *)(uintptr_t)sink->settings.address);
    free((char *)(uintptr_t)sink->settings.username);
    free((char *)(uintptr_t)sink->settings.password);
    free((char *)(uintptr_t)sink->settings.prefix);
    free(sink);
}

const struct qtl_redis_sink_counters *qtl_redis_sink_counters(const struct qtl_redis_sink *sink)
{
    return &sink->counters;
}
