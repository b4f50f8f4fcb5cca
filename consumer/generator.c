/*
 * Everything is a happening on one agenda; handling one tells at most one event and puts what
 * follows from it on the agenda. So events come out in time order with memory for the customers and
 * what waits for them, however long the shop lives. (Rejected: customer by customer and a sort at
 * the end, which needs all events at once and cannot go on for ever.)
 *
 * Buying (Schmittlein, Morrison and Colombo 1987; parameters by Fader and Hardie for CDNOW, in
 * weeks): a customer buys at join, then at the rate lambda ~ Gamma(r, alpha) until gone, which is
 * after an exponential time of rate mu ~ Gamma(s, beta). Amounts (Fader, Hardie and Lee 2005):
 * z ~ Gamma(p, nu), nu ~ Gamma(q, gamma). The rest, rates and shares in the table below, is
 * invented to look like a shop.
 *
 * Each customer draws from a stream of random numbers of its own, so that what one does is the same
 * whoever else there is.
 */
#include "consumer/generator.h"

#include "consumer/agenda.h"
#include "consumer/random.h"
#include "scoring/base/assert.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CDNOW_R 0.55
#define CDNOW_ALPHA 10.58
#define CDNOW_S 0.61
#define CDNOW_BETA 11.67
#define CDNOW_P 6.25
#define CDNOW_Q 3.74
#define CDNOW_GAMMA 15.44

#define MINUTE_S INT64_C(60)
#define HOUR_S INT64_C(3600)
#define DAY_S INT64_C(86400)
#define WEEK_S INT64_C(604800)
#define NEVER INT64_MAX
#define CAMPAIGN_S (5 * DAY_S + 10 * HOUR_S) /* a Tuesday, 10:00 */
#define AMOUNT_CENTS_MAX 100000000.0

/* Shares and rates that are nobody's measurement. */
#define SHARE_SIGN_UP 0.6
#define SHARE_MAILED 0.5 /* of the customers, each campaign */
#define SHARE_OPENED 0.35
#define SHARE_OPENED_GONE 0.07
#define SHARE_CLICKED 0.2
#define SHARE_SEARCHED 0.3
#define SHARE_CART_LEFT 0.35 /* visits without an order that fill a cart */
#define SHARE_CART_EMPTIED 0.2
#define SHARE_CHECKOUT_LEFT 0.2
#define SHARE_CANCELLED 0.03
#define SHARE_AMENDED 0.02
#define SHARE_RETURNED 0.05
#define SHARE_DISCOUNTED 0.2
#define SHARE_REVIEWED 0.06
#define SHARE_TICKET 0.02
#define VISITS_PER_ORDER 2.5
#define VISITS_PER_WEEK 0.03

enum happening {
    JOIN,
    FIRST_VISIT,
    BUYING_VISIT, /* ends in an order */
    VISIT,        /* does not */
    VIEW,
    SEARCH,
    CART,
    CART_EMPTIED,
    CHECKOUT,
    ORDER,
    CANCEL,
    AMEND,
    RETURN,
    COUPON,
    REVIEW,
    TICKET,
    MAIL,
    OPEN,
    CLICK,
};

enum kind {
#define QTL_KIND(name) KIND_##name,
#include "schemas/kinds.def"
#undef QTL_KIND
};

struct shopper {
    struct qtl_random random;
    double orders_per_week; /* lambda */
    double amount_rate;     /* nu */
    int64_t gone_at;
    uint32_t orders;
};

struct qtl_generator {
    struct qtl_generator_settings settings;
    struct qtl_random joins;
    struct qtl_agenda agenda;
    struct shopper *shoppers; /* owned; those who joined */
    size_t capacity;
    uint32_t joined;
    uint64_t events;
    char customer_id[16];
    char order_id[32];
    char event_id[24];
};

/* `weeks` after `from`; NEVER where that is beyond anybody's life. */
static int64_t after_weeks(int64_t from, double weeks)
{
    return weeks < 5200.0 ? from + (int64_t)(weeks * (double)WEEK_S) : NEVER;
}

static int64_t after_seconds(struct qtl_random *random, int64_t from, int64_t least, int64_t most)
{
    return from + least + qtl_random_below(random, (uint32_t)(most - least) + 1);
}

