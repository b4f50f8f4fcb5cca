/*
 * Parsing Canonical Form and CRC-64-AVRO (Avro specification, "Parsing Canonical Form for
 * Schemas" and "Schema Fingerprints"): two texts that parse records alike have one fingerprint.
 *
 * Threads: any.
 */
#ifndef QTL_CONSUMER_AVRO_CANONICAL_H
#define QTL_CONSUMER_AVRO_CANONICAL_H

#include "schemas/bytes.h"
#include "schemas/text.h"

#include <stdint.h>

struct qtl_avro_schema;

/* Appends the form of the whole schema. */
void qtl_avro_canonical_write(const struct qtl_avro_schema *schema, struct qtl_bytes *out);

/* CRC-64-AVRO of any bytes. */
uint64_t qtl_avro_canonical_fingerprint(struct qtl_text bytes);

#endif
