/*
 * The log: what the engine reads from and commits to (DESIGN 2). Partitioned, ordered, read by
 * offset, appended to by a transaction that also commits the offsets read. Implementations: local
 * (files in a folder), Kafka, and simulated (to come). The engine cannot tell them apart: it holds
 * a `struct qtl_log_reader *` and a `struct qtl_log_writer *`, whose first member is the table of
 * functions below.
 *
 * Reader and writer share positions, the epoch and an opaque group token. With Kafka the token is
 * the consumer group's metadata captured at assignment; the local log's is its lock's generation.
 *
 * Threads: a reader belongs to one thread (ingest), a writer to one (publish); only wake() may be
 * called from any thread.
 */
#ifndef QTL_SCHEMAS_LOG_H
#define QTL_SCHEMAS_LOG_H

#include "schemas/status.h"
#include "schemas/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every topic, input first, in the order of enum qtl_stream (QTL_TOPIC_ORDERS is
 * QTL_STREAM_ORDERS). */
enum qtl_topic {
#define QTL_TOPIC(name, default_name, input, meaning) QTL_TOPIC_##name,
#include "schemas/topics.def"
#undef QTL_TOPIC
    QTL_TOPICS
};

#define QTL_PARTITIONS_MAX 4096

struct qtl_log_header {
    struct qtl_text name;
    struct qtl_text value;
};

/* One record as read. The bytes are borrowed from the reader until release(). */
struct qtl_log_record {
    int64_t offset;
    int64_t timestamp_ms; /* QTL_TIME_ABSENT (INT64_MIN) where the log has none */
    struct qtl_text key;
    struct qtl_text value;
    bool has_key;   /* false: null key */
    bool has_value; /* false: null value, a tombstone */
    const struct qtl_log_header *headers;
    uint32_t header_count;
};

struct qtl_log_position {
    enum qtl_topic topic;
    int32_t partition;
    int64_t next_offset; /* last read + 1 */
    /* Of the slice whose epoch record goes with it, kept beside the offset where the log can. */
    uint64_t sequence;
    int64_t clock;
};

/* What happened to the assignment. Slices follow partition p of the leading input topic; the
 * implementation sees to it that the siblings (partition p of the other inputs) come along. */
enum qtl_log_change_type {
    QTL_LOG_ASSIGNED,
    QTL_LOG_REVOKED, /* clean: finish, then call revoke_done */
    QTL_LOG_LOST,    /* somebody else has it already: take the failure path */
};

struct qtl_log_change {
    enum qtl_log_change_type type;
    int32_t partition;
    bool fenced;         /* LOST because another instance has our name, while we were connected */
    const char *refusal; /* LOST because the group does not take us: why. Static text, or NULL */
};

struct qtl_log_token; /* opaque: captured at assignment, given to the writer with each commit */

