/* The table of the protocol, and the check of messages against it. */
#include "api/bucket.h"
#include "api/guard.h"
#include "api/proto.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* ── Messages made from the table ───────────────────────────────────────────────────────────────
 */

static json_t *valid_object(const cw_proto_object *object, bool all);

/* A string the rule allows, of `len` bytes. */
static json_t *text_of(const cw_proto_rule *rule, size_t len)
{
    g_autoptr(GString) text = g_string_new(rule->prefix);

    while (text->len < len)
        g_string_append_c(text, rule->chars ? rule->chars[0] : 'x');
    g_string_truncate(text, len);
    return json_string(text->str);
}

static const cw_proto_rule any_text = { .prefix = "" };

static json_t *valid_value(const cw_proto_field *f)
{
    switch (f->type) {
    case CW_TYPE_STR:
        return text_of(f->rule, (size_t)MAX(f->min, 1));
    case CW_TYPE_ENUM:
        return json_stringn(f->words, strcspn(f->words, "|"));
    case CW_TYPE_INT:
        return json_integer(f->min);
    case CW_TYPE_BOOL:
        return json_true();
    case CW_TYPE_OBJ:
        return valid_object(f->object, true);
    case CW_TYPE_LIST:
        return json_pack("[o]", valid_object(f->object, true));
    case CW_TYPE_STRS:
        return json_pack("[s]", "x");
    case CW_TYPE_MAP:
        return json_pack("{ss}", "X-A", "b");
    case CW_TYPE_ANY:
        return json_pack("[sin]", "x", 1);
    }
    abort();
}

static json_t *valid_object(const cw_proto_object *object, bool all)
{
    json_t *value = json_object();
    bool chosen = false;

    for (const cw_proto_field *f = object->fields; f->name; f++) {
        if ((f->need == CW_NEED_ONE && chosen) || (f->need == CW_NEED_MAY && !all))
            continue;
        chosen = chosen || f->need == CW_NEED_ONE;
        json_object_set_new(value, f->name, valid_value(f));
    }
    return value;
}

static void expect(const cw_proto_object *object, const json_t *value, cw_err want,
                   const char *path)
{
    cw_fault fault = { 0 };
    cw_err err = cw_proto_check(object, value, "params", &fault);

    if (err != want || g_strcmp0(fault.path, path ? path : "")) {
        g_autofree char *text = cw_json_print(value);

        g_error("%s %s: %s at \"%s\" (%s), wanted %s at \"%s\"", object->name, text,
                cw_err_name(err), fault.path, fault.text, cw_err_name(want), path ? path : "");
    }
}

/* A valid object with one member replaced. */
static void expect_with(const cw_proto_object *object, const char *member, json_t *bad, cw_err want)
{
    g_autoptr(json_t) value = valid_object(object, true);
    g_autofree char *path = g_strconcat("params.", member, NULL);

    json_object_set_new(value, member, bad);
    expect(object, value, want, path);
}

static void check_string(const cw_proto_object *object, const cw_proto_field *f)
{
    g_autofree char *bad = g_strdup_printf("%sa\x01", f->rule->prefix);

    expect_with(object, f->name, json_integer(1), CW_E_PARAMS);
    expect_with(object, f->name, text_of(f->rule, (size_t)f->max + 1), CW_E_TOO_LARGE);
    if (f->min > 0)
        expect_with(object, f->name, json_string(""), CW_E_PARAMS);
    if (f->max > 1)
        expect_with(object, f->name, json_string(bad), CW_E_UNSAFE);
    if (f->rule->chars)
        expect_with(object, f->name, json_string("\xc3\xa9"),
                    f->max > 1 ? CW_E_PARAMS : CW_E_TOO_LARGE);
    if (!f->rule->lines && f->max > 1) {
        expect_with(object, f->name, json_string("a\n"), CW_E_UNSAFE);
        expect_with(object, f->name, json_string("\r"), CW_E_UNSAFE);
    }
    if (f->need != CW_NEED_NULL)
        expect_with(object, f->name, json_null(), CW_E_PARAMS);
}

