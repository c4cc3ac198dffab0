#include "base/err.h"

static const struct {
    const char *name, *kind, *text;
    int sip, json;
} table[] = {
    [CW_OK] = { "OK", "ok", "ok", 0, 0 },
#define CW_ERR(name, sip, code, kind, text) [CW_E_##name] = { #name, kind, text, sip, code },
#include "base/err.def"
#undef CW_ERR
};

static cw_err known(cw_err err)
{
    return (unsigned)err < CW_ERR_COUNT ? err : CW_E_INTERNAL;
}

const char *cw_err_name(cw_err err)
{
    return table[known(err)].name;
}

const char *cw_err_kind(cw_err err)
{
    return table[known(err)].kind;
}

const char *cw_err_text(cw_err err)
{
    return table[known(err)].text;
}

int cw_err_sip(cw_err err)
{
    return table[known(err)].sip;
}

int cw_err_json(cw_err err)
{
    return table[known(err)].json;
}

cw_err cw_err_from_sip(int status)
{
    static const struct {
        int status;
        cw_err err;
    } exact[] = {
        { 401, CW_E_AUTH },         { 403, CW_E_FORBIDDEN },     { 404, CW_E_NOT_FOUND },
        { 407, CW_E_AUTH },         { 408, CW_E_TIMEOUT },       { 410, CW_E_NOT_FOUND },
        { 580, CW_E_PRECONDITION }, { 415, CW_E_NO_CODEC },      { 428, CW_E_NO_IDENTITY },
        { 433, CW_E_ANONYMOUS },    { 436, CW_E_IDENTITY_INFO }, { 437, CW_E_CREDENTIAL },
        { 438, CW_E_BAD_IDENTITY }, { 480, CW_E_UNAVAILABLE },   { 481, CW_E_NO_CALL },
        { 482, CW_E_HOPS },         { 483, CW_E_HOPS },          { 484, CW_E_NOT_FOUND },
        { 486, CW_E_BUSY },         { 487, CW_E_CANCELLED },     { 488, CW_E_NO_CODEC },
        { 503, CW_E_NETWORK },      { 504, CW_E_NETWORK },       { 600, CW_E_BUSY },
        { 603, CW_E_DECLINED },     { 604, CW_E_NOT_FOUND },     { 606, CW_E_NO_CODEC },
        { 607, CW_E_DECLINED },
    };

    if (status < 300)
        return CW_OK;
    for (unsigned i = 0; i < sizeof exact / sizeof exact[0]; i++)
        if (exact[i].status == status)
            return exact[i].err;
    return CW_E_SIP_FAILED;
}
