/* The call's table with legs made for the test: every state and event, who is told what, nothing
 * left behind. */
#include "base/log.h"
#include "base/stats.h"
#include "call/act.h"
#include "call/priv.h"
#include "call/transfer/transfer.h"

#include <string.h>

/* ── A leg that only remembers ── */

typedef struct fake {
    cw_leg leg;
    unsigned offers, rings, earlies, answers, holds, digits, infos, updates, ends, refers;
    GString *moves, *told; /* NULL: it has no program */
    cw_err refuse_refer;
    cw_err refuse_offer, refuse_answer;
    cw_cause cause;
    cw_by by;
} fake;

static unsigned legs_alive;

static cw_err fake_offer(cw_leg *leg, const cw_media_desc *desc, const cw_party *from)
{
    ((fake *)leg)->offers++;
    return ((fake *)leg)->refuse_offer;
}

static void fake_ring(cw_leg *leg, int status, const cw_media_desc *foretold)
{
    ((fake *)leg)->rings++;
}

static cw_err fake_answer(cw_leg *leg, const cw_media_desc *answer, int early)
{
    if (early)
        ((fake *)leg)->earlies++;
    else
        ((fake *)leg)->answers++;
    return ((fake *)leg)->refuse_answer;
}

static cw_err fake_update(cw_leg *leg, const cw_media_desc *desc)
{
    ((fake *)leg)->updates++;
    return CW_OK;
}

static void fake_hold(cw_leg *leg, bool on)
{
    ((fake *)leg)->holds++;
}

static cw_err fake_dtmf(cw_leg *leg, char digit, unsigned duration_ms, bool passed)
{
    ((fake *)leg)->digits++;
    return CW_OK;
}

static void fake_info(cw_leg *leg, const json_t *muted)
{
    ((fake *)leg)->infos++;
}

static void fake_end(cw_leg *leg, const cw_cause *cause, cw_by by)
{
    ((fake *)leg)->ends++;
    ((fake *)leg)->cause = *cause;
    ((fake *)leg)->by = by;
}

static void fake_tell(cw_leg *leg, const char *method, const json_t *params)
{
    const json_t *peer = json_object_get(params, "peer");
    fake *f = (fake *)leg;

    if (peer)
        g_string_append_printf(f->told, "%s %s, ", method,
                               json_string_value(json_object_get(peer, "uri")));
}

static bool fake_moved(cw_leg *leg, cw_moving state, int status, const cw_cause *cause)
{
    static const char *const words[] = { "trying", "ringing", "done", "failed" };

    g_string_append_printf(((fake *)leg)->moves, "%s%s%s, ", words[state],
                           cause && cause->err ? " " : "",
                           cause && cause->err ? cw_err_kind(cause->err) : "");
    return false;
}

static cw_err fake_refer(cw_leg *leg, const cw_sip_refer_to *to)
{
    ((fake *)leg)->refers++;
    return ((fake *)leg)->refuse_refer;
}

static cw_ep *fake_endpoint(cw_leg *leg, unsigned stream)
{
    return NULL;
}

static void fake_describe(cw_leg *leg, json_t *into) {}

/* The test looks at it after the call's end, so the test frees it. */
static void fake_free(cw_leg *leg)
{
    legs_alive--;
}

static const cw_leg_ops fake_ops = {
    .kind = "fake",
    .offer = fake_offer,
    .ring = fake_ring,
    .answer = fake_answer,
    .update = fake_update,
    .hold = fake_hold,
    .dtmf = fake_dtmf,
    .info = fake_info,
    .tell = fake_tell,
    .moved = fake_moved,
    .refer = fake_refer,
    .end = fake_end,
    .endpoint = fake_endpoint,
    .describe = fake_describe,
    .free = fake_free,
};

