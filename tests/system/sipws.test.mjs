// SIP over WebSocket (RFC 7118): who may, as whom, how long; JsSIP as it is, and clients that try something.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import WebSocket from 'ws'
import { Gateway } from '../lib/gateway.mjs'
import { token } from '../lib/jwt.mjs'
import { challenges, jssip, ofUa, RawSip } from '../lib/sipws.mjs'
import { until, wholeFile, withDeadline } from '../lib/proc.mjs'

const secret = 'a secret of more than thirty-two bytes, for tests'
const domain = 'gw.example'
const ha1 = (hash, user) => createHash(hash).update(`${user}:${domain}:${user}'s secret`).digest('hex')
let gateway

before(async () => {
    gateway = await Gateway.start(wholeFile, {
        web: { sip_expires_min_s: 10, open_timeout_ms: 2000, message_max_bytes: 16384 },
        sip: { domain },
        key: [{ algorithm: 'HS256', secret }],
        account: [
            { user: 'anna', password: "anna's secret", display: 'Anna Example' },
            { user: 'bert', ha1_md5: ha1('md5', 'bert'), ha1_sha256: ha1('sha256', 'bert') },
        ],
    })
})

const registrations = () => gateway.ctl('registrations')
const contactOf = (response) => response.all('Contact')

test('JsSIP: registers by digest, is shown, unregisters', async (t) => {
    const ua = jssip(t, gateway, 'anna')
    ua.start()
    await ofUa(ua, 'registered')
    const [one] = await registrations()
    assert.deepEqual([one.user, one.identity, one.state, one.reg_id], ['anna', `sip:anna@${domain}`, 'registered', 1])
    assert.match(one.agent, /^JsSIP/)
    const session = (await gateway.ctl('sessions')).find((s) => s.link === 'sip')
    assert.deepEqual([session.user, session.registered, session.calls], ['anna', true, 0])
    ua.unregister()
    await ofUa(ua, 'unregistered')
    assert.deepEqual(await registrations(), [])
})

test('JsSIP: registers by bearer token (RFC 8898)', async (t) => {
    const ua = jssip(t, gateway, 'tom', { password: undefined, authorization_jwt: `Bearer ${token('HS256', secret, { sub: 'tom' })}` })
    ua.start()
    await ofUa(ua, 'registered')
    assert.equal((await registrations())[0].user, 'tom')
})
