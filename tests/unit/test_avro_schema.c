/* Schemas: canonical forms and fingerprints as Avro's own tests have them, and what is refused. */
#include "consumer/avro_canonical.h"
#include "consumer/avro_schema.h"
#include "tests/unit/shared_kit.h"

#include <stdlib.h>
#include <string.h>

static struct qtl_avro_schema *parse(const char *text)
{
    struct qtl_avro_schema *schema = NULL;
    struct qtl_error error = {0};
    if (qtl_avro_schema_parse(qtl_text_of(text), "a.avsc", &schema, &error) != QTL_OK) {
        fail_msg("%s: %s", text, error.text);
    }
    return schema;
}

static void assert_canonical(const struct qtl_avro_schema *schema, const char *expected)
{
    assert_int_equal(schema->canonical.length, strlen(expected));
    assert_memory_equal(schema->canonical.bytes, expected, strlen(expected));
}

static void canonical_forms_hold_what_parsing_needs(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *canonical;
    } rows[] = {
        {" {\"type\" : \"int\", \"logicalType\":\"date\"} ", "\"int\""},
        {"{\"type\":\"record\",\"name\":\"a\",\"namespace\":\"x.y\",\"doc\":\"\\u00e4\",\"fields\":"
         "[{\"name\":\"f\",\"doc\":\"d\",\"default\":null,\"type\":[\"null\",\"a\"]},"
         "{\"name\":\"g\",\"type\":{\"type\":\"enum\",\"name\":\"z.e\",\"symbols\":[\"A\",\"B\"]}},"
         "{\"name\":\"h\",\"type\":{\"type\":\"array\",\"items\":\"z.e\"}}]}",
         "{\"name\":\"x.y.a\",\"type\":\"record\",\"fields\":[{\"name\":\"f\",\"type\":[\"null\","
         "\"x.y.a\"]},{\"name\":\"g\",\"type\":{\"name\":\"z.e\",\"type\":\"enum\",\"symbols\":"
         "[\"A\",\"B\"]}},{\"name\":\"h\",\"type\":{\"type\":\"array\",\"items\":\"z.e\"}}]}"},
        {"{\"size\":16,\"type\":\"fixed\",\"name\":\"md5\",\"aliases\":[\"old\"]}",
         "{\"name\":\"md5\",\"type\":\"fixed\",\"size\":16}"},
        {"{\"type\":\"map\",\"values\":{\"type\":\"bytes\",\"logicalType\":\"decimal\","
         "\"precision\":4}}",
         "{\"type\":\"map\",\"values\":\"bytes\"}"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct qtl_avro_schema *const schema = parse(rows[i].text);
        assert_canonical(schema, rows[i].canonical);
        qtl_avro_schema_free(schema);
    }
}

static void fingerprints_are_avros(void **state)
{
    (void)state;
    struct qtl_avro_schema *const schema = parse("\"int\"");
    assert_int_equal(schema->fingerprint, 0x7275d51a3f395c8f); /* the specification's example */
    qtl_avro_schema_free(schema);
}

/* One case of Avro's schema-tests.txt, from `<<INPUT` on. */
static void check_shared(char *input, uint32_t *checked)
{
    char *text = input + strlen("<<INPUT");
    char *canonical = strstr(text, "<<canonical ");
    assert_non_null(canonical);
    char *const end = strstr(text, "\nINPUT\n");
    *(end != NULL && end < canonical ? end : canonical) = '\0';
    if (end != NULL && end < canonical) {
        *canonical = '\0';
    }
    canonical += strlen("<<canonical ");
    char *fingerprint = strstr(canonical, "<<fingerprint ");
    char *const next = strstr(canonical, "\n//");
    const bool has_one = fingerprint != NULL && (next == NULL || fingerprint < next);
    canonical[strcspn(canonical, "\n")] = '\0';
    if (strcmp(canonical, "[]") == 0) {
        return; /* a union of nothing: no value is one, and avro-c refuses it, too */
    }
    struct qtl_avro_schema *const schema = parse(text);
    assert_canonical(schema, canonical);
    if (has_one) {
        const int64_t expected = strtoll(fingerprint + strlen("<<fingerprint "), NULL, 10);
        assert_int_equal(schema->fingerprint, (uint64_t)expected);
    }
    (*checked)++;
    qtl_avro_schema_free(schema);
}

static void avros_own_cases_give_the_same(void **state)
{
    (void)state;
    size_t length = 0;
    char *const file = shared_read("expected/avro/share/test/data/schema-tests.txt", &length);
    uint32_t checked = 0;
    char *at = strstr(file, "\n<<INPUT");
    while (at != NULL) {
        char *const next = strstr(at + 1, "\n<<INPUT");
        if (next != NULL) {
            *next = '\0';
        }
        check_shared(at + 1, &checked);
        at = next;
        if (at != NULL) {
            *at = '\n';
        }
    }
    assert_true(checked >= 30);
    free(file);
}

