/* test-plane-early.c - what is heard before an answer, over a real plane: ringing that fills, forks
 * of which one is heard, recordings */
#include "plane-rig.h"

#include "media/codec/g711.h"
#include "sound.h"

#include <math.h>

static void expect_ring(int fd, double hz) /* the next packets are that tone */
{
    int16_t pcm[10 * 160];
    uint16_t seq = 0;
    uint32_t ts = 0;

    for (unsigned i = 0; i < 10; i++) {
        uint8_t data[1500];
        cw_rtp rtp;

        g_assert_true(receive(fd, &rtp, data, sizeof data));
        g_assert_cmpuint(rtp.payload_len, ==, 160);
        if (i > 0) {
            g_assert_cmpuint(rtp.seq, ==, (uint16_t)(seq + 1));
            g_assert_cmpuint(rtp.ts, ==, ts + 160);
        }
        seq = rtp.seq;
        ts = rtp.ts;
        for (unsigned j = 0; j < 160; j++)
            pcm[i * 160 + j] = cw_alaw_pcm(data[rtp.payload_at + j]);
    }
    g_assert_cmpfloat(fabs(sound_pitch(pcm + 160, 9 * 160, 8000, hz) - hz), <, 10);
}

/* One of `from`'s, after at most a packet of the tone before it. */
static void expect_through(rig *r, side *from, side *to, rtp_stream *st)
{
    uint8_t data[1500];
    unsigned tones = 0;
    cw_rtp rtp;

    send_next(from->fd, st, cw_ep_rtp_local(from->ep));
    do
        g_assert_true(receive(to->fd, &rtp, data, sizeof data));
    while (rtp.payload_len == 160 && tones++ < 2);
    g_assert_cmpuint(rtp.payload_len, ==, 8);
}

static void test_fill(void)
{
    cw_stream f = audio("PCMA", 8000, 8, 0, 0);
    rtp_stream st = { .ssrc = 77, .seq = 100, .pt = 8 };
    cw_sound *sound;
    cw_ep *player;
    rig r;
    side a, b;

    rig_open(&r);
    cw_assert_on_loop();
    side_open(&r, &a, AF_INET, &f, false);
    side_open(&r, &b, AF_INET, &f, false);
    g_assert_cmpint(cw_sound_ringback("425 19000/1000", &sound), ==, CW_OK);
    g_assert_cmpint(cw_ep_player_new(r.plane, 0, sound, &player), ==, CW_OK);
    cw_sound_unref(sound);
    cw_ep_fill(player, a.ep, 300);
    expect_ring(a.fd, 425); /* joined to nobody */
    cw_ep_join(a.ep, b.ep);
    settle(&r);
    expect_ring(a.fd, 425); /* to one that says nothing */
    for (unsigned i = 0; i < 5; i++)
        expect_through(&r, &b, &a, &st); /* who speaks is heard at once, alone */
    expect_nothing(a.fd);
    expect_ring(a.fd, 425); /* and then silent: it rings again */
    cw_ep_fill(player, NULL, 0);
    settle(&r);
    while (readable(a.fd, 0))
        g_assert_cmpint(recv(a.fd, (uint8_t[1500]){ 0 }, 1500, 0), >, 0);
    g_assert_false(readable(a.fd, 100));
    expect_nothing(b.fd); /* the far side heard none of it */
    cw_ep_free(player);
    side_close(&a);
    side_close(&b);
    rig_close(&r);
}

/* Either may go first. */
static void test_fill_freed(void)
{
    cw_stream f = audio("PCMA", 8000, 8, 0, 0);
    cw_sound *sound;
    rig r;

    rig_open(&r);
    cw_assert_on_loop();
    g_assert_cmpint(cw_sound_ringback("de", &sound), ==, CW_OK);
    for (unsigned i = 0; i < 2; i++) {
        cw_ep *player;
        side a;

        side_open(&r, &a, AF_INET, &f, false);
        g_assert_cmpint(cw_ep_player_new(r.plane, 0, sound, &player), ==, CW_OK);
        cw_ep_fill(player, a.ep, 300);
        settle(&r);
        if (i == 0)
            cw_ep_free(player);
        side_close(&a);
        settle(&r);
        if (i == 1)
            cw_ep_free(player);
    }
    cw_sound_unref(sound);
    rig_close(&r);
}

