#include "call/route/policy.h"

#include <glib.h>
#include <string.h>

static const char *const transcodes[] = {
    [CW_TRANSCODE_FORBID] = "forbid",
    [CW_TRANSCODE_ALLOW] = "allow",
    [CW_TRANSCODE_PREFER] = "prefer",
};

static const char *const keys[] = {
    [CW_KEYS_AUTO] = "auto",     [CW_KEYS_RFC4733] = "rfc4733",
    [CW_KEYS_INFO] = "info",     [CW_KEYS_INFO_RELAY] = "info-relay",
    [CW_KEYS_INBAND] = "inband",
};

static const char *const latches[] = {
    [CW_LATCH_STRICT] = "strict",
    [CW_LATCH_AUTO] = "auto",
    [CW_LATCH_NAT] = "nat",
    [CW_LATCH_OFF] = "off",
};

static const char *const screens[] = { "replace", "refuse" };

static const char *const srtps[] = {
    [CW_SRTP_OFF] = "off",
    [CW_SRTP_OPTIONAL] = "optional",
    [CW_SRTP_SDES] = "sdes",
    [CW_SRTP_DTLS] = "dtls",
};

static const char *const earlies[] = {
    [CW_EARLY_ANY] = "any",
    [CW_EARLY_AUTHORIZED] = "authorized",
    [CW_EARLY_NEVER] = "never",
};

static const char *const accepts[] = { "rtp", "sdes", "dtls" }; /* bits of CW_ACCEPT_* */

/* -1: not there */
static int word_of(const char *const *words, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++)
        if (word && strcmp(words[i], word) == 0)
            return (int)i;
    return -1;
}

#define WORD(words, word) word_of(words, G_N_ELEMENTS(words), word)

/* The configuration was checked; what it lacks in a test is the first word. */
static unsigned known(int word)
{
    return word < 0 ? 0 : (unsigned)word;
}

static cw_codec_policy codecs_of(char *const *codecs, const char *transcode, cw_keys how)
{
    return (cw_codec_policy){
        .codecs = codecs,
        .transcode = (cw_transcode)known(WORD(transcodes, transcode)),
        .events = how == CW_KEYS_AUTO || how == CW_KEYS_RFC4733,
    };
}

/* Nothing said: who must protect it our way must do so calling, too. */
static unsigned accept_of(char *const *words, cw_srtp_offer offer)
{
    unsigned accept = 0;

    for (; words && *words; words++)
        accept |= 1u << known(WORD(accepts, *words));
    if (accept)
        return accept;
    return offer == CW_SRTP_SDES   ? CW_ACCEPT_SDES
           : offer == CW_SRTP_DTLS ? CW_ACCEPT_DTLS
                                   : CW_ACCEPT_ALL;
}

static const char *const preconditions[] = { "off", "accept", "require" };

static cw_srtp_policy srtp_of(const cw_conf *conf, const char *offer, char *const *accept)
{
    cw_srtp_policy policy = { .offer = (cw_srtp_offer)known(WORD(srtps, offer)) };

    policy.accept = accept_of(accept, policy.offer);
    for (char **s = conf->sip.srtp_suites; s && *s && policy.suite_n < CW_CRYPTO_MAX - 1; s++) {
        cw_srtp_suite suite = cw_crypto_suite(*s, strlen(*s));

        if (suite != CW_SRTP_NONE)
            policy.suite[policy.suite_n++] = suite;
    }
    return policy;
}

cw_leg_policy cw_policy_sip(const cw_conf *conf, const struct cw_conf_trunk *trunk)
{
    char *const *codecs = trunk ? trunk->codecs : conf->sip.codecs;
    const char *transcode = trunk ? trunk->transcode : conf->sip.transcode;
    cw_leg_policy policy = {
        .keys = (cw_keys)known(WORD(keys, trunk ? trunk->dtmf : conf->sip.dtmf)),
        .latch =
            (cw_latch_mode)known(WORD(latches, trunk ? trunk->rtp_latch : conf->sip.rtp_latch)),
    };

    policy.preconditions = (cw_preconds)known(
        WORD(preconditions, (trunk ? trunk->preconditions : NULL) ?: conf->sip.preconditions));
    policy.early =
        (cw_early)known(WORD(earlies, trunk ? trunk->early_media : conf->sip.early_media));
    policy.codec = codecs_of(codecs, transcode, policy.keys);
    policy.no_screen = known(WORD(screens, trunk ? trunk->screen : conf->sip.screen)) == 1;
    policy.srtp = srtp_of(conf, trunk ? trunk->srtp : conf->sip.srtp,
                          trunk ? trunk->srtp_accept : conf->sip.srtp_accept);
    return policy;
}

cw_leg_policy cw_policy_browser(const cw_conf *conf)
{
    return (cw_leg_policy){ .codec =
                                codecs_of(conf->web.codecs, conf->web.transcode, CW_KEYS_AUTO) };
}

