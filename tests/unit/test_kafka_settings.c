/*
 * What of Kafka's side needs no broker: names of topics, properties with their refusals, and what
 * is read out of librdkafka's statistics.
 */
#include "tests/unit/test.h"

#include "consumer/config.h"
#include "consumer/config_file.h"
#include "consumer/kafka_config.h"
#include "consumer/kafka_statistics.h"

#include <string.h>

static struct qtl_text text_of(const char *text)
{
    return (struct qtl_text){text, (uint32_t)strlen(text)};
}

static void names_of_topics(void **state)
{
    (void)state;
    struct qtl_kafka_settings settings = {0};
    struct qtl_error error;
    const char *const inputs[] = {"shop.orders", "", "profiles"};
    assert_int_equal(qtl_kafka_settings_name_topics(&settings, inputs, "shop", &error), QTL_OK);
    assert_string_equal(settings.topics[QTL_TOPIC_ORDERS], "shop.orders");
    assert_string_equal(settings.topics[QTL_TOPIC_ENGAGEMENT], "engagement");
    assert_string_equal(settings.topics[QTL_TOPIC_CUSTOMERS], "profiles");
    assert_string_equal(settings.topics[QTL_TOPIC_TRANSITIONS], "shop.transitions");
    assert_string_equal(settings.topics[QTL_TOPIC_DEAD_LETTERS], "shop.dead-letters");
    assert_string_equal(settings.topics[QTL_TOPIC_STATE], "shop.state");
    assert_string_equal(settings.topics[QTL_TOPIC_PROFILES], "shop.customers");

    const char *const same[] = {"a", "a", "b"};
    assert_int_equal(qtl_kafka_settings_name_topics(&settings, same, "q", &error), QTL_BAD_CONF);
    assert_string_equal(
        error.text,
        "the topic `a` stands for orders and for engagement; expected a topic for each");
    char longest[QTL_KAFKA_TOPIC_BYTES_MAX + 1];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    const char *const plain[] = {"", "", ""};
    assert_int_equal(qtl_kafka_settings_name_topics(&settings, plain, longest, &error),
                     QTL_BAD_CONF);
    assert_non_null(strstr(error.text, "is longer than Kafka's 249 bytes"));
}

static void a_file_with_properties(void **state)
{
    (void)state;
    struct qtl_config config;
    struct qtl_problems problems = {0};
    struct qtl_error error;
    qtl_config_init(&config);
    const char *const file = "instance: one\n"
                             "kafka:\n"
                             "  brokers: a:9092,b:9092\n"
                             "  group: shop\n"
                             "  properties:\n"
                             "    linger.ms: 7\n"
                             "    sasl.username: \"a: b\"\n";
    assert_int_equal(qtl_config_file_parse(text_of(file), &config, &problems), QTL_OK);
    assert_int_equal(qtl_config_set(&config, "kafka.properties.linger.ms=9", &error), QTL_OK);
    assert_int_equal(qtl_config_finish(&config, &error), QTL_OK);
    assert_int_equal(config.log, QTL_LOG_TYPE_KAFKA);
    assert_int_equal(config.kafka_property_count, 2);
    assert_string_equal(config.kafka_properties[0].value, "9"); /* the last one counts */
    assert_string_equal(config.kafka_properties[1].value, "a: b");
    struct qtl_kafka_settings settings;
    char instance[QTL_KAFKA_CONFIG_INSTANCE_MAX];
    assert_int_equal(qtl_kafka_config_settings(&config, instance, &settings, &error), QTL_OK);
    assert_string_equal(settings.brokers, "a:9092,b:9092");
    assert_string_equal(settings.group, "shop");
    assert_string_equal(settings.instance, "one");
    assert_string_equal(settings.topics[QTL_TOPIC_STATE], "quintil.state");
    qtl_problems_fini(&problems);
    qtl_config_fini(&config);
}

/* The one problem of a file, with its place. */
static void assert_problem(const char *file, const char *sentence, uint32_t line, uint32_t column)
{
    struct qtl_config config;
    struct qtl_problems problems = {0};
    qtl_config_init(&config);
    assert_int_equal(qtl_config_file_parse(text_of(file), &config, &problems), QTL_BAD_CONF);
    assert_int_equal(problems.count, 1);
    assert_string_equal(problems.items[0].sentence, sentence);
    assert_int_equal(problems.items[0].place.line, line);
    assert_int_equal(problems.items[0].place.column, column);
    qtl_problems_fini(&problems);
    qtl_config_fini(&config);
}

