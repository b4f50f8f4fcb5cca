/*
 * Schema and mapping to a decode program; see avro_program.h and avro_op.h.
 *
 * The walk goes down the schema and the tree of paths (field_tree.h) together. Where the tree ends,
 * values are skipped; a record that is skipped becomes a routine of its own, called from wherever
 * it stands, so that records which hold themselves end and a schema's length bounds the program's.
 * Where the tree goes on, operations are written in place: each step down uses up one of the
 * path's, at most 16, so that this ends, too; but unions of many records may multiply, which
 * OPS_MAX bounds.
 *
 * Rejected: interpreting the schema's nodes with the tree beside them for each record (twice the
 * look-ups, and a stack of places for what is a straight line); code for the machine.
 */
#include "consumer/avro_op.h"
#include "consumer/avro_program.h"
#include "consumer/field_map.h"
#include "scoring/base/assert.h"

#include <stdlib.h>
#include <string.h>

#define OPS_MAX 100000
#define NONE QTL_FIELD_TREE_NONE

struct compiler {
    struct qtl_avro_program *program;
    const struct qtl_avro_schema *schema;
    const struct qtl_field_map *maps; /* NULL: our own names */
    uint32_t *routines;               /* of each node: its address; 0: not written */
    uint32_t *due;                    /* nodes whose routines are asked for */
    uint32_t due_count;
    bool *asked;
};

static uint32_t here(const struct compiler *compiler)
{
    return compiler->program->op_count;
}

/* Makes room for one more; the array, moved or not. */
static void *grown(void *array, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity) {
        return array;
    }
    *capacity = *capacity == 0 ? 64 : 2 * *capacity;
    void *const moved = realloc(array, *capacity * size);
    QTL_ASSERT(moved != NULL);
    return moved;
}

/* Writes an operation; its address. Past the bound everything goes to one place, and the program
 * is thrown away at the end. */
static uint32_t put(struct compiler *compiler, struct qtl_avro_op op)
{
    struct qtl_avro_program *const program = compiler->program;
    program->ops =
        grown(program->ops, program->op_count, &program->op_capacity, sizeof(*program->ops));
    if (program->op_count == OPS_MAX) {
        program->too_long = true;
        return OPS_MAX - 1;
    }
    program->ops[program->op_count] = op;
    return program->op_count++;
}

static void put_code(struct compiler *compiler, enum qtl_avro_code code, uint32_t a)
{
    (void)put(compiler, (struct qtl_avro_op){.code = (uint8_t)code, .a = a});
}

/* Room for `count` branches; the place of the first. */
static uint32_t add_addresses(struct compiler *compiler, uint32_t count)
{
    struct qtl_avro_program *const program = compiler->program;
    const uint32_t first = program->address_count;
    for (uint32_t i = 0; i < count; i++) {
        program->addresses = grown(program->addresses, program->address_count,
                                   &program->address_capacity, sizeof(*program->addresses));
        program->addresses[program->address_count++] = 0;
    }
    return first;
}

static void compile(struct compiler *compiler, uint32_t number, uint16_t step);

/* Whether a union is a value or nothing, and which branch is the nothing. */
static bool is_option(const struct compiler *compiler, const struct qtl_avro_node *node,
                      uint32_t *null_branch)
{
    for (uint32_t i = 0; i < node->count && node->count == 2; i++) {
        const uint32_t branch = compiler->schema->parts[node->first + i].node;
        if (compiler->schema->nodes[branch].type == QTL_AVRO_NULL) {
            *null_branch = i;
            return true;
        }
    }
    return false;
}

/* An option of a single value is one operation. */
static void close_option(struct compiler *compiler, uint32_t option)
{
    struct qtl_avro_program *const program = compiler->program;
    struct qtl_avro_op *const op = &program->ops[option];
    const bool is_single = !program->too_long && program->op_count == option + 2 &&
                           op[1].code >= QTL_AVRO_SKIP_INT && op[1].code <= QTL_AVRO_VALUES_END &&
                           op[1].optional == 0;
    if (is_single) {
        const uint8_t optional = (uint8_t)(op->a + 1);
        op[0] = op[1];
        op->optional = optional;
        program->op_count--;
    } else {
        op->b = here(compiler);
    }
}

