#include "api/gen.h"

#include "config.h"

#include <stdlib.h>
#include <string.h>

/* Where references lead: "#/$defs/" in a schema, "#/components/schemas/" in AsyncAPI. */
static const char *refs;

static json_t *ref_to(const char *kind, const char *name)
{
    g_autofree char *to = g_strconcat(refs, kind, name, NULL);

    return json_pack("{ss}", "$ref", to);
}

static json_t *ref_object(const cw_proto_object *object)
{
    return ref_to("", cw_gen_camel(object->name));
}

static json_t *pattern(const cw_proto_rule *rule)
{
    g_autofree char *text = NULL;

    if (rule->chars)
        text = g_strdup_printf("^%s[%s]*$", rule->prefix, rule->chars);
    else if (rule->lines)
        text = g_strdup("^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f]*$");
    else
        text = g_strdup("^[^\\u0000-\\u001f\\u007f]*$");
    return json_string(text);
}

static json_t *text_schema(const cw_proto_field *field)
{
    return json_pack("{ss sI sI so}", "type", "string", "minLength", (json_int_t)field->min,
                     "maxLength", (json_int_t)field->max, "pattern", pattern(field->rule));
}

static json_t *words_schema(const char *words)
{
    g_auto(GStrv) word = g_strsplit(words, "|", -1);
    json_t *list = json_array();

    for (unsigned i = 0; word[i]; i++)
        json_array_append_new(list, json_string(word[i]));
    return json_pack("{ss so}", "type", "string", "enum", list);
}

static json_t *map_schema(const cw_proto_field *field)
{
    return json_pack("{ss sI sI s{si so} s{ss si so}}", "type", "object", "minProperties",
                     (json_int_t)field->min, "maxProperties", (json_int_t)field->max,
                     "propertyNames", "maxLength", CW_PROTO_NAME_MAX, "pattern",
                     pattern(field->rule), "additionalProperties", "type", "string", "maxLength",
                     CW_PROTO_VALUE_MAX, "pattern", json_string("^[^\\u0000-\\u001f\\u007f]*$"));
}

static json_t *type_schema(const cw_proto_field *field)
{
    switch (field->type) {
    case CW_TYPE_STR:
        return text_schema(field);
    case CW_TYPE_ENUM:
        return words_schema(field->words);
    case CW_TYPE_INT:
        return json_pack("{ss sI sI}", "type", "integer", "minimum", (json_int_t)field->min,
                         "maximum", (json_int_t)field->max);
    case CW_TYPE_BOOL:
        return json_pack("{ss}", "type", "boolean");
    case CW_TYPE_OBJ:
        return ref_object(field->object);
    case CW_TYPE_LIST:
        return json_pack("{ss sI sI so}", "type", "array", "minItems", (json_int_t)field->min,
                         "maxItems", (json_int_t)field->max, "items", ref_object(field->object));
    case CW_TYPE_STRS:
        return json_pack("{ss sI sI s{ss so}}", "type", "array", "minItems", (json_int_t)field->min,
                         "maxItems", (json_int_t)field->max, "items", "type", "string", "pattern",
                         pattern(field->rule));
    case CW_TYPE_MAP:
        return map_schema(field);
    case CW_TYPE_ANY:
        return json_object();
    }
    abort();
}

static json_t *field_schema(const cw_proto_field *field)
{
    json_t *schema = type_schema(field);

    if (field->need == CW_NEED_NULL)
        json_object_set_new(schema, "type", json_pack("[ss]", "string", "null"));
    json_object_set_new(schema, "description", json_string(field->help));
    return schema;
}

static json_t *object_schema(const cw_proto_object *object)
{
    json_t *members = json_object(), *required = json_array(), *one = json_array(), *schema;

    for (const cw_proto_field *f = object->fields; f->name; f++) {
        json_object_set_new(members, f->name, field_schema(f));
        if (f->need == CW_NEED_MUST || f->need == CW_NEED_NULL)
            json_array_append_new(required, json_string(f->name));
        else if (f->need == CW_NEED_ONE)
            json_array_append_new(one, json_pack("{s[s]}", "required", f->name));
    }
    schema = json_pack("{ss ss so sb so}", "description", object->help, "type", "object",
                       "properties", members, "additionalProperties", 0, "required", required);
    if (json_array_size(one))
        json_object_set(schema, "oneOf", one);
    json_decref(one);
    return schema;
}

static json_t *id_schema(bool null_too)
{
    json_t *types = json_pack("[ss]", "string", "integer");

    if (null_too)
        json_array_append_new(types, json_string("null"));
    return json_pack("{so si}", "type", types, "maxLength", CW_PROTO_ID_MAX);
}

static bool wants_params(const cw_proto_object *object)
{
    for (const cw_proto_field *f = object->fields; f->name; f++)
        if (f->need != CW_NEED_MAY)
            return true;
    return false;
}

static json_t *call_schema(const char *method, const char *help, const cw_proto_object *params,
                           bool with_id)
{
    json_t *schema =
        json_pack("{ss ss s{s{ss} s{ss} so} sb s[ss]}", "description", help, "type", "object",
                  "properties", "jsonrpc", "const", "2.0", "method", "const", method, "params",
                  ref_object(params), "additionalProperties", 0, "required", "jsonrpc", "method");

    if (with_id)
        json_object_set_new(json_object_get(schema, "properties"), "id", id_schema(false));
    if (wants_params(params))
        json_array_append_new(json_object_get(schema, "required"), json_string("params"));
    return schema;
}

