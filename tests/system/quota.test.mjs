// What callers may spend: tokens for calls, quotas of configuration, and how a call is cut that spent it all.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { token } from '../lib/jwt.mjs'
import { webOffer } from '../lib/offers.mjs'
import { sdp, SipPeer } from '../lib/sip.mjs'
import { until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

const secret = 'a secret of more than thirty-two bytes, for tests'
const now = () => Math.floor(Date.now() / 1000)
const carrier = 5600
const sdpOffer = webOffer()
let gateway, trunk, capture, ids = 0

before(async () => {
    capture = await startCapture(wholeFile)
    trunk = await SipPeer.open(wholeFile, { port: carrier })
    gateway = await Gateway.start(wholeFile, {
        auth: { guests: false },
        sip: { redirect_hosts: ['127.0.0.1'] },
        key: [{ id: 'h', algorithm: 'HS256', secret }],
        trunk: [
            { name: 'carrier', address: `127.0.0.1:${carrier}`, prefixes: ['+'], codecs: ['PCMA'] },
            { name: 'other', address: `127.0.0.1:${carrier + 4}`, prefixes: ['+7'], codecs: ['PCMA'] },
            { name: 'narrow', address: `127.0.0.1:${carrier + 6}`, prefixes: ['+8'], codecs: ['PCMA'], calls_per_s: 1, calls_max: 1 },
        ],
        number: [{ from: 'user', match: '00*', strip: 2, prepend: '+' }],
        inbound: [{ match: '+*', to: 'tel:$' }],
        quota: [
            { name: 'premium', to: ['tel:+1900*', 'tel:+882*'], deny: true },
            { name: 'brief', users: ['brief'], seconds_per_call: 1 },
            { name: 'pair', users: ['pair'], calls_at_once: 2 },
            { name: 'slow', users: ['slow'], calls_per_minute: 3 },
            { name: 'poor', users: ['poor'], cost_per_day: 2 },
            { name: 'transit', users: ['trunk:*'], calls_at_once: 1 },
        ],
        rate: [{ prefix: '+33', cost: 60, class: 'land' }, { prefix: '+336', cost: 120, class: 'mobile' }],
    })
})

const login = (user, claims = {}) => ({ token: token('HS256', secret, { sub: user, ...claims }, { kid: 'h' }) })
const grant = (user, call, claims = {}) => token('HS256', secret, { sub: user, use: 'call', jti: `g${++ids}`, call, ...claims }, { kid: 'h' })
const open = (t, user, claims) => gateway.open(t, login(user, claims))

async function dial(client, to, more = {}) {
    const call = `c${++ids}`
    await client.call('call.start', { call, to, sdp: sdpOffer, ...more })
    return call
}

// The carrier answers the next call.
async function answered(client, to, more) {
    const call = await dial(client, to, more)
    const invite = await trunk.expect('INVITE')
    trunk.reply(invite, 200, 'OK', { body: sdp() })
    await trunk.expect('ACK')
    await client.expect('call.answer', { call })
    return { call, invite }
}

async function hangUp(client, { call }) {
    await client.call('call.end', { call })
    trunk.reply(await trunk.expect('BYE'), 200)
    await client.expect('call.end', { call })
}

// Refused, and the carrier heard nothing of it.
async function refused(client, to, kind, words, more) {
    await assert.rejects(dial(client, to, more), (error) => {
        assert.equal(error.kind, kind)
        assert.match(error.message, words)
        return true
    })
    trunk.queue.length && assert.fail(`the carrier got ${trunk.queue.map((m) => m.first)}`)
}

test('a destination nobody may call, however it is written', async (t) => {
    const anna = await open(t, 'anna')
    for (const to of ['tel:+19005551234', '+1 900 555-1234', '001-900-555-1234', 'tel:+1(900)5551234', '+882.16.1234'])
        await refused(anna, to, 'forbidden', /premium/)
    await refused(anna, 'tel:+19005551234;phone-context=+1', 'no-route', /not a telephone number/)
})

test('calls at once are counted over all sessions of a user, and given back', async (t) => {
    const tabs = [await open(t, 'pair'), await open(t, 'pair')]
    const first = await answered(tabs[0], '+331')
    const second = await answered(tabs[1], '+331')
    await refused(tabs[0], '+331', 'quota', /pair: 2 calls at once/)
    await refused(tabs[1], '+331', 'quota', /pair/)
    const { callers } = await gateway.ctl('quotas')
    assert.equal(callers.find((c) => c.caller === 'pair').calls, 2)
    await hangUp(tabs[0], first)
    await hangUp(tabs[1], await answered(tabs[1], '+332'))
    await hangUp(tabs[1], second)
    assert.equal((await gateway.ctl('quotas')).callers.find((c) => c.caller === 'pair').calls, 0)
})

test('a call that is refused, cancelled or fails gives its place back', async (t) => {
    const pair = await open(t, 'pair')
    for (let i = 0; i < 3; i++) {
        const call = await dial(pair, '+331')
        trunk.reply(await trunk.expect('INVITE'), 486, 'Busy Here')
        await trunk.expect('ACK')
        await pair.expect('call.end', { call })
    }
    assert.equal((await gateway.ctl('quotas')).callers.find((c) => c.caller === 'pair').calls, 0)
})

test('calls a minute, and when to try again', async (t) => {
    const slow = await open(t, 'slow')
    for (let i = 0; i < 3; i++) await hangUp(slow, await answered(slow, '+331'))
    await refused(slow, '+331', 'quota', /slow: 3 calls a minute, no more; again in (1\d|20) s/)
})

test('a call is ended when its time is over: its cause to both sides', async (t) => {
    const brief = await open(t, 'brief')
    const { call } = await answered(brief, '+331')
    const start = Date.now()
    const bye = await trunk.expect('BYE')
    assert.ok(Date.now() - start > 800, `${Date.now() - start} ms`)
    trunk.reply(bye, 200)
    assert.match(bye.get('reason'), /Q\.850;cause=\d+/)
    const end = await brief.expect('call.end', { call })
    assert.deepEqual([end.reason, end.by], ['quota', 'gateway'])
    assert.ok((await gateway.ctl('stats')).calls_cut >= 1)
})

test('money: cut when it is spent, refused until the day is over', async (t) => {
    const poor = await open(t, 'poor')
    const { call } = await answered(poor, '+336') // 120 a minute: 2 are gone after a second
    trunk.reply(await trunk.expect('BYE'), 200)
    assert.equal((await poor.expect('call.end', { call })).reason, 'quota')
    await refused(poor, '+331', 'quota', /poor: its money for today/)
    await hangUp(poor, await answered(poor, '+49')) // costs nothing
})

test('a token for a call: its destination in place of the scopes, its length, its uses', async (t) => {
    const guest = await open(t, 'kiosk', { scope: '' })
    await refused(guest, '+331', 'forbidden', /not in your scopes/)
    const text = grant('kiosk', { to: ['tel:+331*'], seconds: 1, uses: 2, at_once: 1 })
    await refused(guest, '+332', 'forbidden', /not what the grant is for/, { grant: text })
    const { call } = await answered(guest, '+331', { grant: text })
    await refused(guest, '+331', 'quota', /grant: 1 calls at once/, { grant: text })
    trunk.reply(await trunk.expect('BYE'), 200)
    assert.equal((await guest.expect('call.end', { call })).reason, 'quota')
    await hangUp(guest, await answered(guest, '+331', { grant: text }))
    await refused(guest, '+331', 'quota', /grant: it was for 2 calls/, { grant: text })
})

test('a cost class', async (t) => {
    const anna = await open(t, 'anna')
    const text = grant('anna', { cost: 'land' })
    await refused(anna, '+336', 'forbidden', /class "land"/, { grant: text })
    await refused(anna, '+49', 'forbidden', /class "land"/, { grant: text })
    await hangUp(anna, await answered(anna, '+331', { grant: text }))
    const bound = await open(t, 'bound', { call: { cost: 'land', at_once: 1 } })
    await refused(bound, '+336', 'forbidden', /class "land"/)
    const up = await answered(bound, '+331')
    await refused(bound, '+331', 'quota', /log-in: 1 calls at once/)
    await hangUp(bound, up)
})

const tokens = {
    'another user\'s': [() => grant('ben', {}), 'forbidden'],
    'a log-in': [() => login('anna').token, 'auth'],
    'out of date': [() => grant('anna', {}, { exp: now() - 1000 }), 'token-expired'],
    'forged': [() => grant('anna', {}).slice(0, -3) + 'AAA', 'auth'],
    'with a bound we do not know': [() => grant('anna', { minutes: 3 }), 'auth'],
    'without a name': [() => grant('anna', {}, { jti: undefined }), 'auth'],
}
for (const [name, [make, kind]] of Object.entries(tokens))
    test(`a token for a call that is ${name}`, async (t) => refused(await open(t, 'anna'), '+331', kind, /./, { grant: make() }))

test('a token for a call is no log-in', async (t) => {
    await assert.rejects(gateway.open(t, { token: grant('anna', {}) }), (error) => error.kind === 'auth')
})

// The trunk's answer to the next call: go there.
async function moved(client, to, place, more, end = trunk) {
    const call = `c${++ids}`
    const { id } = await client.call('call.start', { call, to, sdp: sdpOffer, ...more })
    const invite = await end.expect('INVITE')
    end.reply(invite, 302, 'Moved', { contact: false, headers: [`Contact: <${place}>`] })
    await end.expect('ACK')
    return { call, id, invite }
}

// What the 3xx says was not done: `words` are in the ladder.
async function notMoved(client, { call, id }, reason, words, end = trunk) {
    const ended = await client.expect('call.end', { call })
    assert.deepEqual([ended.reason, ended.sip?.status], [reason, 302])
    assert.equal(end.queue.length, 0)
    assert.match(JSON.stringify(await gateway.ctl('call', 'ladder', id)), words)
}

const here = `127.0.0.1:${carrier}`
const places = {
    'a premium number': ['anna', `sip:+19005551234@${here}`, 'forbidden', /premium/],
    'the same, written as users write it': ['anna', `sip:0019005551234@${here}`, 'forbidden', /premium/],
    'the same, escaped': ['anna', `sip:%2b1900-555.1234;x=1@${here}`, 'forbidden', /premium/],
    'a number of another trunk': ['anna', `sip:+71@${here}`, 'no-route', /not a number for this trunk/],
    'what is nearly a number': ['anna', `sip:+19x00@${here}`, 'no-route', /not redirected/],
}
for (const [name, [user, place, reason, words]] of Object.entries(places))
    test(`3xx to ${name}: not followed`, async (t) => {
        const client = await open(t, user)
        await notMoved(client, await moved(client, '+331', place), reason, words)
    })

test('3xx: the scopes of the log-in, the token for the call, money and classes are asked for the new number', async (t) => {
    const french = await open(t, 'french', { scope: 'call:tel:+33*' })
    await notMoved(french, await moved(french, '+331', `sip:+49@${here}`), 'forbidden', /not in your scopes/)
    const { call, invite } = await moved(french, '+331', `sip:+332@${here}`)
    const again = await trunk.expect('INVITE')
    assert.equal(again.uri, `sip:+332@${here}`)
    assert.equal(again.get('call-id'), invite.get('call-id'))
    trunk.reply(again, 200, 'OK', { body: sdp() })
    await trunk.expect('ACK')
    await french.expect('call.answer', { call })
    await hangUp(french, { call })

    const kiosk = await open(t, 'kiosk', { scope: '' })
    const text = grant('kiosk', { to: ['tel:+331*'], cost: 'land' })
    await notMoved(kiosk, await moved(kiosk, '+331', `sip:+49@${here}`, { grant: text }), 'forbidden', /not what the grant is for/)
    const cheap = grant('kiosk', { cost: 'land', uses: 1, at_once: 1 })
    await notMoved(kiosk, await moved(kiosk, '+331', `sip:+336@${here}`, { grant: cheap }), 'forbidden', /class \\?"land/)
    const once = grant('kiosk', { uses: 1, at_once: 1 })
    const second = await moved(kiosk, '+331', `sip:+332@${here}`, { grant: once })
    trunk.reply(await trunk.expect('INVITE'), 486, 'Busy Here')
    await trunk.expect('ACK')
    await kiosk.expect('call.end', { call: second.call })
    await refused(kiosk, '+331', 'quota', /grant: it was for 1 calls/, { grant: once })
})

test('3xx: a call that goes on is counted once, and by the new number', async (t) => {
    const poor = await open(t, 'poor2')
    const { call } = await moved(poor, '+331', `sip:+336@${here}`)
    const invite = await trunk.expect('INVITE')
    assert.equal((await gateway.ctl('quotas')).callers.filter((c) => c.caller === 'poor2' && c.calls > 1).length, 0)
    trunk.reply(invite, 486, 'Busy Here')
    await trunk.expect('ACK')
    await poor.expect('call.end', { call })
})

test('3xx: the limits of the trunk count it as a new start', async (t) => {
    const narrow = await SipPeer.open(t, { port: carrier + 6 })
    const anna = await open(t, 'anna')
    await notMoved(anna, await moved(anna, '+81', `sip:+82@127.0.0.1:${carrier + 6}`, {}, narrow), 'rate', /not redirected/, narrow)
})

test('a transfer takes a token for its call', async (t) => {
    const kiosk = await open(t, 'kiosk', { scope: 'call:tel:+331' })
    const { call } = await answered(kiosk, '+331')
    await kiosk.refused('call.transfer', { call, to: '+332' }, 'forbidden')
    await kiosk.refused('call.transfer', { call, to: '+332', grant: grant('kiosk', { to: ['tel:+49*'] }) }, 'forbidden')
    await kiosk.refused('call.transfer', { call, to: '+332', grant: login('kiosk').token }, 'auth')
    const text = grant('kiosk', { to: ['tel:+332'], uses: 1 })
    await kiosk.call('call.transfer', { call, to: '+332', grant: text })
    const invite = await trunk.expect('INVITE')
    await kiosk.refused('call.start', { call: `c${++ids}`, to: '+332', sdp: sdpOffer, grant: text }, 'quota')
    trunk.reply(invite, 486, 'Busy Here')
    await trunk.expect('ACK')
    assert.equal((await kiosk.expect('call.transfer', { state: 'failed' })).reason, 'busy')
    await hangUp(kiosk, { call })
})

test('trunk to trunk is counted for the trunk', async (t) => {
    const caller = await SipPeer.open(t, { port: carrier + 2, host: '127.0.0.2' })
    const to = { host: '127.0.0.1', port: 5060 }
    const dialog = caller.request('INVITE', 'sip:+3314@127.0.0.1', to, { body: sdp() })
    const invite = await trunk.expect('INVITE')
    trunk.reply(invite, 200, 'OK', { body: sdp() })
    const ok = await caller.expect(200)
    SipPeer.follow(dialog, ok)
    caller.request('ACK', 'sip:x', to, { dialog })
    await trunk.expect('ACK')
    caller.request('INVITE', 'sip:+3315@127.0.0.1', to, { body: sdp() })
    assert.equal((await caller.expect((m) => m.status >= 300)).status, 403)
    caller.request('INVITE', 'sip:+19005551234@127.0.0.1', to, { body: sdp() })
    assert.equal((await caller.expect((m) => m.status >= 300)).status, 403)
    assert.equal(trunk.queue.length, 0)
    caller.request('BYE', 'sip:x', to, { dialog })
    trunk.reply(await trunk.expect('BYE'), 200)
})

test('where a grant is required, nobody calls a number without one', async (t) => {
    const strict = await Gateway.start(t, {
        auth: { guests: true, call_grant: 'required' }, web: { listen: ['127.0.0.1:8090'] }, sip: { listen: ['udp:127.0.0.1:5090'] }, media: { browser_port: 7100, rtp_port_min: 31000, rtp_port_max: 31999 },
        key: [{ id: 'h', algorithm: 'HS256', secret }], trunk: [{ name: 'carrier', address: `127.0.0.1:${carrier}`, prefixes: ['+'], codecs: ['PCMA'] }],
    })
    const anna = await strict.open(t, 'anna')
    await refused(anna, '+331', 'forbidden', /needs a token/)
    await refused(anna, 'sip:x@127.0.0.1:5600', 'forbidden', /needs a token/)
    const { call } = await answered(anna, '+331', { grant: grant('anna', { to: ['tel:+33*'] }) })
    await anna.refused('call.transfer', { call, to: '+332' }, 'forbidden')
    await anna.call('call.transfer', { call, to: '+332', grant: grant('anna', { to: ['tel:+332'] }) })
    trunk.reply(await trunk.expect('INVITE'), 486, 'Busy Here')
    await trunk.expect('ACK')
    await anna.expect('call.transfer', { state: 'failed' })
    await hangUp(anna, { call })
    await dial(anna, 'service:echo')
})

test('nothing is left', async () => {
    await until(async () => (await gateway.ctl('quotas')).callers.every((c) => c.calls === 0), 'no call is counted any more')
})

wireIsClean(() => capture, ['sip', 'sdp'])
