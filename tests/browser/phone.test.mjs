// The web phone in Chromium and Firefox, each with SIPp and baresip. One gateway and one browser of
// each kind for the whole file; each test has a page of its own.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Browser, browsers, WebPhone } from '../lib/browser.mjs'
import { Baresip } from '../lib/baresip.mjs'
import { scenario, sipp } from '../lib/sipp.mjs'
import { keysOf, lostOf, samplesOf } from '../lib/capture.mjs'
import { levelDb, peakHz } from '../lib/audio.mjs'
import { sdp, SipPeer } from '../lib/sip.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'
import { top, until, wholeFile } from '../lib/proc.mjs'

let gateway, capture
const open = {}

before(async () => {
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        log: { level: 'info' },
        // A page that goes away may come back for so long.
        web: { root: path.join(top, 'client/dist/www'), resume_ms: 1000, resume_call_ms: 1000 },
        // Firefox pairs only with an address that its route leads to.
        media: { browser_listen: ['127.0.0.1', '10.99.0.1'] },
        trunk: [{ name: 'checked', address: '127.0.0.13:5060', prefixes: ['+997'], trust: 'in', verstat: true }],
        inbound: [{ match: 'echo', to: 'service:echo' }, { match: '*', to: 'user:$' }],
    })
    for (const kind of browsers) open[kind] = await Browser.launch(wholeFile, kind)
})

let users = 0
const newPhone = (t, kind) => {
    const name = `${kind}${++users}`
    return WebPhone.open(t, open[kind], gateway.http, name).then((phone) => Object.assign(phone, { name }))
}
const rtpTo = (port) => capture.rtp((p) => p.dport === port && p.sport >= 20000 && p.sport <= 29999)
// The last second of what reached a SIP peer, once it satisfies `wanted`.
const heardAt = (port, wanted, what, ms = 8000) => until(() => {
    const packets = rtpTo(port).filter((p) => p.pt === 8).slice(-50)
    if (packets.length < 50) return false
    const samples = samplesOf(packets)
    const heard = { hz: peakHz(samples), db: levelDb(samples), lost: lostOf(packets) }
    return wanted(heard) && heard
}, what, ms, 80)
const hears1k = (port) => heardAt(port, ({ hz, db }) => Math.abs(hz - 1000) < 20 && db > -40, `1 kHz at port ${port}`)
// What the page's own statistics say was lost on the way to it.
const lostInPage = (gatewayCall) => gateway.ctl('call', 'show', gatewayCall)

