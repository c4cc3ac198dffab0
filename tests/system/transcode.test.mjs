// Sound between telephones that have no codec in common: each hears the other's tone as it was.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { Baresip } from '../lib/baresip.mjs'
import { Gateway } from '../lib/gateway.mjs'
import { run, until, wholeFile } from '../lib/proc.mjs'
import { fitRest } from '../lib/audio.mjs'

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

// The cleanest second: on a busy machine baresip's own clock has gaps. Clicks of ours would be in
// every second.
function bestSecond({ samples, rate }, hz) {
    let best = { rest: Infinity, at: 0 }
    for (let at = rate / 2; at + rate <= samples.length; at += rate / 4) {
        const rest = fitRest(samples.subarray(at, at + rate), hz, rate)
        if (rest < best.rest) best = { rest, at: at / rate }
    }
    return best
}

// sox says which frequency and level it has.
async function soxOf(file, at) {
    const { text } = await run('sox', [file, '-n', 'remix', '1', 'trim', String(at), '1', 'stat'])
    const value = (name) => Number(new RegExp(`${name}:\\s+([-0-9.]+)`).exec(text)?.[1])
    return { hz: value('Rough\\s+frequency'), rms: value('RMS\\s+amplitude') }
}

async function check(what, phone, hz, most) {
    const file = heardFile(phone)
    const { rest, at } = bestSecond(samplesOf(file), hz)
    const sox = await soxOf(file, at)
    const db = 20 * Math.log10(sox.rms / (0.3 / Math.SQRT2))
    console.log(`# ${what}: ${sox.hz} Hz by sox, ${db.toFixed(1)} dB, rest ${rest.toFixed(1)} dB`)
    assert.ok(Math.abs(sox.hz - hz) <= hz * 0.01 + 1, `${what}: ${sox.hz} Hz instead of ${hz}`)
    assert.ok(Math.abs(db) < 3, `${what}: ${db} dB`)
    assert.ok(rest < most, `${what}: ${rest} dB is no tone`)
}

const codecs = {
    opus: { account: 'opus/48000/2', rest: -20 },
    G722: { account: 'G722/16000/1', rest: -20 },
    PCMA: { account: 'PCMA/8000/1', rest: -20 },
    PCMU: { account: 'PCMU/8000/1', rest: -20 },
    AMR: { account: 'AMR/8000/1', rest: -15 },
    'AMR-WB': { account: 'AMR-WB/16000/1', rest: -12 },
}

for (const [a, b] of [['opus', 'PCMA'], ['opus', 'PCMU'], ['opus', 'G722'], ['opus', 'AMR'], ['opus', 'AMR-WB'], ['G722', 'PCMA'], ['AMR', 'PCMA'], ['AMR-WB', 'PCMA'], ['AMR-WB', 'G722'], ['PCMU', 'PCMA']])
    test(`${a} and ${b}`, async (t) => {
        const left = await Baresip.start(t, { user: 'left', hz: 600, codecs: codecs[a].account })
        const right = await Baresip.start(t, { user: 'right', port: rightPort, hz: 440, codecs: codecs[b].account })
        left.dial('sip:right@127.0.0.1:5060')
        await left.expect('CALL_ESTABLISHED')
        await until(() => [left, right].every((phone) => heardFile(phone) && samplesOf(heardFile(phone)).samples.length > seconds * samplesOf(heardFile(phone)).rate), 'both hear for a while', 15000, 100)
        left.hangup()
        for (const phone of [left, right]) await phone.expect('CALL_CLOSED')
        const rest = Math.max(codecs[a].rest, codecs[b].rest)
        await check(`${b} to ${a}`, left, 440, rest)
        await check(`${a} to ${b}`, right, 600, rest)
        await until(async () => (await gateway.ctl('stats')).transcodings === 0, 'nothing is left behind')
    })
