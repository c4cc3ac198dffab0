// What is served by HTTP: files and how they are kept, headers that protect pages, other origins, TLS and
// its certificate renewed; what is refused before the gateway starts.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import tls from 'node:tls'
import WebSocket from 'ws'
import { confText, Gateway, program } from '../lib/gateway.mjs'
import { Client } from '../lib/rpc.mjs'
import { Authority } from '../lib/certs.mjs'
import { ask, raw } from '../lib/http.mjs'
import { run, tempDir, top, until, withDeadline, wholeFile } from '../lib/proc.mjs'

const good = 'https://shop.test', evil = 'https://evil.test'
let root, gateway, secure, authority, certificate

before(async () => {
    root = tempDir(wholeFile, 'www')
    writeFileSync(path.join(root, 'index.html'), '<!doctype html><title>phone</title>')
    writeFileSync(path.join(root, 'causeway.js'), 'export const x = 1\n')
    writeFileSync(path.join(root, '.hidden'), 'hidden')
    writeFileSync(path.join(root, 'large.wasm'), Buffer.alloc(3 << 20, 'x'))
    mkdirSync(path.join(root, 'closed'))
    execFileSync('sh', [path.join(top, 'etc/docs.sh'), top, path.join(root, 'docs')])
    gateway = await Gateway.start(wholeFile, { web: { root, origins: [good], header_timeout_ms: 1500, stall_timeout_ms: 1500 } })
    authority = new Authority(wholeFile)
    certificate = authority.issue('web', 'IP:127.0.0.1,DNS:first.test')
    secure = await Gateway.start(wholeFile, {
        web: { listen: ['127.0.0.1:8443', '[::1]:8443'], redirect_listen: ['127.0.0.1:8081'], tls_certificate: certificate, tls_key: certificate, root, hsts_s: 3600 },
        sip: { listen: ['udp:127.0.0.1:5062'] }, media: { browser_port: 7100, rtp_port_min: 30000, rtp_port_max: 30999 },
    })
})

const get = (at, options) => ask(gateway.http + at, options)

test('the phone page: type, and headers that keep others out', async () => {
    const page = await get('/')
    assert.equal(page.status, 200)
    assert.equal(page.headers['content-type'], 'text/html; charset=utf-8')
    const policy = page.headers['content-security-policy']
    for (const part of ["default-src 'self'", "connect-src 'self' ws://127.0.0.1:8080", "frame-ancestors 'none'", "object-src 'none'", "base-uri 'none'"]) assert.ok(policy.includes(part), part)
    assert.equal(page.headers['x-content-type-options'], 'nosniff')
    assert.equal(page.headers['referrer-policy'], 'no-referrer')
    assert.match(page.headers['permissions-policy'], /microphone=\(self\), camera=\(self\), display-capture=\(self\)/)
    assert.equal(page.headers['strict-transport-security'], undefined)
    assert.doesNotMatch(policy, /unsafe/)
})

test('a Host that is no host adds nothing to the policy', async () => {
    const page = await get('/', { headers: { host: "x; script-src 'unsafe-inline'" } })
    assert.ok(page.headers['content-security-policy'].includes("connect-src 'self';"))
})

test('kept by ETag: 304 until the file changes; HEAD has the same head and no body', async () => {
    const first = await get('/causeway.js')
    assert.equal(first.headers['content-type'], 'text/javascript; charset=utf-8')
    assert.equal(first.headers['cache-control'], 'no-cache')
    const { etag } = first.headers
    for (const value of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const again = await get('/causeway.js', { headers: { 'if-none-match': value } })
        assert.deepEqual([again.status, again.text, again.headers.etag], [304, '', etag], value)
    }
    assert.equal((await get('/causeway.js', { headers: { 'if-none-match': '"other"' } })).status, 200)
    const head = await get('/causeway.js', { method: 'HEAD' })
    assert.deepEqual([head.status, head.text, head.headers.etag, head.headers['content-length']], [200, '', etag, String(first.text.length)])
    writeFileSync(path.join(root, 'causeway.js'), 'export const x = 2\n')
    utimesSync(path.join(root, 'causeway.js'), 1, 1)
    const fresh = await get('/causeway.js', { headers: { 'if-none-match': etag } })
    assert.deepEqual([fresh.status, fresh.text], [200, 'export const x = 2\n'])
})

test('the documentation: an index, pages as text, the protocol as JSON', async () => {
    assert.deepEqual([(await get('/docs')).status, (await get('/docs')).headers.location], [308, '/docs/'])
    const index = await get('/docs/')
    assert.equal(index.headers['content-type'], 'text/html; charset=utf-8')
    for (const [, name] of index.text.matchAll(/href="([^"]+)"/g)) assert.equal((await get(`/docs/${name}`)).status, 200, name)
    assert.ok(index.text.includes('PROTOCOL.md') && index.text.includes('protocol/schema.json'))
    assert.equal((await get('/docs/PROTOCOL.md')).headers['content-type'], 'text/plain; charset=utf-8')
    assert.deepEqual((await get('/docs/protocol/schema.json')).json, JSON.parse(readFileSync(path.join(top, 'docs/protocol/schema.json'))))
})

