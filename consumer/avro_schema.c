/*
 * See avro_schema.h. The text becomes a tree of JSON values (YAJL's), the tree a table of nodes.
 *
 * avro-c parses schemas, too, but its tree drops what we need: logical types, and with them what a
 * decimal or a timestamp is; it has no canonical form and no fingerprint. So the nodes come from
 * the JSON, and avro-c is asked afterwards whether it takes the text as well: two parsers must
 * agree before a program is compiled (it checks identifiers, for one). In this order, because a
 * schema may come out of a file of somebody else's, and what ours has bounded and checked (depth,
 * size, keys that stand twice, unknown names) cannot surprise it.
 *
 * Names: a node of a named type is entered before its fields are parsed, so that it can hold
 * itself; a reference is that node's number, so that the table is a graph.
 *
 * Rejected: jansson (another package to install, and avro-c uses it anyway), walking avro-c's tree
 * and the JSON side by side.
 */
#include "consumer/avro_schema.h"

#include "consumer/avro_canonical.h"
#include "consumer/value.h"
#include "scoring/base/assert.h"

#include <avro.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>
#include <yajl/yajl_tree.h>

#define JSON_DEPTH_MAX 256
#define PLACE_BYTES 256
#define NAME_BYTES_MAX 1024
#define PARTS_MAX 4096 /* fields of a record, symbols of an enum; and names in all */

struct named {
    struct qtl_text name;
    uint32_t node;
};

struct parser {
    struct qtl_avro_schema *schema;
    const char *file; /* for sentences */
    struct qtl_error *error;
    struct named *named; /* owned */
    size_t named_count;
    size_t named_capacity;
    char place[PLACE_BYTES]; /* e.g. "order.lines[].price" */
};

static const struct {
    const char *name;
    enum qtl_avro_type type;
} primitives[] = {
    {"null", QTL_AVRO_NULL},   {"boolean", QTL_AVRO_BOOLEAN}, {"int", QTL_AVRO_INT},
    {"long", QTL_AVRO_LONG},   {"float", QTL_AVRO_FLOAT},     {"double", QTL_AVRO_DOUBLE},
    {"bytes", QTL_AVRO_BYTES}, {"string", QTL_AVRO_STRING},
};
#define PRIMITIVES (sizeof(primitives) / sizeof(primitives[0]))

static const struct {
    const char *name;
    enum qtl_avro_type type;
    enum qtl_avro_logical logical;
} logicals[] = {
    {"decimal", QTL_AVRO_BYTES, QTL_AVRO_LOGICAL_DECIMAL},
    {"decimal", QTL_AVRO_FIXED, QTL_AVRO_LOGICAL_DECIMAL},
    {"uuid", QTL_AVRO_FIXED, QTL_AVRO_LOGICAL_UUID},
    {"date", QTL_AVRO_INT, QTL_AVRO_LOGICAL_DATE},
    {"timestamp-millis", QTL_AVRO_LONG, QTL_AVRO_LOGICAL_MILLIS},
    {"timestamp-micros", QTL_AVRO_LONG, QTL_AVRO_LOGICAL_MICROS},
    {"timestamp-nanos", QTL_AVRO_LONG, QTL_AVRO_LOGICAL_NANOS},
    {"local-timestamp-millis", QTL_AVRO_LONG, QTL_AVRO_LOGICAL_LOCAL_MILLIS},
    {"local-timestamp-micros", QTL_AVRO_LONG, QTL_AVRO_LOGICAL_LOCAL_MICROS},
    {"local-timestamp-nanos", QTL_AVRO_LONG, QTL_AVRO_LOGICAL_LOCAL_NANOS},
};
#define LOGICALS (sizeof(logicals) / sizeof(logicals[0]))

