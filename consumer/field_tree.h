/*
 * The paths of a stream's fields as one tree of steps, shared by what reads records with names in
 * them (JSON, Avro):
 *
 *     (root) --customer--> ( ) --id--> (customer_id)
 *        |----created_at--> (occurred_at)
 *
 * A reader moves through it along with its place in the record; what lies beside the tree is no
 * step (NONE).
 *
 * Threads: immutable after init; look-ups from any thread.
 */
#ifndef QTL_CONSUMER_FIELD_TREE_H
#define QTL_CONSUMER_FIELD_TREE_H

#include "consumer/field.h"
#include "consumer/json_path.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define QTL_FIELD_TREE_STEPS_MAX (1 + QTL_FIELDS * QTL_JSON_PATH_STEPS_MAX)
#define QTL_FIELD_TREE_NONE UINT16_MAX
#define QTL_FIELD_TREE_ROOT 0

_Static_assert(QTL_FIELDS <= 32, "sets of fields are 32 bits");

struct qtl_field_step {
    char *name; /* owned; NULL for an element */
    uint32_t name_length;
    int32_t index;         /* of an element; -1: a member */
    uint16_t first_child;  /* NONE: no further steps */
    uint16_t next_sibling; /* NONE: the last */
    uint32_t fields;       /* that stand here, bit by bit */
    uint32_t fields_below; /* here and below */
};

struct qtl_field_tree {
    struct qtl_field_step steps[QTL_FIELD_TREE_STEPS_MAX];
    uint16_t count;
};

/* Takes the fields of `stream` from paths[field]; NULL there: the field's own name, "": from
 * nowhere. The paths must parse (qtl_json_path_parse) and are not needed afterwards. */
void qtl_field_tree_init(struct qtl_field_tree *tree, enum qtl_stream stream,
                         const char *const paths[QTL_FIELDS]);
void qtl_field_tree_fini(struct qtl_field_tree *tree);

/* The step below `parent`, itself no NONE, for a member or an element; NONE where there is none.
 * Here because they run for each name of each JSON record. */
static inline uint16_t qtl_field_tree_member(const struct qtl_field_tree *tree, uint16_t parent,
                                             const void *name, size_t length)
{
    uint16_t number = tree->steps[parent].first_child;
    for (; number != QTL_FIELD_TREE_NONE; number = tree->steps[number].next_sibling) {
        const struct qtl_field_step *const step = &tree->steps[number];
        if (step->index < 0 && step->name_length == length &&
            memcmp(step->name, name, length) == 0) {
            break;
        }
    }
    return number;
}

static inline uint16_t qtl_field_tree_element(const struct qtl_field_tree *tree, uint16_t parent,
                                              int32_t index)
{
    uint16_t number = tree->steps[parent].first_child;
    while (number != QTL_FIELD_TREE_NONE && tree->steps[number].index != index) {
        number = tree->steps[number].next_sibling;
    }
    return number;
}

#endif
