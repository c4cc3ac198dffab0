#include "api/proto.h"

#include <stdlib.h>
#include <string.h>

/* "params" + "client" is "params.client". A name may be the peer's: cut at a character's edge, and
 * control bytes become '?'. */
static void path_join(char ret[static CW_PROTO_FAULT_PATH], const char *at, const char *name)
{
    char buf[CW_PROTO_FAULT_PATH];
    const char *end;

    g_snprintf(buf, sizeof buf, "%s%s%s", at, *at && name ? "." : "", name ? name : "");
    g_utf8_validate(buf, -1, &end);
    buf[end - buf] = '\0';
    for (char *p = buf; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    memcpy(ret, buf, sizeof buf);
}

static cw_err fail(cw_fault *fault, const char *at, const char *name, cw_err err, const char *text)
{
    path_join(fault->path, at, name);
    g_strlcpy(fault->text, text, sizeof fault->text);
    return err;
}

/* One member of `chars`, "A-Z" or "_"; `*chars` moves behind it. */
static bool in_item(const char **chars, unsigned char c)
{
    unsigned char low = (unsigned char)*(*chars)++, high = low;

    if (**chars == '-' && (*chars)[1]) {
        high = (unsigned char)(*chars)[1];
        *chars += 2;
    }
    return c >= low && c <= high;
}

bool cw_proto_chars_ok(const char *chars, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const char *item = chars;
        bool found = false;

        while (*item && !found)
            found = in_item(&item, (unsigned char)text[i]);
        if (!found)
            return false;
    }
    return true;
}

static bool has_control(const char *text, size_t len, bool lines)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if ((c < 0x20 || c == 0x7f) && !(lines && (c == '\r' || c == '\n' || c == '\t')))
            return true;
    }
    return false;
}

static cw_err check_text(const cw_proto_rule *rule, int64_t min, int64_t max, const char *text,
                         size_t len, const char *at, const char *name, cw_fault *fault)
{
    size_t prefix = strlen(rule->prefix);

    if ((int64_t)len > max)
        return fail(fault, at, name, CW_E_TOO_LARGE, "longer than allowed");
    if ((int64_t)len < min)
        return fail(fault, at, name, CW_E_PARAMS, "shorter than allowed");
    if (has_control(text, len, rule->lines))
        return fail(fault, at, name, CW_E_UNSAFE, "holds a control character");
    if (rule->chars && (strncmp(text, rule->prefix, prefix) ||
                        !cw_proto_chars_ok(rule->chars, text + prefix, len - prefix)))
        return fail(fault, at, name, CW_E_PARAMS, rule->help);
    return CW_OK;
}

static cw_err check_string(const cw_proto_field *field, const json_t *value, const char *at,
                           const char *name, cw_fault *fault)
{
    if (!json_is_string(value))
        return fail(fault, at, name, CW_E_PARAMS, "must be a string");
    return check_text(field->rule, field->min, field->max, json_string_value(value),
                      json_string_length(value), at, name, fault);
}

static bool in_words(const char *words, const char *text, size_t len)
{
    for (const char *word = words;; word++) {
        size_t n = strcspn(word, "|");

        if (n == len && !memcmp(word, text, len))
            return true;
        word += n;
        if (!*word)
            return false;
    }
}

static cw_err check_word(const cw_proto_field *field, const json_t *value, const char *at,
                         cw_fault *fault)
{
    char text[sizeof fault->text];

    if (json_is_string(value) &&
        in_words(field->words, json_string_value(value), json_string_length(value)))
        return CW_OK;
    g_snprintf(text, sizeof text, "must be one of %s", field->words);
    return fail(fault, at, field->name, CW_E_PARAMS, text);
}

static cw_err check_integer(const cw_proto_field *field, const json_t *value, const char *at,
                            cw_fault *fault)
{
    char text[sizeof fault->text];

    if (!json_is_integer(value))
        return fail(fault, at, field->name, CW_E_PARAMS, "must be an integer");
    if (json_integer_value(value) >= field->min && json_integer_value(value) <= field->max)
        return CW_OK;
    g_snprintf(text, sizeof text, "must be %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, field->min,
               field->max);
    return fail(fault, at, field->name, CW_E_PARAMS, text);
}

static cw_err check_count(const cw_proto_field *field, size_t n, const char *at, cw_fault *fault)
{
    if ((int64_t)n > field->max)
        return fail(fault, at, field->name, CW_E_TOO_LARGE, "more entries than allowed");
    if ((int64_t)n < field->min)
        return fail(fault, at, field->name, CW_E_PARAMS, "fewer entries than allowed");
    return CW_OK;
}

/* `at` of the members of a list's entry. */
static void entry_path(char ret[static CW_PROTO_FAULT_PATH], const char *at, const char *name,
                       size_t i)
{
    char entry[CW_PROTO_NAME_MAX + 24];

    g_snprintf(entry, sizeof entry, "%s[%zu]", name, i);
    path_join(ret, at, entry);
}

