/*
 * See redis_connection.h. hiredis formats commands and parses replies; the socket is ours, and does
 * not block: hiredis's own waiting cannot be ended from outside, so a sink that has to stop would
 * hang for the time-out whenever Redis does. Every wait is one poll() over the socket and the stop
 * descriptor.
 *
 * Rejected: hiredis's connect (it waits likewise), its asynchronous interface (it wants an event
 * loop, and replies would come back as callbacks).
 *
 * Thread: the owner's. Looking up a host's name is libc's and waits as libc likes.
 */
#include "sinks/redis_connection.h"

#include "scoring/base/assert.h"
#include "sinks/redis_command.h"
#include "sinks/redis_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define HOST_BYTES_MAX 256
#define PORT_DEFAULT "6379"

struct qtl_redis_connection {
    redisContext *context;
    int64_t timeout_ms;
    int stop_fd;
    bool unsent; /* hiredis holds bytes that the socket has not taken */
};

struct place {
    char host[HOST_BYTES_MAX];
    char port[8];
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_path(const char *address)
{
    return address[0] == '/' || address[0] == '.';
}

static bool is_port(const char *text)
{
    const size_t length = strspn(text, "0123456789");
    return length > 0 && length <= 5 && text[length] == '\0' && strtol(text, NULL, 10) > 0 &&
           strtol(text, NULL, 10) <= 65535;
}

/* `host`, `host:port`, `[address]`, `[address]:port`. */
static bool split(const char *address, struct place *place)
{
    const bool is_bracketed = address[0] == '[';
    const char *const begin = is_bracketed ? address + 1 : address;
    const char *const end = is_bracketed ? strchr(begin, ']') : begin + strcspn(begin, ":");
    if (end == NULL || end == begin || (size_t)(end - begin) >= sizeof(place->host)) {
        return false;
    }
    memcpy(place->host, begin, (size_t)(end - begin));
    place->host[end - begin] = '\0';
    const char *const rest = is_bracketed ? end + 1 : end;
    const char *const port = rest[0] == '\0' ? PORT_DEFAULT : rest + 1;
    if ((rest[0] != '\0' && rest[0] != ':') || !is_port(port)) {
        return false;
    }
    snprintf(place->port, sizeof(place->port), "%s", port);
    return true;
}

enum qtl_status qtl_redis_connection_check(const char *address, struct qtl_error *error)
{
    struct place place;
    const bool fits = is_path(address)
                          ? strlen(address) < sizeof(((struct sockaddr_un *)NULL)->sun_path)
                          : split(address, &place);
    return fits ? QTL_OK
                : qtl_error_set(error, QTL_BAD_CONF,
                                "redis.address is `%s`; expected host:port, [address]:port, or the "
                                "path of a socket",
                                address);
}

/* Waits for `events` on the socket. OK, END (asked to stop) or IO (too long). */
static enum qtl_status wait_for(int fd, int stop_fd, short events, int64_t deadline_ms,
                                struct qtl_error *error)
{
    for (;;) {
        const int64_t left = deadline_ms - now_ms();
        struct pollfd sources[2] = {{.fd = fd, .events = events},
                                    {.fd = stop_fd, .events = POLLIN}};
        const int ready = poll(sources, 2, left > 0 ? (int)left : 0);
        if (sources[1].revents != 0) {
            return QTL_END;
        }
        if (ready > 0) {
            return QTL_OK;
        }
        if (ready == 0) {
            return qtl_error_set(error, QTL_IO, "no answer within redis.timeout_ms");
        }
        if (errno != EINTR) {
            return qtl_error_set(error, QTL_IO, "waiting: %s", strerror(errno));
        }
    }
}

static enum qtl_status connect_socket(int fd, const struct sockaddr *address, socklen_t bytes,
                                      const struct qtl_redis_connection_settings *settings,
                                      struct qtl_error *error)
{
    if (connect(fd, address, bytes) == 0) {
        return QTL_OK;
    }
    if (errno != EINPROGRESS) {
        return qtl_error_set(error, QTL_IO, "connecting: %s", strerror(errno));
    }
    const enum qtl_status status =
        wait_for(fd, settings->stop_fd, POLLOUT, now_ms() + settings->timeout_ms, error);
    int problem = 0;
    socklen_t length = sizeof(problem);
    if (status == QTL_OK &&
        (getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &length) != 0 || problem != 0)) {
        return qtl_error_set(error, QTL_IO, "connecting: %s", strerror(problem));
    }
    return status;
}

