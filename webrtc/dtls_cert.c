#include "webrtc/dtls_priv.h"

#include "base/ident.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#define YEAR_S (365L * 24 * 3600)

/* RFC 8827 6.5: a P-256 certificate and AES-128-GCM must be there. All suites are GCM, see
 * dtls_alert.c. */
/* With RSA only as client: telephones and PBXs have such certificates. */
#define CIPHERS                                                                                    \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"                                 \
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384"
#define GROUPS "X25519:P-256"
/* The server's order decides: GCM costs half of counter mode with SHA-1 on a large packet. */
#define PROFILES "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM"

#define SEND_MAX                                                                                   \
    1400 /* handshakes are cut to the MTU; 15 KB less for each than with OpenSSL's 16384 */
#define CHAIN_MAX 16384 /* bytes of certificates a peer may send */

static bool fill(X509 *cert, EVP_PKEY *key)
{
    X509_NAME *name = X509_get_subject_name(cert);
    uint64_t serial;

    cw_random(&serial, sizeof serial);
    return X509_set_version(cert, 2) && /* v3 */
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) &&
           X509_gmtime_adj(X509_getm_notBefore(cert), -24 * 3600) &&
           X509_gmtime_adj(X509_getm_notAfter(cert), 10 * YEAR_S) && /* nobody looks at it */
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"WebRTC", -1, -1,
                                      0) &&
           X509_set_issuer_name(cert, name) && X509_set_pubkey(cert, key) &&
           X509_sign(cert, key, EVP_sha256());
}

static bool use_own_certificate(SSL_CTX *ctx, cw_fingerprint *fingerprint)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(cw_dtls_lib(), NULL, "EC", "P-256");
    X509 *cert = X509_new_ex(cw_dtls_lib(), NULL);
    unsigned len = 0;
    bool ok = key && cert && fill(cert, key) && SSL_CTX_use_certificate(ctx, cert) &&
              SSL_CTX_use_PrivateKey(ctx, key) &&
              X509_digest(cert, EVP_sha256(), fingerprint->value, &len);

    g_strlcpy(fingerprint->hash, "sha-256", sizeof fingerprint->hash);
    fingerprint->len = len;
    X509_free(cert);
    EVP_PKEY_free(key);
    return ok;
}

/* Who the peer is, its fingerprint says (RFC 8827 6.5); chains, dates and what a certificate says
 * of itself are not looked at: a signature to verify less. That the peer has the key it shows still
 * is. */
static int accept_any(X509_STORE_CTX *store, void *arg)
{
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

cw_err cw_dtls_ctx_new(SSL_CTX **ret, cw_fingerprint *fingerprint)
{
    OSSL_LIB_CTX *lib = cw_dtls_lib();
    SSL_CTX *ctx = lib ? SSL_CTX_new_ex(lib, NULL, DTLS_method()) : NULL;

    if (!ctx)
        return CW_E_INTERNAL;
    SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, accept_any, NULL);
    SSL_CTX_set_max_cert_list(ctx, CHAIN_MAX);
    SSL_CTX_set_max_send_fragment(ctx, SEND_MAX);
    SSL_CTX_set_cookie_generate_cb(ctx, cw_dtls_cookie_make);
    SSL_CTX_set_cookie_verify_cb(ctx, cw_dtls_cookie_check);
    /* set_tlsext_use_srtp returns 0 when it worked */
    if (!SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) ||
        !SSL_CTX_set_cipher_list(ctx, CIPHERS) || !SSL_CTX_set1_groups_list(ctx, GROUPS) ||
        SSL_CTX_set_tlsext_use_srtp(ctx, PROFILES) || !use_own_certificate(ctx, fingerprint)) {
        SSL_CTX_free(ctx);
        return CW_E_INTERNAL;
    }
    *ret = ctx;
    return CW_OK;
}

/* RFC 8122 5; SHA-1 and MD5 are not enough (RFC 8827 6.5). */
static const EVP_MD *digest_of(const char *hash)
{
    if (!g_ascii_strcasecmp(hash, "sha-256"))
        return EVP_sha256();
    if (!g_ascii_strcasecmp(hash, "sha-384"))
        return EVP_sha384();
    if (!g_ascii_strcasecmp(hash, "sha-512"))
        return EVP_sha512();
    return NULL;
}

bool cw_dtls_cert_matches(const X509 *cert, const cw_fingerprint *fingerprint)
{
    const EVP_MD *md = digest_of(fingerprint->hash);
    uint8_t value[EVP_MAX_MD_SIZE];
    unsigned len;

    return md && X509_digest(cert, md, value, &len) && len == fingerprint->len &&
           !CRYPTO_memcmp(value, fingerprint->value, len);
}
