/*
 * JSON output by hand: a dozen lines a type, no tree, no allocation per value; jansson would build
 * a tree for each of hundreds of thousands of transitions a second and print numbers as doubles.
 */
#include "sinks/json_write.h"

#include "scoring/base/assert.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

void qtl_json_buffer_fini(struct qtl_json_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct qtl_json_buffer){0};
}

void qtl_json_reserve(struct qtl_json_buffer *buffer, size_t more)
{
    if (buffer->capacity - buffer->length >= more) {
        return;
    }
    size_t capacity = buffer->capacity == 0 ? 4096 : buffer->capacity;
    while (capacity - buffer->length < more) {
        capacity *= 2;
    }
    char *const bytes = realloc(buffer->bytes, capacity);
    QTL_ASSERT(bytes != NULL);
    buffer->bytes = bytes;
    buffer->capacity = capacity;
}

static void put(struct qtl_json_buffer *buffer, const char *bytes, size_t length)
{
    qtl_json_reserve(buffer, length);
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
}

void qtl_json_raw(struct qtl_json_buffer *buffer, const char *text)
{
    put(buffer, text, strlen(text));
}

static void put_escaped(struct qtl_json_buffer *buffer, unsigned char byte)
{
    static const char letters[32] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    char text[6] = {'\\', 'u', '0', '0', hex_digits[byte >> 4], hex_digits[byte & 15]};
    if (byte == '"' || byte == '\\') {
        text[1] = (char)byte;
        put(buffer, text, 2);
    } else if (letters[byte] != 0) {
        text[1] = letters[byte];
        put(buffer, text, 2);
    } else {
        put(buffer, text, 6);
    }
}

void qtl_json_string(struct qtl_json_buffer *buffer, struct qtl_text text)
{
    put(buffer, "\"", 1);
    uint32_t from = 0;
    for (uint32_t i = 0; i < text.length; i++) {
        const unsigned char byte = (unsigned char)text.bytes[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\') {
            continue;
        }
        put(buffer, text.bytes + from, i - from);
        put_escaped(buffer, byte);
        from = i + 1;
    }
    if (from < text.length) {
        put(buffer, text.bytes + from, text.length - from);
    }
    put(buffer, "\"", 1);
}

/* Digits of `value` before `end`; returns where they start. */
static char *digits_before(char *end, uint64_t value)
{
    do {
        *--end = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return end;
}

void qtl_json_integer(struct qtl_json_buffer *buffer, int64_t value)
{
    char text[24];
    char *const end = text + sizeof(text);
    const bool negative = value < 0;
    char *start = digits_before(end, negative ? 0 - (uint64_t)value : (uint64_t)value);
    if (negative) {
        *--start = '-';
    }
    put(buffer, start, (size_t)(end - start));
}

void qtl_json_decimal(struct qtl_json_buffer *buffer, int64_t value_e4)
{
    const uint64_t size = value_e4 < 0 ? 0 - (uint64_t)value_e4 : (uint64_t)value_e4;
    char text[32];
    char *const end = text + 24;
    char *start = digits_before(end, size / 10000);
    if (value_e4 < 0) {
        *--start = '-';
    }
    size_t length = (size_t)(end - start);
    uint64_t fraction = size % 10000;
    if (fraction > 0) {
        end[0] = '.';
        for (int i = 4; i >= 1; i--) {
            end[i] = (char)('0' + fraction % 10);
            fraction /= 10;
        }
        length += 5;
        while (start[length - 1] == '0') {
            length--;
        }
    }
    put(buffer, start, length);
}

/* Civil date of a day number; Howard Hinnant's days-to-civil, for years 0..9999. */
static void civil_from_days(int64_t days, int *year, int *month, int *day)
{
    days += 719468;
    const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    const int64_t day_of_era = days - era * 146097;
    const int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t shifted_month = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    *month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2 ? 1 : 0));
}

static void put_padded(char *at, int digits, int value)
{
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

void qtl_json_time(struct qtl_json_buffer *buffer, int64_t second)
{
    int64_t days = second / 86400;
    int64_t in_day = second % 86400;
    if (in_day < 0) {
        in_day += 86400;
        days--;
    }
    int year = 0;
    int month = 0;
    int day = 0;
    civil_from_days(days, &year, &month, &day);
    QTL_ASSERT(year >= 0 && year <= 9999);
    char text[] = "\"0000-00-00T00:00:00Z\"";
    put_padded(text + 1, 4, year);
    put_padded(text + 6, 2, month);
    put_padded(text + 9, 2, day);
    put_padded(text + 12, 2, (int)(in_day / 3600));
    put_padded(text + 15, 2, (int)(in_day / 60 % 60));
    put_padded(text + 18, 2, (int)(in_day % 60));
    put(buffer, text, sizeof(text) - 1);
}

static void put_hex(struct qtl_json_buffer *buffer, uint64_t value)
{
    char text[16];
    for (int i = 15; i >= 0; i--) {
        text[i] = hex_digits[value & 15];
        value >>= 4;
    }
    put(buffer, text, sizeof(text));
}

void qtl_json_hex128(struct qtl_json_buffer *buffer, uint64_t high, uint64_t low)
{
    put(buffer, "\"", 1);
    put_hex(buffer, high);
    put_hex(buffer, low);
    put(buffer, "\"", 1);
}

void qtl_json_hex64(struct qtl_json_buffer *buffer, uint64_t value)
{
    put(buffer, "\"", 1);
    put_hex(buffer, value);
    put(buffer, "\"", 1);
}

void qtl_json_base64(struct qtl_json_buffer *buffer, struct qtl_text bytes)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    put(buffer, "\"", 1);
    for (uint32_t i = 0; i < bytes.length; i += 3) {
        const uint32_t left = bytes.length - i;
        const uint32_t a = (unsigned char)bytes.bytes[i];
        const uint32_t b = left > 1 ? (unsigned char)bytes.bytes[i + 1] : 0;
        const uint32_t c = left > 2 ? (unsigned char)bytes.bytes[i + 2] : 0;
        const uint32_t word = a << 16 | b << 8 | c;
        const char four[4] = {alphabet[word >> 18], alphabet[word >> 12 & 63],
                              left > 1 ? alphabet[word >> 6 & 63] : '=',
                              left > 2 ? alphabet[word & 63] : '='};
        put(buffer, four, sizeof(four));
    }
    put(buffer, "\"", 1);
}
