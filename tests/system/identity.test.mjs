// Who calls whom, as both sides learn it: numbers, caller IDs, forwarding, header fields.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { scenario, sipp } from '../lib/sipp.mjs'
import { sdp, SipPeer } from '../lib/sip.mjs'
import { until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

let gateway, peer, capture
const [plain, tel] = [5640, 5642]
const home = { host: '127.0.0.1', port: 5060 }

before(async () => {
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        trunk: [
            { name: 'plain', address: `127.0.0.1:${plain}`, prefixes: ['+33', '1'] },
            { name: 'tel', address: `127.0.0.1:${tel}`, prefixes: ['+44'], number_form: 'tel' },
        ],
        number: [
            { from: 'user', match: '00Z*', strip: 2, prepend: '+' },
            { from: 'user', match: '0ZX*', digits_min: 10, digits_max: 10, strip: 1, prepend: '+33' },
            { from: 'trunk:plain', match: '0ZX*', strip: 1, prepend: '+33' },
            { to: 'trunk:plain', match: '+33*', strip: 3, prepend: '0', context: 'national' },
            { to: 'trunk:plain', match: '+*', strip: 1, prepend: '00' },
        ],
        inbound: [{ match: '+33140000000', to: 'user:anna' }, { match: '+33*', to: 'tel:$' }, { match: '*', to: 'user:$' }],
    })
    peer = WebPeer.start(wholeFile)
})

const phone = (t, name = 'anna') => Phone.open(t, gateway, peer, name)
const refuse = async (end, invite, status = 486) => (end.reply(invite, status), await end.expect('ACK'))

test('a national number is dialled as the trunk wants it', async (t) => {
    const callee = await sipp(t, scenario.answer(), { port: plain })
    const anna = await phone(t)
    const call = await (await anna.start('01 23 45 67 89')).answered()
    await call.end()
    await callee.passed()
    assert.match(callee.messages(), /INVITE sip:0123456789@127\.0\.0\.1:5640 SIP/)
})

test('tel: with parameters, escaped, as a tel: URI to the trunk that wants those', async (t) => {
    const callee = await SipPeer.open(t, { port: tel })
    const anna = await phone(t)
    const call = await anna.start('tel:%2B44-20-1234;isub=7;x=y')
    const invite = await callee.expect('INVITE')
    assert.equal(invite.uri, 'tel:+44201234;isub=7')
    assert.equal(invite.get('to'), '<tel:+44201234;isub=7>')
    await refuse(callee, invite)
    await call.ended()
})

test('a phone-context nobody configured is refused', async (t) => {
    const anna = await phone(t)
    await assert.rejects(anna.start('tel:1234;phone-context=evil.example'), { kind: 'no-route' })
})

test('in: caller and callee are told in E.164; the rule is found by what was meant', async (t) => {
    const trunk = await SipPeer.open(t, { port: plain })
    const anna = await phone(t)
    const dialog = trunk.request('INVITE', 'sip:0140000000@127.0.0.1:5060', home, { body: sdp(), dialog: { local: `<sip:0612345678@127.0.0.1:${plain}>;tag=1` } })
    const call = await anna.incoming()
    assert.equal(call.event.from.number, '+33612345678')
    assert.equal(call.event.to, 'tel:+33140000000')
    await anna.client.call('call.reject', { call: call.call })
    const answer = await trunk.expect(603)
    trunk.request('ACK', 'sip:0140000000@127.0.0.1:5060', home, { dialog: { ...dialog, remote: answer.get('to') }, branch: dialog.branch })
})

test('causewayctl number test tells the rows', async () => {
    const told = await gateway.ctl('number', 'test', '01.23.45.67.89')
    assert.deepEqual([told.number, told.trunk, told.written, told.row.match, told.written_row.match], ['+33123456789', 'plain', '0123456789', '0ZX*', '+33*'])
    assert.match(told.row.at, /causeway\.conf:\d+$/)
    assert.equal((await gateway.ctl('number', 'test', '0612345678', 'trunk:plain')).number, '+33612345678')
    assert.equal((await gateway.ctl('number', 'test', '0612345678', 'peer')).number, '0612345678')
    assert.equal((await gateway.ctlRun('number', 'test', 'bob')).code, 1)
})

test('after all of this: no call is left, and the gateway ends well', async (t) => {
    await until(async () => (await gateway.ctl('status')).dialogs === 0, 'no dialog is left')
    const last = await SipPeer.open(t)
    last.request('OPTIONS', 'sip:127.0.0.1:5060', home, { dialog: { callId: 'the-last-one' } })
    await last.expect(200)
    await until(() => capture.udp().some((p) => p.sport === 5060 && /the-last-one/.test(p.data)), 'the capture has it all')
    await gateway.stop()
})

wireIsClean(() => capture, ['sip', 'sdp'])
