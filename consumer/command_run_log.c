/*
 * See command_run_log.h. The writer is opened while the group is being joined: taking the name's
 * transactions over ends the one that a life before may have left open, so that the offsets and
 * records that the start reads are final.
 *
 * Signals are blocked in every thread; while main waits for the group it looks for them itself.
 */
#include "consumer/command_run_log.h"

#include "consumer/kafka_config.h"
#include "consumer/kafka_reader.h"
#include "consumer/local_reader.h"
#include "schemas/kafka/kafka_topics.h"
#include "scoring/base/assert.h"
#include "sinks/kafka_writer.h"
#include "sinks/local_writer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LOOK_MS = 100 };

enum qtl_status qtl_command_run_log_init(struct qtl_command_run_log *log,
                                         const struct qtl_config *config, struct qtl_error *error)
{
    *log = (struct qtl_command_run_log){.config = config};
    log->is_kafka = config->log == QTL_LOG_TYPE_KAFKA;
    return log->is_kafka ? qtl_kafka_config_settings(config, log->instance, &log->kafka, error)
                         : QTL_OK;
}

void qtl_command_run_log_fini(struct qtl_command_run_log *log)
{
    qtl_command_run_log_close(log);
}

void qtl_command_run_log_close(struct qtl_command_run_log *log)
{
    if (log->writer != NULL) {
        log->writer->ops->free(log->writer);
        log->writer = NULL;
    }
    if (log->reader != NULL) {
        log->reader->ops->free(log->reader);
        log->reader = NULL;
    }
    free(log->owned);
    log->owned = NULL;
    log->owned_count = 0;
    log->is_revoked = false;
}

static enum qtl_status open_local(struct qtl_command_run_log *log, int32_t *partitions,
                                  struct qtl_error *error)
{
    const char *const path = log->config->data_folder;
    enum qtl_status status = QTL_OK;
    if (qtl_local_log_partitions(path, partitions, error) != QTL_OK) {
        status = qtl_local_log_create(path, (int32_t)log->config->partitions, error);
        if (status == QTL_OK) {
            status = qtl_local_log_partitions(path, partitions, error);
        }
    }
    if (status == QTL_OK) {
        status = qtl_local_writer_open(path, QTL_LOCAL_ENGINE, NULL, &log->writer, error);
    }
    if (status == QTL_OK) {
        status = qtl_local_reader_open(path, NULL, &log->reader, error);
    }
    return status;
}

static enum qtl_status open_kafka(struct qtl_command_run_log *log, int32_t *partitions,
                                  struct qtl_error *error)
{
    enum qtl_status status = qtl_kafka_topics_prepare(&log->kafka, partitions, error);
    if (status == QTL_OK) {
        log->kafka.partitions = *partitions;
        status = qtl_kafka_reader_open(&log->kafka, true, &log->reader, error);
    }
    if (status == QTL_OK) {
        status = qtl_kafka_writer_open(&log->kafka, &log->writer, error);
    }
    return status;
}

enum qtl_status qtl_command_run_log_open(struct qtl_command_run_log *log, struct qtl_error *error)
{
    int32_t partitions = 0;
    if (log->reader != NULL) {
        return QTL_OK;
    }
    const enum qtl_status status =
        log->is_kafka ? open_kafka(log, &partitions, error) : open_local(log, &partitions, error);
    if (status != QTL_OK) {
        qtl_command_run_log_close(log);
        return status;
    }
    log->slice_count = (size_t)partitions;
    log->owned = calloc(log->slice_count, sizeof(*log->owned));
    QTL_ASSERT(log->owned != NULL);
    return QTL_OK;
}

enum qtl_status qtl_command_run_log_watch(const struct qtl_command_run_log *log,
                                          struct qtl_log_reader **reader, struct qtl_error *error)
{
    static const struct qtl_local_reader_options options = {.wait_outputs = true};
    return log->is_kafka ? qtl_kafka_reader_open(&log->kafka, false, reader, error)
                         : qtl_local_reader_open(log->config->data_folder, &options, reader, error);
}