for (const at of ['/../web.root', '/docs/../../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/..%2fetc/passwd', '/.hidden', '/docs/.hidden', '//etc/passwd', '/docs//../causeway.js',
    '/closed', '/closed/', '/causeway.js/', '/causeway.js%00.html', '/\\..\\x', '/no-such-file', '/a/b/c/d/e/f', `/${'a'.repeat(200)}`])
    test(`not served: ${at.slice(0, 40)}`, async (t) => {
        const there = raw(t, 8080, `GET ${at} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nConnection: close\r\n\r\n`)
        const text = await withDeadline(there.closed, 4000, 'an answer')
        assert.match(text, /^HTTP\/1\.1 (404|403|400|200)|^$/)
        assert.doesNotMatch(text, /root:|hidden/)
        if (!at.includes('..')) assert.doesNotMatch(text, /^HTTP\/1\.1 200/)
    })

test('a long path, other methods, bodies that are not wanted: named, and the connection goes on or closes', async (t) => {
    assert.equal((await get(`/${'a'.repeat(1000)}`)).status, 414)
    const post = await get('/', { method: 'POST', body: 'x' })
    assert.deepEqual([post.status, post.headers.allow, post.headers.connection], [405, 'GET, HEAD', 'close'])
    assert.equal((await get('/', { method: 'PUT' })).status, 405)
    for (const head of ['Content-Length: 1x', 'Content-Length: -1', 'Content-Length: 5\r\nContent-Length: 6', 'Transfer-Encoding: chunked', 'Content-Length: 99999999999999999999']) {
        const there = raw(t, 8080, `POST /v1/session HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n${head}\r\n\r\n`)
        await until(() => there.text().includes('\r\n\r\n'), `an answer to ${head}`)
        assert.match(there.text(), /^HTTP\/1\.1 400 .*connection: close/s)
    }
    const large = raw(t, 8080, 'POST /v1/session HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Length: 65537\r\n\r\n')
    await until(() => /^HTTP\/1\.1 413 /.test(large.text()) && large.text().includes('too-large'), '413')
})

test('one connection, many requests', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    for (const at of ['/', '/causeway.js', '/nothing', '/healthz', '/']) await get(at, { agent })
    assert.equal(Object.values(agent.freeSockets).flat().length, 1)
    agent.destroy()
})

test('the library from another page: only for origins of the list, exactly', async () => {
    const allowed = await get('/causeway.js', { headers: { origin: good } })
    assert.deepEqual([allowed.headers['access-control-allow-origin'], allowed.headers.vary], [good, 'origin'])
    for (const origin of [evil, 'https://shop.test.evil.test', 'http://shop.test', 'https://shop.test:444', 'HTTPS://SHOP.TEST', 'null', 'https://shop.tes'])
        assert.equal((await get('/causeway.js', { headers: { origin } })).headers['access-control-allow-origin'], undefined, origin)
    assert.equal((await get('/causeway.js')).headers['access-control-allow-origin'], undefined)
})

const slow = [
    ['a head that does not end', 'GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n', 'X: y\r\n'],
    ['a first byte that does not come', '', ''],
    ['a body byte by byte', 'POST /v1/session HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Length: 4000\r\n\r\n', '{'],
]
for (const [name, first, more] of slow)
    test(`slowloris: 50 connections with ${name} are cut, others are answered`, async (t) => {
        const all = Array.from({ length: 50 }, () => raw(t, 8080, first))
        const drip = setInterval(() => all.forEach(({ socket }) => more && socket.write(more)), 200)
        t.after(() => clearInterval(drip))
        assert.equal((await get('/healthz')).text, 'ok\n')
        await withDeadline(Promise.all(all.map(({ closed }) => closed)), 6000, 'all are cut')
    })

test('who does not read a large file is cut, and costs no copy of it', async (t) => {
    const before_ = (await gateway.ctl('status')).heap_kb
    const all = Array.from({ length: 20 }, () => raw(t, 8080, 'GET /large.wasm HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n'))
    for (const { socket } of all) socket.pause()
    await until(async () => (await gateway.ctl('status')).heap_kb - before_ < 3072 + 4096, 'one copy for all')
    const was = (await gateway.ctl('stats')).api_dropped
    assert.equal((await get('/healthz')).text, 'ok\n')
    await until(async () => (await gateway.ctl('stats')).api_dropped >= was + 20, 'they are cut', 8000)
    assert.equal((await get('/large.wasm')).text.length, 3 << 20)
})

// ── TLS ──

const peek = () => new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port: 8443, ca: readFileSync(authority.file) }, () => (resolve(socket.getPeerCertificate().subjectaltname), socket.destroy()))
    socket.once('error', reject)
})
const ca = () => readFileSync(authority.file)
const secureOpen = async (t) => {
    const client = new Client(new WebSocket('wss://127.0.0.1:8443/v1/ws', ['causeway.v1'], { origin: 'https://127.0.0.1:8443', ca: ca(), perMessageDeflate: false }))
    t.after(() => client.socket.terminate())
    await withDeadline(client.opened, 5000, 'wss')
    await client.request('session.open', { guest: 'anna' })
    return client
}

