/*
 * Avro container files: Avro's own in every codec, files of several blocks, damage at every byte,
 * and the way into events.
 */
#include "consumer/avro_codec.h"
#include "consumer/avro_file.h"
#include "consumer/avro_schema.h"
#include "consumer/config.h"
#include "consumer/decode.h"
#include "consumer/record_file.h"
#include "schemas/bytes.h"
#include "tests/unit/shared_kit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { RECORDS = 300, BLOCK_RECORDS = 70 };

#define SYNC "0123456789abcdef"
#define AT INT64_C(1795402800)

static const char *const codecs[] = {"null", "deflate", "snappy", "zstandard"};
enum { CODECS = 4 };

static const char schema[] =
    "{\"type\":\"record\",\"name\":\"o\",\"fields\":[{\"name\":\"customer_id\",\"type\":\"string\"}"
    ",{\"name\":\"order_id\",\"type\":\"long\"},{\"name\":\"occurred_at\",\"type\":{\"type\":"
    "\"long\","
    "\"logicalType\":\"timestamp-millis\"}},{\"name\":\"amount\",\"type\":\"double\"}]}";

static void put_record(struct qtl_bytes *out, int number)
{
    char customer[16];
    const double amount = number / 4.0;
    snprintf(customer, sizeof(customer), "c%d", number % 7);
    qtl_bytes_put_text(out, qtl_text_of(customer));
    qtl_bytes_put_long(out, number);
    qtl_bytes_put_long(out, (AT + number) * 1000);
    qtl_bytes_put(out, &amount, sizeof(amount));
}

static void pack(const char *codec, const struct qtl_bytes *plain, struct qtl_bytes *out)
{
    static char packed[1 << 20];
    size_t length = sizeof(packed) - 4;
    if (strcmp(codec, "deflate") == 0) {
        z_stream stream = {0};
        assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY),
                         Z_OK);
        stream.next_in = (Bytef *)plain->bytes;
        stream.avail_in = (uInt)plain->length;
        stream.next_out = (Bytef *)packed;
        stream.avail_out = (uInt)length;
        assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
        length = stream.total_out;
        deflateEnd(&stream);
    } else if (strcmp(codec, "snappy") == 0) {
        const uLong sum = crc32(0, (const Bytef *)plain->bytes, (uInt)plain->length);
        assert_int_equal(snappy_compress(plain->bytes, plain->length, packed, &length), SNAPPY_OK);
        for (int i = 0; i < 4; i++) {
            packed[length++] = (char)(sum >> (24 - 8 * i));
        }
    } else if (strcmp(codec, "zstandard") == 0) {
        length = ZSTD_compress(packed, length, plain->bytes, plain->length, 3);
        assert_false(ZSTD_isError(length));
    } else {
        memcpy(packed, plain->bytes, plain->length);
        length = plain->length;
    }
    qtl_bytes_put_long(out, (int64_t)length);
    qtl_bytes_put(out, packed, length);
}

static void put_header(struct qtl_bytes *out, const char *codec, const char *text)
{
    qtl_bytes_put(out, "Obj\x01", 4);
    qtl_bytes_put_long(out, codec != NULL ? 2 : 1);
    qtl_bytes_put_text(out, qtl_text_of("avro.schema"));
    qtl_bytes_put_text(out, qtl_text_of(text));
    if (codec != NULL) {
        qtl_bytes_put_text(out, qtl_text_of("avro.codec"));
        qtl_bytes_put_text(out, qtl_text_of(codec));
    }
    qtl_bytes_put_long(out, 0);
    qtl_bytes_put(out, SYNC, 16);
}

