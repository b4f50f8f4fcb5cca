/* CSV rows, columns and files of records. */
#include "consumer/csv.h"
#include "consumer/csv_columns.h"
#include "consumer/decode.h"
#include "consumer/record_file.h"
#include "tests/unit/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER "customer_id,order_id,occurred_at,amount,kind\n"

static struct qtl_text text_of(const char *bytes)
{
    return (struct qtl_text){bytes, (uint32_t)strlen(bytes)};
}

static void assert_text(struct qtl_text text, const char *expected)
{
    if (text.length != strlen(expected) || memcmp(text.bytes, expected, text.length) != 0) {
        fail_msg("%.*s is not %s", (int)text.length, text.bytes, expected);
    }
}

static void rows_as_rfc_4180_has_them(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        uint32_t length;
        uint32_t count;
        const char *cells[4];
    } rows[] = {
        {"a,b,c\nnext", 6, 3, {"a", "b", "c"}},
        {"a,b,c\r\nnext", 7, 3, {"a", "b", "c"}},
        {"a,b,c", 5, 3, {"a", "b", "c"}},
        {"a,b,c\r", 6, 3, {"a", "b", "c"}},
        {",,\n", 3, 3, {"", "", ""}},
        {",", 1, 2, {"", ""}},
        {"\"a,1\",\"b\"\"2\"\"\",\"c\n3\r\n\"\nnext", 23, 3, {"a,1", "b\"2\"", "c\n3\r\n"}},
        {"\"\",\"\"\"\"\r\n", 9, 2, {"", "\""}},
        {"\"\"\n", 3, 1, {""}},
        {"5\" pipe,x\n", 10, 2, {"5\" pipe", "x"}},
        {" a , b \n", 8, 2, {" a ", " b "}},
        {"a\rb,c\n", 6, 2, {"a\rb", "c"}},
        {"\n", 1, 0, {NULL}},
        {"\r\n", 2, 0, {NULL}},
    };
    struct qtl_csv_row row;
    qtl_csv_row_init(&row);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(qtl_csv_row_parse(&row, text_of(rows[i].bytes), true), QTL_OK);
        assert_int_equal(row.bytes, rows[i].length);
        assert_int_equal(row.count, rows[i].count);
        for (uint32_t cell = 0; cell < row.count; cell++) {
            assert_text(row.cells[cell], rows[i].cells[cell]);
        }
    }
    qtl_csv_row_fini(&row);
}

static void rows_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        uint32_t first_line;
    } rows[] = {
        {"a,\"b\nc,d\ne,f", 5},
        {"\"a\"b,c\nnext", 7},
        {"\"a\" ,c\nnext", 7},
        {"a,\"b", 4},
        {"\"", 1},
        {"\"a\"\rb\n", 6},
    };
    struct qtl_csv_row row;
    qtl_csv_row_init(&row);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(qtl_csv_row_parse(&row, text_of(rows[i].bytes), true), QTL_MALFORMED);
        assert_int_equal(row.bytes, rows[i].first_line);
    }
    char *const wide = malloc(QTL_CSV_ROW_BYTES_MAX + 2);
    memset(wide, ',', QTL_CSV_CELLS_MAX);
    assert_int_equal(qtl_csv_row_parse(&row, (struct qtl_text){wide, QTL_CSV_CELLS_MAX - 1}, true),
                     QTL_OK);
    assert_int_equal(row.count, QTL_CSV_CELLS_MAX);
    assert_int_equal(qtl_csv_row_parse(&row, (struct qtl_text){wide, QTL_CSV_CELLS_MAX}, true),
                     QTL_MALFORMED);
    memset(wide, 'x', QTL_CSV_ROW_BYTES_MAX + 2);
    wide[QTL_CSV_ROW_BYTES_MAX - 1] = '\n';
    const struct qtl_text long_one = {wide, QTL_CSV_ROW_BYTES_MAX + 1};
    assert_int_equal(qtl_csv_row_parse(&row, long_one, false), QTL_OK);
    wide[QTL_CSV_ROW_BYTES_MAX - 1] = 'x';
    wide[QTL_CSV_ROW_BYTES_MAX] = '\n';
    assert_int_equal(qtl_csv_row_parse(&row, long_one, false), QTL_MALFORMED);
    assert_int_equal(row.bytes, QTL_CSV_ROW_BYTES_MAX + 1);
    free(wide);
    qtl_csv_row_fini(&row);
}

