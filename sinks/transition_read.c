/*
 * See transition_read.h. YAJL hands over one token after the other, numbers as text, so that ids
 * and money stay as they are, digit for digit. A text without escapes is borrowed from the
 * document; one with escapes is copied to the arena before YAJL's buffer is used again.
 *
 * Each document has a YAJL handle of its own, so that nothing of a damaged one can reach into the
 * next. Its memory comes from an arena that is taken back whole: nothing is allocated per record.
 *
 * Rejected: jansson (numbers pass through doubles, a tree a record); searching for our own keys
 * with memmem() (right only for as long as the writer stays as it is).
 */
#include "sinks/transition_read.h"

#include "scoring/base/arena.h"
#include "scoring/base/assert.h"
#include "sinks/transition_avro_read.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

struct qtl_transition_read {
    struct qtl_arena scratch; /* YAJL's */
    struct qtl_transition_pair *pairs;
    uint32_t pair_capacity;
    /* Of the document at hand. */
    struct qtl_text document;
    struct qtl_arena *arena;
    struct qtl_transition_fields *fields;
    const char *pairs_key; /* the member whose members are the pairs */
    struct qtl_text key;   /* the last at depth 1 */
    struct qtl_text name;  /* the last within the pairs */
    uint32_t depth;
    uint32_t values; /* at depth 0 */
    bool in_pairs;
    bool is_bad;
};

static void *take(void *context, size_t bytes)
{
    size_t *const block = qtl_arena_take(context, sizeof(size_t) + bytes);
    *block = bytes;
    return block + 1;
}

static void *take_again(void *context, void *old, size_t bytes)
{
    void *const block = take(context, bytes);
    if (old != NULL) {
        const size_t had = ((const size_t *)old)[-1];
        memcpy(block, old, had < bytes ? had : bytes);
    }
    return block;
}

static void give_back(void *context, void *block)
{
    (void)context; /* taken back with the whole arena */
    (void)block;
}

static bool is_key(struct qtl_text text, const char *key)
{
    return text.length == strlen(key) && memcmp(text.bytes, key, text.length) == 0;
}

/* A text that lives as long as the fields. */
static struct qtl_text keep(struct qtl_transition_read *read, const char *bytes, size_t length)
{
    const struct qtl_text text = {bytes, (uint32_t)length};
    const uintptr_t begin = (uintptr_t)read->document.bytes;
    const bool is_borrowed =
        (uintptr_t)bytes >= begin && (uintptr_t)bytes < begin + read->document.length;
    return is_borrowed || length == 0 ? text : qtl_arena_copy(read->arena, text);
}

static void add_pair(struct qtl_transition_read *read, struct qtl_text value)
{
    if (read->fields->pair_count == read->pair_capacity) {
        read->pair_capacity = read->pair_capacity == 0 ? 16 : read->pair_capacity * 2;
        read->pairs = realloc(read->pairs, read->pair_capacity * sizeof(*read->pairs));
        QTL_ASSERT(read->pairs != NULL);
    }
    read->pairs[read->fields->pair_count++] =
        (struct qtl_transition_pair){.name = read->name, .value = value};
}

static void take_sequence(struct qtl_transition_read *read, const char *digits, size_t length)
{
    uint64_t value = 0;
    for (size_t i = 0; i < length; i++) {
        if (digits[i] < '0' || digits[i] > '9' || value > UINT32_MAX / 10) {
            read->is_bad = true;
            return;
        }
        value = value * 10 + (uint64_t)(digits[i] - '0');
    }
    read->is_bad = read->is_bad || value == 0 || value > UINT32_MAX;
    read->fields->sequence = (uint32_t)value;
}

/* Any value that is no container: whether it stands among the pairs is dealt with here. */
static bool is_pair(struct qtl_transition_read *read, const char *bytes, size_t length)
{
    read->values += read->depth == 0 ? 1 : 0;
    if (read->in_pairs && read->depth == 2) {
        add_pair(read, keep(read, bytes, length));
        return true;
    }
    return read->depth != 1;
}

static int on_null(void *context)
{
    struct qtl_transition_read *const read = context;
    read->values += read->depth == 0 ? 1 : 0;
    return 1;
}

static int on_boolean(void *context, int value)
{
    const char *const word = value != 0 ? "true" : "false";
    (void)is_pair(context, word, strlen(word));
    return 1;
}

static int on_number(void *context, const char *digits, size_t length)
{
    struct qtl_transition_read *const read = context;
    if (!is_pair(read, digits, length) && is_key(read->key, "sequence")) {
        take_sequence(read, digits, length);
    }
    return 1;
}

