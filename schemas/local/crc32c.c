/*
 * CRC-32C by the processor's own instruction (SSE 4.2: 8 bytes in 3 cycles) where it is there, from
 * a table of 8 x 256 entries where it is not. Frames are short (100 bytes), so that interleaving
 * three streams, which pays from some kilobytes on, is left out.
 *
 * The table is made at load time, before any thread, so that neither path needs a lock or a check.
 */
#include "schemas/local/crc32c.h"

#include <stdbool.h>
#include <string.h>

#define POLYNOMIAL UINT32_C(0x82F63B78) /* reflected */
#define SLICES 8

static uint32_t table[SLICES][256];
static bool has_instruction;

#if defined(__x86_64__)
static bool ask_processor(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("sse4.2") != 0;
}

__attribute__((target("sse4.2"))) static uint32_t by_instruction(const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    uint64_t crc = UINT32_MAX;
    for (; length >= 8; length -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        crc = __builtin_ia32_crc32di(crc, word);
    }
    uint32_t rest = (uint32_t)crc;
    for (; length > 0; length--, at++) {
        rest = __builtin_ia32_crc32qi(rest, *at);
    }
    return ~rest;
}
#else
static bool ask_processor(void)
{
    return false;
}

static uint32_t by_instruction(const void *bytes, size_t length)
{
    return qtl_crc32c_table(bytes, length); /* never called */
}
#endif

__attribute__((constructor)) static void make_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? POLYNOMIAL : 0);
        }
        table[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++) {
        for (int slice = 1; slice < SLICES; slice++) {
            const uint32_t before = table[slice - 1][i];
            table[slice][i] = (before >> 8) ^ table[0][before & 255];
        }
    }
    has_instruction = ask_processor();
}

uint32_t qtl_crc32c_table(const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    uint32_t crc = UINT32_MAX;
    for (; length >= 8; length -= 8, at += 8) {
        const uint32_t low = crc ^ ((uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
                                    (uint32_t)at[3] << 24);
        crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^
              table[4][low >> 24] ^ table[3][at[4]] ^ table[2][at[5]] ^ table[1][at[6]] ^
              table[0][at[7]];
    }
    for (; length > 0; length--, at++) {
        crc = (crc >> 8) ^ table[0][(crc ^ *at) & 255];
    }
    return ~crc;
}

uint32_t qtl_crc32c(const void *bytes, size_t length)
{
    return has_instruction ? by_instruction(bytes, length) : qtl_crc32c_table(bytes, length);
}