/* However the bytes are cut, a row is either the whole one or asks for more. */
static void a_cut_row_asks_for_more(void **state)
{
    (void)state;
    static const char bytes[] = "\"a\"\"\n\",,b\r\n";
    struct qtl_csv_row row;
    qtl_csv_row_init(&row);
    for (uint32_t length = 1; length < sizeof(bytes) - 1; length++) {
        assert_int_equal(qtl_csv_row_parse(&row, (struct qtl_text){bytes, length}, false),
                         QTL_EMPTY);
    }
    assert_int_equal(qtl_csv_row_parse(&row, text_of(bytes), false), QTL_OK);
    assert_int_equal(row.count, 3);
    qtl_csv_row_fini(&row);
}

/* A file of a test, in the temporary folder, named so that its format is known. */
static void write_file(char *path, size_t size, const char *ending, const char *bytes,
                       size_t length)
{
    const char *const folder = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";
    snprintf(path, size, "%s/quintil-XXXXXX%s", folder, ending);
    const int fd = mkstemps(path, (int)strlen(ending));
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), (ssize_t)length);
    close(fd);
}

struct expected_record {
    uint64_t line;
    enum qtl_reason reason;
    const char *customer_id;
    int64_t amount_e4;
    const char *raw;
    const char *json;
};

static void check_file(enum qtl_stream stream, const char *ending, struct qtl_text bytes,
                       const struct expected_record *expected, size_t count)
{
    char path[256];
    write_file(path, sizeof(path), ending, bytes.bytes, bytes.length);
    struct qtl_decoder *const decoder = qtl_decoder_new(stream, NULL, NULL);
    struct qtl_record_file *file = NULL;
    struct qtl_error error = {""};
    struct qtl_file_record record;
    assert_int_equal(qtl_record_file_open(path, QTL_RECORD_BY_NAME, decoder, &file, &error),
                     QTL_OK);
    assert_int_equal(qtl_record_file_bytes_all(file), bytes.length);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(qtl_record_file_next(file, &record, &error), QTL_OK);
        assert_int_equal(record.line, expected[i].line);
        assert_int_equal(record.reason, expected[i].reason);
        if (expected[i].reason == QTL_REASON_NONE) {
            assert_text(record.event.customer_id, expected[i].customer_id);
            assert_int_equal(record.event.amount_e4, expected[i].amount_e4);
        }
        if (expected[i].raw != NULL) {
            assert_text(record.raw, expected[i].raw);
        }
        if (expected[i].json != NULL) {
            assert_text(qtl_record_file_json(file), expected[i].json);
        }
    }
    assert_int_equal(qtl_record_file_next(file, &record, &error), QTL_END);
    assert_int_equal(qtl_record_file_next(file, &record, &error), QTL_END);
    assert_int_equal(qtl_record_file_bytes_done(file), bytes.length);
    qtl_record_file_close(file);
    qtl_decoder_free(decoder);
    unlink(path);
}