cw_leg_policy cw_policy_service(void)
{
    return (cw_leg_policy){ .codec = { .transcode = CW_TRANSCODE_ALLOW, .events = true } };
}

/* ── Checks ── */

#define WHY(why, ...) (g_snprintf(why, 128, __VA_ARGS__), CW_E_CONF)

static cw_err check_codecs(const char *where, char *const *codecs, char why[static 128])
{
    for (; codecs && *codecs; codecs++)
        if (!cw_codec_known(*codecs))
            return WHY(why, "%s: codecs: \"%.24s\" is none we can pass on", where, *codecs);
    return CW_OK;
}

static cw_err check_word(const char *where, const char *option, const char *const *words, size_t n,
                         const char *word, char why[static 128])
{
    g_autoptr(GString) all = NULL;

    if (!word || word_of(words, n, word) >= 0)
        return CW_OK;
    all = g_string_new(words[0]);
    for (size_t i = 1; i < n; i++)
        g_string_append_printf(all, "%s%s", i + 1 < n ? ", " : " or ", words[i]);
    return WHY(why, "%s: %s must be %s", where, option, all->str);
}

static cw_err check_end(const char *where, char *const *codecs, const char *transcode,
                        char why[static 128])
{
    cw_err err = check_codecs(where, codecs, why);

    if (!err)
        err = check_word(where, "transcode", transcodes, G_N_ELEMENTS(transcodes), transcode, why);
    return err;
}

static cw_err check_sip_end(const char *where, const char *dtmf, const char *latch,
                            const char *early, const char *screen, char why[static 128])
{
    cw_err err = check_word(where, "dtmf", keys, G_N_ELEMENTS(keys), dtmf, why);

    if (!err)
        err = check_word(where, "rtp_latch", latches, G_N_ELEMENTS(latches), latch, why);
    if (!err)
        err = check_word(where, "early_media", earlies, G_N_ELEMENTS(earlies), early, why);
    if (!err)
        err = check_word(where, "screen", screens, G_N_ELEMENTS(screens), screen, why);
    return err;
}

static cw_err check_srtp(const char *where, const char *offer, char *const *accept,
                         char why[static 128])
{
    cw_err err = check_word(where, "srtp", srtps, G_N_ELEMENTS(srtps), offer, why);

    for (; !err && accept && *accept; accept++)
        err = check_word(where, "srtp_accept", accepts, G_N_ELEMENTS(accepts), *accept, why);
    return err;
}

static cw_err check_preconditions(const cw_conf *conf, const char *where, const char *word,
                                  char why[static 128])
{
    cw_err err =
        check_word(where, "preconditions", preconditions, G_N_ELEMENTS(preconditions), word, why);

    if (!err && word && strcmp(word, "off") && !strcmp(conf->sip.reliable, "off"))
        err = WHY(why, "%s: preconditions need sip.reliable", where);
    return err;
}

static cw_err check_suites(char *const *suites, char why[static 128])
{
    unsigned n = 0;

    for (; suites && *suites; suites++, n++)
        if (cw_crypto_suite(*suites, strlen(*suites)) == CW_SRTP_NONE)
            return WHY(why, "sip: srtp_suites: \"%.40s\" is none we have", *suites);
    return n > 0 && n < CW_CRYPTO_MAX ? CW_OK
                                      : WHY(why, "sip: srtp_suites: 1 to %d", CW_CRYPTO_MAX - 1);
}

cw_err cw_policy_check(const cw_conf *conf, char why[static 128])
{
    cw_err err = check_end("web", conf->web.codecs, conf->web.transcode, why);

    if (!err)
        err = check_end("sip", conf->sip.codecs, conf->sip.transcode, why);
    if (!err)
        err = check_sip_end("sip", conf->sip.dtmf, conf->sip.rtp_latch, conf->sip.early_media,
                            conf->sip.screen, why);
    if (!err)
        err = check_srtp("sip", conf->sip.srtp, conf->sip.srtp_accept, why);
    if (!err)
        err = check_preconditions(conf, "sip", conf->sip.preconditions, why);
    if (!err)
        err = check_suites(conf->sip.srtp_suites, why);
    for (size_t i = 0; !err && i < conf->trunk_n; i++) {
        const struct cw_conf_trunk *trunk = &conf->trunk[i];
        g_autofree char *where = g_strdup_printf("trunk \"%.40s\"", trunk->name ?: "");

        err = check_end(where, trunk->codecs, trunk->transcode, why);
        if (!err)
            err = check_sip_end(where, trunk->dtmf, trunk->rtp_latch, trunk->early_media,
                                trunk->screen, why);
        if (!err)
            err = check_srtp(where, trunk->srtp, trunk->srtp_accept, why);
        if (!err)
            err = check_preconditions(conf, where, trunk->preconditions, why);
    }
    return err;
}