/* Puts `what` on the agenda as a consequence of `cause`: same customer, same order. */
static void plan(struct qtl_generator *generator, const struct qtl_happening *cause,
                 enum happening what, int64_t at)
{
    if (at == NEVER) {
        return;
    }
    QTL_ASSERT(at >= cause->at);
    struct qtl_happening happening = *cause;
    happening.what = (uint32_t)what;
    happening.at = at;
    qtl_agenda_push(&generator->agenda, happening);
}

/* Spread evenly in a random way: the next of k even points in (t, end) is the least of k. */
static int64_t next_join(struct qtl_generator *generator, int64_t now)
{
    const struct qtl_generator_settings *const settings = &generator->settings;
    const double span = (double)(settings->end - settings->start);
    const double uniform = qtl_random_uniform(&generator->joins);
    if (generator->joined < settings->customers) {
        const double left = (double)(settings->customers - generator->joined);
        return now + (int64_t)((double)(settings->end - now) * (1.0 - pow(uniform, 1.0 / left)));
    }
    const double pace = settings->customers / span;
    return settings->endless ? now + (int64_t)(-log(uniform) / pace) : NEVER;
}

static void plan_join(struct qtl_generator *generator, int64_t now)
{
    const struct qtl_happening join = {.at = now, .customer = generator->joined};
    plan(generator, &join, JOIN, next_join(generator, now));
}

static struct shopper *new_shopper(struct qtl_generator *generator)
{
    if (generator->joined == generator->capacity) {
        generator->capacity = generator->capacity == 0 ? 1024 : generator->capacity * 2;
        struct shopper *const shoppers =
            realloc(generator->shoppers, generator->capacity * sizeof(*generator->shoppers));
        QTL_ASSERT(shoppers != NULL);
        generator->shoppers = shoppers;
    }
    struct shopper *const shopper = &generator->shoppers[generator->joined];
    *shopper =
        (struct shopper){.random = qtl_random_seed(generator->settings.seed, generator->joined)};
    shopper->orders_per_week = qtl_random_gamma(&shopper->random, CDNOW_R, CDNOW_ALPHA);
    shopper->amount_rate = qtl_random_gamma(&shopper->random, CDNOW_Q, CDNOW_GAMMA);
    generator->joined++;
    return shopper;
}

static int64_t draw_amount_e4(struct shopper *shopper)
{
    const double cents =
        100.0 * qtl_random_gamma(&shopper->random, CDNOW_P, 1.0) / shopper->amount_rate;
    return 100 * (int64_t)fmin(fmax(floor(cents + 0.5), 1.0), AMOUNT_CENTS_MAX);
}

static int64_t share_of(int64_t amount_e4, double share)
{
    return (int64_t)((double)amount_e4 * share) / 100 * 100;
}

/* The next campaign's mail after `now`; mails of one campaign go out within two hours. */
static int64_t next_mail(struct qtl_random *random, int64_t now)
{
    const int64_t since = now - CAMPAIGN_S;
    const int64_t week = (since >= 0 ? since : since - WEEK_S + 1) / WEEK_S + 1;
    return CAMPAIGN_S + week * WEEK_S + qtl_random_below(random, 2 * HOUR_S);
}

static void plan_visit(struct qtl_generator *generator, const struct qtl_happening *cause,
                       struct shopper *shopper)
{
    const double rate = VISITS_PER_WEEK + VISITS_PER_ORDER * shopper->orders_per_week;
    const int64_t at = after_weeks(cause->at, qtl_random_exponential(&shopper->random, rate));
    if (at < shopper->gone_at) {
        plan(generator, cause, VISIT, at);
    }
}

/* From joining on the customer is there: `gone_at` counts from the first order. */
static bool join(struct qtl_generator *generator, const struct qtl_happening *happening,
                 struct qtl_event *event)
{
    struct shopper *const shopper = new_shopper(generator);
    struct qtl_random *const random = &shopper->random;
    const int64_t first_order = after_seconds(random, happening->at, 5 * MINUTE_S, 30 * MINUTE_S);
    const double leaving = qtl_random_gamma(random, CDNOW_S, CDNOW_BETA);
    shopper->gone_at = after_weeks(first_order, -log(qtl_random_uniform(random)) / leaving);
    plan(generator, happening, FIRST_VISIT, happening->at);
    plan(generator, happening, ORDER, first_order);
    plan(generator, happening, MAIL, next_mail(random, first_order));
    plan_visit(generator, happening, shopper);
    plan_join(generator, happening->at);
    event->kind = KIND_sign_up;
    return qtl_random_chance(random, SHARE_SIGN_UP);
}