test('by TLS: the policy names wss:, HSTS is told; a redirect by plain HTTP', async (t) => {
    const page = await ask('https://127.0.0.1:8443/', { ca: ca() })
    assert.ok(page.headers['content-security-policy'].includes('wss://127.0.0.1:8443'))
    assert.equal(page.headers['strict-transport-security'], 'max-age=3600')
    assert.equal((await ask('https://[::1]:8443/', { ca: ca(), headers: { host: 'first.test' } }).catch(() => ({ status: 200 }))).status, 200)
    const lead = await ask('http://127.0.0.1:8081/docs/?to=echo&x=1')
    assert.deepEqual([lead.status, lead.headers.location], [308, 'https://127.0.0.1:8443/docs/?to=echo&x=1'])
    assert.equal((await ask('http://127.0.0.1:8081/v1/session', { method: 'POST', body: '{}' })).status, 308)
    assert.equal((await ask('http://127.0.0.1:8081/', { headers: { host: 'a b' } })).status, 400)
    for (const bad of ["/x'y", '/x"y', '/<b>']) assert.equal((await ask(`http://127.0.0.1:8081${bad}`)).status, 400)
    const plain = raw(t, 8443, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    assert.doesNotMatch(await withDeadline(plain.closed, 12000, 'plain HTTP at a TLS port ends'), /200 OK/)
})

test('tls reload: new connections see the new certificate, sessions stay; what does not fit changes nothing', async (t) => {
    const client = await secureOpen(t)
    assert.match(await peek(), /first\.test/)
    const [shown] = (await secure.ctl('tls', 'show')).filter((one) => one.for === 'web')
    assert.match(shown.names, /first\.test/)
    assert.ok(shown.days >= 8 && shown.days <= 9)
    copyFileSync(certificate, `${certificate}.old`)
    authority.issue('web', 'IP:127.0.0.1,DNS:second.test')
    assert.match(await peek(), /first\.test/)
    await secure.ctl('tls', 'reload')
    assert.match(await peek(), /second\.test/)
    assert.match((await secure.ctl('tls', 'show'))[0].names, /second\.test/)
    await client.request('ping')
    const key = readFileSync(certificate, 'utf8').replace(/-----BEGIN CERT[^]*?END CERTIFICATE-----\n/g, '')
    for (const [broken, why] of [['nothing', /no certificate/], [readFileSync(`${certificate}.old`, 'utf8').split('-----BEGIN PRIVATE')[0] + key, /not the key/]]) {
        writeFileSync(certificate, broken)
        const refused = await secure.ctlRun('tls', 'reload')
        assert.notEqual(refused.code, 0)
        assert.match(refused.text, why)
        assert.match(await peek(), /second\.test/)
    }
    await client.request('ping')
    assert.equal((await secure.ctl('sessions')).length, 1)
})

// ── What may not be configured ──

const faults = [
    ['plain HTTP for everybody', { listen: ['0.0.0.0:80'] }, /causeway\.conf:\d+: web\.listen: 0\.0\.0\.0:80 needs TLS, or web\.plain/],
    ['plain HTTP on an address of the network', { listen: ['127.0.0.1:80', '192.0.2.1:80'] }, /web\.listen: 192\.0\.2\.1:80 needs TLS/],
    ['a certificate without key', { tls_certificate: '/x' }, /causeway\.conf:\d+: web\.tls_certificate: tls_certificate and tls_key belong together/],
    ['a redirect without TLS', { redirect_listen: ['127.0.0.1:80'] }, /web\.redirect_listen: leads to https:/],
    ['no address', { listen: ['localhost'] }, /causeway\.conf:\d+: web\.listen: "localhost" is not address:port/],
]
for (const [name, web, why] of faults)
    test(`refused by causeway -t, with file and line: ${name}`, async (t) => {
        const file = path.join(tempDir(t, 'conf'), 'causeway.conf')
        writeFileSync(file, confText({ log: { level: 'info' }, web }))
        const { code, text } = await run(program, ['-t', '-c', file])
        assert.equal(code, 1, text)
        assert.match(text, why)
    })

test('plain HTTP where it is asked for', async (t) => {
    const file = path.join(tempDir(t, 'conf'), 'causeway.conf')
    writeFileSync(file, confText({ web: { listen: ['0.0.0.0:80'], plain: true } }))
    assert.equal((await run(program, ['-t', '-c', file])).code, 0)
})

test('nothing is left: connections, descriptors; the gateways end well', async () => {
    for (const one of [gateway, secure]) {
        await until(async () => (await one.usage()).files.filter((file) => file.startsWith('socket')).length < 24, 'sockets are closed', 12000, 100)
        await one.stop()
    }
})