static cw_err check_list(const cw_proto_field *field, const json_t *value, const char *at,
                         cw_fault *fault)
{
    char path[CW_PROTO_FAULT_PATH];
    cw_err err;

    if (!json_is_array(value))
        return fail(fault, at, field->name, CW_E_PARAMS, "must be an array");
    err = check_count(field, json_array_size(value), at, fault);
    for (size_t i = 0; !err && i < json_array_size(value); i++) {
        entry_path(path, at, field->name, i);
        if (field->type == CW_TYPE_LIST)
            err = cw_proto_check(field->object, json_array_get(value, i), path, fault);
        else if (!json_is_string(json_array_get(value, i)))
            err = fail(fault, path, NULL, CW_E_PARAMS, "must be a string");
        else
            err = check_text(field->rule, 0, CW_PROTO_VALUE_MAX,
                             json_string_value(json_array_get(value, i)),
                             json_string_length(json_array_get(value, i)), path, NULL, fault);
    }
    return err;
}

static cw_err check_map(const cw_proto_field *field, const json_t *value, const char *at,
                        cw_fault *fault)
{
    static const cw_proto_rule any = { .prefix = "" };
    char path[CW_PROTO_FAULT_PATH];
    const char *name;
    json_t *entry;
    cw_err err;

    if (!json_is_object(value))
        return fail(fault, at, field->name, CW_E_PARAMS, "must be an object");
    err = check_count(field, json_object_size(value), at, fault);
    if (err)
        return err;
    path_join(path, at, field->name);
    json_object_foreach((json_t *)value, name, entry)
    {
        err = check_text(field->rule, 1, CW_PROTO_NAME_MAX, name, strlen(name), path, name, fault);
        if (err)
            return err;
        if (!json_is_string(entry))
            return fail(fault, path, name, CW_E_PARAMS, "must be a string");
        err = check_text(&any, 0, CW_PROTO_VALUE_MAX, json_string_value(entry),
                         json_string_length(entry), path, name, fault);
        if (err)
            return err;
    }
    return CW_OK;
}

/* How deep it is was checked when it was parsed. */
static cw_err check_any(const cw_proto_field *field, const json_t *value, const char *at,
                        cw_fault *fault)
{
    char *text = cw_json_print(value);
    bool fits = text && (int64_t)strlen(text) <= field->max;

    free(text);
    return fits ? CW_OK : fail(fault, at, field->name, CW_E_TOO_LARGE, "longer than allowed");
}

static cw_err check_field(const cw_proto_field *field, const json_t *value, const char *at,
                          cw_fault *fault)
{
    char path[CW_PROTO_FAULT_PATH];

    switch (field->type) {
    case CW_TYPE_STR:
        if (field->need == CW_NEED_NULL && json_is_null(value))
            return CW_OK;
        return check_string(field, value, at, field->name, fault);
    case CW_TYPE_ENUM:
        return check_word(field, value, at, fault);
    case CW_TYPE_INT:
        return check_integer(field, value, at, fault);
    case CW_TYPE_BOOL:
        if (json_is_boolean(value))
            return CW_OK;
        return fail(fault, at, field->name, CW_E_PARAMS, "must be true or false");
    case CW_TYPE_OBJ:
        path_join(path, at, field->name);
        return cw_proto_check(field->object, value, path, fault);
    case CW_TYPE_LIST:
    case CW_TYPE_STRS:
        return check_list(field, value, at, fault);
    case CW_TYPE_MAP:
        return check_map(field, value, at, fault);
    case CW_TYPE_ANY:
        return check_any(field, value, at, fault);
    }
    return CW_E_INTERNAL;
}

static const cw_proto_field *field_by(const cw_proto_object *object, const char *name)
{
    for (const cw_proto_field *f = object->fields; f->name; f++)
        if (!strcmp(f->name, name))
            return f;
    return NULL;
}

static cw_err check_known(const cw_proto_object *object, const json_t *value, const char *at,
                          cw_fault *fault)
{
    const char *name;
    json_t *member;

    json_object_foreach((json_t *)value, name, member) if (!field_by(object, name)) return fail(
        fault, at, name, CW_E_PARAMS, "is not known");
    return CW_OK;
}

/* Of the members marked ONE, how many are there, and which are they? */
static cw_err check_one(const cw_proto_object *object, const json_t *value, const char *at,
                        cw_fault *fault)
{
    g_autoptr(GString) names = g_string_new("must hold exactly one of");
    unsigned marked = 0, there = 0;

    for (const cw_proto_field *f = object->fields; f->name; f++) {
        if (f->need != CW_NEED_ONE)
            continue;
        marked++;
        there += json_object_get(value, f->name) != NULL;
        g_string_append_printf(names, "%s %s", marked > 1 ? "," : "", f->name);
    }
    if (!marked || there == 1)
        return CW_OK;
    return fail(fault, at, NULL, CW_E_PARAMS, names->str);
}

cw_err cw_proto_check(const cw_proto_object *object, const json_t *value, const char *at,
                      cw_fault *fault)
{
    cw_err err;

    if (value && !json_is_object(value))
        return fail(fault, at, NULL, CW_E_PARAMS, "must be an object");
    err = check_known(object, value, at, fault);
    for (const cw_proto_field *f = object->fields; !err && f->name; f++) {
        const json_t *member = json_object_get(value, f->name);

        if (member)
            err = check_field(f, member, at, fault);
        else if (f->need == CW_NEED_MUST || f->need == CW_NEED_NULL)
            err = fail(fault, at, f->name, CW_E_PARAMS, "is missing");
    }
    return err ? err : check_one(object, value, at, fault);
}
