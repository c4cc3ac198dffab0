// JsSIP and SIP.js as npm has them, in Chromium: calls with services, telephones and users of our own library.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { Browser } from '../lib/browser.mjs'
import { Baresip } from '../lib/baresip.mjs'
import { script } from '../lib/script.mjs'
import { sipp } from '../lib/sipp.mjs'
import { JsonPage, JsSipPage, servePages, SipJsPage } from '../lib/sippages.mjs'
import { until, wholeFile } from '../lib/proc.mjs'

const domain = 'gw.example'
let gateway, chromium, origin

before(async () => {
    origin = await servePages(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        log: { level: 'info' },
        web: { origins: [origin] },
        sip: { domain },
        media: { browser_listen: ['127.0.0.1', '10.99.0.1'] },
        account: ['anna', 'bert', 'cleo'].map((user) => ({ user, password: `${user}'s secret`, display: `${user} of JsSIP` })),
    })
    chromium = await Browser.launch(wholeFile, 'chromium')
})

const open = (t, user, more) => JsSipPage.open(t, chromium, origin, gateway, user, more)
const calls = () => gateway.ctl('calls')
const over = () => until(async () => (await calls()).length === 0, 'no call is left')

test('JsSIP calls a service, and hears itself', async (t) => {
    const anna = await open(t, 'anna')
    await anna.call(`sip:echo@${domain}`)
    await anna.heard('confirmed')
    await anna.hears(1000)
    await anna.hangup()
    await over()
})

// What went to or came from the leg that JsSIP does not have, as SIP.
const farSip = async (lane) => {
    const { rows } = await gateway.ctl('call', 'ladder', (await calls())[0].id)
    return rows.filter((row) => row.proto === 'SIP' && (row.from === lane || row.to === lane)).length
}

test('JsSIP and a telephone, both ways; hold, keys and an ICE restart', async (t) => {
    const anna = await open(t, 'anna')
    const phone = await Baresip.start(t, { user: 'bob', hz: 700, lasts: 60 })
    await anna.call(phone.uri)
    await anna.heard('confirmed')
    await anna.hears(700)
    await phone.hears(1000)

    // A new ICE ufrag, new credentials of ours; the telephone is told nothing.
    const before = await farSip('b')
    const ufrag = () => anna.evaluate(() => /ice-ufrag:(\S+)/.exec(window.session.connection.remoteDescription.sdp)[1])
    const first = await ufrag()
    await anna.evaluate(() => new Promise((resolve) => window.session.renegotiate({ rtcOfferConstraints: { iceRestart: true } }, resolve)))
    assert.notEqual(await ufrag(), first)
    assert.equal(await farSip('b'), before)
    await anna.hears(700)
    await phone.hears(1000)

    await anna.evaluate(() => window.session.hold())
    await anna.heard('hold')
    await until(async () => (await farSip('b')) > before, 'the telephone is told of the hold')
    await anna.evaluate(() => window.session.unhold())
    await anna.heard('unhold')
    await anna.hears(700)
    await anna.evaluate(() => window.session.sendDTMF('5', { transportType: 'INFO' }))
    assert.equal((await phone.expect('CALL_DTMF_START')).param, '5')
    phone.hangup()
    assert.equal((await anna.heard('ended')).by, 'remote')
    await over()

    phone.dial('sip:anna@127.0.0.1:5060')
    const { originator } = await anna.heard('session')
    assert.equal(originator, 'remote')
    await anna.answer()
    await anna.heard('confirmed')
    await anna.hears(700)
    await anna.hangup()
    await phone.expect('CALL_CLOSED')
    await over()
})

// What SIPp plays, after which of the two hangs up: SIPp does when it was held.
const played = {
    called: `
        < INVITE | From: anna of JsSIP.*sip:anna@
        > 180
        > 200 sdp
        < ACK`,
    calls: `
        > INVITE anna sdp
        < 100?
        < 180
        < 200 | = m=audio [1-9]
        > ACK`,
}
const ends = { SIPp: 'tone\n< INVITE\n> 200 sdp:recvonly\n< ACK\n> BYE\n< 200', JsSIP: 'tone\n< BYE\n> 200' }

