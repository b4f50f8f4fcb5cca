/* The configuration: defaults, files, `--set`, problems, documentation. */
#include "consumer/config.h"
#include "consumer/config_document.h"
#include "consumer/config_file.h"
#include "consumer/decode.h"
#include "tests/unit/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct qtl_text text_of(const char *bytes)
{
    return (struct qtl_text){bytes, (uint32_t)strlen(bytes)};
}

static void defaults_are_the_tables(void **state)
{
    (void)state;
    struct qtl_config config;
    struct qtl_error error;
    qtl_config_init(&config);
    assert_string_equal(config.data_folder, "quintil-data");
    assert_string_equal(config.rules, "");
    assert_int_equal(config.partitions, 4);
    assert_int_equal(config.epoch_min_ms, 10);
    assert_int_equal(config.epoch_max_ms, 1000);
    assert_int_equal(config.epoch_max_records, 65536);
    assert_int_equal(config.duplicate_horizon_s, 600);
    assert_int_equal(config.delivery, QTL_DELIVERY_EXACTLY_ONCE);
    assert_false(config.publish_customers);
    assert_int_equal(config.streams[QTL_STREAM_ORDERS].timestamp, QTL_TIMESTAMP_RECORD);
    assert_null(config.streams[QTL_STREAM_ORDERS].fields[QTL_FIELD_AMOUNT].path);
    assert_int_equal(qtl_config_finish(&config, &error), QTL_OK);
    assert_string_equal(config.streams[QTL_STREAM_ORDERS].base_currency, "USD");
    qtl_config_fini(&config);
}

static const char whole_file[] =
    "# a shop\n"
    "data_folder: /var/lib/quintil\n"
    "partitions: 8\n"
    "rules: shop.yaml\n"
    "shards: 2\n"
    "epoch: {min_ms: 0, max_ms: 200, max_records: 1000}\n"
    "duplicate_horizon: 1h\n"
    "delivery: at_least_once\n"
    "publish_customers: true\n"
    "base_currency: EUR\n"
    "streams:\n"
    "  orders:\n"
    "    topic: shop.orders\n"
    "    format: json\n"
    "    timestamp: event\n"
    "    fields:\n"
    "      customer_id: customer.id\n"
    "      occurred_at: {path: created_at, time: iso8601, zone: '+01:00'}\n"
    "      placed_at: {time: epoch_ms}\n"
    "      amount:\n"
    "        path: total\n"
    "        scale: 2\n"
    "      items: ~\n"
    "  engagement:\n"
    "    unknown_kinds: skip\n"
    "  customers:\n";

static void a_file_with_everything(void **state)
{
    (void)state;
    struct qtl_config config;
    struct qtl_problems problems = {0};
    struct qtl_error error;
    qtl_config_init(&config);
    assert_int_equal(qtl_config_file_parse(text_of(whole_file), &config, &problems), QTL_OK);
    assert_int_equal(problems.count, 0);
    assert_int_equal(qtl_config_finish(&config, &error), QTL_OK);
    assert_string_equal(config.data_folder, "/var/lib/quintil");
    assert_string_equal(config.rules, "shop.yaml");
    assert_int_equal(config.partitions, 8);
    assert_int_equal(config.shards, 2);
    assert_int_equal(config.epoch_min_ms, 0);
    assert_int_equal(config.epoch_max_ms, 200);
    assert_int_equal(config.epoch_max_records, 1000);
    assert_int_equal(config.duplicate_horizon_s, 3600);
    assert_int_equal(config.delivery, QTL_DELIVERY_AT_LEAST_ONCE);
    assert_true(config.publish_customers);
    const struct qtl_stream_settings *const orders = &config.streams[QTL_STREAM_ORDERS];
    assert_string_equal(orders->topic, "shop.orders");
    assert_int_equal(orders->timestamp, QTL_TIMESTAMP_EVENT);
    assert_string_equal(orders->base_currency, "EUR");
    assert_true(orders->has_fields);
    assert_string_equal(orders->fields[QTL_FIELD_CUSTOMER_ID].path, "customer.id");
    assert_string_equal(orders->fields[QTL_FIELD_OCCURRED_AT].path, "created_at");
    assert_int_equal(orders->fields[QTL_FIELD_OCCURRED_AT].conversion.time, QTL_TIME_FORM_ISO8601);
    assert_int_equal(orders->fields[QTL_FIELD_OCCURRED_AT].conversion.zone_offset_s, 3600);
    assert_null(orders->fields[QTL_FIELD_PLACED_AT].path);
    assert_int_equal(orders->fields[QTL_FIELD_PLACED_AT].conversion.time, QTL_TIME_FORM_EPOCH_MS);
    assert_int_equal(orders->fields[QTL_FIELD_AMOUNT].conversion.scale, 2);
    assert_string_equal(orders->fields[QTL_FIELD_ITEMS].path, "");
    assert_int_equal(config.streams[QTL_STREAM_ENGAGEMENT].unknown_kinds, QTL_UNKNOWN_KINDS_SKIP);
    assert_false(config.streams[QTL_STREAM_ENGAGEMENT].has_fields);

    qtl_config_fini(&config);
}

