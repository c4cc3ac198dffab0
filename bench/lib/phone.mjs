// The smallest SIP phone: answers every INVITE with 200 and every BYE, over UDP.
import { createSocket } from 'node:dgram'

export class Phone {
    // answer(offer): the SDP to answer with
    static async open(answer) {
        const phone = new Phone()
        phone.answer = answer
        phone.answered = new Map() // the 200 by Call-ID and CSeq, for retransmissions
        phone.acked = 0
        phone.socket = createSocket('udp4')
        phone.socket.on('message', (data, from) => phone.#heard(data.toString(), from))
        await new Promise((resolve) => phone.socket.bind(0, '127.0.0.1', resolve))
        phone.port = phone.socket.address().port
        return phone
    }

    async #heard(text, from) {
        const split = text.indexOf('\r\n\r\n')
        const [first, ...lines] = text.slice(0, split).split('\r\n')
        const method = first.split(' ')[0]
        const named = (name) => lines.filter((line) => line.toLowerCase().startsWith(`${name}:`))
        if (method === 'ACK') this.acked++
        if (method === 'ACK' || method.startsWith('SIP/')) return
        const key = named('call-id')[0] + named('cseq')[0]
        if (!this.answered.has(key))
            this.answered.set(key, this.#reply(method, named, method === 'INVITE' ? await this.answer(text.slice(split + 4)) : ''))
        this.socket.send(this.answered.get(key), from.port, from.address)
    }

    #reply(method, named, body) {
        const to = named('to')[0]
        return ['SIP/2.0 200 OK', ...named('via'), ...named('record-route'), ...named('from'),
            /;tag=/.test(to) ? to : `${to};tag=phone`, ...named('call-id'), ...named('cseq'),
            `Contact: <sip:phone@127.0.0.1:${this.port}>`, ...(body ? ['Content-Type: application/sdp'] : []),
            `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n')
    }

    close() {
        this.socket.close()
    }
}
