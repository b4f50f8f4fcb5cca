/*
 * What it costs to make an event of a record's bytes: an order in JSON with our own names, in JSON
 * with a mapping (nested, among fields that nobody asked for), as a CSV row; beside a plain YAJL
 * parse of the same JSON with empty callbacks, which no decoder on YAJL can beat. An order and an
 * engagement in Avro by our own schemas, an order by a schema of small types and by one of doubles;
 * beside avro-c's generic reader on the same bytes, with no more than the reading.
 *
 *   cmake --preset release && cmake --build --preset release && build/release/bench/bench_decode
 * [NAME]
 *
 * NAME: only what has it in its name, e.g. "Avro order".
 */
#include "consumer/avro_schema.h"
#include "consumer/avro_stream.h"
#include "consumer/config.h"
#include "consumer/csv.h"
#include "consumer/csv_columns.h"
#include "consumer/decode.h"
#include "schemas/bytes.h"
#include "scoring/base/assert.h"

#include <avro.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <yajl/yajl_parse.h>
#include <yajl/yajl_version.h>

#define RECORDS 1024
#define RECORD_BYTES 768
#define ROUNDS 200
#define RUNS 5

struct corpus {
    char bytes[RECORDS][RECORD_BYTES];
    struct qtl_text records[RECORDS];
};

static struct corpus own;
static struct corpus mapped;
static struct corpus rows;

/* One set of Avro records, with what reads them. */
struct avro {
    struct qtl_stream_settings settings;
    struct qtl_decoder *decoder;
    avro_schema_t schema;
    avro_value_iface_t *class;
    avro_value_t value;
    struct corpus corpus;
};

static struct avro avro_order;
static struct avro avro_engagement;
static struct avro avro_plain;

static const char *only; /* what to measure: names with this in them; NULL: all */

static double now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void add(struct corpus *corpus, int number, int length)
{
    QTL_ASSERT(length > 0 && length < RECORD_BYTES);
    corpus->records[number] = (struct qtl_text){corpus->bytes[number], (uint32_t)length};
}

static void make_records(void)
{
    for (int i = 0; i < RECORDS; i++) {
        add(&own, i,
            snprintf(own.bytes[i], RECORD_BYTES,
                     "{\"customer_id\":\"c%d\",\"order_id\":\"%d\",\"event_id\":\"e-%d\","
                     "\"occurred_at\":%d,\"amount\":%d.%02d,\"items\":%d,\"currency\":\"USD\"}",
                     100000 + i * 7, 5000000 + i, i, 1795348800 + i, i, i % 100, 1 + i % 9));
        add(&mapped, i,
            snprintf(
                mapped.bytes[i], RECORD_BYTES,
                "{\"id\":%lld,\"name\":\"#%d\",\"note\":null,\"test\":false,"
                "\"customer\":{\"id\":%lld,\"email\":\"c%d@example.com\",\"tags\":[\"a\",\"b\"],"
                "\"default_address\":{\"city\":\"Berlin\",\"zip\":\"10115\"}},"
                "\"created_at\":\"2026-11-22T12:%02d:%02d+01:00\",\"currency\":\"USD\","
                "\"total_price\":\"%d.%02d\",\"total_discounts\":\"0.00\",\"line_items\":["
                "{\"sku\":\"s-1\",\"quantity\":1,\"price\":\"9.99\"},"
                "{\"sku\":\"s-2\",\"quantity\":2,\"price\":\"19.99\"}]}",
                820982911946154508LL + i, i, 706405506930370084LL + i, i, i % 60, i % 60, i,
                i % 100));
        add(&rows, i,
            snprintf(rows.bytes[i], RECORD_BYTES, "c%d,%d,e-%d,%d,%d.%02d,%d,USD\n", 100000 + i * 7,
                     5000000 + i, i, 1795348800 + i, i, i % 100, 1 + i % 9));
    }
}

static void put_cents(struct qtl_bytes *out, int cents)
{
    const int64_t value = (int64_t)cents * 100;
    const char bytes[] = {(char)(value >> 24), (char)(value >> 16), (char)(value >> 8),
                          (char)value};
    qtl_bytes_put_text(out, (struct qtl_text){bytes, sizeof(bytes)});
}

