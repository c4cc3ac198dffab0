// Registrations on behalf of users, against Kamailio: CPU of a sign-on and of a refresh, what a user holds who
// is registered and away. Beside it Janus with its SIP plugin.
import { setTimeout as pause } from 'node:timers/promises'
import { Causeway } from './lib/causeway.mjs'
import { Janus } from './lib/janus.mjs'
import { Kamailio } from './lib/kamailio.mjs'
import { cpuUs, installed, spread, until, usage } from './lib/process.mjs'
import { Socket } from './lib/socket.mjs'
import { Table } from './lib/table.mjs'

const gatewayCore = 0, otherCore = 1
const atOnce = 32
const janusMs = 20000
const settleMs = 7000 // Sofia keeps a transaction 5 s after its answer (RFC 3261 17.1.2.2, timer K)

const registrarRecord = (port) => `registrar = ( { name = "bench"; domain = "bench.test"; proxy = "127.0.0.1:${port}";
    users = ( "u*" ); password = "secret"; grace_s = 86400; } );`

// Sockets that were closed hold their address and port for a minute: not one that gateways listen on.
const clients = '127.0.0.2'

// Logs in as a user, waits until they are registered, and goes away.
async function signOn(url, name) {
    const socket = await Socket.open(url, 'causeway.v1', clients)
    await new Promise((resolve, reject) => {
        socket.onmessage = ({ error, result, params }) => {
            const { state } = params ?? result?.registration ?? {}
            if (state === 'registered') resolve()
            else if (error || state === 'failed' || state === 'none') reject(new Error(`${name}: ${JSON.stringify(error ?? params ?? result)}`))
        }
        socket.onclose = () => reject(new Error(`${name}: closed`))
        socket.send({ jsonrpc: '2.0', id: 1, method: 'session.open', params: { guest: name, resume: false } })
    })
    socket.onclose = null
    socket.close()
}

const signOnAll = (gateway, from, to) => spread(to - from, atOnce, (i) => signOn(gateway.url, `u${from + i}`))
async function signOnOver(gateway, users, ms) {
    const start = Date.now(), all = []
    for (let i = 0; i < users;) {
        const due = Math.min(users, Math.ceil((users * (Date.now() - start)) / ms))
        for (; i < due; i++) all.push(signOn(gateway.url, `u${i}`))
        await pause(5)
    }
    await Promise.all(all)
}
const counted = async (gateway) => await gateway.ask('stats')

async function withRegistrar(expires, work) {
    const registrar = await Kamailio.start({ core: otherCore, expires })
    try {
        return await work(registrar)
    } finally {
        await registrar.stop()
    }
}

function withGateway({ program, expires }, work) {
    return withRegistrar(expires, async (registrar) => {
        const gateway = await Causeway.start({ program, core: gatewayCore, records: registrarRecord(registrar.sipPort) })
        try {
            return await work(gateway)
        } finally {
            await gateway.stop()
        }
    })
}

// ── Sign-ons, and what is held ──

async function heldBy(gateway, from, count) {
    const before = await gateway.ask('status')
    await signOnAll(gateway, from, from + count)
    await until('sessions to end', async () => (await counted(gateway)).connections <= 1)
    await pause(settleMs)
    const after = await gateway.ask('status')
    return { kb: (after.heap_kb - before.heap_kb) / count, fds: after.fds - before.fds }
}

async function shownIn(gateway, params) {
    const start = cpuUs(gateway.pid)
    const answer = await gateway.ask('registrations', params)
    return { ms: (cpuUs(gateway.pid) - start) / 1000, answer }
}

function ours({ program, users }) {
    return withGateway({ program, expires: 3600 }, async (gateway) => {
        const warm = Math.min(200, Math.floor(users / 10))
        await signOnAll(gateway, 0, warm)
        await pause(settleMs)
        const start = Date.now(), used = cpuUs(gateway.pid)
        const [held] = await Promise.all([heldBy(gateway, warm, users - warm).then((h) => ({ ...h, all: Date.now() - start }))])
        const us = (cpuUs(gateway.pid) - used) / (users - warm)
        const { registrations } = await counted(gateway)
        if (registrations !== users) throw new Error(`${registrations} of ${users} are registered`)
        const one = await shownIn(gateway, { user: 'u7' }), all = await shownIn(gateway, {})
        if (all.answer.length !== users || one.answer.state !== 'registered') throw new Error('not shown')
        return { us, rate: ((users - warm) * 1000) / (held.all - settleMs), ...held, rssKib: usage(gateway.pid).kib, one: one.ms, list: all.ms }
    })
}