static void a_decoder_does_what_the_file_says(void **state)
{
    (void)state;
    struct qtl_config config;
    struct qtl_problems problems = {0};
    struct qtl_error error;
    qtl_config_init(&config);
    assert_int_equal(qtl_config_file_parse(text_of(whole_file), &config, &problems), QTL_OK);
    assert_int_equal(qtl_config_finish(&config, &error), QTL_OK);
    const struct qtl_stream_settings *const orders = &config.streams[QTL_STREAM_ORDERS];
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_ORDERS, orders, NULL);
    const struct qtl_log_record record = {
        .timestamp_ms = QTL_TIME_ABSENT,
        .has_value = true,
        .value =
            text_of("{\"customer\":{\"id\":7},\"order_id\":1,\"total\":2933,\"currency\":\"EUR\","
                    "\"created_at\":\"2026-11-22 13:00:00\",\"items\":[1,2]}")};
    struct qtl_event event;
    assert_int_equal(qtl_decode(decoder, &record, &event), QTL_REASON_NONE);
    assert_int_equal(event.amount_e4, 293300);
    assert_int_equal(event.items_e4, QTL_E4);
    assert_int_equal(event.occurred_at, 1795348800);
    qtl_decoder_free(decoder);
    qtl_config_fini(&config);
}

static void files_without_anything(void **state)
{
    (void)state;
    static const char *const files[] = {"", "# nothing\n", "streams:\n", "epoch: ~\n", "{}\n"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct qtl_config config;
        struct qtl_problems problems = {0};
        qtl_config_init(&config);
        assert_int_equal(qtl_config_file_parse(text_of(files[i]), &config, &problems), QTL_OK);
        qtl_config_fini(&config);
    }
}

static void check_problem(const char *file, uint32_t line, uint32_t column, const char *sentence)
{
    struct qtl_config config;
    struct qtl_problems problems = {0};
    qtl_config_init(&config);
    assert_int_equal(qtl_config_file_parse(text_of(file), &config, &problems), QTL_BAD_CONF);
    assert_true(problems.count > 0);
    const struct qtl_problem *const problem = &problems.items[0];
    if (problem->place.line != line || problem->place.column != column ||
        strstr(problem->sentence, sentence) == NULL) {
        fail_msg("%s: %u:%u: %s", file, problem->place.line, problem->place.column,
                 problem->sentence);
    }
    qtl_problems_fini(&problems);
    qtl_config_fini(&config);
}

static void problems_of_settings(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        uint32_t line;
        uint32_t column;
        const char *sentence;
    } rows[] = {
        {"shard: 2\n", 1, 1,
         "unknown key `shard` in a configuration file; expected one of "
         "docs/CONFIGURATION.md; did you mean `shards`?"},
        {"stream:\n", 1, 1, "did you mean `streams`?"},
        {"epochs: {min_ms: 1}\n", 1, 1, "did you mean `epoch`?"},
        {"epoch: {mim_ms: 1}\n", 1, 9, "unknown key `mim_ms` in `epoch`"},
        {"epoch: {mim_ms: 1}\n", 1, 9, "did you mean `min_ms`?"},
        {"epoch.min_ms: 1\n", 1, 1, "unknown key `epoch.min_ms`"},
        {"epoch: 5\n", 1, 8, "`epoch` is a text; expected keys below it"},
        {"shards: 2\nshards: 3\n", 2, 1, "stands here twice, first in line 1"},
        {"shards: 8abc\n", 1, 9,
         "`shards` cannot be `8abc`; expected a whole number from 0 to 256"},
        {"shards: 257\n", 1, 9, "from 0 to 256 threads"},
        {"shards: -1\n", 1, 9, "from 0 to 256"},
        {"shards: 1.5\n", 1, 9, "from 0 to 256"},
        {"shards: 99999999999999999999\n", 1, 9, "from 0 to 256"},
        {"shards:\n", 1, 8, "from 0 to 256"},
        {"shards: [1]\n", 1, 9, "`shards` is a list; expected one value"},
        {"data_folder: ''\n", 1, 14, "`data_folder` has 0 bytes; expected 1 to 4096"},
        {"data_folder: \"a\\0b\"\n", 1, 15, "one of them NUL"},
        {"publish_customers: maybe\n", 1, 20, "expected `true` or `false`"},
        {"duplicate_horizon: 10\n", 1, 20, "duration"},
        {"duplicate_horizon: 2d\n", 1, 20, "expected from 0s to 86400s"},
        {"delivery: exactly-once\n", 1, 11,
         "expected `exactly_once` or `at_least_once`; did you mean `exactly_once`?"},
        {"base_currency: EURO\n", 1, 16, "has 4 bytes; expected 3"},
        {"- a\n", 1, 1, "the file is a list"},
        {"shards: &a 1\n", 1, 9, "anchors"},
        {"shards: 'a\n", 2, 1, "not YAML"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_problem(rows[i].file, rows[i].line, rows[i].column, rows[i].sentence);
    }
}

