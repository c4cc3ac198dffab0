// The web phone as a page: for screen readers (axe-core), in light and dark, on a telephone and on a desk,
// by keyboard alone; what it remembers.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Browser, WebPhone } from '../lib/browser.mjs'
import { top, wholeFile } from '../lib/proc.mjs'

let gateway, chromium
const axe = readFileSync(path.join(top, 'tests/node_modules/axe-core/axe.min.js'), 'utf8')
const sizes = { small: { width: 360, height: 740 }, wide: { width: 1440, height: 900 } }
const parts = ['dial', 'contacts', 'history', 'messages', 'settings', 'log']

before(async () => {
    gateway = await Gateway.start(wholeFile, {
        log: { level: 'info' },
        web: { root: path.join(top, 'client/dist/www') },
        media: { browser_listen: ['127.0.0.1', '10.99.0.1'] },
    })
    chromium = await Browser.launch(wholeFile, 'chromium')
})

const open = (t, name, options) => WebPhone.open(t, chromium, gateway.http, name, { options })
const text = (phone, selector) => phone.evaluate((s) => document.querySelector(s).textContent, selector)
const shown = (phone, selector, want = true) => phone.until(([s, w]) => !!document.querySelector(s)?.checkVisibility() === w, [selector, want], `${selector} is ${want ? '' : 'not '}shown`)

// Nothing that axe-core finds fault with, and nothing that has to be scrolled sideways.
async function clean(phone, what) {
    if (!(await phone.evaluate(() => !!window.axe))) await phone.evaluate(axe)
    const found = await phone.evaluate(async () => {
        // A colour on its way to another is neither.
        await Promise.all(document.getAnimations().filter((each) => each.effect.getComputedTiming().iterations !== Infinity).map((each) => each.finished.catch(() => {})))
        const { violations } = await window.axe.run(document, { resultTypes: ['violations'] })
        const wide = [...document.querySelectorAll('body, body *')].filter((each) => each.checkVisibility() && each.clientWidth && !each.matches('pre, video, input, .unseen') && getComputedStyle(each).textOverflow !== 'ellipsis' && each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).overflowX !== 'visible')
        return [...violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 120)} (${failureSummary?.split('\n')[1]})`).join('; ')}`),
            ...wide.map((each) => `${each.tagName}#${each.id}.${each.className} is wider than its place`)]
    })
    assert.deepEqual(found, [], what)
}

async function fill(phone) {
    await phone.evaluate(() => {
        const { user } = { user: document.querySelector('#session').textContent }
        const put = (key, value) => {
            localStorage.setItem(`causeway.phone.${key}.${user}`, JSON.stringify(value))
            dispatchEvent(new StorageEvent('storage', { key: `causeway.phone.${key}.${user}` }))
        }
        put('contacts', [{ id: '1', name: 'Élodie Marchand-Beauregard de la Tour', address: 'sip:elodie.marchand@atelier.example', favourite: true }, { id: '2', name: 'Jo', address: 'user:jo', favourite: false }])
        put('history', ['answered', 'missed', 'declined', 'elsewhere', 'cancelled', 'failed'].map((how, i) => ({ id: String(i), at: Date.now() - i * 4e7, direction: i % 2 ? 'incoming' : 'outgoing', name: `+3314567890${i}`, address: `+3314567890${i}`, how, reason: 'busy', durationMs: how === 'answered' ? 65000 : 0, seen: i > 3 })))
        put('messages', [{ address: 'user:jo', name: 'jo', unread: 1, items: [{ id: 'a', mine: true, text: 'Hello', at: Date.now() - 1e8, state: 'failed', why: 'unavailable' }, { id: 'b', mine: false, text: 'See you', at: Date.now(), state: 'got' }] }])
    })
}

