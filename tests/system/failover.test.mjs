// Calls whose first choice fails: the next address of a name, the next trunk of a group, in time.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { serveNames } from '../lib/dns.mjs'
import { scenario, sipp } from '../lib/sipp.mjs'
import { sdp, SipPeer } from '../lib/sip.mjs'
import { until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

let gateway, peer, capture, names
const [hole, pit] = ['127.0.0.66', '127.0.0.67'] // drop what is sent to them
const [first, second, third] = [5701, 5702, 5703]

before(async () => {
    execFileSync('nft', ['add', 'table', 'ip', 'hole'])
    execFileSync('nft', ['add', 'chain', 'ip', 'hole', 'in', '{ type filter hook input priority 0; }'])
    execFileSync('nft', ['add', 'rule', 'ip', 'hole', 'in', 'ip', 'daddr', `${hole}-${pit}`, 'drop'])
    capture = await startCapture(wholeFile)
    names = await serveNames(wholeFile, {
        'dead.test': { A: [pit] }, 'live.test': { A: ['127.0.0.1'] },
        '_sip._udp.two.test': { SRV: [[20, 1, second, 'live.test'], [10, 1, first, 'dead.test']] },
        'auto.test': { NAPTR: [[10, 2, 'S', 'SIP+D2U', '_sip._udp.auto.test'], [10, 1, 'S', 'SIP+D2T', '_sip._tcp.auto.test']] },
        'host.test': { NAPTR: [[1, 1, 'u', 'SIP+D2U', 'nowhere.test'], [10, 1, 'A', 'SIP+D2T', 'there.test']] }, 'there.test': { A: ['127.0.0.7'] },
        'chain.test': { NAPTR: [[10, 1, '', '', 'link.test']] }, 'link.test': { NAPTR: [[10, 1, '', 'SIP+D2U', 'end.test']] },
        'end.test': { NAPTR: [[10, 1, 'S', 'SIP+D2T', '_sip._tcp.auto.test']] },
        'loop.test': { NAPTR: [[10, 1, '', '', 'loop.test']], A: ['127.0.0.7'] },
        '_sip._tcp.auto.test': { SRV: [[1, 1, third, 'live.test']] },
    }, { ttl: 120 })
    const trunk = (name, port, more) => ({ name, address: `127.0.0.1:${port}`, prefixes: ['none'], codecs: ['PCMA'], ...more })
    gateway = await Gateway.start(wholeFile, {
        sip: { invite_timeout_ms: 4000 },
        trunk: [
            trunk('hole', first, { address: `${hole}:${first}` }), trunk('one', first), trunk('two', second), trunk('three', third),
            trunk('asked', first, { probe_interval_s: 1, probe_timeout_ms: 300, probe_down: 2 }),
            trunk('narrow', first, { calls_max: 1 }), trunk('alone', third, { prefixes: ['49'], calls_max: 1 }), trunk('slow', first, { calls_per_s: 1 }),
            { name: 'srv', address: 'two.test', prefixes: ['41'], codecs: ['PCMA'] },
            { name: 'auto', address: 'auto.test', transport: 'auto', prefixes: ['42'], codecs: ['PCMA'] },
            ...[['host', '45'], ['chain', '46'], ['loop', '47']].map(([name, prefix]) => ({ name, address: `${name}.test`, transport: 'auto', prefixes: [prefix], codecs: ['PCMA'] })),
            trunk('large', third, { prefixes: ['43'] }),
        ],
        group: [
            { name: 'dead-first', prefixes: ['31'], members: ['hole/1', 'two/2'] },
            { name: 'refusing', prefixes: ['32'], members: ['one/1', 'two/2', 'three/3'] },
            { name: 'probed', prefixes: ['33'], members: ['asked/1', 'two/2'] },
            { name: 'limited', prefixes: ['34'], members: ['narrow/1', 'two/2'] },
            { name: 'rated', prefixes: ['35'], members: ['slow/1', 'two/2'] },
        ],
        inbound: [{ match: '*', to: 'user:$' }],
    })
    peer = WebPeer.start(wholeFile)
})

const phone = (t, name = 'anna') => Phone.open(t, gateway, peer, name)
const at = (t, port, more) => SipPeer.open(t, { port, ...more })
const trunk = async (name) => (await gateway.ctl('trunks')).find((one) => one.name === name)

async function takeAndEnd(there, invite, call) {
    there.reply(invite, 486, 'Busy Here')
    await there.expect('ACK')
    assert.equal((await call.ended()).reason, 'busy')
}

test('a group whose first member is a black hole: the second rings within 4 s', async (t) => {
    const two = await at(t, second)
    const anna = await phone(t)
    const started = Date.now()
    const call = await anna.start('3112345')
    const invite = await two.expect('INVITE')
    const took = Date.now() - started
    t.diagnostic(`the second member had the INVITE after ${took} ms`)
    assert.ok(took > 1000 && took < 4000, `${took} ms`)
    await takeAndEnd(two, invite, call)
    assert.equal((await trunk('hole')).failed, 1)
})

test('503 with Retry-After: the next member at once; the next call spares the first', async (t) => {
    const [one, two] = [await at(t, first), await at(t, second)]
    const anna = await phone(t)
    let call = await anna.start('3212345')
    const refused = await one.expect('INVITE')
    one.reply(refused, 180, 'Ringing')
    one.reply(refused, 503, 'Service Unavailable', { headers: ['Retry-After: 60'] })
    await one.expect('ACK')
    await takeAndEnd(two, await two.expect('INVITE', 1000), call)
    assert.ok((await trunk('one')).held_ms > 50000)
    call = await anna.start('3212345')
    await takeAndEnd(two, await two.expect('INVITE', 1000), call)
    assert.equal(one.queue.filter((m) => m.method === 'INVITE').length, 0)
})

test('every member fails: the last one\'s reason', async (t) => {
    const [two, three] = [await at(t, second), await at(t, third)]
    const anna = await phone(t)
    const call = await anna.start('3212345')
    for (const [there, status] of [[two, 500], [three, 504]]) {
        there.reply(await there.expect('INVITE', 1000), status)
        await there.expect('ACK')
    }
    assert.equal((await call.ended()).sip.status, 504)
})

test('not after early media, not after a person\'s no', async (t) => {
    const [two, three] = [await at(t, second), await at(t, third)]
    const anna = await phone(t)
    let call = await anna.start('3212345')
    let invite = await two.expect('INVITE', 1000)
    two.reply(invite, 183, 'Session Progress', { body: sdp() })
    await until(async () => (await gateway.ctl('calls'))[0]?.state === 'early', 'early media')
    two.reply(invite, 503, 'Service Unavailable')
    await two.expect('ACK')
    assert.equal((await call.ended()).sip.status, 503)
    call = await anna.start('3212345')
    invite = await two.expect('INVITE', 1000)
    two.reply(invite, 603, 'Decline')
    await two.expect('ACK')
    assert.equal((await call.ended()).sip.status, 603)
    assert.equal(three.queue.length, 0)
})

test('a member that answers no OPTIONS is down, and skipped at once; one answer brings it back', async (t) => {
    const two = await at(t, second)
    await until(async () => (await trunk('asked')).state === 'down', 'the trunk is down', 8000, 100)
    await gateway.program.waitFor(/trunk\.state trunk=asked was=unknown is=down/)
    const anna = await phone(t)
    const started = Date.now()
    const call = await anna.start('3312345')
    const invite = await two.expect('INVITE')
    assert.ok(Date.now() - started < 500)
    await takeAndEnd(two, invite, call)
    const asked = await at(t, first)
    await until(async () => {
        asked.reply(await asked.expect('OPTIONS'), 404, 'Whatever') // the first may be one it has given up
        return (await trunk('asked')).state === 'up'
    }, 'the trunk is up', 8000, 50)
})

test('draining: the other member; enabled again: the first', async (t) => {
    const [one, two] = [await at(t, first), await at(t, second)]
    const anna = await phone(t)
    await gateway.ctl('trunk', 'drain', 'narrow')
    assert.equal((await trunk('narrow')).state, 'draining')
    let call = await anna.start('3412345')
    await takeAndEnd(two, await two.expect('INVITE', 1000), call)
    await gateway.ctl('trunk', 'enable', 'narrow')
    call = await anna.start('3412345')
    await takeAndEnd(one, await one.expect('INVITE', 1000), call)
    assert.equal((await gateway.ctl('trunk', 'show', 'narrow')).calls_max, 1)
    assert.equal((await gateway.ctlRun('trunk', 'drain', 'nobody')).code, 1)
})

test('calls at once and calls a second: the next member; without one an error that says so', async (t) => {
    const [one, two, three] = [await at(t, first), await at(t, second), await at(t, third)]
    const anna = await phone(t)
    const held = await anna.start('3412345')
    const invite = await one.expect('INVITE', 1000)
    await takeAndEnd(two, await (await Promise.all([two.expect('INVITE', 2000), anna.start('3412345').then((call) => (t.call = call))]))[0], t.call)
    await takeAndEnd(one, invite, held)

    const rated = [await anna.start('3512345'), await anna.start('3512346')]
    await takeAndEnd(one, await one.expect('INVITE', 1000), rated[0])
    await takeAndEnd(two, await two.expect('INVITE', 1000), rated[1])

    const alone = await anna.start('4912345')
    const waiting = await three.expect('INVITE', 1000)
    const refused = await anna.start('4912346').then((call) => call.ended().then((end) => end.reason), (error) => error.kind)
    assert.equal(refused, 'overload')
    await takeAndEnd(three, waiting, alone)
})

test('SRV: a dead first target, then the second within 4 s; the next call knows', async (t) => {
    const two = await at(t, second)
    const anna = await phone(t)
    const asked = []
    for (const [least, most] of [[1000, 4000], [0, 500]]) {
        const started = Date.now()
        const call = await anna.start('4112345')
        const invite = await two.expect('INVITE')
        const took = Date.now() - started
        t.diagnostic(`${took} ms`)
        assert.ok(took >= least && took < most, `${took} ms`)
        await takeAndEnd(two, invite, call)
        asked.push(names.asked.length)
    }
    assert.equal(asked[0], asked[1], 'the answer was kept')
})

test('a call given up while its first target is silent goes nowhere else', async (t) => {
    const two = await at(t, second)
    const anna = await phone(t)
    const call = await anna.start('3112345')
    await call.end()
    await assert.rejects(two.expect('INVITE', 3500))
})

test('NAPTR: TCP is wanted, TCP it is', async (t) => {
    const there = await at(t, third, { transport: 'tcp' })
    const anna = await phone(t)
    const call = await anna.start('4212345')
    await takeAndEnd(there, await there.expect('INVITE', 2000), call)
    assert.ok(names.asked.includes('NAPTR auto.test'))
})

test('NAPTR: a host instead of servers, a chain of domains, and one that leads nowhere', async (t) => {
    const [there, end, beside] = [await at(t, 5060, { transport: 'tcp', host: '127.0.0.7' }), await at(t, third, { transport: 'tcp' }), await at(t, 5060, { host: '127.0.0.7' })]
    const anna = await phone(t)
    for (const [number, peer] of [['4512345', there], ['4612345', end], ['4712345', beside]]) {
        const call = await anna.start(number)
        await takeAndEnd(peer, await peer.expect('INVITE', 3000), call)
    }
    assert.ok(!names.asked.some((q) => / nowhere\.test| _sip\._\w+\.there\.test/.test(q)))
    assert.equal(names.asked.filter((q) => q === 'NAPTR loop.test').length % 4, 0)
})

test('an INVITE of 5,000 bytes goes by TCP; where that is refused, by UDP', async (t) => {
    const anna = await phone(t)
    const headers = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`X-Filler-${i}`, 'x'.repeat(250)]))
    const udp = await at(t, third)
    let call = await anna.start('4312345', { headers })
    let invite = await udp.expect('INVITE', 3000)
    assert.ok(invite.text.length > 4500 && /^SIP\/2.0\/UDP/.test(invite.get('via')))
    await takeAndEnd(udp, invite, call)
    // It is remembered for a while that there is no TCP: another address has.
    const [tcp, beside] = [await SipPeer.open(t, { port: 5719, transport: 'tcp', host: '127.0.0.5' }), await SipPeer.open(t, { port: 5719, host: '127.0.0.5' })]
    call = await anna.start('sip:bob@127.0.0.5:5719', { headers })
    invite = await tcp.expect('INVITE', 3000)
    assert.ok(/^SIP\/2.0\/TCP/.test(invite.get('via')), invite.get('via'))
    await assert.rejects(beside.expect('INVITE', 1500), 'a slow answer is no reason to repeat it by UDP')
    await takeAndEnd(tcp, invite, call)
})

test('SIPp over TCP, twenty calls by one connection', async (t) => {
    const callee = await sipp(t, [...scenario.refuse(486, 'Busy Here')], { port: 5730, transport: 't1', calls: 20 })
    const anna = await phone(t)
    for (let i = 0; i < 20; i++) await (await anna.start(callee.uri())).ended()
    await callee.passed()
    assert.equal(gateway.program.text.match(/sip\.connection\.up transport=tcp peer=127\.0\.0\.1:5730/g).length, 1)
})

test('the gateway ends well', () => gateway.stop())

wireIsClean(() => capture, ['sip', 'sdp'])
