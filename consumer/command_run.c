/*
 * `quintil run`: the engine on the local log. The main thread opens the log, recovers, starts the
 * stages and waits for signals; ingest, the shards and publish run in their own threads. What fails
 * is built anew from what is committed; three failures at the same place end the process.
 */
#include "consumer/command_run_redis.h"
#include "consumer/commands.h"
#include "consumer/config.h"
#include "consumer/decode.h"
#include "consumer/ingest.h"
#include "consumer/local_reader.h"
#include "consumer/recovery.h"
#include "consumer/rule_file.h"
#include "consumer/run_options.h"
#include "consumer/shape.h"
#include "consumer/shop_rules.h"
#include "consumer/stream.h"
#include "scoring/base/assert.h"
#include "scoring/base/ring.h"
#include "scoring/shards.h"
#include "sinks/local_writer.h"
#include "sinks/publish.h"
#include "sinks/redis_sink.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { EPOCHS = 4, FAILURES_MAX = 3, STATUS_EVERY_S = 10 };

/* One life of the engine, from recovery to the last commit. */
struct engine {
    const struct qtl_config *config;
    const struct qtl_rules *rules;
    struct qtl_log_reader *reader;
    struct qtl_log_writer *writer;
    struct qtl_decoder *decoders[QTL_STREAMS];
    struct qtl_slice **slices;
    struct qtl_ledger *ledgers;
    struct qtl_epoch *epochs[EPOCHS];
    struct qtl_ring *returned;
    struct qtl_shards *shards;
    struct qtl_ingest *ingest;
    struct qtl_publish *publish;
    struct qtl_redis_sink *redis; /* NULL: none is configured */
    size_t slice_count;
    bool drain;
    bool quiet;
    /* Set by their threads, read after they ended. */
    enum qtl_status ingest_status;
    enum qtl_status publish_status;
    struct qtl_error ingest_error;
    struct qtl_error publish_error;
    /* Written by ingest as it ends, read by main. */
    atomic_bool ended;
};

static enum qtl_status open_log(struct engine *engine, struct qtl_error *error)
{
    const char *const path = engine->config->data_folder;
    int32_t partitions = 0;
    enum qtl_status status = QTL_OK;
    if (qtl_local_log_partitions(path, &partitions, error) != QTL_OK) {
        status = qtl_local_log_create(path, (int32_t)engine->config->partitions, error);
        if (status == QTL_OK) {
            status = qtl_local_log_partitions(path, &partitions, error);
        }
    }
    if (status == QTL_OK) {
        status = qtl_local_writer_open(path, QTL_LOCAL_ENGINE, NULL, &engine->writer, error);
    }
    if (status == QTL_OK) {
        status = qtl_local_reader_open(path, NULL, &engine->reader, error);
    }
    engine->slice_count = (size_t)partitions;
    return status;
}

/* The local log reports every partition as assigned; with a group it would take its time. */
static enum qtl_status take_assignment(struct engine *engine)
{
    struct qtl_log_change change;
    enum qtl_status status = QTL_OK;
    while (status == QTL_OK) {
        status = engine->reader->ops->change(engine->reader, &change);
    }
    return status == QTL_EMPTY ? QTL_OK : status;
}

static enum qtl_status recover(struct engine *engine, struct qtl_error *error)
{
    const struct qtl_slice_settings settings = {
        .rules = engine->rules, .duplicate_horizon_s = engine->config->duplicate_horizon_s};
    engine->slices = calloc(engine->slice_count, sizeof(struct qtl_slice *));
    engine->ledgers = calloc(engine->slice_count, sizeof(*engine->ledgers));
    QTL_ASSERT(engine->slices != NULL && engine->ledgers != NULL);
    for (size_t i = 0; i < engine->slice_count; i++) {
        engine->slices[i] = qtl_slice_new(&settings);
    }
    const struct qtl_recovery_settings recovery = {
        .reader = engine->reader, .config = engine->config, .rules = engine->rules};
    return qtl_recovery_run(&recovery, engine->slices, engine->slice_count, engine->ledgers, error);
}