for (const [role, from] of [['called', 'JsSIP calls SIPp'], ['calls', 'SIPp calls JsSIP']])
    for (const who of ['SIPp', 'JsSIP'])
        test(`${from}: it rings, it is answered, ${who} hangs up`, async (t) => {
            const anna = await open(t, 'anna')
            const end = await sipp(t, script(`${played[role]}\n${ends[who]}`), { strict: true, to: role === 'calls' ? '127.0.0.1:5060' : undefined })
            if (role === 'called') {
                await anna.call(end.uri('bob'))
                assert.equal((await anna.heard('progress')).status, 180)
            } else {
                const { originator, from: caller } = await anna.heard('session')
                assert.deepEqual([originator, caller], ['remote', `sip:+33123456789@${domain}`])
                await anna.answer()
            }
            await anna.heard('confirmed')
            await anna.hears(440)
            await (who === 'JsSIP' ? anna.hangup() : anna.evaluate(() => void window.session.hold()))
            assert.equal((await anna.heard('ended')).by, who === 'JsSIP' ? 'local' : 'remote')
            await end.passed()
            await over()
        })

test('SIPp is busy, or cancels: JsSIP is told which', async (t) => {
    const anna = await open(t, 'anna')
    const busy = await sipp(t, script('< INVITE\n> 486\n< ACK'), { strict: true })
    await anna.call(busy.uri('bob'))
    assert.equal((await anna.heard('failed')).cause, 'Busy')
    await busy.passed()
    const gone = await sipp(t, script('> INVITE anna sdp\n< 100?\n< 180\n> CANCEL anna\n< 200\n< 487\n> ACK anna'), { strict: true, to: '127.0.0.1:5060' })
    await anna.heard('session')
    assert.equal((await anna.heard('failed')).cause, 'Canceled')
    await gone.passed()
    await over()
})

test('JsSIP and a user of our library call each other', async (t) => {
    const anna = await open(t, 'anna')
    const dora = await JsonPage.open(t, chromium, origin, gateway, 'dora')
    await anna.call(`sip:dora@${domain}`)
    assert.equal((await dora.heard('incoming')).from, 'anna')
    await dora.evaluate(() => window.call.answer())
    await anna.heard('confirmed')
    await anna.hears(1000)
    await dora.hears(1000)
    await anna.hangup()
    await dora.heard('ended')
    await over()

    await dora.evaluate(async () => void window.watch(await window.session.call('user:anna')))
    const { from } = await anna.heard('session')
    assert.equal(from, `sip:dora@${domain}`)
    await anna.answer()
    await anna.heard('confirmed')
    await anna.hears(1000)
    await dora.hears(1000)
    await dora.evaluate(() => window.call.hangup())
    await anna.heard('ended')
    await over()
})

// Pictures decoded, 20 more than now.
async function sees(page, connection) {
    const decoded = () => page.evaluate(async (of) => {
        const report = await (of === 'session' ? window.session.connection : window.call.pc).getStats()
        return [...report.values()].reduce((n, s) => n + (s.type === 'inbound-rtp' && s.kind === 'video' ? s.framesDecoded ?? 0 : 0), 0)
    }, connection)
    const from = await decoded()
    await until(async () => (await decoded()) >= from + 20, '20 pictures were decoded')
}

test('JsSIP and a user of our library see each other', async (t) => {
    const anna = await open(t, 'anna')
    const dora = await JsonPage.open(t, chromium, origin, gateway, 'dora')
    const both = { audio: true, video: true }
    const seen = async () => {
        await anna.heard('confirmed')
        await Promise.all([sees(anna, 'session'), sees(dora, 'call')])
    }
    await anna.call(`sip:dora@${domain}`, { mediaConstraints: both })
    await dora.heard('incoming')
    await dora.evaluate(async (want) => window.call.answer({ stream: await navigator.mediaDevices.getUserMedia(want) }), both)
    await seen()
    await anna.hangup()
    await over()

    await dora.evaluate(async (want) => void window.watch(await window.session.call('user:anna', { stream: await navigator.mediaDevices.getUserMedia(want) })), both)
    await anna.heard('session')
    await anna.evaluate((mediaConstraints) => window.session.answer({ mediaConstraints }), both)
    await seen()
    await anna.hangup()
    await over()
})

