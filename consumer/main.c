/*
 * The process's entry: finds the command in schemas/commands.def and calls it. Nothing else happens
 * here, so that every command's behaviour stands in its own file.
 */
#include "consumer/commands.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    const char *meaning;
    int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
#define QTL_COMMAND(name, meaning) {#name, meaning, qtl_command_##name},
#include "schemas/commands.def"
#undef QTL_COMMAND
    {NULL, NULL, NULL},
};

static void print_help(FILE *out)
{
    fprintf(out, "usage: quintil COMMAND [options]\n\n");
    for (const struct command *command = commands; command->name != NULL; command++) {
        fprintf(out, "  %-10s %s\n", command->name, command->meaning);
    }
    fprintf(out, "\n'quintil COMMAND --help' says more. 'quintil --version' lists versions.\n");
}

int main(int argc, char **argv)
{
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
        print_help(stdout);
        return 0;
    }
    if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
        printf("quintil %s\n", QTL_VERSION);
        return 0;
    }
    for (const struct command *command = commands; argc >= 2 && command->name != NULL; command++) {
        if (strcmp(argv[1], command->name) == 0) {
            return command->run(argc - 1, argv + 1);
        }
    }
    print_help(stderr);
    return 2;
}
