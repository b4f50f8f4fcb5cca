/*
 * See field_tree.h. Siblings are a list and not a table: a level has a handful of names, and a list
 * of them is compared faster than one of them is hashed.
 */
#include "consumer/field_tree.h"

#include "scoring/base/assert.h"

#include <stdlib.h>

/* The child of `parent` for a path's step, made where it is not there yet. */
static uint16_t child_made(struct qtl_field_tree *tree, uint16_t parent,
                           const struct qtl_json_step *wanted)
{
    uint16_t *link = &tree->steps[parent].first_child;
    for (; *link != QTL_FIELD_TREE_NONE; link = &tree->steps[*link].next_sibling) {
        const struct qtl_field_step *const step = &tree->steps[*link];
        const bool same = step->index == wanted->index && step->name_length == wanted->name.length;
        if (same && (wanted->index >= 0 ||
                     memcmp(step->name, wanted->name.bytes, wanted->name.length) == 0)) {
            return *link;
        }
    }
    QTL_ASSERT(tree->count < QTL_FIELD_TREE_STEPS_MAX);
    const uint16_t number = tree->count++;
    struct qtl_field_step *const step = &tree->steps[number];
    *step = (struct qtl_field_step){.index = wanted->index,
                                    .first_child = QTL_FIELD_TREE_NONE,
                                    .next_sibling = QTL_FIELD_TREE_NONE};
    if (wanted->index < 0) {
        step->name = malloc(wanted->name.length);
        QTL_ASSERT(step->name != NULL);
        memcpy(step->name, wanted->name.bytes, wanted->name.length);
        step->name_length = wanted->name.length;
    }
    *link = number;
    return number;
}

static void add_path(struct qtl_field_tree *tree, enum qtl_field field, const char *text)
{
    struct qtl_json_path path;
    const char *problem = NULL;
    const bool parsed =
        qtl_json_path_parse((struct qtl_text){text, (uint32_t)strlen(text)}, &path, &problem);
    QTL_ASSERT(parsed); /* checked where the configuration was read */
    uint16_t step = QTL_FIELD_TREE_ROOT;
    tree->steps[step].fields_below |= UINT32_C(1) << field;
    for (uint32_t i = 0; i < path.count; i++) {
        step = child_made(tree, step, &path.steps[i]);
        tree->steps[step].fields_below |= UINT32_C(1) << field;
    }
    tree->steps[step].fields |= UINT32_C(1) << field;
}

void qtl_field_tree_init(struct qtl_field_tree *tree, enum qtl_stream stream,
                         const char *const paths[QTL_FIELDS])
{
    tree->steps[QTL_FIELD_TREE_ROOT] = (struct qtl_field_step){
        .index = -1, .first_child = QTL_FIELD_TREE_NONE, .next_sibling = QTL_FIELD_TREE_NONE};
    tree->count = 1;
    for (int i = 0; i < QTL_FIELDS; i++) {
        const enum qtl_field field = (enum qtl_field)i;
        const char *const path = paths[field] != NULL ? paths[field] : qtl_field_name(field);
        if (qtl_field_of(field, stream) && path[0] != '\0') {
            add_path(tree, field, path);
        }
    }
}

void qtl_field_tree_fini(struct qtl_field_tree *tree)
{
    for (uint16_t i = 0; i < tree->count; i++) {
        free(tree->steps[i].name);
    }
    tree->count = 0;
}