for (const kind of browsers) {
    test(`${kind}: shows who calls, who forwarded it and what it is about; withholds its number`, async (t) => {
        const phone = await newPhone(t, kind)
        const headers = 'Diversion: "Bob" <sip:+33155@net>;reason=user-busy\nSubject: tea\n'
        const caller = await sipp(t, scenario.callRefused(phone.name, 603, { headers }), { to: '127.0.0.1:5060' })
        const text = (id) => phone.evaluate((at) => document.querySelector(at).textContent, `#${id}`)
        assert.deepEqual([await phone.waitIncoming(), await text('caller-number'), await text('forwarded'), await text('subject')],
            ['Sipp Caller', '+33123456789', 'Forwarded by Bob, who was busy', 'tea'])
        await phone.click('#reject')
        await caller.passed()
        const callee = await sipp(t, scenario.refuse(486, 'Busy Here'))
        await phone.click('#withhold')
        await phone.dial(callee.uri())
        await callee.passed()
        assert.match(callee.messages(), /^Privacy: id\r$/m)
        assert.match(callee.messages(), /^From: "Anonymous" <sip:anonymous@anonymous\.invalid>/m)
    })

    test(`${kind}: says whether a caller's number is verified`, async (t) => {
        const phone = await newPhone(t, kind)
        const trunk = await SipPeer.open(t, { host: '127.0.0.13' })
        const shown = async (verstat, level) => {
            const to = `sip:${phone.name}@127.0.0.1`
            const headers = [`P-Asserted-Identity: <sip:+33123;verstat=${verstat}@net>`, `P-Attestation-Indicator: ${level}`]
            const dialog = trunk.request('INVITE', to, { host: '127.0.0.1', port: 5060 }, { body: sdp(), headers })
            await phone.waitIncoming()
            const text = await phone.evaluate(() => (document.querySelector('#verified').hidden ? '' : document.querySelector('#verified').textContent))
            await phone.click('#reject')
            const answer = await trunk.expect(603)
            trunk.request('ACK', to, { host: '127.0.0.1', port: 5060 }, { dialog: { ...dialog, remote: answer.get('to') }, branch: dialog.branch })
            return text
        }
        assert.equal(await shown('TN-Validation-Passed', 'A'), '✓ Verified number')
        assert.equal(await shown('TN-Validation-Failed', 'A'), '⚠ The number could not be verified')
        assert.equal(await shown('No-TN-Validation', ''), '')
    })

    test(`${kind}: calls SIPp; tones both ways, nothing lost, DTMF, mute, the page hangs up`, async (t) => {
        const callee = await sipp(t, scenario.answer(), { hz: 440 })
        const phone = await newPhone(t, kind)
        await phone.dial(callee.uri())
        await phone.waitState('active')
        await hears1k(callee.mediaPort)
        await phone.hears(440)

        const [{ id }] = await gateway.ctl('calls')
        const show = await until(async () => {
            const s = await lostInPage(id)
            return s.leg_a.streams[0].rx_packets > 50 && s.leg_a.streams[0].tx_packets > 50 && s
        }, 'packets both ways')
        assert.equal(show.leg_a.streams[0].rx_lost, 0)
        assert.equal(show.legs_b[0].streams[0].rx_lost, 0)
        assert.match(show.leg_a.streams[0].srtp, /GCM/)
        assert.equal(lostOf(rtpTo(callee.mediaPort)), 0)

        for (const key of ['1', '9', '#']) await phone.press(key)
        const keys = await until(() => {
            const seen = keysOf(rtpTo(callee.mediaPort), 101)
            return seen.length >= 3 && seen
        }, 'three keys', 8000, 80)
        assert.equal(keys.map(({ key }) => key).join(''), '19#')

        await phone.click('#mute')
        await heardAt(callee.mediaPort, ({ db }) => db < -50, 'silence below -50 dB')
        await phone.click('#mute')
        await hears1k(callee.mediaPort)

        await phone.hangup()
        await callee.passed()
        assert.equal(await phone.waitEnd(), 'hangup')
        assert.deepEqual(phone.errors, [])
    })

    test(`${kind}: is called by SIPp, answers; tones both ways; SIPp hangs up`, async (t) => {
        const phone = await newPhone(t, kind)
        const caller = await sipp(t, scenario.callAndEnd(phone.name, 4500), { to: '127.0.0.1:5060', hz: 620 })
        assert.match(await phone.waitIncoming(), /Sipp Caller|\+33123456789/)
        await phone.answer()
        await phone.waitState('active')
        await phone.hears(620)
        await hears1k(caller.mediaPort)
        await caller.passed()
        assert.equal(await phone.waitEnd(), 'hangup')
        assert.deepEqual(phone.errors, [])
    })

    test(`${kind}: calls baresip, which hangs up; is called by baresip and hangs up`, async (t) => {
        const bob = await Baresip.start(t, { hz: 700 })
        const phone = await newPhone(t, kind)
        await phone.dial(bob.uri)
        await phone.waitState('active')
        await bob.expect('CALL_ESTABLISHED')
        await phone.hears(700)
        bob.hangup()
        assert.equal(await phone.waitEnd(), 'hangup')

        bob.dial(`sip:${phone.name}@127.0.0.1:5060`)
        await phone.waitIncoming()
        await phone.answer()
        await phone.waitState('active')
        await phone.hears(700)
        await phone.hangup()
        await bob.expect('CALL_CLOSED')
        await phone.waitEnd()
        assert.deepEqual(phone.errors, [])
    })

    test(`${kind}: Opus end to end with baresip`, async (t) => {
        const bob = await Baresip.start(t, { hz: 900, codecs: 'opus/48000/2' })
        const phone = await newPhone(t, kind)
        await phone.dial(bob.uri)
        await phone.waitState('active')
        await phone.hears(900)
        const [{ id }] = await gateway.ctl('calls')
        const show = await gateway.ctl('call', 'show', id)
        assert.match(show.legs_b[0].streams[0].rx_codec, /opus/i)
        await phone.hangup()
        await bob.expect('CALL_CLOSED')
        await phone.waitEnd()
    })

    for (const codec of ['AMR-WB/16000', 'AMR/8000'])
        test(`${kind}: ${codec} is agreed on with baresip, both hear each other`, async (t) => {
            const bob = await Baresip.start(t, { hz: 900, codecs: `${codec}/1` })
            const phone = await newPhone(t, kind)
            await phone.dial(bob.uri)
            await phone.waitState('active')
            await phone.hears(900)
            await bob.hears(1000)
            const [{ id }] = await gateway.ctl('calls')
            const { leg_a, legs_b: [leg_b] } = await gateway.ctl('call', 'show', id)
            assert.deepEqual([leg_b.streams[0].rx_codec, leg_b.streams[0].tx_codec], [codec, codec])
            assert.ok(leg_b.streams[0].transcoded, JSON.stringify(leg_b.streams))
            assert.notEqual(leg_a.streams[0].tx_codec, codec)
            await phone.hangup()
            await bob.expect('CALL_CLOSED')
            await phone.waitEnd()
        })

    test(`${kind}: cancels while it rings`, async (t) => {
        const callee = await sipp(t, scenario.ring())
        const phone = await newPhone(t, kind)
        await phone.dial(callee.uri())
        await phone.waitState('ringing')
        await phone.hangup()
        await callee.passed()
        await phone.waitEnd()
    })

    test(`${kind}: busy`, async (t) => {
        const callee = await sipp(t, scenario.refuse(486, 'Busy Here'))
        const phone = await newPhone(t, kind)
        await phone.dial(callee.uri())
        await callee.passed()
        assert.equal(await phone.waitEnd(), 'busy')
    })

    test(`${kind}: rejects; the caller hears 603 or 486`, async (t) => {
        const phone = await newPhone(t, kind)
        const bob = await Baresip.start(t)
        bob.dial(`sip:${phone.name}@127.0.0.1:5060`)
        await phone.waitIncoming()
        await phone.click('#reject')
        const closed = await bob.expect('CALL_CLOSED')
        assert.match(JSON.stringify(closed), /603|486/)
    })

    test(`${kind}: echo gives the page its own tone back; tone is 1 kHz`, async (t) => {
        const phone = await newPhone(t, kind)
        for (const service of ['echo', 'tone']) {
            await phone.dial(service)
            await phone.waitState('active')
            await phone.hears(1000)
            await phone.hangup()
            await phone.waitEnd()
        }
        assert.deepEqual(phone.errors, [])
    })

    test(`${kind}: two pages call each other`, async (t) => {
        const [anna, bert] = [await newPhone(t, kind), await newPhone(t, kind)]
        await anna.dial(`user:${bert.name}`)
        await bert.waitIncoming()
        await bert.answer()
        await anna.waitState('active')
        await bert.waitState('active')
        await anna.hears(1000)
        await bert.hears(1000)
        await bert.hangup()
        assert.equal(await anna.waitEnd(), 'hangup')
    })
}