static void put_words(struct qtl_bytes *out, const char *before, int number)
{
    char text[32];
    snprintf(text, sizeof(text), "%s%d", before, number);
    qtl_bytes_put_text(out, qtl_text_of(text));
}

/* schemas/order.avsc */
static void put_order(struct qtl_bytes *out, int i)
{
    put_words(out, "c", 100000 + i * 7);
    put_words(out, "", 5000000 + i);
    qtl_bytes_put_long(out, (1795348800 + (int64_t)i) * 1000);
    qtl_bytes_put_long(out, 0);
    qtl_bytes_put_long(out, 1);
    put_cents(out, i * 100 + i % 100);
    qtl_bytes_put_long(out, 1);
    qtl_bytes_put_text(out, qtl_text_of("USD"));
    put_cents(out, 0);
    qtl_bytes_put_long(out, 1 + i % 9);
    put_cents(out, 0);
    qtl_bytes_put_long(out, 0);
    qtl_bytes_put_long(out, 1);
    put_words(out, "e-", i);
}

/* schemas/engagement.avsc */
static void put_engagement(struct qtl_bytes *out, int i)
{
    put_words(out, "c", 100000 + i * 7);
    qtl_bytes_put_text(out, qtl_text_of(i % 3 == 0 ? "email_open" : "page_view"));
    qtl_bytes_put_long(out, (1795348800 + (int64_t)i) * 1000);
    put_cents(out, 0);
    qtl_bytes_put_long(out, 1);
    put_words(out, "e-", i);
}

/* What many a producer writes: no logical types, money as a double. */
static const char plain_schema[] =
    "{\"type\":\"record\",\"name\":\"o\",\"fields\":["
    "{\"name\":\"customer_id\",\"type\":\"string\"},{\"name\":\"order_id\",\"type\":\"string\"},"
    "{\"name\":\"event_id\",\"type\":\"string\"},{\"name\":\"occurred_at\",\"type\":\"long\"},"
    "{\"name\":\"amount\",\"type\":\"double\"},{\"name\":\"items\",\"type\":\"int\"},"
    "{\"name\":\"currency\",\"type\":\"string\"}]}";

static void put_plain(struct qtl_bytes *out, int i)
{
    const double amount = i + i % 100 / 100.0;
    put_words(out, "c", 100000 + i * 7);
    put_words(out, "", 5000000 + i);
    put_words(out, "e-", i);
    qtl_bytes_put_long(out, 1795348800 + (int64_t)i);
    qtl_bytes_put(out, &amount, sizeof(amount));
    qtl_bytes_put_long(out, 1 + i % 9);
    qtl_bytes_put_text(out, qtl_text_of("USD"));
}

/* avro-c's JSON takes no \u0000, which our defaults have. */
static char *read_file(const char *path)
{
    static char text[65536];
    FILE *const file = fopen(path, "rb");
    QTL_ASSERT(file != NULL);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    for (char *at = text; (at = strstr(at, "\\u0000")) != NULL;) {
        at[5] = '1';
    }
    return text;
}

static void avro_init(struct avro *avro, enum qtl_stream stream, char *path,
                      void (*put)(struct qtl_bytes *out, int number))
{
    struct qtl_error error = {0};
    struct qtl_bytes out = {0};
    avro->settings.schema = path;
    avro->settings.framing = QTL_FRAMING_BARE;
    if (qtl_avro_stream_new(stream, &avro->settings, NULL, &avro->settings.avro, &error) !=
        QTL_OK) {
        fprintf(stderr, "%s (start it in the repository)\n", error.text);
        exit(1);
    }
    avro->decoder = qtl_decoder_new(stream, &avro->settings, NULL);
    const char *const text = read_file(path);
    const int parsed = avro_schema_from_json_length(text, strlen(text), &avro->schema);
    QTL_ASSERT(parsed == 0);
    avro->class = avro_generic_class_from_schema(avro->schema);
    QTL_ASSERT(avro->class != NULL && avro_generic_value_new(avro->class, &avro->value) == 0);
    for (int i = 0; i < RECORDS; i++) {
        out.length = 0;
        put(&out, i);
        QTL_ASSERT(out.length < RECORD_BYTES);
        memcpy(avro->corpus.bytes[i], out.bytes, out.length);
        add(&avro->corpus, i, (int)out.length);
    }
    qtl_bytes_fini(&out);
}

