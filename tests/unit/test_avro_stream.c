/*
 * Avro records of a stream, from the configuration to the event: framings, our own schemas, the
 * reasons in their order, mappings, and what bounds the work of hostile bytes.
 */
#include "consumer/avro_program.h"
#include "consumer/avro_schema.h"
#include "consumer/config.h"
#include "consumer/decode.h"
#include "schemas/bytes.h"
#include "tests/unit/shared_kit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AT INT64_C(1795402800)

/* A folder of its own for each test. */
struct bench {
    char folder[64];
    struct qtl_config config;
    struct qtl_decoder *decoder;
    struct qtl_bytes bytes;
    char *files[8]; /* owned paths */
    int file_count;
};

static void bench_init(struct bench *bench)
{
    *bench = (struct bench){0};
    snprintf(bench->folder, sizeof(bench->folder), "/tmp/quintil-avro-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    qtl_config_init(&bench->config);
}

static void bench_fini(struct bench *bench)
{
    qtl_decoder_free(bench->decoder);
    qtl_config_fini(&bench->config);
    qtl_bytes_fini(&bench->bytes);
    for (int i = 0; i < bench->file_count; i++) {
        unlink(bench->files[i]);
        free(bench->files[i]);
    }
    rmdir(bench->folder);
}

/* A file in the folder; its path. */
static const char *put_file(struct bench *bench, const char *name, const char *text)
{
    char *const path = malloc(128);
    assert_non_null(path);
    snprintf(path, 128, "%s/%s", bench->folder, name);
    bench->files[bench->file_count++] = path;
    FILE *const file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return path;
}

static void set(struct bench *bench, const char *name, const char *value)
{
    char assignment[512];
    struct qtl_error error = {0};
    snprintf(assignment, sizeof(assignment), "%s=%s", name, value);
    if (qtl_config_set(&bench->config, assignment, &error) != QTL_OK) {
        fail_msg("%s", error.text);
    }
}

static void finish(struct bench *bench, enum qtl_stream stream)
{
    struct qtl_error error = {0};
    if (qtl_config_finish(&bench->config, &error) != QTL_OK) {
        fail_msg("%s", error.text);
    }
    bench->decoder = qtl_decoder_new(stream, &bench->config.streams[stream], NULL);
}

/* Bare records of that schema. */
static void bench_bare(struct bench *bench, const char *schema)
{
    bench_init(bench);
    set(bench, "streams.orders.format", "avro");
    set(bench, "streams.orders.framing", "bare");
    set(bench, "streams.orders.schema", put_file(bench, "orders.avsc", schema));
}

static enum qtl_reason decode(struct bench *bench, struct qtl_event *event)
{
    const struct qtl_log_record record = {
        .timestamp_ms = QTL_TIME_ABSENT,
        .value = {bench->bytes.bytes, (uint32_t)bench->bytes.length},
        .has_value = true};
    return qtl_decode(bench->decoder, &record, event);
}

static void put_text(struct bench *bench, const char *text)
{
    qtl_bytes_put_text(&bench->bytes, qtl_text_of(text));
}

static void put_long(struct bench *bench, int64_t value)
{
    qtl_bytes_put_long(&bench->bytes, value);
}

static void put_double(struct bench *bench, double value)
{
    qtl_bytes_put(&bench->bytes, &value, sizeof(value));
}

static void assert_same(struct qtl_text text, const char *expected)
{
    assert_int_equal(text.length, strlen(expected));
    assert_memory_equal(text.bytes, expected, text.length);
}

/* {"customer_id": string, "order_id": long, "occurred_at": long, "amount": double} */
static const char small[] =
    "{\"type\":\"record\",\"name\":\"o\",\"fields\":[{\"name\":\"customer_id\",\"type\":\"string\"}"
    ",{\"name\":\"order_id\",\"type\":\"long\"},{\"name\":\"occurred_at\",\"type\":\"long\"},"
    "{\"name\":\"amount\",\"type\":\"double\"}]}";

static void put_small(struct bench *bench, const char *customer, int64_t at, double amount)
{
    put_text(bench, customer);
    put_long(bench, INT64_C(820982911946154508));
    put_long(bench, at);
    put_double(bench, amount);
}

static void check_small(struct bench *bench)
{
    struct qtl_event event;
    assert_int_equal(decode(bench, &event), QTL_REASON_NONE);
    assert_same(event.customer_id, "c1");
    assert_same(event.order_id, "820982911946154508");
    assert_int_equal(event.occurred_at, AT);
    assert_int_equal(event.amount_e4, 293300);
    assert_int_equal(event.items_e4, QTL_E4);
}

static void bare_records(void **state)
{
    (void)state;
    struct bench bench;
    struct qtl_event event;
    bench_bare(&bench, small);
    finish(&bench, QTL_STREAM_ORDERS);
    put_small(&bench, "c1", AT, 29.33);
    check_small(&bench);
    bench.bytes.length--;
    assert_int_equal(decode(&bench, &event), QTL_REASON_MALFORMED);
    bench.bytes.length += 2;
    assert_int_equal(decode(&bench, &event), QTL_REASON_MALFORMED);
    bench_fini(&bench);
}

static void records_of_a_registry(void **state)
{
    (void)state;
    struct bench bench;
    struct qtl_event event;
    bench_init(&bench);
    put_file(&bench, "7.avsc", small);
    put_file(&bench, "66051.avsc", small); /* 00 01 02 03 */
    put_file(&bench, "other.avsc", "\"string\"");
    put_file(&bench, "README", "no schema");
    set(&bench, "avro.schemas", bench.folder);
    set(&bench, "streams.orders.format", "avro");
    finish(&bench, QTL_STREAM_ORDERS);
    static const char known[] = {0, 0, 1, 2, 3};
    static const char unknown[] = {0, 0, 0, 0, 8};
    qtl_bytes_put(&bench.bytes, known, sizeof(known));
    put_small(&bench, "c1", AT, 29.33);
    check_small(&bench);
    memcpy(bench.bytes.bytes, unknown, sizeof(unknown));
    assert_int_equal(decode(&bench, &event), QTL_REASON_UNKNOWN_SCHEMA);
    bench.bytes.bytes[0] = '{';
    assert_int_equal(decode(&bench, &event), QTL_REASON_MALFORMED);
    bench.bytes.length = 4;
    bench.bytes.bytes[0] = 0;
    assert_int_equal(decode(&bench, &event), QTL_REASON_MALFORMED);
    bench_fini(&bench);
}

static void a_file_stands_in_for_unknown_ids(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    set(&bench, "streams.orders.format", "avro");
    set(&bench, "streams.orders.schema", put_file(&bench, "orders.avsc", small));
    finish(&bench, QTL_STREAM_ORDERS);
    static const char any[] = {0, 1, 2, 3, 4};
    qtl_bytes_put(&bench.bytes, any, sizeof(any));
    put_small(&bench, "c1", AT, 29.33);
    check_small(&bench);
    bench_fini(&bench);
}

static void single_objects_name_their_schema(void **state)
{
    (void)state;
    struct bench bench;
    struct qtl_event event;
    bench_init(&bench);
    put_file(&bench, "any-name.avsc", small);
    set(&bench, "avro.schemas", bench.folder);
    set(&bench, "streams.orders.format", "avro");
    set(&bench, "streams.orders.framing", "single_object");
    finish(&bench, QTL_STREAM_ORDERS);
    struct qtl_avro_schema *schema = NULL;
    assert_int_equal(qtl_avro_schema_parse(qtl_text_of(small), "", &schema, NULL), QTL_OK);
    static const char magic[] = {(char)0xc3, 1};
    qtl_bytes_put(&bench.bytes, magic, sizeof(magic));
    qtl_bytes_put(&bench.bytes, &schema->fingerprint, 8); /* the lowest byte first, as here */
    put_small(&bench, "c1", AT, 29.33);
    check_small(&bench);
    bench.bytes.bytes[5] ^= 1;
    assert_int_equal(decode(&bench, &event), QTL_REASON_UNKNOWN_SCHEMA);
    bench.bytes.bytes[1] = 2;
    assert_int_equal(decode(&bench, &event), QTL_REASON_MALFORMED);
    qtl_avro_schema_free(schema);
    bench_fini(&bench);
}

/* Avro's own message, written by Java: id 42, name Bill. */
static void javas_message(void **state)
{
    (void)state;
    struct bench bench;
    struct qtl_event event;
    size_t length = 0;
    char *const schema =
        shared_read("expected/avro/share/test/data/messageV1/test_schema.avsc", &length);
    char *const message =
        shared_read("expected/avro/share/test/data/messageV1/test_message.bin", &length);
    bench_init(&bench);
    set(&bench, "streams.customers.format", "avro");
    set(&bench, "streams.customers.framing", "single_object");
    set(&bench, "streams.customers.schema", put_file(&bench, "message.avsc", schema));
    set(&bench, "streams.customers.fields.customer_id", "id");
    set(&bench, "streams.customers.fields.time_zone", "tags[1]");
    finish(&bench, QTL_STREAM_CUSTOMERS);
    qtl_bytes_put(&bench.bytes, message, length);
    assert_int_equal(decode(&bench, &event), QTL_REASON_NONE);
    assert_same(event.customer_id, "42");
    free(schema);
    free(message);
    bench_fini(&bench);
}

/* What the schemas' defaults say of fields that a writer lacks is what decoding takes for them. */
static void our_own_order(void **state)
{
    (void)state;
    struct bench bench;
    struct qtl_event event;
    bench_init(&bench);
    set(&bench, "streams.orders.format", "avro");
    set(&bench, "streams.orders.framing", "bare");
    set(&bench, "streams.orders.schema", QTL_SCHEMAS "/order.avsc");
    finish(&bench, QTL_STREAM_ORDERS);
    put_text(&bench, "c1");
    put_text(&bench, "o1");
    put_long(&bench, AT * 1000 + 999);
    put_long(&bench, 3); /* returned */
    put_long(&bench, 1);
    static const char amount[] = {0x04, 0x79, (char)0xb4}; /* 293300 */
    qtl_bytes_put_text(&bench.bytes, (struct qtl_text){amount, sizeof(amount)});
    put_long(&bench, 0);
    static const char margin[] = {(char)0xff, 0x38}; /* -200 */
    qtl_bytes_put_text(&bench.bytes, (struct qtl_text){margin, sizeof(margin)});
    put_long(&bench, 3);
    static const char discount[] = {0};
    qtl_bytes_put_text(&bench.bytes, (struct qtl_text){discount, sizeof(discount)});
    put_long(&bench, 1);
    put_long(&bench, AT * 1000 - 1);
    put_long(&bench, 1);
    put_text(&bench, "e1");
    assert_int_equal(decode(&bench, &event), QTL_REASON_NONE);
    assert_same(event.order_id, "o1");
    assert_same(event.event_id, "e1");
    assert_int_equal(event.occurred_at, AT);
    assert_int_equal(event.kind, QTL_ORDER_RETURNED);
    assert_int_equal(event.amount_e4, 293300);
    assert_int_equal(event.margin_e4, -200);
    assert_int_equal(event.items_e4, 3 * QTL_E4);
    assert_int_equal(event.discount_e4, 0);
    assert_int_equal(event.placed_at, AT - 1);
    bench_fini(&bench);
}

static void our_own_engagement_and_customer(void **state)
{
    (void)state;
    struct bench bench;
    struct qtl_event event;
    bench_init(&bench);
    set(&bench, "streams.engagement.format", "avro");
    set(&bench, "streams.engagement.framing", "bare");
    set(&bench, "streams.engagement.schema", QTL_SCHEMAS "/engagement.avsc");
    set(&bench, "streams.customers.format", "avro");
    set(&bench, "streams.customers.framing", "bare");
    set(&bench, "streams.customers.schema", QTL_SCHEMAS "/customer.avsc");
    finish(&bench, QTL_STREAM_ENGAGEMENT);
    put_text(&bench, "c1");
    put_text(&bench, "email_open");
    put_long(&bench, AT * 1000);
    static const char value[] = {(char)0xff, 0x38};
    qtl_bytes_put_text(&bench.bytes, (struct qtl_text){value, sizeof(value)});
    put_long(&bench, 0);
    assert_int_equal(decode(&bench, &event), QTL_REASON_NONE);
    assert_int_equal(event.amount_e4, -200);
    assert_int_equal(event.event_id.length, 0);
    qtl_decoder_free(bench.decoder);
    bench.decoder =
        qtl_decoder_new(QTL_STREAM_CUSTOMERS, &bench.config.streams[QTL_STREAM_CUSTOMERS], NULL);
    bench.bytes.length = 0;
    put_text(&bench, "c1");
    for (int i = 0; i < 4; i++) {
        put_long(&bench, 0);
    }
    put_long(&bench, 1);
    put_long(&bench, -1); /* one attribute, with the bytes it has */
    put_long(&bench, 12);
    put_text(&bench, "plan");
    put_long(&bench, 1);
    put_text(&bench, "basic");
    put_long(&bench, 0);
    assert_int_equal(decode(&bench, &event), QTL_REASON_NONE);
    assert_int_equal(event.occurred_at, QTL_TIME_ABSENT);
    bench_fini(&bench);
}

static void reasons_come_in_the_order_of_json(void **state)
{
    (void)state;
    static const struct {
        const char *customer;
        int64_t at;
        double amount;
        enum qtl_reason reason;
    } rows[] = {
        {"", 0, -1, QTL_REASON_BAD_CUSTOMER_ID},
        {"\xff", 0, -1, QTL_REASON_BAD_CUSTOMER_ID},
        {"c1", 0, -1, QTL_REASON_BAD_TIME},
        {"c1", INT64_MAX, -1, QTL_REASON_BAD_TIME},
        {"c1", AT, -1, QTL_REASON_BAD_AMOUNT},
        {"c1", AT, 1e15, QTL_REASON_BAD_AMOUNT},
        {"c1", AT, (double)__builtin_nanf(""), QTL_REASON_BAD_AMOUNT},
        {"c1", AT, -(double)__builtin_inff(), QTL_REASON_BAD_AMOUNT},
        {"c1", AT, 1e14, QTL_REASON_NONE},
    };
    struct bench bench;
    bench_bare(&bench, small);
    finish(&bench, QTL_STREAM_ORDERS);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct qtl_event event;
        bench.bytes.length = 0;
        put_small(&bench, rows[i].customer, rows[i].at, rows[i].amount);
        assert_int_equal(decode(&bench, &event), rows[i].reason);
    }
    const struct qtl_log_record none = {.timestamp_ms = QTL_TIME_ABSENT};
    struct qtl_event event;
    assert_int_equal(qtl_decode(bench.decoder, &none, &event), QTL_REASON_MALFORMED);
    bench_fini(&bench);
}

