#include "media/sdp/h264.h"

#include "media/codec/fmtp.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

enum { BASELINE = 0x42, MAIN = 0x4d, EXTENDED = 0x58, HIGH = 0x64 }; /* profile_idc */
enum { SET0 = 0x80, SET1 = 0x40, SET2 = 0x20, SET3 = 0x10 };         /* of profile-iop */

typedef struct profile {
    unsigned idc, iop, level_idc;
} profile;

/* Without the parameter: Baseline, level 1 (RFC 6184 8.1). */
static profile read_profile(const char *fmtp)
{
    profile ret = { BASELINE, 0, 10 };
    size_t len;
    const char *hex = cw_fmtp_get(fmtp, "profile-level-id", &len);
    unsigned value = 0;

    if (!hex || len < 6)
        return ret;
    for (size_t i = 0; i < 6; i++) {
        if (!g_ascii_isxdigit(hex[i]))
            return ret;
        value = value << 4 | (unsigned)g_ascii_xdigit_value(hex[i]);
    }
    return (profile){ value >> 16, value >> 8 & 0xff, value & 0xff };
}

static char read_mode(const char *fmtp)
{
    size_t len;
    const char *value = cw_fmtp_get(fmtp, "packetization-mode", &len);

    return value && len == 1 && (value[0] == '1' || value[0] == '2') ? value[0] : '0';
}

static bool is_asymmetric(const char *fmtp)
{
    size_t len;
    const char *value = cw_fmtp_get(fmtp, "level-asymmetry-allowed", &len);

    return value && len == 1 && value[0] == '1';
}

/* RFC 6184 8.1 table 5: several ways to write one sub-profile. The low nibble is Constrained High's
 * (H.264 A.2.4.1). */
static unsigned sub_profile(const profile *p)
{
    bool constrained = p->idc == BASELINE ? p->iop & SET1
                       : p->idc == MAIN   ? p->iop & SET0
                                          : (p->iop & (SET0 | SET1)) == (SET0 | SET1);

    if (p->idc == BASELINE || p->idc == MAIN || p->idc == EXTENDED) {
        if (constrained)
            return BASELINE << 8 | SET1;
        if (p->idc == EXTENDED && p->iop & SET0)
            return BASELINE << 8;
        return p->idc << 8;
    }
    return p->idc << 8 | (p->iop & (SET3 | 0x0c));
}

int cw_h264_match(const char *fmtp_a, const char *fmtp_b)
{
    profile a = read_profile(fmtp_a), b = read_profile(fmtp_b);
    unsigned sub_a = sub_profile(&a), sub_b = sub_profile(&b);

    if (read_mode(fmtp_a) != read_mode(fmtp_b))
        return 0;
    if (sub_a == sub_b)
        return 2;
    return sub_a >> 8 == BASELINE && sub_b >> 8 == BASELINE;
}

/* Tenths of tenths, so that 1b lies between 1 and 1.1 (H.264 A.3.1, A.3.2). */
static unsigned level_of(const profile *p)
{
    bool old = p->idc == BASELINE || p->idc == MAIN || p->idc == EXTENDED;

    if (old ? p->level_idc == 11 && p->iop & SET3 : p->level_idc == 9)
        return 105;
    return p->level_idc * 10;
}

static void set_level(profile *p, unsigned level)
{
    bool old = p->idc == BASELINE || p->idc == MAIN || p->idc == EXTENDED;

    if (old)
        p->iop = level == 105 ? p->iop | SET3 : p->iop & ~(unsigned)SET3;
    p->level_idc = level == 105 ? (old ? 11 : 9) : level / 10;
}

static bool is_negotiated(const char *param)
{
    static const char *const keys[] = { "profile-level-id", "packetization-mode",
                                        "level-asymmetry-allowed" };

    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        if (cw_fmtp_has(param, keys[i]))
            return true;
    return false;
}

/* What the answer said beyond what is negotiated here. */
static void add_rest(GString *out, const char *fmtp)
{
    g_auto(GStrv) params = g_strsplit(fmtp, ";", 0);

    for (char **param = params; *param; param++) {
        g_strstrip(*param);
        if (!is_negotiated(*param) && **param && out->len + 1 + strlen(*param) <= CW_FMTP_MAX)
            g_string_append_printf(out, ";%s", *param);
    }
}

void cw_h264_answer(const char *offer, const char *answer, char ret[static CW_FMTP_MAX + 1])
{
    g_autoptr(GString) out = g_string_sized_new(CW_FMTP_MAX);
    profile ours = read_profile(offer), theirs = read_profile(answer);
    bool asymmetric = is_asymmetric(offer) && is_asymmetric(answer);
    unsigned level = level_of(&theirs);

    set_level(&ours, asymmetric ? level : MIN(level, level_of(&ours)));
    if (asymmetric)
        g_string_append(out, "level-asymmetry-allowed=1;");
    if (read_mode(offer) != '0')
        g_string_append_printf(out, "packetization-mode=%c;", read_mode(offer));
    g_string_append_printf(out, "profile-level-id=%02x%02x%02x", ours.idc, ours.iop & 0xff,
                           ours.level_idc & 0xff);
    add_rest(out, answer);
    g_strlcpy(ret, out->str, CW_FMTP_MAX + 1);
}
