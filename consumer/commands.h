/* The entry points of the commands in schemas/commands.def; called by main.c on the main thread. */
#ifndef QTL_CONSUMER_COMMANDS_H
#define QTL_CONSUMER_COMMANDS_H

#define QTL_COMMAND(name, meaning) int qtl_command_##name(int argc, char **argv);
#include "schemas/commands.def"
#undef QTL_COMMAND

#endif
