// How a call's media does: measured, told to the browser, written down; and sides that are not heard.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync, renameSync } from 'node:fs'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { RtpSocket, placeOf } from '../lib/rtp.mjs'
import { SipPeer, sdp } from '../lib/sip.mjs'
import { RpcError } from '../lib/rpc.mjs'
import { tempDir, until, wholeFile } from '../lib/proc.mjs'

let gateway, peer, records

before(async () => {
    records = path.join(tempDir(wholeFile, 'records'), 'calls.json')
    gateway = await Gateway.start(wholeFile, {
        media: { quality_interval_ms: 500, silence_ms: 1000, timeout_s: 3, timeout_when: 'any' },
        records: { file: records },
    })
    peer = WebPeer.start(wholeFile)
})

const lines = () => readFileSync(records, 'utf8').trim().split('\n').filter(Boolean).map((line) => JSON.parse(line))
const recordOf = (call) => until(() => lines().find((line) => line.id === call.gatewayId), 'a record', 4000, 50)
const counter = async (name) => (await gateway.ctl('stats'))[name]

// A call of anna's to a SIP peer made by hand; its RTP is the test's to send.
async function withSip(t) {
    const [bob, rtp] = [await SipPeer.open(t), await RtpSocket.open(t)]
    const anna = await Phone.open(t, gateway, peer, 'anna')
    const call = await anna.start(`sip:bob@${bob.address}`)
    const invite = await bob.expect('INVITE')
    bob.reply(invite, 200, 'OK', { body: sdp({ port: rtp.port }) })
    const dialog = bob.dialogOf(invite)
    await bob.expect('ACK')
    await call.answered()
    await call.tone(1000)
    return { anna, bob, call, rtp, to: placeOf(invite.body), dialog }
}

test('loss lowers the rating, told to the browser once; recovery raises it', async (t) => {
    const { anna, bob, call, rtp, to } = await withSip(t)
    rtp.start(to)
    const [good] = await Promise.all([
        anna.client.expect('call.quality', { call: call.call, leg: 'peer' }),
        anna.client.expect('call.quality', { call: call.call, leg: 'you', rating: 'good' }),
    ])
    assert.equal(good.rating, 'good')
    assert.ok(good.sent.mos >= 420 && good.sent.loss === 0, JSON.stringify(good))

    rtp.start(to, { lose: (n) => n % 4 === 0 })
    const poor = await anna.client.expect('call.quality', { call: call.call, leg: 'peer', rating: 'poor' })
    assert.ok(poor.sent.loss > 100 && poor.sent.mos < 310, JSON.stringify(poor))
    await until(async () => Math.abs((await gateway.ctl('call', 'show', call.gatewayId)).legs_b[0].streams[0].window.sent.loss - 0.25) < 0.05, 'a window of 25 % loss', 5000, 200)
    const show = await gateway.ctl('call', 'show', call.gatewayId)
    const stream = show.legs_b[0].streams[0]
    assert.ok(stream.rx_lost > 3 && stream.mos < 4.4 && show.legs_b[0].quality === 'poor', JSON.stringify(stream))

    rtp.start(to)
    await anna.client.expect('call.quality', { call: call.call, leg: 'peer', rating: 'good' })
    await call.end()
    await bob.expect('BYE').then((bye) => bob.reply(bye, 200))

    const record = await recordOf(call)
    assert.deepEqual([record.cause.reason, record.cause.by, record.transcoded, record.to], ['hangup', 'a', false, `sip:bob@${bob.address}`])
    assert.match(record.start, /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/)
    assert.ok(record.talk_ms > 1000 && record.answer >= record.start && record.end > record.answer, JSON.stringify(record))
    assert.equal(record.from.user, 'anna')
    const { in: received, out } = record.b.streams[0]
    assert.equal(received.codec, 'PCMA/8000')
    assert.ok(received.lost > 3 && received.mos_min < 3.1 && received.mos > received.mos_min && received.packets > 50, JSON.stringify(received))
    assert.ok(out.packets > 50)
    assert.match(record.a.streams[0].srtp, /AES|GCM/)
    assert.match(record.b.sip_call_id, /./)
    assert.equal(record.b.quality, 'good')
    const ladder = JSON.stringify(await gateway.ctl('call', 'ladder', call.gatewayId))
    assert.match(ladder, /quality poor: MOS/)
})

test('a side that sends nothing is told of, heard when it does, and ends the call in time', async (t) => {
    const [silences, timeouts] = [await counter('media_silences'), await counter('media_timeouts')]
    const { anna, bob, call, rtp, to } = await withSip(t)
    const silent = await anna.client.expect('call.media', { call: call.call, state: 'silent' }, 4000)
    assert.deepEqual([silent.leg, silent.kind], ['peer', 'audio'])
    rtp.start(to)
    await anna.client.expect('call.media', { call: call.call, leg: 'peer', state: 'flowing' }, 4000)
    rtp.stop()
    await anna.client.expect('call.media', { call: call.call, leg: 'peer', state: 'silent' }, 4000)
    const end = await call.ended({}, 6000)
    assert.deepEqual([end.reason, end.by], ['media-lost', 'gateway'])
    await bob.expect('BYE').then((bye) => bob.reply(bye, 200))
    assert.equal(await counter('media_silences') - silences, 2)
    assert.equal(await counter('media_timeouts') - timeouts, 1)
    const record = await recordOf(call)
    assert.deepEqual([record.cause.reason, record.cause.by, record.b.streams[0].silences], ['media-lost', 'gateway', 2])
})