for (const [size, viewport] of Object.entries(sizes))
    for (const colorScheme of ['light', 'dark'])
        test(`axe-core finds nothing: ${size}, ${colorScheme}`, async (t) => {
            const options = { viewport, colorScheme, reducedMotion: size === 'small' ? 'reduce' : 'no-preference' }
            const out = await chromium.page(t, gateway.http, options)
            await clean(out, 'logged out')
            const [anna, bert] = [await open(t, `anna${size}${colorScheme}`, options), await open(t, `bert${size}${colorScheme}`)]
            await clean(anna, 'empty')
            for (const part of parts)
                if (await anna.evaluate((p) => document.querySelector(`[data-view=${p}]`).checkVisibility(), part)) {
                    await anna.click(`[data-view=${part}]`)
                    await clean(anna, `${part}, empty`)
                }
            await fill(anna)
            for (const part of parts)
                if (await anna.evaluate((p) => document.querySelector(`[data-view=${p}]`).checkVisibility(), part)) {
                    await anna.click(`[data-view=${part}]`)
                    await clean(anna, part)
                }
            await anna.click('[data-view=contacts]')
            await anna.click('#contact-list .about')
            await anna.type('#contact-name', '')
            await anna.click('#contact-save')
            await shown(anna, '#contact-wrong')
            await clean(anna, 'a contact without a name')
            await anna.click('#contact-cancel')
            await anna.click('#help')
            await clean(anna, 'shortcuts')
            await anna.click('#help-close')
            await anna.click('[data-view=dial]')

            await anna.dial(`user:bert${size}${colorScheme}`)
            await bert.waitIncoming()
            await anna.waitState('ringing')
            await clean(anna, 'it rings there')
            await bert.answer()
            await anna.waitState('active')
            await clean(anna, 'in a call')
            await anna.click('#quality')
            await clean(anna, 'details')
            await anna.click('#quality')
            await anna.click('#transfer')
            await clean(anna, 'transfer')
            await anna.click('#transfer')
            await anna.press('7')
            await clean(anna, 'keys')
            await anna.click('#keypad')
            const third = await open(t, `third${size}${colorScheme}`)
            await third.dial(`user:anna${size}${colorScheme}`)
            await anna.waitIncoming()
            await clean(anna, 'another calls')
            await anna.answer()
            await shown(anna, '#others li')
            await clean(anna, 'one waits')
            await third.click('#video')
            await shown(anna, '#theirs')
            await clean(anna, 'with a picture')
            await third.hangup()
            await anna.until(() => document.querySelector('#others').hidden && document.querySelector('#pictures').hidden, null, 'the first is back')
            await bert.hears(1000)
            await bert.hangup()
            await anna.waitEnd()
            await clean(anna, 'the call is over')
            await anna.dial('user:nobody')
            await shown(anna, '#error')
            await clean(anna, 'nobody there')
            await anna.evaluate(() => (document.documentElement.dir = 'rtl'))
            for (const part of ['dial', 'contacts', 'history']) {
                await anna.click(`[data-view=${part}]`)
                await clean(anna, `${part}, from right to left`)
            }
            assert.deepEqual([out, anna, bert, third].flatMap(({ errors }) => errors), []) // the content security policy's as well
        })

test('the switch of the settings is stronger than the system', async (t) => {
    const anna = await open(t, 'dora', { colorScheme: 'light' })
    const ink = () => anna.evaluate(() => getComputedStyle(document.body).color)
    const light = await ink()
    await anna.click('[data-view=settings]')
    await anna.click('.tabs label:has([value=dark])')
    assert.notEqual(await ink(), light)
    await anna.raw.reload()
    assert.notEqual(await ink(), light)
    await anna.until(() => document.querySelector('[name=theme][value=dark]').checked, null, 'it is kept')
})

