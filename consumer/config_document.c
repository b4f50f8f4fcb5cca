/*
 * The page about the configuration; see config_document.h. Prose stands here, every name, range and
 * default comes from schemas/settings.def and schemas/fields.def.
 */
#include "consumer/config_document.h"

#include "consumer/field.h"
#include "consumer/setting.h"
#include "consumer/stream.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

static const char beginning[] =
    "# Configuration\n"
    "\n"
    "<!-- Generated from schemas/settings.def and schemas/fields.def: edit those, then\n"
    "     build/tests/test_config --print > docs/CONFIGURATION.md -->\n"
    "\n"
    "One YAML file, given with `-c FILE`; without one every setting has its default. `--set\n"
    "name=value` sets one setting and wins over the file; it may stand several times. A dot in a\n"
    "name is a level of the file. Unknown and repeated keys are errors, which name file, line and\n"
    "column. Every setting takes effect at the next start. Paths are relative to the folder the\n"
    "program is started in.\n"
    "\n"
    "```yaml\n"
    "data_folder: /var/lib/quintil\n"
    "rules: shop.yaml\n"
    "base_currency: EUR\n"
    "epoch:\n"
    "  max_ms: 200\n"
    "streams:\n"
    "  orders:\n"
    "    timestamp: event\n"
    "    fields:\n"
    "      customer_id: customer.id\n"
    "      order_id: id\n"
    "      occurred_at: {path: created_at, time: epoch_ms}\n"
    "      amount: {path: total_cents, scale: 2}\n"
    "      items: ~\n"
    "  engagement:\n"
    "    unknown_kinds: skip\n"
    "```\n"
    "\n"
    "## Settings\n"
    "\n";

static const char stream_beginning[] =
    "\n"
    "## Settings of a stream\n"
    "\n"
    "Below `streams.orders`, `streams.engagement` and `streams.customers`.\n"
    "\n";

static const char mapping_beginning[] =
    "\n"
    "## Mapping: `fields:` of a stream\n"
    "\n"
    "Says where the fields that Quintil knows stand in your own records, JSON or Avro alike, so\n"
    "that no producer has to be rewritten. A field that is not named is looked for under its own "
    "name; `~` says\n"
    "that the records have none (`items: ~`, where `items` is something else). A path is names\n"
    "with dots between, `[n]` an element of an array from 0: `customer.id`, `lines[0].price`.\n"
    "Through the unions of Avro a path goes as if they were not there; keys of its maps are "
    "names.\n"
    "With more to say, a field has parts:\n"
    "\n"
    "| part | of | meaning |\n"
    "|---|---|---|\n"
    "| `path` | every field | where it stands; without it: under its own name |\n"
    "| `time` | times | `iso8601`, `epoch_s`, `epoch_ms`, `epoch_us`; `any` (default): seconds or "
    "ISO 8601. Dates and timestamps of Avro say their unit themselves |\n"
    "| `zone` | times | of a text that names none: `UTC` (default) or an offset, e.g. `+01:00` |\n"
    "| `scale` | numbers | decimals of the minor unit the number counts, 0 to 9: `2` for cents |\n"
    "\n"
    "The fields:\n"
    "\n"
    "| field | orders | engagement | customers | meaning |\n"
    "|---|---|---|---|---|\n";

static const char ending[] =
    "\n"
    "`!` is required, `+` optional. Ids are kept digit for digit, whether they are texts or "
    "numbers.\n"
    "Numbers are exact to four decimals (half to even), at most 10^14; times are cut to whole\n"
    "seconds. JSON null is absent. In CSV files the columns bear these names, `attr.NAME` for\n"
    "attributes, an empty cell is absent, and no mapping applies.\n"
    "\n"
    "A record that cannot be used goes to the dead letters with the first of these reasons that\n"
    "applies: `malformed`, `missing_field`, `bad_customer_id`, `bad_time`, `unknown_kind`,\n"
    "`unknown_currency`, `bad_amount`. Avro whose schema is not known is `unknown_schema`.\n";

static void print_number(const struct qtl_setting *setting, int64_t value, FILE *out)
{
    const char *const unit = setting->type == QTL_SETTING_DURATION ? "s" : "";
    fprintf(out, "%" PRId64 "%s", value, unit);
}