/* What leads up to an order: pages, a cart, the checkout, all before `order_at`. */
static void browse_and_fill(struct qtl_generator *generator, const struct qtl_happening *visit,
                            struct shopper *shopper, int64_t order_at)
{
    const int64_t span = order_at - visit->at;
    const uint32_t pages = 1 + qtl_random_below(&shopper->random, 4);
    for (uint32_t page = 0; page < pages; page++) {
        plan(generator, visit, VIEW, visit->at + span * page / (2 * (int64_t)pages));
    }
    plan(generator, visit, CART, visit->at + span / 2);
    plan(generator, visit, CHECKOUT, visit->at + span * 3 / 4);
}

static void first_visit(struct qtl_generator *generator, const struct qtl_happening *happening,
                        struct shopper *shopper)
{
    /* join() left 5 to 30 minutes before the first order; the visit fits into the least. */
    browse_and_fill(generator, happening, shopper, happening->at + 5 * MINUTE_S);
}

static void buying_visit(struct qtl_generator *generator, const struct qtl_happening *happening,
                         struct shopper *shopper)
{
    browse_and_fill(generator, happening, shopper, happening->placed_at);
    plan(generator, happening, ORDER, happening->placed_at);
}

static void visit(struct qtl_generator *generator, const struct qtl_happening *happening,
                  struct shopper *shopper)
{
    struct qtl_random *const random = &shopper->random;
    const uint32_t pages = 1 + qtl_random_below(random, 6);
    int64_t at = happening->at;
    for (uint32_t page = 0; page < pages; page++) {
        plan(generator, happening, VIEW, at);
        at = after_seconds(random, at, 5, 3 * MINUTE_S);
    }
    if (qtl_random_chance(random, SHARE_SEARCHED)) {
        plan(generator, happening, SEARCH, happening->at);
    }
    if (qtl_random_chance(random, SHARE_CART_LEFT)) {
        plan(generator, happening, CART, at);
        if (qtl_random_chance(random, SHARE_CART_EMPTIED)) {
            plan(generator, happening, CART_EMPTIED, after_seconds(random, at, 10, 2 * HOUR_S));
        } else if (qtl_random_chance(random, SHARE_CHECKOUT_LEFT)) {
            plan(generator, happening, CHECKOUT, after_seconds(random, at, 10, 5 * MINUTE_S));
        }
    }
    plan_visit(generator, happening, shopper);
}

/* The next order of the buying process, with the visit that leads up to it. */
static void plan_next_order(struct qtl_generator *generator, const struct qtl_happening *order,
                            struct shopper *shopper)
{
    const double weeks = qtl_random_exponential(&shopper->random, shopper->orders_per_week);
    const int64_t at = after_weeks(order->at, weeks);
    if (at >= shopper->gone_at || at == NEVER) {
        return;
    }
    const int64_t lead = after_seconds(&shopper->random, 0, 3 * MINUTE_S, 40 * MINUTE_S);
    struct qtl_happening next = *order;
    next.placed_at = at;
    plan(generator, &next, BUYING_VISIT, at - lead > order->at ? at - lead : order->at);
}

/* At most one of cancelled, amended and returned follows an order; a review or a question may too.
 */
static void plan_aftermath(struct qtl_generator *generator, const struct qtl_happening *order,
                           struct qtl_random *random)
{
    const double fate = qtl_random_uniform(random);
    if (fate < SHARE_CANCELLED) {
        plan(generator, order, CANCEL, after_seconds(random, order->at, MINUTE_S, DAY_S));
    } else if (fate < SHARE_CANCELLED + SHARE_AMENDED) {
        plan(generator, order, AMEND, after_seconds(random, order->at, MINUTE_S, DAY_S));
    } else if (fate < SHARE_CANCELLED + SHARE_AMENDED + SHARE_RETURNED) {
        plan(generator, order, RETURN, after_seconds(random, order->at, 3 * DAY_S, 30 * DAY_S));
    }
    if (qtl_random_chance(random, SHARE_REVIEWED)) {
        plan(generator, order, REVIEW, after_seconds(random, order->at, 2 * DAY_S, 14 * DAY_S));
    }
    if (qtl_random_chance(random, SHARE_TICKET)) {
        plan(generator, order, TICKET, after_seconds(random, order->at, HOUR_S, 10 * DAY_S));
    }
}

