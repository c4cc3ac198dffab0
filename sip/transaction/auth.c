#include "sip/transaction/auth.h"

#include "base/ident.h"
#include "base/json.h"

#include <string.h>

#define HOMES_MAX 32 /* addresses of one account */

/* The value of "name=value" with its quotes and escapes taken off. */
static char *unquote(const char *value)
{
    GString *out = g_string_new(NULL);
    bool quoted = *value == '"';

    for (value += quoted; *value && !(quoted && *value == '"'); value++) {
        if (quoted && *value == '\\' && value[1])
            value++;
        g_string_append_c(out, *value);
    }
    return g_string_free(out, FALSE);
}

char *cw_sip_digest_param(const char *const *params, const char *name)
{
    size_t len = strlen(name);

    for (; params && *params; params++)
        if (g_ascii_strncasecmp(*params, name, len) == 0 && (*params)[len] == '=')
            return unquote(*params + len + 1);
    return NULL;
}

static bool list_has(const char *list, const char *word)
{
    g_auto(GStrv) items = g_strsplit(list, ",", 16);

    for (char **item = items; *item; item++)
        if (g_ascii_strcasecmp(g_strstrip(*item), word) == 0)
            return true;
    return false;
}

static bool is_safe(const char *text)
{
    return !text || (strlen(text) <= 512 && cw_text_is_safe(text, strlen(text)));
}

static const struct {
    const char *name;
    GChecksumType hash;
    bool session;
    unsigned aka;
} algorithms[] = {
    { "MD5", G_CHECKSUM_MD5, false, 0 },        { "MD5-sess", G_CHECKSUM_MD5, true, 0 },
    { "SHA-256", G_CHECKSUM_SHA256, false, 0 }, { "SHA-256-sess", G_CHECKSUM_SHA256, true, 0 },
    { "AKAv1-MD5", G_CHECKSUM_MD5, false, 1 },  { "AKAv2-MD5", G_CHECKSUM_MD5, false, 2 },
};

static cw_err take_algorithm(const char *name, cw_sip_challenge *challenge)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(algorithms); i++) {
        if (g_ascii_strcasecmp(algorithms[i].name, name) != 0)
            continue;
        challenge->has_algorithm = true;
        challenge->hash = algorithms[i].hash;
        challenge->session = algorithms[i].session;
        challenge->aka = algorithms[i].aka;
        return CW_OK;
    }
    return CW_E_UNSUPPORTED;
}

static const char *algorithm_name(const cw_sip_challenge *challenge)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(algorithms); i++)
        if (algorithms[i].hash == challenge->hash && algorithms[i].session == challenge->session &&
            algorithms[i].aka == challenge->aka)
            return algorithms[i].name;
    return "MD5";
}

cw_err cw_sip_challenge_parse(const char *const *params, cw_sip_challenge *ret)
{
    g_auto(cw_sip_challenge) challenge = { .hash = G_CHECKSUM_MD5 };
    g_autofree char *algorithm = cw_sip_digest_param(params, "algorithm");
    g_autofree char *qop = cw_sip_digest_param(params, "qop");
    g_autofree char *stale = cw_sip_digest_param(params, "stale");

    challenge.realm = cw_sip_digest_param(params, "realm");
    challenge.nonce = cw_sip_digest_param(params, "nonce");
    challenge.opaque = cw_sip_digest_param(params, "opaque");
    if (!challenge.realm || !challenge.nonce || !is_safe(challenge.realm) ||
        !is_safe(challenge.nonce) || !is_safe(challenge.opaque))
        return CW_E_PARSE;
    if (algorithm && take_algorithm(algorithm, &challenge))
        return CW_E_UNSUPPORTED;
    if ((qop && !list_has(qop, "auth")) || (challenge.session && !qop))
        return CW_E_UNSUPPORTED;
    challenge.qop_auth = qop != NULL;
    challenge.stale = stale && g_ascii_strcasecmp(stale, "true") == 0;
    *ret = challenge;
    challenge = (cw_sip_challenge){ 0 };
    return CW_OK;
}

void cw_sip_challenge_clear(cw_sip_challenge *challenge)
{
    g_free(challenge->realm);
    g_free(challenge->nonce);
    g_free(challenge->opaque);
    *challenge = (cw_sip_challenge){ 0 };
}

static char *hash_of(GChecksumType type, const char *a, const char *b, const char *c)
{
    g_autofree char *text = c ? g_strconcat(a, ":", b, ":", c, NULL) : g_strconcat(a, ":", b, NULL);

    return g_compute_checksum_for_string(type, text, -1);
}

static void append_quoted(GString *out, const char *name, const char *value)
{
    g_string_append_printf(out, ", %s=\"", name);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            g_string_append_c(out, '\\');
        g_string_append_c(out, *value);
    }
    g_string_append_c(out, '"');
}

static void wipe(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    g_free(secret);
}

