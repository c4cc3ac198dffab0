// imscore.mjs - the IMS core of tests/ims/core, on the loopback addresses of this test's network.
import path from 'node:path'
import { run, tempDir, top } from './proc.mjs'

const folder = path.join(top, 'tests/ims/core')

export const [hss, pcscf, icscf, scscf, as] = [70, 71, 72, 73, 74].map((n) => `127.0.0.${n}`)
export const pstn = '127.0.0.77' // free for a test: the PSTN gateway, and the PSAP

export class ImsCore {
    static async start(scope, { tls = false } = {}) {
        const core = new ImsCore()
        core.env = { IMS_RUN: tempDir(scope, 'imscore'), TLS: tls ? '1' : '0' }
        scope.after(() => core.do('down'))
        await core.do('up')
        return core
    }

    async do(...args) {
        const { code, text } = await run(path.join(folder, 'run-imscore'), args, { env: this.env, ms: 40000 })
        if (code !== 0) throw new Error(`run-imscore ${args.join(' ')}: ${code}: ${text}`)
        return text
    }

    // What the HSS says to a command, as JSON: show, rtr, sqn, fail, hold.
    async hss(...args) {
        return JSON.parse(await this.do('hss', ...args))
    }

    // Its own checks, each {name, passed}.
    async check() {
        const { text } = await run(path.join(folder, 'smoke'), [], { env: this.env, ms: 90000 })
        return { text, checks: [...text.matchAll(/^(ok|FAIL)\s+(.*?)(?: \(\S+s\))?$/gm)].map(([, how, name]) => ({ name, passed: how === 'ok' })) }
    }
}
