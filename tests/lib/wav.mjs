// wav.mjs - a WAV file with a tone, 16-bit PCM.
import { writeFileSync } from 'node:fs'

export function writeTone(file, { hz = 523, rate = 44100, seconds = 1, channels = 2 } = {}) {
    const frames = Math.round(rate * seconds)
    const data = Buffer.alloc(44 + frames * channels * 2)
    data.write('RIFF', 0)
    data.writeUInt32LE(data.length - 8, 4)
    data.write('WAVEfmt ', 8)
    data.writeUInt32LE(16, 16)
    data.writeUInt16LE(1, 20)
    data.writeUInt16LE(channels, 22)
    data.writeUInt32LE(rate, 24)
    data.writeUInt32LE(rate * channels * 2, 28)
    data.writeUInt16LE(channels * 2, 32)
    data.writeUInt16LE(16, 34)
    data.write('data', 36)
    data.writeUInt32LE(frames * channels * 2, 40)
    for (let i = 0; i < frames; i++)
        for (let c = 0; c < channels; c++) data.writeInt16LE(Math.round(8000 * Math.sin(2 * Math.PI * hz * i / rate)), 44 + (i * channels + c) * 2)
    writeFileSync(file, data)
    return file
}