static void fake_init(fake *f, const char *name)
{
    cw_assert_on_loop();
    memset(f, 0, sizeof *f);
    cw_leg_init(&f->leg, &fake_ops, name);
    f->moves = g_string_new(NULL);
    f->told = g_string_new(NULL);
    legs_alive++;
}

/* ── A call between them ── */

typedef struct setting {
    cw_loop *loop;
    cw_conf *conf;
    cw_calls *calls;
    cw_call *call;
    cw_id id;
    fake a, b[2], n; /* n: somebody else, not in the call at first */
    bool with_n;
} setting;

static void set_up(setting *s)
{
    cw_assert_on_loop();
    g_assert_cmpint(cw_loop_new(&s->loop), ==, CW_OK);
    s->conf = cw_conf_defaults();
    s->calls = cw_calls_new(s->loop, s->conf);
    fake_init(&s->a, "a");
    fake_init(&s->b[0], "b0");
    fake_init(&s->b[1], "b1");
    fake_init(&s->n, "n");
    s->with_n = false;
    s->call = cw_call_new(s->calls, "user:b");
    s->id = s->call->id;
    cw_call_set_a(s->call, &s->a.leg);
    cw_call_add_b(s->call, &s->b[0].leg);
    cw_call_add_b(s->call, &s->b[1].leg);
}

static bool alive(const setting *s)
{
    cw_assert_on_loop();
    return cw_calls_find(s->calls, s->id) != NULL;
}

static void settle(setting *s)
{
    cw_assert_on_loop();
    for (int i = 0; i < 4; i++)
        cw_loop_step(s->loop, 1);
}

static void tear_down(setting *s)
{
    fake *const all[] = { &s->a, &s->b[0], &s->b[1], &s->n };

    cw_assert_on_loop();
    cw_calls_free(s->calls);
    if (!s->with_n)
        cw_leg_free(&s->n.leg);
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        g_string_free(all[i]->moves, TRUE);
        g_string_free(all[i]->told, TRUE);
    }
    g_assert_cmpuint(legs_alive, ==, 0);
    g_assert_cmpint(cw_stat_get(CW_STAT_calls), ==, 0);
    g_assert_cmpuint(cw_loop_timers(s->loop), ==, 0);
    cw_conf_free(s->conf);
    cw_loop_free(s->loop);
}

static void dial(setting *s)
{
    cw_assert_on_loop();
    g_assert_cmpint(cw_call_dial(s->call), ==, CW_OK);
    settle(s);
}

/* The callee is to be with n in place of the caller. */
static void prepare(setting *s)
{
    cw_transfer *t = g_new0(cw_transfer, 1);

    cw_assert_on_loop();
    t->by = &s->a.leg;
    t->stays = &s->b[0].leg;
    t->to = g_ptr_array_new();
    t->party = g_new0(cw_party, 1);
    t->target = g_strdup("user:n");
    cw_party_of_target(t->target, t->party);
    cw_call_add_b(s->call, &s->n.leg);
    g_ptr_array_add(t->to, &s->n.leg);
    s->call->transfer = t;
    s->with_n = true;
}

static void bring_to(setting *s, cw_call_state state)
{
    cw_assert_on_loop();
    if (state == CW_CALL_NEW) {
        s->call->held_back = false; /* the table is asked before anybody was dialled */
        return;
    }
    dial(s);
    if (state == CW_CALL_RINGING)
        cw_leg_emit(&s->b[0].leg, &(cw_leg_event){ .what = CW_LEG_RINGING, .status = 180 });
    if (state == CW_CALL_EARLY)
        cw_leg_tell(&s->b[0].leg, CW_LEG_EARLY);
    if (state == CW_CALL_UP)
        cw_leg_tell(&s->b[0].leg, CW_LEG_ANSWERED);
    if (state == CW_CALL_MOVING) {
        cw_leg_tell(&s->b[0].leg, CW_LEG_ANSWERED);
        prepare(s);
        cw_call_post(s->call, CW_CALL_TRANSFER, NULL, NULL);
    }
    if (state == CW_CALL_DONE)
        cw_call_end(s->call, &(cw_cause){ .gateway = true });
}

