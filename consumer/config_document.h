/*
 * docs/CONFIGURATION.md, written from the tables of settings and fields, so that it cannot say
 * anything else than the program does. tests/unit/test_config.c holds the file against this.
 */
#ifndef QTL_CONSUMER_CONFIG_DOCUMENT_H
#define QTL_CONSUMER_CONFIG_DOCUMENT_H

#include <stdio.h>

void qtl_config_document_print(FILE *out);

/* The settings for a command's --help, one line each. */
void qtl_config_document_print_help(FILE *out);

#endif