static bool is_asked_to_end(int wait_ms)
{
    const struct timespec wait = {.tv_sec = wait_ms / 1000,
                                  .tv_nsec = (long)(wait_ms % 1000) * 1000000};
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return sigtimedwait(&signals, NULL, &wait) > 0;
}

bool qtl_command_run_log_is_asked(struct qtl_command_run_log *log, int wait_ms)
{
    log->is_asked = log->is_asked || is_asked_to_end(wait_ms);
    return log->is_asked;
}

/* One change. */
static enum qtl_status take_change(struct qtl_command_run_log *log,
                                   const struct qtl_log_change *change, struct qtl_error *error)
{
    switch (change->type) {
    case QTL_LOG_ASSIGNED:
        if ((size_t)change->partition >= log->slice_count) {
            return qtl_error_set(
                error, QTL_BAD_CONF,
                "topic %s has got more partitions than the %zu that it had: slice "
                "p is kept in partition p of every topic, and customers have moved "
                "between partitions; begin anew with another kafka.prefix and "
                "kafka.group",
                log->kafka.topics[QTL_TOPIC_ORDERS], log->slice_count);
        }
        log->owned_count += log->owned[change->partition] ? 0 : 1;
        log->owned[change->partition] = true;
        return QTL_OK;
    case QTL_LOG_REVOKED:
        log->is_revoked = true;
        return QTL_OK;
    case QTL_LOG_LOST:
        break;
    }
    if (change->refusal != NULL) {
        return qtl_error_set(error, QTL_BAD_CONF, "%s", change->refusal);
    }
    return change->fenced ? qtl_error_set(error, QTL_LOST, "another instance has taken our name")
                          : qtl_error_set(error, QTL_IO,
                                          "our partitions were given away before we were ready");
}

enum qtl_status qtl_command_run_log_look(void *context, struct qtl_error *error)
{
    struct qtl_command_run_log *const log = context;
    struct qtl_log_change change;
    enum qtl_status status = QTL_OK;
    while ((status = log->reader->ops->change(log->reader, &change)) == QTL_OK) {
        status = take_change(log, &change, error);
        if (status != QTL_OK) {
            return status;
        }
    }
    if (status != QTL_EMPTY) {
        return status;
    }
    return qtl_command_run_log_is_asked(log, 0) || log->is_revoked ? QTL_END : QTL_OK;
}

enum qtl_status qtl_command_run_log_take(struct qtl_command_run_log *log, struct qtl_error *error)
{
    enum qtl_status status = qtl_command_run_log_look(log, error);
    bool said = false;
    const time_t begun = time(NULL);
    while (status == QTL_OK && log->owned_count == 0) {
        if (!said && time(NULL) - begun > 3) {
            said = true;
            fprintf(stderr,
                    "quintil: waiting for partitions: the group %s gives them out when an instance "
                    "that had them is gone for session.timeout.ms, or there are more instances "
                    "than partitions\n",
                    log->kafka.group);
        }
        status = log->reader->ops->wait(log->reader, LOOK_MS);
        if (status == QTL_OK || status == QTL_EMPTY) {
            status = qtl_command_run_log_look(log, error);
        }
    }
    return status;
}

void qtl_command_run_log_let_go(struct qtl_command_run_log *log)
{
    for (size_t i = 0; i < log->slice_count; i++) {
        if (log->owned[i]) {
            log->reader->ops->revoke_done(log->reader, (int32_t)i);
            log->owned[i] = false;
        }
    }
    log->owned_count = 0;
    log->is_revoked = false;
}

bool qtl_command_run_log_lost_connection(const struct qtl_command_run_log *log)
{
    return log->is_kafka && log->reader != NULL && qtl_kafka_reader_lost_connection(log->reader);
}

const char *qtl_command_run_log_place(const struct qtl_command_run_log *log)
{
    return log->is_kafka ? log->config->kafka_brokers : log->config->data_folder;
}