static void check_member(const cw_proto_object *object, const cw_proto_field *f)
{
    switch (f->type) {
    case CW_TYPE_STR:
        check_string(object, f);
        break;
    case CW_TYPE_ENUM:
        expect_with(object, f->name, json_string("no such word"), CW_E_PARAMS);
        if (strchr(f->words, '|'))
            expect_with(object, f->name, json_string(f->words), CW_E_PARAMS);
        expect_with(object, f->name, json_string(""), CW_E_PARAMS);
        expect_with(object, f->name, json_true(), CW_E_PARAMS);
        break;
    case CW_TYPE_INT:
        expect_with(object, f->name, json_string("1"), CW_E_PARAMS);
        expect_with(object, f->name, json_real(1.5), CW_E_PARAMS);
        expect_with(object, f->name, json_integer(f->min - 1), CW_E_PARAMS);
        expect_with(object, f->name, json_integer(f->max + 1), CW_E_PARAMS);
        break;
    case CW_TYPE_BOOL:
        expect_with(object, f->name, json_integer(1), CW_E_PARAMS);
        expect_with(object, f->name, json_null(), CW_E_PARAMS);
        break;
    case CW_TYPE_OBJ:
    case CW_TYPE_MAP:
        expect_with(object, f->name, json_array(), CW_E_PARAMS);
        expect_with(object, f->name, json_string("{}"), CW_E_PARAMS);
        break;
    case CW_TYPE_LIST:
    case CW_TYPE_STRS:
        expect_with(object, f->name, json_object(), CW_E_PARAMS);
        break;
    case CW_TYPE_ANY:
        expect_with(object, f->name, text_of(&any_text, (size_t)f->max), CW_E_TOO_LARGE);
        break;
    }
}

/* Every object × every member: there, missing, of the wrong type, too long, too short, unsafe. */
static void test_objects(gconstpointer data)
{
    const cw_proto_object *object = data;
    g_autoptr(json_t) most = valid_object(object, true), least = valid_object(object, false);
    g_autoptr(json_t) odd = valid_object(object, true), list = json_array();

    expect(object, most, CW_OK, NULL);
    expect(object, least, CW_OK, NULL);
    expect(object, list, CW_E_PARAMS, "params");
    json_object_set_new(odd, "no_such_member", json_true());
    expect(object, odd, CW_E_PARAMS, "params.no_such_member");
    for (const cw_proto_field *f = object->fields; f->name; f++) {
        g_autoptr(json_t) without = valid_object(object, true);
        g_autofree char *path = g_strconcat("params.", f->name, NULL);

        check_member(object, f);
        json_object_del(without, f->name);
        if (f->need == CW_NEED_MUST || f->need == CW_NEED_NULL)
            expect(object, without, CW_E_PARAMS, path);
        else if (f->need == CW_NEED_MAY)
            expect(object, without, CW_OK, NULL);
    }
}

static void test_one(void)
{
    const cw_proto_object *open = cw_proto_object_by("session_open");
    g_autoptr(json_t) both = json_pack("{ss ss}", "token", "a.b.c", "guest", "anna");
    g_autoptr(json_t) none = json_object();

    expect(open, both, CW_E_PARAMS, "params");
    expect(open, none, CW_E_PARAMS, "params");
    expect(open, NULL, CW_E_PARAMS, "params");
    expect(cw_proto_object_by("empty"), NULL, CW_OK, NULL);
}

static void test_candidate_null(void)
{
    g_autoptr(json_t) end = json_pack("{ss sn}", "call", "c", "candidate");
    g_autoptr(json_t) firefox = json_pack("{ss ss}", "call", "c", "candidate", "");

    expect(cw_proto_object_by("call_candidate"), end, CW_OK, NULL);
    expect(cw_proto_object_by("call_candidate"), firefox, CW_OK, NULL);
}

