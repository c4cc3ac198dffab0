#include "api/gen.h"

#include <inttypes.h>
#include <string.h>

static const char intro[] =
    "<!-- " CW_GEN_NOTE " -->\n"
    "# The client protocol\n\n"
    "Browsers, and any other program, speak to the gateway in JSON-RPC 2.0 over one WebSocket, or "
    "HTTPS long-polling. "
    "The\n"
    "library in `client/` does it for you; this page is for those who write their own client, or "
    "want\n"
    "to read a trace. The same tables as machines read them: [JSON Schema](protocol/schema.json),\n"
    "[AsyncAPI 3](protocol/asyncapi.json), [TypeScript](../client/src/protocol.ts).\n\n"
    "## Connecting\n\n"
    "Open a WebSocket to `" CW_PROTO_PATH "` with the subprotocol `" CW_PROTO_NAME "`:\n\n"
    "```js\n"
    "const ws = new WebSocket(\"wss://gateway.example" CW_PROTO_PATH "\", \"" CW_PROTO_NAME "\");\n"
    "```\n\n"
    "A page may connect if the gateway serves it itself, or if its origin is in `web.origins` of "
    "the\n"
    "configuration. One text frame (or its fragments) is one JSON object; there are no batches, "
    "no\n"
    "binary messages and no compression.\n\n"
    "- **You ask**, with an `id` (a number, or a string of up to 64 bytes) of your choice, and "
    "get\n"
    "  one reply with the same `id`, holding `result` or `error`. Replies may come in another "
    "order.\n"
    "  Leave `id` out and you get no reply, not even an error.\n"
    "- **The gateway tells**, by notifications. Each carries `seq`: 1, 2, 3 … within a session.\n"
    "- Parameters are checked strictly: an unknown member is an error, so a typing mistake does "
    "not\n"
    "  go unnoticed. You in turn should ignore members you do not know: a newer gateway may send "
    "more.\n"
    "- The first request is `session.open`, or `session.resume`; nothing else is served before. A "
    "second\n"
    "  one is an error.\n"
    "- Send `ping` every `ping.interval_ms`, with `ack`. A connection silent for `ping.timeout_ms` "
    "is closed.\n\n"
    "## When the connection is lost\n\n"
    "A session outlives its connection: for `resume.ttl_ms`, or `resume.call_ttl_ms` while it has "
    "calls, it\n"
    "waits for `session.resume` on another one. Until then its notifications are kept, so many as "
    "`web.resume_messages` and `web.resume_bytes` let. Then it ends, and its calls with it: the "
    "reason\n"
    "that the other side is told is `network`.\n\n"
    "- Each `session.resume` brings a new `resume.token`. The one before counts until you have "
    "said "
    "something\n"
    "  on the new connection: the reply may have been lost.\n"
    "- With your `last_seq` you get what you missed, with the `seq` it had. Without it, or when "
    "too "
    "much was\n"
    "  missed, you get `state`, and `call.incoming` anew for calls that still ring.\n"
    "- After a change of network: `call.update` with an ICE restart. After a reload, for every "
    "call "
    "in `state`:\n"
    "  a new RTCPeerConnection, and `call.update` with its offer and `restart`. Nobody's hold or "
    "mute changes.\n"
    "- Requests that were not answered when the connection was lost may have been served or not. A "
    "`call.start`\n"
    "  may be repeated with the same `call`: then it is `exists`.\n"
    "- To log out, send `session.close`, or close the WebSocket with 1000. Any other end is a "
    "loss.\n\n"
    "## Without WebSocket: long-polling\n\n"
    "Where a proxy lets no WebSocket through, the same messages go by HTTPS requests; the session "
    "is "
    "the same, and `session.resume` takes it from one to the other, also in the middle of a "
    "call.\n\n"
    "| request | what it does | answer |\n|---|---|---|\n"
    "| `POST /v1/session` | its body is `session.open` or `session.resume` | 200 with the reply; "
    "`link` in its result is the secret of this connection. 401, 429, 503, 400: the reply is an "
    "error |\n"
    "| `POST /v1/rpc` | its body is one message | 200 with the reply, 204 when you wanted none; "
    "429 "
    "with `Retry-After` |\n"
    "| `GET /v1/poll?after=SEQ` | waits for notifications after `SEQ` (0: all), and acknowledges "
    "those up to it | 200 with a list of them, in order; 204: none in `web.poll_hold_ms`, or a "
    "newer "
    "poll came |\n"
    "| `DELETE /v1/session` | as `session.close` | 204 |\n\n"
    "All but the first carry `Authorization: Bearer LINK`; 401 says that the link is unknown, "
    "replaced, or fetched so late that notifications are gone: resume. A poll is all the life sign "
    "there need be. Every error is JSON, as a reply with `error`; pages of other origins need "
    "`web.origins` (CORS).\n\n"
    "## A complete exchange\n\n"
    "`→` is sent by the client, `←` by the gateway. SDP is cut short with `…`.\n\n";

