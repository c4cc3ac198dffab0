// gateway.mjs - causeway from a build directory, with a configuration of the test's own.
import { existsSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { buildDir, openFiles, outDir, Program, residentKib, run, tempDir, top, until } from './proc.mjs'
import { Client } from './rpc.mjs'

export const program = path.join(buildDir, 'causeway')
export const ctlProgram = path.join(buildDir, 'causewayctl')

// What libconfig reads: { web: { listen: ['…'] }, trunk: [{ name: '…' }] }
export function confText(conf) {
    const value = (v) => {
        if (typeof v === 'string') return JSON.stringify(v)
        if (Array.isArray(v)) return `( ${v.map((item) => (typeof item === 'object' ? record(item) : value(item))).join(', ')} )`
        return String(v)
    }
    const record = (r) => `{ ${Object.entries(r).map(([k, v]) => `${k} = ${value(v)};`).join(' ')} }`
    return Object.entries(conf)
        .map(([name, section]) => `${name} ${Array.isArray(section) ? '= ' + value(section) : ': ' + record(section)};`)
        .join('\n') + '\n'
}

function merge(base, more) {
    const merged = { ...base }
    for (const [key, value] of Object.entries(more))
        merged[key] = value && typeof value === 'object' && !Array.isArray(value) ? merge(base[key] ?? {}, value) : value
    return merged
}

export const baseConf = {
    log: { level: 'debug' },
    web: { listen: ['127.0.0.1:8080'] },
    auth: { guests: true },
    sip: { listen: ['udp:127.0.0.1:5060', 'tcp:127.0.0.1:5060'], peers: ['127.0.0.0/8', '::1', '10.99.0.0/24'] },
    inbound: [{ match: '*', to: 'user:$' }],
    media: { workers: 2, browser_listen: ['127.0.0.1'], rtp_listen: ['127.0.0.1'] },
}

function connects(host, port) {
    return new Promise((resolve) => {
        const socket = net.connect(port, host)
        socket.once('connect', () => (socket.destroy(), resolve(true)))
        socket.once('error', () => resolve(false))
    })
}

export class Gateway {
    // `namespace`: a network to run in; `reach`: where its WebSocket is seen from here, if not at web.listen.
    static async start(scope, conf = {}, { args = [], namespace, reach } = {}) {
        const gateway = new Gateway()
        gateway.dir = tempDir(scope, 'causeway')
        gateway.socket = path.join(gateway.dir, 'ctl')
        gateway.conf = merge(merge(baseConf, { admin: { socket: gateway.socket } }), conf)
        gateway.socket = gateway.conf.admin.socket
        gateway.confPath = path.join(gateway.dir, 'causeway.conf')
        writeFileSync(gateway.confPath, confText(gateway.conf))
        const command = [...(namespace ? ['ip', 'netns', 'exec', namespace] : []), program, '-c', gateway.confPath, ...args]
        gateway.program = new Program(scope, 'causeway', command[0], command.slice(1), {
            env: {
                ASAN_OPTIONS: 'detect_leaks=1:abort_on_error=0:exitcode=99',
                LSAN_OPTIONS: `suppressions=${top}/tests/unit/lsan.supp:print_suppressions=0`,
                UBSAN_OPTIONS: 'print_stacktrace=1',
            },
        })
        const listen = reach ?? gateway.conf.web.listen[0]
        const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(listen)
        gateway.http = `http://${listen}`
        gateway.ws = `ws://${listen}/v1/ws`
        await until(async () => {
            if (gateway.program.end) throw new Error(`causeway ended: ${gateway.program.text}`)
            return reach ? existsSync(gateway.socket) : await connects(host, port)
        }, `causeway listens on ${listen}`, 10000)
        await until(async () => (await gateway.ctlRun('status')).code === 0, 'its control socket answers', 5000)
        return gateway
    }

    get pid() {
        return this.program.pid
    }

    // Ends well: status 0, and nothing the sanitizers had to say.
    async stop(signal = 'SIGTERM') {
        const end = await this.program.stop(signal)
        if (end.code !== 0) throw new Error(`causeway ended with ${JSON.stringify(end)}: ${this.program.text.slice(-6000)}`)
        const fault = /ERROR: \w+Sanitizer|runtime error:|CRITICAL|g_assert/.exec(this.program.text)
        if (fault) throw new Error(`${fault[0]}: ${this.program.text.slice(fault.index, fault.index + 4000)}`)
    }

    open(scope, params, options) {
        return Client.open(scope, this.ws, params, options)
    }

    async ctlRun(...args) {
        return await run(ctlProgram, ['-s', this.socket, ...args])
    }

    async ctl(...args) {
        const { code, text } = await this.ctlRun('-j', ...args)
        if (code !== 0) throw new Error(`causewayctl ${args.join(' ')}: ${code}: ${text}`)
        return JSON.parse(text)
    }

    // What must be as before when every call and session is gone.
    async usage() {
        const status = await this.ctl('status')
        return { status, files: openFiles(this.pid).sort(), residentKib: residentKib(this.pid) }
    }
}
