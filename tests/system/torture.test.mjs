// Messages no decent SIP program sends, over UDP and TCP: each gets an answer it deserves or none, and the stack
// lives. The RFCs' own messages (RFC 4475, RFC 5118) are run where $CW_SIP_MESSAGES names folders of them.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import dgram from 'node:dgram'
import net from 'node:net'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { parse, SipPeer } from '../lib/sip.mjs'
import { until, wholeFile } from '../lib/proc.mjs'

const ours = { host: '127.0.0.1', port: 5060 }
const ear = '127.0.0.9' // where answers go that follow a Via without rport
const incomplete = /^(?:content-length|l)\s*:\s*(?:[1-9]\d{2,}|-)/im // more is awaited, or may be
let serial = 0
let gateway, watch

before(async () => {
    gateway = await Gateway.start(wholeFile, { log: { level: 'info' } })
    watch = await SipPeer.open(wholeFile)
    wholeFile.after(async () => {
        assert.equal((await gateway.ctl('status')).calls, 0)
        await gateway.stop()
    })
})

// OPTIONS is answered, whatever came before.
async function lives() {
    watch.request('OPTIONS', 'sip:gateway@127.0.0.1', ours)
    assert.equal((await watch.expect((m) => m.status > 0, 2000)).status, 200)
}

// The port a response to this message goes to (RFC 3261 18.2.2): the sent-by's of the first Via.
function portOf(text) {
    const via = /^(?:via|v)[ \t]*:[ \t\r\n]*sip[ \t\r\n]*\/[ \t\r\n]*2\.0[ \t\r\n]*\/[ \t\r\n]*\w+[ \t\r\n]+([^\r\n,;]+)/im.exec(text)?.[1] ?? ''
    return Number(/:\s*(\d+)\s*$/.exec(via.replace(/^\[[^\]]*\]/, ''))?.[1] ?? 5060)
}

const finals = (texts) => texts.flatMap((text) => text.split(/(?=^SIP\/2\.0 \d)/m)).filter((text) => /^SIP\/2\.0 [2-6]\d\d/.test(text)).map(parse)

// Follows what is tested on the same way: when it is answered, so is what came before.
const next = (transport, port) => `OPTIONS sip:gateway@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/${transport} ${ear}:${port};rport;branch=z9hG4bKnext${serial++}\r\n` +
    `From: <sip:next@${ear}>;tag=n\r\nTo: <sip:gateway@127.0.0.1>\r\nCall-ID: next${serial}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n`
const isNext = (message) => /^next/.test(message.get('call-id') ?? '')

function split(messages) {
    return messages.filter((m) => !isNext(m)).map((m) => m.status)
}

// What the gateway says to a datagram: final statuses.
async function byUdp(t, bytes) {
    const got = []
    const listen = (port) => new Promise((resolve) => {
        const socket = dgram.createSocket('udp4')
        socket.on('message', (data) => got.push(data.toString('latin1')))
        socket.once('error', () => resolve(null)) // a port that is not ours to take
        socket.bind(port, ear, () => resolve(socket))
    })
    const port = portOf(bytes.toString('latin1'))
    const first = await listen(5060)
    const other = port > 0 && port < 65536 && port !== 5060 ? await listen(port) : null
    try {
        first.send(bytes, ours.port, ours.host)
        first.send(next('UDP', 5060), ours.port, ours.host)
        await until(() => finals(got).some(isNext), 'OPTIONS after it are answered', 2000, 2)
        if (other) await new Promise((resolve) => setTimeout(resolve, 10)) // another socket, another order
        return split(finals(got))
    } finally {
        first.close()
        other?.close()
    }
}

// The same on a connection of its own. It may be closed, and what is incomplete has no answer.
async function byTcp(t, bytes) {
    let text = '', over = false
    const stream = net.connect({ ...ours, localAddress: ear })
    stream.on('error', () => {}).on('close', () => (over = true))
    stream.on('data', (data) => (text += data.toString('latin1')))
    await new Promise((resolve) => stream.once('connect', resolve))
    stream.write(Buffer.from(bytes.toString('latin1').replace(/SIP\s*\/\s*2\.0\s*\/\s*(udp|tls|sctp)/i, 'SIP/2.0/TCP'), 'latin1'))
    stream.write(next('TCP', stream.localPort))
    const heard = () => over || finals([text]).some(isNext)
    await until(heard, 'an answer', incomplete.test(bytes.toString('latin1')) ? 100 : 400, 2).catch(() => {})
    stream.destroy()
    await lives()
    return split(finals([text]))
}

