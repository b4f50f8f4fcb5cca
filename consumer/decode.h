/*
 * Bytes of a record -> an event, or the reason why not (DESIGN 2). One decoder a stream: its
 * format, its mapping (`fields:`), its options. Every way into the engine goes through here: files,
 * the local log, HTTP; Kafka and Avro to come.
 *
 * Threads: a decoder belongs to one thread; it holds scratch memory.
 */
#ifndef QTL_CONSUMER_DECODE_H
#define QTL_CONSUMER_DECODE_H

#include "schemas/event.h"
#include "schemas/log.h"

struct qtl_decoder;
struct qtl_rules;
struct qtl_stream_settings; /* consumer/config.h */

/* A decoder of one stream. `rules` gives the engagement kinds; NULL: only the built-in ones are
 * known. `settings` NULL: JSON with our own field names. Both borrowed for the decoder's life. */
struct qtl_decoder *qtl_decoder_new(enum qtl_stream stream,
                                    const struct qtl_stream_settings *settings,
                                    const struct qtl_rules *rules);
void qtl_decoder_free(struct qtl_decoder *decoder); /* NULL is fine */

/* Decodes one record's value. On QTL_REASON_NONE `event` is whole and sealed (hashes set); its
 * texts are borrowed from the decoder until the next call. Any other reason: the event is
 * undefined. SKIPPED means: count it, no dead letter. */
enum qtl_reason qtl_decode(struct qtl_decoder *decoder, const struct qtl_log_record *record,
                           struct qtl_event *event);

/* The reason's code as users see it, e.g. "bad_amount". Static text. @thread any */
const char *qtl_reason_code(enum qtl_reason reason);

#endif
