/*
 * JSON to canonical fields; see json_fields.h.
 *
 * The paths of all fields make one tree of steps (field_tree.h).
 *
 * YAJL calls back for each token and hands numbers over as text; the place in the tree moves along
 * with the place in the document, and what lies beside the tree (no step there: NONE) costs a push
 * and a pop. A value that stands on a step with fields fills their slots; anything that stands
 * there again first empties the slots at and below the step, so that the last of several equal
 * members counts, whole.
 *
 * One YAJL handle serves all documents: with "multiple values" allowed it is ready for the next one
 * after each whole document, and keeps its buffers, so that nothing is allocated per record. A
 * second value in one document is refused here; after a document that failed the handle is made
 * anew. That a document is whole is proved by an empty object of ours behind it:
 * yajl_complete_parse passes over a string that is left open behind the document, and would begin
 * the next one in it. Strings with escapes lie in YAJL's buffer until the next token: they are
 * copied to `scratch`, which is as large as the document (no escape is shorter than what it means).
 *
 * What YAJL lets through is checked here: of a lone surrogate (\ud800) it makes something, which
 * would make one customer out of two; so in a document that has one, escaped texts that may come of
 * it are marked as broken. YAJL's own check of UTF-8 passes overlong forms: it is off, ours looks
 * at the whole document.
 *
 * Where the rest of the mapping (DESIGN 2) goes: sums and counts are targets of a step that add up
 * instead of overwriting; `[]` is a step that every element takes, with its condition evaluated at
 * the element's end; first-of is several paths for one field with a rank kept in the slot; `each`
 * is a step whose container's end hands out one set of slots and empties those below it; `where`
 * and value maps look at filled slots in decode.c. Keys, headers and constants fill slots before
 * the document does.
 *
 * Rejected: jansson (numbers pass through doubles), a tree of tokens (jsmn lets `{"a" 1}` through,
 * and a second pass costs what it saves).
 */
#include "consumer/json_fields.h"

#include "consumer/field_tree.h"
#include "consumer/value.h"
#include "schemas/zero.h"
#include "scoring/base/assert.h"

#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#define NONE QTL_FIELD_TREE_NONE
#define ROOT QTL_FIELD_TREE_ROOT

/* An open container of the document. */
struct level {
    uint16_t step;   /* NONE: beside the tree */
    uint16_t member; /* of an object: where the last key leads */
    int32_t element; /* of an array: number of the next element; -1: an object */
};

struct qtl_json_fields {
    /* Immutable after new. */
    struct qtl_field_tree tree;

    /* Of the present document. */
    yajl_handle yajl;
    struct qtl_text document;
    struct qtl_fields *fields;
    struct level levels[QTL_JSON_DEPTH_MAX];
    uint32_t depth;
    uint32_t values;      /* at the top: 1, then 2 with the empty object of ours */
    bool closing;         /* the document is read, ours follows */
    bool lone_surrogates; /* somewhere in the document */
    char *scratch;
    size_t scratch_length;
    size_t scratch_capacity;
};

/* Where the next value of the document stands in the tree. */
static uint16_t next_step(struct qtl_json_fields *json)
{
    if (json->depth == 0) {
        return ROOT;
    }
    struct level *const level = &json->levels[json->depth - 1];
    if (level->element < 0) {
        return level->member;
    }
    const int32_t element = level->element;
    level->element += element < INT32_MAX ? 1 : 0;
    if (level->step == NONE) {
        return NONE;
    }
    return qtl_field_tree_element(&json->tree, level->step, element);
}

/* A value begins at a step: what stood at and below it counts no more. */
static void fill(struct qtl_json_fields *json, uint16_t step, struct qtl_slot slot)
{
    if (step == NONE) {
        return;
    }
    const struct qtl_field_step *const here = &json->tree.steps[step];
    for (uint32_t left = here->fields_below; left != 0; left &= left - 1) {
        const int field = __builtin_ctz(left);
        const bool at_step = (here->fields >> field & 1) != 0;
        json->fields->slots[field] = at_step ? slot : (struct qtl_slot){.type = QTL_SLOT_ABSENT};
    }
}

