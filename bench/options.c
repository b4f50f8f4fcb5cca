/*
 * See options.h. getopt_long would want a second table and a switch in every program, for no more
 * than pairs of a name and a value.
 */
#include "bench/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_help(const struct qtl_option *options, size_t count, const char *program)
{
    printf("usage: %s [--NAME VALUE]...\n\n", program);
    for (size_t i = 0; i < count; i++) {
        if (options[i].text != NULL) {
            printf("  --%-20s %s (%s)\n", options[i].name, options[i].meaning, *options[i].text);
        } else {
            printf("  --%-20s %s (%" PRIu64 ")\n", options[i].name, options[i].meaning,
                   *options[i].number);
        }
    }
}

static void complain(const char *word, const char *what)
{
    fprintf(stderr, "%s: %s; see --help\n", word, what);
    exit(2);
}

static const struct qtl_option *find(const struct qtl_option *options, size_t count,
                                     const char *word)
{
    for (size_t i = 0; i < count && strncmp(word, "--", 2) == 0; i++) {
        if (strcmp(options[i].name, word + 2) == 0) {
            return &options[i];
        }
    }
    complain(word, "no such option");
    return NULL;
}

static void set(const struct qtl_option *option, const char *value)
{
    if (option->text != NULL) {
        *option->text = value;
        return;
    }
    char *end = NULL;
    errno = 0;
    *option->number = strtoull(value, &end, 10);
    if (errno != 0 || *value == '\0' || *value == '-' || *end != '\0') {
        complain(value, "expected a whole number");
    }
}

void qtl_options_parse(const struct qtl_option *options, size_t count, int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        if (strcmp(argv[i], "--help") == 0) {
            print_help(options, count, argv[0]);
            exit(0);
        }
        const struct qtl_option *const option = find(options, count, argv[i]);
        if (i + 1 == argc) {
            complain(argv[i], "it wants a value");
        }
        set(option, argv[i + 1]);
    }
}
