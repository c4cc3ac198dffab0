// Trunks that are known by a user name instead of an address: 401 to who is not known, and what comes of the answer.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { Gateway } from '../lib/gateway.mjs'
import { own, scenario, sipp, step } from '../lib/sipp.mjs'
import { sdp, SipPeer } from '../lib/sip.mjs'
import { wholeFile } from '../lib/proc.mjs'

const target = { host: '127.0.0.1', port: 5060 }
const uri = 'sip:echo@127.0.0.1:5060'
const secret = 'a-word-nobody-may-see'
const hash = (algorithm, text) => createHash(algorithm === 'MD5' ? 'md5' : 'sha256').update(text).digest('hex')
let gateway

before(async () => {
    gateway = await Gateway.start(wholeFile, {
        sip: { domain: 'gw.test', peers: ['127.0.0.20/30'], challenges_per_s: 40, challenge_algorithms: ['MD5', 'SHA-256'] },
        trunk: [
            { name: 'roaming', in_username: 'roamer', in_password: secret, prefixes: [] },
            { name: 'fixed', address: '127.0.0.10:5090', prefixes: ['1'], in_username: 'fixed', in_ha1_md5: hash('MD5', `fixed:gw.test:${secret}`) },
        ],
        inbound: [{ match: 'echo', to: 'service:echo' }],
    })
})

