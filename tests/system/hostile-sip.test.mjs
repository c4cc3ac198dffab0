// What those who mean harm try by SIP, and by what a browser sends on to SIP: credentials, destinations, names, logs.
// Messages that are malformed are in torture.test.mjs, floods in `bench/run flood`.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { webOffer } from '../lib/offers.mjs'
import { serveNames } from '../lib/dns.mjs'
import { sdp, SipPeer } from '../lib/sip.mjs'
import { until, wholeFile } from '../lib/proc.mjs'

const home = { host: '127.0.0.1', port: 5060 }
const at = { secret: '127.0.0.2', pbx: '127.0.0.3', friend: '127.0.0.20', stranger: '127.0.0.66' }
const carrier = 5601, lair = 5666
const sdpOffer = webOffer()
let gateway, names, ids = 0
// Each stays open, so that nothing sent there goes unseen.
const ends = {}

before(async () => {
    names = await serveNames(wholeFile, { 'slow.test': null })
    gateway = await Gateway.start(wholeFile, {
        sip: { peers: ['127.0.0.20/30'], dns_timeout_ms: 3000 },
        trunk: [
            { name: 'secret', address: `${at.secret}:${carrier}`, prefixes: ['+44'], codecs: ['PCMA'], username: 'bob', password: 'hush' },
            { name: 'pbx', address: `${at.pbx}:${carrier}`, prefixes: ['+'], codecs: ['PCMA'], refer: true, refer_targets: ['sip:*', 'tel:*'] },
        ],
        inbound: [{ match: 'echo', to: 'service:echo' }, { match: '+*', to: 'tel:$' }],
        quota: [{ name: 'premium', to: ['tel:+1900*'], deny: true }],
    })
    for (const [name, host] of Object.entries(at)) ends[name] = await SipPeer.open(wholeFile, { host, port: name === 'stranger' ? lair : carrier })
})

const stats = () => gateway.ctl('stats')
const open = (t, name = 'anna') => gateway.open(t, name)
const challenge = (nonce = 'n1') => ({ headers: [`Proxy-Authenticate: Digest realm="carrier", nonce="${nonce}", algorithm=MD5, qop="auth"`] })
const credentials = (message) => message.get('proxy-authorization') ?? message.get('authorization')

async function dial(client, to) {
    const call = `c${++ids}`
    await client.call('call.start', { call, to, sdp: sdpOffer })
    return call
}

// OPTIONS is answered, and soon; what was sent before it from there has been dealt with.
async function lives(ms = 500) {
    const dialog = ends.friend.request('OPTIONS', 'sip:gateway@127.0.0.1', home)
    await ends.friend.expect((m) => m.status === 200 && m.get('call-id') === dialog.callId, ms)
}

const nothingLeft = () => until(async () => (await gateway.ctl('status')).dialogs === 0 && (await stats()).calls === 0, 'no call is left')
const quiet = (...who) => who.forEach((name) => assert.deepEqual(ends[name].queue.splice(0).map((m) => m.first), [], name))

// A call to the trunk with a password, which it asks for; its answer has this Contact.
async function callBySecret(t, contact) {
    const anna = await open(t)
    const call = await dial(anna, '+441')
    const first = await ends.secret.expect('INVITE')
    assert.equal(credentials(first), undefined)
    ends.secret.reply(first, 407, 'Who', challenge())
    await ends.secret.expect('ACK')
    const invite = await ends.secret.expect('INVITE')
    assert.match(credentials(invite), /username="bob", realm="carrier"/)
    ends.secret.reply(invite, 200, 'OK', { contact: false, headers: [`Contact: <sip:far@${contact}>`], body: sdp({ host: at.secret }) })
    await anna.expect('call.answer', { call })
    return { anna, call }
}

// ── Credentials ──

