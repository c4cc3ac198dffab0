/* number.h - telephone numbers: as written, as meant (E.164 where it can be), as a trunk wants
 * them.
 *
 * Pure functions over the records `number` of the configuration. Home of src/call only.
 */
#ifndef CW_CALL_NUMBER_H
#define CW_CALL_NUMBER_H

#include "base/conf.h"
#include "base/json.h"

#define CW_NUMBER_MAX 32 /* digits of a number; E.164 has 15, private plans some more */
#define CW_NUMBER_STR (CW_NUMBER_MAX + 2)

/* A number as somebody wrote it. */
typedef struct cw_number {
    char text[CW_NUMBER_STR]; /* "+331234", "0123", "*21#": no visual separators */
    char context[65];         /* phone-context, lower case; "": none */
    char params[97];          /* ";ext=12;isub=3;postd=1pp2", what of them there was; "": none */
} cw_number;

/* A number with its parameters: "+33 (1) 23-45", "0123;phone-context=+33;isub=7", "*21#". Not for
 * what precedes: no "tel:". False: no number, or longer than one can be. */
bool cw_number_read(const char *text, cw_number *ret);

/* The same for the part of a tel: URI behind its scheme: escaped (RFC 3986 2.1). */
bool cw_number_read_uri(const char *text, cw_number *ret);

/* Whoever wrote a number: a user, a trunk, or another SIP peer (neither). */
typedef struct cw_writer {
    const char *user;
    const struct cw_conf_trunk *trunk;
} cw_writer;

/* What a number means: "+331234", or as it is in a private plan. *row is the record that said so,
 * NULL: none fits; may be NULL.
 *
 * CW_E_NO_ROUTE  it means nothing: no E.164 number came of it, or a user's phone-context is unknown
 */
CW_NODISCARD cw_err cw_number_mean(const cw_conf *conf, const cw_writer *writer,
                                   const cw_number *number, char ret[static CW_NUMBER_STR],
                                   const struct cw_conf_number **row);

/* How `trunk` wants a number that means `number`. CW_E_NO_ROUTE: it would be too long. */
CW_NODISCARD cw_err cw_number_write(const cw_conf *conf, const struct cw_conf_trunk *trunk,
                                    const char *number, char ret[static CW_NUMBER_STR],
                                    const struct cw_conf_number **row);

/* The Request-URI for a number written for `trunk`; params as in cw_number. g_free it. */
char *cw_number_ruri(const struct cw_conf_trunk *trunk, const char *number, const char *params);

/* Rows that cannot work. CW_E_CONF; `why` says which, with file and line. */
CW_NODISCARD cw_err cw_numbers_check(const cw_conf *conf, char why[static 128]);

/* What becomes of a number somebody dials, for people: {"read", "number", "row", "trunk", …}.
 * `from`: "user:NAME", "trunk:NAME", "peer", a trunk's or a user's name; NULL: any user.
 *
 * CW_E_PARAMS  no number, no such trunk
 */
CW_NODISCARD cw_err cw_number_test(const cw_conf *conf, const char *text, const char *from,
                                   json_t **ret, char why[static 128]);

#endif
