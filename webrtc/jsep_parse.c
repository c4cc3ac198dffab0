/* A browser's offer or answer (RFC 9429 5.8). */
#include "webrtc/jsep.h"

#include "media/sdp/sdp.h"

#include <glib.h>
#include <string.h>

typedef struct reader {
    cw_sdp *sdp;
    cw_jsep *ret;
    char *why;     /* 128 bytes */
    int tagged;    /* the section that speaks for the bundle, -1: none yet */
    unsigned live; /* sections not refused */
} reader;

static cw_err fault(reader *r, cw_err err, const char *what)
{
    g_strlcpy(r->why, what, 128);
    return err;
}

/* An attribute of the section, or of the session when the section has none. */
static const cw_sdp_attr *find(const reader *r, const cw_sdp_media *media, const char *name)
{
    const cw_sdp_attr *attr = cw_sdp_attr_find(media->attr, media->attr_n, name);

    return attr ? attr : cw_sdp_attr_find(r->sdp->attr, r->sdp->attr_n, name);
}

/* Is `word` one of the words of `list`? */
static bool has_word(cw_span list, const char *word)
{
    size_t len = strlen(word);

    for (size_t at = 0; at + len <= list.len; at++) {
        bool starts = at == 0 || list.s[at - 1] == ' ';
        bool ends = at + len == list.len || list.s[at + len] == ' ';

        if (starts && ends && !memcmp(list.s + at, word, len))
            return true;
    }
    return false;
}

static bool is_ice_char(char c)
{
    return g_ascii_isalnum(c) || c == '+' || c == '/' || c == '-' || c == '_' || c == '=';
}

/* RFC 8839 5.4: ice-char 4*256 and 22*256; '-', '_' and '=' are met in the field. */
static bool copy_ice(const cw_sdp_attr *attr, size_t min, char ret[static CW_ICE_UFRAG_MAX + 1])
{
    if (!attr || attr->value.len < min || attr->value.len > CW_ICE_UFRAG_MAX)
        return false;
    for (size_t i = 0; i < attr->value.len; i++)
        if (!is_ice_char(attr->value.s[i]))
            return false;
    memcpy(ret, attr->value.s, attr->value.len);
    ret[attr->value.len] = 0;
    return true;
}

/* ── Fingerprint ── */

/* The first we can check: of several all must be of the same certificate (RFC 8122 5). */
static bool find_fingerprint(const cw_sdp_attr *attr, unsigned n, cw_fingerprint *ret)
{
    for (unsigned i = 0; i < n; i++)
        if (cw_span_is(attr[i].name, "fingerprint") &&
            cw_fingerprint_parse(attr[i].value.s, attr[i].value.len, ret))
            return true;
    return false;
}

/* ── The transport: the tagged section's ── */

/* RFC 5763 5; without a=setup the default is active (RFC 4145 4). */
static bool read_setup(const cw_sdp_attr *attr, cw_setup *ret)
{
    *ret = CW_SETUP_ACTIVE;
    if (!attr)
        return true;
    if (cw_span_is(attr->value, "actpass"))
        *ret = CW_SETUP_ACTPASS;
    else if (cw_span_is(attr->value, "passive"))
        *ret = CW_SETUP_PASSIVE;
    else
        return cw_span_is(attr->value, "active");
    return true;
}

/* Lines that are no candidate are not worth a call: another one may do (RFC 8839 5.1). */
static void read_candidates(const cw_sdp_attr *attr, unsigned n, cw_jsep *ret)
{
    for (unsigned i = 0; i < n; i++) {
        const char *text = attr[i].name.s;
        size_t len = attr[i].name.len + 1 + attr[i].value.len; /* one line, "name:value" */

        if (cw_span_is(attr[i].name, "end-of-candidates"))
            ret->complete = true;
        if (ret->candidate_n == CW_CANDIDATES_MAX || !attr[i].value.s ||
            !cw_span_is(attr[i].name, "candidate"))
            continue;
        if (!cw_candidate_parse(text, len, &ret->candidate[ret->candidate_n], NULL, NULL))
            ret->candidate_n++;
    }
}

static cw_err read_transport(reader *r)
{
    const cw_sdp_media *media = &r->sdp->media[r->tagged];
    cw_jsep *ret = r->ret;

    if (cw_sdp_attr_find(r->sdp->attr, r->sdp->attr_n, "ice-lite"))
        return fault(r, CW_E_UNSUPPORTED, "both sides are ICE-lite");
    if (!copy_ice(find(r, media, "ice-ufrag"), 4, ret->ufrag))
        return fault(r, CW_E_BAD_SDP, "a=ice-ufrag is missing or malformed");
    if (!copy_ice(find(r, media, "ice-pwd"), 22, ret->pwd))
        return fault(r, CW_E_BAD_SDP, "a=ice-pwd is missing or malformed");
    if (!find_fingerprint(media->attr, media->attr_n, &ret->fingerprint) &&
        !find_fingerprint(r->sdp->attr, r->sdp->attr_n, &ret->fingerprint))
        return fault(r, CW_E_BAD_SDP, "no a=fingerprint of sha-256, sha-384 or sha-512");
    if (!read_setup(find(r, media, "setup"), &ret->setup))
        return fault(r, CW_E_BAD_SDP, "a=setup is not actpass, active or passive");
    read_candidates(media->attr, media->attr_n, ret);
    read_candidates(r->sdp->attr, r->sdp->attr_n, ret);
    return CW_OK;
}

/* ── Sections ── */

