/*
 * raw_append DATA STREAM PARTITIONS: records into a local log exactly as given, whatever is wrong
 * with them. One a line on standard input, with tabs between:
 *
 *   timestamp in ms, or -    key in hex, or -    value in hex, or -    [partition]
 *
 * `-` is absent: no timestamp, a null key, a null value. Without a partition the key decides, as it
 * does for `append`. The line `commit` makes durable what came so far and answers `committed`; so
 * does the end of the input.
 */
#include "schemas/topic.h"
#include "scoring/base/assert.h"
#include "scoring/base/hash.h"
#include "sinks/local_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 4, TIMESTAMP = 0, KEY, VALUE, PARTITION };

struct intake {
    struct qtl_log_writer *writer;
    enum qtl_topic topic;
    int32_t partitions;
    bool is_open; /* a transaction */
    struct qtl_error error;
};

static void check(const struct intake *intake, enum qtl_status status)
{
    if (status != QTL_OK) {
        fprintf(stderr, "raw_append: %s\n", intake->error.text);
        exit(1);
    }
}

static void commit(struct intake *intake)
{
    if (intake->is_open) {
        check(intake, intake->writer->ops->commit(intake->writer, &intake->error));
        intake->is_open = false;
    }
    puts("committed");
    fflush(stdout);
}

static unsigned digit(char letter)
{
    static const char digits[] = "0123456789abcdef";
    const char *const found = memchr(digits, letter, 16);
    QTL_ASSERT(found != NULL);
    return (unsigned)(found - digits);
}

/* In place. */
static struct qtl_text from_hex(char *text)
{
    const size_t length = strlen(text) / 2;
    for (size_t i = 0; i < length; i++) {
        text[i] = (char)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
    }
    return (struct qtl_text){text, (uint32_t)length};
}

static bool is_absent(const char *field)
{
    return field == NULL || strcmp(field, "-") == 0;
}

static void append(struct intake *intake, char *const *fields)
{
    struct qtl_log_append record = {
        .topic = intake->topic,
        .timestamp_ms =
            is_absent(fields[TIMESTAMP]) ? INT64_MIN : strtoll(fields[TIMESTAMP], NULL, 10),
        .has_key = !is_absent(fields[KEY]),
        .has_value = !is_absent(fields[VALUE]),
    };
    if (record.has_key) {
        record.key = from_hex(fields[KEY]);
        record.partition = (int32_t)qtl_hash_partition(
            qtl_hash(record.key.bytes, record.key.length, 0), (uint32_t)intake->partitions);
    }
    if (record.has_value) {
        record.value = from_hex(fields[VALUE]);
    }
    if (!is_absent(fields[PARTITION])) {
        record.partition = (int32_t)strtol(fields[PARTITION], NULL, 10);
    }
    struct qtl_log_writer *const writer = intake->writer;
    if (!intake->is_open) {
        check(intake, writer->ops->begin(writer, NULL, NULL, 0, &intake->error));
        intake->is_open = true;
    }
    check(intake, writer->ops->append(writer, &record, &intake->error));
}

static void take_line(struct intake *intake, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, "commit") == 0) {
        commit(intake);
        return;
    }
    char *fields[FIELDS] = {NULL};
    for (size_t i = 0; i < FIELDS && line != NULL; i++) {
        fields[i] = line;
        line = strchr(line, '\t');
        if (line != NULL) {
            *line++ = '\0';
        }
    }
    append(intake, fields);
}

int main(int argc, char **argv)
{
    struct intake intake = {0};
    if (argc != 4 || qtl_topic_find(argv[2], &intake.topic) != QTL_OK) {
        fprintf(stderr, "usage: raw_append DATA STREAM PARTITIONS\n");
        return 2;
    }
    intake.partitions = (int32_t)strtol(argv[3], NULL, 10);
    check(&intake, qtl_local_log_create(argv[1], intake.partitions, &intake.error));
    check(&intake,
          qtl_local_writer_open(argv[1], QTL_LOCAL_INTAKE, NULL, &intake.writer, &intake.error));
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, stdin) > 0) {
        take_line(&intake, line);
    }
    commit(&intake);
    free(line);
    intake.writer->ops->free(intake.writer);
    return 0;
}
