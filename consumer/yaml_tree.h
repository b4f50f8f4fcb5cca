/*
 * A small YAML file as a tree in which every byte of every scalar knows its line and column. Used
 * by consumer/rule_file.c; nothing here knows what a rule is.
 *
 * Threads: a tree is immutable once made; any one thread may hold it. Memory that runs out stops
 * the process.
 */
#ifndef QTL_CONSUMER_YAML_TREE_H
#define QTL_CONSUMER_YAML_TREE_H

#include "schemas/status.h"
#include "schemas/text.h"
#include "scoring/lexer.h"
#include "scoring/problems.h"

#define QTL_YAML_TREE_BYTES_MAX (UINT32_C(1) << 20)
#define QTL_YAML_TREE_NODES_MAX 65536
#define QTL_YAML_TREE_DEPTH_MAX 16

enum qtl_yaml_type { QTL_YAML_SCALAR, QTL_YAML_LIST, QTL_YAML_MAPPING };

struct qtl_yaml_node {
    enum qtl_yaml_type type;
    struct qtl_place place; /* of its first character; of a quote where it is quoted */
    /* Of a scalar: its value, and where each byte stands in the file. Never NULL. */
    struct qtl_source source;
    bool plain; /* of a scalar: neither quoted nor a block */
    /* Of a list its items, of a mapping keys and values in turn; NULL: empty. */
    struct qtl_yaml_node *first;
    struct qtl_yaml_node *next;
};

struct qtl_yaml_tree;

/* Parses one document of at most QTL_YAML_TREE_BYTES_MAX. BAD_CONF: problems say why, and there is
 * no tree. Anchors, aliases, tags and second documents are refused: a rule file needs none, and
 * what it says must stand where it is read. */
enum qtl_status qtl_yaml_tree_parse(struct qtl_text file, struct qtl_problems *problems,
                                    struct qtl_yaml_tree **tree) QTL_CHECKED;
void qtl_yaml_tree_free(struct qtl_yaml_tree *tree); /* NULL is fine */

/* The document's node; NULL where the file holds none. Borrowed, as all nodes are. */
const struct qtl_yaml_node *qtl_yaml_tree_root(const struct qtl_yaml_tree *tree);

/* "a list", "a mapping", "a text". Static. */
const char *qtl_yaml_tree_words(const struct qtl_yaml_node *node);

#endif
