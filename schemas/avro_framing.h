/*
 * What stands before an Avro record's bytes and says which schema they are written with.
 *
 *   confluent      00, then the schema's id in a registry: 4 bytes, the highest first
 *   single_object  C3 01, then the CRC-64-AVRO fingerprint of the schema: 8 bytes, the lowest first
 *   bare           nothing: both ends know the schema
 */
#ifndef QTL_SCHEMAS_AVRO_FRAMING_H
#define QTL_SCHEMAS_AVRO_FRAMING_H

enum qtl_framing { QTL_FRAMING_CONFLUENT, QTL_FRAMING_SINGLE_OBJECT, QTL_FRAMING_BARE };

#define QTL_FRAMING_CONFLUENT_BYTES 5
#define QTL_FRAMING_SINGLE_OBJECT_BYTES 10

#endif