static void print_default(const struct qtl_setting *setting, const char *quote, FILE *out)
{
    switch (setting->type) {
    case QTL_SETTING_TEXT:
        if (setting->standard_text[0] != '\0') {
            fprintf(out, "%s%s%s", quote, setting->standard_text, quote);
        }
        return;
    case QTL_SETTING_INTEGER:
    case QTL_SETTING_DURATION:
        print_number(setting, setting->standard, out);
        return;
    case QTL_SETTING_FLAG:
        fprintf(out, "%s%s%s", quote, setting->standard != 0 ? "true" : "false", quote);
        return;
    case QTL_SETTING_CHOICE:
        fprintf(out, "%s%s%s", quote, qtl_setting_choice(setting, (size_t)setting->standard),
                quote);
        return;
    }
}

static void print_range(const struct qtl_setting *setting, FILE *out)
{
    const char *word = NULL;
    switch (setting->type) {
    case QTL_SETTING_TEXT:
        fprintf(out, "text%s%s", setting->unit[0] != '\0' ? ", " : "", setting->unit);
        return;
    case QTL_SETTING_INTEGER:
    case QTL_SETTING_DURATION:
        print_number(setting, setting->min, out);
        fprintf(out, " to ");
        print_number(setting, setting->max, out);
        fprintf(out, "%s%s", setting->unit[0] != '\0' ? " " : "", setting->unit);
        return;
    case QTL_SETTING_FLAG:
        fprintf(out, "`true`, `false`");
        return;
    case QTL_SETTING_CHOICE:
        for (size_t i = 0; (word = qtl_setting_choice(setting, i)) != NULL; i++) {
            fprintf(out, "%s`%s`", i > 0 ? ", " : "", word);
        }
        return;
    }
}

static void print_rows(enum qtl_setting_scope scope, FILE *out)
{
    size_t count = 0;
    const struct qtl_setting *const rows = qtl_setting_rows(scope, &count);
    fprintf(out, "| name | values | default | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "| `%s` | ", rows[i].name);
        print_range(&rows[i], out);
        fprintf(out, " | ");
        print_default(&rows[i], "`", out);
        fprintf(out, " | %s |\n", rows[i].meaning);
    }
}

static void print_fields(FILE *out)
{
    for (int i = 0; i < QTL_FIELDS; i++) {
        const enum qtl_field field = (enum qtl_field)i;
        fprintf(out, "| `%s` |", qtl_field_name(field));
        for (int stream = 0; stream < QTL_STREAMS; stream++) {
            const bool has = qtl_field_of(field, (enum qtl_stream)stream);
            const bool required = qtl_field_required(field, (enum qtl_stream)stream);
            fprintf(out, " %s|", !has ? "" : required ? "! " : "+ ");
        }
        fprintf(out, " %s |\n", qtl_field_meaning(field));
    }
}

void qtl_config_document_print(FILE *out)
{
    fputs(beginning, out);
    print_rows(QTL_SETTING_SCOPE_ALL, out);
    fputs(stream_beginning, out);
    print_rows(QTL_SETTING_SCOPE_STREAM, out);
    fputs(mapping_beginning, out);
    print_fields(out);
    fputs(ending, out);
}

static void print_help_rows(enum qtl_setting_scope scope, const char *prefix, FILE *out)
{
    size_t count = 0;
    const struct qtl_setting *const rows = qtl_setting_rows(scope, &count);
    for (size_t i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof(name), "%s%s", prefix, rows[i].name);
        fprintf(out, "  %-24s %s", name, rows[i].meaning);
        if (rows[i].type != QTL_SETTING_TEXT || rows[i].standard_text[0] != '\0') {
            fprintf(out, " [");
            print_default(&rows[i], "", out);
            fprintf(out, "]");
        }
        fprintf(out, "\n");
    }
}

void qtl_config_document_print_help(FILE *out)
{
    print_help_rows(QTL_SETTING_SCOPE_ALL, "", out);
    fprintf(out, "and of each stream, e.g. streams.orders.timestamp:\n");
    print_help_rows(QTL_SETTING_SCOPE_STREAM, "streams.*.", out);
    fprintf(out, "  %-24s %s\n", "streams.*.fields.FIELD", "where a field stands: a path");
}
