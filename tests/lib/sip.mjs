// sip.mjs - a SIP end that does exactly as told, for what well-made peers never do.
import dgram from 'node:dgram'
import net from 'node:net'
import tls from 'node:tls'
import { randomBytes } from 'node:crypto'
import { withDeadline } from './proc.mjs'

const token = () => randomBytes(6).toString('hex')

export function parse(text) {
    const at = text.indexOf('\r\n\r\n')
    const [first, ...lines] = text.slice(0, at).split('\r\n')
    const message = { text, first, body: text.slice(at + 4), headers: {} }
    for (const line of lines) {
        const m = /^([^:]+?)\s*:\s*(.*)$/.exec(line)
        if (m) (message.headers[m[1].toLowerCase()] ??= []).push(m[2])
    }
    const status = /^SIP\/2\.0 (\d{3}) (.*)$/.exec(first)
    if (status) Object.assign(message, { status: Number(status[1]), reason: status[2] })
    else [message.method, message.uri] = first.split(' ')
    message.get = (name) => message.headers[name]?.[0]
    return message
}

export const sdp = ({ host = '127.0.0.1', port = 42000, lines = ['m=audio PORT RTP/AVP 8 101', 'a=rtpmap:8 PCMA/8000', 'a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-15', 'a=sendrecv'] } = {}) =>
    ['v=0', `o=test 1 1 IN IP${host.includes(':') ? 6 : 4} ${host}`, 's=-', `c=IN IP${host.includes(':') ? 6 : 4} ${host}`, 't=0 0',
        ...lines.map((line) => line.replace('PORT', port)), ''].join('\r\n')

export class SipPeer {
    // udp, tcp or tls; with `to` a tcp peer connects, without it listens. `secure` is what node:tls takes.
    static async open(scope, { transport = 'udp', host = '127.0.0.1', port = 0, to, secure } = {}) {
        const peer = new SipPeer()
        Object.assign(peer, { transport, host, queue: [], waiters: [], tag: token() })
        if (transport === 'udp') {
            peer.socket = dgram.createSocket(host.includes(':') ? 'udp6' : 'udp4')
            peer.socket.on('message', (data, from) => peer.#heard(parse(String(data)), from))
            await new Promise((resolve) => peer.socket.bind(port, host, resolve))
            peer.port = peer.socket.address().port
            scope.after(() => peer.socket.close())
        } else if (to) {
            peer.stream = transport === 'tls' ? tls.connect({ port: to.port, host: to.host, ...secure }) : net.connect(to.port, to.host)
            peer.#read(peer.stream)
            await withDeadline(new Promise((resolve, reject) => peer.stream.once(transport === 'tls' ? 'secureConnect' : 'connect', resolve).once('error', reject)), 5000, 'TCP connects')
            peer.port = peer.stream.localPort
            scope.after(() => peer.stream.destroy())
        } else {
            const streams = new Set()
            const serve = (handler) => (transport === 'tls' ? tls.createServer(secure, handler) : net.createServer(handler))
            peer.server = serve((stream) => {
                streams.add(stream)
                peer.stream = stream
                peer.#read(stream)
            })
            await new Promise((resolve) => peer.server.listen(port, host, resolve))
            peer.port = peer.server.address().port
            peer.streams = streams
            scope.after(() => {
                for (const stream of streams) stream.destroy()
                peer.server.close()
            })
        }
        return peer
    }

    get address() {
        return `${this.host.includes(':') ? `[${this.host}]` : this.host}:${this.port}`
    }

    #read(stream) {
        let text = ''
        stream.on('error', () => {})
        stream.on('data', (data) => {
            text += data.toString('latin1')
            for (;;) {
                text = text.replace(/^(\r\n)+/, '')
                const end = text.indexOf('\r\n\r\n')
                if (end < 0) return
                const length = Number(/^(?:content-length|l)\s*:\s*(\d+)/im.exec(text.slice(0, end))?.[1] ?? 0)
                if (text.length < end + 4 + length) return
                this.#heard(parse(text.slice(0, end + 4 + length)), { stream })
                text = text.slice(end + 4 + length)
            }
        })
    }

