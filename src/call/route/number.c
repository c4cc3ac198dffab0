#include "call/route/number.h"

#include "call/route/route.h"

#include <glib.h>
#include <string.h>

#define E164_MAX 15 /* digits (ITU-T E.164 6) */

/* ── As written ── */

static bool is_digit_or_key(char c)
{
    return g_ascii_isdigit(c) || c == '*' || c == '#';
}

/* The number itself, up to `len`; visual separators (RFC 3966 5.1.1) and blanks go. */
static bool read_text(const char *text, size_t len, char ret[static CW_NUMBER_STR])
{
    size_t n = 0, digits = 0;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (strchr("-.() ", c))
            continue;
        if (!(c == '+' && n == 0) && !is_digit_or_key(c))
            return false;
        if (n > CW_NUMBER_MAX)
            return false;
        digits += g_ascii_isdigit(c);
        ret[n++] = c;
    }
    ret[n] = '\0';
    return digits > 0 && digits <= CW_NUMBER_MAX;
}

/* RFC 3966 3: a domain name, or a global number. */
static bool read_context(const char *value, size_t len, cw_number *ret)
{
    if (len == 0 || len >= sizeof ret->context)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!g_ascii_isalnum(value[i]) && !(value[i] && strchr(".-_+()", value[i])))
            return false;
    for (size_t i = 0; i < len; i++)
        ret->context[i] = g_ascii_tolower(value[i]);
    ret->context[len] = '\0';
    return true;
}

/* What may stand in ext, isub and postd (RFC 3966 3, RFC 2806 2.2), a narrow choice of it. */
static bool keep_param(const char *param, size_t len, cw_number *ret)
{
    size_t have = strlen(ret->params), name = strcspn(param, "=") + 1;

    if (name >= len || have + len + 2 > sizeof ret->params)
        return false;
    for (size_t i = name; i < len; i++)
        if (!is_digit_or_key(param[i]) && !(param[i] && strchr("-.pwABCDabcd", param[i])))
            return false;
    g_snprintf(ret->params + have, sizeof ret->params - have, ";%.*s", (int)len, param);
    return true;
}

static bool is_param(const char *param, size_t len, const char *name)
{
    size_t n = strlen(name);

    return len > n && g_ascii_strncasecmp(param, name, n) == 0 && param[n] == '=';
}

static bool read_param(const char *param, size_t len, cw_number *ret)
{
    if (is_param(param, len, "phone-context"))
        return !ret->context[0] &&
               read_context(param + strlen("phone-context="), len - strlen("phone-context="), ret);
    if (is_param(param, len, "ext") || is_param(param, len, "isub") ||
        is_param(param, len, "postd"))
        return keep_param(param, len, ret);
    return true; /* others say nothing about whom to call (RFC 3966 5.4) */
}

bool cw_number_read(const char *text, cw_number *ret)
{
    size_t len = strcspn(text, ";");
    const char *at = text + len;

    memset(ret, 0, sizeof *ret);
    if (!read_text(text, len, ret->text))
        return false;
    while (*at == ';') {
        len = strcspn(++at, ";");
        if (!read_param(at, len, ret))
            return false;
        at += len;
    }
    return ret->context[0] == '\0' || ret->text[0] != '+'; /* a context is for local numbers */
}

bool cw_number_read_uri(const char *text, cw_number *ret)
{
    char plain[257];
    size_t n = 0;

    for (; *text; text++) {
        int c = (unsigned char)*text;

        if (c == '%') {
            int high = g_ascii_xdigit_value(text[1]);
            int low = high < 0 ? -1 : g_ascii_xdigit_value(text[2]);

            if (low < 0)
                return false;
            c = high * 16 + low;
            text += 2;
        }
        /* Whatever needs escaping is no part of a number, but # and the plus some escape. */
        if (c < 0x20 || c > 0x7e || (*text != c && !strchr("#+*()", c)) || n + 1 >= sizeof plain)
            return false;
        plain[n++] = (char)c;
    }
    plain[n] = '\0';
    return cw_number_read(plain, ret);
}

/* ── The table ── */

static bool fits_char(char pattern, char c)
{
    switch (pattern) {
    case 'X':
        return g_ascii_isdigit(c);
    case 'Z':
        return c >= '1' && c <= '9';
    case 'N':
        return c >= '2' && c <= '9';
    default:
        return c == pattern;
    }
}

static bool fits_pattern(const char *pattern, const char *text)
{
    for (; *pattern; pattern++, text++) {
        if (*pattern == '*' && !pattern[1])
            return true;
        if (!*text || !fits_char(*pattern, *text))
            return false;
    }
    return !*text;
}

static long count_digits(const char *text)
{
    long n = 0;

    for (; *text; text++)
        n += g_ascii_isdigit(*text);
    return n;
}

