// The measurements run, and print a row for each thing measured. What they measure is not judged here.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import path from 'node:path'
import { buildDir, run, top } from '../lib/proc.mjs'
import { installed } from '../../bench/lib/process.mjs'

async function rows(...args) {
    const { code, text } = await run(path.join(top, 'bench/run'), [...args, '--seconds', '1'], { env: { CW_BUILD: buildDir, BENCH_GENTLE: '1' }, ms: 60000 })
    assert.equal(code, 0, text)
    return text.split('\n').filter((line) => /^\| [^-]/.test(line)).slice(1).map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()))
}

test('relay: a row for us and each rival here, every packet arrives', async () => {
    const table = await rows('relay', '--calls', '2')
    const [rtpengine, janus] = ['rtpengine', 'janus'].map(installed)
    const expected = [rtpengine && 'rtpengine', janus && 'Janus', 'causeway', rtpengine && 'rtpengine', 'causeway'].filter(Boolean)
    assert.deepEqual(table.map((row) => row[2]), expected)
    for (const [work, calls, gateway, us, , , core, lost] of table) {
        assert.match(work, /^(DTLS-SRTP|RTP) – RTP$/)
        assert.deepEqual([calls, lost], ['2', '0.000'], `${work} by ${gateway}`)
        assert.ok(Number(us) > 0 && Number(core) > 0, `${us} ${core}`)
    }
})

test('setup: the calls that run hear nothing of a burst of hellos', async () => {
    const table = await rows('setup', '--count', '4', '--hellos', '20')
    assert.equal(table[0][0], 'causeway')
    assert.deepEqual(table.slice(-3).map((row) => row[0]), ['before', 'during', 'after'])
})

test('transcode: its row is there', async () => {
    const ours = (await rows('transcode', '--jobs', 'pcma', '--calls', '2')).at(-1)
    assert.deepEqual(ours.slice(0, 3), ['Opus – PCMA', 'causeway, effort 10', '2'])
    assert.ok(Number(ours.at(-1)) > 95, `${ours.at(-1)} % arrived`)
})

test('sip: a row for each kind of call', async () => {
    const table = await rows('sip', '--count', '2')
    assert.deepEqual(table.filter((row) => row[1] === 'causeway').map((row) => row[0]), ['SIP – echo', 'SIP – SIP', 'JSON – SIP'])
    assert.ok(table.every((row) => Number(row[3]) > 0), JSON.stringify(table))
})

test('flood: a row for each kind of message', async () => {
    const table = (await rows('flood', '--settle', '0')).filter((row) => row[1] === 'causeway')
    assert.equal(table.length, 5)
    assert.ok(table.every((row) => Number(row[2]) > 0), JSON.stringify(table))
})

test('register: every user is registered and shown; a row for us, and for Janus where it is', async () => {
    const table = await rows('register', '--users', '20', '--jobs', 'signon')
    assert.deepEqual(table[0].slice(0, 2), ['causeway', '20'])
    assert.ok(Number(table[0][2]) > 0 && Number(table[0][5]) < 6, table[0].join())
    assert.equal(table[0][6], '0.00')
    assert.equal(table.length, installed('janus') ? 2 : 1)
})
