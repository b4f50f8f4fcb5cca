/*
 * `-c FILE` among a command's options: the file is read first, wherever it stands, so that `--set`
 * and options of their own go over it.
 *
 * Threads: main (getopt).
 */
#ifndef QTL_CONSUMER_CONFIG_OPTIONS_H
#define QTL_CONSUMER_CONFIG_OPTIONS_H

#include "consumer/config.h"

struct option; /* getopt.h */

/* Reads every `-c` of the command line, which has these options beside it; leaves getopt to begin
 * anew. What is wrong with a file is printed with its places; the sentence then says only that
 * there is something. */
QTL_CHECKED enum qtl_status qtl_config_options_read(struct qtl_config *config, int argc,
                                                    char **argv, const struct option *options,
                                                    struct qtl_error *error);

#endif
