/*
 * `quintil append <stream> [FILE...]`: events from files or a pipe into the input of the local log
 * or of Kafka, whether or not `run` reads it meanwhile.
 *
 * Each record is decoded here once, for its customer (key and partition) and its time (timestamp:
 * DESIGN 3, our own loaders stamp so). What cannot be decoded is appended all the same, so that the
 * engine dead-letters it with its reason: without a key, to partition 0, and without a timestamp of
 * its own, so that it takes the time of what stands before it and moves nobody's clock.
 *
 * A transaction is committed when the input has nothing more just now, or when it has become large.
 * So a live pipe is durable line by line, and a file at the speed of the disk. A kill leaves whole
 * transactions only (of Kafka, whole records: sinks/kafka_intake.h).
 */
#include "consumer/command_intake.h"
#include "consumer/commands.h"
#include "consumer/config_options.h"
#include "consumer/decode.h"
#include "consumer/progress.h"
#include "consumer/record_file.h"
#include "consumer/rule_file.h"
#include "consumer/sorted_records.h"
#include "consumer/stream.h"
#include "scoring/base/hash.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH_RECORDS_MAX 10000
#define BATCH_BYTES_MAX (4u << 20)

struct append {
    enum qtl_stream stream;
    const char *data;  /* NULL: the configuration's */
    const char *rules; /* NULL: the configuration's */
    enum qtl_record_format format;
    int32_t partitions; /* 0: not given */
    struct qtl_config config;
    struct qtl_rules *kinds; /* NULL: the built-in kinds only */
    struct qtl_decoder *decoder;
    struct qtl_command_intake intake;
    struct qtl_progress progress;
    bool sort;                        /* gather all, then append by time */
    struct qtl_sorted_records sorted; /* empty without it */
    int64_t wall;                     /* seconds; read once a transaction */
    uint64_t durable;
    uint64_t undecodable; /* of the durable ones */
    /* Of the transaction under way. */
    uint64_t batch_records;
    uint64_t batch_undecodable;
    uint64_t batch_bytes;
};

static const char help[] =
    "usage: quintil append STREAM [options] [FILE...]\n"
    "\n"
    "Appends events to the local log, or to Kafka where the configuration has kafka.brokers:\n"
    "orders, engagement or customers. Works while 'quintil run' reads it. FILEs are CSV with\n"
    "header, NDJSON or Avro, by the name's ending; - or no FILE is standard input, NDJSON unless\n"
    "--format says otherwise.\n"
    "\n"
    "  --data DIR           the local log's folder (default ./quintil-data); made where missing\n"
    "  --partitions N       of a log, or of topics, that are made (default 4)\n"
    "  --format F           csv, ndjson or avro: what the input is, whatever its names\n"
    "  --sort               reads all files first and appends their records by time: for\n"
    "                       history, which a run reads in the order of the log\n"
    "  --rules R            a rule file whose own kinds of engagement are known too\n"
    "  -c FILE              configuration: where the fields stand, data folder, rules\n"
    "  --set NAME=VALUE     one setting of it\n"
    "  --help               this text\n"
    "\n"
    "Prints how many records are durable. A record that cannot be used is appended too: the\n"
    "engine puts it into the dead letters, with the reason.\n"
    "exit codes: 0 done, 1 a file or the disk failed, 2 the command line or a file is wrong\n";

enum option_code {
    OPTION_DATA = 256,
    OPTION_PARTITIONS,
    OPTION_FORMAT,
    OPTION_RULES,
    OPTION_SORT,
    OPTION_SET,
    OPTION_HELP,
};

static const struct option long_options[] = {
    {"data", required_argument, NULL, OPTION_DATA},
    {"partitions", required_argument, NULL, OPTION_PARTITIONS},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"rules", required_argument, NULL, OPTION_RULES},
    {"config", required_argument, NULL, 'c'},
    {"sort", no_argument, NULL, OPTION_SORT},
    {"set", required_argument, NULL, OPTION_SET},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static enum qtl_status parse_partitions(const char *text, int32_t *partitions,
                                        struct qtl_error *error)
{
    char *end;
    const long number = strtol(text, &end, 10);
    if (end == text || *end != '\0' || number < 1 || number > QTL_PARTITIONS_MAX) {
        return qtl_error_set(error, QTL_BAD_CONF, "--partitions %s: expected a number from 1 to %d",
                             text, QTL_PARTITIONS_MAX);
    }
    *partitions = (int32_t)number;
    return QTL_OK;
}

static enum qtl_status parse_format(const char *text, enum qtl_record_format *format,
                                    struct qtl_error *error)
{
    return qtl_record_file_format(text, format)
               ? QTL_OK
               : qtl_error_set(error, QTL_BAD_CONF, "--format %s: expected csv, ndjson or avro",
                               text);
}

