// A WebSocket client as small as the bench needs it: text, no extensions, no fragments.
import { request } from 'node:http'
import { randomBytes } from 'node:crypto'

const TEXT = 1, CLOSE = 8, PING = 9, PONG = 10

export class Socket {
    static open(url, protocol, localAddress) {
        return new Promise((resolve, reject) => {
            const to = new URL(url)
            const upgrade = request({
                host: to.hostname, port: to.port, path: to.pathname, localAddress, headers: {
                    Connection: 'Upgrade', Upgrade: 'websocket', Origin: `http://${to.host}`,
                    'Sec-WebSocket-Version': 13, 'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
                    'Sec-WebSocket-Protocol': protocol,
                },
            })
            upgrade.on('upgrade', (_, stream, head) => resolve(new Socket(stream, head)))
            upgrade.on('response', (response) => reject(new Error(`WebSocket refused: ${response.statusCode}`)))
            upgrade.on('error', reject)
            upgrade.end()
        })
    }

    constructor(stream, head) {
        this.stream = stream
        this.rest = head
        stream.setNoDelay(true)
        stream.on('data', (data) => {
            this.rest = Buffer.concat([this.rest, data])
            this.#read()
        })
        stream.on('error', () => {})
        stream.on('close', () => this.onclose?.())
        this.#read()
    }

    // One frame off `rest`, when it is there in full.
    #frame() {
        const b = this.rest
        if (b.length < 2) return null
        let len = b[1] & 127, at = 2
        if (len === 126) [len, at] = b.length < 4 ? [Infinity, 4] : [b.readUInt16BE(2), 4]
        else if (len === 127) [len, at] = b.length < 10 ? [Infinity, 10] : [Number(b.readBigUInt64BE(2)), 10]
        if (b.length < at + len) return null
        this.rest = b.subarray(at + len)
        return { kind: b[0] & 15, data: b.subarray(at, at + len) }
    }

    #read() {
        for (let frame; (frame = this.#frame());) {
            if (frame.kind === TEXT) setImmediate((data) => this.onmessage?.(JSON.parse(data)), frame.data)
            else if (frame.kind === PING) this.#write(PONG, frame.data)
            else if (frame.kind === CLOSE) this.stream.end()
        }
    }

    #write(kind, data) {
        const head = data.length < 126 ? Buffer.from([128 | kind, 128 | data.length])
            : Buffer.from([128 | kind, 128 | 126, data.length >> 8, data.length & 255])
        const mask = randomBytes(4)
        const body = Buffer.from(data)
        for (let i = 0; i < body.length; i++) body[i] ^= mask[i & 3]
        this.stream.write(Buffer.concat([head, mask, body]))
    }

    send(message) {
        this.#write(TEXT, Buffer.from(JSON.stringify(message)))
    }

    close() {
        this.stream.destroy()
    }
}