static void compile_union(struct compiler *compiler, const struct qtl_avro_node *node,
                          uint16_t step)
{
    const struct qtl_avro_part *const parts = compiler->schema->parts + node->first;
    struct qtl_avro_program *const program = compiler->program;
    uint32_t null_branch = 0;
    if (is_option(compiler, node, &null_branch)) {
        const uint32_t option =
            put(compiler, (struct qtl_avro_op){.code = QTL_AVRO_OPTION, .a = null_branch});
        compile(compiler, parts[1 - null_branch].node, step);
        close_option(compiler, option);
        return;
    }
    const uint32_t table = add_addresses(compiler, node->count);
    (void)put(compiler,
              (struct qtl_avro_op){.code = QTL_AVRO_CHOICE, .a = table, .b = node->count});
    uint32_t last_jump = 0; /* the jumps are a chain until their address is known */
    for (uint32_t i = 0; i < node->count && !program->too_long; i++) {
        program->addresses[table + i] = here(compiler);
        compile(compiler, parts[i].node, step);
        last_jump = put(compiler, (struct qtl_avro_op){.code = QTL_AVRO_JUMP, .a = last_jump});
    }
    while (last_jump != 0 && !program->too_long) {
        const uint32_t before = program->ops[last_jump].a;
        program->ops[last_jump].a = here(compiler);
        last_jump = before;
    }
}

static void compile_record(struct compiler *compiler, const struct qtl_avro_node *node,
                           uint16_t step)
{
    for (uint32_t i = 0; i < node->count && !compiler->program->too_long; i++) {
        const struct qtl_avro_part *const part = &compiler->schema->parts[node->first + i];
        const uint16_t below = step == NONE
                                   ? NONE
                                   : qtl_field_tree_member(&compiler->program->tree, step,
                                                           part->name.bytes, part->name.length);
        compile(compiler, part->node, below);
    }
}

/* The steps below `step` that an array's elements or a map's keys can be. */
static uint32_t add_cases(struct compiler *compiler, uint16_t step, bool is_map, uint32_t *first)
{
    struct qtl_avro_program *const program = compiler->program;
    *first = program->case_count;
    if (step == NONE) {
        return 0;
    }
    uint16_t child = program->tree.steps[step].first_child;
    for (; child != NONE; child = program->tree.steps[child].next_sibling) {
        if ((program->tree.steps[child].index < 0) != is_map) {
            continue;
        }
        program->cases = grown(program->cases, program->case_count, &program->case_capacity,
                               sizeof(*program->cases));
        program->cases[program->case_count++] = (struct qtl_avro_case){.step = child};
    }
    return program->case_count - *first;
}

static void compile_loop(struct compiler *compiler, uint32_t number, bool is_map, uint16_t step)
{
    struct qtl_avro_program *const program = compiler->program;
    const uint32_t inner = qtl_avro_schema_inner(compiler->schema, number);
    uint32_t first = 0;
    const uint32_t count = add_cases(compiler, step, is_map, &first);
    const uint32_t loop =
        put(compiler,
            (struct qtl_avro_op){.code = QTL_AVRO_LOOP, .is_map = is_map, .b = first, .c = count});
    program->ops[loop].d = here(compiler);
    compile(compiler, inner, NONE);
    put_code(compiler, QTL_AVRO_NEXT, 0);
    for (uint32_t i = 0; i < count && !program->too_long; i++) {
        const uint16_t below = program->cases[first + i].step;
        program->cases[first + i].address = here(compiler);
        if (is_map) {
            (void)put(compiler, (struct qtl_avro_op){.code = QTL_AVRO_CLEAR,
                                                     .a = program->tree.steps[below].fields_below});
        }
        compile(compiler, inner, below);
        put_code(compiler, QTL_AVRO_NEXT, 0);
    }
    program->ops[loop].a = here(compiler);
}

/* Asks for the routine that skips a record. */
static void call(struct compiler *compiler, uint32_t number)
{
    if (!compiler->asked[number]) {
        compiler->asked[number] = true;
        compiler->due[compiler->due_count++] = number;
    }
    put_code(compiler, QTL_AVRO_CALL, number);
}