static void avro_fini(struct avro *avro)
{
    avro_value_decref(&avro->value);
    avro_value_iface_decref(avro->class);
    avro_schema_decref(avro->schema);
    qtl_decoder_free(avro->decoder);
    qtl_avro_stream_free(avro->settings.avro);
}

static void read_generic(void *context, const struct qtl_text *record)
{
    struct avro *const avro = context;
    const avro_reader_t reader = avro_reader_memory(record->bytes, record->length);
    const int failed = avro_value_reset(&avro->value) | avro_value_read(reader, &avro->value);
    QTL_ASSERT(failed == 0);
    avro_reader_free(reader);
}

static int take_null(void *context)
{
    (void)context;
    return 1;
}

static int take_boolean(void *context, int value)
{
    (void)context;
    (void)value;
    return 1;
}

static int take_number(void *context, const char *bytes, size_t length)
{
    (void)context;
    (void)bytes;
    (void)length;
    return 1;
}

static int take_text(void *context, const unsigned char *bytes, size_t length)
{
    (void)context;
    (void)bytes;
    (void)length;
    return 1;
}

static const yajl_callbacks empty = {
    .yajl_null = take_null,
    .yajl_boolean = take_boolean,
    .yajl_number = take_number,
    .yajl_string = take_text,
    .yajl_start_map = take_null,
    .yajl_map_key = take_text,
    .yajl_end_map = take_null,
    .yajl_start_array = take_null,
    .yajl_end_array = take_null,
};

static void parse_plain(void *context, const struct qtl_text *record)
{
    yajl_handle yajl = context;
    const bool parsed =
        yajl_parse(yajl, (const unsigned char *)record->bytes, record->length) == yajl_status_ok &&
        yajl_complete_parse(yajl) == yajl_status_ok;
    QTL_ASSERT(parsed);
}

static void decode(void *context, const struct qtl_text *record)
{
    const struct qtl_log_record bytes = {
        .timestamp_ms = QTL_TIME_ABSENT, .value = *record, .has_value = true};
    struct qtl_event event;
    const enum qtl_reason reason = qtl_decode(context, &bytes, &event);
    QTL_ASSERT(reason == QTL_REASON_NONE);
}

struct csv {
    struct qtl_decoder *decoder;
    struct qtl_csv_columns *columns;
    struct qtl_csv_row row;
};

static void decode_row(void *context, const struct qtl_text *record)
{
    struct csv *const csv = context;
    struct qtl_fields fields;
    struct qtl_event event;
    const enum qtl_status status = qtl_csv_row_parse(&csv->row, *record, true);
    QTL_ASSERT(status == QTL_OK && qtl_csv_columns_fill(csv->columns, &csv->row, &fields));
    const enum qtl_reason reason =
        qtl_decode_fields(csv->decoder, &fields, QTL_TIME_ABSENT, &event);
    QTL_ASSERT(reason == QTL_REASON_NONE);
}

static int compare(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return left < right ? -1 : left > right ? 1 : 0;
}

/* Prints the median of the runs, and the range. */
static void measure(const char *what, const struct corpus *corpus,
                    void (*work)(void *context, const struct qtl_text *record), void *context)
{
    double ns[RUNS];
    double bytes = 0;
    if (only != NULL && strstr(what, only) == NULL) {
        return;
    }
    for (int i = 0; i < RECORDS; i++) {
        bytes += corpus->records[i].length;
    }
    for (int run = 0; run < RUNS; run++) {
        const double start = now_ns();
        for (int round = 0; round < ROUNDS; round++) {
            for (int i = 0; i < RECORDS; i++) {
                work(context, &corpus->records[i]);
            }
        }
        ns[run] = (now_ns() - start) / (ROUNDS * RECORDS);
    }
    qsort(ns, RUNS, sizeof(ns[0]), compare);
    printf("%-34s %5.0f bytes %7.0f ns (%.0f to %.0f)\n", what, bytes / RECORDS, ns[RUNS / 2],
           ns[0], ns[RUNS - 1]);
}

