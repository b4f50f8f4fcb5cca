/*
 * One partition as it is read from Kafka: its queue, where reading goes on, whether its end was
 * seen, and what the statistics say of it. Belongs to a reader (consumer/kafka_reader.h).
 *
 * Threads: the reader's.
 */
#ifndef QTL_CONSUMER_KAFKA_INPUT_H
#define QTL_CONSUMER_KAFKA_INPUT_H

#include "consumer/kafka_statistics.h"
#include "schemas/log.h"

struct rd_kafka_s;
struct rd_kafka_queue_s;
struct rd_kafka_message_s;
struct rd_kafka_topic_s;

struct qtl_kafka_input {
    struct rd_kafka_queue_s *queue; /* NULL: not being read */
    struct rd_kafka_topic_s *topic; /* borrowed from the reader, while it is read */
    const char *name;               /* the topic's; borrowed */
    int64_t next_offset;            /* what is below it is dropped */
    int64_t stable;                 /* the last stable offset of the last statistics */
    int64_t open_since_ms;          /* a transaction has been open there since; 0: none */
    int32_t partition;
    bool has_ended;   /* _PARTITION_EOF, and nothing since */
    bool was_silent;  /* its broker was, in the statistics before the last */
    bool is_silent;   /* or in the last */
    bool is_given_up; /* the transaction was open for too long: the clock waits no more */
    bool has_failed;  /* `failed` comes with the next read: records came before it */
    struct qtl_error failed;
};

/* Starts, or starts anew, at `offset`. `event_fd` becomes readable where something comes. */
QTL_CHECKED enum qtl_status qtl_kafka_input_start(struct qtl_kafka_input *input,
                                                  struct rd_kafka_s *client,
                                                  struct rd_kafka_topic_s *topic, int64_t offset,
                                                  int event_fd, struct qtl_error *error);
void qtl_kafka_input_stop(struct qtl_kafka_input *input);

/* Up to `max` messages that are there now, which belong to the caller. IO where the partition
 * cannot be read; EMPTY where nothing came. */
QTL_CHECKED enum qtl_status qtl_kafka_input_read(struct qtl_kafka_input *input, size_t max,
                                                 struct rd_kafka_message_s **messages,
                                                 size_t *count, struct qtl_error *error);

/* Takes in what new statistics say. */
void qtl_kafka_input_note(struct qtl_kafka_input *input,
                          const struct qtl_kafka_partition_statistics *statistics, int64_t now_ms);

/* Whether the clock has to wait for a transaction that somebody left open: for over a second, and
 * for at most `wait_s` more. */
bool qtl_kafka_input_holds_clock(struct qtl_kafka_input *input, int64_t wait_s, int64_t now_ms);

#endif
