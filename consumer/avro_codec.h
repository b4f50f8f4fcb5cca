/*
 * The codecs of Avro's container files: what expands a block.
 *
 * Threads: a codec belongs to one thread; it keeps its library's state from block to block.
 */
#ifndef QTL_CONSUMER_AVRO_CODEC_H
#define QTL_CONSUMER_AVRO_CODEC_H

#include "schemas/bytes.h"
#include "schemas/text.h"

#include <stdbool.h>
#include <stddef.h>

struct qtl_avro_codec;

/* By the name in the file's header: null, deflate, snappy, zstandard. NULL for any other. */
struct qtl_avro_codec *qtl_avro_codec_new(struct qtl_text name);
void qtl_avro_codec_free(struct qtl_avro_codec *codec); /* NULL is fine */

/* Expands a block into `out`, from its beginning. False where the block is damaged, or would have
 * over `bytes_max`. */
bool qtl_avro_codec_expand(struct qtl_avro_codec *codec, struct qtl_text block, size_t bytes_max,
                           struct qtl_bytes *out);

#endif