/* A value that is no container. */
static int take_scalar(struct qtl_json_fields *json, struct qtl_slot slot)
{
    if (json->depth == 0) {
        return 0; /* a document is an object */
    }
    fill(json, next_step(json), slot);
    return 1;
}

static int on_null(void *context)
{
    return take_scalar(context, (struct qtl_slot){.type = QTL_SLOT_ABSENT});
}

static int on_boolean(void *context, int value)
{
    const struct qtl_text text = {value != 0 ? "true" : "false", value != 0 ? 4 : 5};
    return take_scalar(context, (struct qtl_slot){.text = text, .type = QTL_SLOT_FLAG});
}

/* Text that stays: as it stands in the document, else copied out of YAJL's buffer. */
static struct qtl_text kept(struct qtl_json_fields *json, const char *bytes, size_t length)
{
    if ((uintptr_t)bytes - (uintptr_t)json->document.bytes < json->document.length) {
        return (struct qtl_text){bytes, (uint32_t)length};
    }
    QTL_ASSERT(json->scratch_capacity - json->scratch_length >= length);
    char *const copy = json->scratch + json->scratch_length;
    if (length > 0) {
        memcpy(copy, bytes, length);
    }
    json->scratch_length += length;
    return (struct qtl_text){copy, (uint32_t)length};
}

static int on_number(void *context, const char *bytes, size_t length)
{
    struct qtl_json_fields *const json = context;
    if (json->depth == 0) {
        return 0;
    }
    const uint16_t step = next_step(json);
    if (step != NONE) {
        fill(json, step,
             (struct qtl_slot){.text = kept(json, bytes, length), .type = QTL_SLOT_NUMBER});
    }
    return 1;
}

/* What YAJL makes of a surrogate without its partner: `?`, its three bytes, or together with any
 * other escape a character past U+FFFF. */
static bool may_be_broken(struct qtl_text text)
{
    for (uint32_t i = 0; i < text.length; i++) {
        if (text.bytes[i] == '?' || (unsigned char)text.bytes[i] >= 0xf0) {
            return true;
        }
    }
    return !qtl_value_is_utf8(text);
}

static int on_string(void *context, const unsigned char *bytes, size_t length)
{
    struct qtl_json_fields *const json = context;
    if (json->depth == 0) {
        return 0;
    }
    const uint16_t step = next_step(json);
    if (step == NONE) {
        return 1;
    }
    struct qtl_slot slot = {.text = kept(json, (const char *)bytes, length),
                            .type = QTL_SLOT_STRING};
    const bool copied = slot.text.bytes == json->scratch + json->scratch_length - length;
    if (json->lone_surrogates && copied && may_be_broken(slot.text)) {
        slot.type = QTL_SLOT_BROKEN;
    }
    fill(json, step, slot);
    return 1;
}

static int open_container(struct qtl_json_fields *json, bool is_array)
{
    if (json->depth == QTL_JSON_DEPTH_MAX) {
        return 0;
    }
    if (json->depth == 0) {
        json->values++;
        if (json->values > (json->closing ? 2 : 1) || is_array) {
            return 0;
        }
    }
    if (json->closing) {
        json->levels[json->depth++] = (struct level){NONE, NONE, -1};
        return 1;
    }
    const uint16_t step = next_step(json);
    fill(json, step, (struct qtl_slot){.type = QTL_SLOT_CONTAINER});
    json->levels[json->depth++] = (struct level){step, NONE, is_array ? 0 : -1};
    return 1;
}

static int on_start_map(void *context)
{
    return open_container(context, false);
}

static int on_start_array(void *context)
{
    return open_container(context, true);
}

static int on_map_key(void *context, const unsigned char *bytes, size_t length)
{
    struct qtl_json_fields *const json = context;
    QTL_ASSERT(json->depth > 0);
    struct level *const level = &json->levels[json->depth - 1];
    level->member =
        level->step == NONE ? NONE : qtl_field_tree_member(&json->tree, level->step, bytes, length);
    return 1;
}

static int on_end(void *context)
{
    struct qtl_json_fields *const json = context;
    QTL_ASSERT(json->depth > 0);
    json->depth--;
    return 1;
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_start_map,
    .yajl_map_key = on_map_key,
    .yajl_end_map = on_end,
    .yajl_start_array = on_start_array,
    .yajl_end_array = on_end,
};