static void problems_of_mappings(void **state)
{
    (void)state;
    static const struct {
        const char *field;
        uint32_t column;
        const char *sentence;
    } rows[] = {
        {"custmer_id: a", 1,
         "unknown field `custmer_id` of the orders stream; expected one of "
         "docs/CONFIGURATION.md; did you mean `customer_id`?"},
        {"value: a", 1, "unknown field `value` of the orders stream"},
        {"amount: a..b", 9, "`a..b` is no path to `amount`: a name is missing; expected names"},
        {"amount: .a", 9, "is no path"},
        {"amount: 'a['", 10, "is no path"},
        {"amount: 'a[x]'", 10, "is no path"},
        {"amount: 'a]'", 10, "is no path"},
        {"amount: ''", 9, "is no path"},
        {"amount: [a]", 9, "`amount` is a list; expected a path"},
        {"amount: {pat: a}", 10,
         "unknown key `pat` in a field; expected path, time, zone or scale"},
        {"amount: {path: a, path: b}", 19, "stands here twice"},
        {"amount: {path: {a: b}}", 16, "`path` is a mapping; expected one value"},
        {"amount: {scale: x}", 17, "`x` is no scale"},
        {"amount: {time: iso8601}", 16, "`amount` has no `time`; expected that of times only"},
        {"occurred_at: {scale: 2}", 22, "`occurred_at` has no `scale`; expected that of numbers"},
        {"occurred_at: {time: epoch}", 21, "expected `iso8601`, `epoch_s`"},
        {"occurred_at: {time: epoch_mss}", 21, "did you mean `epoch_ms`?"},
        {"occurred_at: {zone: Europe/Berlin}", 21, "expected `UTC` or an offset"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char file[256];
        snprintf(file, sizeof(file), "streams:\n  orders:\n    fields:\n      %s\n", rows[i].field);
        check_problem(file, 4, rows[i].column + 6, rows[i].sentence);
    }
    check_problem("streams:\n  order:\n", 2, 3, "unknown stream `order`");
    check_problem("streams:\n  orders:\n    timestamp: events\n", 3, 16, "did you mean `event`?");
    check_problem("streams:\n  orders:\n    feilds: {}\n", 3, 5, "did you mean `fields`?");
    check_problem("streams:\n  orders:\n    format: avrox\n", 3, 13,
                  "expected `json` or `avro`; did you mean `avro`?");
    check_problem("streams: [orders]\n", 1, 10, "`streams` is a list; expected keys below it");
}

static void all_problems_are_found_at_once(void **state)
{
    (void)state;
    static const char file[] =
        "shards: x\nstreams:\n  orders: {timestamp: y}\nepoch: {max_ms: 0}\n";
    struct qtl_config config;
    struct qtl_problems problems = {0};
    qtl_config_init(&config);
    assert_int_equal(qtl_config_file_parse(text_of(file), &config, &problems), QTL_BAD_CONF);
    assert_int_equal(problems.count, 3);
    assert_int_equal(problems.items[0].place.line, 1);
    assert_int_equal(problems.items[1].place.line, 3);
    assert_int_equal(problems.items[2].place.line, 4);
    qtl_problems_fini(&problems);
    assert_int_equal(qtl_config_file_read("no-such.yaml", &config, &problems), QTL_BAD_CONF);
    assert_non_null(strstr(problems.items[0].sentence, "cannot be opened"));
    qtl_problems_fini(&problems);
    qtl_config_fini(&config);
}

static void settings_from_the_command_line(void **state)
{
    (void)state;
    struct qtl_config config;
    struct qtl_error error = {""};
    qtl_config_init(&config);
    static const char *const good[] = {
        "epoch.max_ms=200",
        "rules=",
        "data_folder=a=b",
        "delivery=at_least_once",
        "duplicate_horizon=0s",
        "streams.orders.timestamp=event",
        "streams.orders.fields.customer_id=customer.id",
        "streams.orders.fields.amount.scale=2",
        "streams.orders.fields.items=~",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (qtl_config_set(&config, good[i], &error) != QTL_OK) {
            fail_msg("%s", error.text);
        }
    }
    const struct qtl_stream_settings *const orders = &config.streams[QTL_STREAM_ORDERS];
    assert_int_equal(config.epoch_max_ms, 200);
    assert_string_equal(config.data_folder, "a=b");
    assert_int_equal(config.duplicate_horizon_s, 0);
    assert_int_equal(orders->timestamp, QTL_TIMESTAMP_EVENT);
    assert_string_equal(orders->fields[QTL_FIELD_CUSTOMER_ID].path, "customer.id");
    assert_int_equal(orders->fields[QTL_FIELD_AMOUNT].conversion.scale, 2);
    assert_string_equal(orders->fields[QTL_FIELD_ITEMS].path, "");
    static const struct {
        const char *assignment;
        const char *sentence;
    } bad[] = {
        {"shards", "--set shards: expected name=value"},
        {"=5", "unknown setting ``"},
        {"shard=5", "--set shard=5: unknown setting `shard`; did you mean `shards`?"},
        {"epoch=5", "unknown setting `epoch`"},
        {"shards=x", "expected a whole number"},
        {"streams.order.topic=x", "unknown stream `order`; did you mean `orders`?"},
        {"streams.orders=x", "unknown setting ``"},
        {"streams.orders.topics=x", "did you mean `topic`?"},
        {"streams.orders.fields.amounts=x", "unknown field `amounts`; did you mean `amount`?"},
        {"streams.orders.fields.amount.scal=2", "unknown part of a field `scal`; did you mean"},
        {"streams.orders.fields.amount.scale=x", "is no scale"},
        {"streams.orders.fields.=x", "unknown field ``"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(qtl_config_set(&config, bad[i].assignment, &error), QTL_BAD_CONF);
        if (strstr(error.text, bad[i].sentence) == NULL) {
            fail_msg("%s", error.text);
        }
    }
    qtl_config_fini(&config);
}

static void what_no_single_setting_tells(void **state)
{
    (void)state;
    static const struct {
        const char *assignment;
        const char *sentence;
    } rows[] = {
        {"epoch.min_ms=2000", "epoch.min_ms is 2000; expected at most epoch.max_ms, which is 1000"},
        {"base_currency=E R", "three letters"},
        {"streams.orders.format=avro", "avro.schemas is not set; streams.orders is Avro: expected"},
        {"transitions.format=avro", "transitions.schema_id is not set; with `framing: confluent`"},
        {"streams.engagement.fields.kind=~", "streams.engagement.fields.kind: the stream cannot"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct qtl_config config;
        struct qtl_error error = {""};
        qtl_config_init(&config);
        assert_int_equal(qtl_config_set(&config, rows[i].assignment, &error), QTL_OK);
        assert_int_equal(qtl_config_finish(&config, &error), QTL_BAD_CONF);
        assert_non_null(strstr(error.text, rows[i].sentence));
        qtl_config_fini(&config);
    }
}

/* This file's path with its end replaced: the tests run from the build folder. */
static void the_page_is_what_the_tables_say(void **state)
{
    (void)state;
    char path[1024];
    snprintf(path, sizeof(path), "%s", __FILE__);
    char *const end = strstr(path, "tests/unit/test_config.c");
    assert_non_null(end);
    memcpy(end, "docs/CONFIGURATION.md", sizeof("docs/CONFIGURATION.md"));
    char *expected = NULL;
    size_t expected_length = 0;
    FILE *const memory = open_memstream(&expected, &expected_length);
    assert_non_null(memory);
    qtl_config_document_print(memory);
    fclose(memory);
    FILE *const file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("%s is missing: test_config --print > docs/CONFIGURATION.md", path);
        return;
    }
    char *const found = calloc(1, expected_length + 2);
    const size_t found_length = fread(found, 1, expected_length + 1, file);
    fclose(file);
    if (found_length != expected_length || memcmp(found, expected, expected_length) != 0) {
        fail_msg("%s is out of date: test_config --print > docs/CONFIGURATION.md", path);
    }
    free(found);
    free(expected);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--print") == 0) {
        qtl_config_document_print(stdout);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_tables),
        cmocka_unit_test(a_file_with_everything),
        cmocka_unit_test(a_decoder_does_what_the_file_says),
        cmocka_unit_test(files_without_anything),
        cmocka_unit_test(problems_of_settings),
        cmocka_unit_test(problems_of_mappings),
        cmocka_unit_test(all_problems_are_found_at_once),
        cmocka_unit_test(settings_from_the_command_line),
        cmocka_unit_test(what_no_single_setting_tells),
        cmocka_unit_test(the_page_is_what_the_tables_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
