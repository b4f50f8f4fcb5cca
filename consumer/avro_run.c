/*
 * Runs decode programs; see avro_program.h and avro_op.h. Everything is checked against the bytes
 * that are left, and nothing is allocated.
 *
 * What bounds the work: each operation takes bytes or lies in a straight line, but for elements and
 * records that take none. So loops and calls are counted, and a record may have as many of them as
 * it has bytes, and EMPTY_ELEMENTS_MAX more. A block with a byte count is passed over in one step
 * where nobody asked for its elements, as Avro means it to be; what is in it is then not looked at.
 *
 * Stricter than avro-c, which lets them through: longs over 64 bits, ints over 32, booleans that
 * are neither 0 nor 1, symbols that the enum has not.
 */
#include "consumer/avro_op.h"
#include "consumer/avro_program.h"
#include "schemas/zero.h"
#include "scoring/base/assert.h"

#include <stdio.h>
#include <string.h>

/* An open loop or call. */
struct frame {
    uint32_t address; /* of the LOOP; of what follows the CALL */
    int32_t element;  /* number of the next */
    int64_t left;     /* elements of the present block */
};

struct machine {
    const struct qtl_avro_program *program;
    const unsigned char *at;
    const unsigned char *end;
    const unsigned char *mark; /* where a value begins that several fields take */
    struct qtl_slot *slots;
    struct qtl_avro_scratch *scratch;
    uint64_t work; /* loops and calls that are left */
    uint32_t next; /* operation */
    uint32_t depth;
    struct frame frames[QTL_AVRO_DEPTH_MAX];
};

static inline size_t left(const struct machine *machine)
{
    return (size_t)(machine->end - machine->at);
}

/* Seven bits a byte, the lowest first; the tenth has but one. */
static bool take_long_bytes(const unsigned char **at, const unsigned char *end, uint64_t *bits)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        const uint64_t byte = *(*at)++;
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            *bits = value;
            return shift < 63 || byte <= 1;
        }
    }
    return false;
}

static inline bool take_long(struct machine *machine, int64_t *value)
{
    uint64_t bits = 0;
    const unsigned char *at = machine->at;
    if (at < machine->end && *at < 0x80) {
        bits = *at++;
    } else if (!take_long_bytes(&at, machine->end, &bits)) {
        return false;
    }
    machine->at = at;
    *value = (int64_t)(bits >> 1 ^ (UINT64_C(0) - (bits & 1)));
    return true;
}

static inline bool take_whole(struct machine *machine, bool is_int, int64_t *value)
{
    return take_long(machine, value) && (!is_int || (*value >= INT32_MIN && *value <= INT32_MAX));
}

static inline bool take_bytes(struct machine *machine, uint64_t length, struct qtl_text *text)
{
    if (length > left(machine)) {
        return false;
    }
    *text = (struct qtl_text){(const char *)machine->at, (uint32_t)length};
    machine->at += length;
    return true;
}

/* A string or bytes. */
static inline bool take_text(struct machine *machine, struct qtl_text *text)
{
    int64_t length = 0;
    return take_long(machine, &length) && length >= 0 &&
           take_bytes(machine, (uint64_t)length, text);
}

static inline bool take_symbol(struct machine *machine, uint32_t count, int64_t *symbol)
{
    return take_long(machine, symbol) && *symbol >= 0 && *symbol < (int64_t)count;
}

static inline bool skip_bytes(struct machine *machine, uint64_t length)
{
    const bool fits = length <= left(machine);
    machine->at += fits ? length : 0;
    return fits;
}

static inline bool skip_text(struct machine *machine)
{
    int64_t length = 0;
    return take_long(machine, &length) && length >= 0 && skip_bytes(machine, (uint64_t)length);
}

static inline bool take_flag(struct machine *machine, bool *flag)
{
    if (machine->at == machine->end || *machine->at > 1) {
        return false;
    }
    *flag = *machine->at++ != 0;
    return true;
}

static inline bool skip_flag(struct machine *machine)
{
    bool flag = false;
    return take_flag(machine, &flag);
}

