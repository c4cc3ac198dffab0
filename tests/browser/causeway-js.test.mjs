// The library in Chromium: what it sends and shows, devices, several pages of one user, preflight; and as bundled.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Browser } from '../lib/browser.mjs'
import { token } from '../lib/jwt.mjs'
import { tempDir, top, until, wholeFile } from '../lib/proc.mjs'

const secret = 'a secret of at least thirty-two bytes!'
const elsewhere = 'http://127.0.0.1:8090'
const colour = '#0000cc'
let gateway, browser, root

before(async () => {
    root = tempDir(wholeFile, 'www')
    cpSync(path.join(top, 'client/dist/www'), root, { recursive: true })
    writeFileSync(path.join(root, 'blue.html'), '<title>blue</title><link rel="stylesheet" href="blue.css"><link rel="icon" href="icon.svg"><button>go</button>')
    writeFileSync(path.join(root, 'blue.css'), `body { background: ${colour}; }`)
    await bundle()
    gateway = await Gateway.start(wholeFile, {
        web: { root, origins: [elsewhere, 'http://127.0.0.1:8080'] },
        media: { browser_listen: ['127.0.0.1', '10.99.0.1'] },
        key: [{ id: 'k', algorithm: 'HS256', secret }],
    })
    // A tab asks nobody whether it may be captured.
    browser = await Browser.launch(wholeFile, 'chromium', { flags: ['--auto-accept-this-tab-capture'], fakeUi: false })
})

// What vite makes of a page that imports the library, as an application would.
async function bundle() {
    const { build } = await import('vite')
    const app = tempDir(wholeFile, 'app')
    mkdirSync(path.join(app, 'node_modules'))
    symlinkSync(path.join(top, 'client'), path.join(app, 'node_modules/causeway'))
    writeFileSync(path.join(app, 'app.html'), '<script type="module" src="./app.js"></script>')
    writeFileSync(path.join(app, 'app.js'), `import { connect, environment } from 'causeway'
        import { preflight } from 'causeway/preflight'
        Object.assign(window, { connect, environment, preflight })`)
    cpSync(path.join(top, 'client/examples/useCall.jsx'), path.join(app, 'useCall.jsx'))
    const common = { root: app, configFile: false, logLevel: 'error' }
    await build({ ...common, build: { outDir: path.join(root, 'bundled'), emptyOutDir: true, rollupOptions: { input: path.join(app, 'app.html') } }, base: './' })
    await build({ ...common, build: { outDir: path.join(app, 'hook'), minify: false, lib: { entry: path.join(app, 'useCall.jsx'), formats: ['es'], fileName: () => 'hook.js' }, rollupOptions: { external: [/^react/] } }, esbuild: { jsx: 'automatic' } })
    assert.match(readFileSync(path.join(app, 'hook/hook.js'), 'utf8'), /export \{[^}]*useCall/)
}

const login = (sub) => ({ token: token('HS256', secret, { sub }, { kid: 'k' }) })

// A page with a session; its calls are in `calls`, the newest in `call`.
async function page(t, who, file = '') {
    const page = await browser.page(t, `${gateway.http}/${file}`)
    await page.evaluate(async (options) => {
        const { connect } = await import('/causeway.js')
        window.calls = []
        window.ends = []
        window.take = (call) => {
            window.call = call
            window.calls.push(call)
            call.on('ended', ({ reason }) => window.ends.push(reason))
            return call
        }
        window.session = await connect('', options)
        window.session.on('call', window.take)
    }, who)
    return page
}
const active = (page) => page.until(() => window.call?.state === 'active', null, 'the call is active')
const dial = (page, to) => page.evaluate(async (whom) => void window.take(await window.session.call(whom)), to)
const rings = (page) => page.until(() => window.call?.state === 'ringing', null, 'it rings')

// anna calls bert, who answers.
async function talking(t, [anna, bert], file) {
    const pages = [await page(t, { guest: anna }, file), await page(t, { guest: bert })]
    await dial(pages[0], `user:${bert}`)
    await rings(pages[1])
    await pages[1].evaluate(() => window.call.answer())
    await active(pages[0])
    return pages
}
const hangUp = async (page) => {
    await page.evaluate(() => window.call.hangup())
    assert.deepEqual(page.errors, [])
}

// The colour in the middle of what a page is shown, as a snapshot has it.
const seen = (page) => page.evaluate(async () => {
    const bitmap = await createImageBitmap(await window.call.snapshot())
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')
    context.drawImage(bitmap, 0, 0)
    return [...context.getImageData(bitmap.width / 2, bitmap.height / 2, 1, 1).data].slice(0, 3)
})

