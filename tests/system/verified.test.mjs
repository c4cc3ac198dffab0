// Callers' numbers that somebody vouches for (STIR/SHAKEN): checked coming in, signed going out.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import path from 'node:path'
import { readFileSync } from 'node:fs'
import { Gateway } from '../lib/gateway.mjs'
import { Phone, WebPeer } from '../lib/webpeer.mjs'
import { sdp, SipPeer } from '../lib/sip.mjs'
import { token } from '../lib/jwt.mjs'
import { until, tempDir, wholeFile } from '../lib/proc.mjs'
import { Authority, CertServer, identity, read } from '../lib/shaken.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

const secret = 'a secret of thirty-two bytes and more'
const home = { host: '127.0.0.1', port: 5060 }
const at = { tag: '127.0.0.11', strict: '127.0.0.12', checked: '127.0.0.13', out: '127.0.0.14' }
const port = 5660
const [hour, now] = [3600, () => Math.floor(Date.now() / 1000)]
let gateway, peer, server, capture, caller, ours, records, other

const reply = (status, headers, body) => (response) => response.writeHead(status, headers).end(body)

before(async () => {
    capture = await startCapture(wholeFile)
    const web = new Authority(wholeFile, 'web'), callers = new Authority(wholeFile, 'callers'), strangers = new Authority(wholeFile, 'strangers')
    const site = web.certify('site', { listed: false, names: 'IP:127.0.0.2,IP:127.0.0.3' })
    caller = callers.certify('caller')
    ours = callers.certify('ours')
    other = callers.certify('other')
    const stranger = strangers.certify('stranger'), unlisted = callers.certify('unlisted', { listed: false })
    const files = {
        '/good.pem': caller.pem, '/strange.pem': stranger.pem, '/unlisted.pem': unlisted.pem, '/text.pem': 'nothing',
        '/moved.pem': (response) => response.writeHead(302, { location: `https://127.0.0.2:${server.port}/good.pem` }).end(),
        '/huge.pem': reply(200, {}, caller.pem + 'x'.repeat(200000)),
        '/slow.pem': (response) => response.writeHead(200).write('-'), // and never the rest
        '/slow2.pem': (response) => response.writeHead(200).write('-'),
        '/slow3.pem': (response) => response.writeHead(200).write('-'),
        '/late.pem': (response) => setTimeout(() => response.writeHead(200).end(caller.pem), 300),
    }
    server = await CertServer.open(wholeFile, site, files)
    await CertServer.open(wholeFile, site, files, { host: '127.0.0.3', port: server.port })
    records = path.join(tempDir(wholeFile, 'records'), 'calls.json')
    gateway = await Gateway.start(wholeFile, {
        shaken: {
            authorities: callers.path, key: ours.key, certificate_url: 'https://cert.example.org/ours.pem', wait_ms: 1000, fetch_timeout_ms: 2000,
            fetch_networks: ['127.0.0.2'], fetch_authorities: web.path, origid: '11111111-2222-4333-8444-555555555555',
        },
        records: { file: records },
        key: [{ id: 'k', algorithm: 'HS256', secret }],
        trunk: [
            { name: 'tag', address: `${at.tag}:${port}`, prefixes: ['+999'], stir_verify: 'tag' },
            { name: 'strict', address: `${at.strict}:${port}`, prefixes: ['+998'], stir_verify: 'require' },
            { name: 'checked', address: `${at.checked}:${port}`, prefixes: ['+997'], trust: 'in', verstat: true },
            { name: 'out', address: `${at.out}:${port}`, prefixes: ['+33'], stir_sign: true, default_number: '+12155550199' },
        ],
        inbound: [{ match: '+44100', to: 'user:anna' }, { match: '+33*', to: 'tel:$' }, { match: '+44200', to: 'tel:+33777' }, { match: '*', to: 'user:$' }],
    })
    peer = WebPeer.start(wholeFile)
})

const url = (file, host = '127.0.0.2') => `https://${host}:${server.port}/${file}`
const good = (more = {}) => identity({ keyText: caller.keyText, url: url('good.pem'), from: '12155550100', to: '44100', ...more })
const phone = (t, name = 'anna', claims) => Phone.open(t, gateway, peer, claims ? { token: token('HS256', secret, { sub: name, ...claims }, { kid: 'k' }) } : name)
const counted = async () => (await gateway.ctl('stats'))

async function call(t, trunk, values = [], { to = '+44100', from = '+12155550100', field = 'Identity', headers = [] } = {}) {
    const end = await SipPeer.open(t, { host: at[trunk], port: 0 })
    const uri = `sip:${to}@127.0.0.1`
    const dialog = end.request('INVITE', uri, home, {
        body: sdp(), headers: [...values.map((value) => `${field}: ${value}`), ...headers],
        dialog: { local: `<sip:${from}@${at[trunk]}>;tag=1` },
    })
    const ack = (answer) => end.request('ACK', uri, home, { dialog: { ...dialog, remote: answer.get('to') }, branch: dialog.branch })
    return { end, dialog, uri, ack, async refused(status) {
        const answer = await end.expect((m) => m.status >= 200 && / INVITE$/.test(m.get('cseq')))
        ack(answer)
        assert.equal(answer.status, status, answer.first)
        return answer
    } }
}