static void test_headers(void)
{
    static const struct {
        const char *name, *value;
        cw_err want;
        const char *path;
    } cases[] = {
        { "X-Account", "42", CW_OK, NULL },
        { "X-Account", "caf\xc3\xa9 \xf0\x9f\x98\x80", CW_OK, NULL },
        { "X-A ", "b", CW_E_PARAMS, "params.headers.X-A " },
        { "x-account", "42", CW_OK, NULL },
        { "X-Account ", "42", CW_E_PARAMS, "params.headers.X-Account " },
        { "X-A: b", "42", CW_E_PARAMS, "params.headers.X-A: b" },
        { "X-A\r\nVia", "42", CW_E_UNSAFE, "params.headers.X-A??Via" },
        { "X-A", "1\r\nVia: x", CW_E_UNSAFE, "params.headers.X-A" },
        { "X-A", "1\x7f", CW_E_UNSAFE, "params.headers.X-A" },
        { "", "1", CW_E_PARAMS, "params.headers." },
    };
    const cw_proto_object *start = cw_proto_object_by("call_start");

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(json_t) value = valid_object(start, true);

        json_object_set_new(value, "headers", json_pack("{ss}", cases[i].name, cases[i].value));
        expect(start, value, cases[i].want, cases[i].path);
    }
}

static void test_header_bounds(void)
{
    const cw_proto_object *start = cw_proto_object_by("call_start");
    g_autoptr(json_t) many = valid_object(start, true), big = valid_object(start, true);
    g_autoptr(json_t) typed = valid_object(start, true);
    g_autofree char *long_value = g_strnfill(CW_PROTO_VALUE_MAX + 1, 'x');
    json_t *headers = json_object();

    for (unsigned i = 0; i < 17; i++) {
        g_autofree char *name = g_strdup_printf("X-%u", i);

        json_object_set_new(headers, name, json_string("v"));
    }
    json_object_set_new(many, "headers", headers);
    expect(start, many, CW_E_TOO_LARGE, "params.headers");
    json_object_set_new(big, "headers", json_pack("{ss}", "X-A", long_value));
    expect(start, big, CW_E_TOO_LARGE, "params.headers.X-A");
    json_object_set_new(typed, "headers", json_pack("{si}", "X-A", 1));
    expect(start, typed, CW_E_PARAMS, "params.headers.X-A");
}

/* A name of the peer's that is too long for the path is cut between characters. */
static void test_path_cut(void)
{
    for (unsigned n = 140; n < 160; n++) {
        g_autoptr(json_t) value = json_object();
        g_autoptr(GString) name = g_string_new(NULL);
        cw_fault fault;

        while (name->len < n)
            g_string_append(name, "\xe2\x82\xac");
        json_object_set_new(value, name->str, json_true());
        g_assert_cmpint(cw_proto_check(cw_proto_object_by("empty"), value, "params", &fault), ==,
                        CW_E_PARAMS);
        g_assert_true(g_utf8_validate(fault.path, -1, NULL));
        g_assert_cmpuint(strlen(fault.path), <, sizeof fault.path);
    }
}

/* ── The table itself ───────────────────────────────────────────────────────────────────────────
 */

static const cw_proto_object *params_of(const char *method, bool from_client)
{
    cw_request which = cw_proto_find(method);

    if (from_client)
        return which < CW_REQ_COUNT ? cw_proto_requests[which].params : NULL;
    for (const cw_proto_notify *n = cw_proto_notifies; n->method; n++)
        if (!strcmp(n->method, method))
            return n->params;
    return NULL;
}