static int on_string(void *context, const unsigned char *bytes, size_t length)
{
    struct qtl_transition_read *const read = context;
    if (is_pair(read, (const char *)bytes, length)) {
        return 1;
    }
    struct qtl_transition_fields *const fields = read->fields;
    const struct {
        const char *key;
        struct qtl_text *text;
    } texts[] = {{"id", &fields->id},           {"customer_id", &fields->customer_id},
                 {"segment", &fields->segment}, {"from", &fields->from},
                 {"to", &fields->to},           {"at", &fields->at},
                 {"cause", &fields->cause}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (is_key(read->key, texts[i].key)) {
            *texts[i].text = keep(read, (const char *)bytes, length);
        }
    }
    return 1;
}

static int on_map_key(void *context, const unsigned char *bytes, size_t length)
{
    struct qtl_transition_read *const read = context;
    if (read->depth == 1) {
        read->key = keep(read, (const char *)bytes, length);
    } else if (read->depth == 2 && read->in_pairs) {
        read->name = keep(read, (const char *)bytes, length);
    }
    return 1;
}

static int on_start_map(void *context)
{
    struct qtl_transition_read *const read = context;
    read->values += read->depth == 0 ? 1 : 0;
    read->depth++;
    if (read->depth == 2 && is_key(read->key, read->pairs_key)) {
        read->in_pairs = true;
        read->fields->pair_count = 0; /* of several equal members the last counts */
    }
    return 1;
}

static int on_start_array(void *context)
{
    struct qtl_transition_read *const read = context;
    read->is_bad = read->is_bad || read->depth == 0;
    read->depth++;
    return 1;
}

static int on_end(void *context)
{
    struct qtl_transition_read *const read = context;
    QTL_ASSERT(read->depth > 0);
    read->depth--;
    read->in_pairs = read->in_pairs && read->depth > 1;
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

struct qtl_transition_read *qtl_transition_read_new(void)
{
    struct qtl_transition_read *const read = calloc(1, sizeof(*read));
    QTL_ASSERT(read != NULL);
    return read;
}

void qtl_transition_read_free(struct qtl_transition_read *read)
{
    if (read != NULL) {
        qtl_arena_fini(&read->scratch);
        free(read->pairs);
        free(read);
    }
}

static bool parse(struct qtl_transition_read *read, struct qtl_text document)
{
    yajl_alloc_funcs memory = {
        .malloc = take, .realloc = take_again, .free = give_back, .ctx = &read->scratch};
    qtl_arena_reset(&read->scratch);
    const yajl_handle yajl = yajl_alloc(&callbacks, &memory, read);
    QTL_ASSERT(yajl != NULL);
    yajl_config(yajl, yajl_dont_validate_strings, 1); /* bytes are bytes to who gets them */
    return yajl_parse(yajl, (const unsigned char *)document.bytes, document.length) ==
               yajl_status_ok &&
           yajl_complete_parse(yajl) == yajl_status_ok;
}

static enum qtl_status read_document(struct qtl_transition_read *read, struct qtl_text document,
                                     struct qtl_arena *arena, const char *pairs_key,
                                     struct qtl_transition_fields *fields)
{
    *fields = (struct qtl_transition_fields){0};
    read->document = document;
    read->arena = arena;
    read->fields = fields;
    read->pairs_key = pairs_key;
    read->key = (struct qtl_text){NULL, 0};
    read->name = (struct qtl_text){NULL, 0};
    read->depth = 0;
    read->values = 0;
    read->in_pairs = false;
    read->is_bad = false;
    const bool parsed = document.length > 0 && parse(read, document) && read->depth == 0 &&
                        read->values == 1 && !read->is_bad;
    if (!parsed || fields->customer_id.length == 0 || fields->sequence == 0 ||
        fields->at.length == 0) {
        return QTL_MALFORMED;
    }
    if (fields->pair_count > 0) { /* out of the reader's own memory, into the arena's */
        const size_t bytes = fields->pair_count * sizeof(*read->pairs);
        struct qtl_transition_pair *const pairs = qtl_arena_take(arena, bytes);
        memcpy(pairs, read->pairs, bytes);
        fields->pairs = pairs;
    }
    return QTL_OK;
}

enum qtl_status qtl_transition_read_change(struct qtl_transition_read *read,
                                           struct qtl_text document, struct qtl_arena *arena,
                                           struct qtl_transition_fields *fields)
{
    if (qtl_transition_avro_read_is(document)) {
        return qtl_transition_avro_read(document, arena, fields);
    }
    const enum qtl_status status = read_document(read, document, arena, "evidence", fields);
    return status == QTL_OK && fields->segment.length == 0 ? QTL_MALFORMED : status;
}

enum qtl_status qtl_transition_read_state(struct qtl_transition_read *read,
                                          struct qtl_text document, struct qtl_arena *arena,
                                          struct qtl_transition_fields *fields)
{
    return read_document(read, document, arena, "segments", fields);
}
