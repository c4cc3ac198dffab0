// CPU of a whole call's signalling: INVITE, 200, ACK, BYE. Beside it Kamailio with rtpengine, a proxy, where the
// work is between two telephones.
import { spawn } from 'node:child_process'
import { Causeway } from './lib/causeway.mjs'
import { Kamailio } from './lib/kamailio.mjs'
import { Phone } from './lib/phone.mjs'
import { cpuUs, freePort, installed, pinned, spread, until } from './lib/process.mjs'
import { Rtpengine } from './lib/rtpengine.mjs'
import { Table } from './lib/table.mjs'
import { Webpeer } from './lib/webpeer.mjs'

const gatewayCore = 0, generatorCore = 1
const perSecond = 250

// SIPp, which calls or is called. Resolves when its calls are over.
function sipp(args) {
    const child = spawn(...pinned(generatorCore, ['sipp', '-i', '127.0.0.1', '-nostdin', '-timeout', '120', '-timeout_error', ...args.map(String)]), { stdio: ['ignore', 'ignore', 'pipe'] })
    let errors = ''
    child.stderr.on('data', (data) => (errors += data))
    const done = new Promise((resolve, reject) => child.on('exit', (code) => (code === 0 || code === null || code === 255 ? resolve() : reject(new Error(`sipp ended with ${code}: ${errors.slice(0, 500)}`)))))
    return { child, done }
}

const callers = async (user, port, count) => sipp(['-sn', 'uac', '-s', user, '-r', perSecond, '-m', count, '-d', 10, '-p', await freePort(), `127.0.0.1:${port}`]).done

async function phones() {
    const port = await freePort()
    const { child, done } = sipp(['-sn', 'uas', '-p', port])
    done.catch(() => {})
    return { port, stop: () => child.kill('SIGKILL') }
}

const warm = (count) => Math.min(100, count)

// CPU of `count` calls after some first ones.
async function spent(used, count, work) {
    await work(warm(count))
    const before = used()
    await work(count)
    return (used() - before) / count / 1000
}

const kinds = {
    'SIP – echo': {
        causeway: async ({ program, count }) => {
            const gateway = await Causeway.start({ program, core: gatewayCore })
            const ms = await spent(() => cpuUs(gateway.pid), count, (n) => callers('echo', gateway.sipPort, n))
            await gateway.stop()
            return ms
        },
    },
    'SIP – SIP': {
        causeway: async ({ program, count }) => {
            const far = await phones()
            const gateway = await Causeway.start({ program, core: gatewayCore, phone: far.port })
            const ms = await spent(() => cpuUs(gateway.pid), count, (n) => callers('c1', gateway.sipPort, n))
            await gateway.stop()
            far.stop()
            return ms
        },
        'Kamailio, rtpengine': async ({ count }) => {
            const far = await phones()
            const media = await Rtpengine.start({ core: gatewayCore })
            const proxy = await Kamailio.start({ core: gatewayCore, phone: far.port, rtpengine: media.port })
            const ms = await spent(() => proxy.cpuUs() + cpuUs(media.pid), count, (n) => callers('c1', proxy.sipPort, n))
            await proxy.stop()
            await media.stop()
            far.stop()
            return ms
        },
    },
    'JSON – SIP': {
        // A browser's offer, which never becomes media: what is counted is signalling.
        causeway: async ({ program, webpeer, count }) => {
            const peer = new Webpeer(webpeer, { core: generatorCore, suites: 'SRTP_AEAD_AES_128_GCM' })
            const offer = (await peer.do('web.offer', { id: 1, shared: true, codecs: ['opus'] })).sdp
            const answer = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n'
            const far = await Phone.open(() => answer)
            const gateway = await Causeway.start({ program, core: gatewayCore, phone: far.port })
            let calls = 0
            const work = (n) => spread(n, 4, async () => {
                const call = `c${calls++}`
                await gateway.call(call, `sip:c@127.0.0.1:${far.port}`, offer)
                await gateway.end(call)
            })
            const ms = await spent(() => cpuUs(gateway.pid), count, work)
            await until('the last ACK', () => far.acked >= calls)
            far.close()
            await gateway.stop()
            peer.close()
            return ms
        },
    },
}

const present = (name) => name === 'causeway' || (installed('kamailio') && installed('rtpengine'))

export async function sip(options) {
    if (!installed('sipp')) throw new Error('bench/run sip: sipp is not installed (Debian: sip-tester)')
    const table = new Table('Signalling: CPU of a call from INVITE to BYE', [['work      '], ['gateway            '], ['calls', 0], ['ms/call', 3], ['calls/s a core', 0], ['ours of theirs', 2]])
    for (const [kind, gateways] of Object.entries(kinds)) {
        let ours
        for (const [name, run] of Object.entries(gateways)) {
            if (!present(name)) continue
            const ms = await run({ ...options, count: options.count * 5 })
            table.row(kind, name, options.count * 5, ms, 1000 / ms, ours && ours / ms)
            ours ??= ms
        }
    }
}