static void a_csv_file_of_good_and_bad_rows(void **state)
{
    (void)state;
    static const char bytes[] = "\xef\xbb\xbf"
                                "Customer_ID, order_id ,occurred_at,amount,kind,colour\r\n"
                                "c1,o1,2026-11-22,29.33,,red\r\n"
                                "\r\n"
                                "\"c\n\"\"2\",007,1795348800,.5,returned,\n"
                                "c3,o3,2026-11-22,29.33\n"
                                "c4,o4,2026-11-22,\"1\"x,,\n"
                                "c5,,2026-11-22,1,,\n"
                                ",o6,2026-11-22,1,,\n"
                                "c7,o7,2026-11-22,,cancelled,\n"
                                "c8,o8,2026-11-22,,,\n"
                                "c9,o9,soon,1,,\n"
                                "\xff,o10,2026-11-22,1,,\n"
                                "c11,\xff,2026-11-22,1,,\n"
                                "c12,o12,2026-11-22,1,,\"open\n"
                                "c13,o13,2026-11-22,1,,\xff";
    static const struct expected_record expected[] = {
        {2, QTL_REASON_NONE, "c1", 293300, "c1,o1,2026-11-22,29.33,,red",
         "{\"customer_id\":\"c1\",\"order_id\":\"o1\",\"occurred_at\":\"2026-11-22\","
         "\"amount\":29.33}"},
        {4, QTL_REASON_NONE, "c\n\"2", 5000, "\"c\n\"\"2\",007,1795348800,.5,returned,",
         "{\"customer_id\":\"c\\u000a\\\"2\",\"order_id\":\"007\",\"occurred_at\":1795348800,"
         "\"amount\":\".5\",\"kind\":\"returned\"}"},
        {6, QTL_REASON_MALFORMED, NULL, 0, "c3,o3,2026-11-22,29.33", "c3,o3,2026-11-22,29.33"},
        {7, QTL_REASON_MALFORMED, NULL, 0, "c4,o4,2026-11-22,\"1\"x,,", NULL},
        {8, QTL_REASON_MISSING_FIELD, NULL, 0, NULL,
         "{\"customer_id\":\"c5\",\"occurred_at\":\"2026-11-22\",\"amount\":1}"},
        {9, QTL_REASON_MISSING_FIELD, NULL, 0, NULL, NULL},
        {10, QTL_REASON_NONE, "c7", 0, NULL, NULL},
        {11, QTL_REASON_MISSING_FIELD, NULL, 0, NULL, NULL},
        {12, QTL_REASON_BAD_TIME, NULL, 0, NULL, NULL},
        {13, QTL_REASON_BAD_CUSTOMER_ID, NULL, 0, NULL, NULL},
        {14, QTL_REASON_MALFORMED, NULL, 0, NULL, NULL},
        {15, QTL_REASON_MALFORMED, NULL, 0, "c12,o12,2026-11-22,1,,\"open", NULL},
        {16, QTL_REASON_NONE, "c13", 10000, "c13,o13,2026-11-22,1,,\xff", NULL},
    };
    check_file(QTL_STREAM_ORDERS, ".csv", text_of(bytes), expected,
               sizeof(expected) / sizeof(expected[0]));
}

static void a_file_of_json_lines(void **state)
{
    (void)state;
    static const char bytes[] =
        "{\"customer_id\":1,\"order_id\":1,\"occurred_at\":1795348800,\"amount\":1}\r\n"
        "\n"
        "{\"customer_id\":2,\n"
        "{\"customer_id\":3,\"order_id\":1,\"occurred_at\":1795348800,\"amount\":2}";
    static const struct expected_record expected[] = {
        {1, QTL_REASON_NONE, "1", 10000, NULL,
         "{\"customer_id\":1,\"order_id\":1,\"occurred_at\":1795348800,\"amount\":1}"},
        {3, QTL_REASON_MALFORMED, NULL, 0, "{\"customer_id\":2,", "{\"customer_id\":2,"},
        {4, QTL_REASON_NONE, "3", 20000, NULL, NULL},
    };
    check_file(QTL_STREAM_ORDERS, ".ndjson", text_of(bytes), expected,
               sizeof(expected) / sizeof(expected[0]));
    check_file(QTL_STREAM_ORDERS, ".json", text_of(""), NULL, 0);
}

/* Lines and rows over their bounds are one bad record each; their neighbours count. */
static void records_that_are_too_long(void **state)
{
    (void)state;
    static const char good[] =
        "{\"customer_id\":1,\"order_id\":1,\"occurred_at\":1795348800,\"amount\":1}\n";
    const size_t length = sizeof(good) - 1;
    const size_t filler = QTL_RECORD_BYTES_MAX * 2 + 12345;
    char *bytes = malloc(2 * length + filler + 1);
    memcpy(bytes, good, length);
    memset(bytes + length, 'x', filler);
    bytes[length + filler] = '\n';
    memcpy(bytes + length + filler + 1, good, length);
    const struct qtl_text lines = {bytes, (uint32_t)(2 * length + filler + 1)};
    static const struct expected_record expected[] = {
        {1, QTL_REASON_NONE, "1", 10000, NULL, NULL},
        {2, QTL_REASON_MALFORMED, NULL, 0, NULL, NULL},
        {3, QTL_REASON_NONE, "1", 10000, NULL, NULL},
    };
    check_file(QTL_STREAM_ORDERS, ".jsonl", lines, expected, 3);
    free(bytes);

    static const char rows[] = "customer_id\nc1\n";
    const size_t rows_length = sizeof(rows) - 1;
    bytes = malloc(rows_length + filler + 5);
    memcpy(bytes, rows, rows_length);
    memset(bytes + rows_length, '"', 1);
    memset(bytes + rows_length + 1, 'x', filler);
    memcpy(bytes + rows_length + 1 + filler, "\nc3\n", 4);
    const struct qtl_text csv = {bytes, (uint32_t)(rows_length + filler + 5)};
    static const struct expected_record customers[] = {
        {2, QTL_REASON_NONE, "c1", 0, NULL, NULL},
        {3, QTL_REASON_MALFORMED, NULL, 0, NULL, NULL},
        {4, QTL_REASON_NONE, "c3", 0, NULL, NULL},
    };
    check_file(QTL_STREAM_CUSTOMERS, ".csv", csv, customers, 3);
    free(bytes);
}

