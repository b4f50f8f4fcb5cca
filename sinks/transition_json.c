/*
 * See transition_json.h. Keys stand in the order of DESIGN 6; what is unknown is absent.
 */
#include "sinks/transition_json.h"

#include "scoring/rules.h"

#include <string.h>

const char *qtl_transition_json_cause(enum qtl_cause cause)
{
    static const char *const texts[] = {
#define QTL_CAUSE(name, text) [QTL_CAUSE_##name] = text,
#include "schemas/causes.def"
#undef QTL_CAUSE
    };
    return texts[cause];
}

void qtl_transition_json_metric(struct qtl_json_buffer *buffer, const struct qtl_rules *rules,
                                uint16_t metric, int64_t value)
{
    switch ((enum qtl_type)rules->metrics[metric].type) {
    case QTL_TYPE_CONDITION:
        qtl_json_raw(buffer, value != 0 ? "true" : "false");
        return;
    case QTL_TYPE_NUMBER:
        qtl_json_decimal(buffer, value);
        return;
    case QTL_TYPE_DURATION:
        qtl_json_integer(buffer, value);
        return;
    case QTL_TYPE_INSTANT:
        qtl_json_time(buffer, value);
        return;
    case QTL_TYPE_TEXT:
        qtl_json_raw(buffer, "null"); /* to come with attr() */
        return;
    }
}

static void put_evidence(struct qtl_json_buffer *buffer, const struct qtl_rules *rules,
                         const struct qtl_transition *transition)
{
    qtl_json_raw(buffer, ",\"evidence\":{");
    for (uint16_t i = 0; i < transition->evidence_count; i++) {
        const struct qtl_evidence evidence = transition->evidence[i];
        if (i > 0) {
            qtl_json_raw(buffer, ",");
        }
        qtl_json_string(buffer, qtl_text_of(rules->metrics[evidence.metric].text));
        qtl_json_raw(buffer, ":");
        qtl_transition_json_metric(buffer, rules, evidence.metric, evidence.value);
    }
    qtl_json_raw(buffer, "}");
}

void qtl_transition_json(struct qtl_json_buffer *buffer, const struct qtl_rules *rules,
                         const struct qtl_transition *transition,
                         const struct qtl_publication *publication)
{
    const uint16_t segment = transition->segment;
    qtl_json_raw(buffer, "{\"id\":");
    qtl_json_hex128(buffer, transition->id_high, transition->id_low);
    qtl_json_raw(buffer, ",\"customer_id\":");
    qtl_json_string(buffer, transition->customer_id);
    qtl_json_raw(buffer, ",\"sequence\":");
    qtl_json_integer(buffer, transition->sequence);
    qtl_json_raw(buffer, ",\"segment\":");
    qtl_json_string(buffer, qtl_text_of(rules->segments[segment].name));
    qtl_json_raw(buffer, ",\"from\":");
    qtl_json_string(buffer, qtl_text_of(qtl_rules_state_name(rules, segment, transition->from)));
    qtl_json_raw(buffer, ",\"to\":");
    qtl_json_string(buffer, qtl_text_of(qtl_rules_state_name(rules, segment, transition->to)));
    qtl_json_raw(buffer, ",\"at\":");
    qtl_json_time(buffer, transition->at);
    if (publication != NULL) {
        qtl_json_raw(buffer, ",\"detected_at\":");
        qtl_json_time(buffer, publication->detected_at);
    }
    qtl_json_raw(buffer, ",\"cause\":");
    qtl_json_string(buffer,
                    qtl_text_of(qtl_transition_json_cause((enum qtl_cause)transition->cause)));
    if (transition->cause_event_id.length > 0) {
        qtl_json_raw(buffer, ",\"cause_event_id\":");
        qtl_json_string(buffer, transition->cause_event_id);
    }
    put_evidence(buffer, rules, transition);
    qtl_json_raw(buffer, ",\"rules_version\":");
    qtl_json_hex64(buffer, rules->version);
    qtl_json_raw(buffer, transition->holdout ? ",\"holdout\":true" : ",\"holdout\":false");
    if (publication != NULL) {
        qtl_json_raw(buffer, ",\"epoch\":");
        qtl_json_integer(buffer, (int64_t)publication->epoch);
    }
    qtl_json_raw(buffer, "}");
}
