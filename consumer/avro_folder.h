/*
 * A folder of Avro schemas (`avro.schemas`), read at start: `<id>.avsc` is the schema with that id
 * in a registry, and any .avsc is found by its fingerprint. Everything else in it is passed over.
 *
 * Threads: read by the main thread; immutable afterwards.
 */
#ifndef QTL_CONSUMER_AVRO_FOLDER_H
#define QTL_CONSUMER_AVRO_FOLDER_H

#include "consumer/avro_schema.h"
#include "schemas/status.h"

#include <stddef.h>
#include <stdint.h>

struct qtl_avro_folder_file {
    char *path;                     /* owned */
    struct qtl_avro_schema *schema; /* owned */
    int64_t id;                     /* -1: the name is no number */
};

struct qtl_avro_folder {
    struct qtl_avro_folder_file *files; /* in the order of their names */
    size_t count;
};

/* BAD_CONF with a sentence where the folder or one of its schemas cannot be read. @thread main */
QTL_CHECKED enum qtl_status qtl_avro_folder_read(const char *path, struct qtl_avro_folder **folder,
                                                 struct qtl_error *error);
void qtl_avro_folder_free(struct qtl_avro_folder *folder); /* NULL is fine */

#endif
