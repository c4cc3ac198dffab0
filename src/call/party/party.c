#include "call/party/party.h"

#include "call/route/manner.h"
#include "sip/address.h"

#include <string.h>

#define FIELDS_MAX 16                                /* of one name that are read */
#define NOBODY     "sip:anonymous@anonymous.invalid" /* RFC 3323 4.1.1.3 */

/* ── The party ── */

void cw_party_clear(cw_party *party)
{
    g_free(party->uri);
    g_free(party->display);
    g_free(party->user);
    g_free(party->number);
    memset(party, 0, sizeof *party);
}

void cw_party_copy(cw_party *to, const cw_party *from)
{
    *to = *from;
    to->uri = g_strdup(from->uri);
    to->display = g_strdup(from->display);
    to->user = g_strdup(from->user);
    to->number = g_strdup(from->number);
}

json_t *cw_party_json(const cw_party *party)
{
    json_t *json;

    if (party->withheld)
        return json_pack("{s:s s:b}", "uri", NOBODY, "anonymous", true);
    json = json_pack("{s:s s:s* s:s* s:s*}", "uri", party->uri ?: NOBODY, "display", party->display,
                     "number", party->number, "user", party->user);
    if (party->asserted)
        json_object_set_new(json, "asserted", json_true());
    return json;
}

char *cw_party_number(const cw_conf *conf, const cw_writer *writer, const char *user)
{
    char meant[CW_NUMBER_STR];
    cw_number number;

    if (!user || !cw_number_read(user, &number) ||
        cw_number_mean(conf, writer, &number, meant, NULL))
        return NULL;
    return g_strdup(meant);
}

/* ── What is said ── */

static char *utf8_or_null(const char *text)
{
    return text && *text ? g_utf8_make_valid(text, -1) : NULL;
}

bool cw_privacy_withholds(const char *privacy)
{
    static const char *const values[] = { "id", "user", "header", "full", NULL };
    g_auto(GStrv) words = g_strsplit_set(privacy ?: "", ";, ", 32);

    for (char **word = words; *word; word++)
        for (const char *const *value = values; *value; value++)
            if (g_ascii_strcasecmp(*word, *value) == 0)
                return true;
    return false;
}

/* One of a list, its first; what it adds to what an earlier one said. */
static void take_address(const cw_conf *conf, const cw_writer *writer,
                         const cw_sip_address *address, cw_party *ret)
{
    g_autofree char *number = cw_party_number(conf, writer, address->user);

    if (!ret->uri)
        ret->uri = g_strdup(address->uri);
    if (!ret->display && *address->display)
        ret->display = g_strdup(address->display);
    if (number && (!ret->number || address->tel)) {
        g_free(ret->number);
        ret->number = g_steal_pointer(&number);
    }
    ret->asserted = true;
}

static void take_asserted(const cw_conf *conf, const cw_writer *writer, const char *list,
                          cw_party *ret)
{
    const char *at = list;
    cw_sip_address address;

    for (unsigned n = 0; n < 2 && cw_sip_address_next(&at, &address); n++) { /* RFC 3325 9.1 */
        take_address(conf, writer, &address, ret);
        cw_sip_address_clear(&address);
    }
}

/* Remote-Party-ID, which no RFC became of: the party it is about, and what it says of privacy. */
static void take_remote_party(const cw_conf *conf, const cw_writer *writer, const cw_said *said,
                              cw_party *ret)
{
    const char *at = said->remote_party, *mine = said->called ? "called" : "calling";
    cw_sip_address address;

    while (!ret->uri && cw_sip_address_next(&at, &address)) {
        g_autofree char *party = cw_sip_param(address.params, "party");
        g_autofree char *privacy = cw_sip_param(address.params, "privacy");

        if (!party || g_ascii_strcasecmp(party, mine) == 0) {
            take_address(conf, writer, &address, ret);
            ret->withheld |= privacy && g_ascii_strcasecmp(privacy, "off");
        }
        cw_sip_address_clear(&address);
    }
}

static bool is_anonymous(const cw_said *said)
{
    return (said->host && g_ascii_strcasecmp(said->host, "anonymous.invalid") == 0) ||
           (said->user && g_ascii_strcasecmp(said->user, "anonymous") == 0);
}

void cw_party_read(const cw_conf *conf, const cw_writer *writer, bool trusted, const cw_said *said,
                   cw_party *ret)
{
    memset(ret, 0, sizeof *ret);
    if (trusted && said->asserted)
        take_asserted(conf, writer, said->asserted, ret);
    if (trusted && !ret->uri && said->remote_party)
        take_remote_party(conf, writer, said, ret);
    if (!ret->uri && !said->called) {
        ret->uri = utf8_or_null(said->uri) ?: g_strdup(NOBODY);
        ret->number = cw_party_number(conf, writer, said->user);
    }
    if (ret->uri && !ret->display && !said->called)
        ret->display = utf8_or_null(said->display);
    ret->withheld |= cw_privacy_withholds(said->privacy) || (!said->called && is_anonymous(said));
}

/* ── In messages ── */

char *cw_message_all(const cw_sip_message *message, const char *name)
{
    GString *all = NULL;

    for (unsigned i = 0; i < FIELDS_MAX; i++) {
        g_autofree char *value = cw_sip_message_header(message, name, i);

        if (!value)
            break;
        if (all)
            g_string_append_printf(all, ", %s", value);
        else
            all = g_string_new(value);
    }
    return all ? g_string_free(all, FALSE) : NULL;
}

static CW_ON_LOOP void read_message(const cw_conf *conf, const cw_writer *writer,
                                    const cw_sip_message *message, cw_said *said, cw_party *ret)
{
    g_autofree char *asserted = cw_message_all(message, "P-Asserted-Identity");
    g_autofree char *remote_party = cw_message_all(message, "Remote-Party-ID");
    g_autofree char *privacy = cw_message_all(message, "Privacy");

    said->asserted = asserted;
    said->remote_party = remote_party;
    said->privacy = privacy;
    cw_party_read(conf, writer, cw_manner_trusts(conf, writer->trunk), said, ret);
}

void cw_party_of_invite(const cw_conf *conf, const cw_writer *writer, const cw_sip_invite *invite,
                        cw_party *ret)
{
    cw_said said = { .uri = invite->from_uri,
                     .display = invite->from_display,
                     .user = invite->from_user,
                     .host = invite->from_host };

    read_message(conf, writer, invite->message, &said, ret);
}

void cw_party_of_response(const cw_conf *conf, const cw_writer *writer,
                          const cw_sip_message *message, cw_party *ret)
{
    cw_said said = { .called = true };

    read_message(conf, writer, message, &said, ret);
}

void cw_party_of_request(const cw_conf *conf, const cw_writer *writer,
                         const cw_sip_message *message, cw_party *ret)
{
    g_autofree char *from = cw_sip_message_header(message, "From", 0);
    const char *at = from ?: "";
    cw_sip_address address;
    cw_said said;

    memset(ret, 0, sizeof *ret);
    if (!cw_sip_address_next(&at, &address))
        return;
    said = (cw_said){ address.uri, address.display, address.user, address.host };
    read_message(conf, writer, message, &said, ret);
    cw_sip_address_clear(&address);
}