/* Sets the sentence; false, so that a failing function can return it. */
static bool refuse(struct parser *parser, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static bool refuse(struct parser *parser, const char *format, ...)
{
    char sentence[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    const bool inside = parser->place[0] != '\0';
    (void)qtl_error_set(parser->error, QTL_BAD_CONF, "%s: no Avro schema:%s%s%s %s", parser->file,
                        inside ? " at `" : "", parser->place, inside ? "`:" : "", sentence);
    return false;
}

/* Goes down to a part of the present place; the length before it, to come back to. */
static size_t enter(struct parser *parser, const char *before, struct qtl_text name)
{
    const size_t length = strlen(parser->place);
    snprintf(parser->place + length, PLACE_BYTES - length, "%s%.*s", length > 0 ? before : "",
             (int)(name.length < PLACE_BYTES ? name.length : PLACE_BYTES), name.bytes);
    return length;
}

static void leave(struct parser *parser, size_t length)
{
    parser->place[length] = '\0';
}

static uint32_t add_node(struct parser *parser, enum qtl_avro_type type)
{
    struct qtl_avro_schema *const schema = parser->schema;
    if (schema->node_count == schema->node_capacity) {
        schema->node_capacity = schema->node_capacity == 0 ? 64 : 2 * schema->node_capacity;
        schema->nodes = realloc(schema->nodes, schema->node_capacity * sizeof(*schema->nodes));
        QTL_ASSERT(schema->nodes != NULL);
    }
    schema->nodes[schema->node_count] = (struct qtl_avro_node){.type = (uint8_t)type};
    return schema->node_count++;
}

/* Room for the parts of a node, in one row whatever is parsed in between. */
static uint32_t add_parts(struct parser *parser, uint32_t node, size_t count)
{
    struct qtl_avro_schema *const schema = parser->schema;
    const uint32_t first = schema->part_count;
    QTL_ASSERT(count <= PARTS_MAX);
    while (schema->part_capacity - schema->part_count <= count) {
        schema->part_capacity = schema->part_capacity == 0 ? 64 : 2 * schema->part_capacity;
        schema->parts = realloc(schema->parts, schema->part_capacity * sizeof(*schema->parts));
        QTL_ASSERT(schema->parts != NULL);
    }
    memset(schema->parts + first, 0, count * sizeof(*schema->parts));
    schema->part_count += (uint32_t)count;
    schema->nodes[node].first = first;
    schema->nodes[node].count = (uint32_t)count;
    return first;
}

/* The value of a key; NULL where it is not there. Of keys that stand twice, parsers take different
 * ones: refused. */
static bool get(struct parser *parser, yajl_val object, const char *key, yajl_val *value)
{
    *value = NULL;
    for (size_t i = 0; i < object->u.object.len; i++) {
        if (strcmp(object->u.object.keys[i], key) != 0) {
            continue;
        }
        if (*value != NULL) {
            return refuse(parser, "`%s` stands twice", key);
        }
        *value = object->u.object.values[i];
    }
    return true;
}

/* A text that has to be there. */
static bool get_text(struct parser *parser, yajl_val object, const char *key, struct qtl_text *text)
{
    yajl_val value = NULL;
    if (!get(parser, object, key, &value)) {
        return false;
    }
    if (!YAJL_IS_STRING(value) || value->u.string[0] == '\0' ||
        strlen(value->u.string) > NAME_BYTES_MAX) {
        return refuse(parser, "expected `%s`, a text", key);
    }
    *text = qtl_text_of(value->u.string);
    return true;
}

static bool equals(struct qtl_text text, const char *word)
{
    return strlen(word) == text.length && memcmp(text.bytes, word, text.length) == 0;
}

/* `space`.`name`, in the schema's memory; the name alone where it has dots or there is no space. */
static struct qtl_text full_name(struct parser *parser, struct qtl_text space, struct qtl_text name)
{
    struct qtl_arena *const arena = &parser->schema->texts;
    QTL_ASSERT(name.bytes != NULL);
    if (space.length == 0 || memchr(name.bytes, '.', name.length) != NULL) {
        return qtl_arena_copy(arena, name);
    }
    const uint32_t length = space.length + 1 + name.length;
    char *const bytes = qtl_arena_take(arena, length);
    memcpy(bytes, space.bytes, space.length);
    bytes[space.length] = '.';
    memcpy(bytes + space.length + 1, name.bytes, name.length);
    return (struct qtl_text){bytes, length};
}

/* What stands before the last dot. */
static struct qtl_text space_of(struct qtl_text name)
{
    while (name.length > 0 && name.bytes[name.length - 1] != '.') {
        name.length--;
    }
    name.length -= name.length > 0 ? 1 : 0;
    return name;
}

static const struct named *find_named(const struct parser *parser, struct qtl_text name)
{
    for (size_t i = 0; i < parser->named_count; i++) {
        if (qtl_text_compare(parser->named[i].name, name) == 0) {
            return &parser->named[i];
        }
    }
    return NULL;
}

/* Gives a named type its full name and makes it known. `space` becomes that of what is inside. */
static bool enter_name(struct parser *parser, yajl_val object, uint32_t node,
                       struct qtl_text *space)
{
    struct qtl_text name = {"", 0};
    yajl_val own_space = NULL;
    if (!get_text(parser, object, "name", &name) || !get(parser, object, "namespace", &own_space)) {
        return false;
    }
    if (own_space != NULL && !YAJL_IS_STRING(own_space)) {
        return refuse(parser, "expected `namespace`, a text");
    }
    if (own_space != NULL) {
        *space = qtl_text_of(own_space->u.string);
    }
    name = full_name(parser, *space, name);
    *space = space_of(name);
    if (find_named(parser, name) != NULL) {
        return refuse(parser, "`%.*s` is defined twice", (int)name.length, name.bytes);
    }
    if (parser->named_count == PARTS_MAX) {
        return refuse(parser, "more than %d named types", PARTS_MAX);
    }
    if (parser->named_count == parser->named_capacity) {
        parser->named_capacity = parser->named_capacity == 0 ? 16 : 2 * parser->named_capacity;
        parser->named = realloc(parser->named, parser->named_capacity * sizeof(*parser->named));
        QTL_ASSERT(parser->named != NULL);
    }
    parser->named[parser->named_count++] = (struct named){name, node};
    parser->schema->nodes[node].name = name;
    return true;
}

static bool parse_type(struct parser *parser, yajl_val json, struct qtl_text space, uint32_t *node);

static bool parse_field(struct parser *parser, yajl_val json, struct qtl_text space, uint32_t place)
{
    struct qtl_text name = {0};
    yajl_val type = NULL;
    if (!YAJL_IS_OBJECT(json)) {
        return refuse(parser, "expected each field as an object");
    }
    if (!get_text(parser, json, "name", &name) || !get(parser, json, "type", &type)) {
        return false;
    }
    const size_t length = enter(parser, ".", name);
    uint32_t inner = 0;
    if (type == NULL) {
        return refuse(parser, "expected `type`");
    }
    if (!parse_type(parser, type, space, &inner)) {
        return false;
    }
    leave(parser, length);
    parser->schema->parts[place] =
        (struct qtl_avro_part){qtl_arena_copy(&parser->schema->texts, name), inner};
    return true;
}

/* Names of fields, symbols of enums: each but once. */
static bool are_different(struct parser *parser, uint32_t first, uint32_t count)
{
    const struct qtl_avro_part *const parts = parser->schema->parts + first;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (qtl_text_compare(parts[i].name, parts[j].name) == 0) {
                return refuse(parser, "`%.*s` stands twice", (int)parts[i].name.length,
                              parts[i].name.bytes);
            }
        }
    }
    return true;
}

