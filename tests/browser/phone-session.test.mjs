// The web phone and its session: a page loaded anew, a connection that is lost, messages, devices, pictures,
// a call that goes on on another device.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Browser, WebPhone } from '../lib/browser.mjs'
import { Baresip } from '../lib/baresip.mjs'
import { token } from '../lib/jwt.mjs'
import { top, until, wholeFile } from '../lib/proc.mjs'

let gateway
const secret = 'one that is long enough for HS256'
const browsers = {}
let names = 0

before(async () => {
    gateway = await Gateway.start(wholeFile, {
        log: { level: 'info' },
        web: { root: path.join(top, 'client/dist/www') },
        key: [{ id: 'k', algorithm: 'HS256', secret }],
        media: { browser_listen: ['127.0.0.1', '10.99.0.1'] },
    })
    for (const kind of ['chromium', 'firefox']) browsers[kind] = await Browser.launch(wholeFile, kind)
})

async function open(t, { kind = 'chromium', token } = {}) {
    const name = `someone${++names}`
    return Object.assign(await WebPhone.open(t, browsers[kind], gateway.http, name, { token }), { name })
}
const online = (phone) => phone.until(() => document.querySelector('#session').dataset.state === 'online', null, 'is online')

for (const kind of ['chromium', 'firefox'])
    test(`${kind}: the page is loaded anew during a call: it goes on, time and name as before; SIP has no BYE`, async (t) => {
        const bob = await Baresip.start(t, { hz: 700, user: `reload${kind}`, lasts: 60 })
        const anna = await open(t, { kind })
        await anna.dial(bob.uri)
        await anna.waitState('active')
        await anna.hears(700)
        const since = await anna.until(() => /0:0[2-9]/.test(document.querySelector('#timer').textContent) && document.querySelector('#timer').textContent, null, 'some seconds')
        await anna.raw.reload()
        await anna.waitState('active')
        assert.equal(await anna.evaluate(() => document.querySelector('#peer').textContent), bob.uri)
        assert.ok(await anna.evaluate(() => document.querySelector('#timer').textContent) >= since)
        await anna.hears(700)
        await bob.hears(1000)
        assert.deepEqual(bob.events.filter(({ type }) => type === 'CALL_CLOSED'), [])
        await anna.hangup()
        await bob.expect('CALL_CLOSED')
        await anna.waitEnd()
        await anna.raw.reload()
        await online(anna) // and without a call
        assert.deepEqual(anna.errors, [])
    })

test('the page is loaded anew with two calls: who waits still waits', async (t) => {
    const [anna, bert, cleo] = [await open(t), await open(t), await open(t)]
    for (const each of [bert, cleo]) {
        await anna.dial(`user:${each.name}`)
        await each.waitIncoming()
        await each.answer()
        await each.waitState('active')
    }
    const stands = () => anna.until(([b, c]) => document.querySelector('#peer').textContent === c && [...document.querySelectorAll('#others li')].map((row) => `${row.querySelector('.who').textContent} ${row.dataset.held}`).join() === `${b} true`,
        [bert.name, cleo.name], 'talks to one, the other waits')
    await stands()
    await anna.raw.reload()
    await stands()
    await cleo.hears(1000)
    await cleo.hangup()
    await anna.until((b) => document.querySelector('#peer').textContent === b, bert.name, 'the other is back')
    await bert.hears(1000)
    await anna.hangup()
    await bert.waitEnd()
})

test('a token is not kept: a page loaded anew without its session asks for it', async (t) => {
    const anna = await open(t)
    await anna.click('#logout')
    await anna.until(() => document.querySelector('#session').dataset.state === 'offline', null, 'logged out')
    await anna.evaluate(() => sessionStorage.setItem('causeway.phone.here', '\n'))
    await anna.raw.goto(gateway.http)
    await anna.until(() => document.querySelector('#error').dataset.kind === 'auth', null, 'asks')
    assert.equal(await anna.evaluate(() => document.querySelector('#login-page').hidden), false)
})

test('the connection is lost: a banner says so, and goes when it is back', async (t) => {
    const [anna, bert] = [await open(t), await open(t)]
    await anna.dial(`user:${bert.name}`)
    await bert.waitIncoming()
    await bert.answer()
    await anna.waitState('active')
    await anna.raw.context().setOffline(true)
    await anna.until(() => document.querySelector('#banner').checkVisibility() && document.querySelector('#session').dataset.state === 'reconnecting', null, 'the banner', 15000)
    await anna.raw.context().setOffline(false)
    await anna.until(() => !document.querySelector('#banner').checkVisibility(), null, 'no banner', 15000)
    await online(anna)
    await bert.hears(1000)
    await bert.hangup()
    await anna.waitEnd()
})

