#include "media/mail.h"

#include <glib.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool cw_box_open(cw_box *box)
{
    atomic_init(&box->newest, NULL);
    atomic_init(&box->woken, false);
    box->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return box->fd >= 0;
}

void cw_box_close(cw_box *box)
{
    if (box->fd >= 0)
        close(box->fd);
    box->fd = -1;
}

void cw_box_leave(cw_box *box, cw_mail *mail)
{
    cw_mail *was = atomic_load_explicit(&box->newest, memory_order_relaxed);

    do
        mail->next = was;
    while (!atomic_compare_exchange_weak_explicit(&box->newest, &was, mail, memory_order_release,
                                                  memory_order_relaxed));
}

void cw_box_wake(cw_box *box)
{
    uint64_t one = 1;

    if (!atomic_exchange(&box->woken, true) && write(box->fd, &one, sizeof one) != sizeof one)
        g_assert_not_reached(); /* an eventfd of ours takes one always */
}

void cw_box_put(cw_box *box, cw_mail *mail)
{
    cw_box_leave(box, mail);
    cw_box_wake(box);
}

cw_mail *cw_box_take(cw_box *box)
{
    cw_mail *newest, *oldest = NULL;
    uint64_t count;

    if (read(box->fd, &count, sizeof count) < 0)
        return NULL;
    atomic_exchange(&box->woken, false); /* before the list: what is left later wakes again */
    newest = atomic_exchange_explicit(&box->newest, NULL, memory_order_acquire);
    while (newest) {
        cw_mail *next = newest->next;

        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

/* Held by its owner and by each post that is under way. */
struct cw_notes {
    cw_loop *loop;
    _Atomic(cw_note *) newest;
    cw_note *taken CW_OF_LOOP; /* oldest first; outlives a callback that frees the owner */
};

static void run_notes(void *arg)
{
    cw_notes *notes = arg;

    cw_assert_on_loop();
    cw_notes_drain(notes);
    g_atomic_rc_box_release(notes);
}

cw_notes *cw_notes_new(cw_loop *loop)
{
    cw_notes *notes = g_atomic_rc_box_new0(cw_notes);

    notes->loop = loop;
    return notes;
}

void cw_notes_raise(cw_notes *notes, cw_note *note, unsigned bits)
{
    cw_note *was;

    if (atomic_fetch_or_explicit(&note->bits, bits, memory_order_acq_rel))
        return;
    was = atomic_load_explicit(&notes->newest, memory_order_relaxed);
    do
        note->next = was;
    while (!atomic_compare_exchange_weak_explicit(&notes->newest, &was, note, memory_order_release,
                                                  memory_order_relaxed));
    if (!was)
        cw_loop_post(notes->loop, run_notes, g_atomic_rc_box_acquire(notes));
}

static void take(cw_notes *notes) CW_ON_LOOP
{
    cw_note *newest = atomic_exchange_explicit(&notes->newest, NULL, memory_order_acquire);
    cw_note **end = &notes->taken;
    cw_note *oldest = NULL;

    while (newest) {
        cw_note *next = newest->next;

        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (*end)
        end = &(*end)->next;
    *end = oldest;
}

void cw_notes_drain(cw_notes *notes)
{
    cw_note *note;

    take(notes);
    while ((note = notes->taken)) {
        notes->taken = note->next; /* first: once its bits are clear it may be queued again */
        note->fn(note, atomic_exchange_explicit(&note->bits, 0, memory_order_acq_rel));
    }
}

void cw_notes_free(cw_notes *notes)
{
    cw_notes_drain(notes);
    g_atomic_rc_box_release(notes);
}