static enum qtl_status parse_option(struct append *append, int code, struct qtl_error *error)
{
    switch (code) {
    case OPTION_DATA:
        append->data = optarg;
        return QTL_OK;
    case OPTION_RULES:
        append->rules = optarg;
        return QTL_OK;
    case OPTION_PARTITIONS:
        return parse_partitions(optarg, &append->partitions, error);
    case OPTION_FORMAT:
        return parse_format(optarg, &append->format, error);
    case OPTION_SORT:
        append->sort = true;
        return QTL_OK;
    case OPTION_SET:
        return qtl_config_set(&append->config, optarg, error);
    case 'c':
        return QTL_OK; /* read already */
    default:
        return qtl_error_set(error, QTL_BAD_CONF, "see 'quintil append --help'");
    }
}

/* Options anywhere, then the stream, then files: argv[optind] is the first file. END: help was
 * asked for and printed. */
static enum qtl_status parse(struct append *append, int argc, char **argv, struct qtl_error *error)
{
    enum qtl_status status =
        qtl_config_options_read(&append->config, argc, argv, long_options, error);
    int code = 0;
    while (status == QTL_OK && (code = getopt_long(argc, argv, "c:", long_options, NULL)) != -1) {
        if (code == OPTION_HELP) {
            fputs(help, stdout);
            return QTL_END;
        }
        status = parse_option(append, code, error);
    }
    if (status != QTL_OK) {
        return status;
    }
    const char *const name = optind < argc ? argv[optind++] : "";
    const int stream =
        qtl_stream_find((struct qtl_text){.bytes = name, .length = (uint32_t)strlen(name)});
    if (stream < 0) {
        return qtl_error_set(error, QTL_BAD_CONF,
                             "stream '%s': expected orders, engagement or customers", name);
    }
    append->stream = (enum qtl_stream)stream;
    if (append->config.streams[stream].format != QTL_FORMAT_JSON) {
        return qtl_error_set(error, QTL_BAD_CONF,
                             "streams.%s.format is avro, but append writes JSON; it cannot feed "
                             "this stream",
                             name);
    }
    return qtl_config_finish(&append->config, error);
}

static enum qtl_status read_kinds(struct append *append, struct qtl_error *error)
{
    const char *const path = append->rules != NULL ? append->rules : append->config.rules;
    if (path[0] == '\0') {
        return QTL_OK;
    }
    struct qtl_problems problems = {0};
    const enum qtl_status status = qtl_rule_file_read(path, &append->kinds, &problems);
    if (status != QTL_OK) {
        qtl_rule_file_report(path, &problems, stderr);
        error->text[0] = '\0';
    }
    qtl_problems_fini(&problems);
    return status;
}

static enum qtl_status commit(struct append *append, struct qtl_error *error)
{
    if (append->batch_records == 0) {
        return QTL_OK;
    }
    const enum qtl_status status = append->intake.writer->ops->commit(append->intake.writer, error);
    if (status == QTL_OK) {
        append->durable += append->batch_records;
        append->undecodable += append->batch_undecodable;
    }
    append->batch_records = 0;
    append->batch_undecodable = 0;
    append->batch_bytes = 0;
    return status;
}

/* Key, partition and timestamp of a record: its event's time, but never ahead of now, so that the
 * engine finds out about times in the future. */
static struct qtl_log_append describe(struct append *append, const struct qtl_file_record *record,
                                      struct qtl_text value)
{
    struct qtl_log_append bytes = {
        .topic = (enum qtl_topic)append->stream,
        .timestamp_ms = QTL_TIME_ABSENT,
        .value = value,
        .has_value = true,
    };
    if (record->reason != QTL_REASON_NONE) {
        return bytes;
    }
    const struct qtl_event *const event = &record->event;
    bytes.partition =
        (int32_t)qtl_hash_partition(event->customer_hash, (uint32_t)append->intake.partitions);
    bytes.key = event->customer_id;
    bytes.has_key = true;
    if (append->wall < event->occurred_at) {
        append->wall = (int64_t)time(NULL);
    }
    if (event->occurred_at != QTL_TIME_ABSENT) {
        const bool ahead = event->occurred_at > append->wall;
        bytes.timestamp_ms = (ahead ? append->wall : event->occurred_at) * 1000;
    }
    return bytes;
}

/* Adds a record to the transaction under way, or begins one. */
static enum qtl_status put(struct append *append, const struct qtl_log_append *bytes,
                           struct qtl_error *error)
{
    enum qtl_status status = QTL_OK;
    if (append->batch_records == 0) {
        status = append->intake.writer->ops->begin(append->intake.writer, NULL, NULL, 0, error);
    }
    if (status == QTL_OK) {
        status = append->intake.writer->ops->append(append->intake.writer, bytes, error);
    }
    if (status == QTL_OK) {
        append->batch_records++;
        append->batch_undecodable += bytes->has_key ? 0 : 1;
        append->batch_bytes += bytes->value.length;
    }
    return status;
}

static bool is_batch_full(const struct append *append)
{
    return append->batch_records >= BATCH_RECORDS_MAX || append->batch_bytes >= BATCH_BYTES_MAX;
}

