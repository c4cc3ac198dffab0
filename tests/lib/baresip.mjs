// baresip.mjs - baresip as a telephone: a tone for a microphone, a WAV file for a loudspeaker.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { Program, tempDir, until, withDeadline } from './proc.mjs'
import { levelDb, peakHz, sine, wav } from './audio.mjs'

let phones = 0

export class Baresip {
    // Accounts are of baresip's syntax without the auth_user part; answer: auto or manual. It hangs up when its
    // tone has lasted so many seconds.
    static async start(scope, { user = 'bob', port = 5200 + 10 * phones++, host = '127.0.0.1', answer = 'auto', hz = 440, lasts = 10, codecs = 'PCMA', registrar, password = 'none', transport = 'udp', outbound, mediaenc, rtcpMux = false, videoCodecs } = {}) {
        const phone = new Baresip()
        Object.assign(phone, { host, port, user, events: [], waiters: [] })
        phone.dir = tempDir(scope, 'baresip')
        phone.heard = path.join(phone.dir, 'heard')
        mkdirSync(phone.heard)
        writeFileSync(path.join(phone.dir, 'tone.wav'), wav(sine(hz, lasts, 8000, 0.3), 8000))
        phone.rtpPorts = [45000 + (port % 500) * 10, 45009 + (port % 500) * 10]
        writeFileSync(path.join(phone.dir, 'config'), `
sip_listen ${host}:${port}
net_interface ${host.startsWith("10.") ? "v0" : host}
audio_player aubridge,${user}
snd_path ${phone.heard}
audio_source aufile,${phone.dir}/tone.wav
audio_alert aufile,${phone.heard}/alert.wav
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
rtp_ports ${phone.rtpPorts.join('-')}
rtcp_mux ${rtcpMux ? 'yes' : 'no'}
jitter_buffer_type fixed
jitter_buffer_delay 1-5
call_local_timeout 60
call_max_calls 4
module_path /usr/lib/baresip/modules
module g711.so
module g722.so
module opus.so
module amr.so
module aufile.so
module aubridge.so
module sndfile.so
module srtp.so
module dtls_srtp.so
${videoCodecs ? `module vp8.so
module vp9.so
${/H26/.test(videoCodecs) ? `module avcodec.so
avcodec_h264enc libx264
avcodec_h264dec h264
` : ''}module fakevideo.so
video_source fakevideo,nil
video_display fakevideo,nil
video_size 320x240
video_bitrate 300000
video_fps 15
` : ''}module account.so
module menu.so
module ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:${port + 5}
`)
        writeFileSync(path.join(phone.dir, 'accounts'),
            `<sip:${user}@${registrar ?? `${host}:${port}`};transport=${transport}>;auth_user=${user};auth_pass=${password};answermode=${answer};audio_codecs=${codecs};video_codecs=${videoCodecs ?? ''};regint=${registrar ? 60 : 0}${mediaenc ? `;mediaenc=${mediaenc}` : ''}${outbound ? `;outbound="${outbound}"` : ''}\n`)
        writeFileSync(path.join(phone.dir, 'contacts'), '')
        phone.program = new Program(scope, 'baresip', 'baresip', ['-f', phone.dir, '-v', '-s', ...(host.includes(':') ? ['-6'] : ['-4'])], { cwd: phone.heard, peer: true })
        await phone.program.waitFor(/baresip is ready/)
        await phone.#control(scope)
        if (registrar) await phone.program.waitFor(/200 OK .*\[\d+ binding/)
        return phone
    }

    get uri() {
        return `sip:${this.user}@${this.host}:${this.port}`
    }

    async #control(scope) {
        const socket = await until(() => new Promise((resolve) => {
            const s = net.connect(this.port + 5, '127.0.0.1')
            s.once('connect', () => resolve(s)).once('error', () => resolve(null))
        }), 'baresip control socket')
        this.socket = socket
        scope.after(() => socket.destroy())
        let text = Buffer.alloc(0)
        socket.on('error', () => {})
        socket.on('data', (data) => {
            text = Buffer.concat([text, data])
            for (;;) {
                // A netstring: length:JSON,
                const m = /^(\d+):/.exec(text.toString('latin1', 0, 12))
                if (!m || text.length < m[0].length + Number(m[1]) + 1) return
                const message = JSON.parse(text.toString('utf8', m[0].length, m[0].length + Number(m[1])))
                text = text.subarray(m[0].length + Number(m[1]) + 1)
                this.events.push(message)
                for (const waiter of this.waiters) waiter()
            }
        })
    }

    // The loudest frequency in the last second that came out of its loudspeaker becomes `hz`.
    hears(hz, ms = 8000) {
        return until(() => {
            const file = readdirSync(this.heard).filter((name) => /-dec\.wav$/.test(name)).sort().at(-1)
            if (!file) return false
            const wav = readFileSync(path.join(this.heard, file)), data = wav.subarray(44)
            if (wav.length < 44) return false
            const rate = wav.readUInt32LE(24)
            const count = Math.min(rate, data.length >> 1)
            const samples = Float64Array.from({ length: count }, (_, i) => data.readInt16LE(((data.length >> 1) - count + i) * 2) / 32768)
            return count === rate && levelDb(samples) > -40 && Math.abs(peakHz(samples, rate) - hz) < 20
        }, `baresip hears ${hz} Hz`, ms, 100)
    }

    // Pictures come out of its decoder: the second rate of its status line.
    sees(ms = 8000) {
        return this.program.waitFor(/efps=[\d.]+\/[1-9]/, ms)
    }

    command(command, params = '') {
        const json = JSON.stringify({ command, params })
        this.socket.write(`${Buffer.byteLength(json)}:${json},`)
    }

    // The next event of baresip: CALL_INCOMING, CALL_RINGING, CALL_ESTABLISHED, CALL_CLOSED …
    async expect(type, ms = 8000) {
        let waiter
        const found = new Promise((resolve) => {
            waiter = () => {
                const at = this.events.findIndex((e) => e.event && e.type === type)
                if (at >= 0) resolve(this.events.splice(at, 1)[0])
            }
            this.waiters.push(waiter)
            waiter()
        })
        return withDeadline(found, ms, `baresip ${type}; events: ${this.events.map((e) => e.type)}`).finally(() => this.waiters.splice(this.waiters.indexOf(waiter), 1))
    }

    dial(uri) {
        this.command('dial', uri)
    }

    answer() {
        this.command('accept')
    }

    hangup() {
        this.command('hangup')
    }
}
