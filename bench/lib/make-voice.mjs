// node bench/lib/make-voice.mjs > bench/lib/voice.json: two seconds of something like speech in 20 ms frames
// of each codec, for the ends of transcoded calls to send. A plain tone would cost an encoder
// less than people do. Needs sox, opusenc, and cc with libvo-amrwbenc-dev (sox writes no AMR-WB).
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const rate = 16000, seconds = 2, frames = seconds * 50
const dir = mkdtempSync(path.join(os.tmpdir(), 'voice-'))
const file = (name) => path.join(dir, name)

// Five vowels a second, each with its formants, on a falling pitch; every fifth a hiss, every seventh silence.
function voice() {
    const vowels = [[730, 1090, 2440], [270, 2290, 3010], [300, 870, 2240], [530, 1840, 2480], [570, 840, 2410]]
    const out = Buffer.alloc(rate * seconds * 2)
    let phase = 0, seed = 1
    for (let i = 0; i < rate * seconds; i++) {
        const syllable = Math.floor((i * 5) / rate), within = ((i * 5) / rate) % 1
        const pitch = 150 - 20 * (i / rate) + 8 * Math.sin(within * 2 * Math.PI)
        const loud = Math.sin(Math.PI * within) ** 0.5
        seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
        const noise = seed / 2 ** 31 - 1
        let x = 0
        phase += pitch / rate
        if (syllable % 7 === 6) x = noise * 0.001
        else if (syllable % 5 === 4) x = noise * 0.08 * loud
        else
            for (let h = 1; h * pitch < 3800; h++) {
                const gain = vowels[syllable % 5].reduce((sum, f, k) => sum + 0.6 ** k / (1 + ((h * pitch - f) / 90) ** 2), 0.02)
                x += gain * Math.sin(2 * Math.PI * h * phase) * 0.12 * loud
            }
        out.writeInt16LE(Math.round(Math.max(-1, Math.min(1, x + noise * 0.001)) * 32000), i * 2)
    }
    return out
}

// 16 kHz samples in, octet-aligned payloads (RFC 4867 4.4) without mode request out, each after its length.
const amrWb = `
#include <stdio.h>
#include <vo-amrwbenc/enc_if.h>
int main(void)
{
    void *state = E_IF_init();
    short in[320];
    unsigned char out[64] = { 0xf0 };
    while (fread(in, sizeof in, 1, stdin) == 1) {
        int len = 1 + E_IF_encode(state, 8, in, out + 1, 0);
        putchar(len);
        fwrite(out, len, 1, stdout);
    }
    return 0;
}
`

function run(program, ...args) {
    const { status, stderr } = spawnSync(program, args)
    if (status !== 0) throw new Error(`${program}: ${stderr}`)
}

// The packets of an Ogg file (RFC 3533 6) but the two of headers (RFC 7845 3).
function oggPackets(data) {
    const packets = []
    let packet = []
    for (let at = 0; at < data.length;) {
        const segments = data[at + 26]
        let body = at + 27 + segments
        for (const len of data.subarray(at + 27, at + 27 + segments)) {
            packet.push(data.subarray(body, body + len))
            body += len
            if (len < 255) {
                packets.push(Buffer.concat(packet))
                packet = []
            }
        }
        at = body
    }
    return packets.slice(2)
}

// Each payload after a byte with its length.
function counted(data) {
    const payloads = []
    for (let at = 0; at < data.length; at += 1 + data[at]) payloads.push(data.subarray(at + 1, at + 1 + data[at]))
    return payloads
}

const cut = (data, len) => Array.from({ length: Math.floor(data.length / len) }, (_, i) => data.subarray(i * len, (i + 1) * len))

writeFileSync(file('voice.raw'), voice())
const raw = ['-t', 'raw', '-r', String(rate), '-e', 'signed', '-b', '16', '-c', '1', file('voice.raw')]
run('sox', '-D', ...raw, '-r', '48000', file('48.wav'))
run('sox', '-D', ...raw, '-r', '8000', '-t', 'al', file('voice.al'))
writeFileSync(file('amrwb.c'), amrWb)
run('cc', '-o', file('amrwb'), file('amrwb.c'), '-lvo-amrwbenc')
run('opusenc', '--bitrate', '24', '--framesize', '20', '--speech', '--quiet', file('48.wav'), file('voice.opus'))
const codecs = {
    opus: oggPackets(readFileSync(file('voice.opus'))),
    PCMA: cut(readFileSync(file('voice.al')), 160),
    'AMR-WB': counted(spawnSync(file('amrwb'), { input: readFileSync(file('voice.raw')) }).stdout),
}
console.log(JSON.stringify(Object.fromEntries(Object.entries(codecs).map(([name, list]) =>
    [name, list.slice(0, frames).map((frame) => frame.toString('base64'))])), null, 0).replaceAll('],"', '],\n"'))
rmSync(dir, { recursive: true })
