// ladder.mjs - a call's ladder (causewayctl call ladder) as lines that two runs have in common.
//
//   a> call.start      JSON or SIP from the caller's side to the gateway
//   <a call.answer     from the gateway to it
//   b> 180   <b ACK    the same of the side that is called; a status without its phrase
//   -- transferred …   what the gateway did
import assert from 'node:assert/strict'
import { until } from './proc.mjs'

const mark = (side, out) => (out ? `<${side}` : `${side}>`)

// Neither times nor ids, ports or addresses; what media threads, connections and the clock of quality tell has an order
// of its own and is left out.
function lineOf({ from, to, proto, text }) {
    if (!['JSON', 'SIP', 'CALL'].includes(proto) || /^call\.(quality|media)$/.test(text)) return null
    const words = text.replace(/\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b|\[[0-9a-f:]+\](:\d+)?/g, 'ADDRESS').replace(/\b[0-9a-f]{16,}\b/g, 'ID')
    if (from === to) return `-- ${words}`.trim()
    return `${from === 'gateway' ? mark(to, true) : mark(from, false)} ${proto === 'SIP' ? words.replace(/^(\d{3}) .*/, '$1') : words}`
}

// What is sent until it is answered: three times or more is "X, again and again".
function shortened(lines) {
    return lines.flatMap((line, i) => {
        const from = lines.slice(0, i + 1).findLastIndex((other) => other !== line) + 1
        const to = lines.findIndex((other, j) => j > i && other !== line)
        const length = (to < 0 ? lines.length : to) - from
        return length < 3 ? [line] : i === from ? [`${line}, again and again`] : []
    })
}

export async function ladder(gateway, id) {
    return shortened((await gateway.ctl('call', 'ladder', id)).rows.map(lineOf).filter(Boolean))
}

// A line is in the ladder of a call, as often as said.
export const ladderHas = (gateway, id, line, times = 1) =>
    until(async () => (await ladder(gateway, id)).filter((other) => other === line).length >= times, `${line} in the ladder`, 8000, 20)

const written = (text) => (Array.isArray(text) ? text : text.split(/\n|; /)).map((line) => line.trim()).filter(Boolean)

// The ladder of call `id` becomes `expected`: lines, or a text of them, divided by line ends or "; ".
export async function ladderIs(gateway, id, expected, ms = 3000) {
    const wanted = written(expected)
    let seen = []
    await until(async () => (seen = await ladder(gateway, id)).length >= wanted.length, 'the ladder is as long', ms, 50).catch((error) => {
        if (!/^not within/.test(error.message)) throw error
    })
    assert.deepEqual(seen, wanted, `ladder of ${id}:\n${seen.join('; ')}`)
}
