/* test-sip-loss.c - every kind of message of a call is lost, once and twice: the call goes as if
 * nothing had happened, and nothing of it is left. */
#include "sip-rig.h"

#include <dlfcn.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* --- the lossy link: what Sofia sends passes here --- */

static struct {
    const char *start, *cseq; /* first line begins so, CSeq's method is that */
    unsigned skip, drop;      /* matches still to let pass, to lose */
    unsigned lost;
    const char *transport;
} loss;

static bool is_lost(const struct msghdr *msg)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *cseq = NULL;
    const char *at;

    if (!loss.start)
        return false;
    for (size_t i = 0; i < msg->msg_iovlen; i++)
        g_string_append_len(text, msg->msg_iov[i].iov_base, (gssize)msg->msg_iov[i].iov_len);
    at = strstr(text->str, "\r\nCSeq: ");
    if (!g_str_has_prefix(text->str, loss.start) || !at)
        return false;
    at += strlen("\r\nCSeq: ");
    cseq = g_strndup(at, strcspn(at, "\r"));
    if (!g_str_has_suffix(cseq, loss.cseq))
        return false;
    if (loss.skip > 0) {
        loss.skip--;
        return false;
    }
    if (loss.drop == 0)
        return false;
    loss.drop--;
    loss.lost++;
    return true;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
    static ssize_t (*real)(int, const struct msghdr *, int);
    ssize_t len = 0;

    if (!real)
        real = (ssize_t(*)(int, const struct msghdr *, int))dlsym(RTLD_NEXT, "sendmsg");
    if (!is_lost(msg))
        return real(fd, msg, flags);
    for (size_t i = 0; i < msg->msg_iovlen; i++)
        len += (ssize_t)msg->msg_iov[i].iov_len;
    return len;
}

/* --- the calls --- */

static void end_of(rig *r)
{
    cw_assert_on_loop();
    cw_sip_call_free(g_steal_pointer(&r->a.call));
    cw_sip_call_free(g_steal_pointer(&r->b.call));
    WAIT(r, cw_stat_get(CW_STAT_sip_calls) == 0);
}

static bool is_settled(const side *s)
{
    json_t *state;
    bool pending;

    cw_assert_on_loop();
    state = cw_sip_call_json(s->call);
    pending = json_is_true(json_object_get(state, "offer_pending"));
    json_decref(state);
    return !pending;
}

static void say(rig *r, int status, const char *sdp)
{
    cw_assert_on_loop();
    g_assert_cmpint(cw_sip_call_respond(r->b.call, status, sdp, sdp ? strlen(sdp) : 0), ==, CW_OK);
}

/* Reliable early media, changed before the answer, changed after it by both, a key, the end. */
static void whole_call(rig *r)
{
    cw_assert_on_loop();
    r->b.mute = true;
    g_assert_cmpint(rig_call(r, loss.transport, OFFER), ==, CW_OK);
    WAIT(r, SAW(r->b, "invite"));
    say(r, 183, ANSWER);
    WAIT(r, SAW(r->b, "acknowledged 183"));
    g_assert_cmpint(cw_sip_call_reoffer(r->b.call, 0, REOFFER, strlen(REOFFER)), ==, CW_OK);
    WAIT(r, SAW(r->b, "reanswered/0 200 sdp"));
    say(r, 180, NULL);
    WAIT(r, SAW(r->a, "progress 180"));
    say(r, 200, NULL);
    WAIT(r, SAW(r->b, "confirmed"));
    g_assert_cmpint(cw_sip_call_reoffer(r->a.call, 0, REOFFER, strlen(REOFFER)), ==, CW_OK);
    WAIT(r, SAW(r->a, "reanswered 200 sdp"));
    g_assert_cmpint(cw_sip_call_info(r->a.call, "a/b", "x", 1), ==, CW_OK);
    WAIT(r, SAW(r->b, "info a/b x"));
    g_assert_cmpint(cw_sip_call_reoffer(r->b.call, 0, OFFER, strlen(OFFER)), ==, CW_OK);
    WAIT(r, strstr(r->b.log->str, "reanswered 200 sdp"));
    WAIT(r, is_settled(&r->a)); /* it has the last ACK */
    cw_sip_call_end(r->a.call, CW_OK);
    WAIT(r, SAW(r->b, "ended ok 0 peer"));
    g_assert_cmpstr(r->a.log->str, ==,
                    "progress 183/0 reliable sdp, reoffered/0 sdp, progress 180/0, answered/0, "
                    "reanswered 200 sdp, reoffered sdp");
    g_assert_cmpstr(r->b.log->str, ==,
                    "invite sdp, acknowledged 183, reanswered/0 200 sdp, confirmed, reoffered sdp, "
                    "info a/b x, reanswered 200 sdp, ended ok 0 peer");
}