static void skip_leaf(struct compiler *compiler, const struct qtl_avro_node *node)
{
    switch ((enum qtl_avro_type)node->type) {
    case QTL_AVRO_BOOLEAN:
        put_code(compiler, QTL_AVRO_SKIP_FLAG, 0);
        return;
    case QTL_AVRO_INT:
        put_code(compiler, QTL_AVRO_SKIP_INT, 0);
        return;
    case QTL_AVRO_LONG:
        put_code(compiler, QTL_AVRO_SKIP_LONG, 0);
        return;
    case QTL_AVRO_FLOAT:
        put_code(compiler, QTL_AVRO_SKIP_FIXED, 4);
        return;
    case QTL_AVRO_DOUBLE:
        put_code(compiler, QTL_AVRO_SKIP_FIXED, 8);
        return;
    case QTL_AVRO_BYTES:
    case QTL_AVRO_STRING:
        put_code(compiler, QTL_AVRO_SKIP_TEXT, 0);
        return;
    case QTL_AVRO_FIXED:
        put_code(compiler, QTL_AVRO_SKIP_FIXED, node->size);
        return;
    case QTL_AVRO_ENUM:
        put_code(compiler, QTL_AVRO_SKIP_ENUM, node->count);
        return;
    case QTL_AVRO_NULL:
    case QTL_AVRO_RECORD:
    case QTL_AVRO_ARRAY:
    case QTL_AVRO_MAP:
    case QTL_AVRO_UNION:
        return;
    }
}

/* How an int or long with a logical type becomes the field's value. */
static struct qtl_avro_op whole_number(const struct compiler *compiler, enum qtl_field field,
                                       const struct qtl_avro_node *node)
{
    static const uint32_t units[] = {
        [QTL_AVRO_LOGICAL_MILLIS] = 1000,          [QTL_AVRO_LOGICAL_MICROS] = 1000000,
        [QTL_AVRO_LOGICAL_NANOS] = 1000000000,     [QTL_AVRO_LOGICAL_LOCAL_MILLIS] = 1000,
        [QTL_AVRO_LOGICAL_LOCAL_MICROS] = 1000000, [QTL_AVRO_LOGICAL_LOCAL_NANOS] = 1000000000};
    const enum qtl_field_type type = qtl_field_type(field);
    const int32_t zone =
        compiler->maps != NULL ? compiler->maps[field].conversion.zone_offset_s : 0;
    const bool is_instant = type == QTL_FIELD_TYPE_TIME && node->logical >= QTL_AVRO_LOGICAL_MILLIS;
    struct qtl_avro_op op = {.code = type == QTL_FIELD_TYPE_ID ? QTL_AVRO_TAKE_DIGITS
                                                               : QTL_AVRO_TAKE_NUMBER,
                             .a = node->type == QTL_AVRO_INT ? 1 : 0};
    if (node->logical == QTL_AVRO_LOGICAL_DATE && type == QTL_FIELD_TYPE_WORD) {
        op.code = QTL_AVRO_TAKE_DATE_TEXT;
    } else if (node->logical == QTL_AVRO_LOGICAL_DATE && type == QTL_FIELD_TYPE_TIME) {
        op.code = QTL_AVRO_TAKE_DATE;
        op.b = (uint32_t)zone;
    } else if (is_instant) {
        op.code = QTL_AVRO_TAKE_INSTANT;
        op.a = units[node->logical];
        op.b = node->logical >= QTL_AVRO_LOGICAL_LOCAL_MILLIS ? (uint32_t)zone : 0;
    }
    return op;
}

static struct qtl_avro_op bytes_value(const struct qtl_avro_node *node, uint32_t as_text)
{
    const bool is_fixed = node->type == QTL_AVRO_FIXED;
    struct qtl_avro_op op = {.code = is_fixed ? QTL_AVRO_TAKE_FIXED : QTL_AVRO_TAKE_TEXT,
                             .a = node->size};
    if (node->logical == QTL_AVRO_LOGICAL_UUID) {
        op.code = QTL_AVRO_TAKE_UUID;
    } else if (node->logical == QTL_AVRO_LOGICAL_DECIMAL) {
        op.code = QTL_AVRO_TAKE_DECIMAL;
        op.a = is_fixed ? node->size : QTL_AVRO_DECIMAL_BYTES;
        op.b = node->scale;
        op.c = as_text;
    }
    return op;
}