test('a tab is shared, and the other side sees its colour; the camera is back afterwards', async (t) => {
    const [anna, bert] = await talking(t, ['anna1', 'bert1'], 'blue.html')
    await anna.evaluate(() => window.call.addVideo())
    await bert.until(() => window.call.video.remote, null, 'sees the camera')
    await anna.evaluate(() => {
        document.querySelector('button').onclick = () => (window.sharing = window.call.shareScreen({ preferCurrentTab: true }))
    })
    await anna.click('button')
    await anna.evaluate(() => window.sharing)
    const blue = ([r, g, b]) => r < 40 && g < 40 && b > 160 && b < 240
    let last
    await until(async () => blue(last = await seen(bert)), 'bert sees blue', 15000, 200).catch((error) => { throw new Error(`${error.message}: ${last}`) })
    assert.equal(await anna.evaluate(() => window.call.sharing), true)
    await anna.evaluate(() => window.call.stopShare())
    await until(async () => !blue(await seen(bert)), 'bert sees the camera again', 15000, 200)
    const mine = await anna.evaluate(async () => (await window.call.snapshot({ of: 'local', type: 'image/jpeg' })).type)
    assert.equal(mine, 'image/jpeg')
    await hangUp(anna)
})

test('a bound of the bit rate holds', async (t) => {
    const [anna] = await talking(t, ['anna2', 'bert2'])
    await anna.evaluate(() => window.call.addVideo({ video: { width: 1280, height: 720 } }))
    const rate = () => anna.evaluate(async () => {
        const out = [...(await window.call.pc.getStats()).values()].find((s) => s.type === 'outbound-rtp' && s.kind === 'video')
        const before = window.before ?? { bytesSent: 0, timestamp: 0 }
        window.before = out ?? before
        return out && (8000 * (out.bytesSent - before.bytesSent)) / (out.timestamp - before.timestamp)
    })
    await until(async () => await rate() > 250_000, 'more than 250 kbit/s are sent', 20000, 1000)
    await anna.evaluate(() => window.call.setMaxBitrate({ video: 100_000 }))
    await until(async () => await rate() < 130_000, 'at most 100 kbit/s are sent', 20000, 1000)
    await hangUp(anna)
})

test('another microphone, and one that vanishes', async (t) => {
    const [anna, bert] = await talking(t, ['anna3', 'bert3'])
    const all = await anna.evaluate(async () => (await import('/causeway.js')).devices())
    const others = all.filter(({ kind, id }) => kind === 'microphone' && id !== 'default')
    assert.ok(others.length && others.every(({ label }) => label), JSON.stringify(all))
    const before = await anna.evaluate(() => window.call.pc.getSenders()[0].track.id)
    await anna.evaluate((audio) => window.call.useDevice({ audio }), others.at(-1).id)
    const used = await anna.evaluate(() => ({ id: window.call.pc.getSenders()[0].track.id, device: window.call.pc.getSenders()[0].track.getSettings().deviceId }))
    assert.notEqual(used.id, before)
    assert.equal(used.device, others.at(-1).id)
    await bert.evaluate(async () => {
        const element = document.body.appendChild(document.createElement('audio'))
        element.id = 'remote'
        await window.call.attach(element)
    })
    const level = () => bert.evaluate(async () => (await window.call.stats()).level ?? 0)
    await until(async () => await level() > 0.01, 'bert hears it', 10000, 100)
    await anna.evaluate(() => {
        window.devices = []
        window.call.on('device', (event) => window.devices.push(event))
        const [track] = window.call.localStream.getAudioTracks()
        track.stop()
        track.dispatchEvent(new Event('ended'))
    })
    await anna.until(() => window.devices[0]?.label, null, 'is told of another microphone')
    assert.notEqual(await anna.evaluate(() => window.call.pc.getSenders()[0].track.id), used.id)
    await hangUp(anna)
})

