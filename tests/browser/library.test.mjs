// What a page learns by the library, in Chromium, SIPp being the telephone network: who vouches for a caller, what a
// token for a call allows, and how a call is cut that spent it all.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Browser } from '../lib/browser.mjs'
import { token } from '../lib/jwt.mjs'
import { script } from '../lib/script.mjs'
import { Authority, CertServer, identity } from '../lib/shaken.mjs'
import { sipp } from '../lib/sipp.mjs'
import { lines } from '../lib/stage.mjs'
import { top, until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

const secret = 'a secret of thirty-two bytes and more'
const [tag, carrier, brief] = ['127.0.0.11', 5700, 5702]
let gateway, browser, capture, server, caller

before(async () => {
    const web = new Authority(wholeFile, 'web'), callers = new Authority(wholeFile, 'callers')
    caller = callers.certify('caller')
    server = await CertServer.open(wholeFile, web.certify('site', { listed: false, names: 'IP:127.0.0.2' }), { '/good.pem': caller.pem })
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        web: { root: path.join(top, 'client/dist/www'), codecs: ['PCMA'] }, auth: { guests: false },
        media: { browser_listen: ['127.0.0.1', '10.99.0.1'] },
        key: [{ id: 'k', algorithm: 'HS256', secret }],
        shaken: { authorities: callers.path, fetch_networks: ['127.0.0.2'], fetch_authorities: web.path },
        trunk: [
            { name: 'tag', address: `${tag}:5060`, prefixes: ['none'], stir_verify: 'tag' },
            { name: 'carrier', address: `127.0.0.1:${carrier}`, prefixes: ['+331'], codecs: ['PCMA'] },
            { name: 'brief', address: `127.0.0.1:${brief}`, prefixes: ['+332'], codecs: ['PCMA'] },
        ],
        quota: [{ name: 'brief', users: ['*'], to: ['tel:+332*'], seconds_per_call: 2 }],
        inbound: [{ match: '+44100', to: 'user:anna' }],
    })
    browser = await Browser.launch(wholeFile, 'chromium')
})

const signed = (claims) => token('HS256', secret, { sub: 'anna', ...claims }, { kid: 'k' })

// A page with the library, logged in. What `session` gives is in the page's `told`.
async function page(t, claims) {
    const page = await browser.page(t, `${gateway.http}/`)
    await page.evaluate(async (login) => {
        const { connect } = await import('/causeway.js')
        globalThis.session = await connect('', { token: login })
        globalThis.told = []
        session.on('call', (call) => {
            told.push(call.details?.verified)
            call.reject('busy')
        })
        document.body.append(Object.assign(document.createElement('audio'), { id: 'sound' }))
        // A call that is up, its sound in #sound; or why there is none.
        globalThis.dial = async (to, options) => {
            try {
                globalThis.call = await session.call(to, options)
                await call.attach(document.querySelector('#sound'))
                await call.answered
                return 'answered'
            } catch ({ kind }) {
                return kind
            }
        }
    }, signed(claims))
    return page
}
const dial = (page, to, grant) => page.evaluate(([number, options]) => globalThis.dial(number, options), [to, grant ? { grant } : {}])
const hears = (page, hz) => page.listen('#sound', (heard) => heard.db > -45 && Math.abs(heard.hz - hz) < 20, `hears ${hz} Hz`)
const answers = (t, port, hz) => sipp(t, script(`${lines.takes}\ntone\n${lines.letsGo}`), { port, hz, strict: true })

// The next of what was told, waited for.
async function nextTold(one) {
    await one.until(() => globalThis.told.length > 0, null, 'a call comes')
    return one.evaluate(() => globalThis.told.shift())
}

test('who calls is vouched for, wrongly, or by nobody', async (t) => {
    const anna = await page(t)
    const passport = (more) => identity({ keyText: caller.keyText, url: `https://127.0.0.2:${server.port}/good.pem`, from: '12155550100', to: '44100', ...more })
    for (const [value, want] of [
        [passport(), { status: 'passed', attest: 'A', number: '+12155550100' }], [passport({ from: '12155550199' }), { status: 'failed', reason: 'bad-identity' }], [null, { status: 'none' }],
    ]) {
        const there = await sipp(t, script(`> INVITE +44100 sdp${value ? ` | Identity: ${value}` : ''}\n< 100?\n< 180\n< 486\n> ACK`, { from: '"Eve" <sip:+12155550100@[local_ip]:[local_port]>' }),
            { host: tag, to: '127.0.0.1:5060', strict: true })
        assert.deepEqual(await nextTold(anna), want)
        await there.passed()
    }
    assert.deepEqual(anna.errors, [])
})

test('a token for a call: where to, how often; without it nowhere', async (t) => {
    const anna = await page(t, { scope: '' })
    const grant = signed({ use: 'call', jti: 'one', call: { to: ['tel:+331*'], uses: 1 } })
    assert.equal(await dial(anna, '+33155'), 'forbidden')
    assert.equal(await dial(anna, '+33255', grant), 'forbidden')
    const there = await answers(t, carrier, 620)
    assert.equal(await dial(anna, '+33155', grant), 'answered')
    await hears(anna, 620)
    await anna.evaluate(() => globalThis.call.hangup())
    await there.passed()
    assert.equal(await dial(anna, '+33155', grant), 'quota')
    assert.deepEqual(anna.errors, [])
})

test('a call is cut when its time is over: heard until then, and told why', async (t) => {
    const anna = await page(t)
    const there = await answers(t, brief, 740)
    assert.equal(await dial(anna, '+33255'), 'answered')
    await hears(anna, 740)
    const end = await anna.evaluate(() => globalThis.call.ended)
    assert.deepEqual([end.reason, end.by], ['quota', 'gateway'])
    await there.passed()
    assert.deepEqual(anna.errors, [])
})

test('the gateway ends well', async () => {
    await until(async () => (await gateway.ctl('status')).dialogs === 0, 'no dialog is left', 8000)
    await gateway.stop()
})

wireIsClean(() => capture, ['sip', 'sdp', 'stun', 'dtls'])