static char *scratch_of(const struct machine *machine, const struct qtl_avro_op *op)
{
    return machine->scratch->texts[op->field];
}

static inline bool run_text(struct machine *machine, struct qtl_slot *slot)
{
    slot->type = QTL_SLOT_STRING;
    return take_text(machine, &slot->text);
}

static bool run_fixed(struct machine *machine, const struct qtl_avro_op *op, struct qtl_slot *slot)
{
    slot->type = QTL_SLOT_STRING;
    return take_bytes(machine, op->a, &slot->text);
}

static inline bool run_number(struct machine *machine, const struct qtl_avro_op *op,
                              struct qtl_slot *slot)
{
    slot->type = QTL_SLOT_DECIMAL;
    return take_whole(machine, op->a != 0, &slot->number);
}

static bool run_uuid(struct machine *machine, const struct qtl_avro_op *op, struct qtl_slot *slot)
{
    static const char digits[] = "0123456789abcdef";
    struct qtl_text bytes = {0};
    if (!take_bytes(machine, 16, &bytes)) {
        return false;
    }
    char *const text = scratch_of(machine, op);
    uint32_t length = 0;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            text[length++] = '-';
        }
        text[length++] = digits[(unsigned char)bytes.bytes[i] >> 4];
        text[length++] = digits[(unsigned char)bytes.bytes[i] & 0xf];
    }
    *slot = (struct qtl_slot){.text = {text, length}, .type = QTL_SLOT_STRING};
    return true;
}

static inline bool run_enum(struct machine *machine, const struct qtl_avro_op *op,
                            struct qtl_slot *slot)
{
    int64_t symbol = 0;
    if (!take_symbol(machine, op->b, &symbol)) {
        return false;
    }
    slot->type = QTL_SLOT_STRING;
    slot->text = machine->program->schema->parts[op->a + (uint32_t)symbol].name;
    return true;
}

static bool run_flag(struct machine *machine, struct qtl_slot *slot)
{
    bool flag = false;
    if (!take_flag(machine, &flag)) {
        return false;
    }
    *slot =
        (struct qtl_slot){.text = {flag ? "true" : "false", flag ? 4 : 5}, .type = QTL_SLOT_FLAG};
    return true;
}

static bool run_digits(struct machine *machine, const struct qtl_avro_op *op, struct qtl_slot *slot)
{
    int64_t value = 0;
    if (!take_whole(machine, op->a != 0, &value)) {
        return false;
    }
    qtl_avro_number_digits(value, scratch_of(machine, op), slot);
    return true;
}

/* Four or eight bytes, the lowest first, whatever the machine's order. */
static inline bool take_fraction_bits(struct machine *machine, uint32_t length, uint64_t *bits)
{
    struct qtl_text bytes = {0};
    if (!take_bytes(machine, length, &bytes)) {
        return false;
    }
    *bits = 0;
    for (uint32_t i = 0; i < length; i++) {
        *bits |= (uint64_t)(unsigned char)bytes.bytes[i] << 8 * i;
    }
    return true;
}

static bool run_float(struct machine *machine, const struct qtl_avro_op *op, struct qtl_slot *slot)
{
    uint64_t bits = 0;
    float value = 0;
    if (!take_fraction_bits(machine, 4, &bits)) {
        return false;
    }
    const uint32_t narrow = (uint32_t)bits;
    memcpy(&value, &narrow, sizeof(value));
    qtl_avro_number_float(value, op->a != 0, scratch_of(machine, op), slot);
    return true;
}

static bool run_double(struct machine *machine, const struct qtl_avro_op *op, struct qtl_slot *slot)
{
    uint64_t bits = 0;
    double value = 0;
    if (!take_fraction_bits(machine, 8, &bits)) {
        return false;
    }
    memcpy(&value, &bits, sizeof(value));
    qtl_avro_number_double(value, op->a != 0, scratch_of(machine, op), slot);
    return true;
}