test('messages: written from a contact, a badge, read, answered; to nobody: not delivered; kept', async (t) => {
    const [anna, bert] = [await open(t), await open(t)]
    const bubbles = (phone, want) => phone.until((w) => JSON.stringify([...document.querySelectorAll('#bubbles li:not(.heading)')].map((row) => `${row.className}: ${row.querySelector('p').textContent}`)) === JSON.stringify(w), want, want.join(', '))
    const write = async (phone, text) => {
        await phone.raw.type('#message', text)
        await phone.raw.keyboard.press('Enter')
    }
    await anna.click('[data-view=messages]')
    await anna.click('#message-new')
    await anna.type('#message-to', `user:${bert.name}`)
    await anna.raw.keyboard.press('Enter')
    await write(anna, 'Are you there? <b>')
    await bubbles(anna, ['mine: Are you there? <b>'])
    await bert.until(() => document.querySelector('#messages-count').checkVisibility() && document.querySelector('#messages-count').textContent === '1', null, 'one unread')
    await bert.click('[data-view=messages]')
    await bert.click('#thread-list .about')
    await bert.until(() => !document.querySelector('#messages-count').checkVisibility(), null, 'read')
    await write(bert, 'Yes')
    await bubbles(anna, ['mine: Are you there? <b>', 'theirs: Yes'])
    await anna.raw.reload()
    await online(anna)
    await anna.click('#thread-list .about')
    await bubbles(anna, ['mine: Are you there? <b>', 'theirs: Yes'])
    await anna.click('#thread-call')
    await bert.waitIncoming()
    await bert.click('#reject')
    await anna.click('#thread-back')
    await anna.click('#message-new')
    await anna.type('#message-to', 'user:nobody')
    await anna.raw.keyboard.press('Enter')
    await write(anna, 'Hello')
    await anna.until(() => document.querySelector('#bubbles [data-state=failed]')?.textContent.includes('not delivered'), null, 'says so')
    assert.deepEqual([...anna.errors, ...bert.errors], [])
})

test('devices: listed, tried out, a microphone changed during a call', async (t) => {
    const [anna, bert] = [await open(t), await open(t)]
    await anna.click('[data-view=settings]')
    await anna.click('#device-test')
    await anna.until(() => document.querySelector('#mic-level').value > 0.3 && document.querySelector('#camera-view').videoWidth > 0, null, 'a level and a picture')
    const options = await anna.evaluate(() => [...document.querySelector('#microphone').options].map(({ value }) => value))
    assert.ok(options.length >= 3, options.join()) // the browser's choice and Chromium's fake ones
    await anna.click('#device-test')
    await anna.until(() => document.querySelector('#device-try').hidden && !document.querySelector('#camera-view').srcObject, null, 'off')
    await anna.click('[data-view=dial]')
    await anna.dial(`user:${bert.name}`)
    await bert.waitIncoming()
    await bert.answer()
    await bert.hears(1000)
    await anna.click('[data-view=settings]')
    await anna.raw.selectOption('#microphone', options.at(-1))
    await until(async () => (await anna.evaluate(() => JSON.parse(localStorage.getItem('causeway.phone.settings')).microphone)) === options.at(-1), 'kept')
    await bert.hears(1000)
    assert.equal(await anna.evaluate(() => document.querySelector('#error').hidden), true)
    await anna.hangup()
    await bert.waitEnd()
})

test('the test of the connection tells what it found', async (t) => {
    const anna = await open(t)
    await anna.click('[data-view=settings]')
    await anna.click('#path-test')
    await anna.until(() => /Sound over UDP works/.test(document.querySelector('#path-result').textContent) && /Round trip \d+ ms/.test(document.querySelector('#path-result').textContent), null, 'the result', 20000)
    assert.deepEqual(await anna.evaluate(() => [...document.querySelectorAll('#path-result .bad')].map((row) => row.textContent)), [])
})

test('a call goes on on another device of the same user', async (t) => {
    const mine = { token: token('HS256', secret, { sub: 'petra' }, { kid: 'k' }) } // guests have no devices in common
    const [anna, bert] = [await open(t, mine), await open(t)]
    await anna.dial(`user:${bert.name}`)
    await bert.waitIncoming()
    await bert.answer()
    await anna.waitState('active')
    const other = await open(t, mine)
    await other.until((w) => document.querySelector('#elsewhere-list .title')?.textContent === w, bert.name, 'is offered')
    await other.click('#elsewhere-list button')
    await other.waitState('active')
    assert.equal(await anna.waitEnd(), 'pulled')
    await other.hears(1000)
    await bert.hears(1000)
    await other.hangup()
    await bert.waitEnd()
})

test('a picture of the other side is saved', async (t) => {
    const [anna, bert] = [await open(t), await open(t)]
    await anna.dial(`user:${bert.name}`)
    await bert.waitIncoming()
    await bert.answer()
    await anna.waitState('active')
    await bert.click('#video')
    await anna.until(() => document.querySelector('#theirs').videoWidth > 0, null, 'a picture', 15000)
    const [download] = await Promise.all([anna.raw.waitForEvent('download'), anna.click('#shot')])
    assert.match(download.suggestedFilename(), /^call-\d{4}-.*\.png$/)
    assert.equal(readFileSync(await download.path()).toString('latin1', 1, 4), 'PNG')
    await bert.hangup()
    await anna.waitEnd()
})

test('all is let go of', async () => {
    await until(async () => (await gateway.ctl('calls')).length === 0, 'no call is left')
    await gateway.stop()
})