static const char calls[] =
    "## Calls\n\n"
    "A call has a name, `call`: 1 to 64 of `A-Za-z0-9_-`, chosen by you in `call.start`, or by "
    "the\n"
    "gateway in `call.incoming`. It is valid within the session until `call.end`. The gateway's "
    "own\n"
    "name, `id`, is what `causewayctl` and the logs show.\n\n"
    "| You call | You are called |\n"
    "|---|---|\n"
    "| → `call.start` with an offer | ← `call.incoming` with an offer |\n"
    "| → `call.candidate` … | → `call.answer` with your answer, or `call.reject` |\n"
    "| ← `call.progress` trying, ringing, early | → `call.candidate` … |\n"
    "| ← `call.answer` | |\n"
    "| → or ← `call.end` | → or ← `call.end` |\n\n"
    "The gateway's answer comes once: in `call.progress` if there is something to hear before the\n"
    "call is taken, else in `call.answer`. It names all of the gateway's candidates; yours may "
    "trickle\n"
    "or be in your description. The gateway takes part in ICE as a lite agent (RFC 8445), so the\n"
    "checks are yours.\n\n"
    "Every call ends with the notification `call.end`, also when you ended it.\n\n"
    "### Targets\n\n"
    "| `to` | who is called |\n"
    "|---|---|\n"
    "| `echo`, `tone` | services of the gateway: your own voice back, 1 kHz; also `service:echo` "
    "|\n"
    "| `user:NAME` | every session of that user rings; the first answer wins |\n"
    "| `sip:user@host[:port][;transport=tcp]` | that SIP address |\n"
    "| `tel:+33123456789` or `+33 1 23 45 67 89` | a number, by the trunk whose prefix fits; "
    "separators are ignored |\n\n"
    "The scopes of your token say what of this you may call.\n\n";

static void put_bounds(const cw_proto_field *f, FILE *out)
{
    switch (f->type) {
    case CW_TYPE_STR:
        if (f->min == f->max)
            fprintf(out, "string, %" PRId64 " byte%s", f->max, f->max == 1 ? "" : "s");
        else
            fprintf(out, "string, %" PRId64 "–%" PRId64 " bytes", f->min, f->max);
        if (f->rule->chars)
            fprintf(out, " of `%s%s`", f->rule->prefix, f->rule->chars);
        if (f->need == CW_NEED_NULL)
            fputs(", or null", out);
        break;
    case CW_TYPE_ENUM: {
        g_auto(GStrv) word = g_strsplit(f->words, "|", -1);

        for (unsigned i = 0; word[i]; i++)
            fprintf(out, "%s`\"%s\"`", i ? ", " : "", word[i]);
        break;
    }
    case CW_TYPE_INT:
        if (f->max >= INT64_C(9007199254740991))
            fprintf(out, "integer from %" PRId64, f->min);
        else
            fprintf(out, "integer %" PRId64 "–%" PRId64, f->min, f->max);
        break;
    case CW_TYPE_BOOL:
        fputs("boolean", out);
        break;
    case CW_TYPE_OBJ:
        fprintf(out, "[%s](#%s)", f->object->name, f->object->name);
        break;
    case CW_TYPE_LIST:
        fprintf(out, "list of up to %" PRId64 " [%s](#%s)", f->max, f->object->name,
                f->object->name);
        break;
    case CW_TYPE_STRS:
        fprintf(out, "list of %" PRId64 "–%" PRId64 " strings", f->min, f->max);
        break;
    case CW_TYPE_MAP:
        fprintf(out, "object of up to %" PRId64 " strings; names `%s[%s]`", f->max, f->rule->prefix,
                f->rule->chars);
        break;
    case CW_TYPE_ANY:
        fprintf(out, "any JSON of up to %" PRId64 " bytes", f->max);
        break;
    }
}

static void put_fields(const cw_proto_object *o, FILE *out)
{
    static const char *const needs[] = { "yes", "", "yes, may be null", "exactly one of these" };

    fputs("| member | required | type | |\n|---|---|---|---|\n", out);
    for (const cw_proto_field *f = o->fields; f->name; f++) {
        fprintf(out, "| `%s` | %s | ", f->name, needs[f->need]);
        put_bounds(f, out);
        fprintf(out, " | %s |\n", f->help);
    }
    fputc('\n', out);
}

static void put_part(const char *title, const cw_proto_object *o, FILE *out)
{
    if (!o->fields[0].name) {
        fprintf(out, "%s: none (`{}`).\n\n", title);
        return;
    }
    fprintf(out, "%s:\n\n", title);
    put_fields(o, out);
}

