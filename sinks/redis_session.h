/*
 * A connection to Redis on which the script (sinks/redis_apply.lua) is known, and how one of its
 * steps is called. What the parts of the Redis sink share; everybody adds arguments to `command`
 * between begin() and call().
 *
 * Threads: a session belongs to the sink's thread.
 */
#ifndef QTL_SINKS_REDIS_SESSION_H
#define QTL_SINKS_REDIS_SESSION_H

#include "sinks/redis_command.h"
#include "sinks/redis_connection.h"

#define QTL_REDIS_SESSION_SHA_BYTES 48

struct redisReply;

struct qtl_redis_session {
    const char *prefix; /* borrowed */
    struct qtl_redis_connection *connection;
    struct qtl_redis_command command;
    char sha[QTL_REDIS_SESSION_SHA_BYTES];
};

/* Connects and loads the script. IO with a sentence, END where asked to stop; the session must be
 * closed in any case. */
QTL_CHECKED enum qtl_status
qtl_redis_session_open(struct qtl_redis_session *session, const char *prefix,
                       const struct qtl_redis_connection_settings *settings,
                       struct qtl_error *error);
void qtl_redis_session_close(struct qtl_redis_session *session);

/* Begins a call of the script in `command`; prefix and step come as its first arguments. */
void qtl_redis_session_begin(struct qtl_redis_session *session, const char *step);
/* The same without those two, for who puts all arguments. */
void qtl_redis_session_begin_bare(struct qtl_redis_session *session);

/* Sends it and waits. EMPTY: not done, the offsets in Redis are not what the caller thinks (or the
 * script is gone): begin anew. `reply` may be NULL, else it is for freeReplyObject(). */
QTL_CHECKED enum qtl_status qtl_redis_session_call(struct qtl_redis_session *session,
                                                   struct redisReply **reply,
                                                   struct qtl_error *error);

/* OK or EMPTY, as the script's answer says. */
enum qtl_status qtl_redis_session_answer(const struct redisReply *reply);

#endif
