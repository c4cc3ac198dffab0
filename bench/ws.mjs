// Sessions over WebSocket: what one holds, what a log-in costs, how soon a ping is answered, how soon a text from
// user to user arrives. Beside it Kamailio's WebSocket and Janus'.
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { Causeway } from './lib/causeway.mjs'
import { Janus } from './lib/janus.mjs'
import { Kamailio } from './lib/kamailio.mjs'
import { cpuUs, installed, pssKib } from './lib/process.mjs'
import { Table } from './lib/table.mjs'
import { Wsload } from './lib/wsload.mjs'

const gatewayCore = 0
const settleMs = 3000
const pings = 5000
const secret = 'a secret that the bench alone knows, of some length'

function token(user) {
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: user, exp: Math.floor(Date.now() / 1000) + 7200, scope: 'call:* msg:*' })}`
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

const logIn = (i) => JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'session.open', params: { token: token(`u${i}`) } })

const sides = {
    causeway: {
        what: 'log-in by token',
        open: (n) => ({ path: '/v1/ws', protocol: 'causeway.v1', expect: '"result"', says: Array.from({ length: n }, (_, i) => logIn(i)) }),
        start: ({ program }) => Causeway.start({
            program, core: gatewayCore, web: 'connections_max = 100000;',
            records: `key = ( { algorithm = "HS256"; secret = "${secret}"; } );`,
        }),
    },
    Kamailio: {
        what: 'WebSocket alone',
        program: 'kamailio',
        open: () => ({ path: '/', protocol: 'sip' }),
        start: () => Kamailio.start({ core: gatewayCore, websocket: true }),
    },
    Janus: {
        what: 'WebSocket, session',
        program: 'janus',
        open: () => ({ path: '/', protocol: 'janus-protocol', expect: '"success"', say: '{"janus":"create","transaction":"t"}' }),
        start: () => Janus.start({ core: gatewayCore }),
    },
}

async function withSessions(name, count, options, work) {
    const side = sides[name]
    const gateway = await side.start(options), load = Wsload.start(options)
    try {
        const to = { to: gateway.address, at_once: 64, sources: 8, ...side.open(count) }
        const warm = Math.min(200, count / 10)
        await load.do('open', { ...to, count: warm })
        const pids = gateway.pids?.() ?? [gateway.pid]
        const used = () => pids.reduce((sum, pid) => sum + cpuUs(pid), 0), held = () => pids.reduce((sum, pid) => sum + pssKib(pid), 0)
        const cpu = used(), kib = held()
        const { opened, failed, ms } = await load.do('open', { ...to, count: count - warm })
        const us = (used() - cpu) / opened
        await pause(settleMs)
        return await work({ gateway, load, opened: opened + warm, failed, us, rate: (opened * 1000) / ms, kb: (held() - kib) / opened })
    } finally {
        load.stop()
        await gateway.stop()
    }
}

// A process may have so many.
const descriptors = () => Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))[1])

async function idle(options) {
    const table = new Table('WebSocket sessions, idle', [['gateway '], ['a session          '], ['sessions', 0], ['KB each', 2], ['CPU us to open', 0],
        ['a second a core', 0], ['ping p50 ms', 2], ['p99 ms', 2], ['JSON p50 ms', 2], ['p99 ms', 2]])
    const [few, wished] = options.sessions, many = Math.min(wished, descriptors() - 1000)
    const rows = [['causeway', few], ['Kamailio', few], ['Janus', few], ['causeway', many]].filter(([name, n]) => n && (!sides[name].program || installed(sides[name].program)))
    for (const [name, count] of rows) {
        await withSessions(name, count, options, async (m) => {
            if (m.failed) throw new Error(`${name}: ${m.failed} sessions could not be opened`)
            const frame = await m.load.do('ping', { count: pings })
            const json = name === 'causeway' ? await m.load.do('ping', { count: pings, say: '{"jsonrpc":"2.0","id":2,"method":"ping","params":{}}', expect: '"id":2' }) : {}
            if (options.verbose) console.error(name, m.rate, frame, json)
            table.row(name, sides[name].what, m.opened, m.kb, m.us, 1e6 / m.us, frame.p50_us / 1000, frame.p99_us / 1000, json.p50_us / 1000, json.p99_us / 1000)
        })
    }
    if (wished > many) table.note(`${wished} were wished for; a process here may have ${descriptors()} descriptors`)
}

async function relay(options) {
    const table = new Table('Texts from user to user', [['gateway '], ['sessions', 0], ['a second', 0], ['arrived', 0], ['of', 0], ['p50 ms', 2], ['p99 ms', 2], ['CPU us each', 1]])
    const ms = options.seconds * 1000
    for (const rate of [1000, 5000]) {
        await withSessions('causeway', options.sessions[0], options, async ({ gateway, load, opened }) => {
            const cpu = cpuUs(gateway.pid)
            const say = '{"jsonrpc":"2.0","id":3,"method":"im.send","params":{"to":"user:u%u","body":"t=%t"}}'
            const m = await load.do('relay', { rate, ms, say })
            table.row('causeway', opened, rate, m.got, m.sent, m.p50_us / 1000, m.p99_us / 1000, (cpuUs(gateway.pid) - cpu) / m.sent)
        })
    }
}

export async function ws(options) {
    const jobs = options.jobs ?? ['idle', 'relay']
    if (jobs.includes('idle')) await idle(options)
    if (jobs.includes('relay')) await relay(options)
}
