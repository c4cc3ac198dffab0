// Messages nobody wants, a thousand a second of each kind: what the process grows by, what of it stays, and whether
// somebody else's OPTIONS is answered meanwhile. Kamailio, the strongest we know there, gets the same.
import { createSocket } from 'node:dgram'
import { setTimeout as pause } from 'node:timers/promises'
import { Causeway } from './lib/causeway.mjs'
import { Kamailio } from './lib/kamailio.mjs'
import { cpuUs, installed, usage } from './lib/process.mjs'
import { Table } from './lib/table.mjs'

const perSecond = 1000, probeEveryMs = 10

const request = (method, user, i, more = '') => (port, from) =>
    `${method} sip:${user}@127.0.0.1:${port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:${from};branch=z9hG4bK${method}${i};rport\r\nMax-Forwards: 70\r\n` +
    `From: <sip:f${i}@127.0.0.1>;tag=f${i}\r\nTo: <sip:${user}@127.0.0.1>\r\nCall-ID: ${method}${i}@flood\r\nCSeq: 1 ${method}\r\n` +
    `Contact: <sip:f${i}@127.0.0.1:${from}>\r\n${more || 'Content-Length: 0\r\n\r\n'}`
const sdp = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9000 RTP/AVP 0\r\n'
const withSdp = `Content-Type: application/sdp\r\nContent-Length: ${sdp.length}\r\n\r\n${sdp}`

const kinds = {
    'INVITE, refused, no ACK': (i) => request('INVITE', 'nobody', i, withSdp),
    'INVITE, taken, no ACK': (i) => request('INVITE', 'echo', i, withSdp),
    REGISTER: (i) => request('REGISTER', 'f', i),
    MESSAGE: (i) => request('MESSAGE', 'f', i, 'Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nspam'),
    'responses to nothing': (i) => (port, from) =>
        `SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bKnone${i}\r\nFrom: <sip:a@b>;tag=${i}\r\nTo: <sip:c@d>;tag=${i}\r\n` +
        `Call-ID: none${i}\r\nCSeq: 1 INVITE\r\nContact: <sip:f@127.0.0.1:${from}>\r\nContent-Length: 0\r\n\r\n`,
}

async function socket() {
    const s = createSocket({ type: 'udp4', recvBufferSize: 8 << 20 })
    await new Promise((resolve) => s.bind(0, '127.0.0.1', resolve))
    return s
}

// Asks OPTIONS until told to stop; each answer's time is noted.
class Probe {
    static async start(port) {
        const probe = new Probe()
        probe.asked = new Map()
        probe.times = []
        probe.socket = await socket()
        const from = probe.socket.address().port
        probe.socket.on('message', (data) => {
            const id = /Call-ID: OPTIONS(\d+)@flood/i.exec(data)?.[1]
            const at = probe.asked.get(id)
            if (at === undefined) return
            probe.asked.delete(id)
            probe.times.push(performance.now() - at)
        })
        let n = 0
        probe.timer = setInterval(() => {
            probe.asked.set(String(n), performance.now())
            probe.socket.send(request('OPTIONS', 'gateway', n++)(port, from), port, '127.0.0.1')
        }, probeEveryMs)
        return probe
    }

    async stop() {
        clearInterval(this.timer)
        await pause(500)
        this.socket.close()
        const times = this.times.sort((a, b) => a - b)
        return { p50: times[times.length >> 1], p99: times[Math.floor(times.length * 0.99)], lost: this.asked.size }
    }
}

async function send(port, kind, seconds) {
    const s = await socket()
    const from = s.address().port
    const start = performance.now()
    let sent = 0
    s.on('message', () => {})
    while (performance.now() - start < seconds * 1000) {
        const due = Math.floor(((performance.now() - start) * perSecond) / 1000)
        while (sent < due) s.send(kind(sent++)(port, from), port, '127.0.0.1')
        await pause(1)
    }
    await pause(100)
    s.close()
    return sent
}

const gateways = {
    causeway: async ({ program }) => {
        const gateway = await Causeway.start({ program, core: 0 })
        return { port: gateway.sipPort, us: () => cpuUs(gateway.pid), kib: () => usage(gateway.pid).kib, stop: () => gateway.stop() }
    },
    Kamailio: async () => {
        const proxy = await Kamailio.start({ core: 0 })
        return { port: proxy.sipPort, us: () => proxy.cpuUs(), kib: () => proxy.kib(), stop: () => proxy.stop() }
    },
}

export async function flood(options) {
    const { seconds, settle } = options
    const table = new Table(`${perSecond} unwanted messages a second for ${seconds} s`,
        [['what                   '], ['gateway '], ['core %', 1], ['grew MB', 1], [`after ${settle} s`, 1], ['OPTIONS p50 ms', 2], ['p99 ms', 2], ['lost', 0], ['of Kamailio\'s CPU', 2]])
    for (const [what, kind] of Object.entries(kinds).filter(([name]) => !options.jobs || options.jobs.some((job) => name.includes(job)))) {
        const rows = []
        for (const [name, start] of Object.entries(gateways)) {
            if (name === 'Kamailio' && !installed('kamailio')) continue
            const gateway = await start(options)
            const before = gateway.kib(), us = gateway.us()
            const probe = await Probe.start(gateway.port)
            await send(gateway.port, kind, seconds)
            const figures = await probe.stop()
            rows.push({ name, core: (gateway.us() - us) / (seconds * 1e4), grew: (gateway.kib() - before) / 1024, ...figures })
            await pause(settle * 1000)
            rows.at(-1).after = (gateway.kib() - before) / 1024
            await gateway.stop()
        }
        const theirs = rows.find(({ name }) => name === 'Kamailio')
        for (const { name, core, grew, after, p50, p99, lost } of rows)
            table.row(what, name, core, grew, after, p50, p99, lost, name === 'causeway' && theirs ? core / theirs.core : undefined)
    }
}
