/*
 * See transition_avro.h. Written field by field like the JSON form: a dozen values in a fixed order
 * need no library, and avro-c's generic values would cost more than the rest of publishing. A test
 * holds the schema file, its fingerprint and the bytes together, with avro-c as the reader.
 *
 * Thread: publish.
 */
#include "sinks/transition_avro.h"

#include "schemas/bytes.h"
#include "scoring/base/assert.h"
#include "scoring/rules.h"
#include "sinks/transition_json.h"

#include <stdlib.h>

/* Branches of the unions in the schema. */
enum { BRANCH_NULL = 0, BRANCH_VALUE = 1 };
enum { EVIDENCE_BOOLEAN = 1, EVIDENCE_LONG = 2, EVIDENCE_DECIMAL = 3, EVIDENCE_STRING = 4 };

struct qtl_transition_avro {
    enum qtl_framing framing;     /* Immutable after new, as the id. */
    uint32_t schema_id;           /* of a registry */
    struct qtl_bytes out;         /* the record at hand */
    struct qtl_json_buffer texts; /* scratch: numbers and times as the JSON form writes them */
};

struct qtl_transition_avro *qtl_transition_avro_new(enum qtl_framing framing, uint32_t schema_id)
{
    struct qtl_transition_avro *const avro = calloc(1, sizeof(*avro));
    QTL_ASSERT(avro != NULL);
    avro->framing = framing;
    avro->schema_id = schema_id;
    return avro;
}

void qtl_transition_avro_free(struct qtl_transition_avro *avro)
{
    if (avro != NULL) {
        qtl_bytes_fini(&avro->out);
        qtl_json_buffer_fini(&avro->texts);
        free(avro);
    }
}

static void put_framing(struct qtl_transition_avro *avro)
{
    unsigned char bytes[QTL_FRAMING_SINGLE_OBJECT_BYTES] = {0};
    switch (avro->framing) {
    case QTL_FRAMING_BARE:
        return;
    case QTL_FRAMING_CONFLUENT:
        for (int i = 0; i < 4; i++) {
            bytes[1 + i] = (unsigned char)(avro->schema_id >> (24 - 8 * i));
        }
        qtl_bytes_put(&avro->out, bytes, QTL_FRAMING_CONFLUENT_BYTES);
        return;
    case QTL_FRAMING_SINGLE_OBJECT:
        bytes[0] = 0xc3;
        bytes[1] = 1;
        for (int i = 0; i < 8; i++) {
            bytes[2 + i] = (unsigned char)(QTL_TRANSITION_AVRO_FINGERPRINT >> 8 * i);
        }
        qtl_bytes_put(&avro->out, bytes, QTL_FRAMING_SINGLE_OBJECT_BYTES);
        return;
    }
}

/* What the JSON form has put between quotes into `texts`. */
static void put_quoted(struct qtl_transition_avro *avro)
{
    QTL_ASSERT(avro->texts.length >= 2);
    qtl_bytes_put_text(&avro->out,
                       (struct qtl_text){avro->texts.bytes + 1, (uint32_t)avro->texts.length - 2});
    avro->texts.length = 0;
}

static void put_instant(struct qtl_transition_avro *avro, int64_t second)
{
    qtl_bytes_put_long(&avro->out, second * 1000);
}

/* The fewest bytes of two's complement, highest first. */
static void put_decimal(struct qtl_transition_avro *avro, int64_t value_e4)
{
    char bytes[8];
    int first = 7;
    for (int i = 0; i < 8; i++) {
        bytes[i] = (char)(unsigned char)((uint64_t)value_e4 >> (56 - 8 * i));
    }
    while (first > 0 && value_e4 >> (8 * (8 - first) - 1) != 0 &&
           value_e4 >> (8 * (8 - first) - 1) != -1) {
        first--;
    }
    qtl_bytes_put_text(&avro->out, (struct qtl_text){bytes + first, (uint32_t)(8 - first)});
}

static void put_metric(struct qtl_transition_avro *avro, enum qtl_type type, int64_t value)
{
    switch (type) {
    case QTL_TYPE_CONDITION:
        qtl_bytes_put_long(&avro->out, EVIDENCE_BOOLEAN);
        qtl_bytes_put_flag(&avro->out, value != 0);
        return;
    case QTL_TYPE_NUMBER:
        qtl_bytes_put_long(&avro->out, EVIDENCE_DECIMAL);
        put_decimal(avro, value);
        return;
    case QTL_TYPE_DURATION:
        qtl_bytes_put_long(&avro->out, EVIDENCE_LONG);
        qtl_bytes_put_long(&avro->out, value);
        return;
    case QTL_TYPE_INSTANT:
        qtl_bytes_put_long(&avro->out, EVIDENCE_STRING);
        qtl_json_time(&avro->texts, value);
        put_quoted(avro);
        return;
    case QTL_TYPE_TEXT:
        qtl_bytes_put_long(&avro->out, BRANCH_NULL); /* to come with attr() */
        return;
    }
}

static void put_evidence(struct qtl_transition_avro *avro, const struct qtl_rules *rules,
                         const struct qtl_transition *transition)
{
    if (transition->evidence_count > 0) {
        qtl_bytes_put_long(&avro->out, transition->evidence_count);
    }
    for (uint16_t i = 0; i < transition->evidence_count; i++) {
        const struct qtl_evidence evidence = transition->evidence[i];
        const struct qtl_metric *const metric = &rules->metrics[evidence.metric];
        qtl_bytes_put_text(&avro->out, qtl_text_of(metric->text));
        put_metric(avro, (enum qtl_type)metric->type, evidence.value);
    }
    qtl_bytes_put_long(&avro->out, 0);
}

struct qtl_text qtl_transition_avro_encode(struct qtl_transition_avro *avro,
                                           const struct qtl_rules *rules,
                                           const struct qtl_transition *transition,
                                           const struct qtl_publication *publication)
{
    struct qtl_bytes *const out = &avro->out;
    const uint16_t segment = transition->segment;
    const int64_t published = publication != NULL ? BRANCH_VALUE : BRANCH_NULL;
    out->length = 0;
    put_framing(avro);
    qtl_json_hex128(&avro->texts, transition->id_high, transition->id_low);
    put_quoted(avro);
    qtl_bytes_put_text(out, transition->customer_id);
    qtl_bytes_put_long(out, transition->sequence);
    qtl_bytes_put_text(out, qtl_text_of(rules->segments[segment].name));
    qtl_bytes_put_text(out, qtl_text_of(qtl_rules_state_name(rules, segment, transition->from)));
    qtl_bytes_put_text(out, qtl_text_of(qtl_rules_state_name(rules, segment, transition->to)));
    put_instant(avro, transition->at);
    qtl_bytes_put_long(out, published);
    if (publication != NULL) {
        put_instant(avro, publication->detected_at);
    }
    qtl_bytes_put_text(out,
                       qtl_text_of(qtl_transition_json_cause((enum qtl_cause)transition->cause)));
    const bool has_event = transition->cause_event_id.length > 0;
    qtl_bytes_put_long(out, has_event ? BRANCH_VALUE : BRANCH_NULL);
    if (has_event) {
        qtl_bytes_put_text(out, transition->cause_event_id);
    }
    put_evidence(avro, rules, transition);
    qtl_json_hex64(&avro->texts, rules->version);
    put_quoted(avro);
    qtl_bytes_put_flag(out, transition->holdout);
    qtl_bytes_put_long(out, published);
    if (publication != NULL) {
        qtl_bytes_put_long(out, (int64_t)publication->epoch);
    }
    return (struct qtl_text){out->bytes, (uint32_t)out->length};
}