test('three pages ring, one answers, the others stop; another then takes the call over', async (t) => {
    const bells = await Promise.all([1, 2, 3].map(() => page(t, login('bell'))))
    const anna = await page(t, login('anna4'))
    await dial(anna, 'user:bell')
    for (const bell of bells) await rings(bell)
    await bells[1].evaluate(() => window.call.answer())
    await active(anna)
    for (const other of [bells[0], bells[2]]) await other.until(() => window.ends[0] === 'answered-elsewhere', null, 'stops to ring')

    const id = await bells[0].evaluate(async () => (await window.session.otherCalls())[0].id)
    await bells[0].evaluate(async (call) => void window.take(await window.session.pull(call)), id)
    await bells[1].until(() => window.ends[0] === 'pulled', null, 'has lost the call')
    await until(() => bells[0].evaluate(async () => (await window.call.stats()).packetsReceived > 20), 'sound comes to the third', 10000, 100)
    assert.deepEqual(await anna.evaluate(() => [window.call.state, window.ends]), ['active', []])
    await anna.evaluate(() => window.call.hangup())
    await bells[0].until(() => window.ends.at(-1) === 'hangup', null, 'its call ends')
})

test('texts and data between pages, with and without a call', async (t) => {
    const [anna, bert] = await talking(t, ['anna5', 'bert5'])
    await bert.evaluate(() => {
        window.got = []
        window.session.on('message', ({ text, from }) => window.got.push([from.user, text]))
        window.session.on('data', ({ body }) => window.got.push(body))
        window.call.on('data', ({ event, body }) => window.got.push([event, body]))
    })
    assert.equal(await anna.evaluate(async () => (await window.session.send('user:bert5', 'tea?')).status), 'delivered')
    await anna.evaluate(() => window.session.data('user:bert5', { n: 1 }))
    await anna.evaluate(() => window.call.data([true], { event: 'pointer' }))
    await bert.until(() => window.got.length === 3, null, 'got three')
    assert.deepEqual(await bert.evaluate(() => window.got), [['anna5', 'tea?'], { n: 1 }, ['pointer', [true]]])
    const refused = await anna.evaluate(() => window.session.send('user:nobody5', 'x').catch(({ kind }) => kind))
    assert.match(refused, /^(unavailable|not-found)$/)
    await hangUp(anna)
})

test('bundled by vite: environment, preflight', async (t) => {
    const app = await browser.page(t, `${gateway.http}/bundled/app.html`)
    await app.until(() => !!window.connect, null, 'is loaded')
    const here = await app.evaluate(() => window.environment())
    assert.deepEqual([here.browser, here.os, here.webrtc, here.secure, here.screenShare], ['Chromium', 'Linux', true, true, true])
    assert.equal(here.version.split('.')[0], browser.handle.version().split('.')[0])
    assert.ok(['opus', 'PCMA', 'VP8', 'H264'].every((codec) => here.codecs.includes(codec)), here.codecs.join())
    const result = await app.evaluate(() => window.preflight('', { guest: 'tester', duration: 3000 }))
    assert.equal(result.microphone.ok, true)
    assert.deepEqual([result.signalling.ok, result.signalling.transport], [true, 'websocket'])
    assert.deepEqual(result.media, { udp: 'ok', tcp: 'unoffered' }) // ICE-lite
    assert.ok(result.mos > 4 && result.loss === 0 && result.rttMs < 200, JSON.stringify(result))
    const none = await app.evaluate(() => window.preflight('http://127.0.0.1:9', { guest: 'tester' }))
    assert.equal(none.signalling.ok, false)
    app.errors.length = 0 // of the connection that there was not
})

// Pages of somebody's own site: these examples are for those.
before(async () => {
    const server = createServer((request, response) => {
        const file = path.join(top, 'client/examples', path.basename(request.url))
        response.writeHead(existsSync(file) ? 200 : 204, { 'Content-Type': 'text/html' })
        response.end(existsSync(file) ? readFileSync(file) : '')
    })
    await new Promise((resolve) => server.listen(8090, '127.0.0.1', resolve))
    wholeFile.after(() => server.close())
})

for (const [example, button] of [['click-to-call.html', '#go'], ['widget.html', '#call']])
    test(`example ${example}: calls and hangs up`, async (t) => {
        const page = await browser.page(t, `${elsewhere}/${example}`)
        await page.click(button)
        const { id } = await until(async () => (await gateway.ctl('calls'))[0], 'its call is there', 10000, 100).catch((error) => { throw new Error(`${error.message}: ${page.errors}`) })
        await until(async () => (await gateway.ctl('call', 'show', id)).leg_a.streams[0].tx_packets > 20, 'sound goes to it', 10000, 100)
        await until(async () => {
            await page.click(button)
            return (await gateway.ctl('calls')).length === 0
        }, 'it hangs up', 10000, 300)
        assert.deepEqual(page.errors, [])
    })

test('the gateway ends well', () => gateway.stop())