// Refers the far side to somebody; what comes of it is noted.
const refer = (page, to, replaces) => page.evaluate(({ target, other }) => {
    const eventHandlers = Object.fromEntries(['requestFailed', 'accepted', 'failed'].map((what) => [what, () => note(`refer ${what}`)]))
    window[other ? 'first' : 'session'].refer(target, { eventHandlers, ...(other ? { replaces: window.session } : {}) })
}, { target: to, other: replaces })

test('JsSIP transfers: blind to a user of our library, attended to a telephone', async (t) => {
    const anna = await open(t, 'anna')
    const dora = await JsonPage.open(t, chromium, origin, gateway, 'dora')
    const bob = await Baresip.start(t, { user: 'bob', hz: 700, lasts: 60 })
    const carl = await Baresip.start(t, { user: 'carl', hz: 440, lasts: 60 })
    await anna.call(bob.uri)
    await anna.heard('confirmed')
    await refer(anna, `sip:dora@${domain}`)
    await dora.heard('incoming')
    await dora.evaluate(() => window.call.answer())
    await anna.heard('refer accepted')
    await anna.heard('ended')
    await dora.hears(700)
    await bob.hears(1000)
    bob.hangup()
    await over()

    await anna.call(bob.uri)
    await anna.heard('confirmed')
    await bob.hears(1000)
    await anna.evaluate(() => (window.first = window.session).hold())
    await anna.heard('hold')
    await anna.call(carl.uri)
    await anna.heard('confirmed')
    await carl.hears(1000)
    await refer(anna, carl.uri, true)
    await anna.heard('refer accepted')
    await carl.hears(700)
    // What bob's loudspeaker records ends when he is held: what is sent to him is counted.
    const sent = async () => (await gateway.ctl('call', 'show', (await calls())[0].id)).legs_b[0].streams[0].tx_packets
    const so_far = await sent()
    await until(async () => (await sent()) > so_far, 'bob is sent sound')
    bob.hangup()
    await over()
})

test('texts, between JsSIP and JsSIP, and to our library; a GRUU is one of several pages', async (t) => {
    const anna = await open(t, 'anna')
    const second = await open(t, 'anna')
    const bert = await open(t, 'bert')
    const dora = await JsonPage.open(t, chromium, origin, gateway, 'dora')
    await bert.evaluate((to) => window.ua.sendMessage(to, 'good morning'), `sip:anna@${domain}`)
    for (const page of [anna, second]) {
        const { text, from } = await page.heard('message')
        assert.deepEqual([text, from], ['good morning', `sip:bert@${domain}`])
    }
    await bert.evaluate((to) => window.ua.sendMessage(to, 'bonjour, Dora'), `sip:dora@${domain}`)
    assert.equal((await dora.heard('message')).text, 'bonjour, Dora')
    await dora.evaluate(() => window.session.send('user:bert', 'bonjour, Bert'))
    const { text, from } = await bert.heard('message')
    assert.deepEqual([text, from], ['bonjour, Bert', `sip:dora@${domain}`])
    await bert.evaluate(() => window.ua.unregister())
    await bert.heard('unregistered')
    assert.equal(await dora.evaluate(() => window.session.send('user:bert', 'still there?').catch((error) => error.kind)), 'unavailable')
    await bert.evaluate(() => window.ua.register())
    await bert.heard('registered')

    const gruu = await anna.evaluate(() => window.ua.contact.pub_gruu.toString())
    assert.match(gruu, new RegExp(`^sip:anna@${domain};gr=urn:uuid:`))
    await bert.call(gruu)
    await anna.heard('session')
    assert.equal(await second.evaluate(() => window.said.some(({ what }) => what === 'session')), false)
    await anna.answer()
    await bert.heard('confirmed')
    await bert.hangup()
    await over()

    // All ring when the user is meant; the first to answer has it.
    await bert.call(`sip:anna@${domain}`)
    await Promise.all([anna.heard('session'), second.heard('session')])
    await second.answer()
    await bert.heard('confirmed')
    await anna.heard('failed')
    await bert.hears(1000)
    await bert.hangup()
    await over()
})