static void wake_ingest(void *context)
{
    struct engine *const engine = context;
    engine->reader->ops->wake(engine->reader);
    if (atomic_load_explicit(&qtl_publish_counters(engine->publish)->failed,
                             memory_order_relaxed)) {
        qtl_ingest_stop(engine->ingest);
    }
}

static size_t shard_count(const struct engine *engine)
{
    if (engine->config->shards > 0) {
        return (size_t)engine->config->shards;
    }
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors > 0 ? (size_t)processors : 1;
}

static enum qtl_status build_stages(struct engine *engine, struct qtl_error *error)
{
    engine->returned = qtl_ring_new(EPOCHS);
    for (int i = 0; i < EPOCHS; i++) {
        engine->epochs[i] = qtl_epoch_new(engine->slice_count);
        const enum qtl_status pushed = qtl_ring_push(engine->returned, engine->epochs[i]);
        QTL_ASSERT(pushed == QTL_OK);
    }
    for (int i = 0; i < QTL_STREAMS; i++) {
        engine->decoders[i] =
            qtl_decoder_new((enum qtl_stream)i, &engine->config->streams[i], engine->rules);
    }
    engine->shards =
        qtl_shards_start(engine->slices, engine->slice_count, shard_count(engine), EPOCHS);
    const struct qtl_publish_settings publish = {
        .rules = engine->rules,
        .writer = engine->writer,
        .token = engine->reader->ops->token(engine->reader),
        .shards = engine->shards,
        .returned = engine->returned,
        .ledgers = engine->ledgers,
        .slice_count = engine->slice_count,
        .versions = {.rules = engine->rules->version,
                     .shape = qtl_shape_hash(engine->config, engine->rules)},
        .customers = engine->config->publish_customers,
        .wake = wake_ingest,
        .context = engine,
    };
    engine->publish = qtl_publish_new(&publish);
    struct qtl_ingest_settings ingest = {
        .reader = engine->reader,
        .config = engine->config,
        .shards = engine->shards,
        .returned = engine->returned,
        .ledgers = engine->ledgers,
        .slice_count = engine->slice_count,
        .epoch_count = EPOCHS,
        .drain = engine->drain,
    };
    for (int i = 0; i < QTL_STREAMS; i++) {
        ingest.decoders[i] = engine->decoders[i];
    }
    return qtl_ingest_new(&ingest, &engine->ingest, error);
}

static void *run_ingest(void *context)
{
    struct engine *const engine = context;
    engine->ingest_status = qtl_ingest_run(engine->ingest, &engine->ingest_error);
    return NULL;
}

static void *run_publish(void *context)
{
    struct engine *const engine = context;
    engine->publish_status = qtl_publish_run(engine->publish, &engine->publish_error);
    atomic_store_explicit(&engine->ended, true, memory_order_release);
    kill(getpid(), SIGUSR1); /* main waits for signals: tell it that the stages ended */
    return NULL;
}

static void say_status(const struct engine *engine, const char *what)
{
    const struct qtl_publish_counters *const counters = qtl_publish_counters(engine->publish);
    fprintf(stderr,
            "quintil: %s records=%" PRIuFAST64 " transitions=%" PRIuFAST64 " epochs=%" PRIuFAST64,
            what, atomic_load_explicit(&counters->records, memory_order_relaxed),
            atomic_load_explicit(&counters->transitions, memory_order_relaxed),
            atomic_load_explicit(&counters->epochs, memory_order_relaxed));
    for (int reason = 1; reason < QTL_REASON_SKIPPED; reason++) {
        const uint_fast64_t count =
            atomic_load_explicit(&counters->dead_letters[reason], memory_order_relaxed);
        if (count > 0) {
            fprintf(stderr, " dead_letters_%s=%" PRIuFAST64,
                    qtl_reason_code((enum qtl_reason)reason), count);
        }
    }
    const uint_fast64_t skipped = atomic_load_explicit(&counters->skipped, memory_order_relaxed);
    if (skipped > 0) {
        fprintf(stderr, " skipped=%" PRIuFAST64, skipped);
    }
    if (engine->redis != NULL) {
        qtl_command_run_redis_say(engine->redis);
    }
    fprintf(stderr, "\n");
}