const fields = (challenge) => Object.fromEntries([...challenge.matchAll(/(\w+)="?([^",]*)"?/g)].map((m) => [m[1], m[2]]))

// The Authorization line that answers a 401.
function answer(response, method, { user = 'roamer', password = secret, algorithm = 'SHA-256', nc = 1, at = uri } = {}) {
    const asked = response.headers['www-authenticate'].map(fields).find((c) => c.algorithm === algorithm)
    const count = String(nc).padStart(8, '0')
    const ha1 = hash(algorithm, `${user}:${asked.realm}:${password}`), ha2 = hash(algorithm, `${method}:${at}`)
    const digest = hash(algorithm, `${ha1}:${asked.nonce}:${count}:c0:auth:${ha2}`)
    return `Authorization: Digest username="${user}", realm="${asked.realm}", nonce="${asked.nonce}", uri="${at}", response="${digest}", algorithm=${algorithm}, qop=auth, nc=${count}, cnonce="c0"`
}

const acknowledge = (end, dialog, response) => end.request('ACK', uri, target, { dialog: { ...dialog, remote: response.get('to') }, branch: dialog.branch })

// An INVITE and its final answer; a refusal is acknowledged.
async function invite(end, headers = []) {
    const dialog = end.request('INVITE', uri, target, { body: sdp({ host: end.host }), headers })
    const response = await end.expect((m) => m.status >= 200 && m.get('call-id') === dialog.callId)
    if (response.status >= 300) acknowledge(end, dialog, response)
    return { dialog, response }
}

async function hangUp(end, { dialog, response }) {
    SipPeer.follow(dialog, response)
    end.request('ACK', uri, target, { dialog })
    end.request('BYE', uri, target, { dialog })
    await end.expect((m) => m.status === 200 && /BYE/.test(m.get('cseq')))
}

async function challenged(end) {
    const { response } = await invite(end)
    assert.equal(response.status, 401)
    return response
}

for (const algorithm of ['SHA-256', 'MD5'])
    for (const [transport, host] of [['udp', '127.0.0.66'], ['tcp', '127.0.0.1']])
        test(`${algorithm} over ${transport}, from anywhere: the call is the trunk's; its BYE is asked nothing`, async (t) => {
            const end = await SipPeer.open(t, { transport, ...(transport === 'udp' ? { host } : { to: target }) })
            const call = await invite(end, [answer(await challenged(end), 'INVITE', { algorithm })])
            assert.equal(call.response.status, 200)
            const [{ id }] = (await gateway.ctl('calls')).calls ?? await gateway.ctl('calls')
            assert.match(JSON.stringify(await gateway.ctl('call', 'show', id)), /"trunk": ?"roaming"/)
            await hangUp(end, call)
        })

test('SIPp logs in, and with a wrong password does not', async (t) => {
    const again = (password) => step.invite('echo').replace('CSeq: 1', 'CSeq: 2').replace('Max-Forwards: 70', `[authentication username=roamer password=${password}]\nMax-Forwards: 70`)
    const ack = step.ackOf2xx().replace('[next_url]', 'sip:echo@[remote_ip]:[remote_port]').replace(/Via:.*/, '[last_Via:]')
    const first = [step.invite('echo'), own.recv('response="401"', 'auth="true"'), ack]
    const args = { to: '127.0.0.1:5060', args: ['-auth_uri', 'echo@127.0.0.1:5060'] }
    const good = await sipp(t, [...first, again(secret), step.recvStatus(100, 'optional="true"'), step.recvStatus(200, 'rrs="true"'), step.ackOf2xx(2), step.bye(3), step.recvStatus(200)], args)
    await good.passed()
    const was = (await gateway.ctl('stats')).sip_logins_failed
    const bad = await sipp(t, [...first, again('guess'), own.recv('response="401"'), ack.replace('CSeq: 1', 'CSeq: 2')], args)
    await bad.passed()
    assert.equal((await gateway.ctl('stats')).sip_logins_failed, was + 1)
})

test('wrong: password, user, method, address; each asked anew, none told more than another', async (t) => {
    const end = await SipPeer.open(t, { host: '127.0.0.66' })
    const was = (await gateway.ctl('stats')).sip_logins_failed
    const shapes = new Set()
    for (const wrong of [{ password: 'guess' }, { user: 'nobody' }, { at: 'sip:+1900@127.0.0.1:5060' }]) {
        const { response } = await invite(end, [answer(await challenged(end), 'INVITE', wrong)])
        assert.equal(response.status, 401)
        shapes.add(response.headers['www-authenticate'].map((line) => line.replace(/nonce="\w+"/, '')).join())
    }
    assert.equal((await invite(end, [answer(await challenged(end), 'MESSAGE')])).response.status, 401)
    assert.equal(shapes.size, 1)
    assert.doesNotMatch([...shapes][0], /stale/)
    assert.equal((await gateway.ctl('stats')).sip_logins_failed, was + 4)
})

test('an answer sent again is stale; the next count of the same nonce is not', async (t) => {
    const end = await SipPeer.open(t, { host: '127.0.0.66' })
    const asked = await challenged(end)
    await hangUp(end, await invite(end, [answer(asked, 'INVITE')]))
    const { response } = await invite(end, [answer(asked, 'INVITE')])
    assert.equal(response.status, 401)
    assert.match(response.get('www-authenticate'), /stale=true/)
    await hangUp(end, await invite(end, [answer(asked, 'INVITE', { nc: 2 })]))
    await hangUp(end, await invite(end, [answer(response, 'INVITE')]))
})

test('its address is not enough for a trunk with a user name, nor are another\'s credentials; sip.peers need none', async (t) => {
    const fixed = await SipPeer.open(t, { host: '127.0.0.10' })
    const asked = await challenged(fixed)
    await hangUp(fixed, await invite(fixed, [answer(asked, 'INVITE', { user: 'fixed', algorithm: 'MD5' })]))
    assert.equal((await invite(fixed, [answer(asked, 'INVITE', { user: 'fixed', nc: 2 })])).response.status, 401) // there is no hash for it
    const peer = await SipPeer.open(t, { host: '127.0.0.21' })
    await hangUp(peer, await invite(peer))
    assert.equal((await invite(peer, [answer(await challenged(fixed), 'INVITE', { password: 'guess' })])).response.status, 401)
})

test('every method outside a dialog is asked; nothing is kept of them', async (t) => {
    const end = await SipPeer.open(t, { host: '127.0.0.66' })
    for (const method of ['OPTIONS', 'MESSAGE', 'SUBSCRIBE', 'REFER', 'REGISTER', 'PUBLISH', 'NOTIFY', 'INFO', 'BYE']) {
        end.request(method, uri, target)
        assert.equal((await end.expect((m) => m.status && m.get('cseq').endsWith(method))).status, 401, method)
    }
    const { dialog, response } = await invite(end, [])
    end.request('OPTIONS', uri, target, { headers: [answer(response, 'OPTIONS')] })
    assert.equal((await end.expect((m) => m.status && /OPTIONS/.test(m.get('cseq')))).status, 200)
    end.request('CANCEL', uri, target, { dialog, branch: 'z9hG4bKother' })
    assert.equal((await end.expect((m) => m.status && /CANCEL/.test(m.get('cseq')))).status, 403)
})

test('more strangers than sip.challenges_per_s are told nothing but 403', async (t) => {
    const end = await SipPeer.open(t, { host: '127.0.0.66' })
    const all = []
    for (let i = 0; i < 10; i++) {
        for (let n = 0; n < 20; n++) end.request('OPTIONS', uri, target)
        for (let n = 0; n < 20; n++) all.push((await end.expect((m) => m.status > 0)).status)
    }
    assert.ok(all.includes(401) && all.includes(403))
    assert.ok(all.filter((status) => status === 401).length < 100)
})

test('the password is nowhere to be seen', async () => {
    assert.ok(!JSON.stringify(await gateway.ctl('trunks')).includes(secret))
    assert.ok(!gateway.program.text.includes(secret))
})

test('the gateway ends well', () => gateway.stop())
