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
