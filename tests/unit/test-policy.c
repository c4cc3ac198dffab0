/* test-policy.c - what the configuration says of one end of a call, taken from where it is said */
#include "call/route/policy.h"

#include <glib.h>

static char *opus[] = { (char *)"opus", NULL }, *alaw[] = { (char *)"PCMA", NULL };
static char *suites[] = { (char *)"AES_CM_128_HMAC_SHA1_80", NULL };
static char *both[] = { (char *)"rtp", (char *)"sdes", NULL };

static cw_conf conf_make(struct cw_conf_trunk *trunk)
{
    cw_conf conf = { 0 };

    conf.sip.codecs = opus;
    conf.sip.transcode = conf.web.transcode = (char *)"allow";
    conf.sip.dtmf = (char *)"auto";
    conf.sip.rtp_latch = (char *)"strict";
    conf.sip.srtp = (char *)"off";
    conf.sip.srtp_suites = suites;
    conf.web.codecs = alaw;
    conf.trunk = trunk;
    conf.trunk_n = trunk ? 1 : 0;
    return conf;
}

static struct cw_conf_trunk trunk_make(void)
{
    struct cw_conf_trunk trunk = { 0 };

    trunk.codecs = alaw;
    trunk.transcode = (char *)"prefer";
    trunk.dtmf = (char *)"inband";
    trunk.rtp_latch = (char *)"nat";
    trunk.srtp = (char *)"sdes";
    return trunk;
}

/* A trunk's options are its own, others' are those of `sip`, browsers' of `web`. */
static void test_whose(void)
{
    struct cw_conf_trunk trunk = trunk_make();
    cw_conf conf = conf_make(&trunk);
    cw_leg_policy of_trunk = cw_policy_sip(&conf, &trunk), of_sip = cw_policy_sip(&conf, NULL);
    cw_leg_policy of_web = cw_policy_browser(&conf);

    g_assert_true(of_trunk.codec.codecs == alaw && of_sip.codec.codecs == opus);
    g_assert_true(of_web.codec.codecs == alaw);
    g_assert_cmpint(of_trunk.codec.transcode, ==, CW_TRANSCODE_PREFER);
    g_assert_cmpint(of_sip.codec.transcode, ==, CW_TRANSCODE_ALLOW);
    g_assert_cmpint(of_trunk.keys, ==, CW_KEYS_INBAND);
    g_assert_cmpint(of_sip.keys, ==, CW_KEYS_AUTO);
    g_assert_cmpint(of_trunk.latch, ==, CW_LATCH_NAT);
    g_assert_cmpint(of_sip.latch, ==, CW_LATCH_STRICT);
    g_assert_cmpint(of_trunk.srtp.offer, ==, CW_SRTP_SDES);
    g_assert_cmpint(of_sip.srtp.offer, ==, CW_SRTP_OFF);
    g_assert_cmpuint(of_trunk.srtp.suite_n, ==, 1);
}

/* Of their offers: what is listed, all of it; nothing listed: as we offer. */
static void test_accept(void)
{
    struct cw_conf_trunk trunk = trunk_make();
    cw_conf conf = conf_make(&trunk);

    g_assert_cmpuint(cw_policy_sip(&conf, &trunk).srtp.accept, ==, CW_ACCEPT_SDES);
    g_assert_cmpuint(cw_policy_sip(&conf, NULL).srtp.accept, ==, CW_ACCEPT_ALL);
    trunk.srtp_accept = both;
    g_assert_cmpuint(cw_policy_sip(&conf, &trunk).srtp.accept, ==, CW_ACCEPT_RTP | CW_ACCEPT_SDES);
    trunk.srtp_accept = NULL;
    trunk.srtp = (char *)"dtls";
    g_assert_cmpuint(cw_policy_sip(&conf, &trunk).srtp.accept, ==, CW_ACCEPT_DTLS);
}

/* Each word that is none of ours is found, and named with its place. */
static void test_check(void)
{
    static char *nonsense[] = { (char *)"nonsense", NULL };
    struct cw_conf_trunk trunk = trunk_make();
    cw_conf good = conf_make(&trunk), bad;
    char why[128];

    g_assert_cmpint(cw_policy_check(&good, why), ==, CW_OK);
#define REFUSED(member, value, place)                                                              \
    do {                                                                                           \
        struct cw_conf_trunk as_it_was = trunk;                                                    \
        bad = good;                                                                                \
        member = (value);                                                                          \
        g_assert_cmpint(cw_policy_check(&bad, why), ==, CW_E_CONF);                                \
        g_assert_true(g_str_has_prefix(why, place));                                               \
        trunk = as_it_was;                                                                         \
    } while (0)
    REFUSED(bad.web.codecs, nonsense, "web");
    REFUSED(bad.web.transcode, nonsense[0], "web");
    REFUSED(bad.sip.codecs, nonsense, "sip");
    REFUSED(bad.sip.dtmf, nonsense[0], "sip");
    REFUSED(bad.sip.rtp_latch, nonsense[0], "sip");
    REFUSED(bad.sip.screen, nonsense[0], "sip");
    REFUSED(bad.sip.srtp, nonsense[0], "sip");
    REFUSED(bad.sip.srtp_accept, nonsense, "sip");
    REFUSED(bad.sip.srtp_suites, nonsense, "sip");
    REFUSED(trunk.codecs, nonsense, "trunk");
    REFUSED(trunk.transcode, nonsense[0], "trunk");
    REFUSED(trunk.dtmf, nonsense[0], "trunk");
    REFUSED(trunk.rtp_latch, nonsense[0], "trunk");
    REFUSED(trunk.screen, nonsense[0], "trunk");
    REFUSED(trunk.srtp, nonsense[0], "trunk");
    REFUSED(trunk.srtp_accept, nonsense, "trunk");
#undef REFUSED
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/policy/whose", test_whose);
    g_test_add_func("/policy/accept", test_accept);
    g_test_add_func("/policy/check", test_check);
    return g_test_run();
}
