/*
 * See replay_output.h. A replay's epochs end at the second of the next record, so everything before
 * that second is complete; transitions of that very second wait as finished lines beside their sort
 * keys, since the epoch's memory goes back at once.
 */
#define _GNU_SOURCE /* qsort_r */
#include "sinks/replay_output.h"

#include "scoring/base/assert.h"
#include "sinks/customer_json.h"
#include "sinks/transition_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A line not written yet. Offsets, because the buffer may move. */
struct line {
    int64_t at;
    size_t id; /* customer id, in `text` */
    size_t json;
    size_t json_bytes;
    uint32_t sequence;
    uint32_t id_bytes;
};

struct qtl_replay_output {
    FILE *out;
    const struct qtl_rules *rules;
    struct line *lines;
    size_t count;
    size_t capacity;
    struct qtl_json_buffer text; /* ids and lines */
    struct qtl_json_buffer kept; /* what `text` becomes after a write */
    uint64_t written;
};

struct qtl_replay_output *qtl_replay_output_new(FILE *out, const struct qtl_rules *rules)
{
    struct qtl_replay_output *const output = calloc(1, sizeof(*output));
    QTL_ASSERT(output != NULL);
    output->out = out;
    output->rules = rules;
    return output;
}

void qtl_replay_output_free(struct qtl_replay_output *output)
{
    if (output == NULL) {
        return;
    }
    qtl_json_buffer_fini(&output->text);
    qtl_json_buffer_fini(&output->kept);
    free(output->lines);
    free(output);
}

static void add_line(struct qtl_replay_output *output, const struct qtl_transition *transition)
{
    if (output->count == output->capacity) {
        output->capacity = output->capacity == 0 ? 1024 : 2 * output->capacity;
        struct line *const grown = realloc(output->lines, output->capacity * sizeof(*grown));
        QTL_ASSERT(grown != NULL);
        output->lines = grown;
    }
    struct qtl_json_buffer *const text = &output->text;
    const uint32_t id_bytes = transition->customer_id.length;
    struct line line = {.at = transition->at,
                        .id = text->length,
                        .sequence = transition->sequence,
                        .id_bytes = id_bytes};
    qtl_json_reserve(text, id_bytes);
    memcpy(text->bytes + text->length, transition->customer_id.bytes, id_bytes);
    text->length += id_bytes;
    line.json = text->length;
    qtl_transition_json(text, output->rules, transition, NULL);
    qtl_json_raw(text, "\n");
    line.json_bytes = text->length - line.json;
    output->lines[output->count++] = line;
}

