/*
 * A command for Redis as a list of texts: what it takes to send a call without one allocation an
 * argument. Texts are borrowed until the command is sent; those made here live in its own arena.
 *
 * Threads: a command belongs to one thread.
 */
#ifndef QTL_SINKS_REDIS_COMMAND_H
#define QTL_SINKS_REDIS_COMMAND_H

#include "scoring/base/arena.h"

#include <stddef.h>
#include <stdint.h>

struct qtl_redis_command {
    const char **arguments; /* owned list of borrowed texts */
    size_t *lengths;
    size_t count;
    size_t capacity;
    size_t bytes; /* of all arguments, about as they go over the wire */
    struct qtl_arena arena;
};

void qtl_redis_command_fini(struct qtl_redis_command *command);
/* Empty again; what was made in the arena is gone. */
void qtl_redis_command_reset(struct qtl_redis_command *command);
void qtl_redis_command_add(struct qtl_redis_command *command, struct qtl_text text);
void qtl_redis_command_add_word(struct qtl_redis_command *command, const char *word);
void qtl_redis_command_add_number(struct qtl_redis_command *command, int64_t number);
/* One argument of two texts. */
void qtl_redis_command_add_joined(struct qtl_redis_command *command, const char *first,
                                  struct qtl_text second);

/* The two texts as one, in the arena. */
struct qtl_text qtl_redis_command_join(struct qtl_arena *arena, struct qtl_text first,
                                       struct qtl_text second);
/* The number's digits, in the arena. */
struct qtl_text qtl_redis_command_digits(struct qtl_arena *arena, int64_t number);

#endif
