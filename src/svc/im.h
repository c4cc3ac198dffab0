/* im.h - messages between users: texts, and what their programs say to each other. Loop thread.
 *
 * Whoever has devices of users takes part: browsers' sessions by themselves, others by cw_im_ops.
 */
#ifndef CW_SVC_IM_H
#define CW_SVC_IM_H

#include "base/conf.h"
#include "base/json.h"
#include "call/call.h"

#define CW_IM_ID_MAX 64 /* characters of a message's id */

typedef struct cw_im cw_im;

typedef struct cw_im_message {
    const char *from;    /* a user */
    const char *display; /* their name for people; "" is fine */
    const char *id;      /* the sender's; NULL: none */
    bool is_text;
    const char *type, *body; /* a text: of which MIME type */
    const char *event;       /* data: what it is about; NULL: not told */
    json_t *data;            /* borrowed */
} cw_im_message;

/* What became of it. */
typedef struct cw_im_receipt {
    char id[CW_IM_ID_MAX + 1];
    bool queued;   /* its devices have lost their connections: they get it if they come back */
    int64_t ts_ms; /* since 1970 */
} cw_im_receipt;

/* Devices of another kind, such as SIP over WebSocket. */
typedef struct cw_im_ops {
    /* Give it to those of the user `to`; returns how many took it on. */
    unsigned (*deliver)(void *arg, const char *to, const cw_im_message *message, int64_t ts_ms);
} cw_im_ops;

cw_im *cw_im_new(const cw_conf *conf, cw_calls *calls) CW_ON_LOOP;
void cw_im_free(cw_im *im) CW_ON_LOOP; /* NULL is fine */
/* `ops` outlive it. */
void cw_im_also(cw_im *im, const cw_im_ops *ops, void *arg) CW_ON_LOOP;

/* Send to every device of the user `to`; whether the sender may is the caller's to know. One whose
 * id the sender used within limits.message_repeat_s is not delivered again: *ret is as it was.
 *
 * CW_E_UNAVAILABLE  no device
 */
CW_NODISCARD cw_err cw_im_send(cw_im *im, const char *to, const cw_im_message *message,
                               cw_im_receipt *ret) CW_ON_LOOP;

/* The notification of proto.def that a browser's program gets of it. */
json_t *cw_im_params(const cw_im_message *message, const char *id, int64_t ts_ms) CW_ON_LOOP;
const char *cw_im_method(const cw_im_message *message) CW_ON_LOOP;

#endif
