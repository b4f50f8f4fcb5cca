/*
 * `quintil generate`: a made-up shop (generator.h) into files or a log, all at once, at a
 * chosen speed, or live.
 *
 * Model time is the shop's own. At a speed, an event is due when that part of its life has passed
 * in real time. Live, the days up to now are history and written at once with their own times;
 * after that an event is stamped with the real second at which it is due, so that an engine beside
 * it sees the present, however fast the shop lives.
 *
 * Waiting is sigtimedwait(): the signals that end the command are blocked and looked for nowhere
 * else, so no handler and no flag is needed.
 */
#include "consumer/command_intake.h"
#include "consumer/commands.h"
#include "consumer/generate_options.h"
#include "consumer/generator.h"
#include "consumer/progress.h"
#include "scoring/base/hash.h"
#include "sinks/event_output.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_S INT64_C(86400)
#define LOOK_EVERY 1024 /* events between two looks at the signals and the clock */
#define NS_PER_S 1e9

struct generation {
    struct qtl_generate_options options;
    struct qtl_config config;
    struct qtl_command_intake intake; /* with a log */
    struct qtl_generator *generator;
    struct qtl_event_output *output;
    struct qtl_progress progress;
    sigset_t signals;
    int64_t start; /* the shop's first second and the end of its days */
    int64_t end;
    double begun_s;   /* monotonic */
    int64_t begun_at; /* wall, whole seconds */
    uint64_t orders;
    uint64_t engagement;
    bool in_present; /* live: the history is written and said to be */
};

static double monotonic_s(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / NS_PER_S;
}

/* Waits for so long, or less if a signal asks to stop; true: it did. */
static bool asked_to_stop(const struct generation *generation, double wait_s)
{
    wait_s = wait_s > 0 ? wait_s : 0;
    const time_t whole_s = (time_t)wait_s;
    const struct timespec wait = {.tv_sec = whole_s,
                                  .tv_nsec = (long)((wait_s - (double)whole_s) * NS_PER_S)};
    return sigtimedwait(&generation->signals, NULL, &wait) > 0;
}

/* The real seconds after the begin at which a model second is due; not above 0: at once. */
static double due_s(const struct generation *generation, int64_t second)
{
    if (generation->options.speed <= 0) {
        return 0;
    }
    const int64_t from = generation->options.live ? generation->end : generation->start;
    return (double)(second - from) / generation->options.speed;
}

/* The time that an event bears. */
static int64_t stamp(const struct generation *generation, int64_t second)
{
    if (!generation->options.live || second < generation->end || second == QTL_TIME_ABSENT) {
        return second;
    }
    return generation->begun_at + (int64_t)due_s(generation, second);
}

/* Waits until the event is due. True: the command is to end before it. */
static bool wait_until_due(struct generation *generation, int64_t second, struct qtl_error *error,
                           enum qtl_status *status)
{
    const double due = due_s(generation, second);
    const uint64_t written = generation->orders + generation->engagement;
    if (due <= 0 && written % LOOK_EVERY != 0) {
        return false;
    }
    const double elapsed = monotonic_s() - generation->begun_s;
    const double last = generation->options.for_s > 0 ? (double)generation->options.for_s : 1e18;
    if (due > elapsed && elapsed < last) { /* who reads along sees all that is due */
        *status = qtl_event_output_flush(generation->output, error);
        qtl_progress_say(&generation->progress, written, 0, 0);
    }
    const double until = due < last ? due : last;
    if (*status != QTL_OK || asked_to_stop(generation, until - elapsed)) {
        return true;
    }
    return due > last || elapsed > last;
}

/* An empty file that says to other programs what the sentence says to people. */
static enum qtl_status say_ready(const char *path, struct qtl_error *error)
{
    if (path == NULL) {
        return QTL_OK;
    }
    FILE *const file = fopen(path, "w");
    if (file == NULL || fclose(file) != 0) {
        return qtl_error_set(error, QTL_IO, "%s: cannot be written: %s", path, strerror(errno));
    }
    return QTL_OK;
}

/* The end of the history: all of it is made visible first, so that who waits for the sentence, to
 * start an engine, finds it whole. */
