/*
 * See redis_batch.h.
 *
 *   change --customer--> customer --first--> change --next_of_customer--> change ...
 *
 * A customer's changes in a batch are one run of sequences. Redis takes the whole run or, where it
 * knows the last of it already, nothing: the states at the end of the run are the same whichever
 * part of it was known. For the same reason a set's member is told once, how it ends: a customer
 * leaves the sets of all states it passed through and comes into those it ends in.
 *
 * A sequence that does not rise (the customer was erased and born again, or a log repeats) ends the
 * batch, so that runs stay runs.
 *
 * Rejected: one call a transition (the script's overhead is more than its work), JSON or
 * MessagePack in one argument (Redis would parse it in Lua; arguments it has parsed already).
 */
#include "sinks/redis_batch.h"

#include "scoring/base/arena.h"
#include "scoring/base/assert.h"
#include "scoring/base/hash.h"
#include "sinks/redis_command.h"
#include "sinks/transition_read.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define CHANGE_BYTES 160 /* of a customer's own arguments, about */

struct change {
    struct qtl_transition_fields fields;
    struct qtl_text document;
    uint32_t customer;
    uint32_t next_of_customer;
    uint32_t previous_of_customer;
};

struct customer {
    struct qtl_text id;
    uint64_t hash;
    uint32_t first;
    uint32_t last;
    bool is_erased;
};

struct qtl_redis_batch {
    struct qtl_redis_batch_settings settings; /* Immutable after new. */
    struct qtl_transition_read *read;
    struct qtl_arena arena; /* texts of the batch at hand */
    struct change *changes;
    struct customer *customers;
    uint32_t *places; /* of customers by hash; NONE: free */
    size_t place_count;
    size_t change_count;
    size_t customer_count;
    struct qtl_text sets[QTL_REDIS_BATCH_SETS_MAX];
    size_t set_count;
    size_t bytes;
    int32_t partition;
    bool is_checked;
    int64_t from;
    int64_t next_offset;
    int64_t last_offset; /* of the last change taken; -1: none */
};

struct qtl_redis_batch *qtl_redis_batch_new(const struct qtl_redis_batch_settings *settings)
{
    struct qtl_redis_batch *const batch = calloc(1, sizeof(*batch));
    QTL_ASSERT(batch != NULL);
    QTL_ASSERT(settings->changes_max > 0);
    batch->settings = *settings;
    batch->read = qtl_transition_read_new();
    batch->place_count = 16;
    while (batch->place_count < settings->changes_max * 2) {
        batch->place_count *= 2;
    }
    batch->changes = calloc(settings->changes_max, sizeof(*batch->changes));
    batch->customers = calloc(settings->changes_max, sizeof(*batch->customers));
    batch->places = calloc(batch->place_count, sizeof(*batch->places));
    QTL_ASSERT(batch->changes != NULL && batch->customers != NULL && batch->places != NULL);
    return batch;
}

void qtl_redis_batch_free(struct qtl_redis_batch *batch)
{
    if (batch != NULL) {
        qtl_transition_read_free(batch->read);
        qtl_arena_fini(&batch->arena);
        free(batch->changes);
        free(batch->customers);
        free(batch->places);
        free(batch);
    }
}

void qtl_redis_batch_begin(struct qtl_redis_batch *batch, int32_t partition, int64_t from,
                           bool is_checked)
{
    qtl_arena_reset(&batch->arena);
    memset(batch->places, 0xff, batch->place_count * sizeof(*batch->places)); /* NONE */
    batch->change_count = 0;
    batch->customer_count = 0;
    batch->set_count = 0;
    batch->bytes = 0;
    batch->partition = partition;
    batch->is_checked = is_checked;
    batch->from = from;
    batch->next_offset = from;
    batch->last_offset = -1;
}

size_t qtl_redis_batch_count(const struct qtl_redis_batch *batch)
{
    return batch->change_count;
}

int64_t qtl_redis_batch_next_offset(const struct qtl_redis_batch *batch)
{
    return batch->next_offset;
}

/* Where the customer is, or would be. */
static uint32_t *place_of(const struct qtl_redis_batch *batch, struct qtl_text id, uint64_t hash)
{
    const size_t mask = batch->place_count - 1;
    for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
        if (batch->places[i] == NONE) {
            return &batch->places[i];
        }
        const struct customer *const customer = &batch->customers[batch->places[i]];
        if (customer->hash == hash && qtl_text_compare(customer->id, id) == 0) {
            return &batch->places[i];
        }
    }
}

/* The part of a set's key behind `segment:`; length 0 for a state that has no set. */
static struct qtl_text set_of(struct qtl_arena *arena, struct qtl_text segment,
                              struct qtl_text state)
{
    if (state.length == 0 || qtl_text_compare(state, qtl_text_of("out")) == 0) {
        return (struct qtl_text){NULL, 0};
    }
    if (qtl_text_compare(state, qtl_text_of("in")) == 0) {
        return segment;
    }
    return qtl_redis_command_join(arena, qtl_redis_command_join(arena, segment, qtl_text_of(":")),
                                  state);
}

