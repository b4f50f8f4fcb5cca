/*
 * Exact values out of text: numbers, flags, UTF-8. Never through a double: 0.1 + 0.2 is 0.3 here,
 * and 12345678901234.5678 keeps its last digit.
 *
 * Threads: pure functions, any thread.
 */
#ifndef QTL_CONSUMER_VALUE_H
#define QTL_CONSUMER_VALUE_H

#include "schemas/text.h"

#include <stdbool.h>
#include <stdint.h>

/* The number in `text` times 10^places, half to even past the last digit; at most 10^18 either
 * side of 0, else false, as for text that is no number (NaN, Infinity, "", "1,5", "0x1f"). Taken is
 * what JSON has for numbers and, as found in CSV files and strings, blanks around it, a plus,
 * leading zeros, and a point without digits on one side. */
bool qtl_value_number(struct qtl_text text, int places, int64_t *value);

/* The same, cut toward minus infinity: times, where finer input is truncated toward the past. */
bool qtl_value_floor(struct qtl_text text, int places, int64_t *value);

/* The same of number x 10^exponent, which no text was printed for. */
bool qtl_value_of_decimal(int64_t number, int exponent, int places, int64_t *value);
bool qtl_value_floor_of_decimal(int64_t number, int exponent, int places, int64_t *value);

/* true, false, yes, no, 1, 0, in any case. */
bool qtl_value_flag(struct qtl_text text, bool *value);

/* Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool qtl_value_is_utf8(struct qtl_text text);

/* Without the blanks, tabs and line ends around it. */
struct qtl_text qtl_value_trim(struct qtl_text text);

#endif