for (const kind of browsers)
    test(`${kind}: the video button, on both sides, on and off`, async (t) => {
        const [anna, bert] = [await newPhone(t, kind), await newPhone(t, 'chromium')]
        await anna.dial(`user:${bert.name}`)
        await bert.waitIncoming()
        await bert.answer()
        for (const one of [anna, bert]) await one.waitState('active')
        const shows = (one, want, what) => one.until((w) => {
            const visible = (id) => document.querySelector(id).checkVisibility?.() ?? !document.querySelector(id).closest('[hidden]')
            const plays = (id) => document.querySelector(id).videoWidth > 0 && document.querySelector(id).currentTime > 0
            return ['#theirs', '#mine'].every((id) => visible(id) === w.includes(id) && (!w.includes(id) || plays(id))) &&
                document.querySelector('#video').getAttribute('aria-pressed') === String(w.includes('#mine')) && !document.querySelector('#video').disabled
        }, want, what, 15000)
        for (const one of [anna, bert]) await shows(one, [], 'no picture')
        await anna.click('#video')
        await shows(anna, ['#mine'], 'sees itself')
        await shows(bert, ['#theirs'], 'sees the caller')
        await bert.click('#video')
        for (const one of [anna, bert]) await shows(one, ['#theirs', '#mine'], 'sees both')
        await anna.click('#video')
        await shows(anna, ['#theirs'], 'sees the other one only')
        await shows(bert, ['#mine'], 'sees itself only')
        await bert.hears(1000)
        await anna.hangup()
        assert.equal(await bert.waitEnd(), 'hangup')
        for (const one of [anna, bert]) {
            await one.until(() => document.querySelector('#pictures').hidden, null, 'no picture')
            assert.deepEqual(one.errors, [])
        }
    })

test('a page that goes away ends its call', async (t) => {
    const callee = await sipp(t, scenario.answer())
    const phone = await newPhone(t, 'chromium')
    await phone.dial(callee.uri())
    await phone.waitState('active')
    await phone.raw.close()
    await callee.passed()
})

test('after all of this: calls and ports as before', async () => {
    await until(async () => {
        const status = await gateway.ctl('status')
        return ['calls', 'sessions', 'dialogs', 'transports', 'rtp_ports'].every((name) => status[name] === 0)
    }, 'everything is gone', 8000, 100)
})

test('the gateway ends well', () => gateway.stop())

wireIsClean(() => capture, ['sip', 'sdp', 'rtp', 'stun', 'dtls'])