/* ── Every state and event ── */

/* Columns as cw_call_event: DIALLED RINGS HEARD ANSWERED MEDIA STREAMS HELD KEY MUTED NAMED
 * QUIET LEFT A_ENDED B_ENDED TIMED_OUT ENDED, then TRANSFER T_RINGS T_HEARD T_ANSWERED T_MOVED
 * T_LEFT T_ENDED BY_ENDED REPLACED PULLED JOINED GIVEN GONE. A letter is the state it leads to, a
 * dot: dropped. */
static const struct {
    const char *name;
    cw_call_state from;
    const char *to;
} table[] = {
    { "new", CW_CALL_NEW, "d...........X..X............." },
    { "dialling", CW_CALL_DIALLING, ".reu.......dXXXX........u..X." },
    { "ringing", CW_CALL_RINGING, ".reu.......rXXXX........u..X." },
    { "early", CW_CALL_EARLY, ".eeue..eee.eXXXX........u..X." },
    { "up", CW_CALL_UP, "....uuuuuuu.XX.Xm.......uuuXu" },
    { "moving", CW_CALL_MOVING, "....m.mmmm..XXuX.mmuXmum....m" },
    { "done", CW_CALL_DONE, "............................." },
};

static cw_call_state state_of(char letter, cw_call_state from)
{
    static const char letters[] = {
        [CW_CALL_NEW] = 'n',   [CW_CALL_DIALLING] = 'd', [CW_CALL_RINGING] = 'r',
        [CW_CALL_EARLY] = 'e', [CW_CALL_UP] = 'u',       [CW_CALL_MOVING] = 'm',
        [CW_CALL_DONE] = 'X'
    };

    for (int i = 0; i < CW_CALL_STATES; i++)
        if (letters[i] == letter)
            return (cw_call_state)i;
    return from;
}

static void one_move(cw_call_state from, cw_call_event event, char want)
{
    int64_t dropped = cw_stat_get(CW_STAT_call_events_dropped);
    g_autoptr(json_t) info = json_object();
    cw_leg_event detail = { .digit = '1', .duration_ms = 100, .info = info };
    bool of_a = event == CW_CALL_A_ENDED || event == CW_CALL_KEY;
    setting s;

    cw_assert_on_loop();
    set_up(&s);
    bring_to(&s, from);
    g_assert_cmpint(s.call->state, ==, from);
    if (event >= CW_CALL_TRANSFER && event < CW_CALL_GIVEN && from == CW_CALL_UP)
        prepare(&s);
    if (event == CW_CALL_REPLACED || event == CW_CALL_PULLED) {
        if (!s.with_n)
            cw_call_add_b(s.call, &s.n.leg);
        s.with_n = true;
        g_clear_pointer(&s.call->transfer, cw_transfer_free);
        s.call->replaced = &s.b[0].leg;
    }
    if (event == CW_CALL_BY_ENDED)
        of_a = true;
    cw_call_post(s.call, event,
                 event >= CW_CALL_TRANSFER && !of_a ? &s.n.leg
                 : of_a                             ? &s.a.leg
                                                    : &s.b[0].leg,
                 &detail);
    g_assert_cmpint(s.call->state, ==, state_of(want, from));
    g_assert_cmpint(cw_stat_get(CW_STAT_call_events_dropped) - dropped, ==, want == '.');
    if (s.call->state == CW_CALL_DONE) {
        g_assert_cmpuint(s.a.ends, ==, 1);
        g_assert_cmpuint(s.b[0].ends, ==, 1);
        g_assert_cmpuint(s.b[1].ends, ==, 1);
        settle(&s);
        g_assert_false(alive(&s));
    }
    tear_down(&s);
}