/* The exchange in docs/PROTOCOL.md is one that could be. */
static void test_examples(void)
{
    g_autoptr(GHashTable) asked = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    int64_t seq = 0;

    for (const cw_proto_example *e = cw_proto_examples; e->text; e++) {
        g_autoptr(json_t) message = NULL;
        const char *method;
        json_t *id, *params;
        char why[128];

        g_assert_cmpint(cw_json_parse(e->text, strlen(e->text), &message, why), ==, CW_OK);
        method = json_string_value(json_object_get(message, "method"));
        id = json_object_get(message, "id");
        params = json_object_get(message, "params");
        if (method) {
            g_assert_nonnull(params_of(method, e->from_client));
            expect(params_of(method, e->from_client), params, CW_OK, NULL);
            if (id)
                g_hash_table_insert(asked, GINT_TO_POINTER(json_integer_value(id)),
                                    g_strdup(method));
            if (!e->from_client)
                g_assert_cmpint(json_integer_value(json_object_get(params, "seq")), ==, ++seq);
        } else {
            json_t *result = json_object_get(message, "result");
            const char *of = g_hash_table_lookup(asked, GINT_TO_POINTER(json_integer_value(id)));

            g_assert_nonnull(of);
            if (result)
                expect(cw_proto_requests[cw_proto_find(of)].result, result, CW_OK, NULL);
            else
                expect(cw_proto_object_by("error_info"), json_object_get(message, "error"), CW_OK,
                       NULL);
        }
    }
}

static void test_error_names(void)
{
    for (unsigned i = 0; i < CW_REQ_COUNT; i++) {
        g_auto(GStrv) name = g_strsplit(cw_proto_requests[i].errors, " ", -1);

        for (unsigned k = 0; name[k] && *name[k]; k++) {
            bool known = false;

            for (cw_err err = CW_OK; err < CW_ERR_COUNT; err++)
                known = known || !strcmp(cw_err_name(err), name[k]);
            if (!known)
                g_error("%s: no error %s", cw_proto_requests[i].method, name[k]);
        }
    }
}

/* ── Rate ───────────────────────────────────────────────────────────────────────────────────────
 */

static void test_bucket(void)
{
    cw_bucket b;
    unsigned taken = 0;

    cw_bucket_init(&b, 3, 1000);
    for (unsigned i = 0; i < 3; i++)
        g_assert_cmpuint(cw_bucket_take(&b, 10, 3, 1000), ==, 0);
    g_assert_cmpuint(cw_bucket_take(&b, 10, 3, 1000), ==, 100);
    g_assert_cmpuint(cw_bucket_take(&b, 10, 3, 1099), ==, 1);
    g_assert_cmpuint(cw_bucket_take(&b, 10, 3, 1100), ==, 0);
    g_assert_cmpuint(cw_bucket_take(&b, 10, 3, 1100), ==, 100);
    /* ten a second, not more, however often one asks */
    for (uint64_t ms = 1100; ms <= 11100; ms++)
        taken += cw_bucket_take(&b, 10, 3, ms) == 0;
    g_assert_cmpuint(taken, ==, 100);
    /* a year later it is full, and no fuller */
    taken = 0;
    for (unsigned i = 0; i < 10; i++)
        taken += cw_bucket_take(&b, 10, 3, UINT64_C(40000000000)) == 0;
    g_assert_cmpuint(taken, ==, 3);
    cw_bucket_init(&b, 100000, 0);
    g_assert_cmpuint(cw_bucket_take(&b, 100000, 100000, UINT64_MAX), ==, 0);
}

/* ── Guard ──────────────────────────────────────────────────────────────────────────────────────
 */

static const struct {
    const char *name;
    uint8_t bytes[32];
    size_t len;
    int code;
    unsigned count; /* frames since the last message */
} frames[] = {
    { "empty-text", { 0x81, 0x80, 1, 2, 3, 4 }, 6, 0, 0 },
    { "text", { 0x81, 0x81, 1, 2, 3, 4, 'x' }, 7, 0, 0 },
    { "fragments", { 0x01, 0x81, 1, 2, 3, 4, 'x', 0x80, 0x80, 1, 2, 3, 4 }, 13, 0, 0 },
    { "ping-inside",
      { 0x01, 0x81, 1, 2, 3, 4, 'x', 0x89, 0x80, 1, 2, 3, 4, 0x80, 0x80, 1, 2, 3, 4 },
      19,
      0,
      0 },
    { "half-a-frame", { 0x01, 0x85, 1, 2, 3, 4, 'x' }, 7, 0, 1 },
    { "unmasked", { 0x81, 0x01, 'x' }, 3, 1002, 0 },
    { "unmasked-second", { 0x81, 0x81, 1, 2, 3, 4, 'x', 0x81, 0x00 }, 9, 1002, 0 },
    { "reserved", { 0xc1, 0x80, 1, 2, 3, 4 }, 6, 1002, 0 },
    { "long-ping", { 0x89, 0xfe, 0, 200, 1, 2, 3, 4 }, 8, 1002, 0 },
    { "too-big", { 0x81, 0xfe, 0, 101, 1, 2, 3, 4 }, 8, 1009, 1 },
    { "too-big-together", { 0x01, 0xe3, 1, 2, 3, 4 }, 6, 0, 1 },
    { "64-bit", { 0x81, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4 }, 14, 1009, 1 },
};

