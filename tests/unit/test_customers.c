/* The customer table: growth, tags that collide, ids of every length, a hundred thousand of them.
 */
#include "scoring/base/hash.h"
#include "scoring/base/pool.h"
#include "scoring/customers.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 100000, SEGMENTS = 5 };

struct table {
    struct qtl_pool *pool;
    struct qtl_customers *customers;
};

static struct table table_new(void)
{
    struct table table = {.pool = qtl_pool_new()};
    table.customers = qtl_customers_new(SEGMENTS, table.pool);
    return table;
}

static void table_free(struct table *table)
{
    qtl_customers_free(table->customers);
    qtl_pool_free(table->pool);
}

static struct qtl_text name_of(uint32_t number, char *buffer, size_t size)
{
    return (struct qtl_text){buffer, (uint32_t)snprintf(buffer, size, "customer-%u", number)};
}

/* Every asking ahead must be harmless, for those who are there and those who are not. */
static void prefetch(const struct qtl_customers *customers, uint64_t hash)
{
    qtl_customers_prefetch(customers, hash);
    const struct qtl_customer *const guess = qtl_customers_guess(customers, hash);
    if (guess != NULL) {
        qtl_customer_prefetch_record(guess);
        qtl_customer_prefetch_book(guess);
    }
}

static void a_new_customer_is_empty(const struct qtl_customer *customer, struct qtl_text id)
{
    assert_int_equal(customer->deadline, QTL_NEVER);
    assert_int_equal(customer->armed, QTL_NEVER);
    assert_int_equal(customer->clock, 0);
    assert_int_equal(customer->sequence, 0);
    qtl_book_check(customer->book);
    assert_int_equal(customer->book->series_count, 1);
    assert_int_equal(qtl_book_list(customer->book)->code, QTL_SERIES_ORDERS);
    assert_int_equal(qtl_book_list(customer->book)->count, 0);
    assert_int_equal(qtl_text_compare(qtl_customer_id(customer), id), 0);
}

static void a_hundred_thousand_are_found_again(void **state)
{
    (void)state;
    struct table table = table_new();
    char buffer[32];
    struct qtl_customer **const places = calloc(MANY, sizeof(*places));
    assert_non_null(places);
    for (uint32_t i = 0; i < MANY; i++) {
        const struct qtl_text id = name_of(i, buffer, sizeof(buffer));
        const uint64_t hash = qtl_hash(id.bytes, id.length, 0);
        prefetch(table.customers, hash);
        assert_null(qtl_customers_find(table.customers, id, hash));
        places[i] = qtl_customers_add(table.customers, id, hash);
        a_new_customer_is_empty(places[i], id);
        assert_int_equal(places[i]->number, i);
        /* Fill the record to its last byte: neighbours must not notice. */
        memset(places[i]->since, 0xff, SEGMENTS * sizeof(uint32_t));
        memset(qtl_customer_states(places[i], SEGMENTS), (int)(i % 128), SEGMENTS);
        assert_int_equal(qtl_text_compare(qtl_customer_id(places[i]), id), 0);
    }
    assert_int_equal(qtl_customers_count(table.customers), MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        const struct qtl_text id = name_of(i, buffer, sizeof(buffer));
        const uint64_t hash = qtl_hash(id.bytes, id.length, 0);
        prefetch(table.customers, hash);
        assert_ptr_equal(qtl_customers_find(table.customers, id, hash), places[i]);
        assert_ptr_equal(qtl_customers_at(table.customers, i), places[i]);
        const uint8_t *const states = qtl_customer_states(places[i], SEGMENTS);
        assert_int_equal(states[0], i % 128);
        assert_int_equal(states[SEGMENTS - 1], i % 128);
    }
    const struct qtl_text stranger = name_of(MANY, buffer, sizeof(buffer));
    assert_null(qtl_customers_find(table.customers, stranger,
                                   qtl_hash(stranger.bytes, stranger.length, 0)));
    assert_true(qtl_customers_bytes(table.customers) > MANY * sizeof(struct qtl_customer));
    free(places);
    table_free(&table);
}

/* Hashes chosen so that all want the same place: first the same tag, then the same hash. */
static void collisions_are_told_apart(void **state)
{
    (void)state;
    enum { COLLIDING = 3000 };
    struct table table = table_new();
    char buffer[32];
    for (uint32_t i = 0; i < COLLIDING; i++) {
        const uint64_t hash = i % 2 == 0 ? 0x77 : (uint64_t)i << 32 | 0x77;
        const struct qtl_text id = name_of(i, buffer, sizeof(buffer));
        assert_null(qtl_customers_find(table.customers, id, hash));
        qtl_customers_add(table.customers, id, hash);
    }
    for (uint32_t i = 0; i < COLLIDING; i++) {
        const uint64_t hash = i % 2 == 0 ? 0x77 : (uint64_t)i << 32 | 0x77;
        const struct qtl_text id = name_of(i, buffer, sizeof(buffer));
        prefetch(table.customers, hash);
        const struct qtl_customer *const found = qtl_customers_find(table.customers, id, hash);
        assert_non_null(found);
        assert_int_equal(found->number, i);
    }
    table_free(&table);
}

/* A place at the end of the index goes on at its start. */
static void probing_goes_round_the_end(void **state)
{
    (void)state;
    struct table table = table_new();
    char buffer[32];
    for (uint32_t i = 0; i < 300; i++) {
        const struct qtl_text id = name_of(i, buffer, sizeof(buffer));
        qtl_customers_add(table.customers, id, (uint64_t)i << 32 | UINT32_MAX);
    }
    for (uint32_t i = 0; i < 300; i++) {
        const struct qtl_text id = name_of(i, buffer, sizeof(buffer));
        assert_int_equal(
            qtl_customers_find(table.customers, id, (uint64_t)i << 32 | UINT32_MAX)->number, i);
    }
    table_free(&table);
}

static void ids_of_every_length(void **state)
{
    (void)state;
    struct table table = table_new();
    char id[255];
    memset(id, 'x', sizeof(id));
    for (uint32_t length = 1; length <= sizeof(id); length++) {
        qtl_customers_add(table.customers, (struct qtl_text){id, length}, 5);
    }
    for (uint32_t length = 1; length <= sizeof(id); length++) {
        const struct qtl_text text = {id, length};
        const struct qtl_customer *const found = qtl_customers_find(table.customers, text, 5);
        assert_non_null(found);
        assert_int_equal(qtl_text_compare(qtl_customer_id(found), text), 0);
        assert_true(qtl_customers_is(found, text, 5));
        assert_false(qtl_customers_is(found, text, 6));
        assert_false(qtl_customers_is(found, (struct qtl_text){id, length - 1}, 5));
    }
    table_free(&table);
    qtl_customers_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_thousand_are_found_again),
        cmocka_unit_test(collisions_are_told_apart),
        cmocka_unit_test(probing_goes_round_the_end),
        cmocka_unit_test(ids_of_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
