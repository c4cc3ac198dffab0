// stage.mjs - a table of scenarios: what SIPp plays (script.mjs), what the other side does, and the ladder that must
// come of it (ladder.mjs). Many at a time, each with a SIPp and users of its own.
import { describe, test } from 'node:test'
import { Phone } from './webpeer.mjs'
import { ladderHas, ladderIs } from './ladder.mjs'
import { script } from './script.mjs'
import { sipp } from './sipp.mjs'
import { until, withDeadline } from './proc.mjs'

const here = '127.0.0.1:5060'
let users = 0

// The call that the SIP end at `port` began, from the log: also one that nobody heard of.
export async function callFrom(gateway, port, logged = ` from=\\S+:${port} `) {
    const pattern = new RegExp(`event=call.start call=(\\w+).*${logged}`)
    return (await until(() => pattern.exec(gateway.program.text), `a call from port ${port}`, 3000))[1]
}

const ask = (method) => ({ anna, call }) => anna.client.call(method, { call: call.call })

// What a browser does in a row: does.all(…) of these, one after the other.
export const does = {
    take: async ({ call }) => { await call.take() },
    answered: ({ call }) => call.given(), // is answered
    rung: ({ anna, call }) => anna.client.expect('call.progress', { call: call.call, state: 'ringing' }),
    hold: ask('call.hold'), resume: ask('call.resume'), end: ask('call.end'),
    ended: ({ call }) => call.client.expect('call.end', { call: call.call }, 12000),
    // Waits for a line of the ladder.
    has: (line, times) => ({ gateway, call }) => ladderHas(gateway, call.gatewayId, line, times),
    all: (...acts) => async (stage) => {
        for (const act of acts) await act(stage)
    },
}

// What many ladders have.
export const rows = {
    incoming: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180',
    taken: 'b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK',
    bye: 'a> BYE; <a 200; <b call.end; -- ended: hangup',
    start: 'a> call.start; <b INVITE; -- to sip:test@ADDRESS',
    up: 'b> 180; <a call.progress ringing; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000',
    over: 'a> call.end; <a call.end; <b BYE; -- ended: hangup',
}

// What many scripts have: a call that is up, and its end by who called.
export const lines = {
    calls: '> INVITE USER sdp\n< 100?\n< 180\n< 200\n> ACK', bye: '> BYE\n< 200',
    takes: '< INVITE\n> 180\n> 200 sdp\n< ACK', letsGo: '< BYE\n> 200',
}

// What the other side does. When it fails because SIPp does, that is what is told.
async function acts(stage, doing) {
    const failed = stage.sipp.exited.then(({ code }) => (code === 0 ? new Promise(() => {}) : stage.sipp.passed()))
    try {
        await Promise.race([doing(stage), failed])
    } catch (error) {
        await withDeadline(failed, 500, 'SIPp fails too').catch((other) => {
            throw /^not within/.test(other.message) ? error : other
        })
    }
}

// A row: { name, in | out, act, ladder, options, call }.
//
// `in`: SIPp plays it and calls the user USER, who does `act` ({ anna, call, … }): by default answers and waits for
// the end. With `wait` false nobody waits for the call to come; without a browser, `alone`.
// `callee`: and another SIPp plays this, with `calleeOptions`; with `in`, no browser takes part unless `browser`.
// `out`: SIPp plays it and is called by anna (`to` tells whom she calls, `call` with what else): by default she hangs up
// once it is answered. With `alone` nobody calls.
// `login`: what the user logs in with; `then`: what is looked at in the end; `logged`: what the log has of a call that no
// browser was in, if not its caller's port.
async function play(t, { gateway, peer }, row) {
    const user = `u${++users}`
    const phone = (name) => Phone.open(t, gateway, peer, name)
    const anna = row.alone || (row.callee && row.in && !row.browser) ? null : await phone(row.login?.(user) ?? row.user ?? user)
    const stage = { t, gateway, peer, anna, phone, user: row.user ?? user }
    const said = row.in ?? row.out
    const text = (typeof said === 'function' ? await said(stage) : said).replaceAll('USER', row.user ?? user)
    let id
    if (row.callee) stage.callee = await sipp(t, script(row.callee), { strict: true, ...row.calleeOptions })
    if (row.in) {
        stage.sipp = await sipp(t, script(text, row), { to: here, strict: true, ...row.options })
        if (row.wait ?? anna) stage.call = await anna.incoming()
        if (row.act || stage.call) await acts(stage, row.act ?? (async ({ call }) => (await call.take(), await call.ended({}, 12000))))
        id = stage.call?.event?.id
    } else {
        stage.sipp = await sipp(t, script(text, row), { strict: true, ...row.options })
        if (row.alone) await acts(stage, row.act)
        else stage.call = await anna.start(row.to ? row.to(stage.sipp) : stage.sipp.uri(), typeof row.call === 'function' ? row.call(stage) : row.call)
        if (stage.call) await acts(stage, row.act ?? (async ({ call }) => (await call.answered(), await call.end())))
        id = stage.call?.gatewayId ?? stage.id
    }
    await Promise.all([stage.sipp.passed(), stage.callee?.passed()])
    if (row.ladder) id ??= await callFrom(gateway, stage.sipp.port, row.logged)
    await row.then?.(stage)
    if (row.ladder) await ladderIs(gateway, id, row.ladder.replaceAll('USER', stage.user))
}

// `stage`: a function, for the rows are read before anything runs.
export function scenarios(name, stage, rows, { concurrency = 6 } = {}) {
    describe(name, { concurrency }, () => {
        for (const row of rows) test(row.name, (t) => play(t, stage(), row))
    })
}
