/* See customer_json.h. */
#include "sinks/customer_json.h"

#include "scoring/rules.h"
#include "sinks/transition_json.h"

#include <stdbool.h>
#include <string.h>

struct metrics_writer {
    struct qtl_json_buffer *buffer;
    const struct qtl_rules *rules;
    bool first;
};

static void put_metric(void *context, uint16_t metric, int64_t value)
{
    struct metrics_writer *const writer = context;
    if (!writer->first) {
        qtl_json_raw(writer->buffer, ",");
    }
    writer->first = false;
    qtl_json_string(writer->buffer, qtl_text_of(writer->rules->metrics[metric].text));
    qtl_json_raw(writer->buffer, ":");
    qtl_transition_json_metric(writer->buffer, writer->rules, metric, value);
}

static void put_segments(struct qtl_json_buffer *buffer, const struct qtl_rules *rules,
                         const uint8_t *states)
{
    for (uint16_t i = 0; i < rules->segment_count; i++) {
        if (i > 0) {
            qtl_json_raw(buffer, ",");
        }
        qtl_json_string(buffer, qtl_text_of(rules->segments[i].name));
        qtl_json_raw(buffer, ":");
        qtl_json_string(buffer,
                        qtl_text_of(qtl_rules_state_name(rules, i, states[i] & QTL_STATE_MASK)));
    }
}

void qtl_customer_json(struct qtl_json_buffer *buffer, const struct qtl_rules *rules,
                       struct qtl_slice *slice, struct qtl_customer *customer, int64_t second)
{
    qtl_json_raw(buffer, "{\"customer_id\":");
    qtl_json_string(buffer, qtl_customer_id(customer));
    qtl_json_raw(buffer, ",\"born\":");
    qtl_json_time(buffer, customer->born);
    qtl_json_raw(buffer, ",\"clock\":");
    qtl_json_time(buffer, customer->clock);
    qtl_json_raw(buffer, ",\"sequence\":");
    qtl_json_integer(buffer, customer->sequence);
    qtl_json_raw(buffer, ",\"segments\":{");
    put_segments(buffer, rules, qtl_customer_states(customer, rules->segment_count));
    qtl_json_raw(buffer, "},\"metrics\":{");
    struct metrics_writer writer = {.buffer = buffer, .rules = rules, .first = true};
    qtl_slice_read_metrics(slice, customer, second, put_metric, &writer);
    qtl_json_raw(buffer, "}}");
}

void qtl_customer_json_states(struct qtl_json_buffer *buffer, const struct qtl_rules *rules,
                              const struct qtl_transition *transition)
{
    qtl_json_raw(buffer, "{\"customer_id\":");
    qtl_json_string(buffer, transition->customer_id);
    qtl_json_raw(buffer, ",\"sequence\":");
    qtl_json_integer(buffer, transition->sequence);
    qtl_json_raw(buffer, ",\"at\":");
    qtl_json_time(buffer, transition->at);
    qtl_json_raw(buffer, ",\"segments\":{");
    put_segments(buffer, rules, transition->states);
    qtl_json_raw(buffer, "},\"rules_version\":");
    qtl_json_hex64(buffer, rules->version);
    qtl_json_raw(buffer, "}");
}
