// capture.mjs - what crossed the wire: dumpcap on lo while a file of tests runs, read by tshark and by us.
import { readFileSync } from 'node:fs'
import dgram from 'node:dgram'
import path from 'node:path'
import { outDir, Program, run, until } from './proc.mjs'
import { decode } from './audio.mjs'

let captures = 0
let marks = 0

export class Capture {
    // Everything on lo of this network namespace, where all of it is unless a test makes namespaces of its own.
    static async start(scope, name = `capture-${++captures}`, device = 'lo') {
        const capture = new Capture()
        capture.device = device
        capture.file = path.join(outDir, `${name}.pcap`)
        capture.program = new Program(scope, 'dumpcap', 'dumpcap', ['-P', '-q', '-i', device, '-B', '16', '-w', capture.file], { stopSignal: 'SIGINT' })
        await capture.program.waitFor(/File: /)
        if (device === 'lo') await capture.reaches('begin')
        return capture
    }

    // What is sent now is in the file, and so is all before it: dumpcap starts late and writes late.
    async reaches(mark) {
        const socket = dgram.createSocket('udp4')
        const told = `${mark} ${++marks}`
        try {
            await until(() => {
                socket.send(told, 9, '127.0.0.1')
                return this.program.end || this.udp().some((p) => p.dport === 9 && String(p.data) === told)
            }, 'dumpcap writes', 5000, 20)
        } finally {
            socket.close()
        }
    }

    // Ends the capture once every packet so far is in the file.
    async stop() {
        if (!this.program.end && this.device === 'lo') await this.reaches('end')
        if (!this.program.end) await this.program.stop('SIGINT')
        const dropped = /received\/dropped on interface '[^']*': \d+\/(\d+)/.exec(this.program.text)
        if (dropped && Number(dropped[1])) throw new Error(`dumpcap lost packets: ${dropped[0]}`)
        return this
    }

    // UDP datagrams: { at, src, sport, dst, dport, data }. Also while the capture runs.
    udp() {
        const file = readFileSync(this.file)
        const packets = []
        for (let at = 24; at + 16 <= file.length;) {
            const length = file.readUInt32LE(at + 8)
            const time = file.readUInt32LE(at) + file.readUInt32LE(at + 4) / 1e6
            const frame = file.subarray(at + 16, at + 16 + length)
            at += 16 + length
            if (at > file.length) break
            const ip = frame.subarray(14)
            const type = frame.readUInt16BE(12)
            if (type === 0x0800 && ip[9] === 17) {
                const udp = ip.subarray((ip[0] & 15) * 4, ip.readUInt16BE(2))
                packets.push({ at: time, src: ip.subarray(12, 16).join('.'), dst: ip.subarray(16, 20).join('.'), sport: udp.readUInt16BE(0), dport: udp.readUInt16BE(2), data: udp.subarray(8) })
            } else if (type === 0x86dd && ip[6] === 17) {
                const udp = ip.subarray(40)
                packets.push({ at: time, src: ip.subarray(8, 24).toString('hex'), dst: ip.subarray(24, 40).toString('hex'), sport: udp.readUInt16BE(0), dport: udp.readUInt16BE(2), data: udp.subarray(8) })
            }
        }
        return packets
    }

    // RTP packets for which `want` is true, parsed (RFC 3550 5.1).
    rtp(want) {
        return this.udp().filter((p) => p.data.length >= 12 && p.data[0] >> 6 === 2 && (p.data[1] < 192 || p.data[1] > 223) && want(p)).map((p) => {
            const start = 12 + 4 * (p.data[0] & 15)
            const extension = p.data[0] & 16 ? 4 + 4 * p.data.readUInt16BE(start + 2) : 0
            return { ...p, pt: p.data[1] & 127, marker: p.data[1] >> 7, seq: p.data.readUInt16BE(2), ts: p.data.readUInt32BE(4), ssrc: p.data.readUInt32BE(8), payload: p.data.subarray(start + extension) }
        })
    }

    // What tshark makes of the packets for which display filter `ours` holds: `bad`, those it calls
    // malformed or in error, and how many it saw of each protocol. One pass over the file.
    async inspect(ours, protocols) {
        const { code, text } = await run('tshark', ['-n', '-2', '-r', this.file, '--enable-heuristic', 'stun_udp', '--enable-heuristic', 'dtls_udp',
            // What is in Opus packets is the peers' affair; rx is what tshark takes port 7001 for, manolito what it guesses in SRTP.
            '--disable-protocol', 'opus', '--disable-protocol', 'rx', '--disable-protocol', 'manolito', '-o', 'tcp.check_checksum:false', '-o', 'udp.check_checksum:false', '-Y', ours,
            '-T', 'fields', '-E', 'separator=|', '-e', 'frame.number', '-e', 'frame.protocols', '-e', '_ws.malformed', '-e', '_ws.expert.severity', '-e', '_ws.expert.message', '-e', 'udp.srcport', '-e', '_ws.col.Info'], { ms: 90000 })
        if (code !== 0) throw new Error(`tshark: ${text}`)
        const counts = Object.fromEntries(protocols.map((protocol) => [protocol, 0]))
        const bad = []
        for (const line of text.split('\n')) {
            const [frame, names, malformed, severities, message, port, ...rest] = line.split('|')
            if (!/^\d+$/.test(frame)) continue
            const layers = names.split(':')
            for (const protocol of protocols) if (layers.includes(protocol)) counts[protocol]++
            // To browsers it is encrypted, whatever tshark reads in it.
            if (layers.includes('rtcp') && port >= 7000 && port <= 7003) continue
            // 8388608: an error in the sense of tshark's expert; TCP's own are of the kernel.
            if (malformed || (severities.split(',').includes('8388608') && !/TCP|tcp/.test([message, ...rest].join('|')))) bad.push(line)
        }
        return { bad, counts }
    }
}

// Samples of one RTP stream, in order of sequence numbers; G.711 only.
export function samplesOf(packets) {
    const voice = packets.filter((p) => p.pt === 8 || p.pt === 0)
    const parts = voice.map((p) => decode(p.payload, p.pt === 0 ? 'PCMU' : 'PCMA'))
    const all = new Float64Array(parts.reduce((n, part) => n + part.length, 0))
    let at = 0
    for (const part of parts) {
        all.set(part, at)
        at += part.length
    }
    return all
}

// Keys in RFC 4733 packets: one for each timestamp whose end bit came.
export function keysOf(packets, pt) {
    const ended = new Map()
    for (const p of packets.filter((q) => q.pt === pt && q.payload.length >= 4))
        if (p.payload[1] & 0x80) ended.set(p.ts, { key: '0123456789*#ABCD'[p.payload[0]], duration: p.payload.readUInt16BE(2) })
    return [...ended.values()]
}

// Packets missing from one stream (one SSRC), by sequence number.
export function lostOf(packets) {
    const seqs = [...new Set(packets.map((p) => p.seq))]
    if (!seqs.length) return 0
    let lost = 0
    for (let i = 1; i < seqs.length; i++) {
        const step = (seqs[i] - seqs[i - 1]) & 0xffff
        if (step > 1 && step < 0x8000) lost += step - 1
    }
    return lost
}

export const rtpStarts = (capture, want, count = 10) =>
    until(() => capture.rtp(want).length >= count, `${count} RTP packets`, 8000, 50)