static struct qtl_avro_op take(const struct compiler *compiler, enum qtl_field field,
                               const struct qtl_avro_node *node)
{
    const uint32_t as_text = qtl_field_type(field) == QTL_FIELD_TYPE_ID ? 1 : 0;
    switch ((enum qtl_avro_type)node->type) {
    case QTL_AVRO_BOOLEAN:
        return (struct qtl_avro_op){.code = QTL_AVRO_TAKE_FLAG};
    case QTL_AVRO_INT:
    case QTL_AVRO_LONG:
        return whole_number(compiler, field, node);
    case QTL_AVRO_FLOAT:
        return (struct qtl_avro_op){.code = QTL_AVRO_TAKE_FLOAT, .a = as_text};
    case QTL_AVRO_DOUBLE:
        return (struct qtl_avro_op){.code = QTL_AVRO_TAKE_DOUBLE, .a = as_text};
    case QTL_AVRO_BYTES:
    case QTL_AVRO_STRING:
    case QTL_AVRO_FIXED:
        return bytes_value(node, as_text);
    case QTL_AVRO_ENUM:
        return (struct qtl_avro_op){.code = QTL_AVRO_TAKE_ENUM, .a = node->first, .b = node->count};
    case QTL_AVRO_NULL:
    case QTL_AVRO_RECORD:
    case QTL_AVRO_ARRAY:
    case QTL_AVRO_MAP:
    case QTL_AVRO_UNION:
        break;
    }
    QTL_UNREACHABLE("no leaf");
}

/* A value without parts, into every field that stands here. */
static void compile_leaf(struct compiler *compiler, const struct qtl_avro_node *node,
                         uint32_t fields)
{
    if (fields == 0 || node->type == QTL_AVRO_NULL) {
        skip_leaf(compiler, node);
        return;
    }
    compiler->program->fields |= fields;
    if ((fields & (fields - 1)) != 0) {
        put_code(compiler, QTL_AVRO_MARK, 0);
    }
    for (; fields != 0; fields &= fields - 1) {
        const int field = __builtin_ctz(fields);
        struct qtl_avro_op op = take(compiler, (enum qtl_field)field, node);
        op.field = (uint8_t)field;
        (void)put(compiler, op);
        if ((fields & (fields - 1)) != 0) {
            put_code(compiler, QTL_AVRO_BACK, 0);
        }
    }
}

/* A map of texts, or of texts and nulls, under a field whose value is such a map: how to find the
 * texts in its bytes. */
static bool is_text_map(const struct compiler *compiler, uint32_t number, uint32_t *null_branch)
{
    const struct qtl_avro_node *const nodes = compiler->schema->nodes;
    const struct qtl_avro_part *const parts = compiler->schema->parts;
    if (nodes[number].type != QTL_AVRO_MAP) {
        return false;
    }
    const struct qtl_avro_node *const values = &nodes[parts[nodes[number].first].node];
    *null_branch = UINT32_MAX;
    if (values->type != QTL_AVRO_UNION) {
        return values->type == QTL_AVRO_STRING;
    }
    return is_option(compiler, values, null_branch) &&
           nodes[parts[values->first + 1 - *null_branch].node].type == QTL_AVRO_STRING;
}

/* A record, array or map that fields stand on. */
static void compile_container(struct compiler *compiler, uint32_t number, uint32_t fields)
{
    uint32_t null_branch = 0;
    compiler->program->fields |= fields;
    put_code(compiler, QTL_AVRO_CONTAINER, fields);
    if ((fields >> QTL_FIELD_ATTRIBUTES & 1) != 0 && is_text_map(compiler, number, &null_branch)) {
        (void)put(compiler, (struct qtl_avro_op){.code = QTL_AVRO_ATTRIBUTES,
                                                 .field = QTL_FIELD_ATTRIBUTES,
                                                 .a = null_branch});
    }
}

