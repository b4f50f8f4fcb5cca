/*
 * A transition in Avro (DESIGN 6, schemas/transition.avsc): the content of the JSON form
 * (transition_json.h), with what stands before its bytes (schemas/avro_framing.h).
 *
 * Threads: an encoder belongs to one thread.
 */
#ifndef QTL_SINKS_TRANSITION_AVRO_H
#define QTL_SINKS_TRANSITION_AVRO_H

#include "schemas/avro_framing.h"
#include "schemas/transition.h"

#include <stdint.h>

struct qtl_publication; /* sinks/transition_json.h */
struct qtl_rules;
struct qtl_transition_avro;

/* CRC-64-AVRO of schemas/transition.avsc. */
#define QTL_TRANSITION_AVRO_FINGERPRINT UINT64_C(0x0afbc16451b402e1)

/* `schema_id`: what the registry calls the schema; for QTL_FRAMING_CONFLUENT only. */
struct qtl_transition_avro *qtl_transition_avro_new(enum qtl_framing framing, uint32_t schema_id);
void qtl_transition_avro_free(struct qtl_transition_avro *avro); /* NULL is fine */

/* The bytes of the record, borrowed until the next call. `publication` NULL (a replay): null. */
struct qtl_text qtl_transition_avro_encode(struct qtl_transition_avro *avro,
                                           const struct qtl_rules *rules,
                                           const struct qtl_transition *transition,
                                           const struct qtl_publication *publication);

#endif
