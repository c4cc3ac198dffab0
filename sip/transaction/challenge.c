/* challenge.c - which challenge of a 401 or 407 is answered (RFC 3261 22.2, 22.3; RFC 8760 2.4). */
#include "sip/priv.h"

#define CHALLENGES_MAX 8 /* of one response that are looked at */

static bool is_better(const cw_sip_challenge *one, const cw_sip_challenge *than)
{
    return !than->realm || (one->hash == G_CHECKSUM_SHA256 && than->hash != G_CHECKSUM_SHA256);
}

cw_err cw_sip_take_challenge(cw_sip_account *account, const sip_t *sip, bool proxy, bool *stale)
{
    const msg_auth_t *header = proxy ? sip->sip_proxy_authenticate : sip->sip_www_authenticate;
    g_auto(cw_sip_challenge) best = { 0 };

    for (unsigned n = 0; header && n < CHALLENGES_MAX; header = header->au_next, n++) {
        g_auto(cw_sip_challenge) challenge = { 0 };
        cw_sip_challenge other = best;

        if (g_ascii_strcasecmp(header->au_scheme, "Digest") != 0 ||
            cw_sip_challenge_parse((const char *const *)header->au_params, &challenge) ||
            !cw_sip_account_fits(account, &challenge) || !is_better(&challenge, &best))
            continue;
        best = challenge;
        challenge = other;
    }
    if (!best.realm)
        return CW_E_AUTH;
    *stale = best.stale;
    return cw_sip_account_ask(account, proxy, &best);
}
