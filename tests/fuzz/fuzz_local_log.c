/*
 * Any bytes as a local log's commit file and segment: no crash, no leak, no byte outside of what
 * was read, offsets that rise. Where a writer takes the log, a record appended to it is there.
 *
 * Input: a mode, then pieces (length of two bytes, bytes). The first half of the pieces goes to the
 * commit file, the rest to the segment of orders. Mode bit 0: pieces become frames with a right
 * checksum, so that the fuzzer gets to what stands inside; else they stand as they are. Bit 1: the
 * commit file begins with a good snapshot.
 */
#include "consumer/local_reader.h"
#include "schemas/local/local_frame.h"
#include "schemas/local/local_table.h"
#include "scoring/base/assert.h"
#include "sinks/local_writer.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FRAMES = 1, SNAPSHOT = 2, PIECES_MAX = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static char folder[64];
static int folder_fd = -1;

static void make_folder(void)
{
    const bool memory = access("/dev/shm", W_OK) == 0;
    snprintf(folder, sizeof(folder), "%s/quintil-fuzz-XXXXXX", memory ? "/dev/shm" : "/tmp");
    QTL_ASSERT(mkdtemp(folder) != NULL);
    QTL_ASSERT(qtl_local_log_create(folder, 1, NULL) == QTL_OK);
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY);
    QTL_ASSERT(folder_fd >= 0);
    QTL_ASSERT(mkdirat(folder_fd, "topics/orders/0", 0755) == 0);
}

static void empty_folder(const char *name)
{
    const int fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY);
    DIR *const listing = fdopendir(fd);
    QTL_ASSERT(listing != NULL);
    for (const struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
        if (entry->d_name[0] != '.') {
            QTL_ASSERT(unlinkat(fd, entry->d_name, 0) == 0);
        }
    }
    closedir(listing);
}

static void remove_folder(void)
{
    static const char *const topics[] = {"orders",
                                         "engagement",
                                         "customers",
                                         "quintil.transitions",
                                         "quintil.dead-letters",
                                         "quintil.state",
                                         "quintil.customers"};
    char name[64];
    empty_folder("topics/orders/0");
    QTL_ASSERT(unlinkat(folder_fd, "topics/orders/0", AT_REMOVEDIR) == 0);
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        snprintf(name, sizeof(name), "topics/%s", topics[i]);
        QTL_ASSERT(unlinkat(folder_fd, name, AT_REMOVEDIR) == 0);
    }
    QTL_ASSERT(unlinkat(folder_fd, "topics", AT_REMOVEDIR) == 0);
    empty_folder("commits");
    QTL_ASSERT(unlinkat(folder_fd, "commits", AT_REMOVEDIR) == 0);
    empty_folder(".");
    QTL_ASSERT(rmdir(folder) == 0);
}

static void store(const char *name, const struct qtl_bytes *bytes)
{
    const int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    QTL_ASSERT(fd >= 0);
    QTL_ASSERT(pwrite(fd, bytes->bytes, bytes->length, 0) == (ssize_t)bytes->length);
    close(fd);
}

static void put_piece(struct qtl_bytes *file, const uint8_t *piece, size_t length, bool frame)
{
    if (frame && length > 0) {
        const size_t begin = qtl_local_frame_begin(file);
        qtl_bytes_put(file, piece, length);
        qtl_local_frame_end(file, begin);
    } else {
        qtl_bytes_put(file, piece, length);
    }
}

