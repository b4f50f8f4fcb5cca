/*
 * One connection to Redis, over hiredis: commands go out pipelined, replies come in the same order.
 * Nothing here waits longer than the time-out, and everything that waits ends at once when the stop
 * descriptor becomes readable.
 *
 * A connection on which anything failed is dead: which of its commands ran is unknown. Close it.
 *
 * Threads: a connection belongs to one thread.
 */
#ifndef QTL_SINKS_REDIS_CONNECTION_H
#define QTL_SINKS_REDIS_CONNECTION_H

#include "schemas/status.h"

#include <stdbool.h>
#include <stdint.h>

struct qtl_redis_command;
struct redisReply; /* hiredis's */

struct qtl_redis_connection_settings {
    const char *address;     /* host:port, [address]:port, or the path of a socket; borrowed */
    const char *username;    /* empty: none */
    const char *password;    /* empty: none */
    const char *tls_ca_file; /* empty: the system's */
    bool tls;
    int64_t database;
    int64_t timeout_ms;
    int stop_fd; /* an eventfd; readable: give up */
};

struct qtl_redis_connection;

/* Whether the address can be one; BAD_CONF with a sentence. @thread any */
QTL_CHECKED enum qtl_status qtl_redis_connection_check(const char *address,
                                                       struct qtl_error *error);

/* Connects, authenticates, selects the database. IO with a sentence; END where asked to stop. */
QTL_CHECKED enum qtl_status
qtl_redis_connection_open(const struct qtl_redis_connection_settings *settings,
                          struct qtl_redis_connection **connection, struct qtl_error *error);
void qtl_redis_connection_close(struct qtl_redis_connection *connection); /* NULL is fine */

/* Puts the command behind those under way and sends what the socket takes now. */
QTL_CHECKED enum qtl_status qtl_redis_connection_send(struct qtl_redis_connection *connection,
                                                      const struct qtl_redis_command *command,
                                                      struct qtl_error *error);

/* The next reply, for freeReplyObject(); an error reply is an IO error with Redis's words, EMPTY
 * where Redis has forgotten the script. */
QTL_CHECKED enum qtl_status qtl_redis_connection_receive(struct qtl_redis_connection *connection,
                                                         struct redisReply **reply,
                                                         struct qtl_error *error);

/* Both, for a command with none under way. `reply` may be NULL: not wanted. */
QTL_CHECKED enum qtl_status qtl_redis_connection_call(struct qtl_redis_connection *connection,
                                                      const struct qtl_redis_command *command,
                                                      struct redisReply **reply,
                                                      struct qtl_error *error);

/* Its version, as built against: it cannot be asked at run time. Static text. @thread any */
const char *qtl_redis_connection_library(void);

#endif
