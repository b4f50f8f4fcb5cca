/*
 * See command_run_redis.h. The sink is told nothing by the engine: it reads what is committed, with
 * a reader of its own, so that the two cannot wait for each other. Only the end of --drain waits,
 * and for a bounded time: a Redis that is gone must not keep a job from ending, and must not look
 * like one that is complete.
 */
#include "consumer/command_run_redis.h"

#include "consumer/command_run_log.h"
#include "consumer/config.h"
#include "scoring/base/assert.h"
#include "sinks/redis_connection.h"
#include "sinks/redis_sink.h"
#include "sinks/redis_tls.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

bool qtl_command_run_redis_wanted(const struct qtl_config *config)
{
    return config->redis_address[0] != '\0';
}

/* The first line of the file becomes the password. */
static enum qtl_status read_password(struct qtl_config *config, struct qtl_error *error)
{
    const char *const path = config->redis_password_file;
    char line[1024] = "";
    FILE *const file = fopen(path, "re");
    if (file == NULL) {
        return qtl_error_set(error, QTL_BAD_CONF, "redis.password_file: %s: %s", path,
                             strerror(errno));
    }
    const bool got = fgets(line, sizeof(line), file) != NULL;
    fclose(file);
    line[strcspn(line, "\r\n")] = '\0';
    if (!got || line[0] == '\0' || strlen(line) + 1 == sizeof(line)) {
        return qtl_error_set(error, QTL_BAD_CONF,
                             "redis.password_file: %s: its first line is no password", path);
    }
    free(config->redis_password);
    config->redis_password = strdup(line);
    QTL_ASSERT(config->redis_password != NULL);
    return QTL_OK;
}

enum qtl_status qtl_command_run_redis_check(struct qtl_config *config, struct qtl_error *error)
{
    if (!qtl_command_run_redis_wanted(config)) {
        return QTL_OK;
    }
    config->publish_customers = true;
    enum qtl_status status = qtl_redis_connection_check(config->redis_address, error);
    if (status == QTL_OK && config->redis_password_file[0] != '\0') {
        status = config->redis_password[0] != '\0'
                     ? qtl_error_set(error, QTL_BAD_CONF,
                                     "redis.password and redis.password_file are both set; leave "
                                     "one of them out")
                     : read_password(config, error);
    }
    if (status == QTL_OK && config->redis_tls && !qtl_redis_tls_is_there()) {
        status = qtl_error_set(error, QTL_BAD_CONF,
                               "redis.tls: this program was built without it; build it where "
                               "pkg-config finds hiredis_ssl (1.0 or later) and openssl, or use a "
                               "tunnel");
    }
    if (status == QTL_OK && config->redis_tls_ca_file[0] != '\0' && !config->redis_tls) {
        status = qtl_error_set(error, QTL_BAD_CONF,
                               "redis.tls_ca_file is set and redis.tls is not: set it to true");
    }
    if (status == QTL_OK && config->redis_username[0] != '\0' &&
        config->redis_password[0] == '\0') {
        status = qtl_error_set(error, QTL_BAD_CONF,
                               "redis.username is set and no password: set redis.password or "
                               "redis.password_file");
    }
    return status;
}

/* Main waits for signals: tell it that the drain is done. */
static void tell_main(void *context)
{
    (void)context;
    kill(getpid(), SIGUSR1);
}

enum qtl_status qtl_command_run_redis_start(const struct qtl_command_run_log *log, bool quiet,
                                            struct qtl_log_reader **reader,
                                            struct qtl_redis_sink **sink, struct qtl_error *error)
{
    const struct qtl_config *const config = log->config;
    int32_t *const partitions = calloc(log->slice_count, sizeof(*partitions));
    QTL_ASSERT(partitions != NULL);
    size_t owned_count = 0;
    for (size_t i = 0; i < log->slice_count; i++) {
        if (log->owned[i]) {
            partitions[owned_count++] = (int32_t)i;
        }
    }
    const struct qtl_redis_sink_settings settings = {
        .address = config->redis_address,
        .username = config->redis_username,
        .password = config->redis_password,
        .tls_ca_file = config->redis_tls_ca_file,
        .tls = config->redis_tls,
        .prefix = config->redis_prefix,
        .partitions = partitions,
        .partition_count = owned_count,
        .database = config->redis_database,
        .stream_max = config->redis_stream_max,
        .changes_max = config->redis_batch,
        .timeout_ms = config->redis_timeout_ms,
        .publish = config->redis_publish,
        .quiet = quiet,
        .tell = tell_main,
    };
    const enum qtl_status status = qtl_redis_sink_start(&settings, reader, sink, error);
    free(partitions);
    return status;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Tells the sink up to where the log is committed. */
static void begin_drain(const struct qtl_command_run_log *log, struct qtl_redis_sink *sink)
{
    int64_t *const ends = calloc(log->slice_count, sizeof(*ends));
    QTL_ASSERT(ends != NULL);
    size_t count = 0;
    for (size_t i = 0; i < log->slice_count; i++) {
        if (log->owned[i]) { /* as in start() */
            ends[count++] = log->writer->ops->transitions_end(log->writer, (int32_t)i);
        }
    }
    qtl_redis_sink_drain(sink, ends);
    free(ends);
}

enum qtl_status qtl_command_run_redis_drain(const struct qtl_command_run_log *log,
                                            struct qtl_redis_sink *sink, const sigset_t *signals,
                                            struct qtl_error *error)
{
    const struct qtl_config *const config = log->config;
    const int64_t deadline_ms = now_ms() + config->redis_drain_s * 1000;
    begin_drain(log, sink);
    while (!qtl_redis_sink_drained(sink)) {
        const int64_t left_ms = deadline_ms - now_ms();
        const struct timespec left = {.tv_sec = left_ms / 1000,
                                      .tv_nsec = left_ms % 1000 * 1000000};
        const int signal = left_ms > 0 ? sigtimedwait(signals, NULL, &left) : SIGTERM;
        if (signal == SIGINT || signal == SIGTERM) {
            break;
        }
    }
    if (qtl_redis_sink_drained(sink)) {
        return QTL_OK;
    }
    return qtl_error_set(error, QTL_IO,
                         "everything is committed, but Redis at %s has not caught up within "
                         "redis.drain (%" PRId64 "s): the next run goes on from where it is",
                         config->redis_address, config->redis_drain_s);
}

void qtl_command_run_redis_say(const struct qtl_redis_sink *sink)
{
    const struct qtl_redis_sink_counters *const counters = qtl_redis_sink_counters(sink);
    fprintf(stderr,
            " redis_applied=%" PRIuFAST64 " redis_lag=%" PRIuFAST64 " redis_rebuilds=%" PRIuFAST64,
            atomic_load_explicit(&counters->applied, memory_order_relaxed),
            atomic_load_explicit(&counters->lag, memory_order_relaxed),
            atomic_load_explicit(&counters->rebuilds, memory_order_relaxed));
}