test('by keyboard alone: log in, dial, mute, keys, hold, transfer opened and left, hang up', async (t) => {
    const bert = await open(t, 'kees')
    const page = await chromium.page(t, `${gateway.http}/?raw=1`)
    const anna = Object.setPrototypeOf(page, WebPhone.prototype)
    const keys = anna.raw.keyboard
    const focus = () => anna.evaluate(() => document.activeElement.id)
    const focused = (id) => anna.until((i) => document.activeElement.id === i, id, `the focus is on #${id}`)
    await focused('name')
    await keys.type('keys')
    await keys.press('Enter')
    await anna.until(() => document.querySelector('#session').dataset.state === 'online', null, 'is online')
    await focused('dial')
    await keys.type('user:kees')
    await keys.press('Enter')
    await bert.waitIncoming()
    await bert.raw.keyboard.press('Alt+a') // its focus is in the field
    await anna.waitState('active')
    assert.equal(await focus(), 'hangup')
    await keys.press('m')
    assert.equal(await anna.evaluate(() => document.querySelector('#mute').getAttribute('aria-pressed')), 'true')
    await bert.until(() => /muted/.test(document.querySelector('#state').textContent), null, 'is told')
    await keys.press('m')
    await keys.press('5')
    await anna.until(() => document.querySelector('#sent').textContent === '5', null, 'the key is shown')
    await keys.press('h')
    await anna.until(() => document.querySelector('#hold').getAttribute('aria-pressed') === 'true', null, 'on hold')
    await bert.until(() => /holds/.test(document.querySelector('#state').textContent), null, 'is held')
    await keys.press('h')
    await anna.until(() => document.querySelector('#hold').getAttribute('aria-pressed') === 'false', null, 'resumed')
    await keys.press('t')
    await focused('transfer-to')
    await keys.type('m5') // typed, not pressed
    assert.equal(await anna.evaluate(() => document.querySelector('#mute').getAttribute('aria-pressed')), 'false')
    await keys.press('Escape')
    await shown(anna, '#transfer-form', false)
    await focused('transfer')
    await keys.press('Shift+?')
    await anna.until(() => document.querySelector('#help-dialog').open, null, 'the list of shortcuts')
    await keys.press('e') // belongs to the dialog
    await keys.press('Escape')
    await anna.until(() => !document.querySelector('#help-dialog').open, null, 'closed')
    assert.equal((await anna.state()).state, 'active')
    await keys.press('e')
    assert.equal(await bert.waitEnd(), 'hangup')
    assert.equal(await anna.waitEnd(), 'hangup')
    await focused('dial')
    // Switched off, letters are letters.
    await anna.click('[data-view=settings]')
    await anna.click('#shortcuts')
    await anna.evaluate(() => document.activeElement.blur())
    await keys.press('/')
    assert.notEqual(await focus(), 'dial')
    assert.deepEqual(anna.errors, [])
})

test('contacts: added, found, a favourite, called, changed, deleted; kept after a reload', async (t) => {
    const [anna, bert] = [await open(t, 'carla'), await open(t, 'bruno')]
    const names = () => anna.evaluate(() => [...document.querySelectorAll('#contact-list .title')].map((each) => each.textContent))
    await anna.click('[data-view=contacts]')
    await shown(anna, '#contact-empty')
    const add = async (name, address) => {
        await anna.click('#contact-new')
        await anna.type('#contact-name', name)
        await anna.type('#contact-address', address)
        await anna.click('#contact-save')
    }
    await add('Zoe', '+33 1 45-67')
    await add('Bruno B.', 'user:bruno')
    assert.deepEqual(await names(), ['Bruno B.', 'Zoe'])
    await add('Double', '+33145 67')
    assert.equal(await text(anna, '#contact-wrong'), 'Zoe already has this address.')
    await anna.click('#contact-cancel')
    await anna.click('#contact-list [data-address="+33 1 45-67"] .star')
    assert.deepEqual(await names(), ['Zoe', 'Bruno B.'])
    await anna.type('#contact-search', 'brun')
    assert.deepEqual(await names(), ['Bruno B.'])
    await anna.click('#contact-list [aria-label="Call Bruno B."]')
    await bert.waitIncoming()
    assert.equal(await text(anna, '#peer'), 'Bruno B.')
    await bert.answer()
    await anna.waitState('active')
    await anna.hangup()
    await bert.waitEnd()
    // Who calls is called what this phone calls them.
    await bert.dial('user:carla')
    assert.equal(await anna.waitIncoming(), 'Bruno B.')
    await bert.hangup()
    await bert.waitEnd()

    await anna.type('#contact-search', 'zoe')
    await anna.click('#contact-list .about')
    await anna.type('#contact-name', 'Zoë')
    await anna.click('#contact-save')
    await anna.raw.reload()
    await anna.until(() => document.querySelector('#session').dataset.state === 'online', null, 'is online')
    await anna.until(() => document.querySelector('#contact-list .title')?.textContent === 'Zoë', null, 'kept')
    await anna.click('#contact-list .about')
    await anna.click('#contact-delete')
    await anna.click('#contact-delete')
    assert.deepEqual(await names(), ['Bruno B.'])
    assert.deepEqual([...anna.errors, ...bert.errors], [])
})

