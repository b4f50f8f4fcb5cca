/*
 * See redis_tls.h. The SSL object is made here and given to hiredis: its own helper does not look
 * whether the certificate is the server's (any that the authority signed would do), nor can it send
 * from a buffer that has moved meanwhile. The handshake goes step by step, so that the caller waits
 * in its own poll() and can be stopped.
 *
 * Thread: the connection's owner.
 */
#include "sinks/redis_tls.h"

#include "schemas/assert.h"

#include <stddef.h>

#if QTL_REDIS_TLS

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdint.h>

bool qtl_redis_tls_is_there(void)
{
    return true;
}

static enum qtl_status fail(const char *what, struct qtl_error *error)
{
    char words[256] = "no reason given";
    const unsigned long code = ERR_get_error();
    if (code != 0) {
        ERR_error_string_n(code, words, sizeof(words));
    }
    ERR_clear_error();
    return qtl_error_set(error, QTL_IO, "TLS: %s: %s", what, words);
}

/* A failed handshake, in the words that help most. */
static enum qtl_status refuse(const SSL *tls, struct qtl_error *error)
{
    const long problem = SSL_get_verify_result(tls);
    if (problem == X509_V_OK) {
        return fail("the handshake", error);
    }
    ERR_clear_error();
    return qtl_error_set(error, QTL_IO, "TLS: the server's certificate: %s",
                         X509_verify_cert_error_string(problem));
}

static bool expect_host(SSL *tls, const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host) == 1;
    }
    return SSL_set1_host(tls, host) == 1 && SSL_set_tlsext_host_name(tls, host) == 1;
}

static SSL_CTX *new_settings(const char *ca_file)
{
    SSL_CTX *const settings = SSL_CTX_new(TLS_client_method());
    const bool done = settings != NULL &&
                      SSL_CTX_set_min_proto_version(settings, TLS1_2_VERSION) == 1 &&
                      (ca_file[0] != '\0' ? SSL_CTX_load_verify_locations(settings, ca_file, NULL)
                                          : SSL_CTX_set_default_verify_paths(settings)) == 1;
    if (!done) {
        SSL_CTX_free(settings);
        return NULL;
    }
    SSL_CTX_set_verify(settings, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(settings, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return settings;
}

enum qtl_status qtl_redis_tls_begin(struct redisContext *context, const char *host,
                                    const char *ca_file, struct ssl_st **tls,
                                    struct qtl_error *error)
{
    *tls = NULL;
    ERR_clear_error();
    SSL_CTX *const settings = new_settings(ca_file);
    if (settings == NULL) {
        return fail(ca_file[0] != '\0' ? "reading redis.tls_ca_file" : "its settings", error);
    }
    SSL *const made = SSL_new(settings);
    SSL_CTX_free(settings); /* the connection holds on to it */
    if (made == NULL || !expect_host(made, host)) {
        SSL_free(made);
        return fail("its settings", error);
    }
    if (redisInitiateSSL(context, made) != REDIS_OK) { /* it does not take it over then */
        const enum qtl_status status = refuse(made, error);
        SSL_free(made);
        return status;
    }
    *tls = made;
    return QTL_OK;
}

enum qtl_status qtl_redis_tls_shake(struct ssl_st *tls, short *events, struct qtl_error *error)
{
    ERR_clear_error();
    const int result = SSL_do_handshake(tls);
    if (result == 1) {
        return QTL_OK;
    }
    switch (SSL_get_error(tls, result)) {
    case SSL_ERROR_WANT_READ:
        *events = POLLIN;
        return QTL_EMPTY;
    case SSL_ERROR_WANT_WRITE:
        *events = POLLOUT;
        return QTL_EMPTY;
    default:
        break; /* the world's reasons are many */
    }
    return refuse(tls, error);
}

#else

bool qtl_redis_tls_is_there(void)
{
    return false;
}

enum qtl_status qtl_redis_tls_begin(struct redisContext *context, const char *host,
                                    const char *ca_file, struct ssl_st **tls,
                                    struct qtl_error *error)
{
    (void)context;
    (void)host;
    (void)ca_file;
    *tls = NULL;
    (void)error;
    QTL_UNREACHABLE("refused at the start: this build has no TLS");
}

enum qtl_status qtl_redis_tls_shake(struct ssl_st *tls, short *events, struct qtl_error *error)
{
    (void)tls;
    *events = 0;
    (void)error;
    QTL_UNREACHABLE("refused at the start: this build has no TLS");
}

#endif