    #heard(message, from) {
        message.from = from
        const waiter = this.waiters.find(({ matches }) => matches(message))
        if (waiter) {
            this.waiters.splice(this.waiters.indexOf(waiter), 1)
            waiter.resolve(message)
        } else this.queue.push(message)
    }

    sendText(text, to) {
        if (this.transport === 'udp') this.socket.send(text, to.port, to.address ?? to.host)
        else (to?.stream ?? this.stream).write(text, 'latin1')
    }

    // The next request of a method, response of a status, or message for which a function is true.
    expect(what, ms = 8000) {
        const matches = typeof what === 'function' ? what : (m) => (typeof what === 'number' ? m.status === what : m.method === what)
        const at = this.queue.findIndex(matches)
        if (at >= 0) return Promise.resolve(this.queue.splice(at, 1)[0])
        const waiter = { matches }
        const found = new Promise((resolve) => (waiter.resolve = resolve))
        this.waiters.push(waiter)
        return withDeadline(found, ms, `SIP ${what}; in the queue: ${this.queue.map((m) => m.first).join(' | ')}`)
            .finally(() => this.waiters.includes(waiter) && this.waiters.splice(this.waiters.indexOf(waiter), 1))
    }

    reply(request, status, reason = 'Because', { headers = [], body = '', type = 'application/sdp', tag = this.tag, contact = true } = {}) {
        const copy = (name) => (request.headers[name.toLowerCase()] ?? []).map((value) => `${name}: ${value}`)
        const to = request.get('to')
        const lines = [`SIP/2.0 ${status} ${reason}`, ...copy('Via'), ...copy('Record-Route'), ...copy('From'),
            `To: ${/;tag=/.test(to) || status === 100 ? to : `${to};tag=${tag}`}`, ...copy('Call-ID'), ...copy('CSeq'),
            ...(contact ? [`Contact: <sip:test@${this.address}${this.transport === 'udp' ? '' : `;transport=${this.transport}`}>`] : []),
            ...headers, ...(body ? [`Content-Type: ${type}`] : []), `Content-Length: ${Buffer.byteLength(body)}`, '', '']
        this.sendText(lines.join('\r\n') + body, request.from)
    }

    // A request; what a dialog needs is in `dialog` ({ callId, local, remote, target, cseq }).
    request(method, uri, to, { dialog = {}, headers = [], body = '', type = 'application/sdp', branch = `z9hG4bK${token()}`, cseq } = {}) {
        dialog.callId ??= token()
        dialog.local ??= `<sip:tester@${this.address}>;tag=${token()}`
        dialog.remote ??= `<${uri}>`
        dialog.cseq ??= 0
        cseq ??= method === 'ACK' || method === 'CANCEL' ? dialog.cseq : ++dialog.cseq
        const lines = [`${method} ${dialog.target ?? uri} SIP/2.0`, `Via: SIP/2.0/${this.transport.toUpperCase()} ${this.address};branch=${branch};rport`,
            'Max-Forwards: 70', `From: ${dialog.local}`, `To: ${dialog.remote}`, `Call-ID: ${dialog.callId}`, `CSeq: ${cseq} ${method}`,
            `Contact: <sip:tester@${this.address}${this.transport === 'udp' ? '' : `;transport=${this.transport}`}>`, ...headers,
            ...(body ? [`Content-Type: ${type}`] : []), `Content-Length: ${Buffer.byteLength(body)}`, '', '']
        dialog.branch = branch
        this.sendText(lines.join('\r\n') + body, to)
        return dialog
    }

    // What a caller learns from a response that makes a dialog.
    static follow(dialog, response) {
        dialog.remote = response.get('to')
        dialog.target = /<([^>]+)>/.exec(response.get('contact') ?? '')?.[1] ?? dialog.target
        return dialog
    }

    // The dialog of a callee.
    dialogOf(invite) {
        return {
            callId: invite.get('call-id'), local: `${invite.get('to')};tag=${this.tag}`, remote: invite.get('from'),
            target: /<([^>]+)>/.exec(invite.get('contact'))[1], cseq: 100,
        }
    }
}