/* Rows cross the buffer's end at every place sooner or later. */
static void a_file_larger_than_the_buffer(void **state)
{
    (void)state;
    const size_t size = 4u << 20;
    char *const bytes = malloc(size);
    size_t length = (size_t)snprintf(bytes, size, HEADER);
    const int count = 60000;
    for (int i = 0; i < count; i++) {
        length += (size_t)snprintf(bytes + length, size - length,
                                   "\"c,\"\"%d\"\"\n\",o%d,2026-11-22T00:00:00Z,%d.25,\r\n", i, i,
                                   i % 1000);
    }
    char path[256];
    write_file(path, sizeof(path), ".csv", bytes, length);
    free(bytes);
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_ORDERS, NULL, NULL);
    struct qtl_record_file *file = NULL;
    struct qtl_error error;
    assert_int_equal(qtl_record_file_open(path, QTL_RECORD_BY_NAME, decoder, &file, &error),
                     QTL_OK);
    for (int i = 0; i < count; i++) {
        struct qtl_file_record record;
        char expected[32];
        snprintf(expected, sizeof(expected), "c,\"%d\"\n", i);
        assert_int_equal(qtl_record_file_next(file, &record, &error), QTL_OK);
        assert_int_equal(record.reason, QTL_REASON_NONE);
        assert_int_equal(record.line, 2 + 2 * i);
        assert_int_equal(record.event.amount_e4, (i % 1000) * 10000 + 2500);
        assert_text(record.event.customer_id, expected);
    }
    struct qtl_file_record record;
    assert_int_equal(qtl_record_file_next(file, &record, &error), QTL_END);
    qtl_record_file_close(file);
    qtl_decoder_free(decoder);
    unlink(path);
}

static enum qtl_status open_bytes(enum qtl_stream stream, const char *ending, const char *bytes,
                                  char *warning, struct qtl_error *error)
{
    char path[256];
    write_file(path, sizeof(path), ending, bytes, strlen(bytes));
    struct qtl_decoder *const decoder = qtl_decoder_new(stream, NULL, NULL);
    struct qtl_record_file *file = NULL;
    const enum qtl_status status =
        qtl_record_file_open(path, QTL_RECORD_BY_NAME, decoder, &file, error);
    warning[0] = '\0';
    if (status == QTL_OK && qtl_record_file_warning(file) != NULL) {
        snprintf(warning, 256, "%s", qtl_record_file_warning(file));
    }
    qtl_record_file_close(file);
    qtl_decoder_free(decoder);
    unlink(path);
    return status;
}

static void headers_that_say_too_little(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        const char *sentence;
    } rows[] = {
        {"", ":1: the first row must name the columns"},
        {"\n" HEADER, ":1: the first row must name the columns"},
        {"\"customer_id", ":1: the first row must name the columns"},
        {"customer_id,occurred_at,amount\n", ":1: no column order_id"},
        {"customer_id,order_id,occurred_at\n", ":1: no column amount"},
        {"customer_id,orderid,occurred_at,amount\n",
         ":1: no column order_id; did you mean `orderid`?; expected the columns of the orders "
         "stream, with commas between; columns ignored: orderid"},
        {"customer_id;order_id;occurred_at;amount\n", "columns ignored: customer_id;order_id"},
        {"customer_id,order_id,occurred_at,amount,Amount\n", ":1: column amount stands twice"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char warning[256];
        struct qtl_error error = {""};
        assert_int_equal(open_bytes(QTL_STREAM_ORDERS, ".csv", rows[i].bytes, warning, &error),
                         QTL_BAD_CONF);
        if (strstr(error.text, rows[i].sentence) == NULL) {
            fail_msg("%s does not say %s", error.text, rows[i].sentence);
        }
    }
    char warning[256];
    struct qtl_error error = {""};
    assert_int_equal(open_bytes(QTL_STREAM_ORDERS, ".csv",
                                "colour,customer_id,order_id,kind,occurred_at,\"a,b\"\n", warning,
                                &error),
                     QTL_OK);
    assert_string_equal(warning, "columns ignored: colour, a,b");
    assert_int_equal(open_bytes(QTL_STREAM_ORDERS, ".csv", HEADER, warning, &error), QTL_OK);
    assert_string_equal(warning, "");
    assert_int_equal(open_bytes(QTL_STREAM_ORDERS, ".txt", HEADER, warning, &error), QTL_BAD_CONF);
    struct qtl_record_file *file = NULL;
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_ORDERS, NULL, NULL);
    assert_int_equal(qtl_record_file_open("-", QTL_RECORD_BY_NAME, decoder, &file, &error),
                     QTL_BAD_CONF);
    assert_int_equal(
        qtl_record_file_open("no-such.csv", QTL_RECORD_BY_NAME, decoder, &file, &error), QTL_IO);
    assert_int_equal(qtl_record_file_open(".", QTL_RECORD_CSV, decoder, &file, &error), QTL_IO);
    qtl_decoder_free(decoder);
}

