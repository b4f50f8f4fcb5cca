/*
 * See avro_folder.h. One level, no links followed into other folders: what counts is what a
 * registry was exported to. A schema that does not parse stops the start even where no record may
 * ever name it: a file that somebody put there is meant.
 */
#include "consumer/avro_folder.h"

#include "scoring/base/assert.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENDING ".avsc"
#define FILES_MAX 10000

static bool is_schema(const struct dirent *entry)
{
    const size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > strlen(ENDING) &&
           strcmp(entry->d_name + length - strlen(ENDING), ENDING) == 0;
}

static int take_schemas(const struct dirent *entry)
{
    return is_schema(entry) ? 1 : 0;
}

/* The number before the ending, as a registry writes it; else -1. */
static int64_t id_of(const char *name)
{
    int64_t id = 0;
    const char *at = name;
    for (; *at >= '0' && *at <= '9' && id <= INT32_MAX; at++) {
        id = id * 10 + (*at - '0');
    }
    const bool leading_zero = name[0] == '0' && at - name > 1;
    return at > name && strcmp(at, ENDING) == 0 && id <= INT32_MAX && !leading_zero ? id : -1;
}

static char *join(const char *folder, const char *name)
{
    const size_t length = strlen(folder) + 1 + strlen(name) + 1;
    char *const path = malloc(length);
    QTL_ASSERT(path != NULL);
    snprintf(path, length, "%s/%s", folder, name);
    return path;
}

static enum qtl_status read_files(struct qtl_avro_folder *folder, const char *path,
                                  struct dirent *const *entries, int count, struct qtl_error *error)
{
    folder->files = calloc((size_t)count + 1, sizeof(*folder->files));
    QTL_ASSERT(folder->files != NULL);
    for (int i = 0; i < count; i++) {
        struct qtl_avro_folder_file *const file = &folder->files[folder->count++];
        file->path = join(path, entries[i]->d_name);
        file->id = id_of(entries[i]->d_name);
        const enum qtl_status status = qtl_avro_schema_read(file->path, &file->schema, error);
        if (status != QTL_OK) {
            return status;
        }
    }
    return QTL_OK;
}

enum qtl_status qtl_avro_folder_read(const char *path, struct qtl_avro_folder **folder,
                                     struct qtl_error *error)
{
    struct dirent **entries = NULL;
    const int count = scandir(path, &entries, take_schemas, alphasort);
    if (count < 0) {
        return qtl_error_set(error, QTL_BAD_CONF,
                             "avro.schemas: %s: cannot be read (%s); expected a folder of schemas, "
                             "`<id>.avsc` for the ids of a registry",
                             path, strerror(errno));
    }
    struct qtl_avro_folder *const made = calloc(1, sizeof(*made));
    QTL_ASSERT(made != NULL);
    enum qtl_status status =
        count > FILES_MAX ? qtl_error_set(error, QTL_BAD_CONF,
                                          "avro.schemas: %s: more than %d schemas", path, FILES_MAX)
                          : read_files(made, path, entries, count, error);
    for (int i = 0; i < count; i++) {
        free(entries[i]);
    }
    free(entries);
    if (status != QTL_OK) {
        qtl_avro_folder_free(made);
        return status;
    }
    *folder = made;
    return QTL_OK;
}

void qtl_avro_folder_free(struct qtl_avro_folder *folder)
{
    if (folder == NULL) {
        return;
    }
    for (size_t i = 0; i < folder->count; i++) {
        qtl_avro_schema_free(folder->files[i].schema);
        free(folder->files[i].path);
    }
    free(folder->files);
    free(folder);
}