static void every_move(gconstpointer data)
{
    int row = GPOINTER_TO_INT(data);

    g_assert_cmpuint(strlen(table[row].to), ==, CW_CALL_EVENTS);
    for (int event = 0; event < CW_CALL_EVENTS; event++)
        one_move(table[row].from, (cw_call_event)event, table[row].to[event]);
}

/* ── Stories ── */

static void answered_by_second(void)
{
    setting s;

    cw_assert_on_loop();
    set_up(&s);
    dial(&s);
    cw_leg_emit(&s.b[0].leg, &(cw_leg_event){ .what = CW_LEG_RINGING, .status = 180 });
    cw_leg_tell(&s.b[1].leg, CW_LEG_ANSWERED);
    g_assert_cmpuint(s.a.rings, ==, 1);
    g_assert_cmpuint(s.a.answers, ==, 1);
    g_assert_true(s.call->winner == &s.b[1].leg);
    g_assert_cmpint(s.b[0].cause.err, ==, CW_E_ANSWERED_ELSEWHERE);
    g_assert_cmpuint(s.b[1].ends, ==, 0);
    /* too late: it does not hear of its answer, and the call goes on */
    cw_leg_tell(&s.b[0].leg, CW_LEG_ANSWERED);
    g_assert_cmpuint(s.a.answers, ==, 1);
    cw_leg_emit(&s.b[1].leg, &(cw_leg_event){ .what = CW_LEG_ENDED });
    g_assert_cmpint(s.a.cause.err, ==, CW_OK);
    g_assert_cmpint(s.a.by, ==, CW_BY_PEER);
    g_assert_cmpint(s.b[1].by, ==, CW_BY_YOU);
    settle(&s);
    g_assert_false(alive(&s));
    tear_down(&s);
}

static void one_leaves_other_rings(void)
{
    cw_leg_event gone = { .what = CW_LEG_ENDED, .cause = { .err = CW_E_ICE, .gateway = true } };
    setting s;

    cw_assert_on_loop();
    set_up(&s);
    dial(&s);
    cw_leg_emit(&s.b[0].leg, &gone);
    g_assert_true(alive(&s));
    g_assert_cmpuint(s.b[0].ends, ==, 1);
    g_assert_cmpuint(s.a.ends, ==, 0);
    cw_leg_emit(&s.b[1].leg, &gone);
    g_assert_cmpint(s.a.cause.err, ==, CW_E_ICE);
    g_assert_cmpuint(s.b[0].ends, ==, 1);
    tear_down(&s);
}

static void one_no_is_for_all(void)
{
    setting s;

    cw_assert_on_loop();
    set_up(&s);
    dial(&s);
    cw_leg_emit(
        &s.b[0].leg,
        &(cw_leg_event){ .what = CW_LEG_ENDED, .all = true, .cause = { .err = CW_E_DECLINED } });
    g_assert_cmpint(s.a.cause.err, ==, CW_E_DECLINED);
    g_assert_cmpint(s.b[1].cause.err, ==, CW_E_DECLINED);
    g_assert_cmpint(s.b[1].by, ==, CW_BY_PEER);
    tear_down(&s);
}

static void cancelled(void)
{
    setting s;

    cw_assert_on_loop();
    set_up(&s);
    dial(&s);
    cw_leg_emit(&s.a.leg, &(cw_leg_event){ .what = CW_LEG_ENDED });
    g_assert_cmpint(s.b[0].cause.err, ==, CW_E_CANCELLED);
    g_assert_cmpint(s.b[0].by, ==, CW_BY_PEER);
    g_assert_cmpint(s.a.by, ==, CW_BY_YOU);
    tear_down(&s);
}

static void rings_too_long(void)
{
    setting s;

    cw_assert_on_loop();
    set_up(&s);
    s.conf->sip.ring_timeout_ms = 20;
    dial(&s);
    for (int i = 0; i < 200 && !s.a.ends; i++)
        cw_loop_step(s.loop, 10);
    g_assert_cmpint(s.a.cause.err, ==, CW_E_TIMEOUT);
    g_assert_cmpint(s.b[1].cause.err, ==, CW_E_TIMEOUT);
    g_assert_cmpint(s.a.by, ==, CW_BY_GATEWAY);
    tear_down(&s);
}