const refusal = (status) => status >= 400 && status < 600
const within = (allowed) => (status) => allowed.includes(status)
const never = () => false

async function tell(t, bytes, allowed, silence = true) {
    for (const [way, send] of [['udp', byUdp], ['tcp', byTcp]]) {
        if (way === 'udp' && bytes.length > 65000) continue
        const answers = await send(t, bytes)
        assert.ok(answers.length <= 2, `${way}: ${answers}`)
        assert.ok(answers.every(allowed), `${way}: ${answers}`)
        if (!silence && way === 'udp') assert.ok(answers.length > 0, `${way}: no answer`)
    }
}

// ── Our own ──

function message({ start = 'OPTIONS sip:gateway@127.0.0.1 SIP/2.0', via, headers = [], without = [], body = '', length, eol = '\r\n', cseq } = {}) {
    const id = `torture${++serial}`
    const method = start.split(' ')[0]
    const lines = {
        via: `Via: ${via ?? `SIP/2.0/UDP ${ear};branch=z9hG4bK${id}`}`, from: 'From: <sip:t@torture.example>;tag=t', to: 'To: <sip:gateway@127.0.0.1>',
        id: `Call-ID: ${id}`, cseq: `CSeq: ${cseq ?? `1 ${method}`}`, hops: 'Max-Forwards: 70', contact: `Contact: <sip:t@${ear}>`,
        length: `Content-Length: ${length ?? Buffer.byteLength(body)}`,
    }
    for (const name of without) delete lines[name]
    return Buffer.from([start, ...Object.values(lines).slice(0, -1), ...headers, ...(lines.length ? [lines.length] : []), '', body].join(eol), 'latin1')
}