static void avros_own_schemas_parse(void **state)
{
    (void)state;
    static const char *const names[] = {
        "schemas/reserved.avsc",
        "schemas/FooBarSpecificRecord.avsc",
        "schemas/weather.avsc",
        "schemas/interop.avsc",
        "schemas/RecordWithRequiredFields.avsc",
        "schemas/fooBar.avsc",
        "data/schemas/simple/schema.json",
        "data/schemas/withUnion/schema.json",
        "data/messageV1/test_schema.avsc",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char name[128];
        size_t length = 0;
        snprintf(name, sizeof(name), "expected/avro/share/test/%s", names[i]);
        char *const text = shared_read(name, &length);
        qtl_avro_schema_free(parse(text));
        free(text);
    }
}

static void what_is_no_schema_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *sentence;
    } rows[] = {
        {"", "a.avsc: no Avro schema: expected 1 to 1048576 bytes, found 0"},
        {"{\"type\":\n  \"record\",,}", "a.avsc:2:12: no JSON (parse error: invalid object key "
                                        "(must be a string)); expected an Avro schema"},
        {"{\"type\":\"int\"", "a.avsc:1:14: no JSON (parse error: premature EOF); expected an Avro "
                              "schema"},
        {"17", "a.avsc: no Avro schema: expected a type: a text, an object or an array"},
        {"\"strng\"", "a.avsc: no Avro schema: unknown type `strng`; expected a type of Avro's or "
                      "a name that is defined before it"},
        {"\"\xff\"", "a.avsc: no Avro schema: expected text in UTF-8"},
        {"{\"type\":\"record\",\"name\":\"a\"}",
         "a.avsc: no Avro schema: expected `fields`, an array"},
        {"{\"type\":\"record\",\"fields\":[]}", "a.avsc: no Avro schema: expected `name`, a text"},
        {"{\"type\":\"record\",\"name\":\"a\",\"fields\":[{\"name\":\"b\",\"type\":{\"type\":"
         "\"array\",\"items\":[\"null\",{\"type\":\"record\",\"name\":\"c\",\"fields\":[{\"name\":"
         "\"d\",\"type\":\"x\"}]}]}}]}",
         "a.avsc: no Avro schema: at `b[].d`: unknown type `x`; expected a type of Avro's or a "
         "name that is defined before it"},
        {"{\"type\":\"record\",\"name\":\"a\",\"fields\":[{\"name\":\"b\"}]}",
         "a.avsc: no Avro schema: at `b`: expected `type`"},
        {"{\"type\":\"record\",\"name\":\"a\",\"fields\":[{\"name\":\"b\",\"type\":\"int\"},"
         "{\"name\":\"b\",\"type\":\"int\"}]}",
         "a.avsc: no Avro schema: `b` stands twice"},
        {"{\"type\":\"int\",\"type\":\"long\"}", "a.avsc: no Avro schema: `type` stands twice"},
        {"[\"null\",[\"int\"]]", "a.avsc: no Avro schema: a union right inside a union"},
        {"[]", "a.avsc: no Avro schema: a union of 0; expected 1 to 4096 branches"},
        {"{\"type\":\"fixed\",\"name\":\"a\",\"size\":-1}",
         "a.avsc: no Avro schema: expected `size`, a number of bytes"},
        {"{\"type\":\"enum\",\"name\":\"a\",\"symbols\":[\"A\",\"A\"]}",
         "a.avsc: no Avro schema: `A` stands twice"},
        {"{\"type\":\"record\",\"name\":\"a-b\",\"fields\":[]}",
         "a.avsc: no Avro schema: `a-b` is no name; expected letters, digits and _"},
        {"{\"type\":\"record\",\"name\":\"a\",\"fields\":[{\"name\":\"1\",\"type\":\"int\"}]}",
         "a.avsc: no Avro schema: `1` is no name; expected letters, digits and _"},
        {"[{\"type\":\"fixed\",\"name\":\"a\",\"size\":1},{\"type\":\"fixed\",\"name\":\"a\","
         "\"size\":1}]",
         "a.avsc: no Avro schema: `a` is defined twice"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct qtl_avro_schema *schema = NULL;
        struct qtl_error error = {0};
        assert_int_equal(
            qtl_avro_schema_parse(qtl_text_of(rows[i].text), "a.avsc", &schema, &error),
            QTL_BAD_CONF);
        assert_string_equal(error.text, rows[i].sentence);
    }
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    static char text[DEPTH + 1];
    struct qtl_avro_schema *schema = NULL;
    struct qtl_error error = {0};
    memset(text, '[', DEPTH);
    assert_int_equal(qtl_avro_schema_parse(qtl_text_of(text), "a.avsc", &schema, &error),
                     QTL_BAD_CONF);
    assert_string_equal(error.text, "a.avsc: no Avro schema: it is nested deeper than 256");
}

static void a_file_that_is_not_there_is_said(void **state)
{
    (void)state;
    struct qtl_avro_schema *schema = NULL;
    struct qtl_error error = {0};
    assert_int_equal(qtl_avro_schema_read("no-such.avsc", &schema, &error), QTL_BAD_CONF);
    assert_string_equal(error.text, "no-such.avsc: cannot be opened (No such file or directory); "
                                    "expected a file with an Avro schema");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_forms_hold_what_parsing_needs),
        cmocka_unit_test(fingerprints_are_avros),
        cmocka_unit_test(avros_own_cases_give_the_same),
        cmocka_unit_test(avros_own_schemas_parse),
        cmocka_unit_test(what_is_no_schema_is_refused_with_its_place),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(a_file_that_is_not_there_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
