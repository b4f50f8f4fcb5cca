/* See yaml_keys.h. */
#include "consumer/yaml_keys.h"

#include <stdbool.h>

/* Whether the mapping has this key before; reported. */
static bool is_duplicate(struct qtl_problems *problems, const struct qtl_yaml_node *mapping,
                         const struct qtl_yaml_node *key)
{
    const struct qtl_text name = key->source.text;
    for (const struct qtl_yaml_node *other = mapping->first; other != key;
         other = other->next->next) {
        if (other->type == QTL_YAML_SCALAR && qtl_text_compare(other->source.text, name) == 0) {
            qtl_problems_add(problems, key->place,
                             "`%.*s` stands here twice, first in line %u; expected it once",
                             qtl_problems_cut(name), name.bytes, other->place.line);
            return true;
        }
    }
    return false;
}

const struct qtl_yaml_node *qtl_yaml_keys_next(struct qtl_problems *problems,
                                               const struct qtl_yaml_node *mapping,
                                               const struct qtl_yaml_node *key, size_t *count)
{
    key = key == NULL ? mapping->first : key->next->next;
    for (; key != NULL; key = key->next->next) {
        if (++*count > QTL_YAML_KEYS_MAX) {
            qtl_problems_add(problems, key->place, "too many keys; expected at most %d",
                             QTL_YAML_KEYS_MAX);
            return NULL;
        }
        if (key->type != QTL_YAML_SCALAR) {
            qtl_problems_add(problems, key->place, "a key is %s; expected a name",
                             qtl_yaml_tree_words(key));
        } else if (!is_duplicate(problems, mapping, key)) {
            return key;
        }
    }
    return NULL;
}
