#include "api/gen.h"

#include <stdlib.h>

static void put_words(const char *words, FILE *out)
{
    g_auto(GStrv) word = g_strsplit(words, "|", -1);

    for (unsigned i = 0; word[i]; i++)
        fprintf(out, "%s\"%s\"", i ? " | " : "", word[i]);
}

static void put_type(const cw_proto_field *f, FILE *out)
{
    switch (f->type) {
    case CW_TYPE_STR:
        fputs(f->need == CW_NEED_NULL ? "string | null" : "string", out);
        break;
    case CW_TYPE_ENUM:
        put_words(f->words, out);
        break;
    case CW_TYPE_INT:
        fputs("number", out);
        break;
    case CW_TYPE_BOOL:
        fputs("boolean", out);
        break;
    case CW_TYPE_OBJ:
        fputs(cw_gen_camel(f->object->name), out);
        break;
    case CW_TYPE_LIST:
        fprintf(out, "%s[]", cw_gen_camel(f->object->name));
        break;
    case CW_TYPE_STRS:
        fputs("string[]", out);
        break;
    case CW_TYPE_MAP:
        fputs("Record<string, string>", out);
        break;
    case CW_TYPE_ANY:
        fputs("unknown", out);
        break;
    }
}

static void put_field(const cw_proto_field *f, FILE *out)
{
    fprintf(out, "  /** %s */\n  %s%s: ", f->help, f->name, f->need == CW_NEED_MAY ? "?" : "");
    put_type(f, out);
    fputs(";\n", out);
}

/* One alternative of an object with ONE members: `chosen` is there, the others are not. */
static void put_alternative(const cw_proto_object *o, const cw_proto_field *chosen, FILE *out)
{
    fputs("  | {", out);
    for (const cw_proto_field *f = o->fields; f->name; f++) {
        if (f->need != CW_NEED_ONE)
            continue;
        fprintf(out, " %s%s: ", f->name, f == chosen ? "" : "?");
        if (f == chosen)
            put_type(f, out);
        else
            fputs("never", out);
        fputc(';', out);
    }
    fputs(" }\n", out);
}

static bool has_one(const cw_proto_object *o)
{
    for (const cw_proto_field *f = o->fields; f->name; f++)
        if (f->need == CW_NEED_ONE)
            return true;
    return false;
}

static void put_object(const cw_proto_object *o, FILE *out)
{
    const char *name = cw_gen_camel(o->name);

    if (!o->fields[0].name) {
        fprintf(out, "\n/** %s */\nexport type %s = Record<string, never>;\n", o->help, name);
        return;
    }
    fprintf(out,
            has_one(o) ? "\n/** %s */\nexport type %s = {\n"
                       : "\n/** %s */\nexport interface %s {\n",
            o->help, name);
    for (const cw_proto_field *f = o->fields; f->name; f++)
        if (f->need != CW_NEED_ONE)
            put_field(f, out);
    if (!has_one(o)) {
        fputs("}\n", out);
        return;
    }
    fputs("} & (\n", out);
    for (const cw_proto_field *f = o->fields; f->name; f++)
        if (f->need == CW_NEED_ONE)
            put_alternative(o, f, out);
    fputs(");\n", out);
}

static void put_methods(FILE *out)
{
    fputs(
        "\n/** Requests of a client: method, parameters, result. */\nexport interface Requests {\n",
        out);
    for (unsigned i = 0; i < CW_REQ_COUNT; i++)
        fprintf(out, "  /** %s */\n  \"%s\": { params: %s; result: %s };\n",
                cw_proto_requests[i].help, cw_proto_requests[i].method,
                cw_gen_camel(cw_proto_requests[i].params->name),
                cw_gen_camel(cw_proto_requests[i].result->name));
    fputs("}\n\n/** Notifications of the gateway: method and parameters. */\n"
          "export interface Notifications {\n",
          out);
    for (const cw_proto_notify *n = cw_proto_notifies; n->method; n++)
        fprintf(out, "  /** %s */\n  \"%s\": %s;\n", n->help, n->method,
                cw_gen_camel(n->params->name));
    fputs("}\n\nexport type Method = keyof Requests;\nexport type NotificationName = keyof "
          "Notifications;\n",
          out);
}

static void put_messages(FILE *out)
{
    fputs("\nexport interface RequestMessage<M extends Method = Method> {\n"
          "  jsonrpc: \"2.0\";\n"
          "  /** Left out: no reply is wanted. */\n"
          "  id?: number | string;\n"
          "  method: M;\n"
          "  params: Requests[M][\"params\"];\n"
          "}\n\n"
          "export interface ResultMessage<M extends Method = Method> {\n"
          "  jsonrpc: \"2.0\";\n"
          "  id: number | string;\n"
          "  result: Requests[M][\"result\"];\n"
          "}\n\n"
          "export interface ErrorMessage {\n"
          "  jsonrpc: \"2.0\";\n"
          "  /** null: the request was too broken to have one. */\n"
          "  id: number | string | null;\n"
          "  error: ErrorInfo;\n"
          "}\n\n"
          "export interface NotificationMessage<E extends NotificationName = NotificationName> {\n"
          "  jsonrpc: \"2.0\";\n"
          "  method: E;\n"
          "  params: Notifications[E];\n"
          "}\n\n"
          "export type ServerMessage = ResultMessage | ErrorMessage | NotificationMessage;\n",
          out);
}

static void put_errors(FILE *out)
{
    fputs(
        "\n/** Every kind of error: its code, and a text for people. */\nexport const errors = {\n",
        out);
    for (cw_err err = CW_OK; err < CW_ERR_COUNT; err++)
        if (cw_gen_err_public(err))
            fprintf(out, "  \"%s\": { code: %d, text: \"%s\" },\n", cw_err_kind(err),
                    cw_err_json(err), cw_err_text(err));
    fputs("} as const;\n\nexport type ErrorKind = keyof typeof errors;\n", out);
}

void cw_gen_typescript(FILE *out)
{
    fputs("// " CW_GEN_NOTE "\n\n"
          "export const PATH = \"" CW_PROTO_PATH "\";\n"
          "export const SUBPROTOCOL = \"" CW_PROTO_NAME "\";\n",
          out);
    for (const cw_proto_object *o = cw_proto_objects; o->name; o++)
        put_object(o, out);
    put_methods(out);
    put_messages(out);
    put_errors(out);
    fputs("\n/** WebSocket close codes. */\nexport const closeCodes = {\n", out);
    for (const cw_proto_close *c = cw_proto_closes; c->code; c++)
        fprintf(out, "  /** %s */\n  %s: %d,\n", c->help, c->name, c->code);
    fputs("} as const;\n", out);
}
