/* See generate_options.h. */
#include "consumer/generate_options.h"

#include "consumer/config_options.h"
#include "consumer/decode.h"
#include "consumer/instant.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAYS_MAX 36500
#define DAY_S INT64_C(86400)
#define START_DEFAULT INT64_C(1735689600) /* 2025-01-01: fixed, so that a seed says all */

static const char help[] =
    "usage: quintil generate --out FOLDER [options]\n"
    "       quintil generate --data FOLDER [options]\n"
    "       quintil generate -c FILE [options]\n"
    "\n"
    "Makes up a shop: customers who buy as in the Pareto/NBD model and pay as in the gamma-gamma\n"
    "model (CDNOW's parameters), with mail, visits, carts, cancelled, amended and returned orders\n"
    "around it. Events come in the order of their times; the same seed makes the same shop.\n"
    "\n"
    "  --out FOLDER       writes orders.csv and engagement.csv there\n"
    "  --format csv|ndjson  what is written to --out (default csv)\n"
    "  --data FOLDER      appends to the local log there, which is made if need be\n"
    "  -c, --config FILE  appends to the log of this configuration, the local one or Kafka's\n"
    "  --set NAME=VALUE   one setting of it, e.g. kafka.brokers=localhost:9092; -c may be left "
    "out\n"
    "  --partitions N     partitions of a log, or of topics, that are made (default 4)\n"
    "  --customers N      customers who join, spread over the days (default 1000)\n"
    "  --days D           how long the shop lives (default 365)\n"
    "  --seed S           a whole number; another one makes another shop (default 1)\n"
    "  --start T          its first second, ISO 8601 or seconds since 1970 (default 2025-01-01)\n"
    "  --speed X          lets the shop live X times as fast as real time; 0 writes all at once,\n"
    "                     which is the default without --live\n"
    "  --live             the shop's days end now: what happened so far is written at once, then\n"
    "                     it goes on in the present, X times as fast (default 1), every event\n"
    "                     stamped with the time at which it is written; it takes no --start.\n"
    "                     Says so between the two: the time to start an engine that has not\n"
    "                     seen the log yet, for history belongs before its first start\n"
    "  --ready-file FILE  makes this empty file when it says that\n"
    "  --for SECONDS      ends after so many seconds of real time\n"
    "  --help             this text\n"
    "\n"
    "Ctrl-C ends it cleanly: what was written is whole.\n"
    "exit codes: 0 done, 1 a file or the log cannot be written, 2 the command line is wrong\n";

enum option_code {
    OPTION_OUT = 256,
    OPTION_FORMAT,
    OPTION_DATA,
    OPTION_SET,
    OPTION_READY_FILE,
    OPTION_PARTITIONS,
    OPTION_CUSTOMERS,
    OPTION_DAYS,
    OPTION_SEED,
    OPTION_START,
    OPTION_SPEED,
    OPTION_LIVE,
    OPTION_FOR,
    OPTION_HELP,
};

static const struct option long_options[] = {
    {"out", required_argument, NULL, OPTION_OUT},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"data", required_argument, NULL, OPTION_DATA},
    {"config", required_argument, NULL, 'c'},
    {"set", required_argument, NULL, OPTION_SET},
    {"ready-file", required_argument, NULL, OPTION_READY_FILE},
    {"partitions", required_argument, NULL, OPTION_PARTITIONS},
    {"customers", required_argument, NULL, OPTION_CUSTOMERS},
    {"days", required_argument, NULL, OPTION_DAYS},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"start", required_argument, NULL, OPTION_START},
    {"speed", required_argument, NULL, OPTION_SPEED},
    {"live", no_argument, NULL, OPTION_LIVE},
    {"for", required_argument, NULL, OPTION_FOR},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static bool parse_number(const char *name, uint64_t min, uint64_t max, uint64_t *number)
{
    char *end = NULL;
    errno = 0;
    const unsigned long long value = strtoull(optarg, &end, 10);
    if (errno != 0 || end == optarg || *end != '\0' || strchr(optarg, '-') != NULL || value < min ||
        value > max) {
        fprintf(stderr, "quintil generate: --%s %s: expected a whole number from %llu to %llu\n",
                name, optarg, (unsigned long long)min, (unsigned long long)max);
        return false;
    }
    *number = value;
    return true;
}

static bool parse_format(struct qtl_generate_options *options)
{
    options->ndjson = strcmp(optarg, "ndjson") == 0;
    if (!options->ndjson && strcmp(optarg, "csv") != 0) {
        fprintf(stderr, "quintil generate: --format %s: expected csv or ndjson\n", optarg);
        return false;
    }
    return true;
}

static bool parse_start(struct qtl_generate_options *options)
{
    const struct qtl_text text = {optarg, (uint32_t)strlen(optarg)};
    if (qtl_instant_parse(text, (struct qtl_conversion){0}, &options->start) &&
        options->start >= QTL_EVENT_TIME_MIN && options->start <= QTL_EVENT_TIME_MAX) {
        return true;
    }
    fprintf(stderr,
            "quintil generate: --start %s: expected ISO 8601 or seconds since 1970, from 1990 to "
            "2100\n",
            optarg);
    return false;
}

