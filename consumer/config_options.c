/* See config_options.h. */
#include "consumer/config_options.h"

#include "consumer/config_file.h"
#include "consumer/rule_file.h"

#include <getopt.h>
#include <stdio.h>

static enum qtl_status read_file(struct qtl_config *config, const char *path,
                                 struct qtl_error *error)
{
    struct qtl_problems problems = {0};
    const enum qtl_status status = qtl_config_file_read(path, config, &problems);
    if (status != QTL_OK) {
        qtl_rule_file_report(path, &problems, stderr);
        qtl_error_set(error, status, "the configuration is not usable as it is");
    }
    qtl_problems_fini(&problems);
    return status;
}

enum qtl_status qtl_config_options_read(struct qtl_config *config, int argc, char **argv,
                                        const struct option *options, struct qtl_error *error)
{
    enum qtl_status status = QTL_OK;
    int option = 0;
    optind = 1;
    opterr = 0; /* the second pass complains */
    while (status == QTL_OK && (option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
        if (option == 'c') {
            status = read_file(config, optarg, error);
        }
    }
    opterr = 1;
    optind = 1;
    return status;
}