static enum qtl_status add(struct append *append, const struct qtl_file_record *record,
                           struct qtl_text value, struct qtl_error *error)
{
    const struct qtl_log_append bytes = describe(append, record, value);
    if (append->sort) {
        qtl_sorted_records_add(&append->sorted, &bytes,
                               record->reason == QTL_REASON_NONE ? record->event.occurred_at
                                                                 : QTL_TIME_ABSENT);
        return QTL_OK;
    }
    return put(append, &bytes, error);
}

/* What --sort gathered, by time. */
static enum qtl_status append_sorted(struct append *append, struct qtl_error *error)
{
    struct qtl_sorted_records *const sorted = &append->sorted;
    enum qtl_status status = QTL_OK;
    qtl_sorted_records_sort(sorted);
    qtl_progress_start(&append->progress, "append: records");
    for (size_t i = 0; i < sorted->count && status == QTL_OK; i++) {
        if (is_batch_full(append)) {
            status = commit(append, error);
            qtl_progress_say(&append->progress, append->durable, i, sorted->count);
        }
        if (status == QTL_OK) {
            status = put(append, &sorted->items[i].record, error);
        }
    }
    qtl_progress_stop(&append->progress);
    return status == QTL_OK ? commit(append, error) : status;
}

static enum qtl_status append_records(struct append *append, struct qtl_record_file *file,
                                      uint64_t *line, struct qtl_error *error)
{
    for (;;) {
        enum qtl_status status = QTL_OK;
        if (is_batch_full(append) || qtl_record_file_is_idle(file)) {
            status = commit(append, error);
            qtl_progress_say(&append->progress, append->durable, qtl_record_file_bytes_done(file),
                             qtl_record_file_bytes_all(file));
        }
        struct qtl_file_record record;
        if (status == QTL_OK) {
            status = qtl_record_file_next(file, &record, error);
        }
        if (status == QTL_OK) {
            *line = record.line;
            status = add(append, &record, qtl_record_file_json(file), error);
        }
        if (status != QTL_OK) {
            return status == QTL_END ? commit(append, error) : status;
        }
    }
}

static enum qtl_status append_file(struct append *append, const char *path, struct qtl_error *error)
{
    const bool pipe_of_json = strcmp(path, "-") == 0 && append->format == QTL_RECORD_BY_NAME;
    struct qtl_record_file *file = NULL;
    enum qtl_status status = qtl_record_file_open(
        path, pipe_of_json ? QTL_RECORD_NDJSON : append->format, append->decoder, &file, error);
    if (status != QTL_OK) {
        return status;
    }
    if (qtl_record_file_is_canonical(file) && append->config.streams[append->stream].has_fields) {
        qtl_record_file_close(file);
        return qtl_error_set(error, QTL_BAD_CONF,
                             "%s: CSV and Avro are appended with our own field names, but the "
                             "configuration maps the fields of this stream; send NDJSON in your "
                             "own form",
                             path);
    }
    if (qtl_record_file_warning(file) != NULL) {
        fprintf(stderr, "quintil append: %s\n", qtl_record_file_warning(file));
    }
    uint64_t line = 0;
    qtl_progress_start(&append->progress, "append: records");
    status = append_records(append, file, &line, error);
    qtl_progress_stop(&append->progress);
    if (status != QTL_OK) {
        fprintf(stderr, "quintil append: stopped near line %" PRIu64 " of %s\n", line, path);
    }
    qtl_record_file_close(file);
    return status;
}

static enum qtl_status run(struct append *append, int argc, char **argv, struct qtl_error *error)
{
    enum qtl_status status = read_kinds(append, error);
    if (status == QTL_OK) {
        status = qtl_command_intake_open(&append->intake, &append->config, append->data,
                                         append->partitions, error);
    }
    if (status != QTL_OK) {
        return status;
    }
    append->decoder =
        qtl_decoder_new(append->stream, &append->config.streams[append->stream], append->kinds);
    if (optind == argc) {
        status = append_file(append, "-", error);
    }
    for (int i = optind; status == QTL_OK && i < argc; i++) {
        status = append_file(append, argv[i], error);
    }
    if (status == QTL_OK) {
        status = append_sorted(append, error);
    }
    printf("%" PRIu64 " records are durable in %s", append->durable,
           qtl_stream_name(append->stream));
    if (append->undecodable > 0) {
        printf(", %" PRIu64 " of them for the dead letters", append->undecodable);
    }
    printf("\n");
    return status;
}

int qtl_command_append(int argc, char **argv)
{
    struct append append = {.format = QTL_RECORD_BY_NAME};
    struct qtl_error error = {0};
    qtl_config_init(&append.config);
    enum qtl_status status = parse(&append, argc, argv, &error);
    if (status == QTL_OK) {
        status = run(&append, argc, argv, &error);
    }
    if (status != QTL_OK && status != QTL_END && error.text[0] != '\0') {
        fprintf(stderr, "quintil append: %s\n", error.text);
    }
    qtl_command_intake_close(&append.intake);
    qtl_sorted_records_fini(&append.sorted);
    qtl_decoder_free(append.decoder);
    qtl_rules_free(append.kinds);
    qtl_config_fini(&append.config);
    return qtl_status_exit_code(status);
}