static bool parse_speed(struct qtl_generate_options *options)
{
    char *end = NULL;
    options->speed = strtod(optarg, &end);
    if (end == optarg || *end != '\0' || !isfinite(options->speed) || options->speed < 0) {
        fprintf(stderr, "quintil generate: --speed %s: expected a number, 0 or more\n", optarg);
        return false;
    }
    return true;
}

static bool parse_set(struct qtl_generate_options *options, struct qtl_config *config)
{
    struct qtl_error error = {0};
    options->has_config = true;
    if (qtl_config_set(config, optarg, &error) == QTL_OK) {
        return true;
    }
    fprintf(stderr, "quintil generate: %s\n", error.text);
    return false;
}

static bool parse_option(struct qtl_generate_options *options, struct qtl_config *config, int code)
{
    uint64_t number = 0;
    bool good = true;
    switch (code) {
    case OPTION_OUT:
        options->out = optarg;
        return true;
    case OPTION_FORMAT:
        return parse_format(options);
    case OPTION_DATA:
        options->data = optarg;
        return true;
    case 'c':
        options->has_config = true;
        return true; /* read already */
    case OPTION_SET:
        return parse_set(options, config);
    case OPTION_READY_FILE:
        options->ready_file = optarg;
        return true;
    case OPTION_PARTITIONS:
        good = parse_number("partitions", 1, 4096, &number);
        options->partitions = (int32_t)number;
        return good;
    case OPTION_CUSTOMERS:
        good = parse_number("customers", 1, 1000000000, &number);
        options->customers = (uint32_t)number;
        return good;
    case OPTION_DAYS:
        good = parse_number("days", 1, DAYS_MAX, &number);
        options->days = (int64_t)number;
        return good;
    case OPTION_SEED:
        return parse_number("seed", 0, UINT64_MAX, &options->seed);
    case OPTION_START:
        return parse_start(options);
    case OPTION_SPEED:
        return parse_speed(options);
    case OPTION_LIVE:
        options->live = true;
        return true;
    case OPTION_FOR:
        good = parse_number("for", 1, UINT32_MAX, &number);
        options->for_s = (int64_t)number;
        return good;
    default:
        fprintf(stderr, "quintil generate: see 'quintil generate --help'\n");
        return false;
    }
}

static const char *contradiction(const struct qtl_generate_options *options)
{
    const int places =
        (options->out != NULL) + (options->data != NULL) + (options->has_config ? 1 : 0);
    if (places != 1) {
        return "expected --out FOLDER, --data FOLDER or -c FILE, one of them";
    }
    if (options->ndjson && options->out == NULL) {
        return "--format goes with --out; a log holds JSON";
    }
    if (options->partitions > 0 && options->out != NULL) {
        return "--partitions goes with a log";
    }
    if (options->ready_file != NULL && !options->live) {
        return "--ready-file goes with --live";
    }
    if (options->live && options->start != QTL_TIME_ABSENT) {
        return "--live ends its days now: it takes no --start";
    }
    if (!options->live && options->start + options->days * DAY_S > QTL_EVENT_TIME_MAX) {
        return "the days must be over before 2101: nothing ends later";
    }
    if (options->live && options->speed == 0) {
        return "--live needs a --speed above 0";
    }
    return NULL;
}

/* Whether it went well; says where it did not. */
static bool is_good(enum qtl_status status, const struct qtl_error *error)
{
    if (status != QTL_OK) {
        fprintf(stderr, "quintil generate: %s\n", error->text);
    }
    return status == QTL_OK;
}

bool qtl_generate_options_parse(struct qtl_generate_options *options, struct qtl_config *config,
                                int argc, char **argv, int *code)
{
    *options = (struct qtl_generate_options){
        .customers = 1000, .days = 365, .seed = 1, .start = QTL_TIME_ABSENT, .speed = -1};
    *code = 2;
    struct qtl_error error = {0};
    if (!is_good(qtl_config_options_read(config, argc, argv, long_options, &error), &error)) {
        return false;
    }
    int option = 0;
    while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) != -1) {
        if (option == OPTION_HELP) {
            fputs(help, stdout);
            *code = 0;
            return false;
        }
        if (!parse_option(options, config, option)) {
            return false;
        }
    }
    if (options->speed < 0) { /* not given */
        options->speed = options->live ? 1 : 0;
    }
    if (options->start == QTL_TIME_ABSENT && !options->live) {
        options->start = START_DEFAULT;
    }
    const char *const wrong = optind < argc ? "expected options only" : contradiction(options);
    if (wrong != NULL) {
        fprintf(stderr, "quintil generate: %s; see 'quintil generate --help'\n", wrong);
        return false;
    }
    return is_good(qtl_config_finish(config, &error), &error);
}