test('a Contact elsewhere: its owner gets no credentials, neither at once nor when it asks with the trunk\'s realm', async (t) => {
    const { anna, call } = await callBySecret(t, `${at.stranger}:${lair}`)
    await ends.stranger.expect('ACK')
    await anna.call('call.end', { call })
    const bye = await ends.stranger.expect('BYE')
    assert.equal(credentials(bye), undefined)
    ends.stranger.reply(bye, 407, 'Who', challenge('chosen'))
    await anna.expect('call.end', { call })
    await nothingLeft()
    quiet('stranger', 'secret')
})

test('the trunk itself may ask again in the call', async (t) => {
    const { anna, call } = await callBySecret(t, `${at.secret}:${carrier}`)
    await ends.secret.expect('ACK')
    await anna.call('call.end', { call })
    const bye = await ends.secret.expect('BYE')
    assert.match(credentials(bye), /nc=00000002/)
    ends.secret.reply(bye, 407, 'Who', challenge('n2'))
    const again = await ends.secret.expect('BYE')
    assert.match(credentials(again), /nonce="n2"/)
    ends.secret.reply(again, 200)
    await anna.expect('call.end', { call })
    await nothingLeft()
})

test('the trunk itself with another realm: not answered', async (t) => {
    const { anna, call } = await callBySecret(t, `${at.secret}:${carrier}`)
    await ends.secret.expect('ACK')
    await anna.call('call.end', { call })
    const bye = await ends.secret.expect('BYE')
    ends.secret.reply(bye, 407, 'Who', { headers: ['Proxy-Authenticate: Digest realm="other", nonce="n3", algorithm=MD5'] })
    await anna.expect('call.end', { call })
    await nothingLeft()
    quiet('secret')
})

test('who is no trunk asks with a trunk\'s realm: no answer, the call ends', async (t) => {
    const anna = await open(t)
    const call = await dial(anna, `sip:x@${at.stranger}:${lair}`)
    const invite = await ends.stranger.expect('INVITE')
    ends.stranger.reply(invite, 407, 'Who', challenge())
    await ends.stranger.expect('ACK')
    assert.equal((await anna.expect('call.end', { call })).sip.status, 407)
    await nothingLeft()
    quiet('stranger')
})

// ── Destinations ──

const elsewhere = [`sip:x@${at.stranger}:${lair}`, `sip:+19005551234@${at.pbx}:${carrier}`, 'tel:+19005551234', 'sip:x@127.0.0.1:5060', 'sip:x@[::1]:5060',
    'http://127.0.0.66:5666/', `sip:x@${at.stranger}:${lair}?Route=%3Csip:${at.pbx}:${carrier};lr%3E`, `sip:x@slow.test;maddr=${at.stranger}`]

test(`3xx is not followed: ${elsewhere.length} places`, async (t) => {
    const anna = await open(t)
    for (const uri of [...elsewhere, null]) {
        const call = await dial(anna, '+331')
        const invite = await ends.pbx.expect('INVITE')
        ends.pbx.reply(invite, 302, 'Moved', { contact: false, headers: uri ? [`Contact: <${uri}>`] : elsewhere.map((one) => `Contact: <${one}>`) })
        await ends.pbx.expect('ACK')
        assert.equal((await anna.expect('call.end', { call })).sip.status, 302)
    }
    await lives()
    quiet('pbx', 'stranger')
})

test('a number nobody may call: not by a transfer, from the browser or by REFER', async (t) => {
    const anna = await open(t)
    const call = await dial(anna, '+331')
    const invite = await ends.pbx.expect('INVITE')
    ends.pbx.reply(invite, 200, 'OK', { body: sdp({ host: at.pbx }) })
    await ends.pbx.expect('ACK')
    await anna.expect('call.answer', { call })
    const was = (await stats()).calls_not_permitted
    for (const to of ['tel:+19005551234', '+1 (900) 555-1234']) await anna.refused('call.transfer', { call, to }, 'forbidden')
    const dialog = ends.pbx.dialogOf(invite)
    for (const to of ['tel:+19005551234', 'tel:+1-900-555-1234', 'sip:+19005551234@127.0.0.1:5060', 'tel:%2B19005551234']) {
        ends.pbx.request('REFER', dialog.target, home, { dialog, headers: [`Refer-To: <${to}>`] })
        const answer = await ends.pbx.expect((m) => m.status >= 200 && /REFER/.test(m.get('cseq')))
        assert.ok(answer.status >= 400, `${to}: ${answer.first}`)
    }
    assert.ok((await stats()).calls_not_permitted - was >= 2 + 3)
    await anna.call('call.end', { call })
    ends.pbx.reply(await ends.pbx.expect('BYE'), 200)
    await anna.expect('call.end', { call })
    quiet('pbx', 'secret', 'stranger')
})

