#include "api/link.h"

cw_err cw_do_push_register(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    return cw_client_push_register(s->client, params);
}

cw_err cw_do_push_unregister(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    return cw_client_push_unregister(s->client,
                                     json_string_value(json_object_get(params, "endpoint")));
}