test('a WebSocket that is lost in a call: JsSIP is back, the telephone hears nothing of it', async (t) => {
    const anna = await open(t, 'anna', { connection_recovery_min_interval: 1, connection_recovery_max_interval: 1 })
    const bob = await Baresip.start(t, { user: 'bob', hz: 700, lasts: 60 })
    await anna.call(bob.uri)
    await anna.heard('confirmed')
    await anna.hears(700)
    const before = await farSip('b')
    await anna.evaluate(() => {
        window.said.splice(0)
        window.ua.transport.socket.disconnect = () => {}
        window.ua.transport.socket._ws.close()
    })
    await anna.heard('registered', 15000)
    assert.equal((await calls()).length, 1)
    assert.equal(await farSip('b'), before)
    await anna.evaluate(() => new Promise((resolve) => window.session.renegotiate({ rtcOfferConstraints: { iceRestart: true } }, resolve)))
    await anna.hears(700)
    bob.hangup()
    await anna.heard('ended')
    await over()
})

test('SIP.js registers, calls and is called', async (t) => {
    const page = await SipJsPage.open(t, chromium, origin, gateway, 'cleo')
    await page.call(`sip:echo@${domain}`)
    await page.heard('Established')
    await page.hears(1000)
    await page.hangup()
    await page.heard('Terminated')
    await over()
    const bob = await Baresip.start(t, { user: 'bob', hz: 700, lasts: 30 })
    bob.dial('sip:cleo@127.0.0.1:5060')
    await page.heard('invited')
    await page.answer()
    await page.heard('Established')
    await page.hears(700)
    await bob.hears(1000)
    bob.hangup()
    await page.heard('Terminated')
    const anna = await open(t, 'anna')
    await anna.call(`sip:cleo@${domain}`)
    await page.heard('invited')
    await page.answer()
    await anna.heard('confirmed')
    await anna.hears(1000)
    await page.hears(1000)
    await page.hangup()
    await anna.heard('ended')
    await over()
})

test('SIP.js holds, transfers blind, sends and gets texts', async (t) => {
    const page = await SipJsPage.open(t, chromium, origin, gateway, 'cleo')
    const dora = await JsonPage.open(t, chromium, origin, gateway, 'dora')
    const bob = await Baresip.start(t, { user: 'bob', hz: 700, lasts: 60 })
    await page.evaluate((to) => window.send(to, 'hello'), `sip:dora@${domain}`)
    await page.heard('sent')
    assert.equal((await dora.heard('message')).text, 'hello')
    await dora.evaluate(() => window.session.send('user:cleo', 'hello, too'))
    const { text, from } = await page.heard('message')
    assert.deepEqual([text, from], ['hello, too', `sip:dora@${domain}`])
    await page.evaluate((to) => window.send(to, 'hello?'), `sip:nobody@${domain}`)
    await page.heard('refused 404')

    await page.call(bob.uri)
    await page.heard('Established')
    await page.hears(700)
    await bob.hears(1000)
    const before = await farSip('b')
    await page.evaluate(() => window.hold(true))
    await until(async () => (await farSip('b')) > before, 'the telephone is told of the hold')
    await page.evaluate(() => window.hold(false))
    await page.hears(700)
    await page.evaluate((to) => void window.refer(to), `sip:dora@${domain}`)
    await dora.heard('incoming')
    await dora.evaluate(() => window.call.answer())
    await page.heard('Terminated')
    await dora.hears(700)
    bob.hangup()
    await dora.heard('ended')
    await over()
})

test('all is let go of', async () => {
    await over()
    await gateway.stop()
})