static void put_file(struct qtl_bytes *out, const char *codec, int records)
{
    put_header(out, codec, schema);
    for (int number = 0; number < records;) {
        struct qtl_bytes plain = {0};
        const int count = records - number < BLOCK_RECORDS ? records - number : BLOCK_RECORDS;
        for (int i = 0; i < count; i++) {
            put_record(&plain, number++);
        }
        qtl_bytes_put_long(out, count);
        pack(codec, &plain, out);
        qtl_bytes_put(out, SYNC, 16);
        qtl_bytes_fini(&plain);
    }
}

/* A file with these bytes, open for reading and gone from its folder. */
static int open_bytes(const void *bytes, size_t length)
{
    char path[] = "/tmp/quintil-avro-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(write(fd, bytes, length), (ssize_t)length);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

/* How a file of such bytes ends; its records are counted. */
static enum qtl_status read_all(const void *bytes, size_t length, int *records,
                                struct qtl_error *error)
{
    static struct qtl_avro_scratch scratch;
    struct qtl_avro_file *file = NULL;
    const int fd = open_bytes(bytes, length);
    enum qtl_status status = qtl_avro_file_open(fd, "a.avro", &file, error);
    *records = 0;
    if (status == QTL_OK) {
        struct qtl_avro_program *const program =
            qtl_avro_program_new(qtl_avro_file_schema(file), QTL_STREAM_ORDERS, NULL);
        struct qtl_fields fields;
        struct qtl_text raw;
        do {
            status = qtl_avro_file_next(file, program, &scratch, &fields, &raw, error);
            *records += status == QTL_OK ? 1 : 0;
        } while (status == QTL_OK);
        qtl_avro_program_free(program);
    }
    qtl_avro_file_close(file);
    close(fd);
    return status;
}

static void every_codec_gives_the_same_events(void **state)
{
    (void)state;
    for (int codec = 0; codec < CODECS; codec++) {
        struct qtl_bytes bytes = {0};
        struct qtl_error error = {0};
        char path[] = "/tmp/quintil-avro-XXXXXX.avro";
        put_file(&bytes, codecs[codec], RECORDS);
        const int fd = mkstemps(path, 5);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, bytes.bytes, bytes.length), (ssize_t)bytes.length);
        close(fd);
        struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_ORDERS, NULL, NULL);
        struct qtl_record_file *file = NULL;
        if (qtl_record_file_open(path, QTL_RECORD_BY_NAME, decoder, &file, &error) != QTL_OK) {
            fail_msg("%s", error.text);
        }
        assert_true(qtl_record_file_is_canonical(file));
        struct qtl_file_record record;
        for (int i = 0; i < RECORDS; i++) {
            char json[128];
            assert_int_equal(qtl_record_file_next(file, &record, &error), QTL_OK);
            assert_int_equal(record.reason, QTL_REASON_NONE);
            assert_int_equal(record.line, i + 1);
            assert_int_equal(record.event.occurred_at, AT + i);
            assert_int_equal(record.event.amount_e4, i * 2500);
            const int length = snprintf(json, sizeof(json),
                                        "{\"customer_id\":\"c%d\",\"order_id\":\"%d\","
                                        "\"occurred_at\":%" PRId64 ",\"amount\":%d%s}",
                                        i % 7, i, AT + i, i / 4,
                                        (const char *const[]){"", ".25", ".5", ".75"}[i % 4]);
            const struct qtl_text found = qtl_record_file_json(file);
            assert_int_equal(found.length, length);
            assert_memory_equal(found.bytes, json, (size_t)length);
        }
        assert_int_equal(qtl_record_file_next(file, &record, &error), QTL_END);
        assert_int_equal(qtl_record_file_bytes_done(file), bytes.length);
        qtl_record_file_close(file);
        qtl_decoder_free(decoder);
        unlink(path);
        qtl_bytes_fini(&bytes);
    }
}