struct qtl_log_reader;
struct qtl_log_reader_ops {
    /* Waits until an unpaused, assigned partition may have records, the assignment changed, or
     * wake() was called; at most `timeout_ms` (-1: for ever). OK when something may have happened,
     * EMPTY after the time-out. Says each thing once: it does not come back at once for records
     * that it announced and that are left unread, so that a partition which has to wait does not
     * keep its reader spinning. @thread owner */
    enum qtl_status (*wait)(struct qtl_log_reader *reader, int timeout_ms);
    /* Ends a wait() under way, or the next. @thread any */
    void (*wake)(struct qtl_log_reader *reader);
    /* The next change of assignment, in order. EMPTY when there is none. @thread owner */
    enum qtl_status (*change)(struct qtl_log_reader *reader, struct qtl_log_change *change);
    /* The epochs of a revoked partition are committed: let it go. @thread owner */
    void (*revoke_done)(struct qtl_log_reader *reader, int32_t partition);
    /* Captured at the last assignment; valid until the next. @thread owner */
    const struct qtl_log_token *(*token)(struct qtl_log_reader *reader);
    /* The offset committed for an input partition, i.e. the next to read; -1 where none was ever
     * committed. Retries until it is certain. @thread owner */
    enum qtl_status (*committed)(struct qtl_log_reader *reader, enum qtl_topic topic,
                                 int32_t partition, int64_t *next_offset, struct qtl_error *error);
    /* The slice's sequence number that stands beside the offset last asked for with committed(): 0
     * where none was committed or the log keeps none. Its epoch record may become readable only a
     * moment later. @thread owner */
    uint64_t (*committed_sequence)(struct qtl_log_reader *reader);
    /* First offset kept and end (next offset to be written) of what is committed. Works for every
     * topic. @thread owner */
    enum qtl_status (*range)(struct qtl_log_reader *reader, enum qtl_topic topic, int32_t partition,
                             int64_t *first, int64_t *end, struct qtl_error *error);
    /* The next read() of this partition starts here. An offset that is gone is an IO error with a
     * sentence, never a silent reset. Works for every topic. @thread owner */
    enum qtl_status (*seek)(struct qtl_log_reader *reader, enum qtl_topic topic, int32_t partition,
                            int64_t offset, struct qtl_error *error);
    /* Up to `max` records in offset order, committed ones only, without waiting. Offsets rise but
     * may have gaps (control records, compaction). The records' bytes and headers stay valid until
     * release(). Returns EMPTY with *count 0 where there is nothing now. @thread owner */
    enum qtl_status (*read)(struct qtl_log_reader *reader, enum qtl_topic topic, int32_t partition,
                            size_t max, struct qtl_log_record *records, size_t *count,
                            struct qtl_error *error);
    /* Everything handed out by read() so far is no longer needed. @thread owner */
    void (*release)(struct qtl_log_reader *reader);
    /* Read to its end (DESIGN 3): the end was seen and nothing since. @thread owner */
    bool (*ended)(struct qtl_log_reader *reader, enum qtl_topic topic, int32_t partition);
    /* Somebody's transaction has been open at its end for over a second: the clock waits, the merge
     * does not (DESIGN 3). @thread owner */
    bool (*holds_clock)(struct qtl_log_reader *reader, enum qtl_topic topic, int32_t partition);
    /* Number of partitions of a topic; 0 where the topic does not exist. @thread owner */
    int32_t (*partitions)(struct qtl_log_reader *reader, enum qtl_topic topic);
    /* Closes and frees; NULL is fine. @thread owner */
    void (*free)(struct qtl_log_reader *reader);
};
struct qtl_log_reader {
    const struct qtl_log_reader_ops *ops;
};

/* One record to append. Bytes are borrowed for the call only. */
struct qtl_log_append {
    enum qtl_topic topic;
    int32_t partition;
    int64_t timestamp_ms;
    struct qtl_text key;
    struct qtl_text value;
    bool has_key;
    bool has_value;
    const struct qtl_log_header *headers;
    uint32_t header_count;
};

struct qtl_log_writer;
struct qtl_log_writer_ops {
    /* Opens a transaction and sends the input positions that it will commit, if there are any yet.
     * May be called while the shards still score. @thread owner */
    enum qtl_status (*begin)(struct qtl_log_writer *writer, const struct qtl_log_token *token,
                             const struct qtl_log_position *positions, size_t count,
                             struct qtl_error *error);
    /* Adds positions to those of begin(), before the commit: of slices whose records came of the
     * scoring. @thread owner */
    enum qtl_status (*add_positions)(struct qtl_log_writer *writer,
                                     const struct qtl_log_token *token,
                                     const struct qtl_log_position *positions, size_t count,
                                     struct qtl_error *error);
    /* Adds a record to the open transaction. @thread owner */
    enum qtl_status (*append)(struct qtl_log_writer *writer, const struct qtl_log_append *record,
                              struct qtl_error *error);
    /* Makes appends and positions durable and visible, all or nothing. LOST: fenced. After any
     * other result than OK publish nothing more: abort, free, rebuild. @thread owner */
    enum qtl_status (*commit)(struct qtl_log_writer *writer, struct qtl_error *error);
    /* The offset behind the last record that this writer has committed to a partition of
     * quintil.transitions; 0 where there is none, or where a commit that is done is visible at once
     * (the local log). Kafka acknowledges a commit a moment before readers see it. @thread owner */
    int64_t (*transitions_end)(struct qtl_log_writer *writer, int32_t partition);
    /* Drops the open transaction, if there is one. @thread owner */
    void (*abort)(struct qtl_log_writer *writer);
    /* Aborts, closes, frees; NULL is fine. @thread owner */
    void (*free)(struct qtl_log_writer *writer);
};
struct qtl_log_writer {
    const struct qtl_log_writer_ops *ops;
};

#endif
