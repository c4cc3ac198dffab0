// Whatever a client may send: a named error, a counter, and nothing left behind.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import net from 'node:net'
import { randomBytes } from 'node:crypto'
import { Gateway } from '../lib/gateway.mjs'
import { Client } from '../lib/rpc.mjs'
import { until, withDeadline, wholeFile } from '../lib/proc.mjs'
import { webOffer } from '../lib/offers.mjs'

let gateway, atFirst

before(async () => {
    gateway = await Gateway.start(wholeFile, {
        web: { message_max_bytes: 65536, rate_per_s: 50, rate_burst: 100, open_timeout_ms: 700 },
        sip: { invite_timeout_ms: 800 },
    })
    atFirst = await gateway.usage()
})

const counter = async (name) => {
    const value = (await gateway.ctl('stats'))[name]
    assert.equal(typeof value, 'number', `no counter ${name}`)
    return value
}

// `fn` makes the counter grow.
async function counted(name, fn) {
    const was = await counter(name)
    await fn()
    await until(async () => (await counter(name)) > was, `counter ${name} grows`, 3000)
}

const open = (t, name = 'anna') => gateway.open(t, name)
const start = (over = {}) => ({ call: 'c1', to: 'echo', sdp: webOffer(), ...over })
const oneOf = (value, words) => assert.ok(words.includes(value), `${value} is none of ${words}`)
const closesWith = async (client, code, ms = 4000) =>
    assert.equal((await withDeadline(client.closed, ms, `closed with ${code}`)).code, code)

test('unknown method', async (t) => {
    const client = await open(t)
    await counted('api_refused', () => client.refused('call.fly', {}, 'unknown-method'))
    await client.request('ping')
})

const badParams = [
    ['missing field', 'call.start', { call: 'c1', to: 'echo' }, 'params.sdp'],
    ['wrong type', 'call.start', start({ to: 7 }), 'params.to'],
    ['wrong type of a number', 'call.dtmf', { call: 'c1', digits: '1', duration_ms: 'long' }, 'params.duration_ms'],
    ['number out of range', 'call.dtmf', { call: 'c1', digits: '1', duration_ms: 7000 }, 'params.duration_ms'],
    ['not a key', 'call.dtmf', { call: 'c1', digits: '1x' }, 'params.digits'],
    ['too many keys', 'call.dtmf', { call: 'c1', digits: '1'.repeat(33) }, 'params.digits'],
    ['unknown member', 'call.end', { call: 'c1', now: true }, 'params.now'],
    ['empty call id', 'call.start', start({ call: '' }), 'params.call'],
    ['bad letters in a call id', 'call.start', start({ call: 'a b' }), 'params.call'],
    ['long call id', 'call.start', start({ call: 'c'.repeat(65) }), 'params.call'],
    ['long target', 'call.start', start({ to: `sip:${'a'.repeat(300)}@127.0.0.1` }), 'params.to'],
    ['word out of a list', 'call.reject', { call: 'c1', reason: 'bored' }, 'params.reason'],
    ['header that is not X-', 'call.start', start({ headers: { Route: '<sip:evil>' } }), 'params.headers'],
]
for (const [name, method, params, at] of badParams)
    test(`bad parameters: ${name}`, async (t) => {
        const client = await open(t)
        const error = await client.refused(method, params)
        oneOf(error.kind, ['bad-params', 'too-large', 'unsafe-text'])
        assert.ok(error.data.path?.startsWith(at), `path is ${error.data.path}`)
    })

