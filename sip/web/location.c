/* The registrar (RFC 3261 10.3) of those who come by WebSocket: a user is where the connection is
 * that they registered by, under one Contact, as long as it lasts (RFC 5626 6, RFC 5627 5). */
#include "sip/web/web_priv.h"

#include "base/log.h"
#include "sip/address.h"
#include "sip/text/uri.h"

#include <string.h>

#define INSTANCE_MAX 128

void cw_sip_place_clear(cw_sip_place *place)
{
    g_free(place->contact);
    g_free(place->instance);
    g_free(place->gruu);
    *place = (cw_sip_place){ 0 };
}

/* --- what it asks for --- */

/* NULL: nothing that we could send to. */
static char *contact_of(const url_t *url)
{
    su_home_t home[1] = { SU_HOME_INIT(home) };
    const char *text;
    cw_sip_host host;
    char *uri = NULL;

    su_home_init(home);
    text = (url->url_type == url_sip || url->url_type == url_sips) && !url->url_headers
               ? url_as_string(home, url)
               : NULL;
    if (text && strlen(text) <= CW_SIP_URI_MAX && cw_sip_is_plain(text) &&
        !strpbrk(text, "<>\" ") && cw_sip_uri_host(text, &host) == CW_OK)
        uri = g_strdup(text);
    su_home_deinit(home);
    return uri;
}

/* "<urn:…>" out of its quotes. */
static char *instance_of(const sip_contact_t *contact)
{
    const char *value = msg_params_find(contact->m_params, "+sip.instance=");
    size_t len = value ? strlen(value) : 0;

    if (len < 5 || len > INSTANCE_MAX || strncmp(value, "\"<", 2) != 0 ||
        strcmp(value + len - 2, ">\"") != 0 || strcspn(value + 2, "<>\"\\; ") != len - 4 ||
        !cw_sip_is_plain(value))
        return NULL;
    return g_strndup(value + 1, len - 2);
}

static unsigned reg_id_of(const sip_contact_t *contact)
{
    const char *value = msg_params_find(contact->m_params, "reg-id=");
    uint64_t id = value ? g_ascii_strtoull(value, NULL, 10) : 0;

    return id <= INT32_MAX ? (unsigned)id : 0;
}

/* Seconds; 0: take it back. */
static unsigned long expires_of(const cw_sip *sip, const sip_t *message,
                                const sip_contact_t *contact)
{
    unsigned long most = (unsigned long)sip->conf->web.sip_expires_max_s, asked = most;
    const char *value = contact ? contact->m_expires : NULL;

    if (value && g_ascii_isdigit(*value))
        asked = (unsigned long)g_ascii_strtoull(value, NULL, 10);
    else if (message->sip_expires)
        asked = message->sip_expires->ex_delta;
    return MIN(asked, most);
}

/* --- what it gets --- */

static char *gruu_for(const cw_sip_web *web, const char *instance) CW_ON_LOOP
{
    g_autofree char *user = cw_sip_user_escape(web->user);

    return g_strdup_printf("sip:%s@%s;gr=%.*s", user, web->sip->domain, (int)strlen(instance) - 2,
                           instance + 1);
}

static unsigned seconds_left(const cw_sip_web *web) CW_ON_LOOP
{
    uint64_t now = cw_now_ms();

    return web->place.until_ms > now ? (unsigned)((web->place.until_ms - now + 999) / 1000) : 0;
}

static void say_place(const cw_sip_web *web, GString *out) CW_ON_LOOP
{
    const cw_sip_place *place = &web->place;

    g_string_append_printf(out, "%sContact: <%s>;expires=%u", out->len ? "\r\n" : "",
                           place->contact, seconds_left(web));
    if (place->instance)
        g_string_append_printf(out, ";+sip.instance=\"%s\"", place->instance);
    if (place->reg_id)
        g_string_append_printf(out, ";reg-id=%u", place->reg_id);
    if (place->gruu)
        g_string_append_printf(out, ";pub-gruu=\"%s\"", place->gruu);
}

/* 200, with where the user is (RFC 3261 10.3 step 8). */
static void answer(cw_sip_web *web, msg_t *msg) CW_ON_LOOP
{
    g_autoptr(GString) lines = g_string_new("Supported: gruu, outbound, path");

    for (GList *at = web->sip->webs.head; at; at = at->next) {
        const cw_sip_web *other = at->data;

        if (other->place.contact && g_strcmp0(other->user, web->user) == 0)
            say_place(other, lines);
    }
    if (web->place.reg_id)
        g_string_append_printf(lines, "\r\nRequire: outbound\r\nFlow-Timer: %ld",
                               web->sip->conf->web.ping_timeout_ms / 1000);
    cw_sip_web_reply(web->sip, msg, 200, lines->str);
}

/* --- done --- */

static void forget(cw_sip_web *web) CW_ON_LOOP
{
    if (web->place.contact)
        cw_stat_dec(CW_STAT_web_registrations);
    cw_sip_place_clear(&web->place);
}

/* The same end came back by a new connection: there is one of it (RFC 5626 6). */
static void supersede(cw_sip_web *web, const cw_sip_place *place) CW_ON_LOOP
{
    for (GList *at = web->sip->webs.head; at && place->instance; at = at->next) {
        cw_sip_web *other = at->data;

        if (other == web || g_strcmp0(other->user, web->user) != 0 ||
            g_strcmp0(other->place.instance, place->instance) != 0 ||
            other->place.reg_id != place->reg_id)
            continue;
        forget(other);
        cw_sip_web_arm(other);
    }
}