const targets = [`sip:x@${at.stranger}:${lair}?Route=%3Csip:${at.pbx}:${carrier};lr%3E`, `sip:x@${at.stranger}:${lair}?X-Evil=1`, `sip:x@${at.stranger}:${lair}?`,
    `sip:x@${at.stranger}:${lair}?body=v%3D0`, `sip:x@0.0.0.0:${lair}`, `sip:x@255.255.255.255:${lair}`, `sip:x@224.0.0.1:${lair}`,
    `sip:x@h;maddr=${at.stranger}`, `sip:x%00@${at.stranger}:${lair}`, `sip:x@${at.stranger}:${lair}>;tag=1`, `sip:x@${at.stranger}:${lair} SIP/2.0`, 'http://127.0.0.66:5666/']
test(`${targets.length} URIs of a browser that say more than whom to call: nothing is sent`, async (t) => {
    const anna = await open(t)
    const sent = (await stats()).sip_requests_out
    for (const to of targets) {
        const call = `u${++ids}`
        const ended = await anna.request('call.start', { call, to, sdp: sdpOffer }).then(() => anna.expect('call.end', { call }), (error) => error)
        assert.ok(ended instanceof Error || ended.reason !== 'normal', to)
    }
    await nothingLeft()
    quiet('pbx', 'secret', 'stranger', 'friend')
    assert.equal((await stats()).sip_requests_out, sent)
})

test('parameters of a browser\'s URI that would lead elsewhere or be another request are left out', async (t) => {
    const anna = await open(t)
    for (const more of [';method=REFER', `;maddr=${at.pbx}`, ';lr', ';transport=udp;ttl=255']) {
        const call = await dial(anna, `sip:x@${at.stranger}:${lair}${more}`).catch((error) => assert.equal(error.kind, 'no-route'))
        if (!call) continue
        const invite = await ends.stranger.expect('INVITE')
        assert.match(invite.first, new RegExp(`^INVITE sip:x@${at.stranger}:${lair}(;transport=udp)? SIP/2\\.0$`), more)
        ends.stranger.reply(invite, 486, 'Busy')
        await ends.stranger.expect('ACK')
        await anna.expect('call.end', { call })
    }
    quiet('pbx', 'stranger')
})

// ── Strangers ──

const methods = ['INVITE', 'OPTIONS', 'MESSAGE', 'SUBSCRIBE', 'NOTIFY', 'REFER', 'PUBLISH', 'REGISTER', 'INFO', 'UPDATE', 'PRACK', 'BYE', 'FOO']
test(`${methods.length} methods from an unknown source, over UDP and TCP: 403 each, counted, nothing kept`, async (t) => {
    const was = (await stats()).sip_refused
    const stream = await SipPeer.open(t, { transport: 'tcp', to: home })
    for (const end of [ends.stranger, stream])
        for (const method of methods) {
            end.request(method, 'sip:echo@127.0.0.1:5060', home, { headers: ['Event: presence', 'Refer-To: <sip:x@127.0.0.66>'], body: method === 'INVITE' ? sdp() : '' })
            assert.equal((await end.expect((m) => m.status >= 200)).status, 403, method)
        }
    assert.equal((await stats()).sip_refused - was, 2 * methods.length)
    assert.equal((await stats()).sip_calls, 0)
    quiet('stranger')
})

