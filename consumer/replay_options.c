/* See replay_options.h. */
#include "consumer/replay_options.h"

#include "consumer/config_file.h"
#include "consumer/instant.h"
#include "consumer/rule_file.h"
#include "scoring/base/assert.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: quintil replay --rules R --orders F [--engagement F] [--customers F] [options]\n"
    "\n"
    "Applies recorded events in the order of their times and writes the transitions as NDJSON,\n"
    "ordered by (at, customer_id, sequence).\n"
    "\n"
    "  --rules R          the rule file (docs/RULES.md)\n"
    "  --orders F         orders: CSV with header, NDJSON or Avro, by the name's ending; - is\n"
    "                     standard input. May be given more than once, as may the next two\n"
    "  --engagement F     engagement\n"
    "  --customers F      customer profiles\n"
    "  -c FILE            configuration: where the fields of NDJSON and Avro stand, base "
    "currency,\n"
    "                     rules\n"
    "  --set NAME=VALUE   one setting of it\n"
    "  --format F         csv, ndjson or avro: what the files are, whatever their names; needed\n"
    "                     for -\n"
    "  --to T             the last clock: seconds since 1970 or ISO 8601 in UTC; later records\n"
    "                     are not applied. Default: the last event's second\n"
    "  --output F         transitions go there instead of standard output\n"
    "  --state F          every customer's final state as NDJSON\n"
    "  --shards N         threads that score (default: the processors)\n"
    "  --slices N         parts of the state (default: as many as shards)\n"
    "  --epoch-records N  records an epoch at most (default 65536)\n"
    "  --help             this text\n"
    "\n"
    "The result is the same for any number of shards, slices and records an epoch.\n"
    "Bad records are left out, counted and named on standard error with file and line.\n"
    "exit codes: 0 done, 1 a file cannot be read or written, 2 the command line or the rules are "
    "wrong\n";

enum option_code {
    OPTION_RULES = 256,
    OPTION_ORDERS,
    OPTION_ENGAGEMENT,
    OPTION_CUSTOMERS,
    OPTION_FORMAT,
    OPTION_TO,
    OPTION_OUTPUT,
    OPTION_STATE,
    OPTION_SHARDS,
    OPTION_SLICES,
    OPTION_EPOCH_RECORDS,
    OPTION_SET,
    OPTION_HELP,
};

static const struct option long_options[] = {
    {"rules", required_argument, NULL, OPTION_RULES},
    {"orders", required_argument, NULL, OPTION_ORDERS},
    {"engagement", required_argument, NULL, OPTION_ENGAGEMENT},
    {"customers", required_argument, NULL, OPTION_CUSTOMERS},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"to", required_argument, NULL, OPTION_TO},
    {"output", required_argument, NULL, OPTION_OUTPUT},
    {"state", required_argument, NULL, OPTION_STATE},
    {"shards", required_argument, NULL, OPTION_SHARDS},
    {"slices", required_argument, NULL, OPTION_SLICES},
    {"epoch-records", required_argument, NULL, OPTION_EPOCH_RECORDS},
    {"config", required_argument, NULL, 'c'},
    {"set", required_argument, NULL, OPTION_SET},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static bool add_file(struct qtl_replay_options *options, enum qtl_stream stream, const char *path)
{
    struct qtl_replay_file *const grown =
        realloc(options->files, (options->file_count + 1) * sizeof(*grown));
    QTL_ASSERT(grown != NULL);
    options->files = grown;
    options->files[options->file_count++] =
        (struct qtl_replay_file){.path = path, .stream = stream};
    return true;
}

static bool parse_count(const char *name, const char *text, size_t max, size_t *count)
{
    char *end = NULL;
    errno = 0;
    const unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || value < 1 || value > max) {
        fprintf(stderr, "quintil replay: --%s %s: expected a whole number from 1 to %zu\n", name,
                text, max);
        return false;
    }
    *count = value;
    return true;
}

static bool parse_format(struct qtl_replay_options *options, const char *text)
{
    if (qtl_record_file_format(text, &options->format)) {
        return true;
    }
    fprintf(stderr, "quintil replay: --format %s: expected csv, ndjson or avro\n", text);
    return false;
}