const unsafe = [
    ['CR LF in a target', start({ to: 'sip:bob@127.0.0.1\r\nRoute: <sip:evil>' })],
    ['LF in a target', start({ to: 'sip:bob@127.0.0.1\nX: y' })],
    ['NUL in a target', start({ to: 'sip:bob\u0000@127.0.0.1' })],
    ['DEL in a target', start({ to: 'sip:bo\u007fb@127.0.0.1' })],
    ['CR LF in a header value', start({ headers: { 'X-A': 'b\r\nRoute: <sip:evil>' } })],
    ['LF in a header name', start({ headers: { 'X-A\nRoute': 'b' } })],
    ['NUL in the SDP', start({ sdp: webOffer().replace('s=-', 's=\u0000') })],
]
for (const [name, params] of unsafe)
    test(`unsafe text: ${name}`, async (t) => {
        const client = await open(t)
        // A reply has no id when the JSON itself is refused.
        const said = await Promise.race([client.refused('call.start', params), client.expect('error')])
        oneOf(said.kind ?? said.data.kind, ['unsafe-text', 'bad-params', 'bad-sdp', 'parse'])
    })

const badSdp = [
    ['no SDP', 'x'],
    ['no version', webOffer().replace('v=0\r\n', '')],
    ['rubbish m= line', webOffer().replace(/m=audio.*/, 'm=x 9 Y /')],
    ['no media', 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n'],
    ['port beyond 65535', webOffer().replace(/m=audio \d+/, 'm=audio 70000')],
    ['no fingerprint', webOffer().replace(/a=fingerprint.*\r\n/g, '')],
    ['no ICE password', webOffer().replace(/a=ice-pwd.*\r\n/g, '')],
    ['60 KiB of nothing', 'v=0\r\n' + 'a=x\r\n'.repeat(8000)],
]
for (const [name, sdp] of badSdp)
    test(`malformed SDP: ${name}`, async (t) => {
        const client = await open(t)
        oneOf((await client.refused('call.start', start({ sdp }))).kind, ['bad-sdp', 'not-acceptable', 'no-codec', 'too-large'])
        await client.request('ping')
    })

test('no codec in common', async (t) => {
    const client = await open(t)
    await client.refused('call.start', start({ sdp: webOffer({ codecs: [[97, 'speex/16000']] }) }), 'no-codec')
})

// An error reply without an id comes as an event of the queue.
async function rawRefused(client, text, kinds) {
    client.sendRaw(text)
    const error = await client.expect('error')
    oneOf(error.data.kind, kinds)
    await client.request('ping')
}

test('too deep', async (t) => {
    const nested = '['.repeat(200) + ']'.repeat(200)
    await rawRefused(await open(t), `{"jsonrpc":"2.0","id":9999,"method":"ping","params":{"a":${nested}}}`, ['too-deep', 'parse'])
})

const notRequests = [
    ['not JSON', '{"jsonrpc":'],
    ['an array', '[]'],
    ['a batch', '[{"jsonrpc":"2.0","id":1,"method":"ping"}]'],
    ['a number', '7'],
    ['a key twice', '{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}'],
    ['no method', '{"jsonrpc":"2.0","id":9999}'],
    ['an id that is an object', '{"jsonrpc":"2.0","id":{},"method":"ping"}'],
    ['wrong version', '{"jsonrpc":"1.0","id":9999,"method":"ping"}'],
    ['params that are a list', '{"jsonrpc":"2.0","id":9999,"method":"ping","params":[1]}'],
]
for (const [name, text] of notRequests)
    test(`not a request: ${name}`, async (t) => {
        const client = await open(t)
        await counted('api_refused', () => rawRefused(client, text, ['parse', 'bad-request', 'bad-params']))
    })

test('before session.open nothing is served', async (t) => {
    const client = await Client.connect(t, gateway.ws)
    oneOf((await client.refused('ping', {})).kind, ['auth', 'state', 'bad-request'])
})

test('second session.open', async (t) => {
    const client = await open(t)
    await client.refused('session.open', { guest: 'anna' }, 'state')
    await client.request('ping')
})

for (const [name, params] of [['token and guest', { token: 'a.b.c', guest: 'anna' }], ['neither', {}], ['a bad name', { guest: 'an na' }]])
    test(`session.open with ${name}`, async (t) => {
        const client = await Client.connect(t, gateway.ws)
        oneOf((await client.refused('session.open', params)).kind, ['bad-params', 'auth'])
    })

test('no session.open in time: 4408', async (t) => {
    await closesWith(await Client.connect(t, gateway.ws), 4408)
})

test('binary frame: 1003', async (t) => {
    const client = await open(t)
    await counted('api_dropped', async () => {
        client.sendRaw(Buffer.from([1, 2, 3]), { binary: true })
        await closesWith(client, 1003)
    })
})

test('bad UTF-8: 1007', async (t) => {
    const client = await open(t)
    client.sendRaw(Buffer.from([0x22, 0xc3, 0x28, 0x22]), { binary: false })
    await closesWith(client, 1007)
})

test('message over 64 KiB: 1009', async (t) => {
    const client = await open(t)
    client.sendRaw(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'call.start', params: start({ sdp: 'v=0\r\n' + 'a=x\r\n'.repeat(14000) }) }))
    await closesWith(client, 1009)
})

