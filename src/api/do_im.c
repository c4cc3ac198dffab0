#include "api/link.h"

cw_err cw_do_im_send(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    return CW_E_UNSUPPORTED;
}

cw_err cw_do_data_send(cw_session *s, const json_t *params, json_t **result, cw_fault *fault)
{
    return CW_E_UNSUPPORTED;
}
