#include "call/line/account.h"

#include "base/json.h"
#include "sip/sip.h"
#include "user/user.h"

#include <string.h>

#define TEXT_MAX 256 /* bytes of each member */

static void wipe(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    g_free(secret);
}

void cw_account_free(cw_account *account)
{
    if (!account)
        return;
    g_free(account->user);
    g_free(account->identity);
    g_free(account->username);
    g_free(account->realm);
    wipe(account->password);
    wipe(account->ha1_md5);
    wipe(account->ha1_sha256);
    wipe(account->aka_k);
    wipe(account->aka_op);
    wipe(account->aka_opc);
    g_free(account);
}

static bool is_hex(const char *text, size_t len)
{
    if (strlen(text) != len)
        return false;
    for (; *text; text++)
        if (!g_ascii_isxdigit(*text))
            return false;
    return true;
}

static cw_err fault(char why[static 128], const char *what)
{
    g_strlcpy(why, what, 128);
    return CW_E_CONF;
}

static char **member_of(cw_account *account, const char *name)
{
    const struct {
        const char *name;
        char **to;
    } members[] = {
        { "user", &account->user },
        { "identity", &account->identity },
        { "username", &account->username },
        { "realm", &account->realm },
        { "password", &account->password },
        { "ha1_md5", &account->ha1_md5 },
        { "ha1_sha256", &account->ha1_sha256 },
        { "aka_k", &account->aka_k },
        { "aka_op", &account->aka_op },
        { "aka_opc", &account->aka_opc },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(members); i++)
        if (strcmp(members[i].name, name) == 0)
            return members[i].to;
    return NULL;
}

static cw_err take_members(const json_t *object, cw_account *account, char why[static 128])
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)object, name, value)
    {
        char **to = member_of(account, name);
        const char *text = json_string_value(value);

        if (!to) {
            g_snprintf(why, 128, "unknown member \"%.40s\"", name);
            return CW_E_CONF;
        }
        if (!text || !*text || json_string_length(value) > TEXT_MAX ||
            !cw_text_is_safe(text, json_string_length(value))) {
            g_snprintf(why, 128, "%s is no text of 1 to %d bytes", name, TEXT_MAX);
            return CW_E_CONF;
        }
        *to = g_strdup(text);
    }
    return CW_OK;
}

static cw_err check(cw_account *account, char why[static 128])
{
    if (!account->user || !cw_user_name_ok(account->user, strlen(account->user)))
        return fault(why, "user is missing, or no user name");
    if (account->ha1_md5 && !is_hex(account->ha1_md5, 32))
        return fault(why, "ha1_md5 is not 32 hex digits");
    if (account->ha1_sha256 && !is_hex(account->ha1_sha256, 64))
        return fault(why, "ha1_sha256 is not 64 hex digits");
    if (account->password && (account->ha1_md5 || account->ha1_sha256))
        return fault(why, "a password beside its hashes");
    if (cw_sip_credentials_check(&(cw_sip_credentials){
            .aka_k = account->aka_k, .aka_op = account->aka_op, .aka_opc = account->aka_opc }))
        return fault(why, "aka_k with one of aka_op and aka_opc, 32 hex digits each");
    if (account->aka_k && (account->password || account->ha1_md5 || account->ha1_sha256))
        return fault(why, "aka_k beside a password or its hashes");
    if (!account->identity)
        account->identity = g_strdup(account->user);
    if (!account->username)
        account->username = g_strdup(account->user);
    return CW_OK;
}

cw_err cw_account_parse(const char *line, size_t len, cw_account **ret, char why[static 128])
{
    g_autoptr(json_t) object = NULL;
    cw_account *account;
    cw_err err;

    if (cw_json_parse(line, len, &object, why) || !json_is_object(object))
        return fault(why, "not a JSON object");
    account = g_new0(cw_account, 1);
    err = take_members(object, account, why);
    if (!err)
        err = check(account, why);
    if (err)
        cw_account_free(account);
    else
        *ret = account;
    return err;
}

static void free_account(void *account)
{
    cw_account_free(account);
}

static bool is_nothing(const char *line, size_t len)
{
    return len == strspn(line, " \t\r\n") || *line == '#';
}

static cw_err add_line(GHashTable *all, const char *line, size_t len, char why[static 128])
{
    cw_account *account;
    cw_err err = cw_account_parse(line, len, &account, why);

    if (err)
        return err;
    if (g_hash_table_contains(all, account->user)) {
        g_snprintf(why, 128, "user \"%.64s\" twice", account->user);
        cw_account_free(account);
        return CW_E_CONF;
    }
    g_hash_table_insert(all, account->user, account);
    return CW_OK;
}

cw_err cw_accounts_load(const char *path, GHashTable **ret, char why[static 128])
{
    g_autoptr(GHashTable) all = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_account);
    g_autoptr(GError) error = NULL;
    char *text, *next, said[128] = "";
    cw_err err = CW_OK;
    unsigned n = 0;
    gsize size;

    if (!g_file_get_contents(path, &text, &size, &error)) {
        g_snprintf(why, 128, "%s", error->message);
        return CW_E_CONF;
    }
    for (char *line = text; line && *line && !err; line = next) {
        size_t len = strcspn(line, "\n");

        n++;
        next = line[len] ? line + len + 1 : NULL;
        line[len] = '\0';
        if (!is_nothing(line, len))
            err = add_line(all, line, len, said);
    }
    explicit_bzero(text, size);
    g_free(text);
    if (err) {
        g_snprintf(why, 128, "line %u: %.100s", n, said);
        return err;
    }
    *ret = g_steal_pointer(&all);
    return CW_OK;
}