static void answer_that_fails(void)
{
    setting s;

    cw_assert_on_loop();
    set_up(&s);
    dial(&s);
    s.a.refuse_answer = CW_E_NO_CODEC;
    cw_leg_tell(&s.b[0].leg, CW_LEG_ANSWERED);
    g_assert_cmpint(s.a.cause.err, ==, CW_E_NO_CODEC);
    g_assert_cmpint(s.b[0].cause.err, ==, CW_E_NO_CODEC);
    g_assert_cmpint(s.a.by, ==, CW_BY_GATEWAY);
    tear_down(&s);
}

static void nobody_takes_it(void)
{
    setting s;

    cw_assert_on_loop();
    set_up(&s);
    s.b[0].refuse_offer = s.b[1].refuse_offer = CW_E_NO_CODEC;
    g_assert_cmpint(cw_call_dial(s.call), ==, CW_E_NO_CODEC);
    cw_call_abandon(s.call, CW_E_NO_CODEC);
    g_assert_cmpuint(s.a.ends + s.b[0].ends + s.b[1].ends, ==, 0);
    g_assert_false(alive(&s));
    tear_down(&s);
}

static void answer_before_dial_returns(void)
{
    setting s;

    cw_assert_on_loop();
    set_up(&s);
    cw_leg_tell(&s.b[0].leg, CW_LEG_ANSWERED); /* as a service does inside its offer */
    g_assert_cmpuint(s.a.answers, ==, 0);
    dial(&s);
    g_assert_cmpuint(s.a.answers, ==, 1);
    g_assert_cmpint(s.call->state, ==, CW_CALL_UP);
    tear_down(&s);
}

static void passed_on(void)
{
    g_autoptr(json_t) muted = json_pack("{s:b}", "audio", 1);
    setting s;

    cw_assert_on_loop();
    set_up(&s);
    dial(&s);
    cw_leg_tell(&s.b[0].leg, CW_LEG_ANSWERED);
    cw_leg_emit(&s.a.leg, &(cw_leg_event){ .what = CW_LEG_HELD, .on = true });
    cw_leg_emit(&s.a.leg, &(cw_leg_event){ .what = CW_LEG_DTMF, .digit = '5' });
    cw_leg_emit(&s.b[0].leg, &(cw_leg_event){ .what = CW_LEG_DTMF, .digit = '6' });
    cw_leg_emit(&s.b[0].leg, &(cw_leg_event){ .what = CW_LEG_INFO, .info = muted });
    cw_leg_tell(&s.a.leg, CW_LEG_CHANGED);
    g_assert_cmpuint(s.b[0].holds, ==, 1);
    g_assert_cmpuint(s.b[0].digits, ==, 1);
    g_assert_cmpuint(s.a.digits, ==, 1);
    g_assert_cmpuint(s.a.infos, ==, 1);
    g_assert_cmpuint(s.b[0].updates, ==, 1);
    tear_down(&s);
}

static void ladder_stays(void)
{
    g_autoptr(json_t) ladder = NULL;
    setting s;

    cw_assert_on_loop();
    set_up(&s);
    s.conf->limits.ladders_max = 1;
    dial(&s);
    g_assert_cmpint(cw_call_hangup(s.calls, s.id), ==, CW_OK);
    settle(&s);
    g_assert_cmpint(cw_call_hangup(s.calls, s.id), ==, CW_E_NO_CALL);
    ladder = cw_call_ladder(s.calls, s.id);
    g_assert_nonnull(ladder);
    g_assert_cmpuint(json_array_size(json_object_get(ladder, "rows")), >, 0);
    tear_down(&s);
}

/* ── Transfer ── */

