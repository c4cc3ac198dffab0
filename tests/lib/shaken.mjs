// shaken.mjs - an authority of callers' certificates, PASSporTs and an HTTPS server, by node's and openssl's own means.
import { execFileSync } from 'node:child_process'
import { createPrivateKey, createPublicKey, sign, verify, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import path from 'node:path'
import { tempDir } from './proc.mjs'

const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] })
const tnAuthList = '1.3.6.1.5.5.7.1.26=DER:30:08:a0:06:16:04:31:32:33:34' // a provider's code
const usage = ['-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'keyUsage=digitalSignature']

export class Authority {
    constructor(scope, name = 'authority') {
        this.dir = tempDir(scope, 'shaken')
        this.path = path.join(this.dir, 'authority.pem')
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`, '-days', '30',
            '-keyout', path.join(this.dir, 'authority.key'), '-out', this.path,
            '-addext', 'keyUsage=keyCertSign', '-addext', 'basicConstraints=critical,CA:TRUE')
    }

    // { key, pem }: paths and texts. `listed`: with a TNAuthList.
    certify(name, { listed = true, names, days = 10 } = {}) {
        const [key, request, cert] = ['key', 'csr', 'pem'].map((end) => path.join(this.dir, `${name}.${end}`))
        openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`, '-keyout', key, '-out', request,
            ...usage, ...(listed ? ['-addext', tnAuthList] : []), ...(names ? ['-addext', `subjectAltName=${names}`] : []))
        openssl('x509', '-req', '-in', request, '-CA', this.path, '-CAkey', path.join(this.dir, 'authority.key'), '-CAcreateserial',
            '-days', String(days), '-copy_extensions', 'copyall', '-out', cert)
        return { key, cert, keyText: readFileSync(key, 'utf8'), pem: readFileSync(cert, 'utf8') }
    }
}

const base64 = (text) => Buffer.from(text).toString('base64url')

// An Identity value as RFC 8224 and RFC 8588 have it.
export function identity({ keyText, url, from, to, attest = 'A', iat = Math.floor(Date.now() / 1000), ppt = 'shaken', alg = 'ES256', origid = '123e4567-e89b-12d3-a456-426655440000' }) {
    const head = { alg, ppt, typ: 'passport', x5u: url }
    const claims = { attest, dest: { tn: [to] }, iat, orig: { tn: from }, origid }
    const input = `${base64(JSON.stringify(head))}.${base64(JSON.stringify(claims))}`
    const signature = sign('sha256', Buffer.from(input), { key: createPrivateKey(keyText), dsaEncoding: 'ieee-p1363' })
    return `${input}.${signature.toString('base64url')};info=<${url}>;alg=${alg};ppt=${ppt}`
}

// What an Identity value says, if `pem` signed it. The texts of header and claims are as they came.
export function read(value, pem) {
    const [, token, info] = /^([^;]+);info=<([^>]+)>;alg=ES256;ppt=shaken$/.exec(value)
    const [head, claims, signature] = token.split('.')
    const key = createPublicKey(new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'pem' }))
    if (!verify('sha256', Buffer.from(`${head}.${claims}`), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')))
        throw new Error('bad signature')
    const text = (part) => Buffer.from(part, 'base64url').toString()
    return { info, headText: text(head), claimsText: text(claims), head: JSON.parse(text(head)), claims: JSON.parse(text(claims)) }
}

// Certificates by path; a function answers by itself. `asked` counts.
export class CertServer {
    static async open(scope, { key, cert }, files, { host = '127.0.0.2', port = 0 } = {}) {
        const server = new CertServer()
        const open = new Set()
        server.asked = {}
        server.server = https.createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
            server.asked[request.url] = (server.asked[request.url] ?? 0) + 1
            const file = files[request.url]
            if (typeof file === 'function') file(response)
            else response.writeHead(file ? 200 : 404).end(file)
        })
        server.server.on('connection', (socket) => (open.add(socket), socket.on('close', () => open.delete(socket)), socket.on('error', () => {})))
        server.server.on('tlsClientError', () => {})
        await new Promise((resolve) => server.server.listen(port, host, resolve))
        server.port = server.server.address().port
        scope.after(() => {
            for (const socket of open) socket.destroy()
            server.server.close()
        })
        return server
    }
}

export const writeText = (dir, name, text) => (writeFileSync(path.join(dir, name), text), path.join(dir, name))