const many = (n, line) => Array.from({ length: n }, (_, i) => line(i))
const SILENT = true // may stay unanswered
const cases = {
    'no Call-ID': [message({ without: ['id'] }), within([400])],
    'no CSeq': [message({ without: ['cseq'] }), within([400])],
    'no From': [message({ without: ['from'] }), within([400])],
    'no To': [message({ without: ['to'] }), within([400])],
    'no Via': [message({ without: ['via'] }), refusal, SILENT],
    'CSeq of another method': [message({ cseq: '1 INVITE' }), within([400])],
    'CSeq above 2**32': [message({ cseq: '4294967296 OPTIONS' }), within([400])],
    'CSeq of 4,000 digits': [message({ cseq: `${'9'.repeat(4000)} OPTIONS` }), within([400])],
    'CSeq that is no number': [message({ cseq: 'one OPTIONS' }), within([400])],
    'two From': [message({ headers: ['From: <sip:u@v>;tag=w'] }), within([400])],
    'two Call-IDs': [message({ headers: ['Call-ID: other'] }), within([400])],
    'two Content-Lengths': [message({ headers: ['Content-Length: 5'] }), within([400])],
    'negative Content-Length': [message({ length: '-1' }), within([400])],
    'Content-Length of 2 GB': [message({ length: '2147483648', body: 'x' }), within([400, 413, 513])],
    'Content-Length above 2**32': [message({ length: '4294967297', body: 'x' }), within([400, 413, 513])],
    'body shorter than told': [message({ length: 999, body: 'v=0' }), within([400])],
    'SIP/3.0': [message({ start: 'OPTIONS sip:gateway@127.0.0.1 SIP/3.0' }), within([505, 400])],
    'no version': [message({ start: 'OPTIONS sip:gateway@127.0.0.1' }), within([400, 505]), SILENT],
    'lower-case method': [message({ start: 'options sip:gateway@127.0.0.1 SIP/2.0' }), within([405, 501, 400])],
    'a method of 1,000 letters': [message({ start: `${'A'.repeat(1000)} sip:gateway@127.0.0.1 SIP/2.0` }), within([501, 400, 405])],
    'request URI of 8,000 bytes': [message({ start: `OPTIONS sip:${'a'.repeat(8000)}@127.0.0.1 SIP/2.0` }), (s) => s === 200 || refusal(s)],
    'request URI http:': [message({ start: 'INVITE http://127.0.0.1/ SIP/2.0' }), within([416])],
    'request URI of another scheme': [message({ start: 'INVITE nobodyknows:this SIP/2.0' }), within([416, 400])],
    'request URI in angle brackets': [message({ start: 'OPTIONS <sip:gateway@127.0.0.1> SIP/2.0' }), within([400])],
    'blanks in the request URI': [message({ start: 'OPTIONS sip:gateway@127.0.0.1; lr SIP/2.0' }), within([400]), SILENT],
    'port 70000 in the request URI': [message({ start: 'INVITE sip:a@127.0.0.1:70000 SIP/2.0' }), refusal],
    'NUL in a header': [message({ headers: ['Subject: a\0b'] }), (s) => s === 200 || refusal(s)],
    'NUL in the user part': [message({ start: 'INVITE sip:a%00b@127.0.0.1 SIP/2.0' }), refusal],
    'bytes that are no UTF-8': [message({ headers: ['Subject: \xff\xfe\x80'] }), (s) => s === 200 || refusal(s)],
    'LF only': [message({ eol: '\n' }), (s) => s === 200 || refusal(s)],
    'CR only': [message({ eol: '\r' }), (s) => s === 200 || refusal(s)],
    'a header without colon': [message({ headers: ['NoColonHere'] }), (s) => s === 200 || refusal(s)],
    'a header without name': [message({ headers: [': value'] }), (s) => s === 200 || refusal(s)],
    'a header of 16 KiB': [message({ headers: [`X-Long: ${'x'.repeat(16384)}`] }), (s) => s === 200 || refusal(s)],
    '1,000 headers': [message({ headers: many(1000, (i) => `X-${i}: ${i}`) }), (s) => s === 200 || refusal(s)],
    '500 Vias': [message({ headers: many(500, (i) => `Via: SIP/2.0/UDP h${i};branch=z9hG4bK${i}`) }), (s) => s === 200 || refusal(s)],
    '300 Record-Routes in an INVITE': [message({ start: 'INVITE sip:nobody@127.0.0.1 SIP/2.0', headers: many(300, (i) => `Record-Route: <sip:h${i};lr>`) }), refusal],
    '200 Accepts': [message({ headers: many(200, () => 'Accept: application/sdp') }), (s) => s === 200 || refusal(s)],
    'folded 2,000 times': [message({ headers: ['Subject: a' + '\r\n b'.repeat(2000)] }), (s) => s === 200 || refusal(s)],
    'unbalanced quotes in From': [message({ without: ['from'], headers: ['From: "open <sip:t@torture.example>;tag=t'] }), within([400])],
    'unbalanced bracket in Contact': [message({ start: 'INVITE sip:nobody@127.0.0.1 SIP/2.0', without: ['contact'], headers: ['Contact: <sip:t@h'] }), refusal],
    'Contact *': [message({ start: 'INVITE sip:nobody@127.0.0.1 SIP/2.0', without: ['contact'], headers: ['Contact: *'] }), refusal],
    'no Contact in an INVITE': [message({ start: 'INVITE sip:nobody@127.0.0.1 SIP/2.0', without: ['contact'] }), within([400])],
    'Max-Forwards -1': [message({ without: ['hops'], headers: ['Max-Forwards: -1'] }), (s) => s === 200 || refusal(s)],
    'Max-Forwards 300': [message({ without: ['hops'], headers: ['Max-Forwards: 300'] }), (s) => s === 200 || refusal(s)],
    'Require of what nobody knows': [message({ start: 'INVITE sip:nobody@127.0.0.1 SIP/2.0', headers: ['Require: thewind'] }), within([420])],
    'gzip body': [message({ start: 'INVITE sip:nobody@127.0.0.1 SIP/2.0', headers: ['Content-Type: application/sdp', 'Content-Encoding: gzip'], body: 'xxxx' }), within([415])],
    'a body without type': [message({ start: 'INVITE sip:nobody@127.0.0.1 SIP/2.0', body: 'v=0' }), within([415, 400, 404, 480])],
    'SDP that once looped a parser': [message({ start: 'INVITE sip:nobody@127.0.0.1 SIP/2.0', headers: ['Content-Type: application/sdp'], body: 'v=0\r\nm=x 9 Y /\r\n' }), refusal],
    'ACK of nothing': [message({ start: 'ACK sip:nobody@127.0.0.1 SIP/2.0' }), never],
    'BYE of nothing': [message({ start: 'BYE sip:nobody@127.0.0.1 SIP/2.0' }), within([481])],
    'CANCEL of nothing': [message({ start: 'CANCEL sip:nobody@127.0.0.1 SIP/2.0' }), within([481])],
    'PRACK of nothing': [message({ start: 'PRACK sip:nobody@127.0.0.1 SIP/2.0', headers: ['RAck: 1 1 INVITE'] }), within([481])],
    'a tag on To, no dialog': [message({ start: 'INVITE sip:nobody@127.0.0.1 SIP/2.0', without: ['to'], headers: ['To: <sip:nobody@127.0.0.1>;tag=nothing'] }), within([481])],
    'REFER out of nowhere': [message({ start: 'REFER sip:nobody@127.0.0.1 SIP/2.0', headers: ['Refer-To: <http://127.0.0.1:1/>'] }), refusal],
    'NOTIFY out of nowhere': [message({ start: 'NOTIFY sip:nobody@127.0.0.1 SIP/2.0', headers: ['Event: refer', 'Subscription-State: active'] }), refusal],
    'PUBLISH of a bomb': [message({ start: 'PUBLISH sip:nobody@127.0.0.1 SIP/2.0', headers: ['Event: presence', 'Content-Type: application/pidf+xml'], body: '<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><x>&b;</x>' }), refusal],
    'a response nobody waits for': [Buffer.from(`SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP ${ear};branch=z9hG4bKno\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: none\r\nCSeq: 1 INVITE\r\nContact: <sip:c@d>\r\nContent-Length: 0\r\n\r\n`), never],
    'a response of status 99999': [Buffer.from(`SIP/2.0 99999 What\r\nVia: SIP/2.0/UDP ${ear};branch=z9hG4bKno\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: none\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n`), never],
    'Via of TLS to a name': [message({ via: 'SIP/2.0/TLS slow.torture.example;branch=z9hG4bKslow' }), (s) => s === 200 || refusal(s), SILENT],
    'Via of SCTP': [message({ via: `SIP/2.0/SCTP ${ear};branch=z9hG4bKsctp` }), (s) => s === 200 || refusal(s), SILENT],
    'Via with maddr of a group': [message({ via: `SIP/2.0/UDP ${ear};maddr=224.0.0.1;ttl=255;branch=z9hG4bKgroup` }), (s) => s === 200 || refusal(s), SILENT],
    'nothing but blank lines': [Buffer.from('\r\n\r\n\r\n\r\n'), never],
    'one byte': [Buffer.from('O'), refusal, SILENT],
    'noise': [Buffer.from(Array.from({ length: 1200 }, (_, i) => (i * 131 + 7) & 0xff)), refusal, SILENT],
    'a STUN request': [Buffer.from('000100002112a442' + '00'.repeat(12), 'hex'), never],
    'a TLS hello': [Buffer.from('16030100050100000100', 'hex'), refusal, SILENT],
    'HTTP': [Buffer.from('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'), refusal, SILENT],
}

