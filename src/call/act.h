/* act.h - what the moves of call.fsm do. */
#ifndef CW_CALL_ACT_H
#define CW_CALL_ACT_H

#include "call/priv.h"

/* An event with what the leg said. */
typedef struct cw_happening {
    cw_call_event event;
    cw_leg *leg; /* NULL: not a leg's */
    cw_leg_event detail;
} cw_happening;

typedef void cw_call_action(cw_call *call, const cw_happening *h);

/* Queue an event; run the table unless it is running. `detail` is copied. */
void cw_call_post(cw_call *call, cw_call_event event, cw_leg *leg,
                  const cw_leg_event *detail) CW_ON_LOOP;

cw_call_action cw_call_start_ringing, cw_call_tell_ringing, cw_call_give_early, cw_call_hear_other,
    cw_call_give_answer, cw_call_drop_leg, cw_call_join_media, cw_call_pass_streams,
    cw_call_pass_hold, cw_call_pass_key, cw_call_pass_muted, cw_call_pass_name, cw_call_judge_quiet,
    cw_call_finish;

/* transfer.c */
cw_call_action cw_call_start_transfer, cw_call_tell_moving, cw_call_hear_target, cw_call_let_go,
    cw_call_swap_leg, cw_call_return_call, cw_call_finish_moved, cw_call_replace_leg,
    cw_call_pull_leg, cw_call_pick_up, cw_call_take_over, cw_call_give_away;

#endif
