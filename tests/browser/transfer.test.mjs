// Transfer with the web phone: blind by keyboard, attended with its buttons; who remains hears whom.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Browser, WebPhone } from '../lib/browser.mjs'
import { Baresip } from '../lib/baresip.mjs'
import { scenario, sipp } from '../lib/sipp.mjs'
import { top, until, wholeFile } from '../lib/proc.mjs'

let gateway, chromium

before(async () => {
    gateway = await Gateway.start(wholeFile, {
        log: { level: 'info' },
        web: { root: path.join(top, 'client/dist/www') },
        media: { browser_listen: ['127.0.0.1', '10.99.0.1'] },
    })
    chromium = await Browser.launch(wholeFile, 'chromium')
})

const open = (t, name) => WebPhone.open(t, chromium, gateway.http, name)
const text = (phone, id) => phone.evaluate((at) => document.querySelector(at).textContent, `#${id}`)

// anna and bert, talking; the browser's microphone is 1 kHz.
async function pair(t) {
    const [anna, bert] = [await open(t, 'anna'), await open(t, 'bert')]
    await anna.dial('user:bert')
    await bert.waitIncoming()
    await bert.answer()
    await anna.waitState('active')
    await bert.hears(1000)
    return { anna, bert }
}

test('attended: after it the two who remain hear each other\'s tone; no new offer reaches the page', async (t) => {
    const { anna, bert } = await pair(t)
    const cleo = await Baresip.start(t, { user: 'cleo', hz: 700 })
    await bert.evaluate(() => (window.before = document.querySelector('#remote').srcObject.getAudioTracks()[0].id))
    await anna.click('#transfer')
    await anna.type('#transfer-to', cleo.uri)
    await anna.click('#consult')
    await anna.hears(700)
    assert.equal(await text(anna, 'others .who'), 'bert')
    await anna.click('#others .join')
    assert.equal(await anna.waitEnd(), 'transferred')
    await bert.hears(700)
    await cleo.hears(1000)
    assert.equal(await bert.evaluate(() => document.querySelector('#remote').srcObject.getAudioTracks()[0].id === window.before), true)
    assert.equal(await text(bert, 'peer'), cleo.uri)
    assert.equal((await gateway.ctl('calls')).length, 1)
    await bert.hangup()
    await cleo.expect('CALL_CLOSED')
    assert.deepEqual([anna.errors, bert.errors], [[], []])
})

test('attended: who was asked refuses; the call that waited goes on', async (t) => {
    const { anna, bert } = await pair(t)
    const cleo = await sipp(t, scenario.refuse(486, 'Busy Here'))
    await anna.click('#transfer')
    await anna.type('#transfer-to', cleo.uri())
    await anna.click('#consult')
    await cleo.passed()
    await anna.until(() => document.querySelector('#error').dataset.kind === 'busy', null, 'is told')
    await until(async () => (await text(anna, 'peer')) === 'bert', 'bert is back')
    await anna.hears(1000)
    await bert.hears(1000)
    await anna.hangup()
    await bert.waitEnd()
})

test('blind, by keyboard; it fails, then succeeds', async (t) => {
    const { anna, bert } = await pair(t)
    const busy = await sipp(t, scenario.refuse(486, 'Busy Here'))
    const cleo = await Baresip.start(t, { user: 'cleo', hz: 900 })
    await anna.evaluate(() => document.querySelector('#transfer').focus())
    await anna.raw.keyboard.press('Enter')
    await anna.raw.keyboard.type(busy.uri())
    await anna.raw.keyboard.press('Enter')
    await anna.until(() => document.querySelector('#moving').dataset.state === 'failed', null, 'failed')
    await bert.hears(1000)
    await anna.evaluate(() => document.querySelector('#transfer').focus())
    await anna.raw.keyboard.press('Enter')
    await anna.evaluate(() => document.querySelector('#transfer-to').select())
    await anna.raw.keyboard.type(cleo.uri)
    await anna.raw.keyboard.press('Enter')
    assert.equal(await anna.waitEnd(), 'transferred')
    await bert.hears(900)
    await cleo.hears(1000)
    cleo.hangup()
    assert.equal(await bert.waitEnd(), 'hangup')
})

test('all is let go of', async () => {
    await until(async () => (await gateway.ctl('calls')).length === 0, 'no call is left')
    await gateway.stop()
})
