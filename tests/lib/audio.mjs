// audio.mjs - tones: made, found in RTP, measured.

// Samples in -1..1 of one period-exact sine.
export function sine(hz, seconds, rate = 8000, level = 0.5) {
    return Float64Array.from({ length: Math.round(seconds * rate) }, (_, i) => level * Math.sin((2 * Math.PI * hz * i) / rate))
}

// Telephone keys one after the other (ITU-T Q.23), half a second of silence before.
export function keySounds(keys, on_ms, off_ms, rate = 8000) {
    const samples = (ms) => (ms * rate) / 1000
    const sound = new Float64Array(samples(500 + keys.length * (on_ms + off_ms)))
    for (const [n, key] of [...keys].entries()) {
        const at = '123A456B789C*0#D'.indexOf(key), from = samples(500 + n * (on_ms + off_ms))
        for (const hz of [[697, 770, 852, 941][at >> 2], [1209, 1336, 1477, 1633][at & 3]])
            for (const [i, x] of sine(hz, on_ms / 1000, rate, 0.25).entries()) sound[from + i] += x
    }
    return sound
}

export function wav(samples, rate) {
    const buffer = Buffer.alloc(44 + samples.length * 2)
    buffer.write('RIFF', 0)
    buffer.writeUInt32LE(buffer.length - 8, 4)
    buffer.write('WAVEfmt ', 8)
    buffer.writeUInt32LE(16, 16)
    buffer.writeUInt16LE(1, 20)
    buffer.writeUInt16LE(1, 22)
    buffer.writeUInt32LE(rate, 24)
    buffer.writeUInt32LE(rate * 2, 28)
    buffer.writeUInt16LE(2, 32)
    buffer.writeUInt16LE(16, 34)
    buffer.write('data', 36)
    buffer.writeUInt32LE(samples.length * 2, 40)
    samples.forEach((s, i) => buffer.writeInt16LE(Math.round(s * 32767), 44 + i * 2))
    return buffer
}

// ITU-T G.711
export function alawDecode(byte) {
    const a = byte ^ 0x55
    const exponent = (a >> 4) & 7
    let value = ((a & 15) << 4) + 8
    if (exponent) value = (value + 256) << (exponent - 1)
    return (a & 0x80 ? value : -value) / 32768
}

export function ulawDecode(byte) {
    const u = ~byte & 0xff
    const value = ((((u & 15) << 3) + 132) << ((u >> 4) & 7)) - 132
    return (u & 0x80 ? -value : value) / 32768
}

function nearest(table, sample) {
    let best = 0
    for (let i = 1; i < 256; i++) if (Math.abs(table[i] - sample) < Math.abs(table[best] - sample)) best = i
    return best
}

const [alawTable, ulawTable] = [alawDecode, ulawDecode].map((decodeOne) => Float64Array.from({ length: 256 }, (_, i) => decodeOne(i)))
export const alawEncode = (sample) => nearest(alawTable, sample)
export const ulawEncode = (sample) => nearest(ulawTable, sample)

export const decode = (payload, codec) => Float64Array.from(payload, codec === 'PCMU' ? ulawDecode : alawDecode)

export function levelDb(samples) {
    const power = samples.reduce((sum, s) => sum + s * s, 0) / (samples.length || 1)
    return 10 * Math.log10(power + 1e-12)
}

function goertzel(samples, hz, rate) {
    const k = 2 * Math.cos((2 * Math.PI * hz) / rate)
    let a = 0, b = 0
    samples.forEach((s, i) => {
        // Hann window
        const x = s * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / samples.length))
        ;[a, b] = [x + k * a - b, a]
    })
    return a * a + b * b - k * a * b
}

// The loudest frequency of up to one second, within 5 Hz.
export function peakHz(samples, rate = 8000) {
    const part = samples.subarray(0, rate)
    let best = 0, bestPower = -1
    for (let hz = 100; hz < rate / 2 - 100; hz += 5) {
        const power = goertzel(part, hz, rate)
        if (power > bestPower) [best, bestPower] = [hz, power]
    }
    return best
}

// What is left of each 2.5 ms once the sine of `hz` that fits best to the 20 ms around it is taken out, in dB
// to the tone.
export function restOverTime(samples, hz, rate) {
    const whole = Math.round(rate / 50), part = Math.round(rate / 400), parts = []
    const cos = Float64Array.from(samples, (_, i) => Math.cos((2 * Math.PI * hz * i) / rate)), sin = Float64Array.from(samples, (_, i) => Math.sin((2 * Math.PI * hz * i) / rate))
    const tone = levelDb(samples)
    for (let at = 0; at + whole <= samples.length; at += whole / 2) {
        let cc = 0, ss = 0, cs = 0, xc = 0, xs = 0
        for (let i = at; i < at + whole; i++) {
            cc += cos[i] * cos[i], ss += sin[i] * sin[i], cs += cos[i] * sin[i]
            xc += samples[i] * cos[i], xs += samples[i] * sin[i]
        }
        const det = cc * ss - cs * cs, a = (xc * ss - xs * cs) / det, b = (xs * cc - xc * cs) / det
        for (let from = at + whole / 4; from < at + (3 * whole) / 4; from += part) {
            let sum = 0
            for (let i = from; i < from + part; i++) sum += (samples[i] - a * cos[i] - b * sin[i]) ** 2
            parts.push({ at: from / rate, db: 10 * Math.log10(sum / part + 1e-12) - tone })
        }
    }
    return parts
}

// A codec's noise is much the same all the time. A click stands out from it: short, and above -40 dB.
export function clicksOf(samples, hz, rate, out = 12) {
    const parts = restOverTime(samples, hz, rate)
    const noise = parts.map(({ db }) => db).sort((a, b) => a - b)[parts.length >> 1]
    return { noise, clicks: parts.filter(({ db }) => db > Math.max(-40, noise + out)) }
}