static void ha1_of(GChecksumType hash, const char *username, const char *realm,
                   const void *password, size_t len, char ret[static CW_SIP_HA1_MAX])
{
    GChecksum *sum = g_checksum_new(hash);
    const char *const parts[] = { username, ":", realm, ":" };

    for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++)
        g_checksum_update(sum, (const guchar *)parts[i], -1);
    g_checksum_update(sum, password, (gssize)len);
    g_strlcpy(ret, g_checksum_get_string(sum), CW_SIP_HA1_MAX);
    g_checksum_free(sum);
}

void cw_sip_ha1(GChecksumType hash, const char *username, const char *realm, const char *password,
                char ret[static CW_SIP_HA1_MAX])
{
    ha1_of(hash, username, realm, password, strlen(password), ret);
}

bool cw_sip_ha1_ok(GChecksumType hash, const char *ha1)
{
    size_t len = strlen(ha1);

    if (len != 2 * (size_t)g_checksum_type_get_length(hash))
        return false;
    for (; *ha1; ha1++)
        if (!g_ascii_isxdigit(*ha1))
            return false;
    return true;
}

char *cw_sip_digest(GChecksumType hash, const char *ha1, const char *method, const char *uri,
                    const char *nonce, const char *nc, const char *cnonce)
{
    g_autofree char *a2 = hash_of(hash, method, uri, NULL);
    g_autofree char *middle =
        nc ? g_strdup_printf("%s:%s:%s:auth", nonce, nc, cnonce) : g_strdup(nonce);

    return hash_of(hash, ha1, middle, a2);
}

char *cw_sip_challenge_answer(const cw_sip_challenge *challenge, const char *username,
                              const char *ha1, const char *method, const char *uri, unsigned nc,
                              const char *cnonce)
{
    g_autofree char *count = g_strdup_printf("%08x", nc);
    g_autofree char *a1 = challenge->session
                              ? hash_of(challenge->hash, ha1, challenge->nonce, cnonce)
                              : g_strdup(ha1);
    g_autofree char *response = cw_sip_digest(challenge->hash, a1, method, uri, challenge->nonce,
                                              challenge->qop_auth ? count : NULL, cnonce);
    GString *out = g_string_new("Digest ");
    g_autoptr(GString) user = g_string_new(NULL);

    append_quoted(user, "username", username);
    g_string_append(out, user->str + 2);
    append_quoted(out, "realm", challenge->realm);
    append_quoted(out, "nonce", challenge->nonce);
    append_quoted(out, "uri", uri);
    append_quoted(out, "response", response);
    if (challenge->has_algorithm)
        g_string_append_printf(out, ", algorithm=%s", algorithm_name(challenge));
    if (challenge->qop_auth)
        g_string_append_printf(out, ", qop=auth, nc=%08x, cnonce=\"%s\"", nc, cnonce);
    if (challenge->opaque)
        append_quoted(out, "opaque", challenge->opaque);
    return g_string_free(out, FALSE);
}

/* --- the account --- */

static unsigned slot_of(GChecksumType hash)
{
    return hash == G_CHECKSUM_SHA256;
}

/* The realm is known: of the password only its hashes stay. */
static void bind_realm(cw_sip_account *account, const char *realm)
{
    account->realm = g_strdup(realm);
    if (!account->password)
        return;
    cw_sip_ha1(G_CHECKSUM_MD5, account->username, realm, account->password, account->ha1[0]);
    cw_sip_ha1(G_CHECKSUM_SHA256, account->username, realm, account->password, account->ha1[1]);
    wipe(g_steal_pointer(&account->password));
}

static void take_ha1(cw_sip_account *account, GChecksumType hash, const char *ha1)
{
    if (ha1 && cw_sip_ha1_ok(hash, ha1))
        g_strlcpy(account->ha1[slot_of(hash)], ha1, CW_SIP_HA1_MAX);
}

cw_err cw_sip_credentials_check(const cw_sip_credentials *c)
{
    cw_sip_aka aka;
    cw_err err;

    if (!c->aka_k)
        return c->aka_op || c->aka_opc ? CW_E_PARAMS : CW_OK;
    err = cw_sip_aka_read(c->aka_k, c->aka_op, c->aka_opc, &aka);
    explicit_bzero(&aka, sizeof aka);
    return err;
}

static void take_aka(cw_sip_account *account, const cw_sip_credentials *c)
{
    cw_sip_aka aka;

    if (!c->aka_k || cw_sip_aka_read(c->aka_k, c->aka_op, c->aka_opc, &aka))
        return;
    account->aka = g_memdup2(&aka, sizeof aka);
    explicit_bzero(&aka, sizeof aka);
}