/* ── Forks ── */

static void as_far_side(side *s, const cw_addr *addr)
{
    cw_assert_on_loop();
    cw_ep_rtp_remote(s->ep, addr, NULL, false, CW_LATCH_STRICT);
}

static void test_others(void)
{
    cw_stream f = audio("PCMA", 8000, 8, 0, 0);
    rtp_stream one = { .ssrc = 1, .seq = 1, .pt = 8 }, two = { .ssrc = 2, .seq = 1, .pt = 8 };
    cw_ep_other other = { .id = 9 };
    cw_rtp rtp;
    uint8_t data[1500];
    rig r;
    side a, b;
    int fd;

    rig_open(&r);
    cw_assert_on_loop();
    side_open(&r, &a, AF_INET, &f, false);
    side_open(&r, &b, AF_INET, &f, false);
    cw_ep_join(a.ep, b.ep);
    settle(&r);
    fd = open_socket("127.0.0.1:0", &other.rtp);

    /* The far side speaks: the socket is connected to it, then open again for the other. */
    send_next(a.fd, &one, cw_ep_rtp_local(a.ep));
    g_assert_true(receive(b.fd, &rtp, data, sizeof data));
    cw_ep_rtp_others(a.ep, &other, 1);
    settle(&r);
    send_next(a.fd, &one, cw_ep_rtp_local(a.ep));
    g_assert_true(receive(b.fd, &rtp, data, sizeof data));
    send_next(fd, &two, cw_ep_rtp_local(a.ep));
    expect_nothing(b.fd);
    g_assert_cmpuint(a.others, ==, 0);

    /* It falls silent: the other is to be heard. Told once. */
    let_pass(450);
    for (unsigned i = 0; i < 3; i++)
        send_next(fd, &two, cw_ep_rtp_local(a.ep));
    await(&r, &a.others, 1);
    g_assert_cmpuint(a.other, ==, 9);
    expect_nothing(b.fd);
    as_far_side(&a, &other.rtp);
    cw_ep_rtp_others(a.ep, NULL, 0);
    settle(&r);
    send_next(fd, &two, cw_ep_rtp_local(a.ep));
    g_assert_true(receive(b.fd, &rtp, data, sizeof data));
    send_next(a.fd, &one, cw_ep_rtp_local(a.ep)); /* the first is nobody now */
    expect_nothing(b.fd);
    g_assert_cmpuint(a.others, ==, 1);

    /* An eager one need not wait. */
    other = (cw_ep_other){ .id = 4, .rtp = a.addr, .eager = true };
    cw_ep_rtp_others(a.ep, &other, 1);
    settle(&r);
    send_next(fd, &two, cw_ep_rtp_local(a.ep));
    g_assert_true(receive(b.fd, &rtp, data, sizeof data));
    send_next(a.fd, &one, cw_ep_rtp_local(a.ep));
    await(&r, &a.others, 2);
    g_assert_cmpuint(a.other, ==, 4);

    /* One whose far side may not be heard is silent, whatever it sends. */
    other.eager = false;
    cw_ep_rtp_others(a.ep, &other, 1);
    cw_ep_direction(a.ep, CW_SENDONLY);
    settle(&r);
    send_next(fd, &two, cw_ep_rtp_local(a.ep));
    send_next(a.fd, &one, cw_ep_rtp_local(a.ep));
    await(&r, &a.others, 3);
    close(fd);
    side_close(&a);
    side_close(&b);
    rig_close(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plane-early/fill", test_fill);
    g_test_add_func("/plane-early/fill-freed", test_fill_freed);
    g_test_add_func("/plane-early/others", test_others);
    return g_test_run();
}
