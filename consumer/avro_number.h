/*
 * Avro's numbers in binary -> slots (field.h), exact: what a double or a decimal becomes is what
 * the same number written as text would (value.h). The slot comes as zeros.
 *
 * Threads: pure functions, any thread.
 */
#ifndef QTL_CONSUMER_AVRO_NUMBER_H
#define QTL_CONSUMER_AVRO_NUMBER_H

#include "consumer/field.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes of scratch that a number takes as text at the most, and of a decimal that are read: 616
 * digits, a sign, a point or an exponent. */
#define QTL_AVRO_NUMBER_TEXT_MAX 672
#define QTL_AVRO_NUMBER_BYTES_MAX 256

/* The shortest decimal that reads back as the double: 0.1 is 0.1, not 0.1000000000000000055. NaN
 * and the infinities become a text that is no number. `as_text`: an id, which needs its digits. */
void qtl_avro_number_double(double value, bool as_text, char *scratch, struct qtl_slot *slot);
void qtl_avro_number_float(float value, bool as_text, char *scratch, struct qtl_slot *slot);

/* Two's complement, highest byte first, times 10^-scale. Past QTL_AVRO_NUMBER_BYTES_MAX it becomes
 * a text that is no number. */
void qtl_avro_number_decimal(struct qtl_text bytes, uint16_t scale, bool as_text, char *scratch,
                             struct qtl_slot *slot);

/* Digits of a whole number, for ids. */
void qtl_avro_number_digits(int64_t value, char *scratch, struct qtl_slot *slot);

#endif
