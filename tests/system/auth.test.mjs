// Log-in by token: good ones, and every way to forge one that is known.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Client } from '../lib/rpc.mjs'
import { token } from '../lib/jwt.mjs'
import { tempDir, withDeadline, wholeFile } from '../lib/proc.mjs'
import { webOffer } from '../lib/offers.mjs'

const secret = 'a secret of more than thirty-two bytes, for tests'
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const stranger = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const pem = (key) => key.export({ type: 'spki', format: 'pem' })
const now = () => Math.floor(Date.now() / 1000)
let gateway

before(async () => {
    const dir = tempDir(wholeFile, 'keys')
    writeFileSync(path.join(dir, 'rsa.pem'), pem(rsa.publicKey))
    writeFileSync(path.join(dir, 'ec.pem'), pem(ec.publicKey))
    writeFileSync(path.join(dir, 'secret'), secret + '\n')
    gateway = await Gateway.start(wholeFile, {
        auth: { guests: false, audience: 'causeway', issuer: 'tests', leeway_s: 2 },
        key: [
            { id: 'h', algorithm: 'HS256', secret: `file:${dir}/secret` },
            { id: 'r', algorithm: 'RS256', public_key: `${dir}/rsa.pem` },
            { id: 'e', algorithm: 'ES256', public_key: `${dir}/ec.pem` },
        ],
    })
})

const claims = (more = {}) => ({ sub: 'anna', name: 'Anna Example', aud: 'causeway', iss: 'tests', ...more })
const good = {
    HS256: () => token('HS256', secret, claims(), { kid: 'h' }),
    RS256: () => token('RS256', rsa.privateKey, claims(), { kid: 'r' }),
    ES256: () => token('ES256', ec.privateKey, claims(), { kid: 'e' }),
}

for (const [name, make] of Object.entries(good))
    test(`${name}: logs in as the token's sub`, async (t) => {
        const client = await gateway.open(t, { token: make() })
        assert.deepEqual([client.session.user, client.session.display], ['anna', 'Anna Example'])
        assert.match(JSON.stringify(await gateway.ctl('sessions')), /anna/)
    })

const parts = (text) => text.split('.')
const refused = [
    ['alg none', () => token('none', '', claims(), { kid: 'h' })],
    ['alg None with a signature', () => token('None', '', claims(), { kid: 'h' }) + 'AAAA'],
    ['HS256 with the RSA public key as secret', () => token('HS256', pem(rsa.publicKey), claims(), { kid: 'r' })],
    ['HS256 with the EC public key as secret', () => token('HS256', pem(ec.publicKey), claims(), { kid: 'e' })],
    ['HS256 of a wrong secret', () => token('HS256', secret + '!', claims(), { kid: 'h' })],
    ['ES256 of a stranger', () => token('ES256', stranger.privateKey, claims(), { kid: 'e' })],
    ['ES256 under the key of RS256', () => token('ES256', ec.privateKey, claims(), { kid: 'r' })],
    ['an unknown kid', () => token('HS256', secret, claims(), { kid: 'x' })],
    ['no kid', () => token('HS256', secret, claims())],
    ['HS384', () => token('HS384', secret, claims(), { kid: 'h' })],
    ['a changed payload', () => {
        const [head, , signature] = parts(good.HS256())
        return [head, Buffer.from(JSON.stringify({ ...claims({ sub: 'root' }), exp: now() + 600 })).toString('base64url'), signature].join('.')
    }],
    ['a cut signature', () => good.HS256().slice(0, -3)],
    ['no signature', () => parts(good.HS256()).slice(0, 2).join('.') + '.'],
    ['two parts', () => parts(good.HS256()).slice(0, 2).join('.')],
    ['four parts', () => good.HS256() + '.AAAA'],
    ['not JSON inside', () => ['a', 'b', 'c'].map((x) => Buffer.from(x).toString('base64url')).join('.')],
    ['another audience', () => token('HS256', secret, claims({ aud: 'others' }), { kid: 'h' })],
    ['another issuer', () => token('HS256', secret, claims({ iss: 'evil' }), { kid: 'h' })],
    ['no exp', () => token('HS256', secret, claims({ exp: undefined }), { kid: 'h' })],
    ['exp that is text', () => token('HS256', secret, claims({ exp: 'never' }), { kid: 'h' })],
    ['not yet valid', () => token('HS256', secret, claims({ nbf: now() + 3600 }), { kid: 'h' })],
    ['no sub', () => token('HS256', secret, claims({ sub: undefined }), { kid: 'h' })],
    ['a sub that is no user name', () => token('HS256', secret, claims({ sub: 'an na\r\n' }), { kid: 'h' })],
]
for (const [name, make] of refused)
    test(`refused, then closed with 4401: ${name}`, async (t) => {
        const was = (await gateway.ctl('stats')).auth_refused
        const client = await Client.connect(t, gateway.ws)
        const error = await client.refused('session.open', { token: make() }, 'auth')
        assert.doesNotMatch(error.message, /secret|kid|signature|alg/i, 'the reason is for the log only')
        assert.equal((await withDeadline(client.closed, 3000, 'closed')).code, 4401)
        assert.ok((await gateway.ctl('stats')).auth_refused > was)
    })

test('expired: token-expired, 4401', async (t) => {
    const client = await Client.connect(t, gateway.ws)
    await client.refused('session.open', { token: token('HS256', secret, claims({ exp: now() - 60 }), { kid: 'h' }) }, 'token-expired')
    assert.equal((await withDeadline(client.closed, 3000, 'closed')).code, 4401)
})

test('guests are not let in', async (t) => {
    const client = await Client.connect(t, gateway.ws)
    await client.refused('session.open', { guest: 'anna' }, 'auth')
})

test('scope: what the token does not allow is forbidden', async (t) => {
    const make = (scope) => token('HS256', secret, claims({ scope }), { kid: 'h' })
    const start = (to) => ({ call: 'c1', to, sdp: webOffer() })
    const client = await gateway.open(t, { token: make('call:service:* call:tel:+33*') })
    await client.call('call.start', start('echo'))
    await client.call('call.end', { call: 'c1' })
    await client.expect('call.end')
    for (const to of ['sip:bob@127.0.0.1', 'user:bert', '+4412345']) await client.refused('call.start', start(to), 'forbidden')
    await client.refused('call.start', start('+3312345'), 'no-route')
    const nothing = await gateway.open(t, { token: make('') })
    await nothing.refused('call.start', start('echo'), 'forbidden')
})

test('secrets stay out of --print-config, config show and the log', async () => {
    const text = JSON.stringify(await gateway.ctl('config', 'show')) + gateway.program.text
    assert.ok(!text.includes(secret))
})

test('the gateway ends well', () => gateway.stop())