static void renew_handle(struct qtl_json_fields *json)
{
    if (json->yajl != NULL) {
        yajl_free(json->yajl);
    }
    json->yajl = yajl_alloc(&callbacks, NULL, json);
    QTL_ASSERT(json->yajl != NULL);
    yajl_config(json->yajl, yajl_allow_multiple_values, 1);
    yajl_config(json->yajl, yajl_dont_validate_strings, 1);
}

struct qtl_json_fields *qtl_json_fields_new(enum qtl_stream stream,
                                            const char *const paths[QTL_FIELDS])
{
    struct qtl_json_fields *const json = calloc(1, sizeof(*json));
    QTL_ASSERT(json != NULL);
    qtl_field_tree_init(&json->tree, stream, paths);
    renew_handle(json);
    return json;
}

void qtl_json_fields_free(struct qtl_json_fields *json)
{
    if (json == NULL) {
        return;
    }
    qtl_field_tree_fini(&json->tree);
    yajl_free(json->yajl);
    free(json->scratch);
    free(json);
}

static int hex4(const char *at)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        const char byte = at[i];
        const char lower = (char)(byte | 0x20);
        if (byte >= '0' && byte <= '9') {
            value = value * 16 + (byte - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            value = value * 16 + (lower - 'a' + 10);
        } else {
            return -1;
        }
    }
    return value;
}

/* Whether some \uD800..\uDFFF has no partner. Looks at backslashes only: outside strings YAJL
 * refuses them. */
static bool has_lone_surrogate(struct qtl_text document)
{
    const char *at = document.bytes;
    const char *const end = document.bytes + document.length;
    while (at < end && (at = memchr(at, '\\', (size_t)(end - at))) != NULL) {
        const int unit = end - at >= 6 && at[1] == 'u' ? hex4(at + 2) : -1;
        if (unit < 0xd800 || unit > 0xdfff) {
            at += 2;
            continue;
        }
        const bool pair = end - at >= 12 && at[6] == '\\' && at[7] == 'u';
        const int second = pair ? hex4(at + 8) : -1;
        if (unit > 0xdbff || second < 0xdc00 || second > 0xdfff) {
            return true;
        }
        at += 12;
    }
    return false;
}

/* YAJL takes these for blanks; JSON has them nowhere. */
static bool has_odd_blank(struct qtl_text document)
{
    return memchr(document.bytes, '\f', document.length) != NULL ||
           memchr(document.bytes, '\v', document.length) != NULL;
}

static void reserve_scratch(struct qtl_json_fields *json, size_t bytes)
{
    json->scratch_length = 0;
    if (json->scratch_capacity < bytes) {
        free(json->scratch);
        json->scratch = malloc(bytes * 2);
        QTL_ASSERT(json->scratch != NULL);
        json->scratch_capacity = bytes * 2;
    }
}

static bool parse(struct qtl_json_fields *json, const char *bytes, size_t length)
{
    return yajl_parse(json->yajl, (const unsigned char *)bytes, length) == yajl_status_ok;
}

/* Whether nothing of the document is left in the parser. */
static bool close_document(struct qtl_json_fields *json)
{
    json->closing = true;
    return parse(json, "{}", 2) && json->depth == 0 && json->values == 2;
}

bool qtl_json_fields_read(struct qtl_json_fields *json, struct qtl_text document,
                          struct qtl_fields *fields)
{
    qtl_zero(fields, sizeof(*fields));
    if (document.length == 0 || has_odd_blank(document)) {
        return false;
    }
    fields->is_utf8 = qtl_value_is_utf8(document);
    reserve_scratch(json, (size_t)document.length + 1);
    json->document = document;
    json->fields = fields;
    json->depth = 0;
    json->values = 0;
    json->closing = false;
    json->lone_surrogates = has_lone_surrogate(document);
    const bool parsed = parse(json, document.bytes, document.length) && json->depth == 0 &&
                        json->values == 1 && close_document(json);
    if (!parsed) {
        renew_handle(json);
    }
    return parsed;
}
