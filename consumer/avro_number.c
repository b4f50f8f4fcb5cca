/*
 * See avro_number.h.
 *
 * Doubles. A decimal of at most 15 digits that rounds to the double is the only such one, so it is
 * also the shortest. Prices are of that kind: d x 10^4, rounded to an integer c below 10^15, gives
 * them, where c / 10^4, correctly rounded by the machine, is d again. Everything else is printed
 * with 15, 16, 17 digits until it reads back, and the text goes the way of all texts. For floats
 * the same with 6 digits: with so few, c / 10^4 as a double is too far from the middle between two
 * floats to be rounded to the wrong one (the distance is at least 1 / (10^4 x 2^k), relative
 * 2^-39).
 *
 * Decimals up to 8 bytes are an int64 and an exponent. Longer ones are divided down to digits, nine
 * at a time.
 *
 * Rejected: the exact value of the double (0.00005 is a half by its text and not by its bits;
 * JSON and Avro of one number would differ); a table-driven shortest printer (Ryu): a library for
 * what the first lines catch.
 */
#include "consumer/avro_number.h"

#include "scoring/base/assert.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES = 4, LIMBS = QTL_AVRO_NUMBER_BYTES_MAX / 4, DIGITS_A_STEP = 9 };

static void set_none(struct qtl_slot *slot)
{
    slot->text = (struct qtl_text){"", 0};
    slot->type = QTL_SLOT_NUMBER;
}

static void set_text(struct qtl_slot *slot, const char *scratch, int length)
{
    QTL_ASSERT(length > 0 && length < QTL_AVRO_NUMBER_TEXT_MAX);
    slot->text = (struct qtl_text){scratch, (uint32_t)length};
    slot->type = QTL_SLOT_NUMBER;
}

static void set_decimal(struct qtl_slot *slot, int64_t number, int exponent)
{
    slot->type = QTL_SLOT_DECIMAL;
    slot->exponent = (int16_t)exponent;
    slot->number = number;
}

void qtl_avro_number_double(double value, bool as_text, char *scratch, struct qtl_slot *slot)
{
    const double scaled = value * 1e4;
    if (!as_text && scaled > -1e15 && scaled < 1e15) {
        const int64_t whole = (int64_t)(scaled + (scaled < 0 ? -0.5 : 0.5));
        if ((double)whole / 1e4 == value) {
            set_decimal(slot, whole, -PLACES);
            return;
        }
    }
    if (!isfinite(value)) {
        set_none(slot);
        return;
    }
    int length = 0;
    for (int digits = 15; digits <= 17; digits++) {
        length = snprintf(scratch, QTL_AVRO_NUMBER_TEXT_MAX, "%.*g", digits, value);
        if (strtod(scratch, NULL) == value) {
            break;
        }
    }
    set_text(slot, scratch, length);
}

void qtl_avro_number_float(float value, bool as_text, char *scratch, struct qtl_slot *slot)
{
    const double scaled = (double)value * 1e4;
    if (!as_text && scaled > -1e6 && scaled < 1e6) {
        const int64_t whole = (int64_t)(scaled + (scaled < 0 ? -0.5 : 0.5));
        if ((float)((double)whole / 1e4) == value) {
            set_decimal(slot, whole, -PLACES);
            return;
        }
    }
    if (!isfinite(value)) {
        set_none(slot);
        return;
    }
    int length = 0;
    for (int digits = 6; digits <= 9; digits++) {
        length = snprintf(scratch, QTL_AVRO_NUMBER_TEXT_MAX, "%.*g", digits, (double)value);
        if (strtof(scratch, NULL) == value) {
            break;
        }
    }
    set_text(slot, scratch, length);
}

void qtl_avro_number_digits(int64_t value, char *scratch, struct qtl_slot *slot)
{
    set_text(slot, scratch, snprintf(scratch, QTL_AVRO_NUMBER_TEXT_MAX, "%" PRId64, value));
}

