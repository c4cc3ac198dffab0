// rtp.mjs - RTP sent and received by hand, for what well-made peers do not do. Rates of some hundred
// packets a second are kept; more is a burst.
import dgram from 'node:dgram'

export class RtpSocket {
    static async open(scope, { host = '127.0.0.1', port = 0 } = {}) {
        const rtp = new RtpSocket()
        Object.assign(rtp, { host, socket: dgram.createSocket(host.includes(':') ? 'udp6' : 'udp4'), got: [], seq: 1000, ts: 0, ssrc: 0x51f0, pt: 8 })
        rtp.socket.on('message', (data, from) => rtp.got.push({ data, from }))
        rtp.socket.on('error', () => {})
        await new Promise((resolve) => rtp.socket.bind(port, host, resolve))
        rtp.port = rtp.socket.address().port
        scope.after(() => (rtp.stop(), rtp.socket.close()))
        return rtp
    }

    // The next packet of this stream: 20 ms of G.711 by default.
    packet({ seq = this.seq, ts = this.ts, ssrc = this.ssrc, pt = this.pt, payload = Buffer.alloc(160, 0xd5) } = {}) {
        const head = Buffer.alloc(12)
        head[0] = 0x80
        head[1] = pt
        head.writeUInt16BE(seq & 0xffff, 2)
        head.writeUInt32BE(ts >>> 0, 4)
        head.writeUInt32BE(ssrc >>> 0, 8)
        this.seq++
        this.ts += 160
        return Buffer.concat([head, payload])
    }

    send(data, to) {
        this.socket.send(data, to.port, to.host ?? '127.0.0.1')
    }

    // A stream of 50 packets a second; `lose(n)` says which do not leave. By the clock, so that a busy
    // machine delays packets and leaves none out.
    start(to, { lose = () => false, options } = {}) {
        const begin = performance.now()
        let n = 0
        this.stop()
        this.timer = setInterval(() => {
            for (; n < (performance.now() - begin) / 20; n++) {
                const data = this.packet(options)
                if (!lose(n)) this.send(data, to)
            }
        }, 10)
    }

    stop() {
        clearInterval(this.timer)
    }
}

// Where an SDP wants its first stream's RTP.
export function placeOf(sdp) {
    return { host: /^c=IN IP[46] (\S+)/m.exec(sdp)[1], port: Number(/^m=audio (\d+)/m.exec(sdp)[1]) }
}
