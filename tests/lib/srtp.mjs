// srtp.mjs - an RTP end with SRTP of our own making (RFC 3711, AES_CM_128_HMAC_SHA1_80), key by key, for
// what well-made peers never do; and a=crypto lines (RFC 4568).
import { createCipheriv, createHmac, randomBytes } from 'node:crypto'
import dgram from 'node:dgram'
import { alawDecode, alawEncode, peakHz, sine } from './audio.mjs'
import { until } from './proc.mjs'

const ctr = (key, iv, data) => createCipheriv('aes-128-ctr', key, iv).update(data)

// RFC 3711 4.3, key derivation rate 0
function derive(master, label, length) {
    const iv = Buffer.concat([master.subarray(16, 30), Buffer.alloc(2)])
    iv[7] ^= label
    return ctr(master.subarray(0, 16), iv, Buffer.alloc(length))
}

const keysOf = (master, first) => ({ cipher: derive(master, first, 16), auth: derive(master, first + 1, 20), salt: derive(master, first + 2, 14) })

function ivOf(salt, ssrc, index) {
    const iv = Buffer.concat([salt, Buffer.alloc(2)])
    const part = Buffer.alloc(16)
    part.writeUInt32BE(ssrc, 4)
    part.writeUIntBE(index, 8, 6)
    return iv.map((byte, i) => byte ^ part[i])
}

const tagOf = (auth, data) => createHmac('sha1', auth).update(data).digest().subarray(0, 10)

export class SrtpKey {
    constructor(master = randomBytes(30)) {
        Object.assign(this, { master, rtp: keysOf(master, 0), rtcp: keysOf(master, 3), roc: 0, last: undefined })
    }

    get base64() {
        return this.master.toString('base64')
    }

    line(tag = 1, rest = '') {
        return `a=crypto:${tag} AES_CM_128_HMAC_SHA1_80 inline:${this.base64}${rest}`
    }

    #rocOf(seq) {
        if (this.last === undefined) return 0
        if (seq < this.last - 0x8000) return this.roc + 1
        return this.roc
    }

    #tag(packet, roc) {
        const counter = Buffer.alloc(4)
        counter.writeUInt32BE(roc)
        return tagOf(this.rtp.auth, Buffer.concat([packet, counter]))
    }

    #crypt(packet, roc) {
        const index = roc * 65536 + packet.readUInt16BE(2)
        return Buffer.concat([packet.subarray(0, 12), ctr(this.rtp.cipher, ivOf(this.rtp.salt, packet.readUInt32BE(8), index), packet.subarray(12))])
    }

    #step(seq, roc) {
        if (roc > this.roc || this.last === undefined || seq > this.last) [this.roc, this.last] = [roc, seq]
    }

    seal(packet) {
        const seq = packet.readUInt16BE(2), roc = this.#rocOf(seq)
        this.#step(seq, roc)
        const sealed = this.#crypt(packet, roc)
        return Buffer.concat([sealed, this.#tag(sealed, roc)])
    }

    // The packet, or null when it is not of this key.
    open(packet) {
        const body = packet.subarray(0, -10), seq = packet.readUInt16BE(2), roc = this.#rocOf(seq)
        if (packet.length < 22 || !this.#tag(body, roc).equals(packet.subarray(-10))) return null
        this.#step(seq, roc)
        return this.#crypt(body, roc)
    }

    openRtcp(packet) {
        const body = packet.subarray(0, -10)
        if (packet.length < 22 || !tagOf(this.rtcp.auth, body).equals(packet.subarray(-10))) return null
        const index = body.readUInt32BE(body.length - 4) & 0x7fffffff
        const plain = body.subarray(8, -4)
        return Buffer.concat([body.subarray(0, 8), ctr(this.rtcp.cipher, ivOf(this.rtcp.salt, body.readUInt32BE(4), index), plain)])
    }
}

// The a=crypto lines of an SDP, and the key of one of them.
export const cryptoLines = (sdp) => [...sdp.matchAll(/^a=crypto:(\d+) (\S+) inline:([^\s|]+)(\S*)/gm)].map(([, tag, suite, key]) => ({ tag: Number(tag), suite, key }))
export const keyOf = (sdp, suite = 'AES_CM_128_HMAC_SHA1_80') => new SrtpKey(Buffer.from(cryptoLines(sdp).find((line) => line.suite === suite).key, 'base64'))
export const rtpPortOf = (sdp) => Number(/^m=audio (\d+)/m.exec(sdp)[1])

// PCMA, 20 ms packets. `tx` seals what it sends, `rx` are keys that open what comes; null: plain.
export class SrtpEnd {
    static async open(scope, { tx = new SrtpKey(), seq = 1000 } = {}) {
        const end = new SrtpEnd()
        Object.assign(end, { tx, rx: [], seq, ts: 0, ssrc: randomBytes(4).readUInt32BE(), heard: [], opened: 0, strange: [], rtcp: [], sent: [] })
        for (;;) {
            const port = 40000 + 2 * Math.floor(Math.random() * 1000)
            try {
                end.socket = await bound(port)
                end.control = await bound(port + 1)
                end.port = port
                break
            } catch { end.socket?.close() }
        }
        end.socket.on('message', (data) => end.#take(data))
        end.control.on('message', (data) => end.rtcp.push(data))
        scope.after(() => {
            clearInterval(end.timer)
            end.socket.close()
            end.control.close()
        })
        return end
    }

    #take(data) {
        const plain = this.rx.length ? this.rx.map((key) => key.open(data)).find(Boolean) : data
        if (!plain) {
            this.strange.push(data)
            return
        }
        this.opened++
        this.heard.push(...Array.from(plain.subarray(12), alawDecode))
        this.heard.splice(0, this.heard.length - 8000)
    }

    // Packets that no key opened.
    get foreign() {
        return this.strange.length
    }

    // One more key; its packets may have come before the answer that has it.
    learn(key) {
        this.rx.push(key)
        for (const data of this.strange.splice(0)) this.#take(data)
    }

    packet(hz) {
        const tone = sine(hz, 1)
        const header = Buffer.alloc(12)
        header.writeUInt16BE(0x8008, 0)
        header.writeUInt16BE(this.seq, 2)
        header.writeUInt32BE(this.ts >>> 0, 4)
        header.writeUInt32BE(this.ssrc, 8)
        const packet = Buffer.concat([header, Buffer.from(Array.from({ length: 160 }, (_, i) => alawEncode(tone[(this.ts + i) % 8000])))])
        this.seq = (this.seq + 1) & 0xffff
        this.ts += 160
        return packet
    }

    send(packet, to = this.to) {
        this.sent.push(packet)
        this.socket.send(packet, to, '127.0.0.1')
    }

    play(hz, to) {
        this.to = to ?? this.to
        clearInterval(this.timer)
        this.timer = setInterval(() => {
            const packet = this.packet(hz)
            this.send(this.tx ? this.tx.seal(packet) : packet)
        }, 20)
    }

    hears(hz, ms = 6000) {
        this.heard.length = 0
        return until(() => this.heard.length >= 4000 && Math.abs(peakHz(Float64Array.from(this.heard)) - hz) < 20, `SRTP end hears ${hz} Hz (${this.opened} opened, ${this.foreign} not)`, ms, 50)
    }
}

function bound(port) {
    return new Promise((resolve, reject) => {
        const socket = dgram.createSocket('udp4')
        socket.once('error', (error) => (socket.close(), reject(error)))
        socket.bind(port, '127.0.0.1', () => resolve(socket))
    })
}
