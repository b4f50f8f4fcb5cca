/*
 * See load.h. Time runs so that a customer's rate is the same before and during the measurement:
 * with 15 events in 300 days, ten million customers make 5.8 events a second, and a measurement of
 * 20 million events is 40 days of the shop's life, with all the windows that end in them.
 */
#include "bench/load.h"

#include "bench/machine.h"
#include "consumer/random.h"
#include "scoring/base/assert.h"
#include "scoring/base/hash.h"
#include "scoring/slice.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 16, FILL_DAYS = 300 };

struct texts {
    char customer[TEXT_BYTES];
    char id[TEXT_BYTES];
};

struct qtl_load {
    struct qtl_load_settings settings;
    struct qtl_slice *slice;
    struct qtl_outcome outcome;
    struct qtl_random random;
    struct qtl_event *events; /* of one epoch */
    struct texts *texts;
    struct qtl_event **lists[QTL_STREAMS];
    size_t counts[QTL_STREAMS];
    uint64_t sequence; /* of the next event, from the very first */
    uint64_t total;    /* events of the filling */
    uint64_t stride;   /* coprime to the number of customers: their order */
    uint8_t email_open;
    uint8_t page_view;
    uint8_t cart_add;
};

static uint8_t kind_of(const struct qtl_rules *rules, const char *name)
{
    const int kind = qtl_rules_kind(rules, (struct qtl_text){name, (uint32_t)strlen(name)});
    QTL_ASSERT(kind >= 0);
    return (uint8_t)kind;
}

static uint64_t divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        const uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

struct qtl_load *qtl_load_new(const struct qtl_load_settings *settings)
{
    QTL_ASSERT(settings->customers > 0 && settings->epoch_records > 0);
    struct qtl_load *const load = calloc(1, sizeof(*load));
    QTL_ASSERT(load != NULL);
    load->settings = *settings;
    const struct qtl_slice_settings slice = {.rules = settings->rules, .duplicate_horizon_s = 600};
    load->slice = qtl_slice_new(&slice);
    load->random = qtl_random_seed(7, 7);
    load->events = calloc(settings->epoch_records, sizeof(*load->events));
    load->texts = calloc(settings->epoch_records, sizeof(*load->texts));
    QTL_ASSERT(load->events != NULL && load->texts != NULL);
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        load->lists[stream] = calloc(settings->epoch_records, sizeof(struct qtl_event *));
        QTL_ASSERT(load->lists[stream] != NULL);
    }
    load->total = (uint64_t)settings->customers * (settings->orders + settings->engagement);
    load->stride = 2654435761U % settings->customers + 1;
    while (divisor(load->stride, settings->customers) != 1) {
        load->stride++;
    }
    load->email_open = kind_of(settings->rules, "email_open");
    load->page_view = kind_of(settings->rules, "page_view");
    load->cart_add = kind_of(settings->rules, "cart_add");
    return load;
}

void qtl_load_free(struct qtl_load *load)
{
    if (load == NULL) {
        return;
    }
    qtl_slice_free(load->slice);
    qtl_outcome_fini(&load->outcome);
    free(load->events);
    free(load->texts);
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        free(load->lists[stream]);
    }
    free(load);
}

/* ---- events ------------------------------------------------------------------------------------
 */

static struct qtl_text write_text(char *text, char first, uint64_t number)
{
    char digits[TEXT_BYTES];
    uint32_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    uint32_t length = 0;
    text[length++] = first;
    while (count > 0) {
        text[length++] = digits[--count];
    }
    return (struct qtl_text){text, length};
}

static int64_t second_of(const struct qtl_load *load, uint64_t sequence)
{
    const uint64_t total = load->total == 0 ? load->settings.customers * 15ULL : load->total;
    const double share = (double)sequence / (double)total;
    return INT64_C(1735689600) + (int64_t)(share * (double)(FILL_DAYS * 86400));
}