static void put_files(const uint8_t *bytes, size_t length)
{
    const uint8_t mode = bytes[0];
    struct qtl_bytes files[2] = {{0}, {0}};
    if ((mode & SNAPSHOT) != 0) {
        struct qtl_local_table table;
        qtl_local_table_init(&table, 1);
        qtl_local_table_put_snapshot(&files[0], &table, QTL_LOCAL_INTAKE, 0);
        qtl_local_table_fini(&table);
    }
    const size_t pieces = (size_t)(mode >> 2) % PIECES_MAX;
    size_t at = 1;
    for (size_t i = 0; at + 2 <= length; i++) {
        const size_t claimed = (size_t)bytes[at] | (size_t)bytes[at + 1] << 8;
        at += 2;
        const size_t count = claimed < length - at ? claimed : length - at;
        put_piece(&files[i < pieces ? 0 : 1], bytes + at, count, (mode & FRAMES) != 0);
        at += count;
    }
    empty_folder("topics/orders/0");
    store("commits/intake-1.log", &files[0]);
    store("topics/orders/0/00000000000000000000.log", &files[1]);
    const uint64_t mark[2] = {0, UINT64_MAX};
    char *const words = malloc(sizeof(mark));
    QTL_ASSERT(words != NULL);
    memcpy(words, mark, sizeof(mark));
    const struct qtl_bytes unmoved = {.bytes = words, .length = sizeof(mark)};
    store("commits/intake.mark", &unmoved);
    free(words);
    qtl_bytes_fini(&files[0]);
    qtl_bytes_fini(&files[1]);
}

static uint64_t sum_of(struct qtl_text text)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < text.length; i++) {
        sum += (unsigned char)text.bytes[i];
    }
    return sum;
}

static uint64_t sum_of_record(const struct qtl_log_record *record)
{
    uint64_t sum = sum_of(record->key) + sum_of(record->value);
    for (uint32_t i = 0; i < record->header_count; i++) {
        sum += sum_of(record->headers[i].name) + sum_of(record->headers[i].value);
    }
    return sum;
}

/* Reads everything; returns the end of what is committed, or -1 where the log is refused. */
static int64_t read_all(void)
{
    struct qtl_error error = {0};
    struct qtl_log_reader *reader = NULL;
    const struct qtl_local_reader_options options = {.never_waits = true};
    if (qtl_local_reader_open(folder, &options, &reader, &error) != QTL_OK) {
        QTL_ASSERT(error.text[0] != '\0');
        return -1;
    }
    int64_t first = 0;
    int64_t end = 0;
    QTL_ASSERT(reader->ops->range(reader, QTL_TOPIC_ORDERS, 0, &first, &end, &error) == QTL_OK);
    QTL_ASSERT(reader->ops->seek(reader, QTL_TOPIC_ORDERS, 0, first, &error) == QTL_OK);
    int64_t last = first - 1;
    enum qtl_status status = QTL_OK;
    uint64_t sum = 0;
    while (status == QTL_OK) {
        struct qtl_log_record records[3];
        size_t count = 0;
        status = reader->ops->read(reader, QTL_TOPIC_ORDERS, 0, 3, records, &count, &error);
        for (size_t i = 0; i < count; i++) {
            QTL_ASSERT(records[i].offset > last && records[i].offset < end);
            last = records[i].offset;
            sum += sum_of_record(&records[i]);
        }
    }
    QTL_ASSERT(status == QTL_EMPTY || error.text[0] != '\0');
    QTL_ASSERT(sum < UINT64_MAX); /* so that the bytes are really looked at */
    QTL_ASSERT((status == QTL_EMPTY) == reader->ops->ended(reader, QTL_TOPIC_ORDERS, 0));
    reader->ops->free(reader);
    return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length == 0) {
        return 0;
    }
    if (folder_fd < 0) {
        make_folder();
        QTL_ASSERT(atexit(remove_folder) == 0);
    }
    put_files(bytes, length);
    const int64_t end = read_all();
    struct qtl_error error = {0};
    struct qtl_log_writer *writer = NULL;
    if (qtl_local_writer_open(folder, QTL_LOCAL_INTAKE, NULL, &writer, &error) != QTL_OK) {
        QTL_ASSERT(error.text[0] != '\0');
        return 0;
    }
    QTL_ASSERT(end >= 0);
    const struct qtl_log_append record = {
        .topic = QTL_TOPIC_ORDERS, .value = {.bytes = "v", .length = 1}, .has_value = true};
    QTL_ASSERT(writer->ops->begin(writer, NULL, NULL, 0, &error) == QTL_OK);
    if (writer->ops->append(writer, &record, &error) == QTL_OK) {
        QTL_ASSERT(writer->ops->commit(writer, &error) == QTL_OK);
        QTL_ASSERT(read_all() == end + 1);
    }
    writer->ops->free(writer);
    return 0;
}