static void moving(setting *s)
{
    cw_assert_on_loop();
    set_up(s);
    bring_to(s, CW_CALL_MOVING);
    g_assert_cmpint(s->call->state, ==, CW_CALL_MOVING);
}

static void end_of(fake *f, cw_err err)
{
    cw_assert_on_loop();
    cw_leg_emit(&f->leg, &(cw_leg_event){ .what = CW_LEG_ENDED, .cause = { .err = err } });
}

/* The caller transfers the callee, who stays as it is. */
static void transfer_done(void)
{
    setting s;

    cw_assert_on_loop();
    moving(&s);
    s.a.leg.held = true; /* as one does before */
    cw_leg_emit(&s.n.leg, &(cw_leg_event){ .what = CW_LEG_RINGING, .status = 180 });
    cw_leg_tell(&s.n.leg, CW_LEG_ANSWERED);
    g_assert_cmpstr(s.a.moves->str, ==, "trying, ringing, done, ");
    g_assert_cmpint(s.a.cause.err, ==, CW_E_TRANSFERRED);
    g_assert_cmpuint(s.a.ends, ==, 1);
    g_assert_true(s.call->a == &s.n.leg && s.call->winner == &s.b[0].leg);
    g_assert_cmpstr(s.call->from.uri, ==, "user:n");
    g_assert_cmpstr(s.b[0].told->str, ==, "call.info user:n, ");
    g_assert_cmpuint(s.b[0].holds, ==, 1); /* no longer held */
    g_assert_cmpuint(s.b[0].offers + s.b[0].answers, ==, 1);
    end_of(&s.n, CW_OK);
    g_assert_cmpuint(s.b[0].ends, ==, 1);
    settle(&s);
    g_assert_false(alive(&s));
    tear_down(&s);
}

static void transfer_failed(void)
{
    setting s;

    cw_assert_on_loop();
    moving(&s);
    end_of(&s.n, CW_E_BUSY);
    g_assert_cmpstr(s.a.moves->str, ==, "trying, failed busy, ");
    g_assert_cmpint(s.call->state, ==, CW_CALL_UP);
    g_assert_null(s.call->transfer);
    g_assert_cmpuint(s.a.ends + s.b[0].ends, ==, 0);
    g_assert_cmpuint(s.n.ends, ==, 1);
    end_of(&s.b[0], CW_OK);
    g_assert_cmpint(s.a.by, ==, CW_BY_PEER);
    settle(&s);
    tear_down(&s);
}

/* Who transfers hangs up: it goes on, and its failure ends the call. */
static void transferor_leaves(void)
{
    setting s;

    cw_assert_on_loop();
    moving(&s);
    end_of(&s.a, CW_OK);
    g_assert_cmpint(s.call->state, ==, CW_CALL_MOVING);
    g_assert_cmpuint(s.a.ends, ==, 1);
    g_assert_cmpuint(s.b[0].ends, ==, 0);
    end_of(&s.n, CW_E_DECLINED);
    g_assert_cmpuint(s.b[0].ends, ==, 1);
    g_assert_cmpint(s.b[0].cause.err, ==, CW_E_DECLINED);
    settle(&s);
    g_assert_false(alive(&s));
    tear_down(&s);
}

static void who_stays_leaves(void)
{
    setting s;

    cw_assert_on_loop();
    moving(&s);
    end_of(&s.b[0], CW_OK);
    g_assert_cmpuint(s.a.ends, ==, 1);
    g_assert_cmpuint(s.n.ends, ==, 1);
    settle(&s);
    g_assert_false(alive(&s));
    tear_down(&s);
}