test('ten megabytes in fragments: 1009', async (t) => {
    const client = await open(t)
    const chunk = 'a'.repeat(60000)
    for (let i = 0; i < 170; i++) client.socket.send(chunk, { fin: false })
    await closesWith(client, 1009, 8000)
})

test('too fast: 4429 after rate errors', async (t) => {
    const client = await open(t)
    await counted('api_dropped', async () => {
        for (let i = 0; i < 3000; i++) client.sendRaw(JSON.stringify({ jsonrpc: '2.0', method: 'ping', params: {} }))
        await closesWith(client, 4429, 8000)
    })
})

// A WebSocket by hand: what no library would send.
async function rawSocket(t, request) {
    const socket = net.connect(8080, '127.0.0.1')
    t.after(() => socket.destroy())
    let bytes = Buffer.alloc(0)
    const waiters = new Set()
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => {})
    socket.on('data', (data) => {
        bytes = Buffer.concat([bytes, data])
        for (const waiter of waiters) waiter()
    })
    socket.write(request)
    const got = new Promise((resolve) => waiters.add(() => bytes.includes('\r\n\r\n') && resolve(true)))
    return {
        socket,
        header: () => withDeadline(Promise.race([got, closed]), 4000, 'an answer'),
        closed: () => withDeadline(closed, 6000, 'the raw socket closes'),
        bytes: () => bytes,
    }
}

const upgrade = ({ origin = 'http://127.0.0.1:8080', protocol = 'causeway.v1', path = '/v1/ws' } = {}) => [
    `GET ${path} HTTP/1.1`, 'Host: 127.0.0.1:8080', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`, ...(protocol ? [`Sec-WebSocket-Protocol: ${protocol}`] : []),
    ...(origin ? [`Origin: ${origin}`] : []), '', ''].join('\r\n')

test('unmasked frame: 1002', async (t) => {
    const raw = await rawSocket(t, upgrade())
    await raw.header()
    assert.match(String(raw.bytes()), /^HTTP\/1.1 101/)
    raw.socket.write(Buffer.concat([Buffer.from([0x81, 2]), Buffer.from('{}')]))
    await raw.closed()
    const frame = raw.bytes().subarray(raw.bytes().indexOf('\r\n\r\n') + 4)
    if (frame.length) assert.equal(frame.readUInt16BE(2), 1002)
})

const badUpgrades = [
    ['a foreign Origin', { origin: 'http://evil.test' }],
    ['no subprotocol', { protocol: '' }],
    ['another subprotocol', { protocol: 'mqtt' }],
    ['another path', { path: '/v1/other' }],
]
for (const [name, options] of badUpgrades)
    test(`upgrade refused: ${name}`, async (t) => {
        const raw = await rawSocket(t, upgrade(options))
        await raw.header()
        assert.doesNotMatch(String(raw.bytes()), /^HTTP\/1.1 101/)
    })

const badHttp = [
    ['no HTTP at all', '\x00\x01\x02\r\n\r\n'],
    ['a header without end', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(100000)}`],
    ['a way out of the folder', 'GET /../../../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nConnection: close\r\n\r\n'],
    ['a coded way out', 'GET /%2e%2e/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nConnection: close\r\n\r\n'],
]
for (const [name, request] of badHttp)
    test(`HTTP: ${name}`, async (t) => {
        const raw = await rawSocket(t, request)
        raw.socket.end()
        await raw.closed()
        assert.doesNotMatch(String(raw.bytes()), /root:/)
        assert.doesNotMatch(String(raw.bytes()), /^HTTP\/1.1 200/)
    })

