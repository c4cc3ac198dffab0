// browser.mjs - Chromium (playwright-core) and Firefox (puppeteer-core over WebDriver BiDi), one handling.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { outDir, tempDir, until } from './proc.mjs'
import { levelDb, peakHz, sine, wav } from './audio.mjs'
import { check, notifications, requests } from './schema.mjs'

const wire = path.join(outDir, '../wire')
const chromiumFlags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--autoplay-policy=no-user-gesture-required']

// Firefox asks nobody, plays at once, and its fake microphone is a tone.
const firefoxPrefs = {
    'media.navigator.streams.fake': true, 'media.navigator.permission.disabled': true, 'media.navigator.audio.fake_frequency': 1000,
    'media.autoplay.default': 0, 'media.autoplay.blocking_policy': 0, 'media.autoplay.block-webaudio': false, 'media.peerconnection.ice.obfuscate_host_addresses': false,
    'app.update.enabled': false, 'network.captive-portal-service.enabled': false, 'network.connectivity-service.enabled': false, 'datareporting.policy.dataSubmissionEnabled': false,
}

export const browsers = ['chromium', 'firefox']

export class Browser {
    // A browser whose microphone hears a tone of 1 kHz. `flags` are more of Chromium's; without `fakeUi` pages are
    // granted the devices instead, and share what the flags say rather than a picture made for tests.
    static async launch(scope, kind, { flags = [], fakeUi = true } = {}) {
        const browser = new Browser()
        Object.assign(browser, { kind, fakeUi })
        // Removed only once the browser has ended: it writes until then.
        const ends = []
        const dir = tempDir({ after: (fn) => ends.push(fn) }, kind)
        scope.after(async () => {
            await browser.handle?.close()
            ends.forEach((end) => end())
        })
        if (kind === 'chromium') {
            const tone = path.join(dir, 'tone.wav')
            writeFileSync(tone, wav(sine(1000, 10, 48000, 0.5), 48000))
            const { chromium } = await import('playwright-core')
            browser.handle = await chromium.launch({ executablePath: '/usr/bin/chromium', args: [...chromiumFlags.filter((flag) => fakeUi || !/fake-ui/.test(flag)), `--use-file-for-fake-audio-capture=${tone}`, ...flags] })
        } else {
            const puppeteer = (await import('puppeteer-core')).default
            browser.handle = await puppeteer.launch({ browser: 'firefox', executablePath: '/usr/bin/firefox-esr', headless: true, userDataDir: path.join(dir, 'profile'), extraPrefsFirefox: firefoxPrefs, acceptInsecureCerts: true })
        }
        return browser
    }

    // A page of its own storage.
    async page(scope, url, options = {}) {
        const context = await (this.kind === 'chromium' ? this.handle.newContext(options) : this.handle.createBrowserContext())
        if (!this.fakeUi) await context.grantPermissions(['microphone', 'camera'])
        const raw = await context.newPage()
        const page = new Page(raw, this.kind)
        scope.after(() => context.close())
        raw.on('pageerror', (error) => page.errors.push(error))
        raw.on('console', (message) => message.type() === 'error' && page.errors.push(new Error(message.text())))
        if (this.kind === 'chromium') raw.on('websocket', (socket) => page.watch(socket))
        await raw.goto(url, this.kind === 'chromium' ? {} : { waitUntil: 'load' })
        return page
    }
}

export class Page {
    constructor(raw, kind) {
        Object.assign(this, { raw, kind, errors: [] })
    }

    // What the library sends and gets is as schema.json has it.
    watch(socket) {
        const methods = new Map()
        mkdirSync(wire, { recursive: true })
        const seen = (payload, fromServer) => {
            try {
                const message = JSON.parse(payload)
                if (message.method && message.id !== undefined) methods.set(message.id, message.method)
                if (message.method) check(`${fromServer ? 'notify' : 'request'}.${message.method}`, message)
                else if (message.error) check('error', message)
                else check(`reply.${methods.get(message.id)}`, message)
                if (message.method) appendFileSync(path.join(wire, `${path.basename(outDir)}.txt`), `page ${message.method}\n`)
            } catch (error) {
                this.errors.push(error)
            }
        }
        socket.on('framesent', ({ payload }) => seen(payload, false))
        socket.on('framereceived', ({ payload }) => seen(payload, true))
    }

