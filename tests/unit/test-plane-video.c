/* test-plane-video.c - RTCP of the plane's own on each leg: reports, packets asked for and given
 * again, keyframes, bit rates. */
#include "plane-rig.h"

#include "media/rtp/rtcp.h"

/* ── Two far sides of pictures ── */
enum { A_SSRC = 0xaaaa, B_SSRC = 0xbbbb, VP8 = 96, RTX = 97 };

typedef struct call {
    rig r;
    side a, b;
    rtp_stream sa, sb;
} call;

static void wish(side *s, unsigned feedback, unsigned kbps_max) CW_ON_LOOP
{
    cw_ep_feedback_conf conf = { .video = true, .feedback = feedback, .kbps_max = kbps_max };

    cw_ep_feedback(s->ep, &conf);
}

static void call_open(call *c, unsigned interval_ms, unsigned a_feedback, unsigned b_feedback,
                      unsigned b_rtx) CW_TSA(assert_capability(cw_role_loop))
{
    cw_stream f = { .kind = CW_VIDEO, .dir = CW_SENDRECV };
    cw_plane_conf conf = { .workers = 1,
                           .rtp_listen4 = addr_of("127.0.0.1:0"),
                           .rtp_port_min = PORT_MIN,
                           .rtp_port_max = PORT_MAX,
                           .rtcp_interval_ms = interval_ms,
                           .resend_bytes = 65536,
                           .resend_ms = 1000,
                           .resend_per_s = 5,
                           .keyframe_ms = 300,
                           .video_kbps = 2000 };

    memset(c, 0, sizeof *c);
    c->sa = (rtp_stream){ .ssrc = A_SSRC, .seq = 100, .ts = 9000, .pt = VP8 };
    c->sb = (rtp_stream){ .ssrc = B_SSRC, .seq = 60000, .ts = 5, .pt = VP8 };
    rig_open_as(&c->r, &conf);
    format_add(&f, "VP8", 90000, VP8);
    side_open(&c->r, &c->a, AF_INET, &f, false);
    f.format[0].rtx_pt = (uint8_t)b_rtx;
    side_open(&c->r, &c->b, AF_INET, &f, false);
    wish(&c->a, a_feedback, 0);
    wish(&c->b, b_feedback, 0);
    cw_ep_join(c->a.ep, c->b.ep);
    settle(&c->r);
}

static void call_close(call *c) CW_ON_LOOP
{
    side_close(&c->a);
    side_close(&c->b);
    rig_close(&c->r);
}

/* One packet from a to b; its number as b has it. */
static uint16_t pass(call *c) CW_ON_LOOP
{
    uint8_t data[64];
    cw_rtp rtp;

    send_next(c->a.fd, &c->sa, cw_ep_rtp_local(c->a.ep));
    g_assert_true(receive(c->b.fd, &rtp, data, sizeof data));
    return rtp.seq;
}

static void pass_back(call *c) CW_ON_LOOP
{
    uint8_t data[64];
    cw_rtp rtp;

    send_next(c->b.fd, &c->sb, cw_ep_rtp_local(c->b.ep));
    g_assert_true(receive(c->a.fd, &rtp, data, sizeof data));
}

/* ── RTCP from and to them ── */
static void tell(side *s, const cw_rtcp_out *out) CW_ON_LOOP
{
    cw_addr to = *cw_ep_rtp_local(s->ep);

    cw_addr_set_port(&to, (uint16_t)(cw_addr_port(&to) + 1));
    send_to(s->rtcp_fd, out->data, out->len, &to);
}

/* The next packet of this kind that `fd` gets, in `data`. */
static cw_rtcp_item hear(int fd, unsigned type, unsigned fmt, uint8_t *data, size_t cap)
{
    uint64_t end = cw_now_ms() + WAIT_MS;
    cw_rtcp_item item;

    while (cw_now_ms() < end && readable(fd, WAIT_MS)) {
        ssize_t n = recv(fd, data, cap, 0);
        const uint8_t *at = data;

        g_assert_cmpint(n, >, 0);
        g_assert_cmpint(cw_rtcp_check(data, (size_t)n), ==, CW_OK);
        while (cw_rtcp_next(&at, data + n, &item))
            if (item.type == type && (type < CW_RTCP_RTPFB || item.count == fmt))
                return item;
    }
    g_assert_not_reached();
}

