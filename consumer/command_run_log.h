/*
 * The log that `quintil run` runs on, local or Kafka: opening it, learning which slices are ours,
 * closing it. It outlives a life of the engine where partitions were merely handed over, and is
 * opened anew after a failure.
 *
 * Threads: main.
 */
#ifndef QTL_CONSUMER_COMMAND_RUN_LOG_H
#define QTL_CONSUMER_COMMAND_RUN_LOG_H

#include "consumer/config.h"
#include "consumer/kafka_config.h"
#include "schemas/log.h"

#include <stddef.h>

struct qtl_command_run_log {
    const struct qtl_config *config; /* borrowed */
    struct qtl_kafka_settings kafka;
    char instance[QTL_KAFKA_CONFIG_INSTANCE_MAX];
    struct qtl_log_reader *reader; /* NULL: not open */
    struct qtl_log_writer *writer;
    size_t slice_count;
    bool *owned; /* one a slice */
    size_t owned_count;
    bool is_kafka;
    bool is_asked;   /* a signal asked for the end while something was waited for */
    bool is_revoked; /* slices were revoked meanwhile */
};

/* BAD_CONF with a sentence where the settings do not make a log. */
QTL_CHECKED enum qtl_status qtl_command_run_log_init(struct qtl_command_run_log *log,
                                                     const struct qtl_config *config,
                                                     struct qtl_error *error);
void qtl_command_run_log_fini(struct qtl_command_run_log *log);

/* Opens reader and writer where they are not open. EMPTY where no broker answers. */
QTL_CHECKED enum qtl_status qtl_command_run_log_open(struct qtl_command_run_log *log,
                                                     struct qtl_error *error);
/* A reader of its own for the output, while the log is open: its wait() comes back for transitions.
 * Freed by its own free(), before the log is closed. */
QTL_CHECKED enum qtl_status qtl_command_run_log_watch(const struct qtl_command_run_log *log,
                                                      struct qtl_log_reader **reader,
                                                      struct qtl_error *error);
/* Waits until slices are ours; END where look() ended it. */
QTL_CHECKED enum qtl_status qtl_command_run_log_take(struct qtl_command_run_log *log,
                                                     struct qtl_error *error);
/* Between epochs of a recovery, and while something is waited for: END where it has to end, LOST or
 * IO where the slices are lost. `context` is the log. */
enum qtl_status qtl_command_run_log_look(void *context, struct qtl_error *error);

/* Whether a signal has asked for the end while none of the stages ran, or does so within `wait_ms`.
 */
bool qtl_command_run_log_is_asked(struct qtl_command_run_log *log, int wait_ms);

/* The slices were revoked and all their epochs are committed: lets them go. */
void qtl_command_run_log_let_go(struct qtl_command_run_log *log);
void qtl_command_run_log_close(struct qtl_command_run_log *log);

/* Whether what failed may be the connection. Before close(). */
bool qtl_command_run_log_lost_connection(const struct qtl_command_run_log *log);

/* For the line that says that it runs. */
const char *qtl_command_run_log_place(const struct qtl_command_run_log *log);

#endif
