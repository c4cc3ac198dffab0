/* party.h - who somebody is: as a SIP peer says it, as the other side is told.
 *
 * Functions without a role are pure: any thread. Home of src/call only.
 */
#ifndef CW_CALL_PARTY_H
#define CW_CALL_PARTY_H

#include "call/route/number.h"
#include "sip/sip.h"

/* One end of a call, as the other end sees it. Strings are its own, valid UTF-8; NULL: unknown. */
typedef struct cw_party {
    char *uri, *display, *user;
    char *number;  /* as it is meant, see number.h */
    bool asserted; /* by a trusted trunk, or it is one of a user's own numbers */
    bool guest;    /* a user whose name was a free choice */
    bool withheld; /* wants not to be shown: the rest is for trusted networks and the log */
} cw_party;

void cw_party_clear(cw_party *party); /* one of zeroes is fine */
void cw_party_copy(cw_party *to, const cw_party *from);

/* For the other side: {"uri", "display", "number", "user", "asserted", "anonymous"}. */
json_t *cw_party_json(const cw_party *party);

/* What a message says about its sender, as text; NULL: nothing. */
typedef struct cw_said {
    const char *uri, *display, *user, *host;       /* From; user unescaped */
    const char *asserted, *remote_party, *privacy; /* fields of one name joined with commas */
    bool called;                                   /* it is a response: From is not its own */
} cw_said;

/* Who that is, where P-Asserted-Identity (RFC 3325) and Remote-Party-ID count only if `trusted`;
 * without them and From, nobody: uri is NULL then. */
void cw_party_read(const cw_conf *conf, const cw_writer *writer, bool trusted, const cw_said *said,
                   cw_party *ret);

/* Privacy asks that its sender be not shown (RFC 3323 4.2, RFC 3325 9.3). `privacy` may be NULL. */
bool cw_privacy_withholds(const char *privacy);

/* The sender of an INVITE; of a response to ours, NULL uri: it does not say, or is not trusted. */
void cw_party_of_invite(const cw_conf *conf, const cw_writer *writer, const cw_sip_invite *invite,
                        cw_party *ret) CW_ON_LOOP;
void cw_party_of_response(const cw_conf *conf, const cw_writer *writer,
                          const cw_sip_message *message, cw_party *ret) CW_ON_LOOP;
/* The sender of a request in the call (RFC 4916); NULL uri: From cannot be read. */
void cw_party_of_request(const cw_conf *conf, const cw_writer *writer,
                         const cw_sip_message *message, cw_party *ret) CW_ON_LOOP;

/* The values of all fields of this name with ", " between; NULL: none. g_free it. */
char *cw_message_all(const cw_sip_message *message, const char *name) CW_ON_LOOP;

/* What a number in a user part means to whom wrote it; NULL: it is none. g_free it. */
char *cw_party_number(const cw_conf *conf, const cw_writer *writer, const char *user);

#endif
