/* account.h - the accounts that users are registered with, from a file. Home of src/call only. */
#ifndef CW_CALL_ACCOUNT_H
#define CW_CALL_ACCOUNT_H

#include "base/err.h"

#include <glib.h>
#include <stddef.h>

/* Who logs in as `user` is registered as sip:IDENTITY@domain and answers digest so. */
typedef struct cw_account {
    char *user, *identity, *username;
    char *realm;      /* NULL: the registrar's */
    char *password;   /* NULL: hashes are there, or no digest */
    char *ha1_md5;    /* H(username:realm:password) in hex (RFC 7616 3.4.2); NULL: none */
    char *ha1_sha256; /* NULL: none */
    char *aka_k, *aka_op, *aka_opc; /* IMS AKA: hex, K and one of OP and OPc; NULL: none */
} cw_account;

/* One line of JSON: {"user", "identity", "username", "realm", "password", "ha1_md5", "ha1_sha256",
 * "aka_k", "aka_op", "aka_opc"};
 * all but "user" may be left out. Pure; any thread.
 *
 * CW_E_CONF  `why` says what is wrong
 */
CW_NODISCARD cw_err cw_account_parse(const char *line, size_t len, cw_account **ret,
                                     char why[static 128]);
void cw_account_free(cw_account *account); /* NULL is fine; secrets are wiped */

/* A file of such lines; blank ones and those that begin with # are passed over. User to cw_account,
 * owned. CW_E_CONF as above, with the line's number; a user twice; or it cannot be read. */
CW_NODISCARD cw_err cw_accounts_load(const char *path, GHashTable **ret, char why[static 128]);

#endif
