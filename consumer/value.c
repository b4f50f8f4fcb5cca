/*
 * Text to exact values; see value.h.
 *
 * A number is scanned once into a view (sign, significant digits, where the point stands), then
 * the digits before the wanted place are accumulated in 64 bits and the rest decides the rounding.
 * An exponent only moves the point, so 1e-999999999 costs no more than 1. Rejected: strtod (binary
 * fractions), strtoll on parts (no exponents, a second pass for the fraction), decimal libraries.
 */
#include "consumer/value.h"

#include "schemas/event.h"

#include <stddef.h>
#include <string.h>

#define EXPONENT_MAX 1000000 /* beyond it every number is 0 or too large */
#define DIGITS_MAX 19        /* of a result: 10^18 has 19 */
#define POWER_MAX 18

struct number {
    bool negative;
    const char *digits; /* from the first significant one; a point may stand among them */
    const char *end;
    int64_t point; /* digits before the decimal point; may be negative or past the end */
};

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

struct qtl_text qtl_value_trim(struct qtl_text text)
{
    while (text.length > 0 && is_blank(text.bytes[0])) {
        text.bytes++;
        text.length--;
    }
    while (text.length > 0 && is_blank(text.bytes[text.length - 1])) {
        text.length--;
    }
    return text.length > 0 ? text : (struct qtl_text){"", 0};
}

/* The exponent behind `e`, up to `end`. */
static bool scan_exponent(const char *at, const char *end, int64_t *exponent)
{
    bool negative = false;
    if (at < end && (*at == '+' || *at == '-')) {
        negative = *at == '-';
        at++;
    }
    if (at == end) {
        return false;
    }
    int64_t value = 0;
    for (; at < end; at++) {
        if (!is_digit(*at)) {
            return false;
        }
        if (value < EXPONENT_MAX) {
            value = value * 10 + (*at - '0');
        }
    }
    *exponent = negative ? -value : value;
    return true;
}

static bool scan_number(struct qtl_text text, struct number *number)
{
    text = qtl_value_trim(text);
    const char *at = text.bytes;
    const char *const end = text.bytes + text.length;
    *number = (struct number){0};
    if (at < end && (*at == '+' || *at == '-')) {
        number->negative = *at == '-';
        at++;
    }
    uint32_t digits = 0;
    bool point = false;
    number->digits = NULL;
    for (; at < end && (is_digit(*at) || (*at == '.' && !point)); at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        digits++;
        if (number->digits == NULL && *at != '0') {
            number->digits = at;
        }
        if (number->digits == NULL) {
            number->point -= point ? 1 : 0; /* a zero between the point and the first digit */
        } else {
            number->point += point ? 0 : 1;
        }
    }
    number->end = at;
    number->digits = number->digits == NULL ? at : number->digits;
    if (digits == 0) {
        return false;
    }
    int64_t exponent = 0;
    if (at < end && (*at == 'e' || *at == 'E')) {
        if (!scan_exponent(at + 1, end, &exponent)) {
            return false;
        }
        at = end;
    }
    number->point += exponent;
    return at == end;
}

/* What is cut off behind the kept digits, compared with one half of the last kept place. */
enum rest { REST_NONE, REST_BELOW_HALF, REST_HALF, REST_ABOVE_HALF };

/* The digits before `place` as an integer; what follows them goes into `rest`. */
static bool split(const struct number *number, int64_t place, uint64_t *whole, enum rest *rest)
{
    *whole = 0;
    *rest = REST_NONE;
    if (number->digits == number->end) {
        return true; /* zero, whatever the exponent */
    }
    if (place > DIGITS_MAX) {
        return false;
    }
    int64_t taken = 0;
    for (const char *at = number->digits; at < number->end; at++) {
        if (*at == '.') {
            continue;
        }
        const unsigned digit = (unsigned)(*at - '0');
        if (taken < place) {
            *whole = *whole * 10 + digit;
        } else if (taken == place) {
            *rest = digit > 5    ? REST_ABOVE_HALF
                    : digit == 5 ? REST_HALF
                    : digit > 0  ? REST_BELOW_HALF
                                 : REST_NONE;
        } else if (digit > 0) {
            *rest = *rest == REST_NONE   ? REST_BELOW_HALF
                    : *rest == REST_HALF ? REST_ABOVE_HALF
                                         : *rest;
        }
        taken++;
    }
    for (; taken < place; taken++) {
        *whole *= 10;
    }
    if (place < 0) {
        *rest = REST_BELOW_HALF; /* the first digit stands behind the one that decides */
    }
    return true;
}

/* Rounds by what was cut off, and gives the number its sign. */
static bool finish(bool negative, uint64_t whole, enum rest rest, bool floor, int64_t *value)
{
    bool up = rest == REST_ABOVE_HALF || (rest == REST_HALF && whole % 2 == 1);
    if (floor) {
        up = negative && rest != REST_NONE;
    }
    whole += up ? 1 : 0;
    if (whole > (uint64_t)QTL_AMOUNT_E4_MAX) {
        return false;
    }
    *value = negative ? -(int64_t)whole : (int64_t)whole;
    return true;
}