/* Attributes are the one container that is a value. */
static void attributes_stay(void **state)
{
    (void)state;
    static const char customer[] =
        "{\"type\":\"record\",\"name\":\"c\",\"fields\":[{\"name\":\"customer_id\",\"type\":"
        "\"int\"},"
        "{\"name\":\"attributes\",\"type\":[\"null\",{\"type\":\"map\",\"values\":[\"string\","
        "\"null\"]}]},{\"name\":\"subscribed\",\"type\":\"boolean\"}]}";
    struct qtl_bytes bytes = {0};
    struct qtl_bytes record = {0};
    struct qtl_error error = {0};
    struct qtl_file_record found;
    qtl_bytes_put_long(&record, 7);
    qtl_bytes_put_long(&record, 1);
    qtl_bytes_put_long(&record, 2);
    qtl_bytes_put_text(&record, qtl_text_of("plan"));
    qtl_bytes_put_long(&record, 0);
    qtl_bytes_put_text(&record, qtl_text_of("\"gold\""));
    qtl_bytes_put_text(&record, qtl_text_of("city"));
    qtl_bytes_put_long(&record, 1);
    qtl_bytes_put_long(&record, 0);
    qtl_bytes_put_flag(&record, true);
    put_header(&bytes, NULL, customer);
    qtl_bytes_put_long(&bytes, 1);
    pack("null", &record, &bytes);
    qtl_bytes_put(&bytes, SYNC, 16);
    char path[] = "/tmp/quintil-avro-XXXXXX.avro";
    const int fd = mkstemps(path, 5);
    assert_int_equal(write(fd, bytes.bytes, bytes.length), (ssize_t)bytes.length);
    close(fd);
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_CUSTOMERS, NULL, NULL);
    struct qtl_record_file *file = NULL;
    assert_int_equal(qtl_record_file_open(path, QTL_RECORD_BY_NAME, decoder, &file, &error),
                     QTL_OK);
    assert_int_equal(qtl_record_file_next(file, &found, &error), QTL_OK);
    assert_int_equal(found.reason, QTL_REASON_NONE);
    static const char expected[] = "{\"customer_id\":\"7\",\"subscribed\":true,\"attributes\":{"
                                   "\"plan\":\"\\u0022gold\\u0022\","
                                   "\"city\":null}}";
    const struct qtl_text json = qtl_record_file_json(file);
    assert_int_equal(json.length, strlen(expected));
    assert_memory_equal(json.bytes, expected, json.length);
    qtl_record_file_close(file);
    qtl_decoder_free(decoder);
    unlink(path);
    qtl_bytes_fini(&bytes);
    qtl_bytes_fini(&record);
}

/* Cut anywhere but between blocks, a file is damaged; records before that are read. */
static void a_file_that_is_cut(void **state)
{
    (void)state;
    struct qtl_bytes header = {0};
    struct qtl_bytes bytes = {0};
    put_header(&header, "deflate", schema);
    put_file(&bytes, "deflate", 2 * BLOCK_RECORDS);
    int ends = 0;
    for (size_t length = 0; length < bytes.length; length++) {
        struct qtl_error error = {0};
        int records = 0;
        const enum qtl_status status = read_all(bytes.bytes, length, &records, &error);
        if (length < header.length) {
            assert_int_equal(status, QTL_BAD_CONF);
        } else if (status == QTL_END) {
            assert_int_equal(records, BLOCK_RECORDS * ends++);
        } else {
            assert_int_equal(status, QTL_CORRUPT);
            assert_non_null(strstr(error.text, "a.avro: the block at byte "));
        }
    }
    assert_int_equal(ends, 2); /* behind the header, and behind the first block */
    qtl_bytes_fini(&header);
    qtl_bytes_fini(&bytes);
}