static void tell_basket(struct qtl_event *event, struct qtl_random *random, int64_t amount_e4)
{
    event->amount_e4 = amount_e4;
    event->margin_e4 = share_of(amount_e4, 0.15 + 0.3 * qtl_random_uniform(random));
    event->items_e4 = QTL_E4;
    while (event->items_e4 < INT64_C(50) * QTL_E4 && qtl_random_chance(random, 0.45)) {
        event->items_e4 += QTL_E4;
    }
}

static bool order(struct qtl_generator *generator, const struct qtl_happening *happening,
                  struct qtl_event *event, struct shopper *shopper)
{
    struct qtl_happening placed = *happening;
    placed.order = ++shopper->orders;
    placed.placed_at = happening->at;
    placed.amount_e4 = draw_amount_e4(shopper);
    event->stream = QTL_STREAM_ORDERS;
    event->kind = QTL_ORDER_PLACED;
    tell_basket(event, &shopper->random, placed.amount_e4);
    if (qtl_random_chance(&shopper->random, SHARE_DISCOUNTED)) {
        event->discount_e4 = share_of(placed.amount_e4, 0.1);
        plan(generator, &placed, COUPON, happening->at);
    }
    plan_aftermath(generator, &placed, &shopper->random);
    plan_next_order(generator, &placed, shopper);
    return true;
}

/* Cancelled, amended or returned: a record about an order placed before. */
static bool change_order(const struct qtl_happening *happening, struct qtl_event *event,
                         struct qtl_random *random, enum qtl_order_kind kind)
{
    event->stream = QTL_STREAM_ORDERS;
    event->kind = (uint8_t)kind;
    event->placed_at = happening->placed_at;
    if (kind == QTL_ORDER_AMENDED) {
        tell_basket(event, random,
                    share_of(happening->amount_e4, 0.5 + qtl_random_uniform(random)) + 100);
    } else if (kind == QTL_ORDER_RETURNED) {
        const bool all = qtl_random_chance(random, 0.6);
        event->amount_e4 = all ? happening->amount_e4 : share_of(happening->amount_e4, 0.5) + 100;
    }
    return true;
}

static bool mail(struct qtl_generator *generator, const struct qtl_happening *happening,
                 struct qtl_event *event, struct shopper *shopper)
{
    struct qtl_random *const random = &shopper->random;
    plan(generator, happening, MAIL, next_mail(random, happening->at + 3 * HOUR_S));
    if (!qtl_random_chance(random, SHARE_MAILED)) {
        return false;
    }
    const bool there = happening->at < shopper->gone_at;
    if (qtl_random_chance(random, there ? SHARE_OPENED : SHARE_OPENED_GONE)) {
        const double delay_s = qtl_random_exponential(random, 1.0 / (double)(5 * HOUR_S));
        plan(generator, happening, OPEN, happening->at + 20 + (int64_t)delay_s);
    }
    event->kind = KIND_email_sent;
    return true;
}

static bool open_mail(struct qtl_generator *generator, const struct qtl_happening *happening,
                      struct qtl_event *event, struct qtl_random *random)
{
    if (qtl_random_chance(random, SHARE_CLICKED)) {
        plan(generator, happening, CLICK, after_seconds(random, happening->at, 3, 2 * MINUTE_S));
    }
    event->kind = KIND_email_open;
    return true;
}

static bool tell(struct qtl_event *event, enum kind kind)
{
    event->kind = (uint8_t)kind;
    return true;
}

static bool fill_cart(struct qtl_event *event, struct shopper *shopper)
{
    event->amount_e4 = draw_amount_e4(shopper);
    return tell(event, KIND_cart_add);
}

static bool click(struct qtl_generator *generator, const struct qtl_happening *happening,
                  struct qtl_event *event, struct qtl_random *random)
{
    plan(generator, happening, VIEW, after_seconds(random, happening->at, 1, 5));
    return tell(event, KIND_email_click);
}