test('recents: answered, missed with a badge, not reached; called back from there; another user sees none of it', async (t) => {
    const [anna, bert] = [await open(t, 'hanna'), await open(t, 'hugo')]
    const list = () => anna.evaluate(() => [...document.querySelectorAll('#history-list li')].map((each) => each.dataset.how))
    await anna.dial('user:hugo')
    await bert.waitIncoming()
    await bert.answer()
    await anna.waitState('active')
    await anna.hangup()
    await bert.waitEnd()
    await anna.dial('user:nowhere')
    await shown(anna, '#error')
    await bert.dial('user:hanna')
    await anna.waitIncoming()
    await bert.hangup()
    await anna.until(() => document.querySelector('#history-count').textContent === '1' && !document.querySelector('#history-count').hidden, null, 'one missed')
    await anna.click('[data-view=history]')
    assert.deepEqual(await list(), ['missed', 'failed', 'answered'])
    await shown(anna, '#history-count', false)
    await anna.click('[data-which=missed]')
    assert.deepEqual(await list(), ['missed'])
    await anna.click('#history-list [aria-label^="Call "]')
    await bert.waitIncoming()
    await bert.click('#reject')
    await anna.until(() => document.querySelector('#error').dataset.kind === 'declined', null, 'declined')
    await anna.click('[data-which=all]')
    assert.deepEqual(await list(), ['failed', 'missed', 'failed', 'answered'])
    await anna.click('#logout')
    await anna.type('#name', 'heidi')
    await anna.click('#login')
    await anna.until(() => document.querySelector('#session').textContent === 'heidi', null, 'another user')
    assert.deepEqual(await list(), [])
})

test('notifications: asked for by a line of the page, told in the background only when wanted', async (t) => {
    const [anna, bert] = [await open(t, 'nina'), await open(t, 'nils')]
    await anna.evaluate(() => {
        window.told = []
        window.Notification = class {
            static permission = 'default'
            static async requestPermission() {
                return (this.permission = 'granted')
            }
            constructor(title) {
                window.told.push(title)
            }
            close() {
                window.told.push('closed')
            }
        }
        window.hide = (state) => Object.defineProperty(document, 'visibilityState', { value: state, configurable: true })
        window.hide('hidden')
    })
    const call = async () => {
        await bert.dial('user:nina')
        await anna.waitIncoming()
        await bert.hangup()
        await bert.waitEnd()
        await anna.until(() => document.querySelector('#incoming').hidden, null, 'gone')
        return await anna.evaluate(() => window.told.splice(0))
    }
    assert.deepEqual(await call(), [])
    await anna.click('[data-view=settings]')
    await anna.click('#notify')
    await anna.until(() => document.querySelector('#notify').checked, null, 'allowed')
    assert.deepEqual(await call(), ['Call from nils', 'closed'])
    await anna.evaluate(() => window.hide('visible'))
    assert.deepEqual(await call(), [])
})

test('the gateway ends well', () => gateway.stop())