/* snappy's checksum and the markers tell of every byte. */
static void a_file_with_one_wrong_byte(void **state)
{
    (void)state;
    struct qtl_bytes header = {0};
    for (int codec = 0; codec < CODECS; codec++) {
        struct qtl_bytes bytes = {0};
        header.length = 0;
        put_header(&header, codecs[codec], schema);
        put_file(&bytes, codecs[codec], BLOCK_RECORDS);
        for (size_t at = 0; at < bytes.length; at++) {
            struct qtl_error error = {0};
            int records = 0;
            bytes.bytes[at] ^= 0x41;
            const enum qtl_status status = read_all(bytes.bytes, bytes.length, &records, &error);
            bytes.bytes[at] ^= 0x41;
            assert_true(status == QTL_END || error.text[0] != '\0');
            if (at >= header.length && strcmp(codecs[codec], "snappy") == 0) {
                assert_int_equal(status, QTL_CORRUPT);
            }
        }
        qtl_bytes_fini(&bytes);
    }
    qtl_bytes_fini(&header);
}

static void damage_is_said_with_its_place(void **state)
{
    (void)state;
    struct qtl_bytes bytes = {0};
    struct qtl_error error = {0};
    int records = 0;
    put_file(&bytes, "null", 2 * BLOCK_RECORDS);
    bytes.bytes[bytes.length - 1] ^= 1;
    assert_int_equal(read_all(bytes.bytes, bytes.length, &records, &error), QTL_CORRUPT);
    assert_int_equal(records, BLOCK_RECORDS);
    /* Where the first block alone ends. */
    struct qtl_bytes first = {0};
    char sentence[256];
    put_file(&first, "null", BLOCK_RECORDS);
    snprintf(
        sentence, sizeof(sentence),
        "a.avro: the block at byte %zu is damaged (its sync marker is not the file's); nothing "
        "behind it is read: fetch the file anew from where it came",
        first.length);
    assert_string_equal(error.text, sentence);
    qtl_bytes_fini(&first);
    qtl_bytes_fini(&bytes);
}

static void what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *codec;
        const char *schema;
        const char *sentence;
    } rows[] = {
        {"bzip2", schema,
         "a.avro: its codec is `bzip2`; expected null, deflate, snappy or zstandard: write it anew "
         "with one of these"},
        {"null", "{\"type\":\"recrd\"}",
         "a.avro: the schema in its header: no Avro schema: unknown type `recrd`; expected a type "
         "of Avro's or a name that is defined before it"},
        {"null", "",
         "a.avro: no Avro file (its header is not whole); expected an object container file, which "
         "begins with `Obj`"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct qtl_bytes bytes = {0};
        struct qtl_error error = {0};
        int records = 0;
        put_header(&bytes, rows[i].codec, rows[i].schema);
        assert_int_equal(read_all(bytes.bytes, bytes.length, &records, &error), QTL_BAD_CONF);
        assert_string_equal(error.text, rows[i].sentence);
        qtl_bytes_fini(&bytes);
    }
}

/* A block must not expand past its bound, whatever it was packed from. */
static void expanding_is_bounded(void **state)
{
    (void)state;
    enum { ZEROS = 300000 };
    struct qtl_bytes plain = {0};
    struct qtl_bytes out = {0};
    qtl_bytes_reserve(&plain, ZEROS);
    memset(plain.bytes, 0, ZEROS);
    plain.length = ZEROS;
    for (int i = 0; i < CODECS; i++) {
        struct qtl_bytes packed = {0};
        pack(codecs[i], &plain, &packed);
        struct qtl_bytes_cursor cursor = {.at = packed.bytes, .end = packed.bytes + packed.length};
        const struct qtl_text block = qtl_bytes_take_text(&cursor, 0, UINT32_MAX);
        struct qtl_avro_codec *const codec = qtl_avro_codec_new(qtl_text_of(codecs[i]));
        assert_true(qtl_avro_codec_expand(codec, block, ZEROS, &out));
        assert_int_equal(out.length, ZEROS);
        assert_false(qtl_avro_codec_expand(codec, block, ZEROS - 1, &out));
        assert_true(qtl_avro_codec_expand(codec, block, ZEROS, &out)); /* and it goes on */
        qtl_avro_codec_free(codec);
        qtl_bytes_fini(&packed);
    }
    assert_null(qtl_avro_codec_new(qtl_text_of("xz")));
    qtl_bytes_fini(&plain);
    qtl_bytes_fini(&out);
}