static void attributes_become_one_object(void **state)
{
    (void)state;
    static const char bytes[] = "customer_id,attr.plan,subscribed,attr.a\"b,occurred_at\n"
                                "1,gold,yes,x\\y,-5\n"
                                "2,,,,\n";
    static const struct expected_record expected[] = {
        {2, QTL_REASON_BAD_TIME, NULL, 0, NULL,
         "{\"customer_id\":\"1\",\"subscribed\":\"yes\",\"occurred_at\":-5,"
         "\"attributes\":{\"plan\":\"gold\",\"a\\\"b\":\"x\\\\y\"}}"},
        {3, QTL_REASON_NONE, "2", 0, NULL, "{\"customer_id\":\"2\"}"},
    };
    check_file(QTL_STREAM_CUSTOMERS, ".csv", text_of(bytes), expected, 2);
}

/* A row and the JSON that `append` makes of it are the same event, or fail for the same reason. */
static void a_row_and_its_json_are_one_event(void **state)
{
    (void)state;
    static const char *const cells[] = {
        "29.33", "-1", "+5",  "05",   "5.", ".5",         "1e3",        "NaN",
        " 7 ",   "-",  "0.0", "-0.0", "1e", "2026-11-22", "1795348800", "1795348800.5",
    };
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_ORDERS, NULL, NULL);
    for (size_t i = 0; i < 256; i++) {
        char bytes[512];
        char path[256];
        snprintf(bytes, sizeof(bytes), HEADER "c1,00%zu,%s,%s,\n", i, cells[i / 16], cells[i % 16]);
        write_file(path, sizeof(path), ".csv", bytes, strlen(bytes));
        struct qtl_record_file *file = NULL;
        struct qtl_error error;
        struct qtl_file_record record;
        struct qtl_event event;
        assert_int_equal(qtl_record_file_open(path, QTL_RECORD_BY_NAME, decoder, &file, &error),
                         QTL_OK);
        assert_int_equal(qtl_record_file_next(file, &record, &error), QTL_OK);
        const struct qtl_log_record json = {.timestamp_ms = QTL_TIME_ABSENT,
                                            .value = qtl_record_file_json(file),
                                            .has_value = true};
        assert_int_equal(qtl_decode(decoder, &json, &event), record.reason);
        if (record.reason == QTL_REASON_NONE) {
            assert_int_equal(event.occurred_at, record.event.occurred_at);
            assert_int_equal(event.amount_e4, record.event.amount_e4);
            assert_int_equal(event.order_hash, record.event.order_hash);
        }
        qtl_record_file_close(file);
        unlink(path);
    }
    qtl_decoder_free(decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_as_rfc_4180_has_them),
        cmocka_unit_test(rows_that_are_none),
        cmocka_unit_test(a_cut_row_asks_for_more),
        cmocka_unit_test(a_csv_file_of_good_and_bad_rows),
        cmocka_unit_test(a_file_of_json_lines),
        cmocka_unit_test(records_that_are_too_long),
        cmocka_unit_test(a_file_larger_than_the_buffer),
        cmocka_unit_test(headers_that_say_too_little),
        cmocka_unit_test(attributes_become_one_object),
        cmocka_unit_test(a_row_and_its_json_are_one_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
