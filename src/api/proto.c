#include "api/proto.h"

#include <string.h>

enum {
#define CW_RULE(name, prefix, chars, help) RULE_##name,
#include "api/proto.def"
#undef CW_RULE
    RULE_TEXT,
    RULE_LINES,
};

static const cw_proto_rule rules[] = {
#define CW_RULE(name, prefix, chars, help) [RULE_##name] = { #name, prefix, chars, help, false },
#include "api/proto.def"
#undef CW_RULE
    [RULE_TEXT] = { "TEXT", "", NULL, "text without control characters", false },
    [RULE_LINES] = { "LINES", "", NULL, "lines of text", true },
};

enum {
#define CW_OBJECT(name, help) OBJECT_##name,
#define CW_FIELD(...)
#define CW_END(name)
#include "api/proto.def"
#undef CW_OBJECT
#undef CW_FIELD
#undef CW_END
};

#define OF_STR(of)            .rule = &rules[RULE_##of]
#define OF_STRS(of)           .rule = &rules[RULE_##of]
#define OF_MAP(of)            .rule = &rules[RULE_##of]
#define OF_OBJ(of)            .object = &cw_proto_objects[OBJECT_##of]
#define OF_LIST(of)           .object = &cw_proto_objects[OBJECT_##of]
#define OF_ENUM(of)           .words = of
#define OF_INT(of)            .rule = NULL
#define OF_ANY(of)            .rule = NULL
#define OF_BOOL(of)           .rule = NULL

#define CW_OBJECT(name, help) static const cw_proto_field fields_##name[] = {
#define CW_FIELD(object, name, type, need, min, max, of, help)                                     \
    { #name, help, CW_TYPE_##type, CW_NEED_##need, min, max, OF_##type(of) },
#define CW_END(name)                                                                               \
    {                                                                                              \
        0                                                                                          \
    }                                                                                              \
    }                                                                                              \
    ;
#include "api/proto.def"
#undef CW_OBJECT
#undef CW_FIELD
#undef CW_END

const cw_proto_object cw_proto_objects[] = {
#define CW_OBJECT(name, help) [OBJECT_##name] = { #name, help, fields_##name },
#define CW_FIELD(...)
#define CW_END(name)
#include "api/proto.def"
#undef CW_OBJECT
#undef CW_FIELD
#undef CW_END
    { 0 },
};

const cw_proto_request cw_proto_requests[CW_REQ_COUNT] = {
#define CW_REQUEST(id, method, params, result, when, errors, help)                                 \
    [CW_REQ_##id] = { method,                                                                      \
                      help,                                                                        \
                      errors,                                                                      \
                      &cw_proto_objects[OBJECT_##params],                                          \
                      &cw_proto_objects[OBJECT_##result],                                          \
                      CW_WHEN_##when },
#include "api/proto.def"
#undef CW_REQUEST
};

const cw_proto_notify cw_proto_notifies[] = {
#define CW_NOTIFY(id, method, params, help) { method, help, &cw_proto_objects[OBJECT_##params] },
#include "api/proto.def"
#undef CW_NOTIFY
    { 0 },
};

const cw_proto_close cw_proto_closes[] = {
#define CW_CLOSE(id, code, help) { code, #id, help },
#include "api/proto.def"
#undef CW_CLOSE
    { 0 },
};

enum { FROM_SERVER, FROM_CLIENT };

const cw_proto_example cw_proto_examples[] = {
#define CW_EXAMPLE(from, ...) { FROM_##from, #__VA_ARGS__ },
#include "api/proto.def"
#undef CW_EXAMPLE
    { 0 },
};

cw_request cw_proto_find(const char *method)
{
    for (cw_request i = 0; i < CW_REQ_COUNT; i++)
        if (!strcmp(cw_proto_requests[i].method, method))
            return i;
    return CW_REQ_COUNT;
}

const cw_proto_object *cw_proto_object_by(const char *name)
{
    for (const cw_proto_object *o = cw_proto_objects; o->name; o++)
        if (!strcmp(o->name, name))
            return o;
    return NULL;
}