static enum qtl_status open_path(const struct qtl_redis_connection_settings *settings, int *fd,
                                 struct qtl_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", settings->address);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0) {
        return qtl_error_set(error, QTL_IO, "a socket: %s", strerror(errno));
    }
    return connect_socket(*fd, (const struct sockaddr *)&address, sizeof(address), settings, error);
}

/* Every address of the host in turn; the last one's failure is told. */
static enum qtl_status open_host(const struct qtl_redis_connection_settings *settings, int *fd,
                                 struct qtl_error *error)
{
    struct place place;
    QTL_ASSERT(split(settings->address, &place)); /* checked at start */
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    const int problem = getaddrinfo(place.host, place.port, &wanted, &found);
    if (problem != 0) {
        return qtl_error_set(error, QTL_IO, "the name %s: %s", place.host, gai_strerror(problem));
    }
    enum qtl_status status = QTL_IO;
    for (const struct addrinfo *one = found; one != NULL && status == QTL_IO; one = one->ai_next) {
        if (*fd >= 0) {
            close(*fd);
        }
        *fd = socket(one->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (*fd < 0) {
            qtl_error_set(error, QTL_IO, "a socket: %s", strerror(errno));
            continue;
        }
        const int on = 1;
        (void)setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        (void)setsockopt(*fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        status = connect_socket(*fd, one->ai_addr, one->ai_addrlen, settings, error);
    }
    freeaddrinfo(found);
    return status;
}

static enum qtl_status fail(const struct qtl_redis_connection *connection, struct qtl_error *error)
{
    return qtl_error_set(error, QTL_IO, "the connection: %s", connection->context->errstr);
}

static enum qtl_status send_some(struct qtl_redis_connection *connection, struct qtl_error *error)
{
    int done = 0;
    if (redisBufferWrite(connection->context, &done) != REDIS_OK) {
        return fail(connection, error);
    }
    connection->unsent = done == 0;
    return QTL_OK;
}

enum qtl_status qtl_redis_connection_send(struct qtl_redis_connection *connection,
                                          const struct qtl_redis_command *command,
                                          struct qtl_error *error)
{
    if (redisAppendCommandArgv(connection->context, (int)command->count, command->arguments,
                               command->lengths) != REDIS_OK) {
        return fail(connection, error);
    }
    return send_some(connection, error);
}

/* Redis's own words, without bytes that would break a line of the log. */
static enum qtl_status refuse(const redisReply *reply, struct qtl_error *error)
{
    static const char no_script[] = "NOSCRIPT";
    char words[512];
    if (reply->len >= sizeof(no_script) - 1 &&
        memcmp(reply->str, no_script, sizeof(no_script) - 1) == 0) {
        return QTL_EMPTY;
    }
    const int length = snprintf(words, sizeof(words), "%.*s", (int)reply->len, reply->str);
    for (int i = 0; i < length && words[i] != '\0'; i++) {
        const unsigned char byte = (unsigned char)words[i];
        words[i] = byte < ' ' || byte == 127 ? '?' : words[i];
    }
    const char *advice = "";
    if (strncmp(words, "WRONGPASS", 9) == 0 || strstr(words, "invalid password") != NULL) {
        advice = ": check redis.username and redis.password";
    } else if (strncmp(words, "NOAUTH", 6) == 0) {
        advice = ": it wants redis.password";
    } else if (strncmp(words, "WRONGTYPE", 9) == 0) {
        advice =
            ": somebody else's key has the name of one of ours; remove it, or set redis.prefix";
    } else if (strncmp(words, "OOM", 3) == 0) {
        advice = ": give Redis more memory, or use fewer segments";
    }
    const size_t end = strlen(words);
    if (end > 0 && words[end - 1] == '.') {
        words[end - 1] = '\0';
    }
    return qtl_error_set(error, QTL_IO, "it said: %s%s", words, advice);
}

enum qtl_status qtl_redis_connection_receive(struct qtl_redis_connection *connection,
                                             struct redisReply **reply, struct qtl_error *error)
{
    const int64_t deadline_ms = now_ms() + connection->timeout_ms;
    enum qtl_status status = QTL_OK;
    *reply = NULL;
    for (;;) {
        void *found = NULL;
        if (redisGetReplyFromReader(connection->context, &found) != REDIS_OK) {
            return fail(connection, error);
        }
        *reply = found;
        if (found != NULL) {
            break;
        }
        if (connection->unsent && (status = send_some(connection, error)) != QTL_OK) {
            return status;
        }
        const short events = (short)(POLLIN | (connection->unsent ? POLLOUT : 0));
        status = wait_for(connection->context->fd, connection->stop_fd, events, deadline_ms, error);
        if (status != QTL_OK) {
            return status;
        }
        if (redisBufferRead(connection->context) != REDIS_OK) {
            return fail(connection, error);
        }
    }
    if ((*reply)->type == REDIS_REPLY_ERROR) {
        status = refuse(*reply, error);
        freeReplyObject(*reply);
        *reply = NULL;
    }
    return status;
}

enum qtl_status qtl_redis_connection_call(struct qtl_redis_connection *connection,
                                          const struct qtl_redis_command *command,
                                          struct redisReply **reply, struct qtl_error *error)
{
    struct redisReply *got = NULL;
    enum qtl_status status = qtl_redis_connection_send(connection, command, error);
    if (status == QTL_OK) {
        status = qtl_redis_connection_receive(connection, &got, error);
    }
    if (reply != NULL) {
        *reply = got;
    } else if (got != NULL) {
        freeReplyObject(got);
    }
    return status;
}

static enum qtl_status call_words(struct qtl_redis_connection *connection,
                                  const char *const words[], size_t count, struct qtl_error *error)
{
    struct qtl_redis_command command = {0};
    for (size_t i = 0; i < count; i++) {
        qtl_redis_command_add_word(&command, words[i]);
    }
    const enum qtl_status status = qtl_redis_connection_call(connection, &command, NULL, error);
    qtl_redis_command_fini(&command);
    return status;
}

static enum qtl_status introduce(struct qtl_redis_connection *connection,
                                 const struct qtl_redis_connection_settings *settings,
                                 struct qtl_error *error)
{
    enum qtl_status status = QTL_OK;
    if (settings->password[0] != '\0') {
        const char *const words[] = {"AUTH", settings->username, settings->password};
        const char *const short_words[] = {"AUTH", settings->password};
        status = settings->username[0] != '\0' ? call_words(connection, words, 3, error)
                                               : call_words(connection, short_words, 2, error);
    }
    if (status == QTL_OK && settings->database != 0) {
        char digits[24];
        snprintf(digits, sizeof(digits), "%" PRId64, settings->database);
        const char *const words[] = {"SELECT", digits};
        status = call_words(connection, words, 2, error);
    }
    return status;
}

/* TLS, before anything is said. */
static enum qtl_status encrypt(struct qtl_redis_connection *connection,
                               const struct qtl_redis_connection_settings *settings,
                               struct qtl_error *error)
{
    struct place place = {.host = "localhost"}; /* the certificate's host of a socket */
    QTL_ASSERT(is_path(settings->address) || split(settings->address, &place));
    const int64_t deadline_ms = now_ms() + settings->timeout_ms;
    struct ssl_st *tls = NULL;
    enum qtl_status status =
        qtl_redis_tls_begin(connection->context, place.host, settings->tls_ca_file, &tls, error);
    while (status == QTL_OK) {
        short events = 0;
        status = qtl_redis_tls_shake(tls, &events, error);
        if (status != QTL_EMPTY) {
            return status;
        }
        status = wait_for(connection->context->fd, settings->stop_fd, events, deadline_ms, error);
    }
    return status;
}

enum qtl_status qtl_redis_connection_open(const struct qtl_redis_connection_settings *settings,
                                          struct qtl_redis_connection **connection,
                                          struct qtl_error *error)
{
    int fd = -1;
    *connection = NULL;
    enum qtl_status status = is_path(settings->address) ? open_path(settings, &fd, error)
                                                        : open_host(settings, &fd, error);
    if (status != QTL_OK) {
        if (fd >= 0) {
            close(fd);
        }
        return status;
    }
    struct qtl_redis_connection *const made = calloc(1, sizeof(*made));
    QTL_ASSERT(made != NULL);
    made->timeout_ms = settings->timeout_ms;
    made->stop_fd = settings->stop_fd;
    made->context = redisConnectFd(fd);
    QTL_ASSERT(made->context != NULL);
    made->context->flags &= ~REDIS_BLOCK; /* as its asynchronous part does: the socket is such */
    if (settings->tls) {
        status = encrypt(made, settings, error);
    }
    if (status == QTL_OK) {
        status = introduce(made, settings, error);
    }
    if (status != QTL_OK) {
        qtl_redis_connection_close(made);
        return status;
    }
    *connection = made;
    return QTL_OK;
}

void qtl_redis_connection_close(struct qtl_redis_connection *connection)
{
    if (connection != NULL) {
        redisFree(connection->context);
        free(connection);
    }
}

#define WORD_OF(number) #number
#define VERSION(major, minor, patch) WORD_OF(major) "." WORD_OF(minor) "." WORD_OF(patch)

const char *qtl_redis_connection_library(void)
{
    return VERSION(HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
}