// Bytes that come back for one INVITE sent `times` without a word more, and those sent.
async function echoed(end, user, times) {
    const text = []
    const heard = (data) => text.push(data.length)
    end.socket.on('message', heard)
    let sent = 0
    const dialog = { callId: `amp${++ids}` }
    const send = end.sendText
    end.sendText = function (message, to) {
        sent += Buffer.byteLength(message)
        send.call(this, message, to)
    }
    for (let i = 0; i < times; i++) end.request('INVITE', `sip:${user}@127.0.0.1:5060`, home, { dialog, cseq: 1, branch: `z9hG4bK${dialog.callId}`, body: sdp({ host: end.host }) })
    end.sendText = send
    // Its answer comes after theirs.
    const last = end.request('OPTIONS', 'sip:gateway@127.0.0.1', home)
    const answer = await end.expect((m) => m.status >= 200 && m.get('call-id') === last.callId)
    end.socket.off('message', heard)
    end.queue = end.queue.filter((m) => m.get('call-id') !== dialog.callId)
    return (text.reduce((a, b) => a + b, 0) - Buffer.byteLength(answer.text)) / sent
}

test('an INVITE sent a hundred times: fewer bytes come back', async () => {
    for (const [name, user] of [['stranger', 'echo'], ['friend', 'nobody']]) {
        const ratio = await echoed(ends[name], user, 100)
        assert.ok(ratio > 0 && ratio <= 1, `${name}: ${ratio}`)
    }
})

// ── The log ──

test('no header field and no name makes a line of the log', async (t) => {
    const forged = 'FORGED 2026-01-01T00:00:00.000Z ERROR sip it.is.over'
    for (const end of [ends.stranger, ends.friend])
        for (const [from, agent] of [[`"a\r\n ${forged}"`, `a\r\n ${forged}`], [`"a\r${forged}"`, `a\r${forged}`], [`"a\n ${forged}"`, `a\n\t${forged}`], [`"\\\n${forged}"`, `\x1b[2J\x85${forged}`], [`"\u2028${forged}"`, `%0d%0a${forged}`]]) {
            const dialog = end.request('INVITE', 'sip:nobody@127.0.0.1:5060', home, { dialog: { local: `${from} <sip:a%0d%0a${forged.slice(0, 6)}@${end.host}>;tag=${++ids}` }, headers: [`User-Agent: ${agent}`, `Subject: ${agent}`], body: sdp() })
            await lives()
            end.queue = end.queue.filter((m) => m.get('call-id') !== dialog.callId && m.status !== 400)
        }
    const anna = await gateway.open(t, { guest: `anna\u2028${forged}` }).catch(() => open(t))
    for (const to of [`sip:a@h\r\n${forged}`, `tel:+1\n${forged}`, `user:x\r${forged}`]) await anna.refused('call.start', { call: `f${++ids}`, to, sdp: sdpOffer })
    await gateway.open(t, { guest: `x\r\n${forged}` }).catch(() => {})
    await lives()
    const lines = gateway.program.text.split(/[\r\n\x85\u2028]/)
    assert.deepEqual(lines.filter((line) => /^\s*FORGED/.test(line)), [])
    assert.ok(!/[\x00-\x08\x0b-\x1f]/.test(gateway.program.text), 'a control byte')
})

// ── Bodies and names that cost ──

