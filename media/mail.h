/* mail.h - what loop and worker tell each other. No lock: each box is a list that writers push onto
 * and the reader takes whole.
 *
 *   box    loop to worker: messages that own their data; the first wakes the worker's descriptor
 *   notes  worker to loop: a note lies in the object it is about, and what happens again before the
 *          loop has looked is one note still. So telling the loop allocates nothing.
 */
#ifndef CW_MEDIA_MAIL_H
#define CW_MEDIA_MAIL_H

#include "base/loop.h"

#include <stdatomic.h>
#include <stdbool.h>

struct cw_worker;

/* First member of every message; `run` does the work and frees it. */
typedef struct cw_mail {
    struct cw_mail *next;
    void (*run)(struct cw_worker *worker, struct cw_mail *mail);
} cw_mail;

typedef struct cw_box {
    _Atomic(cw_mail *) newest;
    atomic_bool woken; /* since the reader last looked */
    int fd;            /* eventfd, readable when there may be mail */
} cw_box;

CW_NODISCARD bool cw_box_open(cw_box *box);  /* any thread */
void cw_box_close(cw_box *box);              /* any thread */
void cw_box_put(cw_box *box, cw_mail *mail); /* any thread */
/* The two halves of cw_box_put, for who has more to say: any thread. */
void cw_box_leave(cw_box *box, cw_mail *mail);
void cw_box_wake(cw_box *box); /* any thread */
/* All mail, oldest first; NULL: none. Any thread, but always the same. */
cw_mail *cw_box_take(cw_box *box);

/* `fn` gets the bits raised since it last ran. */
typedef struct cw_note {
    struct cw_note *next;
    _Atomic unsigned bits;
    void (*fn)(struct cw_note *note, unsigned bits);
} cw_note;

typedef struct cw_notes cw_notes;

cw_notes *cw_notes_new(cw_loop *loop) CW_ON_LOOP;
void cw_notes_raise(cw_notes *notes, cw_note *note,
                    unsigned bits); /* any thread, always the same */
/* Run what is there now: before the objects go, when no thread raises any more. */
void cw_notes_drain(cw_notes *notes) CW_ON_LOOP;
void cw_notes_free(cw_notes *notes) CW_ON_LOOP;

#endif
