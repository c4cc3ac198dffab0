// Two pages whose users are registered at Kamailio, and call each other by it.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Browser, WebPhone } from '../lib/browser.mjs'
import { kamailio } from '../lib/kamailio.mjs'
import { top, wholeFile } from '../lib/proc.mjs'

const pbx = 5070
let gateway, chromium

before(async () => {
    gateway = await Gateway.start(wholeFile, {
        log: { level: 'info' },
        web: { root: path.join(top, 'client/dist/www') },
        registrar: [{ name: 'pbx', domain: 'pbx.test', proxy: `127.0.0.1:${pbx}`, users: ['1*'], password: 'secret', retry_s: 1 }],
    })
    chromium = await Browser.launch(wholeFile, 'chromium')
})

const line = (phone, state) => phone.until((s) => {
    const { hidden, dataset, textContent } = document.querySelector('#line')
    return dataset.state === s && (hidden ? 'hidden' : textContent)
}, state, `line is ${state}`)

test('the page shows the registration; calls go out and come in by it, heard both ways', async (t) => {
    await kamailio(t, { port: pbx, users: { 101: 'secret', 102: 'secret' }, asks: true })
    const anna = await WebPhone.open(t, chromium, gateway.http, '101')
    const bert = await WebPhone.open(t, chromium, gateway.http, '102')
    assert.equal(await line(anna, 'registered'), '101@pbx.test')
    await line(bert, 'registered')
    await anna.dial('102')
    assert.match(await bert.waitIncoming(), /101/)
    await bert.answer()
    await anna.waitState('active')
    await anna.hears(1000)
    await bert.hears(1000)
    await bert.hangup()
    assert.equal(await anna.waitEnd(), 'hangup')
    assert.deepEqual([...anna.errors, ...bert.errors], [])
})

test('a refused one is told; who has none sees nothing of it', async (t) => {
    await kamailio(t, { port: pbx, users: {} })
    const wrong = await WebPhone.open(t, chromium, gateway.http, '103')
    assert.equal(await line(wrong, 'failed'), 'Not registered (SIP 401)')
    const guest = await WebPhone.open(t, chromium, gateway.http, 'guest')
    assert.equal(await line(guest, 'none'), 'hidden')
})