// Rings, and is refused by the callee.
async function verdict(t, trunk, values, options) {
    const anna = await phone(t)
    const coming = await call(t, trunk, values, options)
    const mine = await anna.incoming()
    await anna.client.call('call.reject', { call: mine.call })
    await coming.refused(603)
    return mine.event.verified
}

test('in: a number that is vouched for; the certificate is fetched once', async (t) => {
    const anna = await phone(t)
    for (const attest of ['A', 'B', 'C']) {
        const coming = await call(t, 'tag', [good({ attest })])
        const mine = await anna.incoming()
        assert.deepEqual(mine.event.verified, { status: 'passed', attest, number: '+12155550100' })
        assert.deepEqual((await gateway.ctl('call', 'show', mine.event.id)).verified, mine.event.verified)
        await anna.client.call('call.reject', { call: mine.call })
        await coming.refused(603)
    }
    assert.equal(server.asked['/good.pem'], 1)
    const lines = readFileSync(records, 'utf8').trim().split('\n').map((line) => JSON.parse(line))
    assert.deepEqual(lines.map(({ verified }) => verified?.attest), ['A', 'B', 'C'])
})

test('in: nobody vouches, somebody wrongly, too long ago, for another; told, not refused', async (t) => {
    const tell = (values, options) => verdict(t, 'tag', values, options)
    assert.deepEqual(await tell([]), { status: 'none' })
    assert.deepEqual(await tell([good({ keyText: other.keyText })]), { status: 'failed', reason: 'bad-identity' })
    assert.deepEqual(await tell([good({ iat: now() - hour })]), { status: 'failed', reason: 'identity-stale' })
    assert.deepEqual(await tell([good({ from: '12155550101' })]), { status: 'failed', reason: 'bad-identity' })
    assert.deepEqual(await tell([good({ to: '44101' })]), { status: 'failed', reason: 'bad-identity' })
    assert.deepEqual(await tell([good({ ppt: 'div' })]), { status: 'none' })
    assert.deepEqual(await tell(['nonsense']), { status: 'failed', reason: 'bad-identity' })
    assert.deepEqual(await tell([good({ ppt: 'div' }), good()]), { status: 'passed', attest: 'A', number: '+12155550100' })
    assert.deepEqual(await tell([good()], { field: 'y' }), { status: 'passed', attest: 'A', number: '+12155550100' })
})

test('in: the callee is not rung before the certificate is there', async (t) => {
    assert.deepEqual(await verdict(t, 'tag', [good({ url: url('late.pem') })]), { status: 'passed', attest: 'A', number: '+12155550100' })
})

test('require: refused as RFC 8224 says, with a Reason', async (t) => {
    const refused = async (values, status, phrase) => {
        const answer = await (await call(t, 'strict', values)).refused(status)
        assert.match(answer.first, new RegExp(`${status} ${phrase}$`))
        assert.ok(answer.headers.reason.some((r) => r.startsWith(`STIR;cause=${status};text="${phrase}"`)), answer.headers.reason.join(' | '))
    }
    await phone(t)
    await refused([], 428, 'Use Identity Header')
    await refused([good({ keyText: other.keyText })], 438, 'Invalid Identity Header')
    await refused([good({ iat: now() + hour })], 403, 'Stale Date')
    await refused([good({ url: url('strange.pem') })], 437, 'Unsupported Credential')
    await refused([good({ url: url('unlisted.pem') })], 437, 'Unsupported Credential')
    await refused([good({ url: url('text.pem') })], 437, 'Unsupported Credential')
    await refused([good({ url: url('missing.pem') })], 436, 'Bad Identity Info')
    await refused([good({ url: url('moved.pem') })], 436, 'Bad Identity Info')
    await refused([good({ url: url('huge.pem') })], 436, 'Bad Identity Info')
    await refused([good({ url: url('slow.pem') })], 436, 'Bad Identity Info')
    await refused([good({ url: 'https://127.0.0.2:1/x.pem' })], 436, 'Bad Identity Info')
    assert.deepEqual(await verdict(t, 'strict', [good()]), { status: 'passed', attest: 'A', number: '+12155550100' })
})

test('a bad certificate is not asked for again at once', async (t) => {
    const before = server.asked['/missing.pem']
    await (await call(t, 'strict', [good({ url: url('missing.pem') })])).refused(436)
    assert.equal(server.asked['/missing.pem'], before)
})

