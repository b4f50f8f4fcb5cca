/*
 * See avro_codec.h. Output grows as it comes and never by what a block claims, so that some bytes
 * that say "four gigabytes" cost nothing. deflate is raw (no zlib header, no checksum); snappy has
 * a CRC-32 of the expanded bytes behind it, the highest byte first.
 */
#include "consumer/avro_codec.h"

#include "scoring/base/assert.h"

#include <snappy-c.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum codec_kind { CODEC_NULL, CODEC_DEFLATE, CODEC_SNAPPY, CODEC_ZSTANDARD, CODECS };
enum { CHUNK_BYTES = 65536, CHECKSUM_BYTES = 4 };

static const char *const names[] = {
    [CODEC_NULL] = "null",
    [CODEC_DEFLATE] = "deflate",
    [CODEC_SNAPPY] = "snappy",
    [CODEC_ZSTANDARD] = "zstandard",
};

struct qtl_avro_codec {
    enum codec_kind kind;
    z_stream deflate;
    ZSTD_DCtx *zstandard;
};

struct qtl_avro_codec *qtl_avro_codec_new(struct qtl_text name)
{
    int kind = 0;
    while (kind < CODECS && qtl_text_compare(name, qtl_text_of(names[kind])) != 0) {
        kind++;
    }
    if (kind == CODECS) {
        return NULL;
    }
    struct qtl_avro_codec *const codec = calloc(1, sizeof(*codec));
    QTL_ASSERT(codec != NULL);
    codec->kind = (enum codec_kind)kind;
    if (kind == CODEC_DEFLATE) {
        const int result = inflateInit2(&codec->deflate, -MAX_WBITS);
        QTL_ASSERT(result == Z_OK);
    } else if (kind == CODEC_ZSTANDARD) {
        codec->zstandard = ZSTD_createDCtx();
        QTL_ASSERT(codec->zstandard != NULL);
    }
    return codec;
}

void qtl_avro_codec_free(struct qtl_avro_codec *codec)
{
    if (codec == NULL) {
        return;
    }
    if (codec->kind == CODEC_DEFLATE) {
        inflateEnd(&codec->deflate);
    }
    ZSTD_freeDCtx(codec->zstandard);
    free(codec);
}

static bool expand_deflate(struct qtl_avro_codec *codec, struct qtl_text block, size_t bytes_max,
                           struct qtl_bytes *out)
{
    z_stream *const stream = &codec->deflate;
    int result = inflateReset(stream);
    QTL_ASSERT(result == Z_OK);
    /* zlib only reads there; its type is without const unless asked for. */
    memcpy(&stream->next_in, &block.bytes, sizeof(stream->next_in));
    stream->avail_in = block.length;
    while (result == Z_OK && out->length <= bytes_max) {
        qtl_bytes_reserve(out, CHUNK_BYTES);
        stream->next_out = (Bytef *)out->bytes + out->length;
        stream->avail_out = CHUNK_BYTES;
        result = inflate(stream, Z_NO_FLUSH);
        out->length += CHUNK_BYTES - stream->avail_out;
    }
    return result == Z_STREAM_END && stream->avail_in == 0 && out->length <= bytes_max;
}

static bool expand_snappy(struct qtl_text block, size_t bytes_max, struct qtl_bytes *out)
{
    size_t length = 0;
    if (block.length < CHECKSUM_BYTES) {
        return false;
    }
    const size_t packed = block.length - CHECKSUM_BYTES;
    /* A byte of it can stand for 64 at the most: more is a lie. */
    if (snappy_uncompressed_length(block.bytes, packed, &length) != SNAPPY_OK ||
        length > bytes_max || length > packed * 64) {
        return false;
    }
    qtl_bytes_reserve(out, length + 1);
    if (snappy_uncompress(block.bytes, packed, out->bytes, &length) != SNAPPY_OK) {
        return false;
    }
    out->length = length;
    const unsigned char *const sum = (const unsigned char *)block.bytes + packed;
    const uint32_t expected =
        (uint32_t)sum[0] << 24 | (uint32_t)sum[1] << 16 | (uint32_t)sum[2] << 8 | sum[3];
    return crc32(0, (const Bytef *)out->bytes, (uInt)length) == expected;
}

static bool expand_zstandard(struct qtl_avro_codec *codec, struct qtl_text block, size_t bytes_max,
                             struct qtl_bytes *out)
{
    ZSTD_inBuffer in = {.src = block.bytes, .size = block.length};
    size_t result = 1; /* 0 at the end of a frame */
    bool progress = ZSTD_isError(ZSTD_DCtx_reset(codec->zstandard, ZSTD_reset_session_only)) == 0;
    while (progress && out->length <= bytes_max) {
        qtl_bytes_reserve(out, CHUNK_BYTES);
        ZSTD_outBuffer chunk = {.dst = out->bytes + out->length, .size = CHUNK_BYTES};
        const size_t before = in.pos;
        result = ZSTD_decompressStream(codec->zstandard, &chunk, &in);
        out->length += chunk.pos;
        progress = ZSTD_isError(result) == 0 && (in.pos > before || chunk.pos > 0) &&
                   !(result == 0 && in.pos == in.size);
    }
    return result == 0 && in.pos == in.size && block.length > 0 && out->length <= bytes_max;
}

bool qtl_avro_codec_expand(struct qtl_avro_codec *codec, struct qtl_text block, size_t bytes_max,
                           struct qtl_bytes *out)
{
    out->length = 0;
    qtl_bytes_reserve(out, 1); /* a place to point at, also for nothing */
    switch (codec->kind) {
    case CODEC_NULL:
        qtl_bytes_put(out, block.bytes, block.length);
        return block.length <= bytes_max;
    case CODEC_DEFLATE:
        return expand_deflate(codec, block, bytes_max, out);
    case CODEC_SNAPPY:
        return expand_snappy(block, bytes_max, out);
    case CODEC_ZSTANDARD:
        return expand_zstandard(codec, block, bytes_max, out);
    case CODECS:
        break;
    }
    QTL_UNREACHABLE("no codec");
}
