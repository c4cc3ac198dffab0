// sipws.mjs - SIP over WebSocket without a browser: JsSIP as people have it, and a client that may say anything.
import { createHash, randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { once } from 'node:events'
import WebSocket from 'ws'
import { withDeadline } from './proc.mjs'

const require = createRequire(import.meta.url)
export const JsSIP = require('jssip')

// The one thing of a browser that JsSIP needs to sign in.
globalThis.WebSocket ??= WebSocket

export const ofUa = (ua, event, ms = 5000) => withDeadline(new Promise((resolve) => ua.once(event, resolve)), ms, `JsSIP: ${event}`)

// A user agent of JsSIP's; ended with `scope`.
export function jssip(scope, gateway, user, more = {}) {
    const socket = new JsSIP.WebSocketInterface(gateway.ws.replace('/v1/ws', '/sip'))
    const ua = new JsSIP.UA({
        sockets: [socket],
        uri: `sip:${user}@${gateway.conf.sip.domain}`,
        password: `${user}'s secret`,
        session_timers: false,
        ...more,
    })
    scope.after(() => new Promise((resolve) => {
        ua.once('disconnected', resolve)
        ua.isConnected() ? ua.stop() : resolve()
    }))
    return ua
}

const md5 = (text) => createHash('md5').update(text).digest('hex')
const sha256 = (text) => createHash('sha256').update(text).digest('hex')
const hex = (n = 8) => randomBytes(n).toString('hex')

// What a challenge line says.
export function challenges(response) {
    return response.all('WWW-Authenticate').map((line) => ({
        scheme: line.split(' ')[0],
        ...Object.fromEntries([...line.matchAll(/(\w+)="?([^",]*)"?/g)].map(([, name, value]) => [name, value])),
    }))
}

export class Message {
    constructor(text) {
        const [head, ...rest] = text.split('\r\n\r\n')
        const [start, ...lines] = head.split('\r\n')
        Object.assign(this, { text, start, body: rest.join('\r\n\r\n'), lines })
        this.status = Number(/^SIP\/2\.0 (\d{3})/.exec(start)?.[1] ?? 0)
        this.method = this.status ? null : start.split(' ')[0]
    }

    all(name) {
        return this.lines.filter((line) => line.toLowerCase().startsWith(name.toLowerCase() + ':')).map((line) => line.slice(name.length + 1).trim())
    }

    get(name) {
        return this.all(name)[0]
    }
}

// Says what it is told to, and keeps what it hears.
export class RawSip {
    static async open(scope, gateway, { user = 'anna', protocols = ['sip'], path = '/sip', origin } = {}) {
        const raw = new RawSip()
        const url = gateway.ws.replace('/v1/ws', path)
        Object.assign(raw, { gateway, user, domain: gateway.conf.sip.domain, heard: [], waiters: [], callId: hex(), cseq: 0, tag: hex(4) })
        raw.socket = new WebSocket(url, protocols, { origin: origin ?? gateway.http, perMessageDeflate: false })
        raw.closed = new Promise((resolve) => raw.socket.once('close', (code, reason) => resolve({ code, reason: String(reason) })))
        raw.socket.on('message', (data) => {
            raw.heard.push(String(data))
            raw.waiters.splice(0).forEach((wake) => wake())
        })
        scope.after(() => raw.socket.terminate())
        await withDeadline(once(raw.socket, 'open'), 5000, `WebSocket ${url}`)
        return raw
    }

    // The next message that fits.
    async next(fits = () => true, ms = 5000) {
        const search = async () => {
            for (;;) {
                const at = this.heard.findIndex((text) => fits(text))
                if (at >= 0) return this.heard.splice(at, 1)[0]
                await new Promise((resolve) => this.waiters.push(resolve))
            }
        }
        return await withDeadline(search(), ms, 'a message by WebSocket')
    }

    // Header lines replace those of the same name; null takes one away.
    write(method, { ruri = `sip:${this.domain}`, headers = {}, body = '' } = {}) {
        const all = {
            Via: `SIP/2.0/WS ${hex(4)}.invalid;branch=z9hG4bK${hex()}`,
            'Max-Forwards': '70',
            From: `<sip:${this.user}@${this.domain}>;tag=${this.tag}`,
            To: method === 'REGISTER' ? `<sip:${this.user}@${this.domain}>` : `<${ruri}>`,
            'Call-ID': this.callId,
            CSeq: `${++this.cseq} ${method}`,
            Contact: `<sip:${this.user}@${this.tag}.invalid;transport=ws>`,
            'Content-Length': String(Buffer.byteLength(body)),
            ...headers,
        }
        const lines = Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [value].flat().map((one) => `${name}: ${one}`)))
        return `${method} ${ruri} SIP/2.0\r\n${lines.join('\r\n')}\r\n\r\n${body}`
    }

    // Its final response.
    async ask(method, options) {
        const text = this.write(method, options)
        const branch = /branch=(\S+)/.exec(text)[1]
        this.socket.send(text)
        return new Message(await this.next((heard) => /^SIP\/2\.0 [2-6]/.test(heard) && heard.includes(branch)))
    }

    // The answer to a challenge (RFC 7616).
    authorization(method, challenge, { user = this.user, password = `${this.user}'s secret`, ruri = `sip:${this.domain}`, nc = '00000001', cnonce = hex() } = {}) {
        const h = challenge.algorithm === 'SHA-256' ? sha256 : md5
        const response = h(`${h(`${user}:${challenge.realm}:${password}`)}:${challenge.nonce}:${nc}:${cnonce}:auth:${h(`${method}:${ruri}`)}`)
        return `Digest username="${user}", realm="${challenge.realm}", nonce="${challenge.nonce}", uri="${ruri}", response="${response}", algorithm=${challenge.algorithm}, qop=auth, nc=${nc}, cnonce="${cnonce}"`
    }

    // Asked, challenged, asked again.
    async prove(method, { ruri, headers = {}, body, algorithm = 'MD5', ...more } = {}) {
        const first = await this.ask(method, { ruri, headers, body })
        if (first.status !== 401) return first
        const challenge = challenges(first).find((one) => one.algorithm === algorithm)
        return await this.ask(method, { ruri, body, headers: { ...headers, Authorization: this.authorization(method, challenge, { ruri, ...more }) } })
    }
}