const bombs = {
    'rtpmaps': ['m=audio 42000 RTP/AVP 8', ...Array.from({ length: 2000 }, (_, i) => `a=rtpmap:${i % 128} X${i}/8000`)],
    'candidates': ['m=audio 42000 RTP/AVP 8', ...Array.from({ length: 900 }, (_, i) => `a=candidate:${i} 1 UDP ${i} 10.0.0.${i % 250} ${i + 1} typ host`)],
    'payload types': [`m=audio 42000 RTP/AVP ${Array.from({ length: 15000 }, (_, i) => i % 128).join(' ')}`],
    'groups': ['m=audio 42000 RTP/AVP 8', ...Array(1500).fill('a=group:BUNDLE 0 1 2 3 4 5 6 7 8 9')],
    'sections': Array(2000).fill('m=audio 42000 RTP/AVP 8'),
    'one line': ['m=audio 42000 RTP/AVP 8', `a=fmtp:8 ${'x=y;'.repeat(14000)}`],
    'keys': ['m=audio 42000 RTP/SAVP 8', ...Array.from({ length: 700 }, (_, i) => `a=crypto:${i} AES_CM_128_HMAC_SHA1_80 inline:${'A'.repeat(40)}`)],
}
for (const [name, lines] of Object.entries(bombs))
    test(`SDP of up to 60 KB of ${name}: answered within half a second`, async (t) => {
        const end = await SipPeer.open(t, { transport: 'tcp', host: at.friend, to: home })
        const dialog = end.request('INVITE', 'sip:echo@127.0.0.1:5060', home, { body: sdp({ lines }) })
        const answer = await end.expect((m) => m.status >= 200 && /INVITE/.test(m.get('cseq')), 500)
        await lives()
        if (answer.status < 300) SipPeer.follow(dialog, answer)
        end.request('ACK', 'sip:echo@127.0.0.1:5060', home, { dialog: { ...dialog, remote: answer.get('to') }, branch: answer.status < 300 ? undefined : dialog.branch })
        if (answer.status < 300) {
            end.request('BYE', dialog.target, home, { dialog })
            await end.expect((m) => m.status === 200 && /BYE/.test(m.get('cseq')))
        }
    })

test('a name that a silent server is asked for, in every field: the others wait for nothing', async (t) => {
    const slow = (transport) => [`Contact: <sip:x@slow.test>`, 'Record-Route: <sip:slow.test;lr>', `Route: <sip:slow.test;lr>`, `Via: SIP/2.0/${transport} slow.test;branch=z9hG4bKslow`,
        'Reply-To: <sip:slow.test>', 'Call-Info: <http://slow.test/>', 'Alert-Info: <http://slow.test/>', 'Identity: a.b.c;info=<https://slow.test/c.pem>;alg=ES256;ppt=shaken']
    for (const method of ['INVITE', 'OPTIONS', 'MESSAGE', 'SUBSCRIBE', 'REFER', 'REGISTER'])
        for (const transport of ['UDP', 'TCP', 'TLS'])
            for (const header of slow(transport)) {
                const lines = [`${method} sip:echo@127.0.0.1:5060 SIP/2.0`, ...(header.startsWith('Via') ? [header] : []), `Via: SIP/2.0/UDP ${ends.friend.address};branch=z9hG4bKd${++ids};rport`, 'Max-Forwards: 70',
                    `From: <sip:f@slow.test>;tag=d${ids}`, 'To: <sip:echo@slow.test>', `Call-ID: dns${ids}`, `CSeq: 1 ${method}`, 'Refer-To: <sip:x@slow.test>', 'Event: refer',
                    ...(header.startsWith('Contact') ? [] : [`Contact: <sip:f@${ends.friend.address}>`]), ...(header.startsWith('Via') ? [] : [header]), 'Content-Length: 0', '', '']
                ends.friend.sendText(lines.join('\r\n'), home)
            }
    for (let i = 0; i < 20; i++) await lives()
    // And where we are to send something: to the Contact of a call that is up.
    const anna = await open(t)
    const call = await dial(anna, '+331')
    const invite = await ends.pbx.expect('INVITE')
    ends.pbx.reply(invite, 200, 'OK', { contact: false, headers: ['Contact: <sip:x@slow.test>', 'Record-Route: <sip:slow.test;lr>'], body: sdp({ host: at.pbx }) })
    await anna.expect('call.answer', { call })
    await until(() => names.asked.some((name) => /slow\.test/.test(name)), 'the name is asked for')
    for (let i = 0; i < 20; i++) await lives()
    await anna.call('call.end', { call })
    await lives()
})

test('the gateway ends well', () => gateway.stop())