/* Nested, through a union of records, an array, a map, in forms of their own; a type that cannot
 * carry the field is malformed, as in JSON. */
static void a_mapping_finds_its_way(void **state)
{
    (void)state;
    static const char schema[] =
        "{\"type\":\"record\",\"name\":\"shop\",\"fields\":[{\"name\":\"buyer\",\"type\":[\"null\","
        "{\"type\":\"record\",\"name\":\"guest\",\"fields\":[{\"name\":\"mail\",\"type\":"
        "\"string\"}]},{\"type\":\"record\",\"name\":\"member\",\"fields\":[{\"name\":\"since\","
        "\"type\":\"int\"},{\"name\":\"id\",\"type\":[\"long\",\"string\"]}]}]},"
        "{\"name\":\"lines\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"map\",\"values\":"
        "[\"double\",\"string\",\"boolean\"]}}},{\"name\":\"day\",\"type\":{\"type\":\"int\","
        "\"logicalType\":\"date\"}},{\"name\":\"number\",\"type\":{\"type\":\"fixed\",\"name\":"
        "\"n\",\"size\":9,\"logicalType\":\"decimal\",\"precision\":20}}]}";
    struct bench bench;
    struct qtl_event event;
    bench_bare(&bench, schema);
    set(&bench, "streams.orders.fields.customer_id", "buyer.id");
    set(&bench, "streams.orders.fields.order_id", "number");
    set(&bench, "streams.orders.fields.event_id", "number");
    set(&bench, "streams.orders.fields.occurred_at", "day");
    set(&bench, "streams.orders.fields.occurred_at.zone", "+01:00");
    set(&bench, "streams.orders.fields.amount", "lines[1].cents");
    set(&bench, "streams.orders.fields.amount.scale", "2");
    finish(&bench, QTL_STREAM_ORDERS);
    put_long(&bench, 2);
    put_long(&bench, 2020);
    const size_t id = bench.bytes.length;
    put_long(&bench, 1);
    put_text(&bench, "m7");
    put_long(&bench, 2); /* lines */
    put_long(&bench, 0);
    put_long(&bench, 1);
    put_text(&bench, "cents");
    const size_t branch = bench.bytes.length;
    put_long(&bench, 1);
    put_text(&bench, "1999.5");
    put_long(&bench, 0);
    put_long(&bench, 0);
    put_long(&bench, 20780);
    qtl_bytes_put(&bench.bytes, "\x00\x80\x00\x00\x00\x00\x00\x00\x00", 9);
    assert_int_equal(decode(&bench, &event), QTL_REASON_NONE);
    assert_same(event.customer_id, "m7");
    assert_same(event.order_id, "9223372036854775808");
    assert_same(event.event_id, "9223372036854775808");
    assert_int_equal(event.occurred_at, INT64_C(20780) * 86400 - 3600);
    assert_int_equal(event.amount_e4, 199950);
    bench.bytes.bytes[branch] = 4; /* a boolean: the text's length is no boolean */
    assert_int_equal(decode(&bench, &event), QTL_REASON_MALFORMED);
    bench.bytes.bytes[branch] = 6;
    assert_int_equal(decode(&bench, &event), QTL_REASON_MALFORMED);
    bench.bytes.bytes[branch] = 2;
    bench.bytes.bytes[id + 1] = 0; /* no customer: what follows is not what it was */
    assert_int_not_equal(decode(&bench, &event), QTL_REASON_NONE);
    bench_fini(&bench);
}