// As many as it manages in some seconds.
function theirs({ count }) {
    return withRegistrar(3600, async (registrar) => {
        const janus = await Janus.start({ core: gatewayCore, plugin: 'sip' })
        try {
            let done = 0
            const before = usage(janus.pid), start = Date.now(), used = cpuUs(janus.pid)
            await Promise.race([pause(janusMs), spread(count, atOnce, async (i) => {
                // An address: it asks for the name of a domain at each, and waits.
                await janus.register({
                    username: `sip:j${i}@127.0.0.1:${registrar.sipPort}`, secret: 'secret', proxy: `sip:127.0.0.1:${registrar.sipPort}`, authuser: `j${i}`,
                })
                done++
            })])
            const ms = Date.now() - start, us = (cpuUs(janus.pid) - used) / done, after = usage(janus.pid)
            return { count: done, us, rate: (done * 1000) / ms, kb: (after.kib - before.kib) / done, fds: (after.fds - before.fds) / done }
        } finally {
            await janus.stop()
        }
    })
}

async function signOns(options) {
    const { users } = options
    const table = new Table('Sign-ons: log-in, REGISTER, 401, REGISTER, 200', [['gateway '], ['users', 0], ['CPU us', 0], ['a second', 1], ['a second a core', 0], ['KB/user', 2], ['fds/user', 2]])
    const mine = await ours(options)
    const janus = installed('janus') ? await theirs({ count: Math.min(100, users) }) : undefined
    if (options.verbose) console.error(mine, janus)
    table.row('causeway', users, mine.us, mine.rate, 1e6 / mine.us, mine.kb, mine.fds / users)
    if (janus) table.row('Janus', janus.count, janus.us, janus.rate, 1e6 / janus.us, janus.kb, janus.fds)
    table.note(`${users} users: \`causewayctl registrations\` takes ${mine.list.toFixed(1)} ms of the loop, \`registrations USER\` ${mine.one.toFixed(1)} ms`)
}

// ── Refreshes ──

// As users come: spread over the time after which they are renewed. Over whole rounds.
function refreshed({ program, users, expires }) {
    const seconds = Math.max(6, expires / 2)

    return withGateway({ program, expires }, async (gateway) => {
        await signOnOver(gateway, users, expires * 500)
        await until('all to be registered', async () => (await counted(gateway)).registrations === users)
        await pause(settleMs)
        const first = await counted(gateway), used = cpuUs(gateway.pid)
        await pause(seconds * 1000)
        const last = await counted(gateway), us = cpuUs(gateway.pid) - used
        const n = last.registers_out - first.registers_out
        if (last.registrations !== users || last.registrations_failed) throw new Error('a registration was lost')
        return { us: us / n, rate: n / seconds }
    })
}

async function refreshes(options) {
    const table = new Table('Refreshes: REGISTER with digest, 200', [['users', 0], ['expires s', 0], ['a second', 0], ['CPU us each', 1], ['of the first', 2]])
    const some = (n) => Math.min(n, options.users)
    for (const [small, large, expires] of [[100, 1000, 2], [1000, 10000, 2]]) {
        const base = await refreshed({ ...options, users: some(small), expires })
        table.row(some(small), expires, base.rate, base.us, 1)
        const more = await refreshed({ ...options, users: some(large), expires: expires * 10 })
        table.row(some(large), expires * 10, more.rate, more.us, more.us / base.us)
    }
}

export async function register(options) {
    const jobs = options.jobs ?? ['signon', 'refresh']
    if (jobs.includes('signon')) await signOns(options)
    if (jobs.includes('refresh')) await refreshes(options)
}
