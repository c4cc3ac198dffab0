#include "user/priv.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

enum { SECRET_MIN = 32, RSA_MIN_BITS = 2048 }; /* RFC 7518 3.2, 3.3 */

static void key_free(gpointer data)
{
    cw_key *key = data;

    g_free(key->id);
    g_free(key->algorithm);
    if (key->material)
        memset(key->material, 0, key->len);
    g_free(key->material);
    g_free(key);
}

static EVP_PKEY *read_pem(const char *text, size_t len)
{
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    EVP_PKEY *pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;

    BIO_free(bio);
    return pkey;
}

/* Is it the kind of key its algorithm needs? NULL: yes, else what is wrong. */
static const char *check_public(const char *algorithm, const char *pem, size_t len)
{
    EVP_PKEY *pkey = read_pem(pem, len);
    char curve[64] = "";
    const char *wrong = NULL;

    if (!pkey)
        return "public_key is no PEM public key";
    if (!strcmp(algorithm, "RS256")) {
        if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA)
            wrong = "RS256 needs an RSA key";
        else if (EVP_PKEY_get_bits(pkey) < RSA_MIN_BITS)
            wrong = "RS256 needs 2048 bits at least";
    } else if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_EC ||
               EVP_PKEY_get_group_name(pkey, curve, sizeof curve, NULL) != 1 ||
               strcmp(curve, "prime256v1")) {
        wrong = "ES256 needs a P-256 key";
    }
    EVP_PKEY_free(pkey);
    return wrong;
}

static const char *load_secret(const struct cw_conf_key *conf, cw_key *key)
{
    if (conf->public_key || !conf->secret)
        return "HS256 takes a secret, and no public_key";
    if (strlen(conf->secret) < SECRET_MIN)
        return "the secret is shorter than 32 bytes";
    key->material = g_strdup(conf->secret);
    key->len = strlen(key->material);
    return NULL;
}

static const char *load_public(const struct cw_conf_key *conf, cw_key *key)
{
    gsize len;

    if (conf->secret || !conf->public_key)
        return "takes a public_key, and no secret";
    if (!g_file_get_contents(conf->public_key, &key->material, &len, NULL))
        return "public_key cannot be read";
    key->len = len;
    return check_public(key->algorithm, key->material, key->len);
}

static const char *load(const cw_tokens *tokens, const struct cw_conf_key *conf, cw_key *key)
{
    static const char *const public_ones[] = { "ES256", "RS256", NULL };

    for (guint i = 0; i < tokens->keys->len; i++)
        if (!g_strcmp0(((cw_key *)tokens->keys->pdata[i])->id, conf->id))
            return "this id is there twice";
    key->id = g_strdup(conf->id);
    key->algorithm = g_strdup(conf->algorithm);
    if (!g_strcmp0(conf->algorithm, "HS256"))
        return load_secret(conf, key);
    if (conf->algorithm && g_strv_contains(public_ones, conf->algorithm))
        return load_public(conf, key);
    return "algorithm is none of HS256, ES256, RS256";
}

cw_err cw_tokens_new(const cw_conf *conf, cw_tokens **ret, char **why)
{
    cw_tokens *tokens = g_new0(cw_tokens, 1);

    tokens->conf = conf;
    tokens->keys = g_ptr_array_new_with_free_func(key_free);
    for (size_t i = 0; i < conf->key_n; i++) {
        cw_key *key = g_new0(cw_key, 1);
        const char *wrong = load(tokens, &conf->key[i], key);

        g_ptr_array_add(tokens->keys, key);
        if (!wrong)
            continue;
        *why = g_strdup_printf("key %zu (%s): %s", i + 1,
                               conf->key[i].id ? conf->key[i].id : "no id", wrong);
        cw_tokens_free(tokens);
        return CW_E_CONF;
    }
    *ret = tokens;
    return CW_OK;
}

void cw_tokens_free(cw_tokens *tokens)
{
    if (!tokens)
        return;
    g_ptr_array_unref(tokens->keys);
    g_free(tokens);
}