for (const [name, [bytes, allowed, silent]] of Object.entries(cases)) test(name, (t) => tell(t, bytes, allowed, silent || allowed === never))

// ── The RFCs' ──

// Which answers fit, where RFC 4475 asks more of a message than that nobody is harmed. INVITE finds nobody; what we
// do not serve is 405 or 501.
const nobody = [404, 480, 484, 488, 415, 400], unserved = [405, 501]
const rfc4475 = {
    wsinv: [481], // its To has a tag
     intmeth: [...unserved, 400], esc01: [...nobody, 416], escnull: [...unserved, 400], esc02: [...unserved, 400], longreq: nobody, dblreq: unserved,
    semiuri: [200], transports: [200], mpart01: [...unserved, 415, 403], unreason: [], noreason: [],
    badinv01: [400], clerr: [400], ncl: [400], scalar02: [400, ...unserved], scalarlg: [], quotbal: [400], ltgtruri: [400], lwsruri: [400], lwsstart: nobody, trws: [200, 400],
    escruri: nobody, baddate: nobody, regbadct: [...unserved, 400], badaspec: [200, 400], baddn: [200, 400], badvers: [505, 400], mismatch01: [400], mismatch02: [400, 501, 405], bigcode: [],
    badbranch: [200, 400], insuf: [400], unkscm: [416], novelsc: [416], unksm2: [...unserved, 416, 400], bext01: [420], invut: [415], regaut01: unserved, multi01: [400], mcl01: [400, 200], bcast: [],
    zeromf: [483, 200], cparam01: unserved, cparam02: unserved, regescrt: unserved, sdp01: [406, ...nobody], inv2543: nobody,
}

for (const folder of (process.env.CW_SIP_MESSAGES ?? '').split(':').filter(Boolean))
    for (const file of readdirSync(folder).sort()) {
        const allowed = rfc4475[file.replace(/\.dat$/, '')]
        test(`${path.basename(folder)}/${file}`, (t) => tell(t, readFileSync(path.join(folder, file)), allowed ? within(allowed) : (s) => s === 200 || refusal(s)))
    }
