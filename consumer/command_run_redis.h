/*
 * The Redis end of `quintil run`: from the configuration to a running sink. Part of the wiring.
 *
 * Threads: main.
 */
#ifndef QTL_CONSUMER_COMMAND_RUN_REDIS_H
#define QTL_CONSUMER_COMMAND_RUN_REDIS_H

#include "schemas/log.h"
#include "schemas/status.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

struct qtl_command_run_log;
struct qtl_config;
struct qtl_redis_sink;

/* Whether a Redis is configured; quintil.customers is then kept as well. */
bool qtl_command_run_redis_wanted(const struct qtl_config *config);

/* What is wrong with the configuration of it, before anything starts: BAD_CONF, IO. Reads the
 * password's file. */
QTL_CHECKED enum qtl_status qtl_command_run_redis_check(struct qtl_config *config,
                                                        struct qtl_error *error);

/* Starts the sink for the slices of the log that are ours. Takes over the reader, whose wait() must
 * come back for transitions. */
QTL_CHECKED enum qtl_status qtl_command_run_redis_start(const struct qtl_command_run_log *log,
                                                        bool quiet, struct qtl_log_reader **reader,
                                                        struct qtl_redis_sink **sink,
                                                        struct qtl_error *error);

/* Waits until Redis has what is committed, for at most `redis.drain`; SIGINT and SIGTERM among
 * `signals` end it. IO with a sentence where Redis has not got everything. */
QTL_CHECKED enum qtl_status qtl_command_run_redis_drain(const struct qtl_command_run_log *log,
                                                        struct qtl_redis_sink *sink,
                                                        const sigset_t *signals,
                                                        struct qtl_error *error);

/* Its part of the status line, with a blank in front. */
void qtl_command_run_redis_say(const struct qtl_redis_sink *sink);

#endif
