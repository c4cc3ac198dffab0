/* dtls_lib.c - OpenSSL with no more in it than DTLS asks for.
 *
 * For each certificate it reads, OpenSSL 3.0 goes through every decoder and every kind of key its
 * library context has: most of what reading one costs. A context of ours has a provider that hands
 * on what the default one does, but few of those.
 */
#include "webrtc/dtls_priv.h"

#include <openssl/core_dispatch.h>
#include <openssl/provider.h>
#include <string.h>

#define SPKI     "input=der,structure=SubjectPublicKeyInfo"
#define ROWS_MAX 8 /* of an operation, with the empty one that ends them */

/* What suites, groups, signatures and certificates need that dtls_cert.c and OpenSSL's list of
 * signature algorithms allow. Operations not named here are handed on whole. */
static const struct {
    int operation;
    const char *name, *properties;
} wanted[] = {
    { OSSL_OP_DIGEST, "SHA1", "" },        { OSSL_OP_DIGEST, "SHA2-224", "" },
    { OSSL_OP_DIGEST, "SHA2-256", "" },    { OSSL_OP_DIGEST, "SHA2-384", "" },
    { OSSL_OP_DIGEST, "SHA2-512", "" },    { OSSL_OP_CIPHER, "AES-128-GCM", "" },
    { OSSL_OP_CIPHER, "AES-256-GCM", "" }, { OSSL_OP_MAC, "HMAC", "" },
    { OSSL_OP_KDF, "TLS1-PRF", "" },       { OSSL_OP_KEYEXCH, "ECDH", "" },
    { OSSL_OP_KEYEXCH, "X25519", "" },     { OSSL_OP_SIGNATURE, "ECDSA", "" },
    { OSSL_OP_SIGNATURE, "RSA", "" },      { OSSL_OP_SIGNATURE, "ED25519", "" },
    { OSSL_OP_KEYMGMT, "EC", "" },         { OSSL_OP_KEYMGMT, "RSA", "" },
    { OSSL_OP_KEYMGMT, "RSA-PSS", "" },    { OSSL_OP_KEYMGMT, "ED25519", "" },
    { OSSL_OP_KEYMGMT, "X25519", "" },     { OSSL_OP_DECODER, "EC", SPKI },
    { OSSL_OP_DECODER, "RSA", SPKI },      { OSSL_OP_DECODER, "RSA-PSS", SPKI },
    { OSSL_OP_DECODER, "ED25519", SPKI },
};

static struct {
    OSSL_PROVIDER *base; /* the default provider, of the process's context */
    OSSL_LIB_CTX *lib;
    OSSL_ALGORITHM kept[OSSL_OP__HIGHEST + 1][ROWS_MAX]; /* by operation; first row empty: all */
} slim;

static bool is_of(const OSSL_ALGORITHM *row, const char *name)
{
    size_t len = strlen(name);

    return !strncmp(row->algorithm_names, name, len) &&
           (row->algorithm_names[len] == ':' || row->algorithm_names[len] == '\0');
}

static const OSSL_ALGORITHM *row_of(int operation, const char *name, const char *properties)
{
    int no_cache;
    const OSSL_ALGORITHM *row = OSSL_PROVIDER_query_operation(slim.base, operation, &no_cache);

    for (; row && row->algorithm_names; row++)
        if (is_of(row, name) && strstr(row->property_definition, properties))
            return row;
    return NULL;
}

static bool keep(int operation, const char *name, const char *properties)
{
    const OSSL_ALGORITHM *row = row_of(operation, name, properties);
    OSSL_ALGORITHM *at = slim.kept[operation];

    while (at->algorithm_names)
        at++;
    if (!row || at == &slim.kept[operation][ROWS_MAX - 1])
        return false;
    *at = *row;
    return true;
}

static bool keep_wanted(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(wanted); i++)
        if (!keep(wanted[i].operation, wanted[i].name, wanted[i].properties))
            return false;
    return true;
}

/* ── The provider: OpenSSL calls these, on any thread ── */

static const OSSL_ALGORITHM *query(void *of_base, int operation, int *no_cache)
{
    if (operation >= 0 && operation <= OSSL_OP__HIGHEST &&
        slim.kept[operation][0].algorithm_names) {
        *no_cache = 0;
        return slim.kept[operation];
    }
    return OSSL_PROVIDER_query_operation(slim.base, operation, no_cache);
}

static int capabilities(void *of_base, const char *name, OSSL_CALLBACK *fn, void *arg)
{
    return OSSL_PROVIDER_get_capabilities(slim.base, name, fn, arg);
}

static int init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *core,
                const OSSL_DISPATCH **ret, void **ctx)
{
    static const OSSL_DISPATCH table[] = {
        { OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query },
        { OSSL_FUNC_PROVIDER_GET_CAPABILITIES, (void (*)(void))capabilities },
        { 0, NULL },
    };

    *ret = table;
    *ctx = OSSL_PROVIDER_get0_provider_ctx(slim.base);
    return 1;
}

static OSSL_LIB_CTX *make(void)
{
    OSSL_LIB_CTX *lib = OSSL_LIB_CTX_new();

    slim.base = OSSL_PROVIDER_load(NULL, "default");
    if (!lib || !slim.base || !keep_wanted() || !OSSL_PROVIDER_add_builtin(lib, "dtls", init) ||
        !OSSL_PROVIDER_load(lib, "dtls"))
        return NULL;
    return lib;
}

OSSL_LIB_CTX *cw_dtls_lib(void)
{
    static gsize made;

    if (g_once_init_enter(&made)) {
        slim.lib = make();
        g_once_init_leave(&made, 1);
    }
    return slim.lib;
}