static bool fits(const struct cw_conf_number *row, const char *text, const char *context)
{
    long digits = count_digits(text);

    if (g_ascii_strcasecmp(row->phone_context ?: "", context))
        return false;
    return digits >= row->digits_min && digits <= row->digits_max &&
           (size_t)row->strip <= strlen(text) && fits_pattern(row->match, text);
}

static bool fits_name(const char *pattern, const char *name)
{
    size_t len = strlen(pattern);

    if (len > 0 && pattern[len - 1] == '*')
        return strncmp(pattern, name, len - 1) == 0;
    return strcmp(pattern, name) == 0;
}

/* Does a row's `from` or `to` mean this writer or trunk? */
static bool means(const char *who, const cw_writer *writer)
{
    if (strcmp(who, "*") == 0)
        return true;
    if (writer->trunk)
        return g_str_has_prefix(who, "trunk:") && strcmp(who + 6, writer->trunk->name ?: "") == 0;
    if (!writer->user)
        return strcmp(who, "peer") == 0;
    return strcmp(who, "user") == 0 ||
           (g_str_has_prefix(who, "user:") && fits_name(who + 5, writer->user));
}

static const struct cw_conf_number *find_row(const cw_conf *conf, const cw_writer *writer, bool out,
                                             const char *text, const char *context)
{
    for (size_t i = 0; i < conf->number_n; i++) {
        const struct cw_conf_number *row = &conf->number[i];
        const char *who = out ? row->to : row->from ?: "*";

        if ((row->to != NULL) == out && means(who, writer) && fits(row, text, context))
            return row;
    }
    return NULL;
}

static bool is_e164(const char *text)
{
    size_t digits = strspn(text + 1, "0123456789");

    return text[0] == '+' && text[1] != '0' && digits > 0 && digits <= E164_MAX &&
           text[digits + 1] == '\0';
}

static cw_err apply(const struct cw_conf_number *row, const char *text,
                    char ret[static CW_NUMBER_STR])
{
    const char *rest = text + row->strip;
    char joined[2 * CW_NUMBER_STR];

    g_snprintf(joined, sizeof joined, "%s%s", row->prepend, rest);
    if (!read_text(joined, strlen(joined), ret))
        return CW_E_NO_ROUTE;
    return CW_OK;
}

cw_err cw_number_mean(const cw_conf *conf, const cw_writer *writer, const cw_number *number,
                      char ret[static CW_NUMBER_STR], const struct cw_conf_number **row)
{
    const struct cw_conf_number *found =
        find_row(conf, writer, false, number->text, number->context);
    cw_err err;

    /* A trunk's own context says nothing new about who sent it; a user's may be anybody's. */
    if (!found && number->context[0] && !writer->user)
        found = find_row(conf, writer, false, number->text, "");
    if (row)
        *row = found;
    if (!found && number->context[0] && writer->user)
        return CW_E_NO_ROUTE;
    if (!found) {
        g_strlcpy(ret, number->text, CW_NUMBER_STR);
        return CW_OK;
    }
    err = apply(found, number->text, ret);
    if (!err && strcmp(found->context, "international") == 0 && !is_e164(ret))
        err = CW_E_NO_ROUTE;
    return err;
}

cw_err cw_number_write(const cw_conf *conf, const struct cw_conf_trunk *trunk, const char *number,
                       char ret[static CW_NUMBER_STR], const struct cw_conf_number **row)
{
    const cw_writer to = { .trunk = trunk };
    const struct cw_conf_number *found = find_row(conf, &to, true, number, "");

    if (row)
        *row = found;
    if (found)
        return apply(found, number, ret);
    g_strlcpy(ret, number, CW_NUMBER_STR);
    return CW_OK;
}

/* ── As a URI ── */

/* "#" stands in no URI (RFC 3966 3 leaves it to escaping). */
static char *escaped(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "#", -1);

    return g_strjoinv("%23", parts);
}

/* The host of "host[:port]", "[v6]:port". */
static size_t host_len(const char *address)
{
    return address[0] == '[' ? strcspn(address, "]") + 1 : strcspn(address, ":");
}

char *cw_number_ruri(const struct cw_conf_trunk *trunk, const char *number, const char *params)
{
    g_autofree char *user = escaped(number), *more = escaped(params);

    if (strcmp(trunk->number_form, "tel")) /* RFC 3261 19.1.6 */
        return g_strdup_printf("sip:%s%s@%s%s", user, more, trunk->address,
                               strcmp(trunk->number_form, "phone") ? "" : ";user=phone");
    if (number[0] == '+')
        return g_strdup_printf("tel:%s%s", user, more);
    if (trunk->phone_context)
        return g_strdup_printf("tel:%s%s;phone-context=%s", user, more, trunk->phone_context);
    return g_strdup_printf("tel:%s%s;phone-context=%.*s", user, more, (int)host_len(trunk->address),
                           trunk->address);
}