static void log_place(const cw_sip_web *web, const char *event) CW_ON_LOOP
{
    char peer[CW_ADDR_STR];

    cw_log(CW_LOG_INFO, CW_MOD_SIP, event, "user", web->user, "peer",
           cw_addr_print(&web->peer, peer), "contact", web->place.contact, "instance",
           web->place.instance, NULL);
}

static int bind_place(cw_sip_web *web, const sip_t *message, unsigned long expires_s) CW_ON_LOOP
{
    const sip_contact_t *contact = message->sip_contact;
    bool again = web->place.contact != NULL;
    cw_sip_place place = { .contact = contact_of(contact->m_url),
                           .instance = instance_of(contact),
                           .until_ms = cw_now_ms() + expires_s * 1000 };

    if (!place.contact) {
        cw_sip_place_clear(&place);
        return 400;
    }
    place.reg_id = place.instance ? reg_id_of(contact) : 0;
    if (place.instance && cw_sip_offers_option(message, "gruu"))
        place.gruu = gruu_for(web, place.instance);
    supersede(web, &place);
    forget(web);
    web->place = place;
    cw_stat_inc(CW_STAT_web_registrations);
    if (!again)
        log_place(web, "sip.web.registered");
    return 0;
}

static void unbind(cw_sip_web *web) CW_ON_LOOP
{
    if (web->place.contact)
        log_place(web, "sip.web.unregistered");
    forget(web);
}

/* "*" of a REGISTER that takes everything back: what of the user came by other connections, too. */
static void unbind_all(cw_sip_web *web) CW_ON_LOOP
{
    for (GList *at = web->sip->webs.head; at; at = at->next) {
        cw_sip_web *other = at->data;

        if (g_strcmp0(other->user, web->user) != 0)
            continue;
        unbind(other);
        cw_sip_web_arm(other);
    }
}

/* RFC 3261 10.3 step 7: requests of one client are taken in order. */
static bool is_in_order(cw_sip_web *web, const sip_t *message) CW_ON_LOOP
{
    const char *call_id = message->sip_call_id->i_id;
    uint32_t cseq = message->sip_cseq->cs_seq;

    if (web->call_id && strcmp(web->call_id, call_id) == 0 && cseq <= web->cseq)
        return false;
    g_free(web->call_id);
    web->call_id = g_strdup(call_id);
    web->cseq = cseq;
    return true;
}

static int change(cw_sip_web *web, const sip_t *message, char **lines) CW_ON_LOOP
{
    const sip_contact_t *contact = message->sip_contact;
    unsigned long expires_s = expires_of(web->sip, message, contact);
    long least = web->sip->conf->web.sip_expires_min_s;

    if (!contact)
        return 0;
    if (contact->m_next)
        return 400; /* a connection has one end */
    if (contact->m_url->url_type == url_any) {
        if (!message->sip_expires || message->sip_expires->ex_delta)
            return 400;
        unbind_all(web);
        return 0;
    }
    if (expires_s == 0) {
        unbind(web);
        return 0;
    }
    if (expires_s < (unsigned long)least) {
        *lines = g_strdup_printf("Min-Expires: %ld", least);
        return 423;
    }
    return bind_place(web, message, expires_s);
}

void cw_sip_web_register(cw_sip_web *web, msg_t *msg, const sip_t *message)
{
    g_autofree char *lines = NULL, *unsupported = cw_sip_unsupported_line(web->sip, message);
    int status = 0;

    if (unsupported) {
        status = 420;
        lines = g_steal_pointer(&unsupported);
    } else if (!cw_sip_web_is_user(web, message->sip_to->a_url)) {
        status = 403;
    } else if (!is_in_order(web, message)) {
        status = 500;
    } else {
        status = change(web, message, &lines);
    }
    cw_sip_web_arm(web);
    if (status)
        cw_sip_web_reply(web->sip, msg, status, lines);
    else
        answer(web, msg);
}

/* --- for others --- */

const cw_sip_web *cw_sip_web_of_gruu(const cw_sip *sip, const char *uri)
{
    const char *at = uri ? strstr(uri, ";gr=") : NULL;
    g_autofree char *user = at ? cw_sip_uri_user(uri) : NULL;
    g_autofree char *gr = at ? g_strndup(at + 4, strcspn(at + 4, ";?")) : NULL;

    for (GList *i = sip->webs.head; i && user; i = i->next) {
        const cw_sip_web *web = i->data;
        const char *own = web->place.gruu ? strstr(web->place.gruu, ";gr=") : NULL;

        if (own && strcmp(web->user, user) == 0 && g_ascii_strcasecmp(own + 4, gr) == 0)
            return web;
    }
    return NULL;
}

static json_t *web_json(const cw_sip_web *web) CW_ON_LOOP
{
    char peer[CW_ADDR_STR];
    g_autofree char *identity = cw_sip_uri_of(web->user, web->sip->domain);
    json_t *one = json_pack(
        "{s:s s:s s:s s:s s:s s:s s:s* s:s* s:I s:i}", "user", web->user, "identity", identity,
        "registrar", "web", "state", "registered", "contact", web->place.contact, "address",
        cw_addr_print(&web->peer, peer), "instance", web->place.instance, "gruu", web->place.gruu,
        "expires_ms", (json_int_t)seconds_left(web) * 1000, "sessions", 1);

    if (web->place.reg_id)
        json_object_set_new(one, "reg_id", json_integer(web->place.reg_id));
    if (web->agent[0])
        json_object_set_new(one, "agent", json_string(web->agent));
    return one;
}

json_t *cw_sip_webs_json(const cw_sip *sip, const char *user)
{
    json_t *all = json_array();

    for (GList *at = sip->webs.head; at; at = at->next) {
        const cw_sip_web *web = at->data;

        if (web->place.contact && (!user || strcmp(user, web->user) == 0))
            json_array_append_new(all, web_json(web));
    }
    return all;
}