static void add_event(struct qtl_load *load, size_t place, uint64_t customer, bool is_order)
{
    struct qtl_event *const event = &load->events[place];
    struct texts *const texts = &load->texts[place];
    const uint64_t sequence = load->sequence++;
    const int64_t second = second_of(load, sequence);
    *event = (struct qtl_event){.customer_id = write_text(texts->customer, 'c', customer),
                                .occurred_at = second,
                                .stamp = second,
                                .placed_at = QTL_TIME_ABSENT};
    if (is_order) {
        event->stream = QTL_STREAM_ORDERS;
        event->order_id = write_text(texts->id, 'o', sequence);
        event->amount_e4 = (int64_t)(20 + qtl_random_below(&load->random, 200)) * QTL_E4;
        event->items_e4 = QTL_E4;
    } else {
        const uint32_t dice = qtl_random_below(&load->random, 10);
        event->stream = QTL_STREAM_ENGAGEMENT;
        event->kind = dice < 5 ? load->email_open : dice < 8 ? load->page_view : load->cart_add;
        if (load->settings.has_ids) {
            event->event_id = write_text(texts->id, 'e', sequence);
        }
    }
    qtl_event_seal(event);
    load->lists[event->stream][load->counts[event->stream]++] = event;
}

static void apply(struct qtl_load *load, uint32_t deadlines_max, struct qtl_load_result *result)
{
    const int64_t clock = second_of(load, load->sequence);
    struct qtl_slice_input input = {
        .wall = INT64_MAX, .clock = clock, .deadlines_max = deadlines_max, .has_read = true};
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        input.events[stream] = load->lists[stream];
        input.counts[stream] = load->counts[stream];
        load->counts[stream] = 0;
    }
    qtl_outcome_reset(&load->outcome);
    const uint64_t start_ns = qtl_machine_now_ns();
    const uint64_t start_cpu_ns = qtl_machine_cpu_ns();
    qtl_slice_apply(load->slice, &input, &load->outcome);
    result->cpu_ns += qtl_machine_cpu_ns() - start_cpu_ns;
    result->elapsed_ns += qtl_machine_now_ns() - start_ns;
    result->events += load->outcome.records;
    result->transitions += load->outcome.transition_count;
    result->deadlines += load->outcome.deadlines;
}

/* Orders evenly among the engagement. */
static bool is_order_round(const struct qtl_load_settings *settings, uint32_t round)
{
    const uint32_t each = settings->orders + settings->engagement;
    return (uint64_t)(round + 1) * settings->orders / each >
           (uint64_t)round * settings->orders / each;
}

/* Customers come in as many cohorts as there are rounds, one after another, so that at any time
 * histories of all lengths stand side by side, as in a shop that grows. */
struct qtl_load_result qtl_load_fill(struct qtl_load *load)
{
    const uint32_t customers = load->settings.customers;
    const uint32_t each = load->settings.orders + load->settings.engagement;
    struct qtl_load_result result = {0};
    size_t place = 0;
    for (uint32_t tick = 0; tick < 2 * each; tick++) {
        for (uint32_t i = 0; i < customers; i++) {
            const uint32_t customer = (uint32_t)(i * load->stride % customers);
            const uint32_t round = tick - customer % each; /* huge where it has not begun */
            if (round >= each) {
                continue;
            }
            add_event(load, place++, customer, is_order_round(&load->settings, round));
            if (place == load->settings.epoch_records) {
                apply(load, UINT32_MAX, &result);
                place = 0;
            }
        }
    }
    apply(load, UINT32_MAX, &result);
    result.seconds = (uint64_t)(second_of(load, load->sequence) - second_of(load, 0));
    return result;
}

struct qtl_load_result qtl_load_measure(struct qtl_load *load, uint64_t events)
{
    struct qtl_load_result result = {0};
    const int64_t start = second_of(load, load->sequence);
    while (result.events < events) {
        for (size_t place = 0; place < load->settings.epoch_records; place++) {
            add_event(load, place, qtl_random_below(&load->random, load->settings.customers),
                      qtl_random_below(&load->random, 3) == 0);
        }
        apply(load, QTL_DEADLINES_MAX, &result);
    }
    result.seconds = (uint64_t)(second_of(load, load->sequence) - start);
    return result;
}

uint64_t qtl_load_slice_bytes(const struct qtl_load *load)
{
    return qtl_slice_bytes(load->slice);
}