/* By REFER: the callee does it. */
static void referred(void)
{
    cw_sip_refer_to to = { .uri = (char *)"sip:n@h" };
    setting s;

    for (int done = 0; done < 2; done++) {
        cw_assert_on_loop();
        set_up(&s);
        bring_to(&s, CW_CALL_UP);
        s.b[0].refuse_refer = CW_E_UNSUPPORTED;
        g_assert_cmpint(cw_call_refer(s.call, &s.a.leg, &to), ==, CW_E_UNSUPPORTED);
        g_assert_cmpint(s.call->state, ==, CW_CALL_UP);
        s.b[0].refuse_refer = CW_OK;
        g_assert_cmpint(cw_call_refer(s.call, &s.a.leg, &to), ==, CW_OK);
        g_assert_cmpint(cw_call_refer(s.call, &s.a.leg, &to), ==, CW_E_STATE);
        settle(&s);
        g_assert_cmpint(s.call->state, ==, CW_CALL_MOVING);
        cw_leg_emit(&s.b[0].leg, &(cw_leg_event){ .what = CW_LEG_REPORTED, .status = 100 });
        cw_leg_emit(&s.b[0].leg, &(cw_leg_event){ .what = CW_LEG_REPORTED, .status = 180 });
        cw_leg_emit(&s.b[0].leg, &(cw_leg_event){ .what = CW_LEG_REPORTED,
                                                  .status = done ? 200 : 486,
                                                  .cause = { .err = done ? CW_OK : CW_E_BUSY } });
        g_assert_cmpstr(s.a.moves->str, ==,
                        done ? "trying, ringing, done, " : "trying, ringing, failed busy, ");
        g_assert_cmpuint(s.b[0].ends, ==, (unsigned)done);
        if (!done)
            end_of(&s.a, CW_OK);
        settle(&s);
        g_assert_false(alive(&s));
        tear_down(&s);
    }
}

/* A second call of the same caller, to n. */
static cw_call *consult(setting *s, fake *a2, cw_call_state state)
{
    cw_call *call;

    cw_assert_on_loop();
    fake_init(a2, "a2");
    call = cw_call_new(s->calls, "user:n");
    cw_call_set_a(call, &a2->leg);
    cw_call_add_b(call, &s->n.leg);
    s->with_n = true;
    g_assert_cmpint(cw_call_dial(call), ==, CW_OK);
    settle(s);
    cw_leg_emit(&s->n.leg, &(cw_leg_event){ .what = CW_LEG_RINGING, .status = 180 });
    if (state == CW_CALL_UP)
        cw_leg_tell(&s->n.leg, CW_LEG_ANSWERED);
    g_assert_cmpint(call->state, ==, state);
    return call;
}

static void forget(fake *f)
{
    g_string_free(f->moves, TRUE);
    g_string_free(f->told, TRUE);
}

static void joined(void)
{
    cw_call *second;
    setting s;
    fake a2;

    cw_assert_on_loop();
    set_up(&s);
    bring_to(&s, CW_CALL_UP);
    second = consult(&s, &a2, CW_CALL_UP);
    g_assert_cmpint(cw_call_join_calls(s.call, &s.a.leg, s.call, &s.a.leg), ==, CW_E_STATE);
    g_assert_cmpint(cw_call_join_calls(s.call, &s.a.leg, second, &a2.leg), ==, CW_OK);
    g_assert_cmpint(s.a.cause.err, ==, CW_E_TRANSFERRED);
    g_assert_cmpint(a2.cause.err, ==, CW_E_TRANSFERRED);
    g_assert_cmpuint(s.n.ends + s.b[0].ends, ==, 0);
    g_assert_cmpstr(s.b[0].told->str, ==, "call.info user:n, ");
    g_assert_true(cw_call_other(s.call, &s.n.leg) == &s.b[0].leg);
    settle(&s); /* the second is gone */
    g_assert_cmpint(cw_stat_get(CW_STAT_calls), ==, 1);
    end_of(&s.n, CW_OK);
    g_assert_cmpuint(s.b[0].ends, ==, 1);
    settle(&s);
    g_assert_false(alive(&s));
    tear_down(&s);
    forget(&a2);
}

