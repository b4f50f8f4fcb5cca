/*
 * The operations of a decode program: what avro_compile.c writes and avro_run.c runs. Internal to
 * those two.
 *
 * A record's fields stand one behind the other, so operations do, too. What branches:
 *
 *     UNION   reads the branch, goes to its address; each branch ends with a JUMP behind the union
 *     LOOP    reads blocks; each element goes to the address of its index or key, else to the
 *             standard one; each of these bodies ends with NEXT
 *     CALL    a record that nobody asked for, which may hold itself; its routine ends with RETURN
 */
#ifndef QTL_CONSUMER_AVRO_OP_H
#define QTL_CONSUMER_AVRO_OP_H

#include "consumer/avro_schema.h"
#include "consumer/field_tree.h"

#include <stdbool.h>
#include <stdint.h>

enum qtl_avro_code {
    QTL_AVRO_END,
    /* Over a value that nobody asked for. */
    QTL_AVRO_SKIP_INT,
    QTL_AVRO_SKIP_LONG,
    QTL_AVRO_SKIP_FLAG,
    QTL_AVRO_SKIP_ENUM,  /* a: symbols */
    QTL_AVRO_SKIP_TEXT,  /* string or bytes */
    QTL_AVRO_SKIP_FIXED, /* a: bytes */
    /* Into a slot. */
    QTL_AVRO_TAKE_TEXT,
    QTL_AVRO_TAKE_FIXED, /* a: bytes */
    QTL_AVRO_TAKE_UUID,
    QTL_AVRO_TAKE_ENUM, /* a: first part of the schema, b: symbols */
    QTL_AVRO_TAKE_FLAG,
    QTL_AVRO_TAKE_NUMBER,  /* a: 1: an int */
    QTL_AVRO_TAKE_DIGITS,  /* a: the same */
    QTL_AVRO_TAKE_FLOAT,   /* a: 1: as text */
    QTL_AVRO_TAKE_DOUBLE,  /* a: the same */
    QTL_AVRO_TAKE_DECIMAL, /* a: bytes of a fixed, DECIMAL_BYTES; b: scale; c: 1: as text */
    QTL_AVRO_TAKE_INSTANT, /* a: units a second; b: seconds to take off, signed */
    QTL_AVRO_TAKE_DATE,    /* b: the same */
    QTL_AVRO_TAKE_DATE_TEXT,
    QTL_AVRO_VALUES_END = QTL_AVRO_TAKE_DATE_TEXT,
    QTL_AVRO_MARK,       /* several fields take the value that begins here */
    QTL_AVRO_BACK,       /* to the mark */
    QTL_AVRO_CONTAINER,  /* a: the fields that stand on a record, array or map */
    QTL_AVRO_ATTRIBUTES, /* a map of texts that is a field's value; a: the branch of its values that
                            is null, UINT32_MAX where they are no unions. The slot gets the bytes
                            from the map on as text, the branch, or -1, as exponent */
    QTL_AVRO_CLEAR,      /* a: fields that a key which stands again takes back */
    /* Elsewhere. */
    QTL_AVRO_OPTION, /* a: the branch that is null; b: address behind. The other branch follows */
    QTL_AVRO_CHOICE, /* a: first address in the table, b: branches */
    QTL_AVRO_JUMP,   /* a: address */
    QTL_AVRO_LOOP,   /* a: address behind; b: first case, c: cases; d: address without a case */
    QTL_AVRO_NEXT,
    QTL_AVRO_CALL, /* a: address; while compiling the node */
    QTL_AVRO_RETURN,
};

#define QTL_AVRO_DECIMAL_BYTES UINT32_MAX

struct qtl_avro_op {
    uint8_t code;  /* enum qtl_avro_code */
    uint8_t field; /* TAKE: whose slot */
    /* SKIP and TAKE: 0, or one more than the branch that is null: the value is one of a union with
     * null, whose branch stands before it. An OPTION less. */
    uint8_t optional;
    bool is_map; /* LOOP */
    uint32_t a;
    uint32_t b;
    uint32_t c;
    uint32_t d;
};

/* An element of a LOOP that somebody asked for. */
struct qtl_avro_case {
    uint16_t step; /* of the tree: its name or index */
    uint32_t address;
};

struct qtl_avro_program {
    const struct qtl_avro_schema *schema; /* borrowed */
    struct qtl_field_tree tree;
    struct qtl_avro_op *ops; /* owned, as these */
    struct qtl_avro_case *cases;
    uint32_t *addresses; /* of branches */
    uint32_t op_count;
    uint32_t op_capacity;
    uint32_t case_count;
    uint32_t case_capacity;
    uint32_t address_count;
    uint32_t address_capacity;
    uint32_t fields; /* that an operation takes */
    bool too_long;
};

#endif
