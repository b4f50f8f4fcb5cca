/*
 * libyaml's events -> a tree of our own. Events and not its document API, because that has resolved
 * aliases and forgotten anchors before one could refuse them, and because a header may not show a
 * library's types. The stack of open lists and mappings has a small fixed depth.
 *
 * Nodes are chained for freeing; each owns its value and its places, made in one piece.
 */
#include "consumer/yaml_tree.h"

#include "consumer/yaml_places.h"
#include "scoring/base/assert.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct owned_node {
    struct qtl_yaml_node node;
    struct qtl_place *places; /* owned; the scalar's value stands behind them */
    struct owned_node *previous;
};

struct qtl_yaml_tree {
    struct qtl_yaml_node *root;
    struct owned_node *newest; /* owned, and those before it */
};

/* A list or mapping whose end has not been seen. */
struct open_node {
    struct qtl_yaml_node *node;
    struct qtl_yaml_node *last; /* child */
    uint32_t child_count;
};

struct reader {
    struct qtl_yaml_tree *tree;
    struct qtl_problems *problems;
    yaml_parser_t parser;
    struct qtl_text file;
    /* libyaml counts characters; the byte of one of them, moving forward. */
    size_t character;
    uint32_t offset;
    uint32_t node_count;
    uint32_t document_count;
    uint32_t depth;
    struct open_node open[QTL_YAML_TREE_DEPTH_MAX];
};