/* Waits for a signal that ends the run, or for the stages to end. True: asked to stop. */
static bool wait_for_end(struct engine *engine, const sigset_t *signals)
{
    const struct timespec period = {.tv_sec = STATUS_EVERY_S};
    uint64_t said = 0;
    for (;;) {
        const int signal = sigtimedwait(signals, NULL, &period);
        if (atomic_load_explicit(&engine->ended, memory_order_acquire)) {
            return false;
        }
        if (signal == SIGINT || signal == SIGTERM) {
            return true;
        }
        const uint64_t records = qtl_ingest_records(engine->ingest);
        if (signal < 0 && !engine->quiet && records != said) {
            say_status(engine, "running");
            said = records;
        }
    }
}

/* The signals that main waits for, blocked in every thread. */
static sigset_t awaited_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGUSR1);
    return signals;
}

/* Runs the stages until they end or a signal asks for it. A second signal ends at once. */
static void run_stages(struct engine *engine, bool *asked)
{
    const sigset_t signals = awaited_signals();
    pthread_t ingest;
    pthread_t publish;
    QTL_ASSERT(pthread_create(&publish, NULL, run_publish, engine) == 0);
    QTL_ASSERT(pthread_create(&ingest, NULL, run_ingest, engine) == 0);
    *asked = wait_for_end(engine, &signals);
    if (*asked) {
        qtl_ingest_stop(engine->ingest);
        while (!atomic_load_explicit(&engine->ended, memory_order_acquire)) {
            int signal = 0;
            sigwait(&signals, &signal);
            if (signal == SIGINT || signal == SIGTERM) {
                _exit(1);
            }
        }
    }
    QTL_ASSERT(pthread_join(ingest, NULL) == 0);
    QTL_ASSERT(pthread_join(publish, NULL) == 0);
    qtl_shards_stop(engine->shards);
    engine->shards = NULL;
}

/* Ends shards that were started and never got an epoch. */
static void end_shards(struct engine *engine)
{
    if (engine->shards != NULL) {
        qtl_shards_submit_end(engine->shards);
        QTL_ASSERT(qtl_shards_collect(engine->shards) == NULL);
        qtl_shards_stop(engine->shards);
        engine->shards = NULL;
    }
}

/* The Redis sink reads what is committed, with a reader of its own. */
static enum qtl_status start_redis(struct engine *engine, struct qtl_error *error)
{
    if (!qtl_command_run_redis_wanted(engine->config)) {
        return QTL_OK;
    }
    const struct qtl_local_reader_options options = {.wait_outputs = true};
    struct qtl_log_reader *reader = NULL;
    const enum qtl_status status =
        qtl_local_reader_open(engine->config->data_folder, &options, &reader, error);
    return status == QTL_OK
               ? qtl_command_run_redis_start(engine->config, engine->quiet, engine->slice_count,
                                             &reader, &engine->redis, error)
               : status;
}

static void fini(struct engine *engine)
{
    qtl_redis_sink_stop(engine->redis);
    qtl_ingest_free(engine->ingest);
    qtl_publish_free(engine->publish);
    qtl_ring_free(engine->returned);
    for (int i = 0; i < EPOCHS; i++) {
        qtl_epoch_free(engine->epochs[i]);
    }
    for (int i = 0; i < QTL_STREAMS; i++) {
        qtl_decoder_free(engine->decoders[i]);
    }
    for (size_t i = 0; engine->slices != NULL && i < engine->slice_count; i++) {
        qtl_slice_free(engine->slices[i]);
    }
    free(engine->slices);
    free(engine->ledgers);
    if (engine->reader != NULL) {
        engine->reader->ops->free(engine->reader);
    }
    if (engine->writer != NULL) {
        engine->writer->ops->free(engine->writer);
    }
}

/* How one life went. */
struct life {
    bool asked;      /* a signal asked for its end */
    bool started;    /* it got as far as starting the stages */
    uint64_t epochs; /* committed */
};