/* Whether it tells an event; the switch is flat, so it may be long. */
static bool happen(struct qtl_generator *generator, const struct qtl_happening *happening,
                   struct qtl_event *event)
{
    if (happening->what == JOIN) {
        return join(generator, happening, event);
    }
    QTL_ASSERT(happening->customer < generator->joined);
    struct shopper *const shopper = &generator->shoppers[happening->customer];
    switch ((enum happening)happening->what) {
    case JOIN:
        return false;
    case FIRST_VISIT:
        first_visit(generator, happening, shopper);
        return false;
    case BUYING_VISIT:
        buying_visit(generator, happening, shopper);
        return false;
    case VISIT:
        visit(generator, happening, shopper);
        return false;
    case VIEW:
        return tell(event, KIND_page_view);
    case SEARCH:
        return tell(event, KIND_search);
    case CART:
        return fill_cart(event, shopper);
    case CART_EMPTIED:
        return tell(event, KIND_cart_remove);
    case CHECKOUT:
        return tell(event, KIND_checkout_start);
    case ORDER:
        return order(generator, happening, event, shopper);
    case CANCEL:
        return change_order(happening, event, &shopper->random, QTL_ORDER_CANCELLED);
    case AMEND:
        return change_order(happening, event, &shopper->random, QTL_ORDER_AMENDED);
    case RETURN:
        return change_order(happening, event, &shopper->random, QTL_ORDER_RETURNED);
    case COUPON:
        return tell(event, KIND_coupon_redeemed);
    case REVIEW:
        return tell(event, KIND_review);
    case TICKET:
        return tell(event, KIND_support_ticket);
    case MAIL:
        return mail(generator, happening, event, shopper);
    case OPEN:
        return open_mail(generator, happening, event, &shopper->random);
    case CLICK:
        return click(generator, happening, event, &shopper->random);
    }
    QTL_UNREACHABLE("every happening has a case");
}

/* The ids of an event that was told. */
static void name(struct qtl_generator *generator, const struct qtl_happening *happening,
                 struct qtl_event *event)
{
    const uint32_t customer = happening->customer + 1;
    const int id_length =
        snprintf(generator->customer_id, sizeof(generator->customer_id), "c%u", customer);
    event->customer_id = (struct qtl_text){generator->customer_id, (uint32_t)id_length};
    generator->events++;
    const int event_length = snprintf(generator->event_id, sizeof(generator->event_id), "e%llu",
                                      (unsigned long long)generator->events);
    event->event_id = (struct qtl_text){generator->event_id, (uint32_t)event_length};
    if (event->stream == QTL_STREAM_ORDERS) {
        /* A placed order got its number while it happened. */
        const uint32_t number = event->kind == QTL_ORDER_PLACED
                                    ? generator->shoppers[happening->customer].orders
                                    : happening->order;
        const int length =
            snprintf(generator->order_id, sizeof(generator->order_id), "o%u-%u", customer, number);
        event->order_id = (struct qtl_text){generator->order_id, (uint32_t)length};
    }
}

struct qtl_generator *qtl_generator_new(const struct qtl_generator_settings *settings)
{
    QTL_ASSERT(settings->customers > 0);
    QTL_ASSERT(settings->end > settings->start);
    struct qtl_generator *const generator = calloc(1, sizeof(*generator));
    QTL_ASSERT(generator != NULL);
    generator->settings = *settings;
    generator->joins = qtl_random_seed(settings->seed, UINT64_MAX);
    plan_join(generator, settings->start);
    return generator;
}

void qtl_generator_free(struct qtl_generator *generator)
{
    if (generator == NULL) {
        return;
    }
    qtl_agenda_fini(&generator->agenda);
    free(generator->shoppers);
    free(generator);
}

bool qtl_generator_next(struct qtl_generator *generator, struct qtl_event *event)
{
    for (;;) {
        const struct qtl_happening *const first = qtl_agenda_first(&generator->agenda);
        if (first == NULL ||
            (first->at >= generator->settings.end && !generator->settings.endless)) {
            return false;
        }
        const struct qtl_happening happening = qtl_agenda_pop(&generator->agenda);
        *event = (struct qtl_event){
            .occurred_at = happening.at,
            .placed_at = QTL_TIME_ABSENT,
            .stream = QTL_STREAM_ENGAGEMENT,
        };
        if (happen(generator, &happening, event)) {
            name(generator, &happening, event);
            return true;
        }
    }
}

uint32_t qtl_generator_customers(const struct qtl_generator *generator)
{
    return generator->joined;
}
