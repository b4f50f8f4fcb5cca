/*
 * The folder of a local log: where each file stands. All files are opened relative to the folder's
 * descriptor; names are for that and for sentences.
 *
 * Threads: a layout is opened by each reader and each writer for itself.
 */
#ifndef QTL_SCHEMAS_LOCAL_LOCAL_LAYOUT_H
#define QTL_SCHEMAS_LOCAL_LOCAL_LAYOUT_H

#include "schemas/local_log.h"

#define QTL_LOCAL_NAME_MAX 96

struct qtl_local_layout {
    char *path;         /* owned: as the user gave it */
    int folder_fd;      /* owned */
    int32_t partitions; /* of every topic */
};

/* A file's name below the folder, e.g. "topics/orders/0/00000000000000000000.log". */
struct qtl_local_name {
    char text[QTL_LOCAL_NAME_MAX];
};

/* Opens the folder and reads log.json. `partitions`: BAD_CONF where it has another number; 0: any.
 * After any other result than OK there is nothing to close. */
QTL_CHECKED enum qtl_status qtl_local_layout_open(struct qtl_local_layout *layout, const char *path,
                                                  int32_t partitions, struct qtl_error *error);
void qtl_local_layout_close(struct qtl_local_layout *layout);

/* Puts the folder before the sentence of a failed file, which names it from there on. Returns
 * `status`. What readers and writers return goes through here. */
enum qtl_status qtl_local_layout_blame(const struct qtl_local_layout *layout,
                                       enum qtl_status status, struct qtl_error *error);

/* The writer's word in file names: "engine" or "intake". Static text. */
const char *qtl_local_layout_kind(enum qtl_local_kind kind);

struct qtl_local_name qtl_local_layout_topic(enum qtl_topic topic);
struct qtl_local_name qtl_local_layout_partition(enum qtl_topic topic, int32_t partition);
struct qtl_local_name qtl_local_layout_segment(enum qtl_topic topic, int32_t partition,
                                               int64_t first_offset);
struct qtl_local_name qtl_local_layout_commits(enum qtl_local_kind kind, uint64_t number);
struct qtl_local_name qtl_local_layout_mark(enum qtl_local_kind kind);
struct qtl_local_name qtl_local_layout_lock(enum qtl_local_kind kind);

#define QTL_LOCAL_COMMITS_FOLDER "commits"
#define QTL_LOCAL_TOPICS_FOLDER "topics"

#endif