test('URLs that lead to where only this machine can go are not asked, and counted', async (t) => {
    const before = await counted()
    const bad = [url('good.pem', '127.0.0.3'), 'http://127.0.0.2/good.pem', 'file:///etc/passwd', `https://user@127.0.0.2:${server.port}/good.pem`,
        `https://[::ffff:127.0.0.3]:${server.port}/good.pem`, `https://localhost:${server.port}/good.pem`, 'https://0.0.0.0:8443/x', 'https://2130706435:8443/x', 'https://10.0.0.1/x']
    for (const one of bad) await (await call(t, 'strict', [good({ url: one })])).refused(436)
    assert.equal((await counted()).fetches_refused - before.fetches_refused, bad.length)
    assert.equal(server.asked['/good.pem'], 1)
})

test('a caller that gives up while its certificate is fetched', async (t) => {
    await phone(t)
    const coming = await call(t, 'tag', [good({ url: url('slow2.pem') })])
    await until(() => server.asked['/slow2.pem'], 'the certificate is asked for')
    coming.end.request('CANCEL', coming.uri, home, { dialog: coming.dialog, branch: coming.dialog.branch })
    await coming.refused(487)
    await until(async () => (await counted()).calls === 0, 'the call is gone')
})

test('a trunk that has checked callers itself', async (t) => {
    const asserted = (verstat) => [`P-Asserted-Identity: <sip:+12155550100;verstat=${verstat}@carrier.test;user=phone>`]
    const tell = (headers) => verdict(t, 'checked', [], { headers })
    assert.deepEqual(await tell([...asserted('TN-Validation-Passed'), 'P-Attestation-Indicator: A']), { status: 'passed', attest: 'A' })
    assert.deepEqual(await tell(['P-Asserted-Identity: <tel:+12155550100;verstat=TN-Validation-Failed>']), { status: 'failed', reason: 'bad-identity' })
    assert.deepEqual(await tell(asserted('No-TN-Validation')), { status: 'none' })
    assert.equal((await verdict(t, 'tag', [], { headers: asserted('TN-Validation-Passed') })).status, 'none')
})

// ── Out ────────────────────────────────────────────────────────────────────────────────────────

async function invited(t, begin, { identities = 1 } = {}) {
    const end = await SipPeer.open(t, { host: at.out, port })
    await begin()
    const invite = await end.expect('INVITE')
    end.reply(invite, 486)
    await end.expect('ACK')
    end.socket.close()
    end.socket.close = () => {}
    assert.equal(invite.headers.identity?.length ?? 0, identities)
    return invite
}

test('out: signed for a number of the user\'s own, as another implementation reads it', async (t) => {
    const anna = await phone(t, 'anna', { numbers: ['+12155550100'] })
    const invite = await invited(t, () => anna.start('+33123'))
    const said = read(invite.get('identity'), ours.pem)
    assert.equal(said.headText, '{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"https://cert.example.org/ours.pem"}')
    assert.equal(said.claimsText, `{"attest":"A","dest":{"tn":["33123"]},"iat":${said.claims.iat},"orig":{"tn":"12155550100"},"origid":"11111111-2222-4333-8444-555555555555"}`)
    assert.equal(said.info, said.head.x5u)
    assert.ok(Math.abs(said.claims.iat - now()) < 10)
    assert.equal(Date.parse(invite.get('date')) / 1000, said.claims.iat)
})

test('out: the user is known, the number is the trunk\'s: B; withheld from the trunk: nothing', async (t) => {
    const said = read((await invited(t, async () => (await phone(t)).start('+33123'))).get('identity'), ours.pem)
    assert.deepEqual([said.claims.attest, said.claims.orig.tn], ['B', '12155550199'])
    const anna = await phone(t, 'anna', { numbers: ['+12155550100'] })
    await invited(t, () => anna.start('+33123', { anonymous: true }), { identities: 0 })
})

test('through: what it came with goes on unchanged; without it C, and where it came from', async (t) => {
    const passed = good({ to: '33123', url: url('good.pem') })
    const invite = await invited(t, () => call(t, 'tag', [passed], { to: '+33123' }))
    assert.equal(invite.get('identity'), passed)
    const origid = async (trunk, to = '+33123', values = []) => {
        const { claims } = read((await invited(t, () => call(t, trunk, values, { to }))).get('identity'), ours.pem)
        assert.deepEqual([claims.attest, claims.orig.tn], ['C', '12155550100'])
        return claims.origid
    }
    const tag = await origid('tag')
    assert.match(tag, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.equal(await origid('tag'), tag)
    assert.notEqual(await origid('checked'), tag)
    assert.equal(await origid('tag', '+44200', [good({ to: '44200' })]), tag) // called another: signed anew
})

test('a gateway that stops while a certificate is fetched ends the call first', async (t) => {
    const coming = await call(t, 'tag', [good({ url: url('slow3.pem') })])
    await until(() => server.asked['/slow3.pem'], 'the certificate is asked for')
    const begun = Date.now()
    await gateway.stop()
    assert.ok(Date.now() - begun < 1500)
    await coming.refused(480)
})

wireIsClean(() => capture, ['sip', 'sdp'])