/* As deep as the schema's text is nested and a path is long. */
static void compile(struct compiler *compiler, uint32_t number, uint16_t step)
{
    struct qtl_avro_program *const program = compiler->program;
    const struct qtl_avro_node *const node = &compiler->schema->nodes[number];
    const uint32_t fields = step == NONE ? 0 : program->tree.steps[step].fields;
    const bool is_container =
        node->type == QTL_AVRO_RECORD || node->type == QTL_AVRO_ARRAY || node->type == QTL_AVRO_MAP;
    if (program->too_long) {
        return;
    }
    if (is_container && fields != 0) {
        compile_container(compiler, number, fields);
    }
    const bool goes_on = step != NONE && program->tree.steps[step].first_child != NONE;
    switch ((enum qtl_avro_type)node->type) {
    case QTL_AVRO_RECORD:
        if (goes_on) {
            compile_record(compiler, node, step);
        } else {
            call(compiler, number);
        }
        return;
    case QTL_AVRO_ARRAY:
    case QTL_AVRO_MAP:
        compile_loop(compiler, number, node->type == QTL_AVRO_MAP, step);
        return;
    case QTL_AVRO_UNION:
        compile_union(compiler, node, step);
        return;
    case QTL_AVRO_NULL:
    case QTL_AVRO_BOOLEAN:
    case QTL_AVRO_INT:
    case QTL_AVRO_LONG:
    case QTL_AVRO_FLOAT:
    case QTL_AVRO_DOUBLE:
    case QTL_AVRO_BYTES:
    case QTL_AVRO_STRING:
    case QTL_AVRO_ENUM:
    case QTL_AVRO_FIXED:
        compile_leaf(compiler, node, fields);
        return;
    }
}

/* The routines that were asked for, and then their addresses into the calls. */
static void compile_routines(struct compiler *compiler)
{
    struct qtl_avro_program *const program = compiler->program;
    for (uint32_t i = 0; i < compiler->due_count && !program->too_long; i++) {
        const uint32_t number = compiler->due[i];
        compiler->routines[number] = here(compiler);
        compile_record(compiler, &compiler->schema->nodes[number], NONE);
        put_code(compiler, QTL_AVRO_RETURN, 0);
    }
    for (uint32_t i = 0; i < program->op_count; i++) {
        if (program->ops[i].code == QTL_AVRO_CALL) {
            program->ops[i].a = compiler->routines[program->ops[i].a];
        }
    }
}

struct qtl_avro_program *qtl_avro_program_new(const struct qtl_avro_schema *schema,
                                              enum qtl_stream stream,
                                              const struct qtl_field_map *maps)
{
    struct qtl_avro_program *const program = calloc(1, sizeof(*program));
    const char *paths[QTL_FIELDS] = {NULL};
    for (int field = 0; field < QTL_FIELDS && maps != NULL; field++) {
        paths[field] = maps[field].path;
    }
    struct compiler compiler = {.program = program, .schema = schema, .maps = maps};
    compiler.routines = calloc(schema->node_count, sizeof(*compiler.routines));
    compiler.due = calloc(schema->node_count, sizeof(*compiler.due));
    compiler.asked = calloc(schema->node_count, sizeof(*compiler.asked));
    QTL_ASSERT(program != NULL && compiler.routines != NULL);
    QTL_ASSERT(compiler.due != NULL && compiler.asked != NULL);
    program->schema = schema;
    qtl_field_tree_init(&program->tree, stream, paths);
    compile(&compiler, 0, QTL_FIELD_TREE_ROOT);
    put_code(&compiler, QTL_AVRO_END, 0);
    compile_routines(&compiler);
    free(compiler.routines);
    free(compiler.due);
    free(compiler.asked);
    if (program->too_long) {
        qtl_avro_program_free(program);
        return NULL;
    }
    return program;
}

void qtl_avro_program_free(struct qtl_avro_program *program)
{
    if (program != NULL) {
        qtl_field_tree_fini(&program->tree);
        free(program->ops);
        free(program->cases);
        free(program->addresses);
        free(program);
    }
}

int qtl_avro_program_lacks(const struct qtl_avro_program *program, enum qtl_stream stream)
{
    for (int i = 0; i < QTL_FIELDS; i++) {
        const enum qtl_field field = (enum qtl_field)i;
        if (qtl_field_of(field, stream) && qtl_field_required(field, stream) &&
            (program->fields >> i & 1) == 0) {
            return i;
        }
    }
    return -1;
}
