// sound.mjs - a SIP end's sound: an RTP endpoint of the webpeer that plays a tone and listens for one.
import { until } from './proc.mjs'

export class Sound {
    static of(peer, id, hz = 440, codec = 'PCMA') {
        return Object.assign(new Sound(), { peer, id, hz, codec })
    }

    // Its SDP answers `sdp`.
    static async answering(scope, peer, sdp, options = {}) {
        return Sound.#made(scope, peer, 'rtp.accept', { sdp }, options)
    }

    static async offering(scope, peer, options = {}) {
        return Sound.#made(scope, peer, 'rtp.offer', {}, options)
    }

    static async #made(scope, peer, command, members, { codecs = ['PCMA'], hz = 440 }) {
        const sound = Sound.of(peer, peer.nextId++, hz, codecs[0])
        sound.sdp = (await peer.command(command, { id: sound.id, codecs, ...members })).sdp
        scope.after(() => peer.command('close', { id: sound.id }).catch(() => {}))
        return sound
    }

    answer(sdp) {
        return this.peer.command('rtp.answer', { id: this.id, sdp })
    }

    play(hz = this.hz) {
        return this.peer.command('send', { id: this.id, codec: this.codec, pps: 50, tone_hz: hz })
    }

    stop() {
        return this.peer.command('stop', { id: this.id })
    }

    stats(hz) {
        return this.peer.stats(this.id, hz)
    }

    // The strongest tone it receives, counted from now (or a while from now) on.
    async hears(hz, { ms = 6000, after_ms = 0 } = {}) {
        const from = Date.now() + after_ms
        await until(() => Date.now() >= from, 'a while', after_ms + 1000, 50)
        await this.peer.command('stats', { id: this.id, reset: true })
        return until(async () => {
            const { sound: s } = await this.stats(hz)
            return s && Math.abs((s.hz ?? s.peak_hz) - hz) < 20
        }, `endpoint ${this.id} hears ${hz} Hz`, ms, 50)
    }
}
