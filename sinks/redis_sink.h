/*
 * The Redis sink: keeps the keys of docs/REDIS.md equal to what quintil.transitions has committed,
 * in a thread of its own, over a log reader of its own. Redis slow, gone or wrong never reaches the
 * engine: it only makes this sink lag, and the log keeps what it has not taken.
 *
 * Threads: start, drain and stop are the caller's (main); the counters are anyone's; the rest is
 * the sink's own thread.
 */
#ifndef QTL_SINKS_REDIS_SINK_H
#define QTL_SINKS_REDIS_SINK_H

#include "schemas/log.h"
#include "schemas/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qtl_redis_sink_settings {
    /* Copied by start. */
    const char *address;
    const char *username;    /* empty: none */
    const char *password;    /* empty: none */
    const char *tls_ca_file; /* empty: the system's */
    const char *prefix;
    const int32_t *partitions; /* of the transitions: those this sink keeps */
    size_t partition_count;
    int64_t database;
    int64_t stream_max;  /* transitions in the stream, about; 0: no stream */
    int64_t changes_max; /* transitions in one call */
    int64_t timeout_ms;
    bool tls;     /* only where qtl_redis_tls_is_there() */
    bool publish; /* on the channel as well */
    bool quiet;   /* only what goes wrong on standard error */
    /* Called by the sink's thread when a drain is done. May be NULL. */
    void (*tell)(void *context);
    void *context;
};

/* Written by the sink's thread, read by anyone; relaxed, each for itself. */
struct qtl_redis_sink_counters {
    atomic_uint_fast64_t applied;   /* transitions that Redis took */
    atomic_uint_fast64_t lag;       /* committed ones that it has not, as of a second ago */
    atomic_uint_fast64_t rebuilds;  /* finished ones */
    atomic_uint_fast64_t malformed; /* records passed over: no transitions */
    atomic_bool connected;
};

struct qtl_redis_sink;

/* Takes the reader over and starts the thread; it connects by itself. The reader's wait() must come
 * back for new transitions. BAD_CONF with a sentence where the address cannot be one: the reader is
 * freed then. */
QTL_CHECKED enum qtl_status qtl_redis_sink_start(const struct qtl_redis_sink_settings *settings,
                                                 struct qtl_log_reader **reader,
                                                 struct qtl_redis_sink **sink,
                                                 struct qtl_error *error);

/* From now on the sink looks out for the moment at which Redis has everything that is committed,
 * and tells. Call it once, when nothing more will be committed. `ends`, one for each of the
 * settings' partitions, are offsets that are committed for certain though readers may not see it
 * yet (transitions_end() of schemas/log.h); copied. NULL: none. */
void qtl_redis_sink_drain(struct qtl_redis_sink *sink, const int64_t *ends);
/* Whether that moment came. @thread any */
bool qtl_redis_sink_drained(const struct qtl_redis_sink *sink);

/* Ends the thread at once, whatever it waits for, and frees everything; NULL is fine. */
void qtl_redis_sink_stop(struct qtl_redis_sink *sink);

const struct qtl_redis_sink_counters *qtl_redis_sink_counters(const struct qtl_redis_sink *sink);

#endif