static bool parse_record(struct parser *parser, yajl_val json, struct qtl_text space,
                         uint32_t *node)
{
    yajl_val fields = NULL;
    *node = add_node(parser, QTL_AVRO_RECORD);
    if (!enter_name(parser, json, *node, &space) || !get(parser, json, "fields", &fields)) {
        return false;
    }
    if (!YAJL_IS_ARRAY(fields)) {
        return refuse(parser, "expected `fields`, an array");
    }
    const uint32_t count = (uint32_t)fields->u.array.len;
    if (count > PARTS_MAX) {
        return refuse(parser, "it has more than %d fields", PARTS_MAX);
    }
    const uint32_t first = add_parts(parser, *node, count);
    for (uint32_t i = 0; i < count; i++) {
        if (!parse_field(parser, fields->u.array.values[i], space, first + i)) {
            return false;
        }
    }
    return are_different(parser, first, count);
}

static bool parse_enum(struct parser *parser, yajl_val json, struct qtl_text space, uint32_t *node)
{
    yajl_val symbols = NULL;
    *node = add_node(parser, QTL_AVRO_ENUM);
    if (!enter_name(parser, json, *node, &space) || !get(parser, json, "symbols", &symbols)) {
        return false;
    }
    if (!YAJL_IS_ARRAY(symbols)) {
        return refuse(parser, "expected `symbols`, an array");
    }
    const uint32_t count = (uint32_t)symbols->u.array.len;
    if (count > PARTS_MAX) {
        return refuse(parser, "it has more than %d symbols", PARTS_MAX);
    }
    const uint32_t first = add_parts(parser, *node, count);
    for (uint32_t i = 0; i < count; i++) {
        const yajl_val symbol = symbols->u.array.values[i];
        if (!YAJL_IS_STRING(symbol)) {
            return refuse(parser, "expected each symbol as a text");
        }
        parser->schema->parts[first + i].name =
            qtl_arena_copy(&parser->schema->texts, qtl_text_of(symbol->u.string));
    }
    return are_different(parser, first, count);
}

