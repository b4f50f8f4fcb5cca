/*
 * See kafka_statistics.h. A tree and not a stream of tokens: it is read twice a second.
 */
#include "consumer/kafka_statistics.h"

#include "schemas/assert.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_tree.h>

#define SILENT_US INT64_C(1000000)

struct qtl_kafka_statistics {
    yajl_val root;
};

struct qtl_kafka_statistics *qtl_kafka_statistics_parse(const char *json)
{
    char words[128];
    struct qtl_kafka_statistics *const statistics = calloc(1, sizeof(*statistics));
    QTL_ASSERT(statistics != NULL);
    statistics->root = yajl_tree_parse(json, words, sizeof(words));
    if (statistics->root == NULL) {
        free(statistics);
        return NULL;
    }
    return statistics;
}

void qtl_kafka_statistics_free(struct qtl_kafka_statistics *statistics)
{
    if (statistics != NULL) {
        yajl_tree_free(statistics->root);
        free(statistics);
    }
}

static int64_t integer_of(yajl_val object, const char *name, int64_t otherwise)
{
    const char *path[] = {name, NULL};
    yajl_val value = object != NULL ? yajl_tree_get(object, path, yajl_t_number) : NULL;
    return YAJL_IS_INTEGER(value) ? value->u.number.i : otherwise;
}

static bool is_silent(yajl_val root, int64_t leader)
{
    const char *brokers_path[] = {"brokers", NULL};
    const char *state_path[] = {"state", NULL};
    yajl_val brokers = yajl_tree_get(root, brokers_path, yajl_t_object);
    for (size_t i = 0; brokers != NULL && i < brokers->u.object.len; i++) {
        yajl_val broker = brokers->u.object.values[i];
        if (!YAJL_IS_OBJECT(broker) || integer_of(broker, "nodeid", -1) != leader) {
            continue;
        }
        yajl_val state = yajl_tree_get(broker, state_path, yajl_t_string);
        const bool is_up = state != NULL && strcmp(state->u.string, "UP") == 0;
        return !is_up || integer_of(broker, "rxidle", 0) > SILENT_US;
    }
    return true;
}

bool qtl_kafka_statistics_find(const struct qtl_kafka_statistics *statistics, const char *topic,
                               int32_t partition, struct qtl_kafka_partition_statistics *found)
{
    char number[16];
    snprintf(number, sizeof(number), "%" PRId32, partition);
    const char *path[] = {"topics", topic, "partitions", number, NULL};
    yajl_val row = yajl_tree_get(statistics->root, path, yajl_t_object);
    if (row == NULL) {
        return false;
    }
    *found = (struct qtl_kafka_partition_statistics){
        .is_silent = is_silent(statistics->root, integer_of(row, "leader", -1)),
        .high = integer_of(row, "hi_offset", -1),
        .stable = integer_of(row, "ls_offset", -1),
    };
    return true;
}