static inline bool run_decimal(struct machine *machine, const struct qtl_avro_op *op,
                               struct qtl_slot *slot)
{
    struct qtl_text bytes = {0};
    const bool taken = op->a == QTL_AVRO_DECIMAL_BYTES ? take_text(machine, &bytes)
                                                       : take_bytes(machine, op->a, &bytes);
    if (taken) {
        qtl_avro_number_decimal(bytes, (uint16_t)op->b, op->c != 0, scratch_of(machine, op), slot);
    }
    return taken;
}

/* Cut toward the past. */
static inline int64_t floor_divide(int64_t value, int64_t divisor)
{
    return value / divisor - (value % divisor < 0 ? 1 : 0);
}

static inline bool run_instant(struct machine *machine, const struct qtl_avro_op *op,
                               struct qtl_slot *slot)
{
    int64_t value = 0;
    if (!take_long(machine, &value)) {
        return false;
    }
    slot->type = QTL_SLOT_INSTANT;
    /* The most usual unit by a constant: a division less. */
    slot->number =
        (op->a == 1000 ? floor_divide(value, 1000) : floor_divide(value, op->a)) - (int32_t)op->b;
    return true;
}

static bool run_date(struct machine *machine, const struct qtl_avro_op *op, struct qtl_slot *slot)
{
    int64_t days = 0;
    if (!take_whole(machine, true, &days)) {
        return false;
    }
    *slot = (struct qtl_slot){.type = QTL_SLOT_INSTANT, .number = days * 86400 - (int32_t)op->b};
    return true;
}

/* YYYY-MM-DD; what lies outside the years 0..9999 is no date of anybody's. */
static bool run_date_text(struct machine *machine, const struct qtl_avro_op *op,
                          struct qtl_slot *slot)
{
    int64_t days = 0;
    if (!take_whole(machine, true, &days)) {
        return false;
    }
    *slot = (struct qtl_slot){.type = QTL_SLOT_BROKEN};
    if (days < -719528 || days > 2932896) {
        return true;
    }
    /* Years that begin in March, in eras of 400. */
    const int64_t day = days + 719468 + 146097;
    const int64_t era = day / 146097 - 1;
    const int64_t of_era = day % 146097;
    const int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    const int64_t month = (5 * of_year + 2) / 153;
    char *const text = scratch_of(machine, op);
    const int length = snprintf(text, QTL_AVRO_NUMBER_TEXT_MAX, "%04d-%02d-%02d",
                                (int)(year + era * 400 + (month >= 10 ? 1 : 0)),
                                (int)(month < 10 ? month + 3 : month - 9),
                                (int)(of_year - (153 * month + 2) / 5 + 1));
    *slot = (struct qtl_slot){.text = {text, (uint32_t)length}, .type = QTL_SLOT_STRING};
    return true;
}

static void set_all(struct machine *machine, uint32_t fields, enum qtl_slot_type type)
{
    for (; fields != 0; fields &= fields - 1) {
        machine->slots[__builtin_ctz(fields)] = (struct qtl_slot){.type = (uint8_t)type};
    }
}

/* Whether the union before a value holds none. */
static inline bool take_option(struct machine *machine, const struct qtl_avro_op *op, bool *is_null)
{
    int64_t branch = 0;
    if (!take_symbol(machine, 2, &branch)) {
        return false;
    }
    *is_null = branch + 1 == op->optional;
    return true;
}

static inline bool run_option(struct machine *machine, const struct qtl_avro_op *op)
{
    int64_t branch = 0;
    if (!take_symbol(machine, 2, &branch)) {
        return false;
    }
    machine->next = branch == (int64_t)op->a ? op->b : machine->next;
    return true;
}

static bool run_choice(struct machine *machine, const struct qtl_avro_op *op)
{
    int64_t branch = 0;
    if (!take_symbol(machine, op->b, &branch)) {
        return false;
    }
    machine->next = machine->program->addresses[op->a + (uint32_t)branch];
    return true;
}

static bool push(struct machine *machine, uint32_t address)
{
    if (machine->depth == QTL_AVRO_DEPTH_MAX) {
        return false;
    }
    machine->frames[machine->depth++] = (struct frame){.address = address};
    return true;
}