static struct qtl_place place_of(yaml_mark_t mark)
{
    return (struct qtl_place){(uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

/* The byte where the mark's character begins. */
static uint32_t offset_of(struct reader *reader, yaml_mark_t mark)
{
    if (mark.index < reader->character) {
        reader->character = 0;
        reader->offset = 0;
    }
    while (reader->character < mark.index && reader->offset < reader->file.length) {
        reader->offset++;
        while (reader->offset < reader->file.length &&
               ((unsigned char)reader->file.bytes[reader->offset] & 0xc0) == 0x80) {
            reader->offset++;
        }
        reader->character++;
    }
    return reader->offset;
}

/* Line and column of a byte, for errors of the encoding, which have no mark. */
static struct qtl_place place_at(struct qtl_text file, size_t offset)
{
    struct qtl_place place = {1, 1};
    for (size_t i = 0; i < offset && i < file.length; i++) {
        if (file.bytes[i] == '\n') {
            place.line++;
            place.column = 1;
        } else if (((unsigned char)file.bytes[i] & 0xc0) != 0x80) {
            place.column++;
        }
    }
    return place;
}

static void report_libyaml(struct reader *reader)
{
    const yaml_parser_t *const parser = &reader->parser;
    const char *const problem = parser->problem != NULL ? parser->problem : "cannot be read";
    if (parser->error == YAML_READER_ERROR) {
        qtl_problems_add(reader->problems, place_at(reader->file, parser->problem_offset),
                         "not YAML: %s; expected UTF-8 text", problem);
        return;
    }
    QTL_ASSERT(parser->error != YAML_MEMORY_ERROR);
    /* Not place_of(): at the end of the file libyaml's mark is on a line of its own. */
    const uint32_t offset = offset_of(reader, parser->problem_mark);
    const struct qtl_place place = place_at(reader->file, offset);
    if (offset < reader->file.length && reader->file.bytes[offset] == '\t') {
        qtl_problems_add(reader->problems, place, "a tab in the indentation; expected blanks");
        return;
    }
    const char *const context = parser->context != NULL ? parser->context : "";
    qtl_problems_add(
        reader->problems, place,
        "not YAML: %s%s%s; expected YAML; an expression with `: ` or ` #`, or one that "
        "begins with a quote, needs quotes around it",
        context, context[0] != '\0' ? ", " : "", problem);
}

/* A new node as the child of the innermost open one; NULL: a limit, reported. */
static struct owned_node *add_node(struct reader *reader, enum qtl_yaml_type type, yaml_mark_t mark)
{
    if (reader->node_count == QTL_YAML_TREE_NODES_MAX) {
        qtl_problems_add(reader->problems, place_of(mark),
                         "the file has too many entries; expected at most %d",
                         QTL_YAML_TREE_NODES_MAX);
        return NULL;
    }
    struct owned_node *const owner = calloc(1, sizeof(*owner));
    QTL_ASSERT(owner != NULL);
    owner->previous = reader->tree->newest;
    reader->tree->newest = owner;
    reader->node_count++;
    struct qtl_yaml_node *const node = &owner->node;
    node->type = type;
    node->place = place_of(mark);
    if (reader->depth == 0) {
        reader->tree->root = node;
        return owner;
    }
    struct open_node *const parent = &reader->open[reader->depth - 1];
    *(parent->last == NULL ? &parent->node->first : &parent->last->next) = node;
    parent->last = node;
    parent->child_count++;
    return owner;
}

static bool take_open(struct reader *reader, enum qtl_yaml_type type, yaml_mark_t mark)
{
    if (reader->depth == QTL_YAML_TREE_DEPTH_MAX) {
        qtl_problems_add(reader->problems, place_of(mark),
                         "nested too deeply; expected at most %d levels", QTL_YAML_TREE_DEPTH_MAX);
        return false;
    }
    struct owned_node *const owner = add_node(reader, type, mark);
    if (owner == NULL) {
        return false;
    }
    reader->open[reader->depth++] = (struct open_node){.node = &owner->node};
    return true;
}

static bool take_close(struct reader *reader)
{
    QTL_ASSERT(reader->depth > 0);
    reader->depth--;
    const struct open_node *const closed = &reader->open[reader->depth];
    QTL_ASSERT(closed->node->type != QTL_YAML_MAPPING || closed->child_count % 2 == 0);
    return true;
}

static enum qtl_yaml_style style_of(yaml_scalar_style_t style)
{
    if (style == YAML_SINGLE_QUOTED_SCALAR_STYLE) {
        return QTL_YAML_STYLE_SINGLE_QUOTED;
    }
    if (style == YAML_DOUBLE_QUOTED_SCALAR_STYLE) {
        return QTL_YAML_STYLE_DOUBLE_QUOTED;
    }
    if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE) {
        return QTL_YAML_STYLE_BLOCK;
    }
    return QTL_YAML_STYLE_PLAIN;
}

static bool take_scalar(struct reader *reader, const yaml_event_t *event)
{
    struct owned_node *const owner = add_node(reader, QTL_YAML_SCALAR, event->start_mark);
    if (owner == NULL) {
        return false;
    }
    struct qtl_yaml_node *const node = &owner->node;
    const uint32_t length = (uint32_t)event->data.scalar.length;
    const enum qtl_yaml_style style = style_of(event->data.scalar.style);
    struct qtl_place *const places = malloc((length + 1U) * sizeof(*places) + length + 1U);
    QTL_ASSERT(places != NULL);
    owner->places = places;
    char *const bytes = (char *)(places + length + 1U);
    memcpy(bytes, event->data.scalar.value, length);
    bytes[length] = '\0';
    node->source = (struct qtl_source){.text = {bytes, length}, .places = places};
    node->plain = style == QTL_YAML_STYLE_PLAIN;
    if (length == 0) {
        places[0] = node->place;
        return true;
    }
    const uint32_t offset = offset_of(reader, event->start_mark);
    qtl_yaml_places_find(
        (struct qtl_text){reader->file.bytes + offset, reader->file.length - offset}, node->place,
        style, node->source.text, places);
    return true;
}

/* An alias has an event of its own. */
static bool has_anchor_or_tag(const yaml_event_t *event)
{
    if (event->type == YAML_SCALAR_EVENT) {
        return event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL;
    }
    if (event->type == YAML_SEQUENCE_START_EVENT) {
        return event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL;
    }
    if (event->type == YAML_MAPPING_START_EVENT) {
        return event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL;
    }
    return false;
}

static bool take_document(struct reader *reader, yaml_mark_t mark)
{
    if (++reader->document_count > 1) {
        qtl_problems_add(reader->problems, place_of(mark),
                         "a second document begins here; expected one a file");
        return false;
    }
    return true;
}

/* False: reading stops here, reported. */
static bool take_event(struct reader *reader, const yaml_event_t *event)
{
    if (has_anchor_or_tag(event) || event->type == YAML_ALIAS_EVENT) {
        qtl_problems_add(reader->problems, place_of(event->start_mark),
                         "anchors (`&`), aliases (`*`) and tags (`!`) are not allowed in a rule "
                         "file; expected the value itself, in quotes if it begins so");
        return false;
    }
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return take_document(reader, event->start_mark);
    case YAML_SCALAR_EVENT:
        return take_scalar(reader, event);
    case YAML_SEQUENCE_START_EVENT:
        return take_open(reader, QTL_YAML_LIST, event->start_mark);
    case YAML_MAPPING_START_EVENT:
        return take_open(reader, QTL_YAML_MAPPING, event->start_mark);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return take_close(reader);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
    case YAML_ALIAS_EVENT:
        return true;
    }
    QTL_UNREACHABLE("an event that libyaml does not have");
}

/* All events; false: something is wrong, reported. */
static bool read_events(struct reader *reader)
{
    bool good = true;
    bool end = false;
    while (good && !end) {
        yaml_event_t event;
        if (!yaml_parser_parse(&reader->parser, &event)) {
            report_libyaml(reader);
            return false;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        good = take_event(reader, &event);
        yaml_event_delete(&event);
    }
    return good;
}

enum qtl_status qtl_yaml_tree_parse(struct qtl_text file, struct qtl_problems *problems,
                                    struct qtl_yaml_tree **tree)
{
    *tree = NULL;
    if (file.length > QTL_YAML_TREE_BYTES_MAX) {
        qtl_problems_add(problems, (struct qtl_place){0, 0},
                         "the file has over %u bytes; expected at most that many",
                         QTL_YAML_TREE_BYTES_MAX);
        return QTL_BAD_CONF;
    }
    if (file.length >= 3 && memcmp(file.bytes, "\xef\xbb\xbf", 3) == 0) {
        file = (struct qtl_text){file.bytes + 3, file.length - 3};
    }
    struct reader reader = {.problems = problems, .file = file};
    reader.tree = calloc(1, sizeof(*reader.tree));
    QTL_ASSERT(reader.tree != NULL);
    const int made = yaml_parser_initialize(&reader.parser);
    QTL_ASSERT(made == 1);
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)file.bytes, file.length);
    const bool good = read_events(&reader);
    yaml_parser_delete(&reader.parser);
    if (!good) {
        qtl_yaml_tree_free(reader.tree);
        return QTL_BAD_CONF;
    }
    *tree = reader.tree;
    return QTL_OK;
}

void qtl_yaml_tree_free(struct qtl_yaml_tree *tree)
{
    if (tree == NULL) {
        return;
    }
    while (tree->newest != NULL) {
        struct owned_node *const node = tree->newest;
        tree->newest = node->previous;
        free(node->places);
        free(node);
    }
    free(tree);
}

const struct qtl_yaml_node *qtl_yaml_tree_root(const struct qtl_yaml_tree *tree)
{
    return tree->root;
}

const char *qtl_yaml_tree_words(const struct qtl_yaml_node *node)
{
    switch (node->type) {
    case QTL_YAML_SCALAR:
        return "a text";
    case QTL_YAML_LIST:
        return "a list";
    case QTL_YAML_MAPPING:
        return "a mapping";
    }
    QTL_UNREACHABLE("a node without words");
}
