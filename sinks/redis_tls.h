/*
 * TLS for the connection to Redis, where the build found hiredis_ssl and OpenSSL; everywhere else
 * qtl_redis_tls_is_there() says so and nothing else may be called.
 *
 * Threads: a connection belongs to one thread.
 */
#ifndef QTL_SINKS_REDIS_TLS_H
#define QTL_SINKS_REDIS_TLS_H

#include "schemas/status.h"

#include <stdbool.h>

struct redisContext; /* hiredis's */
struct ssl_st;       /* OpenSSL's SSL */

/* @thread any */
bool qtl_redis_tls_is_there(void);

/* Puts TLS on the connected context, whose socket does not block. The server must have a
 * certificate for `host` (a name or an address) by an authority of `ca_file`, or of the system's
 * where that is empty. `tls` belongs to the context then. IO with a sentence. */
QTL_CHECKED enum qtl_status qtl_redis_tls_begin(struct redisContext *context, const char *host,
                                                const char *ca_file, struct ssl_st **tls,
                                                struct qtl_error *error);

/* A step of the handshake: OK when it is done; EMPTY with the poll() events to wait for; IO with a
 * sentence. */
QTL_CHECKED enum qtl_status qtl_redis_tls_shake(struct ssl_st *tls, short *events,
                                                struct qtl_error *error);

#endif