/* The set's number, from 1. There is room: add() saw to it. */
static uint8_t number_of(struct qtl_redis_batch *batch, struct qtl_text set)
{
    for (size_t i = 0; i < batch->set_count; i++) {
        if (qtl_text_compare(batch->sets[i], set) == 0) {
            return (uint8_t)(i + 1);
        }
    }
    QTL_ASSERT(batch->set_count < QTL_REDIS_BATCH_SETS_MAX);
    batch->sets[batch->set_count++] = set;
    return (uint8_t)batch->set_count;
}

/* Notes the sets of the change's states, so that their number stays bounded. */
static void note_sets(struct qtl_redis_batch *batch, const struct qtl_transition_fields *fields)
{
    const struct qtl_text states[2] = {fields->from, fields->to};
    for (int i = 0; i < 2; i++) {
        const struct qtl_text set = set_of(&batch->arena, fields->segment, states[i]);
        if (set.length > 0) {
            (void)number_of(batch, set);
        }
    }
}

static bool is_full(const struct qtl_redis_batch *batch)
{
    return batch->change_count > 0 && (batch->change_count == batch->settings.changes_max ||
                                       batch->set_count + 2 > QTL_REDIS_BATCH_SETS_MAX ||
                                       batch->bytes >= QTL_REDIS_BATCH_BYTES);
}

static bool is_erasure(const struct qtl_transition_fields *fields)
{
    return qtl_text_compare(fields->cause, qtl_text_of("erasure")) == 0;
}

/* Puts the change behind the others of its customer. FULL: it does not continue their run. */
static enum qtl_status link_change(struct qtl_redis_batch *batch, struct change *change)
{
    const uint32_t number = (uint32_t)batch->change_count;
    const struct qtl_text id = change->fields.customer_id;
    const uint64_t hash = qtl_hash(id.bytes, id.length, 0);
    change->previous_of_customer = NONE;
    uint32_t *const place = place_of(batch, id, hash);
    if (*place == NONE) {
        *place = (uint32_t)batch->customer_count++;
        batch->customers[*place] =
            (struct customer){.id = id, .hash = hash, .first = number, .last = number};
    } else {
        struct customer *const customer = &batch->customers[*place];
        struct change *const last = &batch->changes[customer->last];
        if (change->fields.sequence <= last->fields.sequence) {
            return QTL_FULL;
        }
        last->next_of_customer = number;
        change->previous_of_customer = customer->last;
        customer->last = number;
    }
    batch->customers[*place].is_erased |= is_erasure(&change->fields);
    change->customer = *place;
    change->next_of_customer = NONE;
    return QTL_OK;
}

enum qtl_status qtl_redis_batch_add(struct qtl_redis_batch *batch,
                                    const struct qtl_log_record *record)
{
    QTL_ASSERT(record->offset >= batch->next_offset);
    if (is_full(batch)) {
        return QTL_FULL;
    }
    struct change *const change = &batch->changes[batch->change_count];
    enum qtl_status status = QTL_MALFORMED;
    if (record->has_value) {
        change->document = qtl_arena_copy(&batch->arena, record->value);
        status = qtl_transition_read_change(batch->read, change->document, &batch->arena,
                                            &change->fields);
    }
    if (status == QTL_OK) {
        status = link_change(batch, change);
    }
    if (status == QTL_FULL) {
        return status;
    }
    if (status == QTL_OK) {
        note_sets(batch, &change->fields);
        batch->bytes += record->value.length + CHANGE_BYTES;
        batch->last_offset = record->offset;
        batch->change_count++;
    }
    batch->next_offset = record->offset + 1;
    return status;
}

/* Adds a move, or changes the one that the customer has for this set already. */
static size_t put_move(struct qtl_redis_batch *batch, char *moves, size_t length,
                       struct qtl_text set, char sign)
{
    if (set.length == 0) {
        return length;
    }
    const char number = (char)number_of(batch, set);
    for (size_t i = 0; i < length; i += 2) {
        if (moves[i] == number) {
            moves[i + 1] = sign;
            return length;
        }
    }
    moves[length] = number;
    moves[length + 1] = sign;
    return length + 2;
}

static struct qtl_text moves_of(struct qtl_redis_batch *batch, const struct customer *customer)
{
    char moves[QTL_REDIS_BATCH_SETS_MAX * 2];
    size_t length = 0;
    for (uint32_t i = customer->first; i != NONE; i = batch->changes[i].next_of_customer) {
        const struct qtl_transition_fields *const fields = &batch->changes[i].fields;
        struct qtl_arena *const arena = &batch->arena;
        length = put_move(batch, moves, length, set_of(arena, fields->segment, fields->from), '-');
        length = put_move(batch, moves, length, set_of(arena, fields->segment, fields->to), '+');
    }
    return qtl_arena_copy(&batch->arena, (struct qtl_text){moves, (uint32_t)length});
}