/* From the running stages to how they ended. */
static enum qtl_status work(struct engine *engine, struct life *life, struct qtl_error *error)
{
    const sigset_t signals = awaited_signals();
    life->started = true;
    run_stages(engine, &life->asked);
    life->epochs =
        atomic_load_explicit(&qtl_publish_counters(engine->publish)->epochs, memory_order_relaxed);
    const bool ingest_failed = engine->ingest_status != QTL_OK;
    enum qtl_status status = ingest_failed ? engine->ingest_status : engine->publish_status;
    *error = ingest_failed ? engine->ingest_error : engine->publish_error;
    if (status == QTL_OK && engine->redis != NULL && engine->drain && !life->asked) {
        status = qtl_command_run_redis_drain(engine->config, engine->redis, &signals, error);
        life->asked = true; /* the engine itself is done: there is nothing to do anew */
    }
    if (!engine->quiet) {
        say_status(engine, "stopped");
    }
    return status;
}

static enum qtl_status live(const struct qtl_config *config, const struct qtl_rules *rules,
                            const struct qtl_run_options *options, struct life *life,
                            struct qtl_error *error)
{
    struct engine engine = {
        .config = config, .rules = rules, .drain = options->drain, .quiet = options->quiet};
    atomic_init(&engine.ended, false);
    enum qtl_status status = open_log(&engine, error);
    if (status == QTL_OK) {
        status = take_assignment(&engine);
    }
    if (status == QTL_OK) {
        status = recover(&engine, error);
    }
    if (status == QTL_OK) {
        status = build_stages(&engine, error);
        if (status != QTL_OK) {
            end_shards(&engine);
        }
    }
    if (status == QTL_OK && !options->quiet) {
        fprintf(stderr, "quintil: running on %s, %zu partitions; end with Ctrl-C\n",
                config->data_folder, engine.slice_count);
    }
    if (status == QTL_OK && (status = start_redis(&engine, error)) != QTL_OK) {
        end_shards(&engine);
    }
    if (status == QTL_OK) {
        status = work(&engine, life, error);
    }
    fini(&engine);
    return status;
}

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

/* Only what was running and what the world may have mended by itself is worth another life. */
static bool is_worth_another(enum qtl_status status, const struct life *life)
{
    return status == QTL_IO && life->started && !life->asked;
}

/* Settings that the table has and the local log does not know yet are refused, not passed over. */
static enum qtl_status refuse_what_is_to_come(const struct qtl_config *config)
{
    if (config->delivery != QTL_DELIVERY_EXACTLY_ONCE) {
        fprintf(stderr,
                "quintil run: delivery: at_least_once comes with a later version; the local "
                "log is exactly_once\n");
        return QTL_BAD_CONF;
    }
    for (int i = 0; i < QTL_STREAMS; i++) {
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

static enum qtl_status run(struct qtl_config *config, const struct qtl_run_options *options)
{
    struct qtl_rules *rules = NULL;
    struct qtl_error error = {0};
    enum qtl_status status = refuse_what_is_to_come(config);
    if (status == QTL_OK && (status = qtl_command_run_redis_check(config, &error)) != QTL_OK) {
        fprintf(stderr, "quintil run: %s\n", error.text);
    }
    if (status == QTL_OK) {
        status = read_rules(config, &rules);
    }
    if (status != QTL_OK) {
        return status;
    }
    for (int failures = 1;; failures++) {
        struct life life = {0};
        error.text[0] = '\0';
        status = live(config, rules, options, &life, &error);
        if (life.epochs > 0) {
            failures = 1; /* it got on: this is another place */
        }
        if (!is_worth_another(status, &life) || failures == FAILURES_MAX) {
            break;
        }
        fprintf(stderr, "quintil: %s; starting anew from what is committed\n", error.text);
    }
    if (status != QTL_OK) {
        fprintf(stderr, "quintil run: %s\n", error.text);
    }
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
    const sigset_t signals = awaited_signals();
    QTL_ASSERT(pthread_sigmask(SIG_BLOCK, &signals, NULL) == 0);
    const enum qtl_status status = run(&config, &options);
    qtl_config_fini(&config);
    return qtl_status_exit_code(status);
}