static void print_machine(void)
{
    char line[256];
    FILE *const file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "model name", 10) == 0) {
            printf("%s", line);
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    printf("compiler %s, YAJL %d.%d.%d; median of %d runs of %d records\n", __VERSION__, YAJL_MAJOR,
           YAJL_MINOR, YAJL_MICRO, RUNS, ROUNDS * RECORDS);
}

static yajl_handle new_plain(void)
{
    yajl_handle yajl = yajl_alloc(&empty, NULL, NULL);
    QTL_ASSERT(yajl != NULL);
    yajl_config(yajl, yajl_allow_multiple_values, 1);
    return yajl;
}

static void measure_pair(const char *what, struct avro *avro)
{
    char line[64];
    snprintf(line, sizeof(line), "Avro %s: avro-c generic", what);
    measure(line, &avro->corpus, read_generic, avro);
    snprintf(line, sizeof(line), "Avro %s: decode", what);
    measure(line, &avro->corpus, decode, avro->decoder);
}

static void measure_avro(void)
{
    static char order_path[] = "schemas/order.avsc";
    static char engagement_path[] = "schemas/engagement.avsc";
    char plain_path[] = "/tmp/quintil-bench-XXXXXX";
    const int file = mkstemp(plain_path);
    const ssize_t length = (ssize_t)strlen(plain_schema);
    QTL_ASSERT(file >= 0 && write(file, plain_schema, (size_t)length) == length);
    close(file);
    avro_init(&avro_order, QTL_STREAM_ORDERS, order_path, put_order);
    avro_init(&avro_engagement, QTL_STREAM_ENGAGEMENT, engagement_path, put_engagement);
    avro_init(&avro_plain, QTL_STREAM_ORDERS, plain_path, put_plain);
    unlink(plain_path);
    measure_pair("order", &avro_order);
    measure_pair("engagement", &avro_engagement);
    measure_pair("order of plain types", &avro_plain);
    avro_fini(&avro_order);
    avro_fini(&avro_engagement);
    avro_fini(&avro_plain);
}

int main(int argc, char **argv)
{
    static char customer[] = "customer.id";
    static char order[] = "id";
    static char created[] = "created_at";
    static char total[] = "total_price";
    static char discounts[] = "total_discounts";
    static const struct qtl_stream_settings settings = {
        .fields = {[QTL_FIELD_CUSTOMER_ID] = {.path = customer},
                   [QTL_FIELD_ORDER_ID] = {.path = order},
                   [QTL_FIELD_OCCURRED_AT] = {.path = created,
                                              .conversion = {.time = QTL_TIME_FORM_ISO8601}},
                   [QTL_FIELD_AMOUNT] = {.path = total},
                   [QTL_FIELD_DISCOUNT] = {.path = discounts}}};
    static const char header[] =
        "customer_id,order_id,event_id,occurred_at,amount,items,currency\n";
    only = argc > 1 ? argv[1] : NULL;
    make_records();
    print_machine();
    yajl_handle yajl = new_plain();
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_ORDERS, NULL, NULL);
    struct qtl_decoder *const mapper = qtl_decoder_new(QTL_STREAM_ORDERS, &settings, NULL);
    struct csv csv = {.decoder = decoder};
    qtl_csv_row_init(&csv.row);
    const struct qtl_text first = {header, sizeof(header) - 1};
    const bool made =
        qtl_csv_row_parse(&csv.row, first, true) == QTL_OK &&
        qtl_csv_columns_new(&csv.row, QTL_STREAM_ORDERS, "bench", &csv.columns, NULL) == QTL_OK;
    QTL_ASSERT(made);
    measure("JSON, our names: plain YAJL", &own, parse_plain, yajl);
    measure("JSON, our names: decode", &own, decode, decoder);
    measure("JSON, mapped: plain YAJL", &mapped, parse_plain, yajl);
    measure("JSON, mapped: decode", &mapped, decode, mapper);
    measure("CSV row: decode", &rows, decode_row, &csv);
    measure_avro();
    yajl_free(yajl);
    qtl_csv_columns_free(csv.columns);
    qtl_csv_row_fini(&csv.row);
    qtl_decoder_free(decoder);
    qtl_decoder_free(mapper);
    return 0;
}