static json_t *reply_schema(const char *member, const cw_proto_object *object, bool null_too)
{
    return json_pack("{ss s{s{ss} so so} sb s[sss]}", "type", "object", "properties", "jsonrpc",
                     "const", "2.0", "id", id_schema(null_too), member, ref_object(object),
                     "additionalProperties", 0, "required", "jsonrpc", "id", member);
}

static json_t *definitions(void)
{
    json_t *defs = json_object(), *client = json_array(), *server = json_array();

    for (const cw_proto_object *o = cw_proto_objects; o->name; o++)
        json_object_set_new(defs, cw_gen_camel(o->name), object_schema(o));
    for (unsigned i = 0; i < CW_REQ_COUNT; i++) {
        const cw_proto_request *r = &cw_proto_requests[i];
        g_autofree char *request = g_strconcat("request.", r->method, NULL);
        g_autofree char *reply = g_strconcat("reply.", r->method, NULL);

        json_object_set_new(defs, request, call_schema(r->method, r->help, r->params, true));
        json_object_set_new(defs, reply, reply_schema("result", r->result, false));
        json_array_append_new(client, ref_to("", request));
        json_array_append_new(server, ref_to("", reply));
    }
    for (const cw_proto_notify *n = cw_proto_notifies; n->method; n++) {
        g_autofree char *name = g_strconcat("notify.", n->method, NULL);

        json_object_set_new(defs, name, call_schema(n->method, n->help, n->params, false));
        json_array_append_new(server, ref_to("", name));
    }
    json_object_set_new(defs, "error",
                        reply_schema("error", cw_proto_object_by("error_info"), true));
    json_array_append_new(server, ref_to("", "error"));
    json_object_set_new(defs, "FromClient", json_pack("{so}", "anyOf", client));
    json_object_set_new(defs, "FromServer", json_pack("{so}", "anyOf", server));
    return defs;
}

static void print(json_t *document, FILE *out)
{
    json_dumpf(document, out, JSON_INDENT(2));
    fputc('\n', out);
    json_decref(document);
}

void cw_gen_schema(FILE *out)
{
    json_t *defs;

    refs = "#/$defs/";
    defs = definitions();
    print(json_pack("{ss ss ss ss s[oo] so}", "$schema",
                    "https://json-schema.org/draft/2020-12/schema", "$id", "causeway.v1", "title",
                    "Causeway client protocol", "$comment", CW_GEN_NOTE, "anyOf",
                    ref_to("", "FromClient"), ref_to("", "FromServer"), "$defs", defs),
          out);
}

static json_t *channel_ref(const char *message)
{
    g_autofree char *to =
        message ? g_strconcat("#/channels/v1/messages/", message, NULL) : g_strdup("#/channels/v1");

    return json_pack("{ss}", "$ref", to);
}

static void add_message(json_t *messages, const char *name, const char *help)
{
    json_object_set_new(messages, name,
                        json_pack("{ss ss so}", "contentType", "application/json", "summary", help,
                                  "payload", ref_to("", name)));
}

static void add_request(json_t *messages, json_t *operations, const cw_proto_request *r)
{
    g_autofree char *request = g_strconcat("request.", r->method, NULL);
    g_autofree char *reply = g_strconcat("reply.", r->method, NULL);

    add_message(messages, request, r->help);
    add_message(messages, reply, r->result->help);
    json_object_set_new(operations, request,
                        json_pack("{ss so ss s[o] s{so s[oo]}}", "action", "receive", "channel",
                                  channel_ref(NULL), "summary", r->help, "messages",
                                  channel_ref(request), "reply", "channel", channel_ref(NULL),
                                  "messages", channel_ref(reply), channel_ref("error")));
}

static void add_notify(json_t *messages, json_t *operations, const cw_proto_notify *n)
{
    g_autofree char *name = g_strconcat("notify.", n->method, NULL);

    add_message(messages, name, n->help);
    json_object_set_new(operations, name,
                        json_pack("{ss so ss s[o]}", "action", "send", "channel", channel_ref(NULL),
                                  "summary", n->help, "messages", channel_ref(name)));
}

void cw_gen_asyncapi(FILE *out)
{
    json_t *messages = json_object(), *operations = json_object(), *defs;

    refs = "#/components/schemas/";
    for (unsigned i = 0; i < CW_REQ_COUNT; i++)
        add_request(messages, operations, &cw_proto_requests[i]);
    for (const cw_proto_notify *n = cw_proto_notifies; n->method; n++)
        add_notify(messages, operations, n);
    add_message(messages, "error", "A request failed");
    defs = definitions();
    print(json_pack(
              "{ss s{ss ss ss} s{s{ss ss ss}} ss s{s{ss ss s{s{ss s{ss s{s{ss}}}}} so}} so s{so}}",
              "asyncapi", "3.0.0", "info", "title", "Causeway client protocol", "version",
              PACKAGE_VERSION, "description",
              "JSON-RPC 2.0, one object a WebSocket text frame. " CW_GEN_NOTE, "servers", "gateway",
              "host", "127.0.0.1:8080", "protocol", "ws", "description", "a local gateway",
              "defaultContentType", "application/json", "channels", "v1", "address", CW_PROTO_PATH,
              "description", "The connection of one browser session", "bindings", "ws", "method",
              "GET", "headers", "type", "object", "properties", "Sec-WebSocket-Protocol", "const",
              CW_PROTO_NAME, "messages", messages, "operations", operations, "components",
              "schemas", defs),
          out);
}
