// Several calls in the web phone: waiting, swapped, joined, ended one by one; who is heard is who is talked to.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Browser, WebPhone } from '../lib/browser.mjs'
import { Baresip } from '../lib/baresip.mjs'
import { scenario, sipp } from '../lib/sipp.mjs'
import { samplesOf } from '../lib/capture.mjs'
import { levelDb, peakHz } from '../lib/audio.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'
import { top, until, wholeFile } from '../lib/proc.mjs'

let gateway, chromium, capture
let names = 0

before(async () => {
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        log: { level: 'info' },
        web: { root: path.join(top, 'client/dist/www') },
        media: { browser_listen: ['127.0.0.1', '10.99.0.1'] },
    })
    chromium = await Browser.launch(wholeFile, 'chromium')
})

async function open(t, browser = chromium) {
    const name = `user${++names}`
    return Object.assign(await WebPhone.open(t, browser, gateway.http, name), { name })
}
const peerIs = (phone, who) => phone.until((w) => document.querySelector('#peer').textContent === w, who, `talks to ${who}`)
const waiting = (phone, want) => phone.until((w) => JSON.stringify([...document.querySelectorAll('#others li')].map((row) => [row.querySelector('.who').textContent, row.dataset.held])) === JSON.stringify(w), want, `waiting: ${JSON.stringify(want)}`)
const pressed = (phone, id) => phone.evaluate((i) => document.querySelector(i).getAttribute('aria-pressed') === 'true', id)

// What reached a SIP phone last: baresip writes no more to its file once it was held.
const gets = (phone, hz) => until(() => {
    const [from, to] = phone.rtpPorts
    const packets = capture.rtp(({ dport, sport }) => dport >= from && dport <= to && sport >= 20000 && sport <= 29999).filter(({ pt }) => pt === 8).slice(-50)
    const samples = samplesOf(packets)
    return packets.length === 50 && levelDb(samples) > -40 && Math.abs(peakHz(samples) - hz) < 20
}, `${phone.user} gets ${hz} Hz`, 8000, 80)

// The page talks to a SIP phone with a tone of its own.
async function talking(t, hz) {
    const [anna, bob] = [await open(t), await Baresip.start(t, { hz, user: `bob${hz}`, lasts: 60 })]
    await anna.dial(bob.uri)
    await anna.waitState('active')
    await anna.hears(hz)
    return { anna, bob }
}

test('a second call is made while the first waits; swapped, each in turn is heard; one ends, the other is back', async (t) => {
    const { anna, bob } = await talking(t, 700)
    const cleo = await Baresip.start(t, { hz: 900, user: 'cleo', lasts: 60 })
    await anna.dial(cleo.uri)
    await peerIs(anna, cleo.uri)
    await waiting(anna, [[bob.uri, 'true']])
    await anna.hears(900)
    await cleo.hears(1000)
    await anna.click('#others .swap')
    await peerIs(anna, bob.uri)
    await waiting(anna, [[cleo.uri, 'true']])
    await anna.hears(700)
    await anna.raw.keyboard.press('s')
    await peerIs(anna, cleo.uri)
    await waiting(anna, [[bob.uri, 'true']])
    await anna.hears(900)
    cleo.hangup()
    await peerIs(anna, bob.uri)
    await waiting(anna, [])
    await anna.hears(700)
    await gets(bob, 1000)
    assert.equal(await pressed(anna, '#hold'), false)
    await anna.hangup()
    assert.equal(await anna.waitEnd(), 'hangup')
    await bob.expect('CALL_CLOSED')
    await anna.click('[data-view=history]')
    assert.deepEqual(await anna.evaluate(() => [...document.querySelectorAll('#history-list li')].map((row) => row.dataset.how)), ['answered', 'answered'])
    assert.deepEqual(anna.errors, [])
})

test('a call comes in during another: answered, the first waits and can be hung up on its own', async (t) => {
    const { anna, bob } = await talking(t, 650)
    const cleo = await open(t)
    await cleo.dial(`user:${anna.name}`)
    await anna.waitIncoming()
    assert.equal(await anna.evaluate(() => document.querySelector('#answer').textContent), 'Hold and answer')
    await anna.answer()
    await cleo.waitState('active')
    await peerIs(anna, cleo.name)
    await waiting(anna, [[bob.uri, 'true']])
    await cleo.hears(1000)
    await anna.hears(1000)
    await anna.click('#others .end')
    await bob.expect('CALL_CLOSED')
    await waiting(anna, [])
    await cleo.hears(1000)
    await cleo.hangup()
    await anna.waitEnd()
    assert.deepEqual([...anna.errors, ...cleo.errors], [])
})

