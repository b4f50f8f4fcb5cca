/*
 * See command_run_engine.h. The stages run in their own threads: ingest, the shards, publish; the
 * main thread waits for signals and for their end.
 */
#include "consumer/command_run_engine.h"

#include "consumer/command_run_log.h"
#include "consumer/command_run_redis.h"
#include "consumer/config.h"
#include "consumer/decode.h"
#include "consumer/ingest.h"
#include "consumer/recovery.h"
#include "consumer/run_options.h"
#include "consumer/shape.h"
#include "consumer/stream.h"
#include "scoring/base/assert.h"
#include "scoring/base/ring.h"
#include "scoring/shards.h"
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

enum { EPOCHS = 4, STATUS_EVERY_S = 10 };

/* One life of the engine, from recovery to the last commit. */
struct engine {
    struct qtl_command_run_log *log;
    const struct qtl_run_options *options;
    const struct qtl_config *config;
    const struct qtl_rules *rules;
    struct qtl_log_reader *reader; /* the log's */
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
    /* Set by their threads, read after they ended. */
    enum qtl_status ingest_status;
    enum qtl_status publish_status;
    struct qtl_error ingest_error;
    struct qtl_error publish_error;
    /* Written by ingest as it ends, read by main. */
    atomic_bool ended;
};

static enum qtl_status recover(struct engine *engine, struct qtl_error *error)
{
    const struct qtl_slice_settings settings = {
        .rules = engine->rules, .duplicate_horizon_s = engine->config->duplicate_horizon_s};
    engine->slices = calloc(engine->slice_count, sizeof(struct qtl_slice *));
    engine->ledgers = calloc(engine->slice_count, sizeof(*engine->ledgers));
    QTL_ASSERT(engine->slices != NULL && engine->ledgers != NULL);
    for (size_t i = 0; i < engine->slice_count; i++) {
        engine->slices[i] = engine->log->owned[i] ? qtl_slice_new(&settings) : NULL;
    }
    const struct qtl_recovery_settings recovery = {.reader = engine->reader,
                                                   .config = engine->config,
                                                   .rules = engine->rules,
                                                   .look_around = qtl_command_run_log_look,
                                                   .context = engine->log,
                                                   .offsets_from_state =
                                                       engine->options->offsets_from_state};
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
        .writer = engine->log->writer,
        .token = engine->reader->ops->token(engine->reader),
        .shards = engine->shards,
        .returned = engine->returned,
        .ledgers = engine->ledgers,
        .slice_count = engine->slice_count,
        .versions = {.rules = engine->rules->version,
                     .shape = qtl_shape_hash(engine->config, engine->rules)},
        .transitions = {.is_avro = engine->config->transitions_format == QTL_FORMAT_AVRO,
                        .framing = (uint8_t)engine->config->transitions_framing,
                        .schema_id = (uint32_t)engine->config->transitions_schema_id},
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
        .drain = engine->options->drain,
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
        if (signal < 0 && !engine->options->quiet && records != said) {
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
    const struct qtl_command_run_log *const log = engine->log;
    struct qtl_log_reader *reader = NULL;
    if (!qtl_command_run_redis_wanted(engine->config)) {
        return QTL_OK;
    }
    const enum qtl_status status = qtl_command_run_log_watch(log, &reader, error);
    return status == QTL_OK ? qtl_command_run_redis_start(log, engine->options->quiet, &reader,
                                                          &engine->redis, error)
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
}

static void say_running(const struct engine *engine)
{
    const struct qtl_command_run_log *const log = engine->log;
    if (engine->options->quiet) {
        return;
    }
    if (log->is_kafka) {
        fprintf(stderr, "quintil: running on %s as %s, %zu of %zu partitions; end with Ctrl-C\n",
                qtl_command_run_log_place(log), log->instance, log->owned_count, log->slice_count);
    } else {
        fprintf(stderr, "quintil: running on %s, %zu partitions; end with Ctrl-C\n",
                qtl_command_run_log_place(log), log->slice_count);
    }
}

/* The stages ran and ended: how it went. */
static enum qtl_status sum_up(struct engine *engine, struct qtl_command_run_life *life,
                              struct qtl_error *error)
{
    life->epochs =
        atomic_load_explicit(&qtl_publish_counters(engine->publish)->epochs, memory_order_relaxed);
    life->revoked = qtl_ingest_is_revoked(engine->ingest);
    /* The name that was lost says more than what it entailed. */
    const bool is_ingest = engine->publish_status != QTL_LOST && engine->ingest_status != QTL_OK;
    *error = is_ingest ? engine->ingest_error : engine->publish_error;
    enum qtl_status status = is_ingest ? engine->ingest_status : engine->publish_status;
    if (status == QTL_OK && engine->redis != NULL && engine->options->drain && !life->asked &&
        !life->revoked) {
        const sigset_t signals = awaited_signals();
        status = qtl_command_run_redis_drain(engine->log, engine->redis, &signals, error);
        life->asked = true; /* the engine itself is done: there is nothing to do anew */
    }
    if (!engine->options->quiet) {
        say_status(engine, "stopped");
    }
    return status;
}

enum qtl_status qtl_command_run_engine_live(struct qtl_command_run_log *log,
                                            const struct qtl_rules *rules,
                                            const struct qtl_run_options *options,
                                            struct qtl_command_run_life *life,
                                            struct qtl_error *error)
{
    struct engine engine = {.log = log,
                            .options = options,
                            .config = log->config,
                            .rules = rules,
                            .reader = log->reader,
                            .slice_count = log->slice_count};
    atomic_init(&engine.ended, false);
    enum qtl_status status = recover(&engine, error);
    if (status == QTL_OK) {
        status = build_stages(&engine, error);
        if (status != QTL_OK) {
            end_shards(&engine);
        }
    }
    if (status == QTL_OK) {
        say_running(&engine);
        status = start_redis(&engine, error);
        if (status != QTL_OK) {
            end_shards(&engine);
        }
    }
    if (status == QTL_OK) {
        life->started = true;
        run_stages(&engine, &life->asked);
        status = sum_up(&engine, life, error);
    }
    fini(&engine);
    return status;
}
