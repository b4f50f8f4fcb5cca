/*
 * `quintil read <topic>`: what is committed to a topic of the local log, as lines. Only a reader:
 * it takes no lock and disturbs nobody.
 *
 * Partitions are printed a batch at a time in turn, each in the order of its offsets. Without
 * --follow the end is what was committed when the command began, so that it comes to an end however
 * fast others append.
 */
#include "consumer/commands.h"
#include "consumer/local_reader.h"
#include "schemas/topic.h"
#include "scoring/base/assert.h"

#include "consumer/value.h"
#include "sinks/dead_letter.h"
#include <errno.h>

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_RECORDS 1024

struct reading {
    const char *data;
    enum qtl_topic topic;
    bool follow;
    bool offsets;
    bool raw;
    struct qtl_json_buffer line;
    struct qtl_log_reader *reader;
    int32_t partitions;
    int64_t *ends; /* owned: one a partition; where to stop without --follow */
};

static const char help[] =
    "usage: quintil read TOPIC [options]\n"
    "\n"
    "Prints the committed records of a topic of the local log, one value a line: orders,\n"
    "engagement, customers, transitions, dead-letters or customers' states\n"
    "(quintil.transitions, quintil.dead-letters, quintil.customers; quintil.state is binary).\n"
    "\n"
    "  --data DIR   the log's folder (default ./quintil-data)\n"
    "  --follow     wait for more at the end\n"
    "  --offsets    partition and offset before each value, with tabs behind them\n"
    "  --raw        dead letters as their own bytes only, without the reason\n"
    "  --help       this text\n"
    "\n"
    "A dead letter is printed as an object with reason, topic, partition, offset and its value:\n"
    "a text, or in base64 (value_base64) where it is not UTF-8.\n"
    "exit codes: 0 done, 1 a file failed, 2 the command line is wrong or there is no log\n";

enum option_code {
    OPTION_DATA = 256,
    OPTION_FOLLOW,
    OPTION_OFFSETS,
    OPTION_RAW,
    OPTION_HELP,
};

static const struct option long_options[] = {
    {"data", required_argument, NULL, OPTION_DATA}, {"follow", no_argument, NULL, OPTION_FOLLOW},
    {"offsets", no_argument, NULL, OPTION_OFFSETS}, {"raw", no_argument, NULL, OPTION_RAW},
    {"help", no_argument, NULL, OPTION_HELP},       {NULL, 0, NULL, 0},
};

/* A topic by its name, or by what stands behind "quintil." where no other has that name. */
static enum qtl_status find_topic(const char *name, enum qtl_topic *topic, struct qtl_error *error)
{
    char full[64];
    snprintf(full, sizeof(full), "quintil.%s", name);
    if (qtl_topic_find(name, topic) == QTL_OK || qtl_topic_find(full, topic) == QTL_OK) {
        return QTL_OK;
    }
    char names[256] = "";
    for (enum qtl_topic i = 0; i < QTL_TOPICS; i++) {
        const size_t length = strlen(names);
        snprintf(names + length, sizeof(names) - length, "%s%s", i > 0 ? ", " : "",
                 qtl_topic_name(i));
    }
    return qtl_error_set(error, QTL_BAD_CONF, "topic '%s': expected one of %s", name, names);
}

