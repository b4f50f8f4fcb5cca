/*
 * See redis_command.h. hiredis takes a list of pointers and one of lengths; its printf form takes
 * four times as long and knows no lengths.
 */
#include "sinks/redis_command.h"

#include "scoring/base/assert.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIRE_BYTES 8 /* `$`, a length and two line ends, about */

void qtl_redis_command_fini(struct qtl_redis_command *command)
{
    free(command->arguments);
    free(command->lengths);
    qtl_arena_fini(&command->arena);
    *command = (struct qtl_redis_command){0};
}

void qtl_redis_command_reset(struct qtl_redis_command *command)
{
    command->count = 0;
    command->bytes = 0;
    qtl_arena_reset(&command->arena);
}

void qtl_redis_command_add(struct qtl_redis_command *command, struct qtl_text text)
{
    if (command->count == command->capacity) {
        command->capacity = command->capacity == 0 ? 64 : command->capacity * 2;
        command->arguments =
            realloc(command->arguments, command->capacity * sizeof(*command->arguments));
        command->lengths = realloc(command->lengths, command->capacity * sizeof(*command->lengths));
        QTL_ASSERT(command->arguments != NULL && command->lengths != NULL);
    }
    command->arguments[command->count] = text.length > 0 ? text.bytes : "";
    command->lengths[command->count] = text.length;
    command->count++;
    command->bytes += text.length + WIRE_BYTES;
}

void qtl_redis_command_add_word(struct qtl_redis_command *command, const char *word)
{
    qtl_redis_command_add(command, qtl_text_of(word));
}

void qtl_redis_command_add_number(struct qtl_redis_command *command, int64_t number)
{
    qtl_redis_command_add(command, qtl_redis_command_digits(&command->arena, number));
}

void qtl_redis_command_add_joined(struct qtl_redis_command *command, const char *first,
                                  struct qtl_text second)
{
    qtl_redis_command_add(command,
                          qtl_redis_command_join(&command->arena, qtl_text_of(first), second));
}

struct qtl_text qtl_redis_command_join(struct qtl_arena *arena, struct qtl_text first,
                                       struct qtl_text second)
{
    const uint32_t length = first.length + second.length;
    char *const bytes = qtl_arena_take(arena, length);
    memcpy(bytes, first.bytes, first.length);
    if (second.length > 0) {
        memcpy(bytes + first.length, second.bytes, second.length);
    }
    return (struct qtl_text){bytes, length};
}

struct qtl_text qtl_redis_command_digits(struct qtl_arena *arena, int64_t number)
{
    char digits[24];
    const int length = snprintf(digits, sizeof(digits), "%" PRId64, number);
    return qtl_arena_copy(arena, (struct qtl_text){digits, (uint32_t)length});
}
