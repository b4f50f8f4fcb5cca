/*
 * See redis_session.h. The script goes over once a connection (SCRIPT LOAD); calls name it by its
 * sum, which Redis itself told.
 */
#include "sinks/redis_session.h"

#include "schemas/assert.h"
#include "sinks/redis_script.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

enum qtl_status qtl_redis_session_open(struct qtl_redis_session *session, const char *prefix,
                                       const struct qtl_redis_connection_settings *settings,
                                       struct qtl_error *error)
{
    session->prefix = prefix;
    session->sha[0] = '\0';
    enum qtl_status status = qtl_redis_connection_open(settings, &session->connection, error);
    if (status != QTL_OK) {
        return status;
    }
    qtl_redis_command_reset(&session->command);
    qtl_redis_command_add_word(&session->command, "SCRIPT");
    qtl_redis_command_add_word(&session->command, "LOAD");
    qtl_redis_command_add(&session->command, qtl_redis_script());
    redisReply *reply = NULL;
    status = qtl_redis_connection_call(session->connection, &session->command, &reply, error);
    if (status == QTL_OK && (reply->type != REDIS_REPLY_STRING || reply->len == 0 ||
                             reply->len >= sizeof(session->sha))) {
        status = qtl_error_set(error, QTL_IO, "it answered SCRIPT LOAD with no sum");
    } else if (status == QTL_OK) {
        snprintf(session->sha, sizeof(session->sha), "%s", reply->str);
    }
    if (reply != NULL) {
        freeReplyObject(reply);
    }
    return status;
}

void qtl_redis_session_close(struct qtl_redis_session *session)
{
    qtl_redis_connection_close(session->connection);
    qtl_redis_command_fini(&session->command);
    *session = (struct qtl_redis_session){0};
}

void qtl_redis_session_begin_bare(struct qtl_redis_session *session)
{
    struct qtl_redis_command *const command = &session->command;
    QTL_ASSERT(session->sha[0] != '\0');
    qtl_redis_command_reset(command);
    qtl_redis_command_add_word(command, "EVALSHA");
    qtl_redis_command_add_word(command, session->sha);
    qtl_redis_command_add_word(command, "1");
    qtl_redis_command_add_joined(command, session->prefix, qtl_text_of("offsets"));
}

void qtl_redis_session_begin(struct qtl_redis_session *session, const char *step)
{
    qtl_redis_session_begin_bare(session);
    qtl_redis_command_add_word(&session->command, session->prefix);
    qtl_redis_command_add_word(&session->command, step);
}

enum qtl_status qtl_redis_session_answer(const struct redisReply *reply)
{
    const bool moved = reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "MOVED") == 0;
    return moved ? QTL_EMPTY : QTL_OK;
}

enum qtl_status qtl_redis_session_call(struct qtl_redis_session *session, struct redisReply **reply,
                                       struct qtl_error *error)
{
    redisReply *got = NULL;
    enum qtl_status status =
        qtl_redis_connection_call(session->connection, &session->command, &got, error);
    if (status == QTL_OK) {
        status = qtl_redis_session_answer(got);
    }
    if (status == QTL_OK && reply != NULL) {
        *reply = got;
    } else if (got != NULL) {
        freeReplyObject(got);
    }
    return status;
}