    evaluate(fn, arg) {
        return this.raw.evaluate(fn, arg)
    }

    async until(fn, arg, what = String(fn), ms = 10000) {
        return await until(() => this.evaluate(fn, arg), `${this.kind}: ${what}`, ms, 30)
    }

    click(selector) {
        return this.raw.click(selector)
    }

    async type(selector, text) {
        await this.evaluate((s) => (document.querySelector(s).value = ''), selector)
        await this.raw.type(selector, text)
    }

    // What the stream of an audio element sounds like for a while: { hz, db } of what is loudest. Recorded
    // and decoded at 8 kHz, for Firefox runs no AudioContext on a machine without a sound card.
    async measure(selector, ms = 500) {
        const samples = await this.evaluate(async ([s, duration]) => {
            const stream = document.querySelector(s).srcObject
            if (!stream?.getAudioTracks().length) return []
            const recorder = new MediaRecorder(new MediaStream(stream.getAudioTracks()))
            const parts = []
            recorder.ondataavailable = (event) => parts.push(event.data)
            const stopped = new Promise((resolve) => (recorder.onstop = resolve))
            recorder.start()
            setTimeout(() => recorder.stop(), duration)
            await stopped
            const bytes = await new Blob(parts).arrayBuffer()
            if (!bytes.byteLength) return []
            const audio = await new OfflineAudioContext(1, 1, 8000).decodeAudioData(bytes).catch(() => null)
            // The encoder's start is not the sound's.
            return audio ? [...audio.getChannelData(0).subarray(800)] : []
        }, [selector, ms])
        const heard = Float64Array.from(samples)
        return { hz: heard.length ? peakHz(heard) : 0, db: levelDb(heard), samples: heard.length }
    }

    // Measured again and again until `wanted` holds.
    async listen(selector, wanted, what, ms = 10000) {
        let last
        try {
            return await until(async () => {
                last = await this.measure(selector)
                return wanted(last) ? last : null
            }, what, ms, 10)
        } catch (error) {
            throw new Error(`${this.kind}: ${error.message}; last: ${JSON.stringify(last)}`)
        }
    }
}

// The web phone in a page.
export class WebPhone extends Page {
    // `options`: of Chromium's context, such as its size and colours.
    static async open(scope, browser, http, name, { token, options } = {}) {
        const query = new URLSearchParams({ raw: '1', autologin: '1', ...(token ? { token } : { guest: name }) })
        const page = await browser.page(scope, `${http}/?${query}`, options)
        Object.setPrototypeOf(page, WebPhone.prototype)
        await page.until(() => document.querySelector('#session').dataset.state === 'online', null, 'is online')
        return page
    }

    async dial(to) {
        // On a small screen what a call leaves covers the keypad.
        await this.evaluate(() => document.querySelector('#over').hidden || document.querySelector('#done').click())
        await this.type('#dial', to)
        await this.click('#call')
    }

    state() {
        return this.evaluate(() => ({ ...document.querySelector('#state').dataset, error: document.querySelector('#error').hidden ? '' : document.querySelector('#error').textContent }))
    }

    async waitState(state, ms = 10000) {
        try {
            await until(async () => (await this.state()).state === state, `phone is ${state}`, ms, 20)
        } catch (error) {
            throw new Error(`${this.kind}: ${error.message}; it is ${JSON.stringify(await this.state())}; ${this.errors.join('; ')}`)
        }
    }

    // Idle again; the reason of the end.
    async waitEnd(ms = 10000) {
        await this.waitState('idle', ms)
        return (await this.state()).reason
    }

    async waitIncoming(ms = 10000) {
        await this.until(() => !document.querySelector('#incoming').hidden, null, 'a call comes in', ms)
        return await this.evaluate(() => document.querySelector('#caller').textContent)
    }

    answer() {
        return this.click('#answer')
    }

    hangup() {
        return this.click('#hangup')
    }

    // A key for the other side.
    async press(key) {
        await this.evaluate(() => document.querySelector('#tones').hidden && document.querySelector('#keypad').click())
        await this.click(`[data-dtmf="${key}"]`)
    }

    hears(hz, { tolerance = 20, ms = 10000 } = {}) {
        return this.listen('#remote', (heard) => heard.db > -45 && Math.abs(heard.hz - hz) < tolerance, `hears ${hz} Hz`, ms)
    }
}

export const known = [...requests, ...notifications]