/* Avro's own files: five readings of the weather, a file for each codec. */
static void check_weather(const char *name, const char *json, bool sorted)
{
    struct qtl_stream_settings settings = {
        .fields = {[QTL_FIELD_CUSTOMER_ID] = {.path = (char[]){"station"}},
                   [QTL_FIELD_MARGIN] = {.path = (char[]){"temp"}},
                   [QTL_FIELD_ORDER_ID] = {.path = (char[]){"time"}},
                   [QTL_FIELD_OCCURRED_AT] = {.path = (char[]){"time"}}}};
    static struct qtl_avro_scratch scratch;
    char path[1024];
    struct qtl_error error = {0};
    struct qtl_avro_file *file = NULL;
    const int fd = open(shared_path(name, path), O_RDONLY);
    assert_true(fd >= 0);
    if (qtl_avro_file_open(fd, path, &file, &error) != QTL_OK) {
        fail_msg("%s", error.text);
    }
    struct qtl_avro_program *const program =
        qtl_avro_program_new(qtl_avro_file_schema(file), QTL_STREAM_ORDERS, settings.fields);
    struct qtl_fields fields;
    struct qtl_text raw;
    int records = 0;
    while (qtl_avro_file_next(file, program, &scratch, &fields, &raw, &error) == QTL_OK) {
        char line[128];
        snprintf(line, sizeof(line),
                 "{\"station\":\"%.*s\",\"time\":%" PRId64 ",\"temp\":%" PRId64 "}",
                 (int)fields.slots[QTL_FIELD_CUSTOMER_ID].text.length,
                 fields.slots[QTL_FIELD_CUSTOMER_ID].text.bytes,
                 fields.slots[QTL_FIELD_OCCURRED_AT].number, fields.slots[QTL_FIELD_MARGIN].number);
        const char *const found = strstr(json, line);
        assert_non_null(found);
        assert_true(sorted || found == json || found[-1] == '\n');
        records++;
    }
    assert_string_equal(error.text, "");
    assert_int_equal(records, 5);
    qtl_avro_program_free(program);
    qtl_avro_file_close(file);
    close(fd);
}

static void avros_own_files(void **state)
{
    (void)state;
    size_t length = 0;
    char *const json = shared_read("expected/avro/share/test/data/weather.json", &length);
    check_weather("expected/avro/share/test/data/weather.avro", json, false);
    check_weather("expected/avro/share/test/data/weather-deflate.avro", json, false);
    check_weather("expected/avro/share/test/data/weather-snappy.avro", json, false);
    check_weather("expected/avro/share/test/data/weather-zstd.avro", json, false);
    check_weather("expected/avro/share/test/data/weather-sorted.avro", json, true);
    free(json);
}

static void files_of_other_schemas(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int records;
    } rows[] = {
        {"expected/avro/share/test/data/syncInMeta.avro", 6001},
        {"expected/avro/share/test/data/schemas/simple/data.avro", -1},
        {"expected/avro/share/test/data/schemas/withUnion/data.avro", -1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t length = 0;
        struct qtl_error error = {0};
        int records = 0;
        char *const bytes = shared_read(rows[i].name, &length);
        assert_int_equal(read_all(bytes, length, &records, &error), QTL_END);
        assert_true(rows[i].records < 0 ? records > 0 : records == rows[i].records);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_codec_gives_the_same_events),
        cmocka_unit_test(attributes_stay),
        cmocka_unit_test(a_file_that_is_cut),
        cmocka_unit_test(a_file_with_one_wrong_byte),
        cmocka_unit_test(damage_is_said_with_its_place),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(expanding_is_bounded),
        cmocka_unit_test(avros_own_files),
        cmocka_unit_test(files_of_other_schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