/* The magnitude of two's complement bytes, the lowest limb first; how many limbs. */
static int load(const unsigned char *bytes, uint32_t length, bool negative, uint32_t *limbs)
{
    const int count = (int)((length + 3) / 4);
    uint32_t carry = negative ? 1 : 0;
    memset(limbs, 0, (size_t)count * sizeof(*limbs));
    for (uint32_t i = 0; i < length; i++) {
        uint32_t byte = bytes[length - 1 - i];
        if (negative) {
            byte = (~byte & 0xff) + carry;
            carry = byte >> 8;
            byte &= 0xff;
        }
        limbs[i / 4] |= byte << 8 * (i % 4);
    }
    return count;
}

/* Divides the limbs by 10^9; what is left over. */
static uint32_t divide(uint32_t *limbs, int count)
{
    uint64_t left = 0;
    for (int i = count - 1; i >= 0; i--) {
        left = left << 32 | limbs[i];
        limbs[i] = (uint32_t)(left / 1000000000U);
        left %= 1000000000U;
    }
    return (uint32_t)left;
}

/* Writes the digits backwards from `end`, without leading zeros but at least `least` of them; where
 * they begin. */
static char *print_digits(uint32_t *limbs, int count, int least, char *end)
{
    char *at = end;
    char *first = end; /* of those that are not zero */
    while (count > 0) {
        uint32_t digits = divide(limbs, count);
        count -= limbs[count - 1] == 0 ? 1 : 0;
        for (int i = 0; i < DIGITS_A_STEP; i++) {
            *--at = (char)('0' + digits % 10);
            digits /= 10;
            first = *at != '0' ? at : first;
        }
    }
    while (end - first < least) {
        *--first = '0';
    }
    return first;
}

/* As an id has to look: 12.50 for 1250 with a scale of 2. The digits are more than the scale. */
static int print_plain(const char *sign, struct qtl_text digits, uint16_t scale, char *scratch)
{
    const int whole = (int)digits.length - scale;
    return scale == 0 ? snprintf(scratch, QTL_AVRO_NUMBER_TEXT_MAX, "%s%.*s", sign,
                                 (int)digits.length, digits.bytes)
                      : snprintf(scratch, QTL_AVRO_NUMBER_TEXT_MAX, "%s%.*s.%.*s", sign, whole,
                                 digits.bytes, (int)scale, digits.bytes + whole);
}

static int print_decimal(struct qtl_text bytes, bool negative, uint16_t scale, bool as_text,
                         char *scratch)
{
    uint32_t limbs[LIMBS];
    char digits[QTL_AVRO_NUMBER_TEXT_MAX];
    const int count = load((const unsigned char *)bytes.bytes, bytes.length, negative, limbs);
    char *const end = digits + sizeof(digits);
    const char *const first = print_digits(limbs, count, as_text ? scale + 1 : 1, end);
    const struct qtl_text all = {first, (uint32_t)(end - first)};
    const char *const sign = negative ? "-" : "";
    return as_text ? print_plain(sign, all, scale, scratch)
                   : snprintf(scratch, QTL_AVRO_NUMBER_TEXT_MAX, "%s%.*se-%u", sign,
                              (int)all.length, first, scale);
}

void qtl_avro_number_decimal(struct qtl_text bytes, uint16_t scale, bool as_text, char *scratch,
                             struct qtl_slot *slot)
{
    const unsigned char *at = (const unsigned char *)bytes.bytes;
    const bool negative = bytes.length > 0 && at[0] >= 0x80;
    const unsigned char sign = negative ? 0xff : 0;
    /* Bytes that only repeat the sign say nothing. */
    while (bytes.length > 1 && at[0] == sign && (at[1] >= 0x80) == negative) {
        at++;
        bytes.bytes++;
        bytes.length--;
    }
    const bool printable = !as_text || scale < QTL_AVRO_NUMBER_TEXT_MAX / 2;
    if (bytes.length == 0 || bytes.length > QTL_AVRO_NUMBER_BYTES_MAX || !printable) {
        set_none(slot);
        return;
    }
    if (as_text || bytes.length > 8) {
        set_text(slot, scratch, print_decimal(bytes, negative, scale, as_text, scratch));
        return;
    }
    uint64_t number = negative ? UINT64_MAX : 0;
    for (uint32_t i = 0; i < bytes.length; i++) {
        number = number << 8 | at[i];
    }
    set_decimal(slot, (int64_t)number, -(int)scale);
}