test('a call comes in during another: the first is ended for it', async (t) => {
    const { anna, bob } = await talking(t, 750)
    const cleo = await open(t)
    await cleo.dial(`user:${anna.name}`)
    await anna.waitIncoming()
    await anna.click('#answer-end')
    await bob.expect('CALL_CLOSED')
    await peerIs(anna, cleo.name)
    await waiting(anna, [])
    await anna.hears(1000)
    assert.equal(await anna.evaluate(() => document.querySelector('#error').hidden), true)
    await anna.hangup()
    await cleo.waitEnd()
})

test('a call comes in during another and is declined: nothing changes', async (t) => {
    const { anna, bob } = await talking(t, 550)
    const caller = await sipp(t, scenario.callRefused(anna.name, 603), { to: '127.0.0.1:5060' })
    await anna.waitIncoming()
    await anna.click('#reject')
    await caller.passed()
    await peerIs(anna, bob.uri)
    await anna.hears(550)
    assert.equal(await pressed(anna, '#hold'), false)
    await anna.hangup()
    await anna.waitEnd()
})

test('held by hand stays held when the other call ends', async (t) => {
    const { anna, bob } = await talking(t, 600)
    await anna.click('#hold')
    await until(() => pressed(anna, '#hold'), 'on hold')
    const busy = await sipp(t, scenario.refuse(486, 'Busy Here'))
    await anna.dial(busy.uri())
    await busy.passed()
    await anna.until(() => document.querySelector('#error').dataset.kind === 'busy', null, 'is told')
    await peerIs(anna, bob.uri)
    assert.equal(await pressed(anna, '#hold'), true)
    await anna.click('#hold')
    await anna.hears(600)
    await anna.hangup()
    await anna.waitEnd()
})

test('two calls joined: the two hear each other, this page is free', async (t) => {
    const { anna, bob } = await talking(t, 800)
    const cleo = await Baresip.start(t, { hz: 950, user: 'joined', lasts: 60 })
    await anna.dial(cleo.uri)
    await anna.hears(950)
    await anna.click('#others .join')
    assert.equal(await anna.waitEnd(), 'transferred')
    await gets(bob, 950)
    await gets(cleo, 800)
    bob.hangup()
    await cleo.expect('CALL_CLOSED')
})

test('three ring, one after the other is dealt with', async (t) => {
    const [anna, one, two] = [await open(t), await open(t), await open(t)]
    await one.dial(`user:${anna.name}`)
    assert.equal(await anna.waitIncoming(), one.name)
    await two.dial(`user:${anna.name}`)
    await anna.until(() => document.querySelector('#more-ring').textContent === '1 more is calling', null, 'says so')
    await anna.click('#reject')
    await one.waitEnd()
    await anna.until((n) => document.querySelector('#caller').textContent === n, two.name, 'the next')
    await anna.answer()
    await two.waitState('active')
    await two.hangup()
    await anna.waitEnd()
})

test('firefox: two calls, swapped', async (t) => {
    const firefox = await Browser.launch(t, 'firefox')
    const [anna, bert] = [await open(t, firefox), await open(t)]
    const bob = await Baresip.start(t, { hz: 500, user: 'ffbob', lasts: 60 })
    await anna.dial(bob.uri)
    await anna.hears(500)
    await bert.dial(`user:${anna.name}`)
    await anna.waitIncoming()
    await anna.answer()
    await peerIs(anna, bert.name)
    await bert.hears(1000)
    await anna.click('#others .swap')
    await peerIs(anna, bob.uri)
    await anna.hears(500)
    await anna.hangup()
    await bob.expect('CALL_CLOSED')
    await peerIs(anna, bert.name)
    await bert.hears(1000)
    await bert.hangup()
    await anna.waitEnd()
    assert.deepEqual([...anna.errors, ...bert.errors], [])
})

test('all is let go of', async () => {
    await until(async () => (await gateway.ctl('calls')).length === 0, 'no call is left')
    await gateway.stop()
})

wireIsClean(() => capture, ['sip', 'sdp', 'rtp'])