static bool parse_to(struct qtl_replay_options *options, const char *text)
{
    const struct qtl_text value = {text, (uint32_t)strlen(text)};
    const struct qtl_conversion any = {0};
    if (qtl_instant_parse(value, any, &options->to) && options->to >= QTL_EVENT_TIME_MIN &&
        options->to <= QTL_EVENT_TIME_MAX) {
        return true;
    }
    fprintf(stderr,
            "quintil replay: --to %s: expected seconds since 1970 or ISO 8601, from 1990 to 2100\n",
            text);
    return false;
}

static bool read_config(struct qtl_replay_options *options, const char *path)
{
    struct qtl_problems problems = {0};
    const enum qtl_status status = qtl_config_file_read(path, &options->config, &problems);
    if (status != QTL_OK) {
        qtl_rule_file_report(path, &problems, stderr);
    }
    qtl_problems_fini(&problems);
    return status == QTL_OK;
}

static bool set(struct qtl_replay_options *options, const char *assignment)
{
    struct qtl_error error = {0};
    const enum qtl_status status = qtl_config_set(&options->config, assignment, &error);
    if (status != QTL_OK) {
        fprintf(stderr, "quintil replay: %s\n", error.text);
    }
    return status == QTL_OK;
}

/* What only the whole can tell: settings that go together, where the rules are. */
static bool finish(struct qtl_replay_options *options)
{
    struct qtl_error error = {0};
    if (qtl_config_finish(&options->config, &error) != QTL_OK) {
        fprintf(stderr, "quintil replay: %s\n", error.text);
        return false;
    }
    if (options->rules == NULL && options->config.rules[0] != '\0') {
        options->rules = options->config.rules;
    }
    return true;
}

static bool parse_option(struct qtl_replay_options *options, int code)
{
    switch (code) {
    case OPTION_RULES:
        options->rules = optarg;
        return true;
    case OPTION_ORDERS:
        return add_file(options, QTL_STREAM_ORDERS, optarg);
    case OPTION_ENGAGEMENT:
        return add_file(options, QTL_STREAM_ENGAGEMENT, optarg);
    case OPTION_CUSTOMERS:
        return add_file(options, QTL_STREAM_CUSTOMERS, optarg);
    case OPTION_FORMAT:
        return parse_format(options, optarg);
    case OPTION_TO:
        return parse_to(options, optarg);
    case OPTION_OUTPUT:
        options->output = optarg;
        return true;
    case OPTION_STATE:
        options->state = optarg;
        return true;
    case OPTION_SHARDS:
        return parse_count("shards", optarg, 256, &options->shards);
    case OPTION_SLICES:
        return parse_count("slices", optarg, 4096, &options->slices);
    case 'c':
        return read_config(options, optarg);
    case OPTION_SET:
        return set(options, optarg);
    case OPTION_EPOCH_RECORDS:
        return parse_count("epoch-records", optarg, 1U << 20, &options->epoch_records);
    default:
        fprintf(stderr, "quintil replay: see 'quintil replay --help'\n");
        return false;
    }
}

static bool is_complete(const struct qtl_replay_options *options, int argc, char **argv)
{
    if (optind < argc) {
        fprintf(stderr,
                "quintil replay: %s: expected an option; files come with --orders, --engagement or "
                "--customers, one option a file\n",
                argv[optind]);
        return false;
    }
    if (options->rules == NULL) {
        fprintf(stderr, "quintil replay: no rules; expected --rules FILE\n");
        return false;
    }
    if (options->file_count == 0) {
        fprintf(stderr, "quintil replay: no input; expected --orders FILE or --engagement FILE\n");
        return false;
    }
    return true;
}

bool qtl_replay_options_parse(struct qtl_replay_options *options, int argc, char **argv, int *code)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    *options = (struct qtl_replay_options){.to = QTL_TIME_ABSENT,
                                           .shards = processors > 0 ? (size_t)processors : 1,
                                           .epoch_records = 65536};
    qtl_config_init(&options->config);
    optind = 1;
    int option = 0;
    while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) != -1) {
        if (option == OPTION_HELP) {
            fputs(help, stdout);
            *code = 0;
            goto out;
        }
        if (!parse_option(options, option)) {
            *code = 2;
            goto out;
        }
    }
    if (!finish(options) || !is_complete(options, argc, argv)) {
        *code = 2;
        goto out;
    }
    if (options->slices == 0) {
        options->slices = options->shards;
    }
    return true;
out:
    qtl_replay_options_fini(options);
    return false;
}

void qtl_replay_options_fini(struct qtl_replay_options *options)
{
    qtl_config_fini(&options->config);
    free(options->files);
    options->files = NULL;
    options->file_count = 0;
}
