/*
 * The local log: appending and reading records of 100 bytes (key, value and frame), out of the page
 * cache, and what one small commit costs on this disk.
 *
 *   cmake --preset release && cmake --build --preset release && build/release/bench/bench_local_log
 *
 * The log is made in a new folder where it is started, and stays for whoever wants to look.
 */
#include "consumer/local_reader.h"
#include "schemas/local/crc32c.h"
#include "scoring/base/assert.h"
#include "sinks/local_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RECORDS 4000000
#define BATCH 20000
#define COMMITS 500
#define RUNS 3
#define READ_MAX 1024

static double now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void require(enum qtl_status status, const struct qtl_error *error)
{
    if (status != QTL_OK) {
        fprintf(stderr, "%s\n", error->text);
        exit(1);
    }
}

static void commit(struct qtl_log_writer *writer, int from, int count)
{
    struct qtl_error error;
    char value[79];
    memset(value, 'v', sizeof(value));
    require(writer->ops->begin(writer, NULL, NULL, 0, &error), &error);
    for (int i = from; i < from + count; i++) {
        char key[16];
        const int length = snprintf(key, sizeof(key), "c%07d", i % 1000000);
        const struct qtl_log_append record = {
            .topic = QTL_TOPIC_ORDERS,
            .timestamp_ms = 1700000000000 + i,
            .key = {.bytes = key, .length = (uint32_t)length},
            .has_key = true,
            .value = {.bytes = value, .length = sizeof(value) - 8},
            .has_value = true,
        };
        require(writer->ops->append(writer, &record, &error), &error);
    }
    require(writer->ops->commit(writer, &error), &error);
}

static void measure_read(const char *path)
{
    struct qtl_error error;
    struct qtl_log_reader *reader = NULL;
    const struct qtl_local_reader_options options = {.never_waits = true};
    require(qtl_local_reader_open(path, &options, &reader, &error), &error);
    static struct qtl_log_record records[READ_MAX];
    const double begun = now_s();
    uint64_t bytes = 0;
    size_t total = 0;
    size_t count = 0;
    while (reader->ops->read(reader, QTL_TOPIC_ORDERS, 0, READ_MAX, records, &count, &error) ==
           QTL_OK) {
        for (size_t i = 0; i < count; i++) {
            bytes += records[i].key.length + records[i].value.length;
        }
        total += count;
        reader->ops->release(reader);
    }
    const double took = now_s() - begun;
    QTL_ASSERT(total >= RECORDS);
    QTL_ASSERT(bytes > 0);
    printf("read            %6.2f M records/s\n", (double)total / took / 1e6);
    reader->ops->free(reader);
}

static int compare(const void *left, const void *right)
{
    const double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

static void measure_commits(struct qtl_log_writer *writer)
{
    static double took_ms[COMMITS];
    for (int i = 0; i < COMMITS; i++) {
        const double begun = now_s();
        commit(writer, i, 1);
        took_ms[i] = (now_s() - begun) * 1000;
    }
    qsort(took_ms, COMMITS, sizeof(took_ms[0]), compare);
    printf("commit of one   p50 %.2f ms, p99 %.2f ms\n", took_ms[COMMITS / 2],
           took_ms[COMMITS * 99 / 100]);
}

static void measure_crc(void)
{
    static char bytes[100];
    uint32_t sum = 0;
    const double begun = now_s();
    for (int i = 0; i < 20000000; i++) {
        bytes[0] = (char)i;
        sum += qtl_crc32c(bytes, sizeof(bytes));
    }
    printf("CRC-32C         %6.1f ns for 100 bytes (%08x)\n", (now_s() - begun) * 50, sum);
}

int main(void)
{
    struct qtl_error error;
    char path[] = "./quintil-bench-XXXXXX";
    QTL_ASSERT(mkdtemp(path) != NULL);
    require(qtl_local_log_create(path, 1, &error), &error);
    struct qtl_log_writer *writer = NULL;
    require(qtl_local_writer_open(path, QTL_LOCAL_INTAKE, NULL, &writer, &error), &error);
    const double begun = now_s();
    for (int i = 0; i < RECORDS; i += BATCH) {
        commit(writer, i, BATCH);
    }
    printf("append, synced  %6.2f M records/s in commits of %d\n",
           RECORDS / (now_s() - begun) / 1e6, BATCH);
    for (int run = 0; run < RUNS; run++) {
        measure_read(path);
    }
    measure_commits(writer);
    measure_crc();
    writer->ops->free(writer);
    printf("the log is in %s: remove it\n", path);
    return 0;
}