const needsCall = [
    ['call.answer', { sdp: webOffer() }], ['call.candidate', { candidate: null }], ['call.update', { sdp: webOffer() }],
    ['call.hold', {}], ['call.resume', {}], ['call.dtmf', { digits: '1' }], ['call.info', { muted: { audio: true } }],
    ['call.end', {}], ['call.reject', {}],
]
for (const [method, extra] of needsCall)
    test(`unknown call id: ${method}`, async (t) => {
        const client = await open(t)
        await client.refused(method, { call: 'nobody', ...extra }, 'no-call')
    })

const nowhere = [
    ['an unknown service', 'service:moon', ['not-found', 'no-route']],
    ['an unknown user', 'user:nobody', ['not-found', 'unavailable']],
    ['no trunk for a number', '+99912345', ['no-route']],
    ['not a target', 'what is this', ['bad-params', 'no-route', 'not-found']],
    ['an empty SIP URI', 'sip:', ['bad-params', 'no-route', 'not-found']],
    ['a port that is none', 'sip:bob@127.0.0.1:99999', ['bad-params', 'no-route', 'not-found']],
    ['a scheme we do not speak', 'http://127.0.0.1/', ['bad-params', 'no-route', 'not-found']],
]
for (const [name, to, kinds] of nowhere)
    test(`call to nowhere: ${name}`, async (t) => {
        const client = await open(t)
        const kind = await client.request('call.start', start({ to }))
            .then(() => client.expect('call.end', { call: 'c1' }))
            .then((end) => end.reason, (error) => error.kind ?? error.message)
        oneOf(kind, kinds)
    })

for (const to of ['sip:bob@127.0.0.1:9', 'sip:bob@127.0.0.1:9;transport=tcp'])
    test(`call to a closed port: ${to}`, async (t) => {
        const client = await open(t)
        await client.request('call.start', start({ to }))
        const end = await client.expect('call.end', { call: 'c1' })
        oneOf(end.reason, ['network', 'timeout'])
        assert.equal(end.by, 'gateway')
    })

test('one call id twice', async (t) => {
    const client = await open(t)
    await client.request('call.start', start())
    await client.refused('call.start', start(), 'exists')
    await client.request('call.end', { call: 'c1' })
})

test('too many calls of a session', async (t) => {
    const client = await open(t)
    let error
    for (let i = 0; i < 9 && !error; i++) await client.request('call.start', start({ call: `c${i}` })).catch((e) => (error = e))
    assert.equal(error?.kind, 'overload')
})

test('a connection cut in the middle of a call ends it', async (t) => {
    await until(async () => (await gateway.ctl('calls')).length === 0, 'no call is left', 5000)
    const client = await open(t)
    await client.request('call.start', start())
    assert.equal((await gateway.ctl('calls')).length, 1)
    client.socket.terminate()
    await until(async () => (await gateway.ctl('calls')).length === 0, 'the call is gone')
})

test('after all of this: calls, sockets and ports as before', async () => {
    await until(async () => (await gateway.ctl('sessions')).length === 0, 'sessions are gone')
    await until(async () => (await gateway.usage()).files.length <= atFirst.files.length, `descriptors are back to ${atFirst.files.length}`, 5000, 100)
    assert.deepEqual((await gateway.usage()).files, atFirst.files)
    for (const name of ['calls', 'sessions', 'connections', 'sip_calls', 'rtp_ports', 'transports']) assert.equal(await counter(name), 0, name)
})

test('the gateway ends well', () => gateway.stop())
