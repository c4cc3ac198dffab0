// certs.mjs - an authority and certificates of it, by openssl; each with its key in one file.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { tempDir } from './proc.mjs'

const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] })
const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

export class Authority {
    constructor(scope, name = 'Test authority') {
        this.dir = tempDir(scope, 'certs')
        this.file = path.join(this.dir, 'authority.pem')
        openssl('req', '-x509', ...key, '-days', '9', '-subj', `/CN=${name}`, '-addext', 'basicConstraints=critical,CA:TRUE', '-keyout', path.join(this.dir, 'authority.key'), '-out', this.file)
    }

    // For `names` such as "DNS:a.test,IP:127.0.0.1"; its path. The same `file` again replaces it.
    issue(file, names, { days = 9 } = {}) {
        const [request, ext, out] = ['csr', 'ext', 'pem'].map((end) => path.join(this.dir, `${file}.${end}`))
        const private_key = path.join(this.dir, `${file}.key`)
        openssl('req', '-new', ...key, '-subj', `/CN=${file}`, '-keyout', private_key, '-out', request)
        writeFileSync(ext, `subjectAltName=${names}\n`)
        const cert = openssl('x509', '-req', '-in', request, '-CA', this.file, '-CAkey', path.join(this.dir, 'authority.key'), '-CAcreateserial', '-days', String(days), '-extfile', ext)
        writeFileSync(out, cert + String(readFileSync(private_key)))
        return out
    }
}