static void put_request(const cw_proto_request *r, FILE *out)
{
    g_auto(GStrv) name = g_strsplit(r->errors, " ", -1);
    bool first = true;

    fprintf(out, "### %s\n\n%s\n\n", r->method, r->help);
    put_part("Parameters", r->params, out);
    put_part("Result", r->result, out);
    for (cw_err err = CW_OK; err < CW_ERR_COUNT; err++) {
        if (!g_strv_contains((const char *const *)name, cw_err_name(err)))
            continue;
        fprintf(out, "%s`%s`", first ? "Errors: " : ", ", cw_err_kind(err));
        first = false;
    }
    if (!first)
        fputs(".\n\n", out);
}

/* Objects that are a member of another, once each. */
static void put_shared(FILE *out)
{
    for (const cw_proto_object *o = cw_proto_objects; o->name; o++) {
        bool used = false;

        for (const cw_proto_object *p = cw_proto_objects; p->name && !used; p++)
            for (const cw_proto_field *f = p->fields; f->name; f++)
                used |= f->object == o;
        if (!used)
            continue;
        fprintf(out, "### %s\n\n%s.\n\n", o->name, o->help);
        put_fields(o, out);
    }
}

static void put_errors(FILE *out)
{
    fputs("## Errors\n\n"
          "```json\n"
          "{\"jsonrpc\": \"2.0\", \"id\": 7, \"error\": {\"code\": -32602, \"message\": \"must be "
          "a string\",\n"
          " \"data\": {\"kind\": \"bad-params\", \"path\": \"params.sdp\"}}}\n"
          "```\n\n"
          "Compare `data.kind`; `message` is for people and may change. `data.path` names the "
          "member\n"
          "at fault. The same words are the `reason` of `call.end`, beside `hangup` for an "
          "ordinary end.\n"
          "SIP peers get the status in the last column.\n\n"
          "| kind | code | | SIP |\n|---|---|---|---|\n",
          out);
    for (cw_err err = CW_OK; err < CW_ERR_COUNT; err++)
        if (cw_gen_err_public(err))
            fprintf(out, "| `%s` | %d | %s | %d |\n", cw_err_kind(err), cw_err_json(err),
                    cw_err_text(err), cw_err_sip(err));
    fputs("\nAny request can fail with `bad-request`, `unknown-method`, `bad-params`, "
          "`unsafe-text`,\n"
          "`too-large`, `too-deep`, `state`, `rate` or `internal`; text that is no JSON object is\n"
          "answered with `parse` or `bad-request` and `id` null.\n\n",
          out);
}

static void put_limits(FILE *out)
{
    fprintf(
        out,
        "## Limits\n\n"
        "| what | limit | beyond it |\n|---|---|---|\n"
        "| a message | `limits.message_bytes` of session.open (`web.message_max_bytes`) | close "
        "1009 |\n"
        "| nesting of a message | %d levels | `too-deep` |\n"
        "| messages a second | `web.rate_per_s`, bursts of `web.rate_burst` | `rate` with "
        "`retry_after_ms`; twice the burst refused in a row: close 4429 |\n"
        "| time for session.open | `web.open_timeout_ms` | close 4408 |\n"
        "| silence | `ping.timeout_ms` (`web.ping_timeout_ms`) | close 4408 |\n"
        "| what you have not read yet | `web.queue_max_bytes` | close 1013 |\n"
        "| WebSocket connections | `web.connections_max` | HTTP 503, or no answer until one ends "
        "|\n"
        "| sessions of a user | `limits.sessions_per_user` | `overload` |\n"
        "| calls of a session | `limits.calls_per_session` | `overload` |\n\n"
        "Lengths are in bytes of UTF-8. A string that could reach SIP holds no control character\n"
        "(`unsafe-text`); SDP may hold CR, LF and TAB. An object has no name twice, and no string\n"
        "holds NUL (`parse`).\n",
        CW_JSON_DEPTH);
}

void cw_gen_markdown(FILE *out)
{
    fputs(intro, out);
    fputs("```\n", out);
    for (const cw_proto_example *e = cw_proto_examples; e->text; e++)
        fprintf(out, "%s %s\n", e->from_client ? "→" : "←", e->text);
    fputs("```\n\n", out);
    fputs(calls, out);
    fputs("## Requests\n\n", out);
    for (unsigned i = 0; i < CW_REQ_COUNT; i++)
        put_request(&cw_proto_requests[i], out);
    fputs("## Notifications\n\nThey come from the gateway, without `id`, and want no reply.\n\n",
          out);
    for (const cw_proto_notify *n = cw_proto_notifies; n->method; n++) {
        fprintf(out, "### %s (notification)\n\n%s\n\n", n->method, n->help);
        put_fields(n->params, out);
    }
    fputs("## Objects\n\n", out);
    put_shared(out);
    put_errors(out);
    fputs("## Close codes\n\n| code | when |\n|---|---|\n", out);
    for (const cw_proto_close *c = cw_proto_closes; c->code; c++)
        fprintf(out, "| %d | %s |\n", c->code, c->help);
    fputc('\n', out);
    put_limits(out);
}