static cw_err read_mid(reader *r, unsigned i)
{
    const cw_sdp_media *media = &r->sdp->media[i];
    const cw_sdp_attr *attr = cw_sdp_attr_find(media->attr, media->attr_n, "mid");
    char *mid = r->ret->mid[i];

    if (!attr)
        return CW_OK;
    if (!attr->value.len || attr->value.len > CW_MID_MAX)
        return fault(r, CW_E_BAD_SDP, "a=mid is empty or too long");
    for (size_t k = 0; k < attr->value.len; k++)
        if (attr->value.s[k] <= 0x20 || attr->value.s[k] == 0x7f)
            return fault(r, CW_E_BAD_SDP, "a=mid is not a token");
    memcpy(mid, attr->value.s, attr->value.len);
    mid[attr->value.len] = 0;
    for (unsigned k = 0; k < i; k++)
        if (!strcmp(r->ret->mid[k], mid))
            return fault(r, CW_E_BAD_SDP, "two sections have the same a=mid");
    return CW_OK;
}

/* "4 urn:ietf:params:rtp-hdrext:sdes:mid" or "4/sendrecv urn:…" (RFC 8285 5). One-byte ids only. */
static uint8_t read_mid_ext(const cw_sdp_media *media)
{
    for (unsigned i = 0; i < media->attr_n; i++) {
        cw_span value = media->attr[i].value;
        unsigned id = 0;

        if (!cw_span_is(media->attr[i].name, "extmap") || !value.s ||
            !has_word(value, "urn:ietf:params:rtp-hdrext:sdes:mid"))
            continue;
        for (size_t k = 0; k < value.len && g_ascii_isdigit(value.s[k]) && id < 100; k++)
            id = id * 10 + (unsigned)(value.s[k] - '0');
        if (id >= 1 && id <= 14)
            return (uint8_t)id;
    }
    return 0;
}

/* RFC 5761 4: these numbers would be taken for RTCP on the shared port. */
static void drop_rtcp_types(cw_stream *stream)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < stream->format_n; i++)
        if (stream->format[i].pt < 64 || stream->format[i].pt > 95)
            stream->format[kept++] = stream->format[i];
    stream->format_n = kept;
    for (unsigned i = 0; i < kept; i++)
        if (stream->format[i].rtx_pt >= 64 && stream->format[i].rtx_pt <= 95)
            stream->format[i].rtx_pt = 0;
}

static cw_err read_live(reader *r, unsigned i)
{
    const cw_sdp_media *media = &r->sdp->media[i];

    if (!cw_sdp_attr_find(media->attr, media->attr_n, "rtcp-mux"))
        return fault(r, CW_E_BAD_SDP, "a=rtcp-mux is missing");
    drop_rtcp_types(&r->ret->desc.stream[i]);
    if (!r->ret->mid_ext)
        r->ret->mid_ext = read_mid_ext(media);
    if (r->tagged < 0)
        r->tagged = (int)i;
    r->live++;
    return CW_OK;
}

static cw_err read_section(reader *r, unsigned i)
{
    const cw_sdp_media *media = &r->sdp->media[i];
    cw_stream *stream = &r->ret->desc.stream[i];
    cw_err err = read_mid(r, i);

    if (err)
        return err;
    if (cw_span_is(media->proto, "RTP/AVP") || cw_span_is(media->proto, "RTP/AVPF")) {
        cw_sdp_stream_refuse(media, stream);
        return CW_OK;
    }
    if (cw_sdp_stream(r->sdp, media, stream))
        return fault(r, CW_E_BAD_SDP, "a format of an m= line is no payload type");
    /* Port 0 of a bundle-only section is no refusal (RFC 8843 6). */
    if (!stream->section[0] && cw_sdp_attr_find(media->attr, media->attr_n, "bundle-only"))
        stream->refused = false;
    return stream->refused ? CW_OK : read_live(r, i);
}

static const cw_sdp_attr *find_bundle(const cw_sdp *sdp)
{
    for (unsigned i = 0; i < sdp->attr_n; i++)
        if (cw_span_is(sdp->attr[i].name, "group") && sdp->attr[i].value.s &&
            has_word(sdp->attr[i].value, "BUNDLE"))
            return &sdp->attr[i];
    return NULL;
}

/* Every live section in the first group; one alone needs none. */
static cw_err check_bundle(reader *r)
{
    const cw_sdp_attr *group = find_bundle(r->sdp);

    for (unsigned i = 0; r->live > 1 && i < r->ret->desc.stream_n; i++)
        if (!r->ret->desc.stream[i].refused &&
            (!group || !r->ret->mid[i][0] || !has_word(group->value, r->ret->mid[i])))
            return fault(r, CW_E_UNSUPPORTED, "its media sections are not one bundle");
    return CW_OK;
}

static cw_err read_all(reader *r)
{
    cw_err err = CW_OK;

    if (r->sdp->media_n > CW_DESC_STREAMS_MAX)
        return fault(r, CW_E_UNSUPPORTED, "more media sections than allowed");
    r->ret->desc.stream_n = r->sdp->media_n;
    for (unsigned i = 0; i < r->sdp->media_n && !err; i++)
        err = read_section(r, i);
    if (err)
        return err;
    if (r->tagged < 0)
        return fault(r, CW_E_BAD_SDP, "no audio or video section that is not refused");
    err = check_bundle(r);
    return err ? err : read_transport(r);
}

cw_err cw_jsep_parse(const char *text, size_t len, cw_jsep *ret, char why[static 128])
{
    g_autofree cw_sdp *sdp = g_new(cw_sdp, 1);
    reader r = { .sdp = sdp, .ret = ret, .why = why, .tagged = -1 };
    unsigned line;
    cw_err err;

    memset(ret, 0, sizeof *ret);
    why[0] = 0;
    err = cw_sdp_parse(text, len, sdp, &line);
    if (err) {
        g_snprintf(why, 128, "line %u: %s", line, cw_err_text(err));
        return err;
    }
    return read_all(&r);
}