cw_sip_account *cw_sip_account_new(const cw_sip_credentials *credentials)
{
    bool hashed = credentials->ha1_md5 || credentials->ha1_sha256 || credentials->aka_k;
    cw_sip_account *account;

    if (!credentials->username)
        return NULL;
    account = g_rc_box_new0(cw_sip_account);
    account->username = g_strdup(credentials->username);
    take_ha1(account, G_CHECKSUM_MD5, credentials->ha1_md5);
    take_ha1(account, G_CHECKSUM_SHA256, credentials->ha1_sha256);
    take_aka(account, credentials);
    if (!hashed)
        account->password = g_strdup(credentials->password ? credentials->password : "");
    if (credentials->realm)
        bind_realm(account, credentials->realm);
    return account;
}

cw_sip_account *cw_sip_account_ref(cw_sip_account *account)
{
    return account ? g_rc_box_acquire(account) : NULL;
}

static void account_clear(void *data)
{
    cw_sip_account *account = data;

    g_free(account->username);
    g_free(account->realm);
    wipe(account->password);
    explicit_bzero(account->ha1, sizeof account->ha1);
    explicit_bzero(account->asked[0].ha1, CW_SIP_HA1_MAX);
    explicit_bzero(account->asked[1].ha1, CW_SIP_HA1_MAX);
    if (account->aka)
        explicit_bzero(account->aka, sizeof *account->aka);
    g_free(account->aka);
    cw_sip_challenge_clear(&account->asked[0].challenge);
    cw_sip_challenge_clear(&account->asked[1].challenge);
    if (account->homes)
        g_array_unref(account->homes);
}

void cw_sip_account_unref(cw_sip_account *account)
{
    if (account)
        g_rc_box_release_full(account, account_clear);
}

bool cw_sip_account_is_home(const cw_sip_account *account, const cw_addr *addr)
{
    for (guint i = 0; account->homes && i < account->homes->len; i++)
        if (cw_addr_eq_ip(&g_array_index(account->homes, cw_addr, i), addr))
            return true;
    return false;
}

void cw_sip_account_add_home(cw_sip_account *account, const cw_addr *addr)
{
    if (cw_sip_account_is_home(account, addr))
        return;
    if (!account->homes)
        account->homes = g_array_sized_new(FALSE, FALSE, sizeof(cw_addr), 1);
    if (account->homes->len < HOMES_MAX)
        g_array_append_val(account->homes, *addr);
}

bool cw_sip_account_fits(const cw_sip_account *account, const cw_sip_challenge *challenge)
{
    if (account->realm && strcmp(account->realm, challenge->realm) != 0)
        return false;
    if (challenge->aka)
        return account->aka != NULL;
    return account->password || *account->ha1[slot_of(challenge->hash)];
}

/* What the network shows is checked before anything of ours is sent (3GPP TS 33.203 6.1.1). */
static cw_err take_vector(cw_sip_account *account, const cw_sip_challenge *challenge,
                          struct cw_sip_asked *asked)
{
    cw_sip_aka_answer answer;
    cw_err err = cw_sip_aka_take(account->aka, challenge->aka, challenge->nonce, &answer);

    if (err)
        return CW_E_AUTH;
    ha1_of(G_CHECKSUM_MD5, account->username, challenge->realm, answer.password, answer.len,
           asked->ha1);
    g_strlcpy(asked->auts, answer.auts, sizeof asked->auts);
    explicit_bzero(&answer, sizeof answer);
    return CW_OK;
}

cw_err cw_sip_account_ask(cw_sip_account *account, bool proxy, cw_sip_challenge *challenge)
{
    struct cw_sip_asked *asked = &account->asked[proxy];

    if (!cw_sip_account_fits(account, challenge))
        return CW_E_AUTH;
    if (asked->known && strcmp(asked->challenge.nonce, challenge->nonce) == 0)
        return CW_E_AUTH;
    if (challenge->aka && take_vector(account, challenge, asked))
        return CW_E_AUTH;
    if (!account->realm)
        bind_realm(account, challenge->realm);
    cw_sip_challenge_clear(&asked->challenge);
    asked->challenge = *challenge;
    *challenge = (cw_sip_challenge){ 0 };
    asked->known = true;
    asked->nc = 0;
    cw_random_text(asked->cnonce, sizeof asked->cnonce - 1);
    return CW_OK;
}

char *cw_sip_account_answer(cw_sip_account *account, bool proxy, const char *method,
                            const char *uri)
{
    struct cw_sip_asked *asked = &account->asked[proxy];
    g_autofree char *value = NULL;

    if (!asked->known)
        return NULL;
    value = cw_sip_challenge_answer(
        &asked->challenge, account->username,
        asked->challenge.aka ? asked->ha1 : account->ha1[slot_of(asked->challenge.hash)], method,
        uri, ++asked->nc, asked->cnonce);
    return g_strconcat(proxy ? "Proxy-Authorization: " : "Authorization: ", value,
                       *asked->auts ? ", auts=\"" : "", asked->auts, *asked->auts ? "\"" : "",
                       NULL);
}