static void a_record_without_its_customer(void **state)
{
    (void)state;
    static const char schema[] =
        "{\"type\":\"record\",\"name\":\"o\",\"fields\":[{\"name\":\"customer_id\",\"type\":"
        "[\"null\",{\"type\":\"array\",\"items\":\"null\"}]},{\"name\":\"order_id\",\"type\":"
        "\"string\"},{\"name\":\"occurred_at\",\"type\":\"string\"}]}";
    struct bench bench;
    struct qtl_event event;
    bench_bare(&bench, schema);
    finish(&bench, QTL_STREAM_ORDERS);
    put_long(&bench, 0);
    put_text(&bench, "o1");
    put_text(&bench, "2026-11-23T03:00:00Z");
    assert_int_equal(decode(&bench, &event), QTL_REASON_MISSING_FIELD);
    bench.bytes.length = 0;
    put_long(&bench, 1);
    put_long(&bench, 65536);
    put_long(&bench, 0);
    put_text(&bench, "o1");
    put_text(&bench, "2026-11-23T03:00:00Z");
    assert_int_equal(decode(&bench, &event), QTL_REASON_MALFORMED); /* an array is no id */
    bench_fini(&bench);
}

/* Counts that no bytes stand behind, and nesting: both end. */
static void work_is_bounded(void **state)
{
    (void)state;
    static const char schema[] =
        "{\"type\":\"record\",\"name\":\"o\",\"fields\":[{\"name\":\"customer_id\",\"type\":"
        "\"string\"},{\"name\":\"order_id\",\"type\":\"string\"},{\"name\":\"occurred_at\","
        "\"type\":\"long\"},{\"name\":\"nulls\",\"type\":{\"type\":\"array\",\"items\":\"null\"}},"
        "{\"name\":\"more\",\"type\":[\"null\",\"o\"]}]}";
    struct bench bench;
    struct qtl_event event;
    bench_bare(&bench, schema);
    finish(&bench, QTL_STREAM_ORDERS);
    static const int64_t counts[] = {INT64_C(1) << 62, INT64_MIN, INT64_MAX, 1 << 20};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        bench.bytes.length = 0;
        put_text(&bench, "c1");
        put_text(&bench, "o1");
        put_long(&bench, AT);
        put_long(&bench, counts[i]);
        put_long(&bench, 0);
        put_long(&bench, 0);
        assert_int_equal(decode(&bench, &event), QTL_REASON_MALFORMED);
    }
    for (int depth = QTL_AVRO_DEPTH_MAX - 1; depth <= QTL_AVRO_DEPTH_MAX; depth++) {
        bench.bytes.length = 0;
        for (int i = 0; i <= depth; i++) {
            put_text(&bench, "c1");
            put_text(&bench, "o1");
            put_long(&bench, AT);
            put_long(&bench, 0);
            put_long(&bench, i < depth ? 1 : 0);
        }
        assert_int_equal(decode(&bench, &event), depth < QTL_AVRO_DEPTH_MAX
                                                     ? QTL_REASON_MISSING_FIELD
                                                     : QTL_REASON_MALFORMED);
    }
    bench_fini(&bench);
}

