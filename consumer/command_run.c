/*
 * `quintil run`: the engine on the local log or on Kafka. This file decides what happens after a
 * life of it (consumer/command_run_engine.h): an end, another life on the same log, or everything
 * built anew from what is committed.
 *
 *   asked to stop, drained          end, exit 0
 *   slices revoked                  let them go, take the new ones: another life
 *   no broker                       at the first start exit 1, later wait for it
 *   another instance has our name   another try; the second time within a minute exit 1
 *   the world failed                another try; the third time at the same place exit 1
 *   anything else                   exit 1 or 2
 */
#include "consumer/command_run_engine.h"
#include "consumer/command_run_log.h"
#include "consumer/command_run_redis.h"
#include "consumer/commands.h"
#include "consumer/config.h"
#include "consumer/rule_file.h"
#include "consumer/run_options.h"
#include "consumer/shop_rules.h"
#include "consumer/stream.h"
#include "scoring/base/assert.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { FAILURES_MAX = 3, FENCED_WINDOW_S = 60, FENCED_MAX = 2, FENCED_AWAY_MAX = 6 };

/* The rules of --rules, of the configuration, or the built-in pack. */
static enum qtl_status read_rules(const struct qtl_config *config, struct qtl_rules **rules)
{
    struct qtl_problems problems = {0};
    const bool built_in = config->rules[0] == '\0';
    const char *const name = built_in ? "built-in rules" : config->rules;
    const enum qtl_status status = built_in
                                       ? qtl_rule_file_parse(qtl_shop_rules(), rules, &problems)
                                       : qtl_rule_file_read(config->rules, rules, &problems);
    if (status != QTL_OK) {
        qtl_rule_file_report(name, &problems, stderr);
    }
    qtl_problems_fini(&problems);
    return status;
}

/* Settings that the table has and that are not known yet, or not to this log, are refused, not
 * passed over. */
static enum qtl_status refuse_what_is_to_come(const struct qtl_config *config)
{
    if (config->delivery != QTL_DELIVERY_EXACTLY_ONCE) {
        fprintf(stderr,
                "quintil run: delivery: at_least_once comes with a later version; now it is "
                "exactly_once\n");
        return QTL_BAD_CONF;
    }
    for (int i = 0; config->log == QTL_LOG_TYPE_LOCAL && i < QTL_STREAMS; i++) {
        if (config->streams[i].topic[0] != '\0') {
            fprintf(stderr,
                    "quintil run: streams.%s.topic: the local log's topics have their own names; "
                    "leave the setting out\n",
                    qtl_stream_name((enum qtl_stream)i));
            return QTL_BAD_CONF;
        }
    }
    return QTL_OK;
}

/* What was tried so far. */
struct attempts {
    bool started; /* some life got as far as running */
    int failures; /* at the same place */
    int fencings;
    time_t fenced_at; /* monotonic seconds, of the first of them */
};

static time_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* Whether another try is left after a fencing. After a lost connection we may merely have been
 * taken for dead; but two instances that shut each other out connect all the time, and do so again
 * and again. */
static bool is_fencing_bearable(struct attempts *attempts, bool was_away)
{
    if (attempts->fencings == 0 || now_s() - attempts->fenced_at > FENCED_WINDOW_S) {
        attempts->fencings = 0;
        attempts->fenced_at = now_s();
    }
    attempts->fencings++;
    return attempts->fencings < (was_away ? FENCED_AWAY_MAX : FENCED_MAX);
}

/* Whether what failed in the world is worth another life. `error` gets a better sentence where it
 * is not. */
static bool is_worth_another(struct attempts *attempts, const struct qtl_command_run_log *log,
                             enum qtl_status status, struct qtl_error *error)
{
    if (!log->is_kafka) {
        return status == QTL_IO && attempts->started && ++attempts->failures < FAILURES_MAX;
    }
    const bool is_open = log->reader != NULL;
    const bool was_away = is_open && qtl_command_run_log_lost_connection(log);
    if (status == QTL_LOST && !is_fencing_bearable(attempts, was_away)) {
        qtl_error_set(error, QTL_LOST,
                      "another instance runs under the name %s: give each its own `instance`",
                      log->instance);
        return false;
    }
    if (status == QTL_LOST) {
        return true;
    }
    if (status == QTL_EMPTY) {
        return attempts->started; /* it was there, and will be */
    }
    if (status != QTL_IO || !attempts->started) {
        return false;
    }
    attempts->failures += was_away || !is_open ? 0 : 1;
    return attempts->failures < FAILURES_MAX;
}

