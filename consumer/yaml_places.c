/*
 * libyaml tells where a scalar begins, not where its bytes are. The value and the file's text are
 * walked side by side: what is no blank stands in both in the same order, so blanks and line breaks
 * are skipped on both sides as needed, and quotes and escapes by the rules of the style. That makes
 * places exact for every style and every folding; where the two should ever disagree the walk stays
 * on the line it had reached.
 */
#include "consumer/yaml_places.h"

#include "scoring/base/assert.h"

#include <stdbool.h>

struct walk {
    struct qtl_text raw;
    uint32_t offset;        /* in raw */
    struct qtl_place place; /* of that offset */
};

static unsigned char raw_byte(const struct walk *walk, uint32_t ahead)
{
    const uint32_t offset = walk->offset + ahead;
    return offset < walk->raw.length ? (unsigned char)walk->raw.bytes[offset] : 0;
}

/* One byte on; columns count characters, so that continuation bytes add none. */
static void step(struct walk *walk)
{
    if (walk->offset >= walk->raw.length) {
        return;
    }
    const unsigned char byte = raw_byte(walk, 0);
    walk->offset++;
    if (byte == '\n' || (byte == '\r' && raw_byte(walk, 0) != '\n')) {
        walk->place.line++;
        walk->place.column = 1;
    } else if ((raw_byte(walk, 0) & 0xc0) != 0x80) {
        walk->place.column++;
    }
}

static void step_many(struct walk *walk, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        step(walk);
    }
}

static bool is_break(unsigned char byte)
{
    return byte == '\n' || byte == '\r';
}

static bool is_blank(unsigned char byte)
{
    return byte == ' ' || byte == '\t' || is_break(byte);
}

static void skip_blanks(struct walk *walk)
{
    while (walk->offset < walk->raw.length && is_blank(raw_byte(walk, 0))) {
        step(walk);
    }
}

/* The bytes of the escape that begins with the backslash here. */
static uint32_t escape_length(const struct walk *walk)
{
    switch (raw_byte(walk, 1)) {
    case 'x':
        return 4;
    case 'u':
        return 6;
    case 'U':
        return 10;
    default: /* not an enum: all other escapes are one character */
        return 2;
    }
}

/* An escaped line break is nothing in the value; the blanks that begin the next line are neither.
 */
static void skip_escaped_breaks(struct walk *walk)
{
    while (raw_byte(walk, 0) == '\\' && is_break(raw_byte(walk, 1))) {
        step(walk);
        skip_blanks(walk);
    }
}

/* The raw bytes of the character that stands here. */
static uint32_t raw_length(const struct walk *walk, enum qtl_yaml_style style)
{
    if (style == QTL_YAML_STYLE_DOUBLE_QUOTED && raw_byte(walk, 0) == '\\') {
        return escape_length(walk);
    }
    if (style == QTL_YAML_STYLE_SINGLE_QUOTED && raw_byte(walk, 0) == '\'') {
        return 2;
    }
    uint32_t length = 1;
    while (length < 4 && (raw_byte(walk, length) & 0xc0) == 0x80) {
        length++;
    }
    return length;
}

/* Bytes of the UTF-8 character at the place of the value. */
static uint32_t value_length(struct qtl_text value, uint32_t place)
{
    uint32_t length = 1;
    while (place + length < value.length &&
           ((unsigned char)value.bytes[place + length] & 0xc0) == 0x80) {
        length++;
    }
    return length;
}

/* Goes to where the value's character `byte` begins. Whether there is something to consume. */
static bool seek(struct walk *walk, enum qtl_yaml_style style, unsigned char byte)
{
    if (style == QTL_YAML_STYLE_DOUBLE_QUOTED) {
        skip_escaped_breaks(walk);
    }
    if (is_blank(byte)) {
        /* A folded break is a blank of the value that has no byte of its own: stay before it, so
         * that the next character skips it. */
        return raw_byte(walk, 0) == byte ||
               (style == QTL_YAML_STYLE_DOUBLE_QUOTED && raw_byte(walk, 0) == '\\');
    }
    skip_blanks(walk);
    if (style == QTL_YAML_STYLE_DOUBLE_QUOTED) {
        skip_escaped_breaks(walk);
    }
    return true;
}

static void skip_opening(struct walk *walk, enum qtl_yaml_style style)
{
    if (style == QTL_YAML_STYLE_SINGLE_QUOTED || style == QTL_YAML_STYLE_DOUBLE_QUOTED) {
        step(walk);
    }
    /* The header of a block: indicators, perhaps a comment. */
    while (style == QTL_YAML_STYLE_BLOCK && walk->offset < walk->raw.length &&
           !is_break(raw_byte(walk, 0))) {
        step(walk);
    }
}

void qtl_yaml_places_find(struct qtl_text raw, struct qtl_place start, enum qtl_yaml_style style,
                          struct qtl_text value, struct qtl_place *places)
{
    QTL_ASSERT(start.line > 0 && start.column > 0);
    struct walk walk = {.raw = raw, .place = start};
    skip_opening(&walk, style);
    for (uint32_t i = 0; i < value.length;) {
        const uint32_t length = value_length(value, i);
        const bool consume = seek(&walk, style, (unsigned char)value.bytes[i]);
        for (uint32_t j = 0; j < length; j++) {
            places[i + j] = walk.place;
        }
        if (consume) {
            step_many(&walk, raw_length(&walk, style));
        }
        i += length;
    }
    places[value.length] = walk.place;
}