/* Each record holds the one before it twice: 2^40 of them in no bytes at all. */
static void a_schema_that_spreads_ends(void **state)
{
    (void)state;
    static char text[8192];
    int length = snprintf(text, sizeof(text), "[\"string\"");
    for (int i = 0; i < 40; i++) {
        length += snprintf(text + length, sizeof(text) - (size_t)length,
                           ",{\"type\":\"record\",\"name\":\"r%d\",\"fields\":[", i);
        for (int j = 0; j < 2 && i > 0; j++) {
            length +=
                snprintf(text + length, sizeof(text) - (size_t)length,
                         "{\"name\":\"f%d\",\"type\":\"r%d\"}%s", j, i - 1, j == 0 ? "," : "");
        }
        length += snprintf(text + length, sizeof(text) - (size_t)length, "]}");
    }
    snprintf(text + length, sizeof(text) - (size_t)length, "]");
    struct qtl_avro_schema *schema = NULL;
    struct qtl_error error = {0};
    static struct qtl_avro_scratch scratch;
    struct qtl_fields fields;
    uint32_t used = 0;
    if (qtl_avro_schema_parse(qtl_text_of(text), "spread", &schema, &error) != QTL_OK) {
        fail_msg("%s", error.text);
    }
    struct qtl_avro_program *const program = qtl_avro_program_new(schema, QTL_STREAM_ORDERS, NULL);
    assert_non_null(program);
    const struct qtl_text last = {"\x50", 1};
    assert_false(qtl_avro_program_run(program, last, &scratch, &fields, &used));
    qtl_avro_program_free(program);
    qtl_avro_schema_free(schema);
}

