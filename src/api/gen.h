/* gen.h - what `make docs` prints from proto.def and err.def. */
#ifndef CW_API_GEN_H
#define CW_API_GEN_H

#include "api/proto.h"

#include <stdio.h>

#define CW_GEN_NOTE "Generated from src/api/proto.def by `make docs`; edit that."

void cw_gen_schema(FILE *out);     /* JSON Schema 2020-12 */
void cw_gen_asyncapi(FILE *out);   /* AsyncAPI 3.0 */
void cw_gen_typescript(FILE *out); /* client/src/protocol.ts */
void cw_gen_markdown(FILE *out);   /* docs/PROTOCOL.md */

/* "session_open" to "SessionOpen"; valid for the next 15 calls. */
const char *cw_gen_camel(const char *name);

/* Which rows of err.def a client can meet. */
bool cw_gen_err_public(cw_err err);

#endif
