// Sound between telephones that have no codec in common: each hears the other's tone as it was.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { Baresip } from '../lib/baresip.mjs'
import { Gateway } from '../lib/gateway.mjs'
import { run, until, wholeFile } from '../lib/proc.mjs'
import { clicksOf } from '../lib/audio.mjs'

const rightPort = 5390
const seconds = 3.5
let gateway

before(async () => {
    gateway = await Gateway.start(wholeFile, {
        sip: { codecs: ['opus', 'G722', 'AMR-WB', 'AMR', 'PCMA', 'PCMU'] },
        inbound: [{ match: 'right', to: `sip:right@127.0.0.1:${rightPort}` }],
    })
})

after(() => gateway.stop())

// What came out of a telephone's loudspeaker: baresip's own decoder, before any resampling.
function heardFile(phone) {
    const name = readdirSync(phone.heard).filter((file) => /-dec\.wav$/.test(file)).sort().at(-1)
    return name && path.join(phone.heard, name)
}

function samplesOf(file) {
    const data = readFileSync(file)
    const rate = data.readUInt32LE(24)
    const channels = data.readUInt16LE(22)
    const count = Math.floor((data.length - 44) / (2 * channels))
    const samples = Float64Array.from({ length: count }, (_, i) => data.readInt16LE(44 + i * 2 * channels) / 32768)
    return { samples, rate }
}

// sox says which frequency and level it has.
async function soxOf(file, at) {
    const { text } = await run('sox', [file, '-n', 'remix', '1', 'trim', String(at), '1', 'stat'])
    const value = (name) => Number(new RegExp(`${name}:\\s+([-0-9.]+)`).exec(text)?.[1])
    return { hz: value('Rough\\s+frequency'), rms: value('RMS\\s+amplitude') }
}

// All of it but the beginning, where the codecs themselves begin.
async function judge(what, phone, hz) {
    const file = heardFile(phone)
    const { samples, rate } = samplesOf(file)
    const from = 0.2, { noise, clicks } = clicksOf(samples.subarray(from * rate), hz, rate, standsOut)
    const sox = await soxOf(file, 1)
    const db = 20 * Math.log10(sox.rms / (0.3 / Math.SQRT2))
    console.log(`# ${what}: ${sox.hz} Hz by sox, ${db.toFixed(1)} dB, noise ${noise.toFixed(1)} dB, ${clicks.length} clicks in ${(samples.length / rate - from).toFixed(1)} s`)
    return { what, hz, heard: sox.hz, db, noise, clicks: clicks.map(({ at, db }) => `${db.toFixed(0)} dB at ${(at + from).toFixed(3)} s`) }
}

function check({ what, hz, heard, db, noise, clicks }, most) {
    assert.ok(Math.abs(heard - hz) <= hz * 0.01 + 1, `${what}: ${heard} Hz instead of ${hz}`)
    assert.ok(Math.abs(db) < 3, `${what}: ${db} dB`)
    assert.ok(noise < most, `${what}: ${noise} dB is no tone`)
    assert.deepEqual(clicks, [], what)
}

// test-purity has what the codecs alone do: so far, 13 dB at most, their noise stands out of itself.
const standsOut = 16
// On a busy machine baresip's own clock leaves gaps. Clicks of ours would be in every call.
const calls = 3

const codecs = {
    opus: { account: 'opus/48000/2', noise: -30 },
    G722: { account: 'G722/16000/1', noise: -30 },
    PCMA: { account: 'PCMA/8000/1', noise: -30 },
    PCMU: { account: 'PCMU/8000/1', noise: -30 },
    AMR: { account: 'AMR/8000/1', noise: -25 },
    'AMR-WB': { account: 'AMR-WB/16000/1', noise: -22 },
}

async function talk(left, right) {
    left.dial('sip:right@127.0.0.1:5060')
    await left.expect('CALL_ESTABLISHED')
    await until(() => [left, right].every((phone) => heardFile(phone) && samplesOf(heardFile(phone)).samples.length > seconds * samplesOf(heardFile(phone)).rate), 'both hear for a while', 15000, 100)
    left.hangup()
    for (const phone of [left, right]) await phone.expect('CALL_CLOSED')
}

for (const [a, b] of [['opus', 'PCMA'], ['opus', 'PCMU'], ['opus', 'G722'], ['opus', 'AMR'], ['opus', 'AMR-WB'], ['G722', 'PCMA'], ['AMR', 'PCMA'], ['AMR-WB', 'PCMA'], ['AMR-WB', 'G722'], ['PCMU', 'PCMA']])
    test(`${a} and ${b}`, async (t) => {
        const left = await Baresip.start(t, { user: 'left', hz: 600, codecs: codecs[a].account })
        const right = await Baresip.start(t, { user: 'right', port: rightPort, hz: 440, codecs: codecs[b].account })
        const most = Math.max(codecs[a].noise, codecs[b].noise)
        let heard
        for (let n = 0; n < calls && (!heard || heard.some(({ clicks }) => clicks.length)); n++) {
            await talk(left, right)
            heard = [await judge(`${b} to ${a}`, left, 440), await judge(`${a} to ${b}`, right, 600)]
        }
        for (const one of heard) check(one, most)
        await until(async () => (await gateway.ctl('stats')).transcodings === 0, 'nothing is left behind')
    })