test('a side that holds is not missed', async (t) => {
    const { anna, bob, call, rtp, to, dialog } = await withSip(t)
    rtp.start(to)
    await anna.client.expect('call.quality', { call: call.call, leg: 'peer' })
    rtp.stop()
    bob.request('INVITE', dialog.target, { host: '127.0.0.1', port: 5060 }, { dialog, body: sdp({ port: rtp.port, lines: ['m=audio PORT RTP/AVP 8', 'a=rtpmap:8 PCMA/8000', 'a=sendonly'] }) })
    await bob.expect(200)
    bob.request('ACK', dialog.target, { host: '127.0.0.1', port: 5060 }, { dialog })
    await anna.client.expect('call.update', (e) => e.call === call.call && e.held.remote)
    const quiet = anna.client.expect('call.media', { call: call.call }, 3800).then(() => 'told', () => 'not told')
    assert.equal(await quiet, 'not told')
    assert.equal((await gateway.ctl('call', 'show', call.gatewayId)).state, 'up')
    await call.end()
    await bob.expect('BYE').then((bye) => bob.reply(bye, 200))
})

test('the browser\'s report is beside our numbers, in the call and in its record', async (t) => {
    const anna = await Phone.open(t, gateway, peer, 'anna')
    const call = await (await anna.start('echo')).answered()
    await call.tone(900)
    const report = { audio: { packets: 100, lost: 2, jitter_ms: 7, concealed: 12, level: 30 }, rtt_ms: 21, outgoing_kbps: 512 }
    await anna.client.call('call.report', { call: call.call, ...report })
    await assert.rejects(anna.client.call('call.report', { call: call.call, ...report }), (e) => e instanceof RpcError && e.kind === 'rate')
    await assert.rejects(anna.client.request('call.report', { call: call.call, audio: { lost: -1 } }), (e) => e.kind === 'bad-params')
    await assert.rejects(anna.client.request('call.report', { call: 'other' }), (e) => e.kind === 'no-call')
    const shown = (await gateway.ctl('call', 'show', call.gatewayId)).leg_a.report
    assert.ok(shown.age_ms >= 0)
    delete shown.age_ms
    assert.deepEqual(shown, report)
    await call.tone(900)
    await anna.client.call('call.dtmf', { call: call.call, digits: '12' })
    await call.end()
    const record = await recordOf(call)
    assert.equal(record.a.report.audio.lost, 2)
    assert.deepEqual([record.a.digits, record.b.kind, record.b.name], [2, 'service', 'echo'])
})

test('the file of records is opened anew by causewayctl and by SIGHUP', async (t) => {
    const anna = await Phone.open(t, gateway, peer, 'anna')
    const one = async () => {
        const call = await (await anna.start('echo')).answered()
        await call.end()
        return call
    }
    renameSync(records, `${records}.1`)
    await recordIn(`${records}.1`, await one())
    await gateway.ctl('records', 'reopen')
    await recordOf(await one())
    renameSync(records, `${records}.2`)
    process.kill(gateway.pid, 'SIGHUP')
    await until(() => { try { return readFileSync(records) } catch { return false } }, 'a new file', 4000, 50)
    await recordOf(await one())
    assert.equal(lines().length, 1)
})

const recordIn = (file, call) => until(() => readFileSync(file, 'utf8').includes(call.gatewayId), 'a record in the file moved away', 4000, 50)

test('the gateway ends well', () => gateway.stop())

test('one dead side ends no call by default; two do', async (t) => {
    gateway = await Gateway.start(t, { media: { quality_interval_ms: 500, silence_ms: 500, timeout_s: 2 } })
    const { anna, bob, call, rtp, to } = await withSip(t)
    await anna.client.expect('call.media', { call: call.call, leg: 'peer', state: 'silent' }, 4000)
    const ladder = async () => JSON.stringify(await gateway.ctl('call', 'ladder', call.gatewayId))
    await until(async () => /nothing at all from stream 0/.test(await ladder()), 'the SIP side is dead', 5000, 100)
    assert.equal((await gateway.ctl('call', 'show', call.gatewayId)).state, 'up')
    rtp.start(to)
    await anna.client.expect('call.media', { call: call.call, leg: 'peer', state: 'flowing' }, 4000)
    rtp.stop()
    await peer.command('stop', { id: call.id })
    const end = await call.ended({}, 6000)
    assert.deepEqual([end.reason, end.by], ['media-lost', 'gateway'])
    await bob.expect('BYE').then((bye) => bob.reply(bye, 200))
    await gateway.stop()
})
