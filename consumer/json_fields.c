/*
 * JSON to canonical fields; see json_fields.h.
 *
 * The paths of all fields make one tree of steps:
 *
 *     (root) --customer--> ( ) --id--> (customer_id)
 *        |----created_at--> (occurred_at)
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

#include "consumer/json_path.h"
#include "consumer/value.h"
#include "scoring/base/assert.h"

#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#define STEPS_MAX (1 + QTL_FIELDS * QTL_JSON_PATH_STEPS_MAX)
#define NONE UINT16_MAX
#define ROOT 0

_Static_assert(QTL_FIELDS <= 32, "sets of fields are 32 bits");

struct step {
    char *name; /* owned; NULL for an element */
    uint32_t name_length;
    int32_t index;         /* of an element; -1: a member */
    uint16_t first_child;  /* NONE: no further steps */
    uint16_t next_sibling; /* NONE: the last */
    uint32_t fields;       /* that stand here, bit by bit */
    uint32_t fields_below; /* here and below */
};

/* An open container of the document. */
struct level {
    uint16_t step;   /* NONE: beside the tree */
    uint16_t member; /* of an object: where the last key leads */
    int32_t element; /* of an array: number of the next element; -1: an object */
};

struct qtl_json_fields {
    /* Immutable after new. */
    struct step steps[STEPS_MAX];
    uint16_t step_count;

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

/* The child of `parent` for a path's step, made where it is not there yet. */
static uint16_t child_made(struct qtl_json_fields *json, uint16_t parent,
                           const struct qtl_json_step *wanted)
{
    uint16_t *link = &json->steps[parent].first_child;
    for (; *link != NONE; link = &json->steps[*link].next_sibling) {
        const struct step *const step = &json->steps[*link];
        const bool same = step->index == wanted->index && step->name_length == wanted->name.length;
        if (same && (wanted->index >= 0 ||
                     memcmp(step->name, wanted->name.bytes, wanted->name.length) == 0)) {
            return *link;
        }
    }
    QTL_ASSERT(json->step_count < STEPS_MAX);
    const uint16_t number = json->step_count++;
    struct step *const step = &json->steps[number];
    *step = (struct step){.index = wanted->index, .first_child = NONE, .next_sibling = NONE};
    if (wanted->index < 0) {
        step->name = malloc(wanted->name.length);
        QTL_ASSERT(step->name != NULL);
        memcpy(step->name, wanted->name.bytes, wanted->name.length);
        step->name_length = wanted->name.length;
    }
    *link = number;
    return number;
}

static void add_path(struct qtl_json_fields *json, enum qtl_field field, const char *text)
{
    struct qtl_json_path path;
    const char *problem = NULL;
    const bool parsed =
        qtl_json_path_parse((struct qtl_text){text, (uint32_t)strlen(text)}, &path, &problem);
    QTL_ASSERT(parsed); /* checked where the configuration was read */
    uint16_t step = ROOT;
    json->steps[step].fields_below |= UINT32_C(1) << field;
    for (uint32_t i = 0; i < path.count; i++) {
        step = child_made(json, step, &path.steps[i]);
        json->steps[step].fields_below |= UINT32_C(1) << field;
    }
    json->steps[step].fields |= UINT32_C(1) << field;
}

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
    uint16_t step = json->steps[level->step].first_child;
    while (step != NONE && json->steps[step].index != element) {
        step = json->steps[step].next_sibling;
    }
    return step;
}

/* A value begins at a step: what stood at and below it counts no more. */
static void fill(struct qtl_json_fields *json, uint16_t step, struct qtl_slot slot)
{
    if (step == NONE) {
        return;
    }
    const struct step *const here = &json->steps[step];
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
    return take_scalar(context, (struct qtl_slot){text, QTL_SLOT_FLAG});
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
        fill(json, step, (struct qtl_slot){kept(json, bytes, length), QTL_SLOT_NUMBER});
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
    struct qtl_slot slot = {kept(json, (const char *)bytes, length), QTL_SLOT_STRING};
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
    level->member = NONE;
    if (level->step == NONE) {
        return 1;
    }
    uint16_t number = json->steps[level->step].first_child;
    for (; number != NONE; number = json->steps[number].next_sibling) {
        const struct step *const step = &json->steps[number];
        if (step->index < 0 && step->name_length == length &&
            memcmp(step->name, bytes, length) == 0) {
            level->member = number;
            break;
        }
    }
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
    json->steps[ROOT] = (struct step){.index = -1, .first_child = NONE, .next_sibling = NONE};
    json->step_count = 1;
    for (int i = 0; i < QTL_FIELDS; i++) {
        const enum qtl_field field = (enum qtl_field)i;
        const char *const path = paths[field] != NULL ? paths[field] : qtl_field_name(field);
        if (qtl_field_of(field, stream) && path[0] != '\0') {
            add_path(json, field, path);
        }
    }
    renew_handle(json);
    return json;
}

void qtl_json_fields_free(struct qtl_json_fields *json)
{
    if (json == NULL) {
        return;
    }
    for (uint16_t i = 0; i < json->step_count; i++) {
        free(json->steps[i].name);
    }
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
    memset(fields, 0, sizeof(*fields));
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