/* Where an element goes that is asked for; the address without a case. */
static uint32_t address_of(const struct machine *machine, const struct qtl_avro_op *op,
                           int32_t element, struct qtl_text key)
{
    const struct qtl_avro_program *const program = machine->program;
    for (uint32_t i = 0; i < op->c; i++) {
        const struct qtl_avro_case *const one = &program->cases[op->b + i];
        const struct qtl_field_step *const step = &program->tree.steps[one->step];
        const bool same = op->is_map ? step->name_length == key.length &&
                                           memcmp(step->name, key.bytes, key.length) == 0
                                     : step->index == element;
        if (same) {
            return one->address;
        }
    }
    return op->d;
}

/* Reads the counts of blocks until one has elements to look at. False: malformed. `left` stays 0 at
 * the loop's end. */
static bool next_block(struct machine *machine, const struct qtl_avro_op *op, struct frame *frame)
{
    for (;;) {
        int64_t count = 0;
        int64_t bytes = 0;
        if (!take_long(machine, &count) || count == INT64_MIN) {
            return false;
        }
        frame->left = count < 0 ? -count : count;
        if (count >= 0) {
            return true;
        }
        if (!take_long(machine, &bytes) || bytes < 0 || (uint64_t)bytes > left(machine)) {
            return false;
        }
        if (op->c > 0) {
            return true;
        }
        machine->at += bytes;
        machine->scratch->blocks_passed++;
        if (machine->work-- == 0) {
            return false;
        }
    }
}

/* The next element of the innermost loop, or what stands behind it. */
static bool run_next(struct machine *machine)
{
    QTL_ASSERT(machine->depth > 0);
    struct frame *const frame = &machine->frames[machine->depth - 1];
    const struct qtl_avro_op *const op = &machine->program->ops[frame->address];
    struct qtl_text key = {0};
    if (frame->left == 0) {
        if (!next_block(machine, op, frame)) {
            return false;
        }
        if (frame->left == 0) {
            machine->depth--;
            machine->next = op->a;
            return true;
        }
    }
    if (machine->work-- == 0 || (op->is_map && !take_text(machine, &key))) {
        return false;
    }
    frame->left--;
    machine->next = address_of(machine, op, frame->element, key);
    frame->element += frame->element < INT32_MAX ? 1 : 0;
    return true;
}

static bool run_call(struct machine *machine, const struct qtl_avro_op *op)
{
    if (machine->work-- == 0 || !push(machine, machine->next)) {
        return false;
    }
    machine->next = op->a;
    return true;
}

/* What plain records need less often. */
static bool run_rest(struct machine *machine, const struct qtl_avro_op *op)
{
    if (op->code == QTL_AVRO_MARK) {
        machine->mark = machine->at;
    } else if (op->code == QTL_AVRO_BACK) {
        machine->at = machine->mark;
    } else if (op->code == QTL_AVRO_CONTAINER) {
        set_all(machine, op->a, QTL_SLOT_CONTAINER);
    } else if (op->code == QTL_AVRO_ATTRIBUTES) {
        machine->slots[op->field] =
            (struct qtl_slot){.text = {(const char *)machine->at, (uint32_t)left(machine)},
                              .type = QTL_SLOT_CONTAINER,
                              .exponent = (int16_t)(op->a == UINT32_MAX ? -1 : (int)op->a)};
    } else if (op->code == QTL_AVRO_CLEAR) {
        set_all(machine, op->a, QTL_SLOT_ABSENT);
    } else if (op->code == QTL_AVRO_CHOICE) {
        return run_choice(machine, op);
    } else if (op->code == QTL_AVRO_LOOP) {
        return push(machine, machine->next - 1) && run_next(machine);
    } else if (op->code == QTL_AVRO_NEXT) {
        return run_next(machine);
    } else if (op->code == QTL_AVRO_CALL) {
        return run_call(machine, op);
    } else if (op->code == QTL_AVRO_RETURN) {
        QTL_ASSERT(machine->depth > 0);
        machine->next = machine->frames[--machine->depth].address;
    } else {
        QTL_UNREACHABLE("the end is no operation");
    }
    return true;
}

