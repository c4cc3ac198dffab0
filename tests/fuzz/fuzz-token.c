/* Log-in tokens against one key of each kind that needs no file, and claims as a signed token has
 * them. */
#include "user/user.h"

#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECRET "0123456789abcdef0123456789abcdef"

static void trim(char *base64)
{
    for (char *p = base64; *p; p++)
        *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
    base64[strcspn(base64, "=")] = '\0';
}

/* The input as claims, signed as they should be: what is behind the signature is reached too. */
static char *signed_token(const uint8_t *data, size_t size)
{
    g_autofree char *claims = g_base64_encode(data, size), *mac_text = NULL, *body = NULL;
    guint8 mac[32];
    gsize n = sizeof mac;
    GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA256, (const guchar *)SECRET, strlen(SECRET));

    trim(claims);
    body = g_strconcat("eyJhbGciOiJIUzI1NiJ9.", claims, NULL);
    g_hmac_update(hmac, (const guchar *)body, -1);
    g_hmac_get_digest(hmac, mac, &n);
    g_hmac_unref(hmac);
    mac_text = g_base64_encode(mac, n);
    trim(mac_text);
    return g_strconcat(body, ".", mac_text, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static cw_tokens *tokens;
    g_autofree char *exact = g_memdup2(data, size), *good = NULL, *wrong = NULL;
    cw_identity identity = { 0 };
    cw_conf *conf;
    char why[128];

    if (!tokens) {
        g_assert_cmpint(
            cw_conf_load("fuzz", "key = ( { algorithm = \"HS256\"; secret = \"" SECRET "\"; } );\n",
                         &conf, &wrong),
            ==, CW_OK);
        g_assert_cmpint(cw_tokens_new(conf, &tokens, &wrong), ==, CW_OK);
    }
    if (exact && cw_token_verify(tokens, exact, size, 1800000000, &identity, why) == CW_OK)
        cw_identity_clear(&identity);
    good = signed_token(data, size);
    if (cw_token_verify(tokens, good, strlen(good), 1800000000, &identity, why) == CW_OK) {
        g_assert_true(cw_user_name_ok(identity.user, strlen(identity.user)));
        g_assert_true(g_utf8_validate(identity.display, -1, NULL));
        cw_identity_clear(&identity);
    }
    return 0;
}