static bool parse_fixed(struct parser *parser, yajl_val json, struct qtl_text space, uint32_t *node)
{
    yajl_val size = NULL;
    *node = add_node(parser, QTL_AVRO_FIXED);
    if (!enter_name(parser, json, *node, &space) || !get(parser, json, "size", &size)) {
        return false;
    }
    if (!YAJL_IS_INTEGER(size) || YAJL_GET_INTEGER(size) < 0 ||
        YAJL_GET_INTEGER(size) > INT32_MAX) {
        return refuse(parser, "expected `size`, a number of bytes");
    }
    parser->schema->nodes[*node].size = (uint32_t)YAJL_GET_INTEGER(size);
    return true;
}

/* An array's items or a map's values. */
static bool parse_container(struct parser *parser, yajl_val json, struct qtl_text space,
                            enum qtl_avro_type type, uint32_t *node)
{
    const char *const key = type == QTL_AVRO_ARRAY ? "items" : "values";
    yajl_val inner_json = NULL;
    uint32_t inner = 0;
    *node = add_node(parser, type);
    if (!get(parser, json, key, &inner_json)) {
        return false;
    }
    if (inner_json == NULL) {
        return refuse(parser, "expected `%s`", key);
    }
    const uint32_t first = add_parts(parser, *node, 1);
    const size_t length = enter(parser, "", qtl_text_of(type == QTL_AVRO_ARRAY ? "[]" : "{}"));
    if (!parse_type(parser, inner_json, space, &inner)) {
        return false;
    }
    leave(parser, length);
    parser->schema->parts[first].node = inner;
    return true;
}

static bool parse_union(struct parser *parser, yajl_val json, struct qtl_text space, uint32_t *node)
{
    *node = add_node(parser, QTL_AVRO_UNION);
    const uint32_t count = (uint32_t)json->u.array.len;
    if (count == 0 || count > PARTS_MAX) {
        return refuse(parser, "a union of %" PRIu32 "; expected 1 to %d branches", count,
                      PARTS_MAX);
    }
    const uint32_t first = add_parts(parser, *node, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t inner = 0;
        if (!parse_type(parser, json->u.array.values[i], space, &inner)) {
            return false;
        }
        if (parser->schema->nodes[inner].type == QTL_AVRO_UNION) {
            return refuse(parser, "a union right inside a union");
        }
        parser->schema->parts[first + i].node = inner;
    }
    return true;
}

/* A type by its name: a primitive one, or one that is defined before. */
static bool refer(struct parser *parser, struct qtl_text name, struct qtl_text space,
                  uint32_t *node)
{
    for (size_t i = 0; i < PRIMITIVES; i++) {
        if (equals(name, primitives[i].name)) {
            *node = add_node(parser, primitives[i].type);
            return true;
        }
    }
    const struct named *named = find_named(parser, full_name(parser, space, name));
    named = named != NULL ? named : find_named(parser, name);
    if (named == NULL) {
        return refuse(parser,
                      "unknown type `%.*s`; expected a type of Avro's or a name that is "
                      "defined before it",
                      (int)(name.length < 100 ? name.length : 100), name.bytes);
    }
    *node = named->node;
    return true;
}

/* Precision and scale: as Avro says, a decimal that breaks the rules is none. */
static bool take_decimal(struct parser *parser, yajl_val json, struct qtl_avro_node *node)
{
    yajl_val precision = NULL;
    yajl_val scale = NULL;
    if (!get(parser, json, "precision", &precision) || !get(parser, json, "scale", &scale)) {
        return false;
    }
    const bool has_scale = YAJL_IS_INTEGER(scale);
    const int64_t digits = YAJL_IS_INTEGER(precision) ? YAJL_GET_INTEGER(precision) : 0;
    const int64_t places = has_scale ? YAJL_GET_INTEGER(scale) : 0;
    if (digits < 1 || places < 0 || places > digits || places > QTL_AVRO_SCALE_MAX ||
        (scale != NULL && !has_scale)) {
        node->logical = QTL_AVRO_LOGICAL_NONE;
    }
    node->scale = node->logical == QTL_AVRO_LOGICAL_NONE ? 0 : (uint16_t)places;
    return true;
}

