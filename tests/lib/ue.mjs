// ue.mjs - a scripted IMS phone behind the P-CSCF of tests/ims/core: the far end of the gateway's calls.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { pcscf } from './imscore.mjs'
import { opcOf, resOf } from './milenage.mjs'
import { SipPeer } from './sip.mjs'

const md5 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('md5')).digest('hex')
const key = (text) => Buffer.from(text, 'latin1')
const aka = (k) => ({ k: key(k), opc: opcOf(key(k), key('causewayOperator')) })

// Some of the core's subscribers (tests/ims/core/subscribers.json).
export const subscribers = {
    alice: { keys: aka('causewayAliceK01'), number: '+15550001' },
    bob: { keys: aka('causewayBobbyK02'), number: '+15550002' },
    dave: { password: 'dave-secret', number: '+15550004' },
}

export class Ue {
    static async open(scope, name, { host = '127.0.0.82', port = 0 } = {}) {
        const ue = new Ue()
        Object.assign(ue, { name, impi: `${name}@ims.test`, impu: `sip:${name}@ims.test`, ...subscribers[name] })
        ue.peer = await SipPeer.open(scope, { host, port })
        ue.to = { host: pcscf, port: 5060 }
        await ue.register()
        return ue
    }

    async register(expires = 600) {
        const uri = 'sip:ims.test'
        const dialog = this.registration ??= { local: `<${this.impu}>;tag=${this.name}`, remote: `<${this.impu}>` }
        const send = (authorization) => this.peer.request('REGISTER', uri, this.to, { dialog, headers: [`Authorization: ${authorization}`, `Expires: ${expires}`, 'Supported: path'] })
        const answered = () => this.peer.expect((m) => m.status >= 200 && /REGISTER/.test(m.get('cseq')))
        send(`Digest username="${this.impi}",realm="ims.test",uri="${uri}",nonce="",response=""`)
        let answer = await answered()
        // The S-CSCF may challenge once more right after a good answer: it sends the 401 before it has stored the vector.
        for (let i = 0; i < 2 && answer.status === 401; i++) {
            const challenge = answer.get('www-authenticate')
            const param = (name) => new RegExp(`\\b${name}="?([^",]+)`).exec(challenge)?.[1]
            const nonce = param('nonce')
            const ha1 = md5(`${this.impi}:ims.test:`, this.keys ? resOf(this.keys, nonce) : this.password)
            const response = md5(`${ha1}:${nonce}:00000001:abc:auth:${md5(`REGISTER:${uri}`)}`)
            send(`Digest username="${this.impi}",realm="ims.test",nonce="${nonce}",uri="${uri}",response="${response}",algorithm=${param('algorithm') ?? 'MD5'},qop=auth,nc=00000001,cnonce="abc"`)
            answer = await answered()
        }
        assert.equal(answer.status, 200, answer.text)
        this.route = answer.headers['service-route'] ?? []
    }

    // The route of what it sends: the P-CSCF, then as the core said (RFC 3608).
    get headers() {
        return [`Route: <sip:${pcscf}:5060;lr>`, ...this.route.map((uri) => `Route: ${uri}`)]
    }

    // A request that makes a dialog or stands alone.
    request(method, uri, { headers = [], ...rest } = {}) {
        const dialog = { local: `<${this.impu}>;tag=${this.name}${Date.now()}` }
        return this.peer.request(method, uri, this.to, { dialog, headers: [...this.headers, ...headers], ...rest })
    }

    // In the dialog that an answer to its INVITE made: by its own route set (RFC 3261 12.1.2).
    within(method, dialog, answer, options = {}) {
        SipPeer.follow(dialog, answer)
        const route = [...(answer.headers['record-route'] ?? [])].flatMap((value) => value.split(/,\s*/)).reverse()
        return this.peer.request(method, dialog.target, this.to, { dialog, ...options, headers: [...route.map((uri) => `Route: ${uri}`), ...(options.headers ?? [])] })
    }

    // What comes to it; what is asked of it in a dialog goes by the P-CSCF too.
    expect(what, ms) {
        return this.peer.expect(what, ms)
    }

    reply(request, status, reason, options) {
        this.peer.reply(request, status, reason, options)
    }
}