static void cancelled_call(rig *r)
{
    cw_assert_on_loop();
    r->b.ring_only = true;
    g_assert_cmpint(rig_call(r, "udp", OFFER), ==, CW_OK);
    WAIT(r, SAW(r->a, "progress 180"));
    cw_sip_call_end(r->a.call, CW_OK);
    WAIT(r, SAW(r->b, "ended cancelled 487 peer"));
}

static void refused_call(rig *r)
{
    cw_assert_on_loop();
    r->b.ring_only = true;
    g_assert_cmpint(rig_call(r, "udp", OFFER), ==, CW_OK);
    WAIT(r, SAW(r->a, "progress 180"));
    cw_sip_call_end(r->b.call, CW_E_BUSY);
    WAIT(r, SAW(r->a, "ended busy 486 peer"));
}

static const struct {
    const char *name;
    void (*call)(rig *r);
    const char *start, *cseq;
    unsigned skip;
    const char *transport; /* NULL: udp */
} rows[] = {
    { "invite", whole_call, "INVITE", "INVITE", 0 },
    { "183", whole_call, "SIP/2.0 183", "INVITE", 0 },
    { "prack", whole_call, "PRACK", "PRACK", 0 },
    { "prack-200", whole_call, "SIP/2.0 200", "PRACK", 0 },
    { "update", whole_call, "UPDATE", "UPDATE", 0 },
    { "update-200", whole_call, "SIP/2.0 200", "UPDATE", 0 },
    { "200", whole_call, "SIP/2.0 200", "INVITE", 0 },
    { "ack", whole_call, "ACK", "ACK", 0 },
    { "200-tcp", whole_call, "SIP/2.0 200", "INVITE", 0, "tcp" }, /* 13.3.1.4: over any */
    { "ack-tcp", whole_call, "ACK", "ACK", 0, "tcp" },
    { "183-tcp", whole_call, "SIP/2.0 183", "INVITE", 0, "tcp" },
    { "reinvite-ack-tcp", whole_call, "ACK", "ACK", 1, "tcp" },
    { "reinvite", whole_call, "INVITE", "INVITE", 1 },
    { "reinvite-200", whole_call, "SIP/2.0 200", "INVITE", 1 },
    { "reinvite-ack", whole_call, "ACK", "ACK", 1 },
    { "info", whole_call, "INFO", "INFO", 0 },
    { "info-200", whole_call, "SIP/2.0 200", "INFO", 0 },
    { "their-reinvite", whole_call, "INVITE", "INVITE", 2 },
    { "their-reinvite-200", whole_call, "SIP/2.0 200", "INVITE", 2 },
    { "their-ack", whole_call, "ACK", "ACK", 2 },
    { "bye", whole_call, "BYE", "BYE", 0 },
    { "bye-200", whole_call, "SIP/2.0 200", "BYE", 0 },
    { "cancel", cancelled_call, "CANCEL", "CANCEL", 0 },
    { "cancel-200", cancelled_call, "SIP/2.0 200", "CANCEL", 0 },
    { "487", cancelled_call, "SIP/2.0 487", "INVITE", 0 },
    { "487-ack", cancelled_call, "ACK", "ACK", 0 },
    { "486", refused_call, "SIP/2.0 486", "INVITE", 0 },
    { "486-ack", refused_call, "ACK", "ACK", 0 },
};

static void test_lost(gconstpointer arg)
{
    unsigned i = GPOINTER_TO_UINT(arg) / 2, times = 1 + GPOINTER_TO_UINT(arg) % 2;
    rig r;

    rig_start(&r, "127.0.0.1", NULL, NULL);
    cw_assert_on_loop();
    loss.start = rows[i].start;
    loss.cseq = rows[i].cseq;
    loss.skip = rows[i].skip;
    loss.drop = times;
    loss.lost = 0;
    loss.transport = rows[i].transport ? rows[i].transport : "udp";
    rows[i].call(&r);
    WAIT(&r, loss.lost == times); /* the last messages may be lost after the call is over for us */
    end_of(&r);
    loss.start = NULL;
    rig_stop(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < 2 * G_N_ELEMENTS(rows); i++) {
        g_autofree char *path =
            g_strdup_printf("/sip/loss/%s/%s", rows[i / 2].name, i % 2 ? "twice" : "once");

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_lost);
    }
    return g_test_run();
}