static void what_stops_the_start(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        const char *text;
        const char *framing;
        const char *sentence;
    } rows[] = {
        {NULL, NULL, "bare",
         "streams.orders.schema is not set; with `framing: bare` expected the "
         "file with the schema"},
        {"none", NULL, "bare",
         "none: cannot be opened (No such file or directory); expected a "
         "file with an Avro schema"},
        {"a.avsc", "{\"type\":\"record\"", "confluent", "a.avsc:1:17: no JSON"},
        {"a.avsc", "\"strin\"", "single_object", "a.avsc: no Avro schema: unknown type `strin`"},
        {"a.avsc", "\"string\"", "bare",
         "a.avsc: its records have no `customer.id`, where "
         "streams.orders looks for customer_id; expected the path "
         "to it in streams.orders.fields.customer_id"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bench bench;
        struct qtl_error error = {0};
        bench_init(&bench);
        set(&bench, "streams.orders.format", "avro");
        set(&bench, "streams.orders.framing", rows[i].framing);
        set(&bench, "streams.orders.fields.customer_id", "customer.id");
        if (rows[i].text != NULL) {
            set(&bench, "streams.orders.schema", put_file(&bench, rows[i].file, rows[i].text));
        } else if (rows[i].file != NULL) {
            set(&bench, "streams.orders.schema", rows[i].file);
        }
        assert_int_equal(qtl_config_finish(&bench.config, &error), QTL_BAD_CONF);
        if (strstr(error.text, rows[i].sentence) == NULL) {
            fail_msg("%s", error.text);
        }
        bench_fini(&bench);
    }
}