static bool take_logical(struct parser *parser, yajl_val json, uint32_t number)
{
    struct qtl_avro_node *const node = &parser->schema->nodes[number];
    yajl_val logical = NULL;
    if (!get(parser, json, "logicalType", &logical)) {
        return false;
    }
    for (size_t i = 0; YAJL_IS_STRING(logical) && i < LOGICALS; i++) {
        if (logicals[i].type == node->type && strcmp(logicals[i].name, logical->u.string) == 0) {
            node->logical = (uint8_t)logicals[i].logical;
        }
    }
    if (node->logical == QTL_AVRO_LOGICAL_UUID && node->size != 16) {
        node->logical = QTL_AVRO_LOGICAL_NONE;
    }
    return node->logical != QTL_AVRO_LOGICAL_DECIMAL || take_decimal(parser, json, node);
}

static bool parse_object(struct parser *parser, yajl_val json, struct qtl_text space,
                         uint32_t *node)
{
    struct qtl_text type = {0};
    if (!get_text(parser, json, "type", &type)) {
        return false;
    }
    if (equals(type, "record")) {
        return parse_record(parser, json, space, node);
    }
    if (equals(type, "enum")) {
        return parse_enum(parser, json, space, node);
    }
    if (equals(type, "array") || equals(type, "map")) {
        return parse_container(parser, json, space,
                               equals(type, "array") ? QTL_AVRO_ARRAY : QTL_AVRO_MAP, node);
    }
    if (equals(type, "fixed")) {
        return parse_fixed(parser, json, space, node) && take_logical(parser, json, *node);
    }
    const uint32_t before = parser->schema->node_count;
    if (!refer(parser, type, space, node)) {
        return false;
    }
    return *node < before || take_logical(parser, json, *node);
}

/* As deep as the text is nested, JSON_DEPTH_MAX. */
static bool parse_type(struct parser *parser, yajl_val json, struct qtl_text space, uint32_t *node)
{
    if (YAJL_IS_STRING(json)) {
        return refer(parser, qtl_text_of(json->u.string), space, node);
    }
    if (YAJL_IS_OBJECT(json)) {
        return parse_object(parser, json, space, node);
    }
    if (YAJL_IS_ARRAY(json)) {
        return parse_union(parser, json, space, node);
    }
    return refuse(parser, "expected a type: a text, an object or an array");
}

/* How deep objects and arrays are nested, before anything recurses over them. */
static uint32_t depth_of(struct qtl_text text)
{
    uint32_t depth = 0;
    uint32_t deepest = 0;
    bool in_string = false;
    for (uint32_t i = 0; i < text.length; i++) {
        const char byte = text.bytes[i];
        if (in_string) {
            i += byte == '\\' ? 1 : 0;
            in_string = byte != '"';
        } else if (byte == '{' || byte == '[') {
            depth++;
            deepest = depth > deepest ? depth : deepest;
        } else if (byte == '}' || byte == ']') {
            depth -= depth > 0 ? 1 : 0;
        } else {
            in_string = byte == '"';
        }
    }
    return deepest;
}

/* The sentence for a text that is no JSON, with the place where YAJL gave up. */
static void refuse_json(struct parser *parser, struct qtl_text text)
{
    const unsigned char *const bytes = (const unsigned char *)text.bytes;
    const yajl_handle yajl = yajl_alloc(NULL, NULL, NULL);
    QTL_ASSERT(yajl != NULL);
    const yajl_status status = yajl_parse(yajl, bytes, text.length);
    size_t at = text.length;
    if (status != yajl_status_ok) {
        at = yajl_get_bytes_consumed(yajl);
        at -= at > 0 ? 1 : 0; /* the last one read is the one that did not fit */
    }
    if (status == yajl_status_ok) {
        (void)yajl_complete_parse(yajl); /* the error is what is wanted of it */
    }
    uint32_t line = 1;
    uint32_t column = 1;
    for (size_t i = 0; i < at && i < text.length; i++) {
        column = text.bytes[i] == '\n' ? 1 : column + 1;
        line += text.bytes[i] == '\n' ? 1 : 0;
    }
    unsigned char *const problem = yajl_get_error(yajl, 0, bytes, text.length);
    problem[strcspn((char *)problem, "\n")] = '\0';
    (void)qtl_error_set(parser->error, QTL_BAD_CONF,
                        "%s:%" PRIu32 ":%" PRIu32 ": no JSON (%s); expected an Avro schema",
                        parser->file, line, column, (const char *)problem);
    yajl_free_error(yajl, problem);
    yajl_free(yajl);
}

