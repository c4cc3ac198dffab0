// The smallest SIP phone, over UDP: answers every INVITE with 200 and every BYE, and calls.
import { createSocket } from 'node:dgram'
import { randomBytes } from 'node:crypto'

const token = () => randomBytes(8).toString('hex')

export class Phone {
    // answer(user, offer): the SDP to answer a call to `user` with
    static async open(answer) {
        const phone = new Phone()
        phone.answer = answer
        phone.answered = new Map() // the 200 by Call-ID and CSeq, for retransmissions
        phone.calling = new Map() // by Call-ID
        phone.acked = 0
        phone.socket = createSocket('udp4')
        phone.socket.on('message', (data, from) => phone.#heard(data.toString(), from))
        await new Promise((resolve) => phone.socket.bind(0, '127.0.0.1', resolve))
        phone.port = phone.socket.address().port
        return phone
    }

    #heard(text, from) {
        const split = text.indexOf('\r\n\r\n')
        const [first, ...lines] = text.slice(0, split).split('\r\n')
        const named = (name) => lines.filter((line) => line.toLowerCase().startsWith(`${name}:`))
        const body = text.slice(split + 4)
        if (first.startsWith('SIP/')) this.#response(Number(first.split(' ')[1]), named, body, from)
        else this.#request(...first.split(' '), named, body, from)
    }

    async #request(method, uri, _, named, body, from) {
        if (method === 'ACK') this.acked++
        if (method === 'ACK') return
        const key = named('call-id')[0] + named('cseq')[0]
        const user = /^sip:([^@]*)@/.exec(uri)?.[1]
        if (!this.answered.has(key))
            this.answered.set(key, this.#reply(named, method === 'INVITE' ? await this.answer(user, body) : ''))
        this.socket.send(this.answered.get(key), from.port, from.address)
    }

    #reply(named, body) {
        const to = named('to')[0]
        return ['SIP/2.0 200 OK', ...named('via'), ...named('record-route'), ...named('from'),
            /;tag=/.test(to) ? to : `${to};tag=phone`, ...named('call-id'), ...named('cseq'), ...this.#body(body)].join('\r\n')
    }

    #body(body) {
        return [`Contact: <sip:phone@127.0.0.1:${this.port}>`, ...(body ? ['Content-Type: application/sdp'] : []),
            `Content-Length: ${Buffer.byteLength(body)}`, '', body]
    }

    #request_(method, uri, id, to, body = '') {
        return [`${method} ${uri} SIP/2.0`, `Via: SIP/2.0/UDP 127.0.0.1:${this.port};branch=z9hG4bK${token()}`, 'Max-Forwards: 70',
            `From: <sip:phone@127.0.0.1>;tag=${id}`, `To: ${to}`, `Call-ID: ${id}`, `CSeq: 1 ${method}`, ...this.#body(body)].join('\r\n')
    }

    // The SDP answer to `offer`.
    call(uri, port, offer) {
        const id = token()
        this.socket.send(this.#request_('INVITE', uri, id, `<${uri}>`, offer), port, '127.0.0.1')
        return new Promise((resolve, reject) => this.calling.set(id, { resolve, reject }))
    }

    #response(status, named, body, from) {
        const id = named('call-id')[0].replace(/^[^:]*:\s*/, '')
        const call = this.calling.get(id)
        if (status < 200 || !call) return
        const contact = /<([^>]+)>/.exec(named('contact')[0] ?? '')?.[1]
        if (contact) this.socket.send(this.#request_('ACK', contact, id, named('to')[0].replace(/^[^:]*:\s*/, '')), from.port, from.address)
        if (status === 200) call.resolve(body)
        else call.reject(new Error(`the phone's call got ${status}`))
    }

    close() {
        this.socket.close()
    }
}