/* Before the second was answered; it refuses. */
static void joined_ringing(void)
{
    cw_call *second;
    setting s;
    fake a2;

    cw_assert_on_loop();
    set_up(&s);
    bring_to(&s, CW_CALL_UP);
    second = consult(&s, &a2, CW_CALL_RINGING);
    g_assert_cmpint(cw_call_join_calls(s.call, &s.a.leg, second, &a2.leg), ==, CW_OK);
    g_assert_cmpint(s.call->state, ==, CW_CALL_MOVING);
    g_assert_cmpint(a2.cause.err, ==, CW_E_TRANSFERRED);
    settle(&s);
    end_of(&s.n, CW_E_BUSY);
    g_assert_cmpstr(s.a.moves->str, ==, "trying, ringing, failed busy, ");
    g_assert_cmpint(s.call->state, ==, CW_CALL_UP);
    end_of(&s.a, CW_OK);
    settle(&s);
    tear_down(&s);
    forget(&a2);
}

/* Somebody comes in the callee's place. */
static void replaced(void)
{
    setting s;

    for (int ringing = 0; ringing < 2; ringing++) {
        cw_assert_on_loop();
        set_up(&s);
        bring_to(&s, ringing ? CW_CALL_RINGING : CW_CALL_UP);
        s.n.refuse_answer = CW_E_NO_CODEC;
        g_assert_cmpint(cw_call_replace(s.call, &s.b[0].leg, &s.n.leg), ==, CW_E_NO_CODEC);
        s.n.refuse_answer = CW_OK;
        g_assert_cmpint(cw_call_replace(s.call, &s.b[0].leg, &s.n.leg), ==, CW_OK);
        s.with_n = true;
        g_assert_cmpint(s.call->state, ==, CW_CALL_UP);
        g_assert_true(s.call->winner == &s.n.leg);
        g_assert_cmpuint(s.b[0].ends, ==, 1);
        g_assert_cmpuint(s.a.ends, ==, 0);
        g_assert_cmpuint(s.a.answers, ==, 1);
        g_assert_cmpint(cw_call_replace(s.call, &s.b[0].leg, &s.n.leg), ==, CW_E_STATE);
        end_of(&s.a, CW_OK);
        settle(&s);
        g_assert_false(alive(&s));
        tear_down(&s);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    cw_role_take(&cw_role_loop);
    g_assert_cmpint(cw_log_set_level(NULL, "error"), ==, CW_OK);
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autofree char *path = g_strdup_printf("/call/every-event-in/%s", table[i].name);

        g_test_add_data_func(path, GINT_TO_POINTER(i), every_move);
    }
    g_test_add_func("/call/answered-by-second", answered_by_second);
    g_test_add_func("/call/one-leaves-other-rings", one_leaves_other_rings);
    g_test_add_func("/call/one-no-is-for-all", one_no_is_for_all);
    g_test_add_func("/call/cancelled", cancelled);
    g_test_add_func("/call/rings-too-long", rings_too_long);
    g_test_add_func("/call/answer-that-fails", answer_that_fails);
    g_test_add_func("/call/nobody-takes-it", nobody_takes_it);
    g_test_add_func("/call/answer-before-dial-returns", answer_before_dial_returns);
    g_test_add_func("/call/passed-on", passed_on);
    g_test_add_func("/call/ladder-stays", ladder_stays);
    g_test_add_func("/call/transfer/done", transfer_done);
    g_test_add_func("/call/transfer/failed", transfer_failed);
    g_test_add_func("/call/transfer/transferor-leaves", transferor_leaves);
    g_test_add_func("/call/transfer/who-stays-leaves", who_stays_leaves);
    g_test_add_func("/call/transfer/referred", referred);
    g_test_add_func("/call/transfer/joined", joined);
    g_test_add_func("/call/transfer/joined-ringing", joined_ringing);
    g_test_add_func("/call/transfer/replaced", replaced);
    return g_test_run();
}