/* Whether the command has the field already: `first` is the first argument of the customer's. */
static bool has_field(const struct qtl_redis_command *command, size_t first, const char *kind,
                      struct qtl_text name)
{
    const size_t length = strlen(kind) + name.length;
    for (size_t i = first; i < command->count; i += 2) {
        if (command->lengths[i] == length &&
            memcmp(command->arguments[i], kind, strlen(kind)) == 0 &&
            memcmp(command->arguments[i] + strlen(kind), name.bytes, name.length) == 0) {
            return true;
        }
    }
    return false;
}

static void put_field(struct qtl_redis_command *command, size_t first, const char *kind,
                      struct qtl_text name, struct qtl_text value)
{
    if (!has_field(command, first, kind, name)) {
        qtl_redis_command_add_joined(command, kind, name);
        qtl_redis_command_add(command, value);
    }
}

/* The hash's fields, each once, with what the last change that has it says; the sequence last. */
static void put_fields(const struct qtl_redis_batch *batch, const struct customer *customer,
                       struct qtl_redis_command *command)
{
    const size_t counter = command->count;
    const size_t first = counter + 1;
    qtl_redis_command_add_word(command, ""); /* their number, below */
    for (uint32_t i = customer->last; i != NONE; i = batch->changes[i].previous_of_customer) {
        const struct qtl_transition_fields *const fields = &batch->changes[i].fields;
        put_field(command, first, "segment:", fields->segment, fields->to);
        for (uint32_t pair = 0; pair < fields->pair_count; pair++) {
            put_field(command, first, "metric:", fields->pairs[pair].name,
                      fields->pairs[pair].value);
        }
    }
    const struct qtl_transition_fields *const last = &batch->changes[customer->last].fields;
    qtl_redis_command_add_word(command, "at");
    qtl_redis_command_add(command, last->at);
    qtl_redis_command_add_word(command, "sequence");
    qtl_redis_command_add_number(command, last->sequence);
    const struct qtl_text count =
        qtl_redis_command_digits(&command->arena, (int64_t)(command->count - first));
    command->arguments[counter] = count.bytes;
    command->lengths[counter] = count.length;
}

static void put_customer(struct qtl_redis_batch *batch, const struct customer *customer,
                         struct qtl_redis_command *command)
{
    qtl_redis_command_add(command, customer->id);
    if (customer->is_erased) {
        qtl_redis_command_add_word(command, "!");
        qtl_redis_command_add_word(command, "1");
        qtl_redis_command_add_number(command, batch->changes[customer->last].fields.sequence);
        return;
    }
    qtl_redis_command_add(command, moves_of(batch, customer));
    put_fields(batch, customer, command);
}

static void put_changes(const struct qtl_redis_batch *batch, struct qtl_redis_command *command)
{
    const bool wanted = batch->settings.stream_max > 0 || batch->settings.publish;
    qtl_redis_command_add_number(command, wanted ? (int64_t)batch->change_count : 0);
    for (size_t i = 0; wanted && i < batch->change_count; i++) {
        const struct change *const change = &batch->changes[i];
        if (batch->is_checked) {
            qtl_redis_command_add_number(command, (int64_t)change->customer + 1);
            qtl_redis_command_add_number(command, change->fields.sequence);
        }
        qtl_redis_command_add(command, change->document);
    }
}

/* What identifies the last change taken: offset, blank, id. */
static void put_last(const struct qtl_redis_batch *batch, struct qtl_redis_command *command)
{
    if (batch->change_count == 0) {
        qtl_redis_command_add_word(command, "");
        return;
    }
    struct qtl_text offset = qtl_redis_command_digits(&command->arena, batch->last_offset);
    offset = qtl_redis_command_join(&command->arena, offset, qtl_text_of(" "));
    qtl_redis_command_add(
        command, qtl_redis_command_join(&command->arena, offset,
                                        batch->changes[batch->change_count - 1].fields.id));
}

void qtl_redis_batch_put(struct qtl_redis_batch *batch, struct qtl_redis_command *command)
{
    qtl_redis_command_add_word(command, batch->settings.prefix);
    qtl_redis_command_add_word(command, "apply");
    qtl_redis_command_add_number(command, batch->partition);
    qtl_redis_command_add_number(command, batch->from);
    qtl_redis_command_add_number(command, batch->next_offset);
    put_last(batch, command);
    qtl_redis_command_add_number(command, batch->settings.stream_max);
    qtl_redis_command_add_word(command, batch->settings.publish ? "1" : "0");
    qtl_redis_command_add_word(command, batch->is_checked ? "1" : "0");
    qtl_redis_command_add_number(command, (int64_t)batch->set_count);
    for (size_t i = 0; i < batch->set_count; i++) {
        qtl_redis_command_add(command, batch->sets[i]);
    }
    qtl_redis_command_add_number(command, (int64_t)batch->customer_count);
    for (size_t i = 0; i < batch->customer_count; i++) {
        put_customer(batch, &batch->customers[i], command);
    }
    put_changes(batch, command);
}