/* However the bytes are cut, the guard sees the same. */
static void test_guard(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(frames); i++) {
        for (size_t step = 1; step <= frames[i].len; step++) {
            cw_guard g = { 0 };
            bool stopped = false;

            cw_guard_pass(&g, (const uint8_t *)"\r\n\r\n", 4);
            g_assert_true(cw_guard_begin(&g, 100, 8));
            for (size_t at = 0; at < frames[i].len; at += step) {
                size_t n = MIN(step, frames[i].len - at);
                g_autofree uint8_t *copy = g_memdup2(frames[i].bytes + at, n);
                size_t passed = cw_guard_pass(&g, copy, n);

                g_assert_cmpuint(passed, ==, g.code ? 0 : n);
                g_assert_true(!stopped || passed == 0);
                stopped = g.code != 0;
            }
            if (g.code != frames[i].code || g.count != frames[i].count)
                g_error("%s by %zu: code %d count %u", frames[i].name, step, g.code, g.count);
        }
    }
}

static void test_guard_sum(void)
{
    static const uint8_t part[] = { 0x00, 0xb3, 0, 0, 0, 0 }; /* 51 bytes follow */
    uint8_t zeros[51] = { 0 };
    cw_guard g = { 0 };

    g_assert_false(cw_guard_begin(&g, 100, 8)); /* nothing came before */
    cw_guard_pass(&g, (const uint8_t *)"\x01\x80\0\0\0\0", 6);
    cw_guard_pass(&g, part, sizeof part);
    cw_guard_pass(&g, zeros, sizeof zeros);
    g_assert_cmpint(g.code, ==, 0);
    cw_guard_pass(&g, part, sizeof part);
    g_assert_cmpint(g.code, ==, 1009); /* 102 in all, seen before the bytes came */
}

static void test_guard_tail(void)
{
    static const struct {
        const char *head;
        bool want;
    } cases[] = {
        { "GET / HTTP/1.1\r\n\r\n", true },
        { "GET / HTTP/1.1\r\n\r\n\x81", false },
        { "\r\n\r\n", true },
        { "\r\n\r", false },
        { "", false },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
        for (size_t step = 1; step <= strlen(cases[i].head); step++) {
            cw_guard g = { 0 };

            for (size_t at = 0; at < strlen(cases[i].head); at += step)
                cw_guard_pass(&g, (const uint8_t *)cases[i].head + at,
                              MIN(step, strlen(cases[i].head) - at));
            g_assert_true(cw_guard_begin(&g, 1, 1) == cases[i].want);
        }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (const cw_proto_object *o = cw_proto_objects; o->name; o++) {
        g_autofree char *name = g_strconcat("/proto/object/", o->name, NULL);

        g_test_add_data_func(name, o, test_objects);
    }
    g_test_add_func("/proto/one", test_one);
    g_test_add_func("/proto/candidate-null", test_candidate_null);
    g_test_add_func("/proto/headers", test_headers);
    g_test_add_func("/proto/header-bounds", test_header_bounds);
    g_test_add_func("/proto/path-cut", test_path_cut);
    g_test_add_func("/proto/examples", test_examples);
    g_test_add_func("/proto/error-names", test_error_names);
    g_test_add_func("/proto/bucket", test_bucket);
    g_test_add_func("/proto/guard", test_guard);
    g_test_add_func("/proto/guard-sum", test_guard_sum);
    g_test_add_func("/proto/guard-tail", test_guard_tail);
    return g_test_run();
}