static enum qtl_status enter_present(struct generation *generation, struct qtl_error *error)
{
    generation->in_present = true;
    enum qtl_status status = qtl_event_output_flush(generation->output, error);
    qtl_progress_stop(&generation->progress);
    if (status == QTL_OK) {
        fprintf(stderr,
                "quintil generate: %" PRIu64 " orders and %" PRIu64
                " engagement events of history written; going on live\n",
                generation->orders, generation->engagement);
        status = say_ready(generation->options.ready_file, error);
    }
    qtl_progress_start(&generation->progress, "generate: events");
    return status;
}

static enum qtl_status write_events(struct generation *generation, struct qtl_error *error)
{
    enum qtl_status status = QTL_OK;
    struct qtl_event event;
    while (status == QTL_OK && qtl_generator_next(generation->generator, &event)) {
        const int64_t second = event.occurred_at;
        if (generation->options.live && !generation->in_present && second >= generation->end) {
            status = enter_present(generation, error);
        }
        if (status != QTL_OK || wait_until_due(generation, second, error, &status)) {
            break;
        }
        event.occurred_at = stamp(generation, second);
        event.placed_at = stamp(generation, event.placed_at);
        qtl_event_seal(&event);
        status = qtl_event_output_put(generation->output, &event, error);
        generation->orders += event.stream == QTL_STREAM_ORDERS;
        generation->engagement += event.stream == QTL_STREAM_ENGAGEMENT;
        const bool open_end = generation->options.live || generation->options.speed > 0;
        qtl_progress_step(&generation->progress, generation->orders + generation->engagement,
                          (uint64_t)(second - generation->start),
                          open_end ? 0 : (uint64_t)(generation->end - generation->start));
    }
    return status;
}

static enum qtl_status open_output(struct generation *generation, struct qtl_error *error)
{
    const struct qtl_generate_options *const options = &generation->options;
    if (options->out != NULL) {
        return qtl_event_output_open_files(options->out,
                                           options->ndjson ? QTL_EVENT_NDJSON : QTL_EVENT_CSV,
                                           &generation->output, error);
    }
    struct qtl_command_intake *const intake = &generation->intake;
    const enum qtl_status status = qtl_command_intake_open(
        intake, &generation->config, options->data, options->partitions, error);
    if (status == QTL_OK) {
        generation->output = qtl_event_output_new_log(&intake->writer, intake->partitions);
    }
    return status;
}

static enum qtl_status generate(struct generation *generation, struct qtl_error *error)
{
    const struct qtl_generate_options *const options = &generation->options;
    sigemptyset(&generation->signals);
    sigaddset(&generation->signals, SIGINT);
    sigaddset(&generation->signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &generation->signals, NULL);
    generation->begun_s = monotonic_s();
    generation->begun_at = (int64_t)time(NULL);
    generation->start =
        options->live ? generation->begun_at - options->days * DAY_S : options->start;
    generation->end = generation->start + options->days * DAY_S;
    enum qtl_status status = open_output(generation, error);
    if (status != QTL_OK) {
        return status;
    }
    generation->generator = qtl_generator_new(&(struct qtl_generator_settings){
        .seed = options->seed,
        .customers = options->customers,
        .start = generation->start,
        .end = generation->end,
        .endless = options->live,
    });
    qtl_progress_start(&generation->progress, "generate: events");
    status = write_events(generation, error);
    const enum qtl_status closed =
        qtl_event_output_close(&generation->output, status == QTL_OK ? error : NULL);
    qtl_progress_stop(&generation->progress);
    return status == QTL_OK ? closed : status;
}

int qtl_command_generate(int argc, char **argv)
{
    struct generation generation = {0};
    int code = 0;
    qtl_config_init(&generation.config);
    if (!qtl_generate_options_parse(&generation.options, &generation.config, argc, argv, &code)) {
        qtl_config_fini(&generation.config);
        return code;
    }
    struct qtl_error error = {{0}};
    const enum qtl_status status = generate(&generation, &error);
    if (status != QTL_OK) {
        fprintf(stderr, "quintil generate: %s\n", error.text);
    } else {
        fprintf(stderr,
                "quintil generate: %" PRIu64 " orders and %" PRIu64 " engagement events of %" PRIu32
                " customers written to %s\n",
                generation.orders, generation.engagement,
                qtl_generator_customers(generation.generator),
                generation.options.out != NULL ? generation.options.out : generation.intake.place);
    }
    qtl_config_fini(&generation.config);
    qtl_generator_free(generation.generator);
    return qtl_status_exit_code(status);
}