static enum qtl_status parse(struct reading *reading, int argc, char **argv,
                             struct qtl_error *error)
{
    int code = 0;
    optind = 1;
    while ((code = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (code) {
        case OPTION_DATA:
            reading->data = optarg;
            break;
        case OPTION_FOLLOW:
            reading->follow = true;
            break;
        case OPTION_OFFSETS:
            reading->offsets = true;
            break;
        case OPTION_RAW:
            reading->raw = true;
            break;
        case OPTION_HELP:
            fputs(help, stdout);
            return QTL_END;
        default:
            return qtl_error_set(error, QTL_BAD_CONF, "see 'quintil read --help'");
        }
    }
    if (optind + 1 != argc) {
        return qtl_error_set(error, QTL_BAD_CONF, "expected one topic; see 'quintil read --help'");
    }
    return find_topic(argv[optind], &reading->topic, error);
}

static void print_value(struct reading *reading, const struct qtl_log_record *record)
{
    if (!record->has_value) {
        fputs("null", stdout);
    } else if (reading->topic == QTL_TOPIC_DEAD_LETTERS && !reading->raw) {
        reading->line.length = 0;
        qtl_dead_letter_json(&reading->line, record, qtl_value_is_utf8(record->value));
        fwrite(reading->line.bytes, 1, reading->line.length, stdout);
    } else {
        fwrite(record->value.bytes, 1, record->value.length, stdout);
    }
}

/* Prints records of one partition; *count tells how many. */
static enum qtl_status print_batch(struct reading *reading, int32_t partition, size_t *count,
                                   struct qtl_error *error)
{
    struct qtl_log_record records[BATCH_RECORDS];
    struct qtl_log_reader *const reader = reading->reader;
    size_t got = 0;
    const enum qtl_status status =
        reader->ops->read(reader, reading->topic, partition, BATCH_RECORDS, records, &got, error);
    *count = 0;
    for (size_t i = 0; i < got; i++) {
        const struct qtl_log_record *const record = &records[i];
        if (!reading->follow && record->offset >= reading->ends[partition]) {
            break;
        }
        if (reading->offsets) {
            printf("%" PRId32 "\t%" PRId64 "\t", partition, record->offset);
        }
        print_value(reading, record);
        putchar('\n');
        *count += 1;
    }
    reader->ops->release(reader);
    return status == QTL_EMPTY ? QTL_OK : status;
}

/* Prints what there is. */
static enum qtl_status print_all(struct reading *reading, struct qtl_error *error)
{
    enum qtl_status status = QTL_OK;
    for (bool more = true; more && status == QTL_OK;) {
        more = false;
        for (int32_t i = 0; status == QTL_OK && i < reading->partitions; i++) {
            size_t count = 0;
            status = print_batch(reading, i, &count, error);
            more = more || count > 0;
        }
    }
    if (status == QTL_OK && (fflush(stdout) != 0 || ferror(stdout) != 0)) {
        status = qtl_error_set(error, QTL_IO, "standard output: %s", strerror(errno));
    }
    return status;
}

/* Starts at the first record kept, and notes the end. */
static enum qtl_status find_ends(struct reading *reading, struct qtl_error *error)
{
    struct qtl_log_reader *const reader = reading->reader;
    struct qtl_log_change change;
    while (reader->ops->change(reader, &change) == QTL_OK) {
    }
    reading->partitions = reader->ops->partitions(reader, reading->topic);
    reading->ends = calloc((size_t)reading->partitions, sizeof(*reading->ends));
    QTL_ASSERT(reading->ends != NULL);
    enum qtl_status status = QTL_OK;
    for (int32_t i = 0; status == QTL_OK && i < reading->partitions; i++) {
        int64_t first = 0;
        status = reader->ops->range(reader, reading->topic, i, &first, &reading->ends[i], error);
        if (status == QTL_OK) {
            status = reader->ops->seek(reader, reading->topic, i, first, error);
        }
    }
    return status;
}

static enum qtl_status run(struct reading *reading, struct qtl_error *error)
{
    const struct qtl_local_reader_options options = {.wait_outputs = true,
                                                     .never_waits = !reading->follow};
    enum qtl_status status =
        qtl_local_reader_open(reading->data, &options, &reading->reader, error);
    if (status == QTL_OK) {
        status = find_ends(reading, error);
    }
    if (status == QTL_OK) {
        status = print_all(reading, error);
    }
    while (status == QTL_OK && reading->follow) {
        status = reading->reader->ops->wait(reading->reader, -1);
        if (status == QTL_OK) {
            status = print_all(reading, error);
        }
    }
    return status;
}

int qtl_command_read(int argc, char **argv)
{
    struct reading reading = {.data = QTL_LOCAL_PATH_DEFAULT};
    struct qtl_error error = {0};
    enum qtl_status status = parse(&reading, argc, argv, &error);
    if (status == QTL_OK) {
        status = run(&reading, &error);
    }
    if (status != QTL_OK && status != QTL_END) {
        fprintf(stderr, "quintil read: %s\n", error.text);
    }
    if (reading.reader != NULL) {
        reading.reader->ops->free(reading.reader);
    }
    free(reading.ends);
    return qtl_status_exit_code(status);
}
