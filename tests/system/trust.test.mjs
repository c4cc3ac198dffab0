// Who may call in: trunks by address and by name, sip.peers, and nobody else.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { serveNames } from '../lib/dns.mjs'
import { sdp, SipPeer } from '../lib/sip.mjs'
import { until, wholeFile } from '../lib/proc.mjs'

let gateway, names
const target = { host: '127.0.0.1', port: 5060 }
const uri = 'sip:echo@127.0.0.1:5060'

before(async () => {
    names = await serveNames(wholeFile, { 'moving.test': { A: ['127.0.0.11'] }, 'gone.test': {} })
    gateway = await Gateway.start(wholeFile, {
        sip: { peers: ['127.0.0.20/30'], dns_timeout_ms: 500, dns_refresh_s: 5 },
        trunk: [
            { name: 'address', address: '127.0.0.10:5090', prefixes: ['1'] },
            { name: 'name', address: 'moving.test:5090', prefixes: ['2'] },
            { name: 'nameless', address: 'gone.test', prefixes: ['3'] },
        ],
        inbound: [{ match: 'echo', to: 'service:echo' }],
    })
})

// The status an INVITE from `host` ends with; a call that is taken is ended.
async function invite(t, host) {
    const end = await SipPeer.open(t, { host })
    const dialog = end.request('INVITE', uri, target, { body: sdp({ host }) })
    const answer = await end.expect((m) => m.status >= 200)
    if (answer.status > 200) {
        end.request('ACK', uri, target, { dialog: { ...dialog, remote: answer.get('to') }, branch: dialog.branch })
        return answer.status
    }
    SipPeer.follow(dialog, answer)
    end.request('ACK', uri, target, { dialog })
    end.request('BYE', uri, target, { dialog })
    await end.expect((m) => m.status === 200 && /BYE/.test(m.get('cseq')))
    return answer.status
}

test('a trunk by its address', async (t) => assert.equal(await invite(t, '127.0.0.10'), 200))

test('a network of sip.peers, to its edges', async (t) => {
    for (const [host, status] of [['127.0.0.19', 403], ['127.0.0.20', 200], ['127.0.0.23', 200], ['127.0.0.24', 403]])
        assert.equal(await invite(t, host), status, host)
})

test('anybody else: 403, counted', async (t) => {
    const refused = async () => (await gateway.ctl('stats')).sip_refused
    const was = await refused()
    assert.equal(await invite(t, '127.0.0.1'), 403)
    assert.ok((await refused()) > was)
})

test('a trunk by its name, and by what the name means later', async (t) => {
    await until(() => names.asked.includes('A moving.test'), 'the name was asked for')
    await until(async () => (await invite(t, '127.0.0.11')) === 200, 'calls from the name\'s address are let in')
    names.records['moving.test'].A[0] = '127.0.0.12'
    await until(async () => (await invite(t, '127.0.0.12')) === 200, 'calls from its next address are let in', 12000, 300)
    assert.equal(await invite(t, '127.0.0.11'), 403)
})

test('a name server that fails later: the address known before stays good', async (t) => {
    names.records['moving.test'] = null
    const asked = names.asked.length
    await until(() => names.asked.length > asked + 1, 'it is asked again, in vain', 15000)
    assert.equal(await invite(t, '127.0.0.12'), 200)
})

test('the gateway ends well', () => gateway.stop())