static bool parse_tree(struct parser *parser, struct qtl_text text)
{
    uint32_t root = 0;
    char problem[256];
    if (text.length == 0 || text.length > QTL_AVRO_SCHEMA_BYTES_MAX) {
        return refuse(parser, "expected 1 to %u bytes, found %" PRIu32, QTL_AVRO_SCHEMA_BYTES_MAX,
                      text.length);
    }
    if (!qtl_value_is_utf8(text) || memchr(text.bytes, '\0', text.length) != NULL) {
        return refuse(parser, "expected text in UTF-8");
    }
    if (depth_of(text) > JSON_DEPTH_MAX) {
        return refuse(parser, "it is nested deeper than %d", JSON_DEPTH_MAX);
    }
    char *const copy = strndup(text.bytes, text.length);
    QTL_ASSERT(copy != NULL);
    const yajl_val json = yajl_tree_parse(copy, problem, sizeof(problem));
    free(copy);
    if (json == NULL) {
        refuse_json(parser, text);
        return false;
    }
    const bool parsed = parse_type(parser, json, (struct qtl_text){"", 0}, &root);
    yajl_tree_free(json);
    return parsed;
}

/* The second opinion. avro-c's JSON has no \u0000, which schemas of others do have: a decimal's 0
 * as a default. It is shown another character there; where names and types stand there is none. */
static bool ask_avro(struct parser *parser, struct qtl_text text)
{
    static const char nul[] = "\\u0000";
    avro_schema_t schema = NULL;
    char *const copy = strndup(text.bytes, text.length);
    QTL_ASSERT(copy != NULL);
    for (char *at = strstr(copy, nul); at != NULL; at = strstr(at, nul)) {
        at[sizeof(nul) - 2] = '1';
    }
    const int refused = avro_schema_from_json_length(copy, text.length, &schema);
    free(copy);
    if (refused != 0) {
        return refuse(parser, "%s", avro_strerror());
    }
    avro_schema_decref(schema);
    return true;
}

enum qtl_status qtl_avro_schema_parse(struct qtl_text text, const char *name,
                                      struct qtl_avro_schema **schema, struct qtl_error *error)
{
    struct qtl_avro_schema *const made = calloc(1, sizeof(*made));
    QTL_ASSERT(made != NULL);
    struct parser parser = {.schema = made, .file = name, .error = error};
    const bool parsed = parse_tree(&parser, text) && ask_avro(&parser, text);
    free(parser.named);
    if (!parsed) {
        qtl_avro_schema_free(made);
        return QTL_BAD_CONF;
    }
    qtl_avro_canonical_write(made, &made->canonical);
    made->fingerprint = qtl_avro_canonical_fingerprint(
        (struct qtl_text){made->canonical.bytes, (uint32_t)made->canonical.length});
    *schema = made;
    return QTL_OK;
}

enum qtl_status qtl_avro_schema_read(const char *path, struct qtl_avro_schema **schema,
                                     struct qtl_error *error)
{
    FILE *const file = fopen(path, "rb");
    if (file == NULL) {
        return qtl_error_set(error, QTL_BAD_CONF,
                             "%s: cannot be opened (%s); expected a file with an Avro schema", path,
                             strerror(errno));
    }
    char *const bytes = malloc(QTL_AVRO_SCHEMA_BYTES_MAX + 1U);
    QTL_ASSERT(bytes != NULL);
    const size_t length = fread(bytes, 1, QTL_AVRO_SCHEMA_BYTES_MAX + 1U, file);
    const bool failed = ferror(file) != 0;
    fclose(file);
    const enum qtl_status status =
        failed ? qtl_error_set(error, QTL_BAD_CONF,
                               "%s: cannot be read; expected a file with an Avro schema", path)
               : qtl_avro_schema_parse((struct qtl_text){bytes, (uint32_t)length}, path, schema,
                                       error);
    free(bytes);
    return status;
}

void qtl_avro_schema_free(struct qtl_avro_schema *schema)
{
    if (schema == NULL) {
        return;
    }
    qtl_arena_fini(&schema->texts);
    qtl_bytes_fini(&schema->canonical);
    free(schema->nodes);
    free(schema->parts);
    free(schema);
}

uint32_t qtl_avro_schema_inner(const struct qtl_avro_schema *schema, uint32_t node)
{
    const struct qtl_avro_node *const outer = &schema->nodes[node];
    QTL_ASSERT(outer->type == QTL_AVRO_ARRAY || outer->type == QTL_AVRO_MAP);
    return schema->parts[outer->first].node;
}
