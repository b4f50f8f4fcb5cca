/*
 * Bytes of a record -> an event, or the reason why not (DESIGN 2). One decoder a stream: its
 * format, its mapping (`fields:`), its options. Every way into the engine goes through here: files,
 * the local log, HTTP; Kafka to come.
 *
 * Where several reasons apply, the first of these is given, for JSON, Avro and CSV alike: malformed
 * (in Avro unknown_schema before it, where the framing is whole), skipped, missing_field,
 * bad_customer_id, bad_time, unknown_kind, unknown_currency, bad_amount.
 *
 * Threads: a decoder belongs to one thread; it holds scratch memory.
 */
#ifndef QTL_CONSUMER_DECODE_H
#define QTL_CONSUMER_DECODE_H

#include "schemas/event.h"
#include "schemas/log.h"
#include "schemas/reason.h"

struct qtl_avro_program;
struct qtl_avro_schema;
struct qtl_decoder;
struct qtl_fields; /* consumer/field.h */
struct qtl_rules;
struct qtl_stream_settings; /* consumer/config.h */

/* The bytes of one record: more is malformed. */
#define QTL_RECORD_BYTES_MAX (4u << 20)
/* How far occurred_at may lie ahead of its record's timestamp. */
#define QTL_EVENT_AHEAD_MS_MAX INT64_C(300000)

/* A decoder of one stream. `rules` gives the engagement kinds; NULL: only the built-in ones are
 * known. `settings` NULL: JSON with our own field names. Both borrowed for the decoder's life. */
struct qtl_decoder *qtl_decoder_new(enum qtl_stream stream,
                                    const struct qtl_stream_settings *settings,
                                    const struct qtl_rules *rules);
void qtl_decoder_free(struct qtl_decoder *decoder); /* NULL is fine */

/* Decodes one record's value. On QTL_REASON_NONE `event` is whole and sealed (hashes set); its
 * texts are borrowed from the record's bytes and from the decoder until the next call. Any other
 * reason: the event is undefined. SKIPPED means: count it, no dead letter. A customers record
 * without a time has occurred_at QTL_TIME_ABSENT: the caller takes the merge second. A record's
 * timestamp before 1990 counts as none. */
enum qtl_reason qtl_decode(struct qtl_decoder *decoder, const struct qtl_log_record *record,
                           struct qtl_event *event);

/* The same of a record that is JSON whatever the stream's format is: a line of a file. */
enum qtl_reason qtl_decode_json(struct qtl_decoder *decoder, const struct qtl_log_record *record,
                                struct qtl_event *event);

/* The same from fields that somebody else found (a CSV row). `timestamp_ms` QTL_TIME_ABSENT: the
 * record has none. The event's texts are borrowed from `fields`. */
enum qtl_reason qtl_decode_fields(const struct qtl_decoder *decoder,
                                  const struct qtl_fields *fields, int64_t timestamp_ms,
                                  struct qtl_event *event);

/* A program for records of that schema with the decoder's mapping, for a file that brings its own;
 * NULL as of qtl_avro_program_new(). The caller's. @thread main */
struct qtl_avro_program *qtl_decoder_compile(const struct qtl_decoder *decoder,
                                             const struct qtl_avro_schema *schema);

enum qtl_stream qtl_decoder_stream(const struct qtl_decoder *decoder);

#endif
