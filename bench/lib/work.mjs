// The same work for each side: calls between a near end (WebRTC or RTP) and a far end (RTP), both of them
// endpoints of a load generator.
import { spawnSync } from 'node:child_process'
import { Bare } from './bare.mjs'
import { Causeway } from './causeway.mjs'
import { Janus } from './janus.mjs'
import { Floor } from './floor.mjs'
import { Phone } from './phone.mjs'
import { installed, spread } from './process.mjs'
import { Rtpengine } from './rtpengine.mjs'
import { Webpeer } from './webpeer.mjs'

export const gatewayCore = 0
const generatorCore = 1
const near = (i) => 2 * i + 1, far = (i) => 2 * i + 2 // endpoint ids of call i
export const below = (calls) => near(calls) // no endpoint of the first `calls` calls

export const jobs = {
    dtls: { name: 'DTLS-SRTP – RTP', web: true, near: 'opus', far: 'opus' },
    rtp: { name: 'RTP – RTP', web: false, near: 'opus', far: 'opus' },
    pcma: { name: 'Opus – PCMA', web: true, near: 'opus', far: 'PCMA' },
    amrwb: { name: 'Opus – AMR-WB', web: true, near: 'opus', far: 'AMR-WB' },
}

// Several generators share the calls.
const peerOf = (side, i) => side.peers[i % side.peers.length]
const offer = (side, i) => peerOf(side, i).do(side.job.web ? 'web.offer' : 'rtp.offer',
    { id: near(i), shared: true, codecs: [side.job.near], active: side.gateway instanceof Janus })
const accept = async (side, i, sdp) =>
    (await peerOf(side, i).do('rtp.accept', { id: far(i), sdp, shared: true, codecs: [side.job.far] })).sdp

export const gateways = {
    // No gateway at all: what the generator and the kernel take by themselves.
    direct: {
        async start(side) {
            side.job = { ...side.job, web: false, far: side.job.near }
            side.connect = (i, sdp) => accept(side, i, sdp)
        },
    },
    causeway: {
        async start(side, { program, more, workers, core = gatewayCore, fair }) {
            side.phone = await Phone.open((user, sdp) => accept(side, Number(user.slice(1)), sdp))
            side.gateway = await Causeway.start({ program, core, more, workers, fair, phone: side.phone.port })
            side.connect = (i, sdp) => side.job.web
                ? side.gateway.call(`c${i}`, `sip:c${i}@127.0.0.1:${side.phone.port}`, sdp)
                : side.phone.call(`sip:c${i}@127.0.0.1:${side.gateway.sipPort}`, side.gateway.sipPort, sdp)
        },
    },
    // Packets past the network stack of the kernel.
    'causeway AF_XDP': {
        start: (side, options) => gateways.causeway.start(side, { ...options, more: `xdp_interface = "bench0"; ${options.more}` }),
    },
    // The kernel's part alone, with our sockets.
    floor: {
        async start(side, { webpeer, xdp }) {
            side.gateway = Floor.start({ webpeer, core: gatewayCore, shared: side.job.web, xdp })
            side.job = { ...side.job, web: false }
            side.connect = (i, sdp) => side.gateway.call(sdp, (offer) => accept(side, i, offer))
        },
    },
    'floor AF_XDP': {
        start: (side, options) => gateways.floor.start(side, { ...options, xdp: 'bench0' }),
    },
    // Ours, and neither SIP nor JSON.
    'causeway, media alone': {
        async start(side, { webpeer }) {
            const { web } = side.job
            side.gateway = Bare.start({ webpeer, core: gatewayCore })
            side.connect = async (i, sdp) =>
                side.gateway.answer(i, await accept(side, i, await side.gateway.offer(i, sdp, web)))
        },
    },
    rtpengine: {
        program: 'rtpengine',
        jobs: ['dtls', 'rtp', 'pcma'], // Debian's decodes AMR-WB and does not encode it
        async start(side) {
            const { web, near: from, far: to } = side.job
            const how = { web, codec: from === to ? undefined : to }
            side.gateway = await Rtpengine.start({ core: gatewayCore })
            side.connect = async (i, sdp) =>
                side.gateway.answer(`c${i}`, await accept(side, i, await side.gateway.offer(`c${i}`, sdp, how)), how)
        },
    },
    Janus: {
        program: 'janus',
        jobs: ['dtls'], // its NoSIP plugin has no call between two telephones
        async start(side) {
            side.gateway = await Janus.start({ core: gatewayCore })
            side.connect = async (i, sdp) => {
                const call = await side.gateway.offer(sdp)
                return side.gateway.answer(call.handle, await accept(side, i, call.sdp))
            }
        },
    },
}

export const rivals = (job) => ['rtpengine', 'Janus'].filter((name) => gateways[name].jobs.includes(job) && installed(gateways[name].program))

// Both ways to send, where it was built with both and may use them.
export function ours({ program }) {
    const can = spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout?.includes('libxdp') && process.getuid() === 0 && !process.env.BENCH_GENTLE
    return can ? ['causeway', 'causeway AF_XDP'] : ['causeway']
}

// A gateway started, its generator beside it; `work` uses it, and it ends.
export async function withSide(name, job, options, work) {
    const { generatorCores = [generatorCore] } = options
    const side = { name, job: jobs[job], peers: generatorCores.map((core) => new Webpeer(options.webpeer, { core, suites: 'SRTP_AEAD_AES_128_GCM' })) }
    try {
        await gateways[name].start(side, options)
        const failed = new Promise((_, reject) => {
            for (const peer of side.peers) peer.onfailed = ({ id, why }) => reject(new Error(`${name}: endpoint ${id}: ${why}`))
        })
        return await Promise.race([failed, work(side)])
    } finally {
        for (const peer of side.peers) peer.close()
        side.phone?.close()
        await side.gateway?.stop()
    }
}

// Calls first … first + n - 1, up to ICE, DTLS and SIP's ACK; or up to ICE alone.
export async function connectCalls(side, first, n, { atOnce = 8, dtls = true } = {}) {
    await spread(n, atOnce, async (k) => {
        const i = first + k
        const { web } = side.job
        const peer = peerOf(side, i)
        const connected = web && peer.event(dtls ? 'connected' : 'checked', near(i))
        const sdp = await side.connect(i, (await offer(side, i)).sdp)
        await peer.do(web ? 'web.answer' : 'rtp.answer', { id: near(i), sdp, no_dtls: !dtls })
        await connected
    })
}
