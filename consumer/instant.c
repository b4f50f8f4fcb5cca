/*
 * Times; see instant.h. By hand, because strptime knows neither fractions nor offsets with a colon,
 * reads the locale, and mktime reads TZ; what is accepted here is a short list and the same on
 * every machine. Named zones (`zone: Europe/Berlin`) come with the zone tables of DESIGN 3 and
 * replace zone_offset_s.
 */
#include "consumer/instant.h"

#include "consumer/value.h"

#include <stddef.h>

struct cursor {
    const char *at;
    const char *end;
};

/* Exactly `count` digits. */
static bool take_digits(struct cursor *cursor, int count, int *value)
{
    if (cursor->end - cursor->at < count) {
        return false;
    }
    *value = 0;
    for (int i = 0; i < count; i++) {
        const char byte = cursor->at[i];
        if (byte < '0' || byte > '9') {
            return false;
        }
        *value = *value * 10 + (byte - '0');
    }
    cursor->at += count;
    return true;
}

static bool take(struct cursor *cursor, char byte)
{
    if (cursor->at == cursor->end || *cursor->at != byte) {
        return false;
    }
    cursor->at++;
    return true;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar, years 0..9999. Years begin in March
 * here, so that the leap day is their last. */
static int64_t days_of(int year, int month, int day)
{
    const int64_t y = year - (month <= 2 ? 1 : 0) + 400; /* + one era: never negative */
    const int64_t days_before_month = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;
    return y * 365 + y / 4 - y / 100 + y / 400 + days_before_month + day - 1 - 719468 - 146097;
}

static bool take_date(struct cursor *cursor, int64_t *days)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = 0;
    int month = 0;
    int day = 0;
    if (!take_digits(cursor, 4, &year) || !take(cursor, '-') || !take_digits(cursor, 2, &month) ||
        !take(cursor, '-') || !take_digits(cursor, 2, &day)) {
        return false;
    }
    if (month < 1 || month > 12 || day < 1 ||
        day > lengths[month - 1] + (month == 2 && is_leap(year) ? 1 : 0)) {
        return false;
    }
    *days = days_of(year, month, day);
    return true;
}

/* `.123` or `,123`: any number of digits, at least one; truncation toward the past drops them. */
static bool take_fraction(struct cursor *cursor)
{
    if (!take(cursor, '.') && !take(cursor, ',')) {
        return true;
    }
    const char *const from = cursor->at;
    while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9') {
        cursor->at++;
    }
    return cursor->at > from;
}

static bool take_clock(struct cursor *cursor, int64_t *seconds)
{
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!take_digits(cursor, 2, &hour) || !take(cursor, ':') || !take_digits(cursor, 2, &minute)) {
        return false;
    }
    if (take(cursor, ':') && (!take_digits(cursor, 2, &second) || !take_fraction(cursor))) {
        return false;
    }
    if (hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    *seconds = hour * 3600 + minute * 60 + second;
    return true;
}

/* An offset up to the end of the text. */
static bool take_offset(struct cursor *cursor, int32_t *offset_s)
{
    *offset_s = 0;
    if (take(cursor, 'Z') || take(cursor, 'z')) {
        return cursor->at == cursor->end;
    }
    if (take(cursor, 'U')) {
        return take(cursor, 'T') && take(cursor, 'C') && cursor->at == cursor->end;
    }
    const bool west = take(cursor, '-');
    int hours = 0;
    int minutes = 0;
    if ((!west && !take(cursor, '+')) || !take_digits(cursor, 2, &hours)) {
        return false;
    }
    const bool colon = take(cursor, ':');
    if ((colon || cursor->at < cursor->end) && !take_digits(cursor, 2, &minutes)) {
        return false;
    }
    if (hours > 23 || minutes > 59 || cursor->at < cursor->end) {
        return false;
    }
    *offset_s = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return true;
}

static bool parse_iso8601(struct qtl_text text, int32_t zone_offset_s, int64_t *second)
{
    struct cursor cursor = {text.bytes, text.bytes + text.length};
    int64_t days = 0;
    int64_t seconds = 0;
    if (text.length == 0 || !take_date(&cursor, &days)) {
        return false;
    }
    int32_t offset_s = zone_offset_s;
    if (cursor.at < cursor.end) {
        if (!take(&cursor, 'T') && !take(&cursor, ' ') && !take(&cursor, 't')) {
            return false;
        }
        if (!take_clock(&cursor, &seconds)) {
            return false;
        }
        const bool blank = take(&cursor, ' ');
        if ((blank || cursor.at < cursor.end) && !take_offset(&cursor, &offset_s)) {
            return false;
        }
    }
    *second = days * 86400 + seconds - offset_s;
    return true;
}

bool qtl_instant_parse_offset(struct qtl_text text, int32_t *offset_s)
{
    struct cursor cursor = {text.bytes, text.bytes + text.length};
    return take_offset(&cursor, offset_s);
}

/* Dates have a `-` behind four digits, numbers never do. */
static bool looks_like_date(struct qtl_text text)
{
    return text.length > 4 && text.bytes[4] == '-';
}

bool qtl_instant_parse(struct qtl_text text, struct qtl_conversion conversion, int64_t *second)
{
    text = qtl_value_trim(text);
    switch ((enum qtl_time_form)conversion.time) {
    case QTL_TIME_FORM_ANY:
        return looks_like_date(text) ? parse_iso8601(text, conversion.zone_offset_s, second)
                                     : qtl_value_floor(text, 0, second);
    case QTL_TIME_FORM_ISO8601:
        return parse_iso8601(text, conversion.zone_offset_s, second);
    case QTL_TIME_FORM_EPOCH_S:
        return qtl_value_floor(text, 0, second);
    case QTL_TIME_FORM_EPOCH_MS:
        return qtl_value_floor(text, -3, second);
    case QTL_TIME_FORM_EPOCH_US:
        return qtl_value_floor(text, -6, second);
    }
    return false;
}

bool qtl_instant_of_decimal(int64_t number, int exponent, struct qtl_conversion conversion,
                            int64_t *second)
{
    switch ((enum qtl_time_form)conversion.time) {
    case QTL_TIME_FORM_ISO8601:
        return false;
    case QTL_TIME_FORM_ANY:
    case QTL_TIME_FORM_EPOCH_S:
        return qtl_value_floor_of_decimal(number, exponent, 0, second);
    case QTL_TIME_FORM_EPOCH_MS:
        return qtl_value_floor_of_decimal(number, exponent, -3, second);
    case QTL_TIME_FORM_EPOCH_US:
        return qtl_value_floor_of_decimal(number, exponent, -6, second);
    }
    return false;
}
