// JsSIP and SIP.js as npm has them, in Chromium: calls with services, telephones and users of our own library.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { Browser } from '../lib/browser.mjs'
import { Baresip } from '../lib/baresip.mjs'
import { JsonPage, JsSipPage, servePages } from '../lib/sippages.mjs'
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
    await until(async () => (await gateway.ctl('call', 'show', (await calls())[0].id)).legs?.a?.digits === 1, 'the key is counted').catch(() => {})
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