/* One operation. False: no record of the schema. */
static inline bool run(struct machine *machine, const struct qtl_avro_op *op)
{
    struct qtl_slot *const slot = &machine->slots[op->field];
    int64_t number = 0;
    switch ((enum qtl_avro_code)op->code) {
    case QTL_AVRO_SKIP_INT:
        return take_whole(machine, true, &number);
    case QTL_AVRO_SKIP_LONG:
        return take_long(machine, &number);
    case QTL_AVRO_SKIP_FLAG:
        return skip_flag(machine);
    case QTL_AVRO_SKIP_ENUM:
        return take_symbol(machine, op->a, &number);
    case QTL_AVRO_SKIP_TEXT:
        return skip_text(machine);
    case QTL_AVRO_SKIP_FIXED:
        return skip_bytes(machine, op->a);
    case QTL_AVRO_TAKE_TEXT:
        return run_text(machine, slot);
    case QTL_AVRO_TAKE_FIXED:
        return run_fixed(machine, op, slot);
    case QTL_AVRO_TAKE_UUID:
        return run_uuid(machine, op, slot);
    case QTL_AVRO_TAKE_ENUM:
        return run_enum(machine, op, slot);
    case QTL_AVRO_TAKE_FLAG:
        return run_flag(machine, slot);
    case QTL_AVRO_TAKE_NUMBER:
        return run_number(machine, op, slot);
    case QTL_AVRO_TAKE_DIGITS:
        return run_digits(machine, op, slot);
    case QTL_AVRO_TAKE_FLOAT:
        return run_float(machine, op, slot);
    case QTL_AVRO_TAKE_DOUBLE:
        return run_double(machine, op, slot);
    case QTL_AVRO_TAKE_DECIMAL:
        return run_decimal(machine, op, slot);
    case QTL_AVRO_TAKE_INSTANT:
        return run_instant(machine, op, slot);
    case QTL_AVRO_TAKE_DATE:
        return run_date(machine, op, slot);
    case QTL_AVRO_TAKE_DATE_TEXT:
        return run_date_text(machine, op, slot);
    case QTL_AVRO_OPTION:
        return run_option(machine, op);
    case QTL_AVRO_JUMP:
        machine->next = op->a;
        return true;
    case QTL_AVRO_MARK:
    case QTL_AVRO_BACK:
    case QTL_AVRO_CONTAINER:
    case QTL_AVRO_ATTRIBUTES:
    case QTL_AVRO_CLEAR:
    case QTL_AVRO_CHOICE:
    case QTL_AVRO_LOOP:
    case QTL_AVRO_NEXT:
    case QTL_AVRO_CALL:
    case QTL_AVRO_RETURN:
    case QTL_AVRO_END:
        break;
    }
    return run_rest(machine, op);
}

bool qtl_avro_program_run(const struct qtl_avro_program *program, struct qtl_text bytes,
                          struct qtl_avro_scratch *scratch, struct qtl_fields *fields,
                          uint32_t *used)
{
    struct machine machine;
    machine.program = program;
    machine.at = (const unsigned char *)(bytes.length > 0 ? bytes.bytes : "");
    machine.end = machine.at + bytes.length;
    machine.mark = machine.at;
    machine.slots = fields->slots;
    machine.scratch = scratch;
    machine.work = (uint64_t)bytes.length + QTL_AVRO_EMPTY_ELEMENTS_MAX;
    machine.next = 0;
    machine.depth = 0;
    qtl_zero(fields, sizeof(*fields));
    for (;;) {
        const struct qtl_avro_op *const op = &program->ops[machine.next++];
        if (op->code == QTL_AVRO_END) {
            break;
        }
        bool is_null = false;
        if (op->optional != 0 && !take_option(&machine, op, &is_null)) {
            return false;
        }
        if (!is_null && !run(&machine, op)) {
            return false;
        }
    }
    *used = bytes.length - (uint32_t)left(&machine);
    return true;
}
