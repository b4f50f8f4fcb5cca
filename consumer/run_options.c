/* See run_options.h. */
#include "consumer/run_options.h"

#include "consumer/config_document.h"
#include "consumer/config_options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: quintil run [-c FILE] [options]\n"
    "\n"
    "Reads the streams of the local log or of Kafka, keeps every customer's segments and commits\n"
    "the transitions to quintil.transitions, once. Without a configuration: the local log in\n"
    "./quintil-data and the built-in rules `shop`. Feed that with 'quintil append', read it with\n"
    "'quintil read quintil.transitions --follow'. With kafka.brokers set: Kafka\n"
    "(docs/OPERATIONS.md).\n"
    "\n"
    "  -c, --config FILE     the configuration (docs/CONFIGURATION.md)\n"
    "      --set NAME=VALUE  one setting, over what the file says; may be given more than once\n"
    "      --data DIR        the log's folder, as --set data_folder=DIR\n"
    "      --rules FILE      the rule file, as --set rules=FILE\n"
    "      --drain           end once everything that is there is read and committed\n"
    "      --quiet           only errors on standard error\n"
    "      --offsets-from-state\n"
    "                        go on where the last records of quintil.state end, for a group of\n"
    "                        Kafka's whose offsets ran out because nothing ran for a week\n"
    "      --help            this text\n"
    "\n"
    "Ends cleanly on SIGINT or SIGTERM; a second one ends it at once, and nothing is lost by that\n"
    "either. exit codes: 0 done, 1 the world failed, 2 the command line, the configuration or the\n"
    "rules are wrong\n";

enum option_code {
    OPTION_SET = 256,
    OPTION_DATA,
    OPTION_RULES,
    OPTION_DRAIN,
    OPTION_QUIET,
    OPTION_OFFSETS_FROM_STATE,
    OPTION_HELP
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"set", required_argument, NULL, OPTION_SET},
    {"data", required_argument, NULL, OPTION_DATA},
    {"rules", required_argument, NULL, OPTION_RULES},
    {"drain", no_argument, NULL, OPTION_DRAIN},
    {"quiet", no_argument, NULL, OPTION_QUIET},
    {"offsets-from-state", no_argument, NULL, OPTION_OFFSETS_FROM_STATE},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static enum qtl_status set(struct qtl_config *config, const char *name, const char *value,
                           struct qtl_error *error)
{
    char assignment[4200];
    if (snprintf(assignment, sizeof(assignment), "%s=%s", name, value) >= (int)sizeof(assignment)) {
        return qtl_error_set(error, QTL_BAD_CONF, "--%s: the value is too long", name);
    }
    return qtl_config_set(config, assignment, error);
}

static enum qtl_status apply(struct qtl_run_options *options, struct qtl_config *config, int option,
                             struct qtl_error *error)
{
    switch (option) {
    case 'c':
        return QTL_OK; /* read already */
    case OPTION_SET:
        return qtl_config_set(config, optarg, error);
    case OPTION_DATA:
        return set(config, "data_folder", optarg, error);
    case OPTION_RULES:
        return set(config, "rules", optarg, error);
    case OPTION_DRAIN:
        options->drain = true;
        return QTL_OK;
    case OPTION_QUIET:
        options->quiet = true;
        return QTL_OK;
    case OPTION_OFFSETS_FROM_STATE:
        options->offsets_from_state = true;
        return QTL_OK;
    default:
        return qtl_error_set(error, QTL_BAD_CONF, "see 'quintil run --help'");
    }
}

bool qtl_run_options_parse(struct qtl_run_options *options, struct qtl_config *config, int argc,
                           char **argv, int *code)
{
    struct qtl_error error = {0};
    *options = (struct qtl_run_options){0};
    qtl_config_init(config);
    enum qtl_status status = qtl_config_options_read(config, argc, argv, long_options, &error);
    int option = 0;
    while (status == QTL_OK && (option = getopt_long(argc, argv, "c:", long_options, NULL)) != -1) {
        if (option == OPTION_HELP) {
            fputs(help, stdout);
            printf("\nsettings:\n");
            qtl_config_document_print_help(stdout);
            qtl_config_fini(config);
            *code = 0;
            return false;
        }
        status = apply(options, config, option, &error);
    }
    if (status == QTL_OK && optind < argc) {
        status =
            qtl_error_set(&error, QTL_BAD_CONF, "%s: expected an option, see --help", argv[optind]);
    }
    if (status == QTL_OK) {
        status = qtl_config_finish(config, &error);
    }
    if (status == QTL_OK) {
        return true;
    }
    fprintf(stderr, "quintil run: %s\n", error.text);
    qtl_config_fini(config);
    *code = qtl_status_exit_code(status);
    return false;
}
