/*
 * Any bytes as an Avro container file of orders: however it ends, it ends, with a sentence where it
 * is no end of a file. The first byte, if it is even, stands before a file that begins with a
 * header of ours, so that the fuzzer gets to the blocks; its codec is chosen by that byte.
 */
#include "consumer/avro_file.h"
#include "consumer/avro_schema.h"
#include "schemas/bytes.h"
#include "scoring/base/assert.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* avro-c leaks what it has made of a schema that it then refuses. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

enum { RECORDS_MAX = 100000 };

static const char schema[] =
    "{\"type\":\"record\",\"name\":\"o\",\"fields\":[{\"name\":\"customer_id\",\"type\":\"string\"}"
    ",{\"name\":\"order_id\",\"type\":[\"null\",\"long\"]},{\"name\":\"amount\",\"type\":{\"type\":"
    "\"array\",\"items\":\"double\"}},{\"name\":\"items\",\"type\":[\"null\",\"o\"]}]}";

static void put_header(struct qtl_bytes *out, unsigned codec)
{
    static const char *const codecs[] = {"null", "deflate", "snappy", "zstandard"};
    qtl_bytes_put(out, "Obj\x01", 4);
    qtl_bytes_put_long(out, 2);
    qtl_bytes_put_text(out, qtl_text_of("avro.schema"));
    qtl_bytes_put_text(out, qtl_text_of(schema));
    qtl_bytes_put_text(out, qtl_text_of("avro.codec"));
    qtl_bytes_put_text(out, qtl_text_of(codecs[codec % 4]));
    qtl_bytes_put_long(out, 0);
    qtl_bytes_put(out, "0123456789abcdef", 16);
}

static void read_records(struct qtl_avro_file *file)
{
    static struct qtl_avro_scratch scratch;
    struct qtl_error error = {0};
    struct qtl_fields fields;
    struct qtl_text raw;
    enum qtl_status status = QTL_OK;
    struct qtl_avro_program *const program =
        qtl_avro_program_new(qtl_avro_file_schema(file), QTL_STREAM_ORDERS, NULL);
    for (int i = 0; program != NULL && status == QTL_OK && i < RECORDS_MAX; i++) {
        status = qtl_avro_file_next(file, program, &scratch, &fields, &raw, &error);
    }
    QTL_ASSERT(status == QTL_OK || status == QTL_END || status == QTL_CORRUPT);
    QTL_ASSERT(status != QTL_CORRUPT || error.text[0] != '\0');
    qtl_avro_program_free(program);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    struct qtl_bytes bytes = {0};
    struct qtl_avro_file *file = NULL;
    struct qtl_error error = {0};
    if (size == 0) {
        return 0;
    }
    if (fd < 0) {
        char path[] = "/tmp/quintil-fuzz-XXXXXX";
        fd = mkstemp(path);
        QTL_ASSERT(fd >= 0);
        unlink(path);
    }
    if (data[0] % 2 == 0) {
        put_header(&bytes, data[0] / 2U);
    }
    qtl_bytes_put(&bytes, data + 1, size - 1);
    const bool written = ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0 &&
                         write(fd, bytes.bytes, bytes.length) == (ssize_t)bytes.length &&
                         lseek(fd, 0, SEEK_SET) == 0;
    QTL_ASSERT(written);
    if (qtl_avro_file_open(fd, "fuzz.avro", &file, &error) == QTL_OK) {
        read_records(file);
    } else {
        QTL_ASSERT(error.text[0] != '\0');
    }
    qtl_avro_file_close(file);
    qtl_bytes_fini(&bytes);
    return 0;
}