#define new_out(name, ssrc)                                                                        \
    uint8_t name##_data[256];                                                                      \
    cw_rtcp_out name = { .data = name##_data, .cap = sizeof name##_data, .own = (ssrc) }

/* ── Tests ── */

/* Both far sides measure their round trip by us, we by them; each hears of its own stream only. */
static void test_reports(void)
{
    uint8_t data[512];
    cw_rtcp_item item;
    cw_rtcp_sender sr = { .ntp = UINT64_C(1000) << 32, .ts = 9000, .packets = 77, .octets = 88 };
    cw_rtcp_sender got;
    cw_rtcp_block block;
    cw_ep_stats stats;
    uint64_t end = cw_now_ms() + WAIT_MS;
    call c;
    new_out(out, A_SSRC);

    call_open(&c, 200, 0, 0, 0);
    pass(&c);
    pass_back(&c);
    cw_rtcp_put_report(&out, &sr, NULL);
    tell(&c.a, &out);
    do {
        pass(&c);
        item = hear(c.a.rtcp_fd, CW_RTCP_SR, 0, data, sizeof data);
    } while (!cw_rtcp_read_block(&item, A_SSRC, &block) || !block.lsr);
    g_assert_cmpuint(cw_rtcp_from(&item), ==, cw_ep_ssrc(c.a.ep));
    g_assert_cmphex(block.lsr, ==, 1000 << 16);
    g_assert_cmpuint(block.lost, ==, 0);

    /* b's SR of a's stream: our count, and a's clock carried on */
    do {
        pass(&c);
        item = hear(c.b.rtcp_fd, CW_RTCP_SR, 0, data, sizeof data);
        g_assert_true(cw_rtcp_read_sender(&item, &got));
    } while (got.ntp >> 32 > 1100);
    g_assert_cmpuint(got.ntp >> 32, >=, 1000);
    g_assert_cmpuint(got.packets, <, 77);
    out.len = 0;
    out.own = B_SSRC;
    block = (cw_rtcp_block){
        .ssrc = cw_ep_ssrc(c.b.ep), .fraction = 64, .jitter = 900, .lsr = (uint32_t)(got.ntp >> 16)
    };
    cw_rtcp_put_report(&out, NULL, &block);
    tell(&c.b, &out);
    do {
        cw_loop_step(c.r.loop, 1);
        cw_ep_get_stats(c.b.ep, &stats);
    } while (!stats.remote_reports && cw_now_ms() < end);
    g_assert_cmpfloat(stats.rtt_ms, >, 0);
    g_assert_cmpfloat(stats.rtt_ms, <, WAIT_MS);
    g_assert_cmpfloat_with_epsilon(stats.remote_lost, 0.25, 0.01);
    g_assert_cmpfloat_with_epsilon(stats.remote_jitter_ms, 10, 0.01);
    call_close(&c);
}

/* Strangers' RTCP, rubbish and a BYE of the far side itself change nothing. */
static void test_bye(void)
{
    static const uint8_t bye[] = { 0x81, 203, 0, 1, 0, 0, 0xaa, 0xaa };
    static const uint8_t rubbish[] = { 0x81, 200, 0, 9, 1 };
    cw_addr to, stranger;
    cw_ep_stats stats;
    int fd;
    call c;
    new_out(pli, B_SSRC);

    call_open(&c, 0, CW_FB_PLI, CW_FB_PLI, 0);
    fd = open_socket("127.0.0.1:0", &stranger);
    pass(&c);
    pass_back(&c);
    to = *cw_ep_rtp_local(c.a.ep);
    cw_addr_set_port(&to, (uint16_t)(cw_addr_port(&to) + 1));
    send_to(c.a.rtcp_fd, bye, sizeof bye, &to);
    send_to(c.a.rtcp_fd, rubbish, sizeof rubbish, &to);
    to = *cw_ep_rtp_local(c.b.ep);
    cw_addr_set_port(&to, (uint16_t)(cw_addr_port(&to) + 1));
    cw_rtcp_put_pli(&pli, cw_ep_ssrc(c.b.ep));
    send_to(fd, pli.data, pli.len, &to); /* would bring a keyframe */
    expect_nothing(c.a.rtcp_fd);
    pass(&c);
    pass_back(&c);
    cw_ep_get_stats(c.a.ep, &stats);
    g_assert_cmpuint(stats.rx_dropped, ==, 1);
    close(fd);
    call_close(&c);
}

static void test_no_rtcp(void)
{
    cw_ep_feedback_conf conf = { .video = true, .silent = true, .feedback = CW_FB_PLI };
    call c;

    call_open(&c, 200, CW_FB_PLI, 0, 0);
    cw_ep_feedback(c.a.ep, &conf);
    pass(&c);
    cw_ep_keyframe(c.a.ep);
    let_pass(1300); /* the first report would come within 1.3 s */
    expect_nothing(c.a.rtcp_fd);
    g_assert_true(readable(c.b.rtcp_fd, 0));
    call_close(&c);
}

/* What a loses is asked for, and sent on under the number b misses. */
static void test_ask_again(void)
{
    uint8_t data[512], late[64];
    uint16_t seq[4], before, after;
    rtp_stream lost;
    cw_rtcp_item item;
    cw_ep_stats stats;
    cw_rtp rtp;
    call c;

    call_open(&c, 0, CW_FB_NACK | CW_FB_RSIZE, CW_FB_NACK, 0);
    before = pass(&c);
    lost = c.sa;
    c.sa.seq++;
    after = pass(&c);
    g_assert_cmpuint(after, ==, (uint16_t)(before + 2));
    item = hear(c.a.rtcp_fd, CW_RTCP_RTPFB, CW_RTPFB_NACK, data, sizeof data);
    g_assert_true(item.data == data); /* alone (RFC 5506) */
    g_assert_cmpuint(cw_rtcp_read_nack(&item, A_SSRC, seq, 4), ==, 1);
    g_assert_cmpuint(seq[0], ==, lost.seq);
    send_next(c.a.fd, &lost, cw_ep_rtp_local(c.a.ep));
    g_assert_true(receive(c.b.fd, &rtp, late, sizeof late));
    g_assert_cmpuint(rtp.seq, ==, (uint16_t)(before + 1));
    expect_nothing(c.a.rtcp_fd);
    cw_ep_get_stats(c.a.ep, &stats);
    g_assert_cmpuint(stats.rx_lost, ==, 0);
    g_assert_cmpuint(stats.rx_packets, ==, 3);
    call_close(&c);
}

/* b asks again: it gets the same packet, at most so often and so many. */
static void test_send_again(void)
{
    uint16_t seq[20];
    uint8_t data[64];
    unsigned n = 0;
    cw_rtp rtp;
    call c;
    new_out(out, B_SSRC);

    call_open(&c, 0, 0, CW_FB_NACK, 0);
    for (unsigned i = 0; i < 20; i++)
        seq[i] = pass(&c);
    cw_rtcp_put_nack(&out, cw_ep_ssrc(c.b.ep), seq + 3, 1);
    tell(&c.b, &out);
    tell(&c.b, &out); /* at once again */
    g_assert_true(receive(c.b.fd, &rtp, data, sizeof data));
    g_assert_cmpuint(rtp.seq, ==, seq[3]);
    g_assert_cmpuint(rtp.ssrc, ==, cw_ep_ssrc(c.b.ep));
    g_assert_cmpuint(cw_get16(data + rtp.payload_at), ==, 103); /* its payload */
    expect_nothing(c.b.fd);
    out.len = 0;
    cw_rtcp_put_nack(&out, cw_ep_ssrc(c.b.ep), seq, 20);
    tell(&c.b, &out);
    while (readable(c.b.fd, 50) && receive(c.b.fd, &rtp, data, sizeof data))
        n++;
    g_assert_cmpuint(n, ==, 4); /* five a second */
    call_close(&c);
}

/* RFC 4588: with an SSRC and numbers of its own, the first number in front. */
static void test_send_again_rtx(void)
{
    uint8_t data[64];
    uint16_t seq;
    cw_rtp rtp;
    call c;
    new_out(out, B_SSRC);

    call_open(&c, 0, 0, CW_FB_NACK, RTX);
    seq = pass(&c);
    pass(&c);
    cw_rtcp_put_nack(&out, cw_ep_ssrc(c.b.ep), &seq, 1);
    tell(&c.b, &out);
    g_assert_true(receive(c.b.fd, &rtp, data, sizeof data));
    g_assert_cmpuint(rtp.pt, ==, RTX);
    g_assert_cmpuint(rtp.ssrc, ==, cw_ep_rtx_ssrc(c.b.ep));
    g_assert_cmpuint(rtp.payload_len, ==, 10);
    g_assert_cmpuint(cw_get16(data + rtp.payload_at), ==, seq);
    g_assert_cmpuint(cw_get16(data + rtp.payload_at + 2), ==, 100);
    call_close(&c);
}

/* And so it comes from b: unwrapped for a, not counted as one more packet. */
static void test_take_rtx(void)
{
    uint8_t data[64], payload[10] = { 0 }, buf[512];
    rtp_stream rtx = { .ssrc = 0xcccc, .seq = 9, .pt = RTX };
    cw_ep_stats stats;
    uint16_t lost;
    cw_rtp rtp;
    call c;

    call_open(&c, 0, 0, CW_FB_NACK, RTX);
    pass_back(&c);
    lost = c.sb.seq++;
    rtx.ts = c.sb.ts;
    pass_back(&c);
    hear(c.b.rtcp_fd, CW_RTCP_RTPFB, CW_RTPFB_NACK, buf, sizeof buf);
    send_to(c.b.fd, data, rtp_make(data, &rtx, true, payload, 0), cw_ep_rtp_local(c.b.ep));
    cw_put16(payload, lost);
    for (unsigned i = 0; i < 2; i++, rtx.seq++) /* the second is one too many */
        send_to(c.b.fd, data, rtp_make(data, &rtx, true, payload, 10), cw_ep_rtp_local(c.b.ep));
    g_assert_true(receive(c.a.fd, &rtp, data, sizeof data));
    g_assert_cmpuint(rtp.pt, ==, VP8);
    g_assert_cmpuint(rtp.ssrc, ==, cw_ep_ssrc(c.a.ep));
    g_assert_cmpuint(rtp.payload_len, ==, 8);
    g_assert_true(rtp.marker);
    expect_nothing(c.a.fd);
    cw_ep_get_stats(c.b.ep, &stats);
    g_assert_cmpuint(stats.rx_packets, ==, 2);
    g_assert_cmpuint(stats.rx_lost, ==, 1); /* the link did lose it */
    call_close(&c);
}

/* Another source, a hold, the first source again, new formats: for b one stream all the time, of
 * which it can still ask for what was sent before. */
static void test_continuity(void)
{
    cw_stream f = { .kind = CW_VIDEO, .dir = CW_SENDRECV };
    rtp_stream other = { .ssrc = 0xdddd, .seq = 5, .ts = 77, .pt = VP8 };
    uint8_t data[64];
    uint16_t first, seq;
    uint32_t ssrc, ts;
    cw_rtp rtp;
    side third;
    call c;
    new_out(out, B_SSRC);

    call_open(&c, 0, 0, CW_FB_NACK, 0);
    format_add(&f, "VP8", 90000, VP8);
    side_open(&c.r, &third, AF_INET, &f, false);
    first = pass(&c);
    ssrc = cw_ep_ssrc(c.b.ep);
    cw_ep_join(third.ep, c.b.ep);
    settle(&c.r);
    send_next(third.fd, &other, cw_ep_rtp_local(third.ep));
    g_assert_true(receive(c.b.fd, &rtp, data, sizeof data));
    g_assert_cmpuint(rtp.ssrc, ==, ssrc);
    g_assert_cmpuint(rtp.seq, ==, (uint16_t)(first + 1));
    ts = rtp.ts;

    cw_ep_direction(c.b.ep, CW_INACTIVE); /* held: what comes is not sent, and leaves no gap */
    settle(&c.r);
    for (unsigned i = 0; i < 3; i++)
        send_next(third.fd, &other, cw_ep_rtp_local(third.ep));
    expect_nothing(c.b.fd);
    cw_ep_direction(c.b.ep, CW_SENDRECV);
    cw_ep_join(c.a.ep, c.b.ep);
    f.format[0].pt = 100;
    cw_ep_formats(c.b.ep, &f, &f);
    settle(&c.r);
    seq = pass(&c);
    g_assert_cmpuint(seq, ==, (uint16_t)(first + 2));
    send_next(c.a.fd, &c.sa, cw_ep_rtp_local(c.a.ep));
    g_assert_true(receive(c.b.fd, &rtp, data, sizeof data));
    g_assert_cmpuint(rtp.pt, ==, 100);
    g_assert_cmpuint(rtp.ssrc, ==, ssrc);
    g_assert_cmpint((int32_t)(rtp.ts - ts), >, 0);

    cw_rtcp_put_nack(&out, ssrc, &first, 1);
    tell(&c.b, &out);
    g_assert_true(receive(c.b.fd, &rtp, data, sizeof data));
    g_assert_cmpuint(rtp.seq, ==, first);
    side_close(&third);
    call_close(&c);
}

/* PLI and FIR of b reach a in the way that a speaks, not too often. */
static void test_keyframes(void)
{
    uint8_t data[512], nr;
    uint64_t begin_ms;
    cw_rtcp_item item;
    call c;
    new_out(out, B_SSRC);

    call_open(&c, 0, CW_FB_FIR, CW_FB_PLI | CW_FB_FIR, 0);
    pass(&c);
    pass_back(&c);
    begin_ms = cw_now_ms();
    cw_rtcp_put_pli(&out, cw_ep_ssrc(c.b.ep));
    for (unsigned i = 0; i < 5; i++)
        tell(&c.b, &out);
    item = hear(c.a.rtcp_fd, CW_RTCP_PSFB, CW_PSFB_FIR, data, sizeof data);
    g_assert_true(cw_rtcp_is_fir(&item, A_SSRC, &nr));
    g_assert_cmpuint(nr, ==, 1);
    item = hear(c.a.rtcp_fd, CW_RTCP_PSFB, CW_PSFB_FIR, data, sizeof data);
    g_assert_true(cw_rtcp_is_fir(&item, A_SSRC, &nr));
    g_assert_cmpuint(nr, ==, 2); /* for those that came too early, one */
    g_assert_cmpuint(cw_now_ms() - begin_ms, >=, 250);
    g_assert_false(readable(c.a.rtcp_fd, 400));

    out.len = 0;
    cw_rtcp_put_fir(&out, cw_ep_ssrc(c.b.ep), 9);
    tell(&c.b, &out);
    hear(c.a.rtcp_fd, CW_RTCP_PSFB, CW_PSFB_FIR, data, sizeof data);
    let_pass(350);
    tell(&c.b, &out); /* the same request once more */
    g_assert_false(readable(c.a.rtcp_fd, 400));

    cw_ep_keyframe_asked(c.a.ep); /* by INFO, say: b is asked, and speaks PLI */
    item = hear(c.b.rtcp_fd, CW_RTCP_PSFB, CW_PSFB_PLI, data, sizeof data);
    g_assert_true(cw_rtcp_is_pli(&item, B_SSRC));
    call_close(&c);
}

/* Who agreed to nothing is asked by other means. */
static void test_keyframe_event(void)
{
    call c;
    new_out(out, B_SSRC);

    call_open(&c, 0, 0, CW_FB_PLI, 0);
    pass(&c);
    pass_back(&c);
    cw_rtcp_put_pli(&out, cw_ep_ssrc(c.b.ep));
    tell(&c.b, &out);
    tell(&c.b, &out);
    await(&c.r, &c.a.keyframes, 1);
    expect_nothing(c.a.rtcp_fd);
    call_close(&c);
}

static uint64_t told_bps(const side *s)
{
    uint8_t data[512];
    cw_rtcp_item item = hear(s->rtcp_fd, CW_RTCP_PSFB, CW_PSFB_REMB, data, sizeof data);
    uint64_t bps = 0;

    g_assert_true(cw_rtcp_read_remb(&item, A_SSRC, &bps));
    return bps;
}

/* a is told the least of what we, b's SDP and b's estimate allow. */
static void test_rates(void)
{
    cw_rtcp_block lost = { .fraction = 100 };
    call c;
    new_out(out, B_SSRC);

    call_open(&c, 200, CW_FB_REMB, CW_FB_REMB, 0);
    pass(&c);
    pass_back(&c);
    g_assert_cmpuint(told_bps(&c.a), ==, 2000000);
    wish(&c.b, CW_FB_REMB, 900);
    g_assert_cmpuint(told_bps(&c.a), ==, 900000);

    lost.ssrc = cw_ep_ssrc(c.b.ep);
    cw_rtcp_put_report(&out, NULL, &lost); /* so that the estimate is believed */
    cw_rtcp_put_remb(&out, cw_ep_ssrc(c.b.ep), 400000);
    tell(&c.b, &out);
    while (told_bps(&c.a) != 401000)
        ;
    call_close(&c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/video/reports", test_reports);
    g_test_add_func("/video/bye", test_bye);
    g_test_add_func("/video/no-rtcp", test_no_rtcp);
    g_test_add_func("/video/ask-again", test_ask_again);
    g_test_add_func("/video/send-again", test_send_again);
    g_test_add_func("/video/send-again-rtx", test_send_again_rtx);
    g_test_add_func("/video/take-rtx", test_take_rtx);
    g_test_add_func("/video/continuity", test_continuity);
    g_test_add_func("/video/keyframes", test_keyframes);
    g_test_add_func("/video/keyframe-event", test_keyframe_event);
    g_test_add_func("/video/rates", test_rates);
    return g_test_run();
}
