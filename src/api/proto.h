/* proto.h - the tables of proto.def and the check of a message against them. Any thread. */
#ifndef CW_API_PROTO_H
#define CW_API_PROTO_H

#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_PROTO_PATH       "/v1/ws"
#define CW_PROTO_NAME       "causeway.v1" /* WebSocket subprotocol */
#define CW_PROTO_VALUE_MAX  1024          /* bytes of a value in a MAP */
#define CW_PROTO_NAME_MAX   64            /* bytes of a name in a MAP */
#define CW_PROTO_ID_MAX     64            /* bytes of a request's id when it is a string */
#define CW_PROTO_FAULT_PATH 160

typedef enum cw_proto_type {
    CW_TYPE_STR,
    CW_TYPE_ENUM,
    CW_TYPE_INT,
    CW_TYPE_BOOL,
    CW_TYPE_OBJ,
    CW_TYPE_LIST,
    CW_TYPE_STRS,
    CW_TYPE_MAP,
    CW_TYPE_ANY,
} cw_proto_type;

typedef enum cw_proto_need { CW_NEED_MUST, CW_NEED_MAY, CW_NEED_NULL, CW_NEED_ONE } cw_proto_need;

/* What a string may hold. */
typedef struct cw_proto_rule {
    const char *name;
    const char *prefix;
    const char *chars; /* inside of a bracket expression; NULL: any but control bytes */
    const char *help;
    bool lines; /* CR, LF and TAB are allowed */
} cw_proto_rule;

typedef struct cw_proto_object cw_proto_object;

typedef struct cw_proto_field {
    const char *name; /* NULL ends a list */
    const char *help;
    cw_proto_type type;
    cw_proto_need need;
    int64_t min, max;              /* bytes, value or entries, by type */
    const cw_proto_rule *rule;     /* STR, STRS, MAP */
    const cw_proto_object *object; /* OBJ, LIST */
    const char *words;             /* ENUM: "a|b|c" */
} cw_proto_field;

struct cw_proto_object {
    const char *name;
    const char *help;
    const cw_proto_field *fields;
};

typedef enum cw_proto_when { CW_WHEN_FIRST, CW_WHEN_OPEN } cw_proto_when;

typedef enum cw_request {
#define CW_REQUEST(id, method, params, result, when, errors, help) CW_REQ_##id,
#include "api/proto.def"
#undef CW_REQUEST
    CW_REQ_COUNT,
} cw_request;

typedef struct cw_proto_request {
    const char *method;
    const char *help;
    const char *errors; /* names of err.def, separated by blanks */
    const cw_proto_object *params, *result;
    cw_proto_when when;
} cw_proto_request;

typedef struct cw_proto_notify {
    const char *method;
    const char *help;
    const cw_proto_object *params;
} cw_proto_notify;

/* WebSocket close codes: CW_CLOSE_AUTH is 4401. */
typedef enum cw_close {
#define CW_CLOSE(id, code, help) CW_CLOSE_##id = code,
#include "api/proto.def"
#undef CW_CLOSE
} cw_close;

typedef struct cw_proto_close {
    int code;
    const char *name, *help;
} cw_proto_close;

typedef struct cw_proto_example {
    bool from_client;
    const char *text;
} cw_proto_example;

extern const cw_proto_request cw_proto_requests[CW_REQ_COUNT];
extern const cw_proto_notify cw_proto_notifies[];  /* method NULL ends it, as in the next three */
extern const cw_proto_object cw_proto_objects[];   /* name NULL ends it */
extern const cw_proto_close cw_proto_closes[];     /* code 0 ends it */
extern const cw_proto_example cw_proto_examples[]; /* text NULL ends it */

/* CW_REQ_COUNT: no such method. */
cw_request cw_proto_find(const char *method);

const cw_proto_object *cw_proto_object_by(const char *name); /* NULL: none */

/* What is wrong with a message, safe to show to its sender. */
typedef struct cw_fault {
    char path[CW_PROTO_FAULT_PATH]; /* "params.client.browser"; "" when it is no member's fault */
    char text[128];
    unsigned retry_ms; /* when it is worth trying again, 0: not known */
} cw_fault;

/* Check `value` (NULL: absent, like {}) against `object`; `at` names it in the path.
 *
 * CW_E_PARAMS     missing, unknown, wrong type, out of range, a character its rule forbids
 * CW_E_UNSAFE     a control character
 * CW_E_TOO_LARGE  longer than its maximum
 */
CW_NODISCARD cw_err cw_proto_check(const cw_proto_object *object, const json_t *value,
                                   const char *at, cw_fault *fault);

/* True if every byte of `text` is in `chars`, the inside of a bracket expression. */
bool cw_proto_chars_ok(const char *chars, const char *text, size_t len);

#endif
