// The same work for each side: WebRTC on one end of a call, plain RTP on the other.
import { Causeway } from './causeway.mjs'
import { Phone } from './phone.mjs'
import { spread } from './process.mjs'
import { Rtpengine } from './rtpengine.mjs'
import { Webpeer } from './webpeer.mjs'

export const gatewayCore = 0
const generatorCore = 1
const web = (i) => 2 * i + 1, phone = (i) => 2 * i + 2 // endpoint ids of call i
const codecs = ['opus']

async function throughCauseway(side, i) {
    const { peer, causeway } = side
    const { sdp } = await peer.do('web.offer', { id: web(i), shared: true, codecs })
    side.offered.push(phone(i))
    return causeway.call(`c${i}`, `sip:phone@127.0.0.1:${side.phone.port}`, sdp)
}

async function throughRtpengine({ peer, rtpengine }, i) {
    const offer = await peer.do('web.offer', { id: web(i), shared: true, codecs })
    const sdp = await rtpengine.offer(`c${i}`, offer.sdp)
    const answer = await peer.do('rtp.accept', { id: phone(i), sdp, shared: true, codecs })
    return rtpengine.answer(`c${i}`, answer.sdp)
}

// No gateway at all: what the generator and the kernel take by themselves.
async function direct({ peer }, i) {
    const offer = await peer.do('rtp.offer', { id: web(i), shared: true, codecs })
    const answer = await peer.do('rtp.accept', { id: phone(i), sdp: offer.sdp, shared: true, codecs })
    await peer.do('rtp.answer', { id: web(i), sdp: answer.sdp })
}

export const sides = {
    direct: {
        async start(side) {
            side.connect = (i) => direct(side, i)
        },
    },
    causeway: {
        async start(side, { program, more }) {
            side.causeway = await Causeway.start({ program, core: gatewayCore, more })
            side.offered = []
            side.phone = await Phone.open(async (sdp) =>
                (await side.peer.do('rtp.accept', { id: side.offered.shift(), sdp, shared: true, codecs })).sdp)
            side.connect = (i) => throughCauseway(side, i)
            side.gateway = side.causeway
        },
    },
    rtpengine: {
        async start(side) {
            side.rtpengine = await Rtpengine.start({ core: gatewayCore })
            side.connect = (i) => throughRtpengine(side, i)
            side.gateway = side.rtpengine
        },
    },
}

// A side started, its generator beside it; `work` uses it, and it ends.
export async function withSide(name, options, work) {
    const side = { peer: new Webpeer(options.webpeer, { core: generatorCore, suites: 'SRTP_AEAD_AES_128_GCM' }) }
    try {
        await sides[name].start(side, options)
        const failed = new Promise((_, reject) => {
            side.peer.onfailed = ({ id, why }) => reject(new Error(`${name}: endpoint ${id}: ${why}`))
        })
        return await Promise.race([failed, work(side)])
    } finally {
        side.peer.close()
        side.phone?.close()
        await side.gateway?.stop()
    }
}

// Calls first … first + n - 1, up to ICE, DTLS and SIP's ACK.
export async function connectCalls(side, first, n, atOnce = 8) {
    await spread(n, atOnce, async (k) => {
        const i = first + k
        const connected = side.peer.event('connected', web(i))
        const sdp = await side.connect(i)
        if (!sdp) return
        await side.peer.do('web.answer', { id: web(i), sdp })
        await connected
    })
}