static void folders_that_stop_the_start(void **state)
{
    (void)state;
    struct bench bench;
    struct qtl_error error = {0};
    bench_init(&bench);
    set(&bench, "streams.orders.format", "avro");
    set(&bench, "avro.schemas", "no-such-folder");
    assert_int_equal(qtl_config_finish(&bench.config, &error), QTL_BAD_CONF);
    assert_string_equal(error.text, "avro.schemas: no-such-folder: cannot be read (No such file or "
                                    "directory); expected a folder of schemas, `<id>.avsc` for the "
                                    "ids of a registry");
    put_file(&bench, "1.avsc", "{}");
    set(&bench, "avro.schemas", bench.folder);
    assert_int_equal(qtl_config_finish(&bench.config, &error), QTL_BAD_CONF);
    assert_non_null(strstr(error.text, "/1.avsc: no Avro schema: expected `type`, a text"));
    bench_fini(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bare_records),
        cmocka_unit_test(records_of_a_registry),
        cmocka_unit_test(a_file_stands_in_for_unknown_ids),
        cmocka_unit_test(single_objects_name_their_schema),
        cmocka_unit_test(javas_message),
        cmocka_unit_test(our_own_order),
        cmocka_unit_test(our_own_engagement_and_customer),
        cmocka_unit_test(reasons_come_in_the_order_of_json),
        cmocka_unit_test(a_mapping_finds_its_way),
        cmocka_unit_test(a_record_without_its_customer),
        cmocka_unit_test(work_is_bounded),
        cmocka_unit_test(a_schema_that_spreads_ends),
        cmocka_unit_test(what_stops_the_start),
        cmocka_unit_test(folders_that_stop_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