/* One life, from opening the log where it is not open. */
static enum qtl_status try_once(struct qtl_command_run_log *log, const struct qtl_rules *rules,
                                const struct qtl_run_options *options,
                                struct qtl_command_run_life *life, struct qtl_error *error)
{
    enum qtl_status status = qtl_command_run_log_open(log, error);
    if (status == QTL_OK) {
        status = qtl_command_run_log_take(log, error);
    }
    if (status == QTL_OK) {
        status = qtl_command_run_engine_live(log, rules, options, life, error);
    }
    if (status == QTL_END) { /* interrupted: the log knows why */
        life->revoked = log->is_revoked;
        status = QTL_OK;
    }
    life->asked = life->asked || log->is_asked;
    return status;
}

/* How long to stand back after a fencing: until the other one has both its clients up, or each
 * would shut the other out while it starts, and in the end both would give up. Two that lost their
 * names at one moment come back at different ones. */
static int fencing_wait_ms(void)
{
    enum { LEAST_MS = 1500, SPREAD_MS = 2000 };
    return LEAST_MS + (int)(getpid() * 617L % SPREAD_MS);
}

static enum qtl_status run_on(struct qtl_command_run_log *log, const struct qtl_rules *rules,
                              const struct qtl_run_options *options)
{
    struct qtl_error error = {0};
    struct attempts attempts = {0};
    for (;;) {
        struct qtl_command_run_life life = {0};
        error.text[0] = '\0';
        const enum qtl_status status = try_once(log, rules, options, &life, &error);
        attempts.started = attempts.started || life.started;
        if (life.epochs > 0) {
            attempts.failures = 0; /* it got on: this is another place */
        }
        if (status == QTL_OK && (life.asked || !life.revoked)) {
            return QTL_OK;
        }
        if (status == QTL_OK) {
            qtl_command_run_log_let_go(log);
            continue;
        }
        if (life.asked || !is_worth_another(&attempts, log, status, &error)) {
            fprintf(stderr, "quintil run: %s\n", error.text);
            return status;
        }
        fprintf(stderr, "quintil: %s; starting anew from what is committed\n", error.text);
        qtl_command_run_log_close(log);
        /* Also while a broker was waited for. */
        if (qtl_command_run_log_is_asked(log, status == QTL_LOST ? fencing_wait_ms() : 0)) {
            return QTL_OK;
        }
    }
}

static enum qtl_status run(struct qtl_config *config, const struct qtl_run_options *options)
{
    struct qtl_rules *rules = NULL;
    struct qtl_command_run_log log = {0};
    struct qtl_error error = {0};
    enum qtl_status status = refuse_what_is_to_come(config);
    if (status != QTL_OK) {
        return status;
    }
    status = qtl_command_run_redis_check(config, &error);
    if (status == QTL_OK) {
        status = qtl_command_run_log_init(&log, config, &error);
    }
    if (status != QTL_OK) {
        fprintf(stderr, "quintil run: %s\n", error.text);
    }
    if (status == QTL_OK) {
        status = read_rules(config, &rules);
    }
    if (status == QTL_OK) {
        status = run_on(&log, rules, options);
    }
    qtl_command_run_log_fini(&log);
    qtl_rules_free(rules);
    return status;
}

int qtl_command_run(int argc, char **argv)
{
    struct qtl_run_options options;
    struct qtl_config config;
    int code = 0;
    if (!qtl_run_options_parse(&options, &config, argc, argv, &code)) {
        return code;
    }
    /* Before any thread starts, so that all of them leave these signals to main. */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGUSR1);
    QTL_ASSERT(pthread_sigmask(SIG_BLOCK, &signals, NULL) == 0);
    const enum qtl_status status = run(&config, &options);
    qtl_config_fini(&config);
    return qtl_status_exit_code(status);
}
