// Debian's rtpengine, forwarding in user space, by its ng protocol (bencode over UDP).
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { freePort, pinned, until } from './process.mjs'

function encode(value) {
    if (typeof value === 'number') return `i${value}e`
    if (Array.isArray(value)) return `l${value.map(encode).join('')}e`
    if (typeof value === 'object')
        return `d${Object.entries(value).map(([k, v]) => encode(k) + encode(v)).join('')}e`
    return `${Buffer.byteLength(value)}:${value}`
}

function decode(bytes) {
    let at = 0
    const one = () => {
        const c = String.fromCharCode(bytes[at])
        if (c === 'i') {
            const end = bytes.indexOf(101, at)
            const n = Number(bytes.subarray(at + 1, end).toString())
            at = end + 1
            return n
        }
        if (c === 'l' || c === 'd') {
            const items = []
            for (at++; bytes[at] !== 101;) items.push(one())
            at++
            if (c === 'l') return items
            return Object.fromEntries(items.flatMap((v, i) => (i % 2 ? [] : [[v, items[i + 1]]])))
        }
        const colon = bytes.indexOf(58, at)
        const len = Number(bytes.subarray(at, colon).toString())
        at = colon + 1 + len
        return bytes.subarray(colon + 1, at).toString()
    }
    return one()
}

export class Rtpengine {
    static async start({ core }) {
        const self = new Rtpengine()
        self.port = await freePort()
        self.process = spawn(...pinned(core, ['rtpengine', '--table=-1', '--foreground', '--interface=198.18.0.1',
            `--listen-ng=127.0.0.1:${self.port}`, '--num-threads=1', '--port-min=10000', '--port-max=29999',
            '--log-level=3', '--log-stderr']), { stdio: 'ignore' })
        self.socket = createSocket('udp4')
        self.waiting = new Map()
        self.cookie = 0
        self.socket.on('message', (bytes) => {
            const blank = bytes.indexOf(32)
            const cookie = bytes.subarray(0, blank).toString()
            self.waiting.get(cookie)?.(decode(bytes.subarray(blank + 1)))
            self.waiting.delete(cookie)
        })
        await until('rtpengine to answer', async () => (await self.#ask({ command: 'ping' }, 200))?.result === 'pong')
        return self
    }

    #ask(message, timeoutMs = 5000) {
        const cookie = `c${++this.cookie}`
        return new Promise((resolve) => {
            this.waiting.set(cookie, resolve)
            this.socket.send(`${cookie} ${encode(message)}`, this.port, '127.0.0.1')
            setTimeout(() => resolve(null), timeoutMs).unref()
        })
    }

    async #sdp(message) {
        const answer = await this.#ask(message)
        if (answer?.result !== 'ok') throw new Error(`rtpengine: ${JSON.stringify(answer)}`)
        return answer.sdp
    }

    // The near end's offer as one for the far end, in another codec when one is named.
    offer(call, sdp, { web, codec }) {
        return this.#sdp({
            command: 'offer', 'call-id': call, 'from-tag': 'a', sdp, ICE: 'remove', 'transport-protocol': 'RTP/AVP',
            'rtcp-mux': ['demux'], replace: ['origin'], ...(web ? { 'ICE-lite': 'backward', DTLS: 'passive' } : {}),
            ...(codec ? { codec: { mask: ['all'], transcode: [codec] } } : {}),
        })
    }

    answer(call, sdp, { web }) {
        return this.#sdp({
            command: 'answer', 'call-id': call, 'from-tag': 'a', 'to-tag': 'b', sdp, replace: ['origin'],
            ...(web ? { ICE: 'force', DTLS: 'passive', 'rtcp-mux': ['require'] } : { ICE: 'remove' }),
        })
    }

    get pid() {
        return this.process.pid
    }

    async stop() {
        this.socket.close()
        this.process.kill()
        await new Promise((resolve) => this.process.on('exit', resolve))
    }
}