static bool convert(struct qtl_text text, int places, bool floor, int64_t *value)
{
    struct number number;
    uint64_t whole = 0;
    enum rest rest = REST_NONE;
    if (!scan_number(text, &number) || !split(&number, number.point + places, &whole, &rest)) {
        return false;
    }
    return finish(number.negative, whole, rest, floor, value);
}

bool qtl_value_number(struct qtl_text text, int places, int64_t *value)
{
    return convert(text, places, false, value);
}

bool qtl_value_floor(struct qtl_text text, int places, int64_t *value)
{
    return convert(text, places, true, value);
}

/* 10^power, for a power of at most POWER_MAX: an int64 has 19 digits, so 10^19 divides it to 0. */
static uint64_t power_of_ten(int power)
{
    uint64_t value = 1;
    for (; power > 0; power--) {
        value *= 10;
    }
    return value;
}

/* The magnitude divided by 10^power; what is cut off goes into `rest`. */
static uint64_t divide(uint64_t magnitude, int power, enum rest *rest)
{
    if (power > POWER_MAX) {
        /* A magnitude is at most 2^63, 9.3 x 10^18: below the place, wherever that is. */
        const uint64_t half = UINT64_C(5000000000000000000);
        *rest = power > POWER_MAX + 1 || magnitude < half ? REST_BELOW_HALF
                : magnitude == half                       ? REST_HALF
                                                          : REST_ABOVE_HALF;
        return 0;
    }
    const uint64_t divisor = power_of_ten(power);
    const uint64_t left = magnitude % divisor;
    *rest = left == 0             ? REST_NONE
            : 2 * left < divisor  ? REST_BELOW_HALF
            : 2 * left == divisor ? REST_HALF
                                  : REST_ABOVE_HALF;
    return magnitude / divisor;
}

static bool convert_decimal(int64_t number, int power, bool floor, int64_t *value)
{
    const bool negative = number < 0;
    uint64_t whole = negative ? UINT64_C(0) - (uint64_t)number : (uint64_t)number;
    enum rest rest = REST_NONE;
    if (whole == 0) {
        *value = 0;
        return true;
    }
    if (power < 0) {
        whole = divide(whole, -power, &rest);
    } else if (power > POWER_MAX || __builtin_mul_overflow(whole, power_of_ten(power), &whole)) {
        return false;
    }
    return finish(negative, whole, rest, floor, value);
}

bool qtl_value_of_decimal(int64_t number, int exponent, int places, int64_t *value)
{
    return convert_decimal(number, exponent + places, false, value);
}

bool qtl_value_floor_of_decimal(int64_t number, int exponent, int places, int64_t *value)
{
    return convert_decimal(number, exponent + places, true, value);
}

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
}

bool qtl_value_flag(struct qtl_text text, bool *value)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {
        {"true", true}, {"false", false}, {"yes", true}, {"no", false}, {"1", true}, {"0", false},
    };
    text = qtl_value_trim(text);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const char *const word = words[i].word;
        uint32_t same = 0;
        while (same < text.length && word[same] != '\0' && word[same] == lower(text.bytes[same])) {
            same++;
        }
        if (same == text.length && word[same] == '\0') {
            *value = words[i].value;
            return true;
        }
    }
    return false;
}

/* Length of the sequence that begins at `at`, 0 where it is not well-formed. Unicode, table 3-7:
 * only the second byte's range depends on the first. */
static size_t sequence_length(const unsigned char *at, size_t left)
{
    const unsigned char first = at[0];
    if (first < 0x80) {
        return 1;
    }
    const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || left < length) {
        return 0;
    }
    const unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if (at[i] < 0x80 || at[i] > 0xbf) {
            return 0;
        }
    }
    return length;
}

/* Whether no byte of up to 16 has its highest bit: most texts are short and plain. Two loads that
 * may overlap see all of them. */
static bool is_short_ascii(const char *bytes, size_t length)
{
    uint64_t first = 0;
    uint64_t last = 0;
    if (length >= 8) {
        memcpy(&first, bytes, 8);
        memcpy(&last, bytes + length - 8, 8);
    } else if (length >= 4) {
        memcpy(&first, bytes, 4);
        memcpy(&last, bytes + length - 4, 4);
    } else {
        for (size_t i = 0; i < length; i++) {
            first |= (unsigned char)bytes[i];
        }
    }
    return ((first | last) & UINT64_C(0x8080808080808080)) == 0;
}

bool qtl_value_is_utf8(struct qtl_text text)
{
    const unsigned char *at = (const unsigned char *)text.bytes;
    size_t left = text.length;
    if (left <= 16 && is_short_ascii(text.bytes, left)) {
        return true;
    }
    while (left > 0) {
        uint64_t eight = 0;
        if (left >= sizeof(eight)) {
            memcpy(&eight, at, sizeof(eight));
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                at += sizeof(eight);
                left -= sizeof(eight);
                continue;
            }
        }
        const size_t length = sequence_length(at, left);
        if (length == 0) {
            return false;
        }
        at += length;
        left -= length;
    }
    return true;
}