static void properties_that_are_refused(void **state)
{
    (void)state;
    assert_problem("kafka:\n  brokers: a\n  properties:\n    acks: 1\n",
                   "kafka.properties: `acks` cannot be set: a transaction is acknowledged by all "
                   "replicas in sync",
                   4, 5);
    assert_problem("kafka:\n  properties:\n    lingr.ms: 1\n",
                   "kafka.properties: librdkafka does not take `lingr.ms`: No such configuration "
                   "property: \"lingr.ms\"",
                   3, 5);
    assert_problem("kafka:\n  properties:\n    linger.ms: [1, 2]\n",
                   "`linger.ms` is a list; expected one value", 3, 16);
    assert_problem("kafka:\n  properties: linger\n",
                   "`properties` is a text; expected keys below it", 2, 15);
    assert_problem("kafka:\n  propertis:\n    a: 1\n",
                   "unknown key `propertis` in `kafka`; expected one of docs/CONFIGURATION.md; did "
                   "you mean `properties`?",
                   2, 3);
    assert_problem("kafka:\n  replication: -1\n",
                   "`kafka.replication` cannot be `-1`; expected a whole number from 0 to 1000 "
                   "replicas",
                   2, 16);
    /* Each has its reason. */
    static const char *const needed[] = {
        "enable.auto.commit", "isolation.level",       "partition.assignment.strategy",
        "transactional.id",   "group.instance.id",     "group.id",
        "enable.idempotence", "auto.offset.reset",     "enable.partition.eof",
        "bootstrap.servers",  "statistics.interval.ms"};
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        assert_non_null(qtl_kafka_settings_refused(needed[i]));
    }
    assert_null(qtl_kafka_settings_refused("linger.ms"));
}

static const char statistics_text[] =
    "{\"name\":\"rdkafka#consumer-1\",\"brokers\":{"
    "\"a:9092/1\":{\"nodeid\":1,\"state\":\"UP\",\"rxidle\":5000},"
    "\"b:9092/2\":{\"nodeid\":2,\"state\":\"UP\",\"rxidle\":1000001},"
    "\"c:9092/3\":{\"nodeid\":3,\"state\":\"CONNECT\",\"rxidle\":0},"
    "\"GroupCoordinator\":{\"nodeid\":-1,\"state\":\"INIT\"}},"
    "\"topics\":{\"shop.orders\":{\"topic\":\"shop.orders\",\"partitions\":{"
    "\"0\":{\"leader\":1,\"hi_offset\":12,\"ls_offset\":10},"
    "\"1\":{\"leader\":2,\"hi_offset\":3,\"ls_offset\":3},"
    "\"2\":{\"leader\":3},"
    "\"3\":{\"leader\":9,\"hi_offset\":1,\"ls_offset\":1},"
    "\"-1\":{\"leader\":-1}}}}}";

static void what_the_statistics_say(void **state)
{
    (void)state;
    struct qtl_kafka_statistics *const statistics = qtl_kafka_statistics_parse(statistics_text);
    assert_non_null(statistics);
    struct qtl_kafka_partition_statistics found;
    assert_true(qtl_kafka_statistics_find(statistics, "shop.orders", 0, &found));
    assert_false(found.is_silent);
    assert_int_equal(found.high, 12);
    assert_int_equal(found.stable, 10);
    assert_true(qtl_kafka_statistics_find(statistics, "shop.orders", 1, &found));
    assert_true(found.is_silent); /* for over a second */
    assert_true(qtl_kafka_statistics_find(statistics, "shop.orders", 2, &found));
    assert_true(found.is_silent); /* not connected */
    assert_int_equal(found.high, -1);
    assert_true(qtl_kafka_statistics_find(statistics, "shop.orders", 3, &found));
    assert_true(found.is_silent); /* nobody knows the leader */
    assert_false(qtl_kafka_statistics_find(statistics, "shop.orders", 4, &found));
    assert_false(qtl_kafka_statistics_find(statistics, "orders", 0, &found));
    qtl_kafka_statistics_free(statistics);
    assert_null(qtl_kafka_statistics_parse("{"));
    qtl_kafka_statistics_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_topics),
        cmocka_unit_test(a_file_with_properties),
        cmocka_unit_test(properties_that_are_refused),
        cmocka_unit_test(what_the_statistics_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