static int compare_lines(const void *left, const void *right, void *context)
{
    const struct line *const a = left;
    const struct line *const b = right;
    const char *const text = context;
    if (a->at != b->at) {
        return a->at < b->at ? -1 : 1;
    }
    const int order = qtl_text_compare((struct qtl_text){text + a->id, a->id_bytes},
                                       (struct qtl_text){text + b->id, b->id_bytes});
    if (order != 0) {
        return order;
    }
    return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

/* Keeps the lines from `first` on; their text moves to the front. */
static void keep_from(struct qtl_replay_output *output, size_t first)
{
    struct qtl_json_buffer *const kept = &output->kept;
    kept->length = 0;
    for (size_t i = first; i < output->count; i++) {
        struct line line = output->lines[i];
        const size_t bytes = line.id_bytes + line.json_bytes; /* they stand side by side */
        qtl_json_reserve(kept, bytes);
        memcpy(kept->bytes + kept->length, output->text.bytes + line.id, bytes);
        line.json = kept->length + line.id_bytes;
        line.id = kept->length;
        kept->length += bytes;
        output->lines[i - first] = line;
    }
    output->count -= first;
    const struct qtl_json_buffer swapped = output->text;
    output->text = *kept;
    *kept = swapped;
}

static enum qtl_status write_failed(struct qtl_error *error)
{
    return qtl_error_set(error, QTL_IO, "cannot write the output: %s", strerror(errno));
}

static enum qtl_status write_before(struct qtl_replay_output *output, int64_t complete,
                                    struct qtl_error *error)
{
    if (output->count == 0) {
        return QTL_OK;
    }
    qsort_r(output->lines, output->count, sizeof(*output->lines), compare_lines,
            output->text.bytes);
    size_t ready = 0;
    while (ready < output->count && output->lines[ready].at < complete) {
        const struct line *const line = &output->lines[ready++];
        if (fwrite(output->text.bytes + line->json, 1, line->json_bytes, output->out) !=
            line->json_bytes) {
            return write_failed(error);
        }
        output->written++;
    }
    keep_from(output, ready);
    return QTL_OK;
}

enum qtl_status qtl_replay_output_write(struct qtl_replay_output *output,
                                        const struct qtl_epoch *epoch, int64_t complete,
                                        struct qtl_error *error)
{
    for (size_t slice = 0; slice < epoch->slice_count; slice++) {
        const struct qtl_outcome *const outcome = &epoch->slices[slice].outcome;
        for (size_t i = 0; i < outcome->transition_count; i++) {
            add_line(output, &outcome->transitions[i]);
        }
    }
    return write_before(output, complete, error);
}

enum qtl_status qtl_replay_output_finish(struct qtl_replay_output *output, struct qtl_error *error)
{
    const enum qtl_status status = write_before(output, INT64_MAX, error);
    if (status != QTL_OK) {
        return status;
    }
    return fflush(output->out) == 0 ? QTL_OK : write_failed(error);
}

uint64_t qtl_replay_output_count(const struct qtl_replay_output *output)
{
    return output->written;
}

struct owned_customer {
    struct qtl_slice *slice;
    struct qtl_customer *customer;
};

static int compare_customers(const void *left, const void *right)
{
    const struct qtl_customer *const a = ((const struct owned_customer *)left)->customer;
    const struct qtl_customer *const b = ((const struct owned_customer *)right)->customer;
    return qtl_text_compare(qtl_customer_id(a), qtl_customer_id(b));
}

static struct owned_customer *sorted_customers(struct qtl_slice **slices, size_t slice_count,
                                               size_t *count)
{
    size_t total = 0;
    for (size_t i = 0; i < slice_count; i++) {
        total += qtl_slice_customer_count(slices[i]);
    }
    struct owned_customer *const customers = calloc(total + 1, sizeof(*customers));
    QTL_ASSERT(customers != NULL);
    *count = 0;
    for (size_t i = 0; i < slice_count; i++) {
        const uint32_t in_slice = qtl_slice_customer_count(slices[i]);
        for (uint32_t number = 0; number < in_slice; number++) {
            customers[(*count)++] = (struct owned_customer){
                .slice = slices[i], .customer = qtl_slice_customer(slices[i], number)};
        }
    }
    qsort(customers, *count, sizeof(*customers), compare_customers);
    return customers;
}

enum qtl_status qtl_replay_output_states(FILE *out, const struct qtl_rules *rules,
                                         struct qtl_slice **slices, size_t slice_count,
                                         int64_t second, struct qtl_error *error)
{
    size_t count = 0;
    struct owned_customer *const customers = sorted_customers(slices, slice_count, &count);
    struct qtl_json_buffer line = {0};
    enum qtl_status status = QTL_OK;
    for (size_t i = 0; i < count && status == QTL_OK; i++) {
        line.length = 0;
        qtl_customer_json(&line, rules, customers[i].slice, customers[i].customer, second);
        qtl_json_raw(&line, "\n");
        if (fwrite(line.bytes, 1, line.length, out) != line.length) {
            status = write_failed(error);
        }
    }
    if (status == QTL_OK && fflush(out) != 0) {
        status = write_failed(error);
    }
    qtl_json_buffer_fini(&line);
    free(customers);
    return status;
}
