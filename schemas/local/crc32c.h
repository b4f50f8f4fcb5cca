/*
 * CRC-32C (Castagnoli): the checksum of every frame of the local log. zlib has only the other
 * polynomial, and processors compute this one.
 */
#ifndef QTL_SCHEMAS_LOCAL_CRC32C_H
#define QTL_SCHEMAS_LOCAL_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of the bytes; that of none is 0. @thread any */
uint32_t qtl_crc32c(const void *bytes, size_t length);

/* The same from a table, without the processor's help: what other machines run, and the tests'
 * second opinion. @thread any */
uint32_t qtl_crc32c_table(const void *bytes, size_t length);

#endif
