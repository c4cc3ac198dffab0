// What happens in a call, with SIPp, both ways: hold, transfer, INFO, Reason, other requests. Each call's ladder is as
// written here.
import { before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Gateway } from '../lib/gateway.mjs'
import { WebPeer } from '../lib/webpeer.mjs'
import { does, lines, rows, scenarios } from '../lib/stage.mjs'
import { ladderHas } from '../lib/ladder.mjs'
import { script } from '../lib/script.mjs'
import { sipp } from '../lib/sipp.mjs'
import { until, wholeFile } from '../lib/proc.mjs'
import { startCapture, wireIsClean } from '../lib/wire.mjs'

let gateway, peer, capture
const [pbx, keys] = ['127.0.0.4', '127.0.0.6'] // trunks: transfers by REFER; keys by INFO
const [asks, asks2, keysPort, asks3, asks4] = [5700, 5702, 5704, 5706, 5708]

before(async () => {
    capture = await startCapture(wholeFile)
    gateway = await Gateway.start(wholeFile, {
        sip: { codecs: ['PCMA'], t1_ms: 2000 }, web: { codecs: ['PCMA'] },
        trunk: [
            { name: 'pbx', address: `${pbx}:5060`, prefixes: ['+331'], codecs: ['PCMA'], refer: true },
            { name: 'asks', address: `127.0.0.5:${asks}`, prefixes: ['+332'], codecs: ['PCMA'], refer_out: true },
            { name: 'asks2', address: `127.0.0.5:${asks2}`, prefixes: ['+333'], codecs: ['PCMA'], refer_out: true },
            { name: 'asks3', address: `127.0.0.5:${asks3}`, prefixes: ['+335'], codecs: ['PCMA'], refer_out: true },
            { name: 'asks4', address: `127.0.0.5:${asks4}`, prefixes: ['+336'], codecs: ['PCMA'], refer_out: true },
            { name: 'keys', address: `${keys}:${keysPort}`, prefixes: ['+334'], codecs: ['PCMA'], dtmf: 'info-relay' },
        ],
    })
    peer = WebPeer.start(wholeFile)
})

const stage = () => ({ gateway, peer })
const { take, answered, rung, hold, resume, end, ended, has, all } = does
const { incoming, taken, bye, start, up, over } = rows
const { calls, takes, letsGo } = lines

// ── Hold ──

const forms = [['sendonly', 'sdp:sendonly', 'recvonly'], ['inactive', 'sdp:inactive', 'inactive'], ['c=0.0.0.0', 'sdp:zero', 'recvonly'], ['c=0.0.0.0 and sendonly', 'sdp:zero,sendonly', 'recvonly']]
const holds = (how, answer, method) => `> ${method} ${how}
    < 100?
    < 200 | = a=${answer}
    ${method === 'INVITE' ? '> ACK' : ''}
    > ${method} sdp
    < 100?
    < 200 | = a=sendrecv
    ${method === 'INVITE' ? '> ACK' : ''}`
const toldHeld = (sip, browser, who, method) => ['held', 'resumed'].map((word) => `${sip}> ${method}; <${sip} 200; -- ${word} by ${who}@ADDRESS; <${browser} call.update ${
    word === 'held' ? 'held remote' : 'held: no'}; ${method === 'INVITE' ? `${sip}> ACK; ` : ''}`).join('')

scenarios('hold', stage, [
    ...forms.flatMap(([name, how, answer]) => ['INVITE', 'UPDATE'].flatMap((method) => [{
        name: `${name} by ${method}, of who called`,
        in: `${calls}\n${holds(how, answer, method)}\n${lines.bye}`,
        ladder: `${incoming}; ${taken}; ${toldHeld('a', 'b', 'sip:+33123456789', method)}${bye}`,
    }, {
        name: `${name} by ${method}, of who is called`,
        out: `${takes}\n${holds(how, answer, method)}\n${lines.bye}`,
        act: all(answered, ended),
        ladder: `${start}; ${up}; ${toldHeld('b', 'a', 'sip:test', method)}b> BYE; <b 200; <a call.end; -- ended: hangup`,
    }])), {
        name: 'recvonly is no hold',
        in: `${calls}\n${holds('sdp:recvonly', 'sendonly', 'INVITE')}\n${lines.bye}`,
        ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK; a> INVITE; <a 200; a> ACK; a> INVITE; <a 200; a> ACK; a> BYE; <a 200; <b call.end; -- ended: hangup',
    }, {
        name: 'the browser holds and resumes, called',
        in: `${calls}
            < INVITE | = a=sendonly
            > 200 sdp:recvonly
            < ACK
            < INVITE | = a=sendrecv
            > 200 sdp
            < ACK
            > BYE
            < 200`,
        act: all(take, has('a> ACK'), hold, has('<a ACK'), resume, ended),
        ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK; b> call.hold; <b call.update held local; -- held by USER; <a INVITE; a> 200; <a ACK; b> call.resume; <b call.update held: no; -- resumed by USER; <a INVITE; a> 200; <a ACK; a> BYE; <a 200; <b call.end; -- ended: hangup',
    }, {
        name: 'the browser holds and resumes, calling',
        out: `${takes}
            < INVITE | = a=sendonly
            > 200 sdp:recvonly
            < ACK
            < INVITE | = a=sendrecv
            > 200 sdp
            < ACK
            ${letsGo}`,
        act: all(answered, hold, has('<b ACK', 2), resume, has('<b ACK', 3), end),
        ladder: 'a> call.start; <b INVITE; -- to sip:test@ADDRESS; b> 180; <a call.progress ringing; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; a> call.hold; <a call.update held local; -- held by USER; <b INVITE; b> 200; <b ACK; a> call.resume; <a call.update held: no; -- resumed by USER; <b INVITE; b> 200; <b ACK; a> call.end; <a call.end; <b BYE; -- ended: hangup',
    }, {
        name: 'both hold; each resumes by itself',
        in: `${calls}
            < INVITE | = a=sendonly
            > 200 sdp:recvonly
            < ACK
            > INVITE sdp:sendonly
            < 100?
            < 200 | = a=inactive
            > ACK
            > INVITE sdp
            < 100?
            < 200 | = a=sendonly
            > ACK
            < INVITE | = a=sendrecv
            > 200 sdp
            < ACK
            > BYE
            < 200`,
        act: all(take, has('a> ACK'), hold, has('a> ACK', 3), resume, ended),
        ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK; b> call.hold; <b call.update held local; -- held by USER; <a INVITE; a> 200; <a ACK; a> INVITE; <a 200; -- held by sip:+33123456789@ADDRESS; <b call.update held local remote; a> ACK; a> INVITE; <a 200; -- resumed by sip:+33123456789@ADDRESS; <b call.update held local; a> ACK; b> call.resume; <b call.update held: no; -- resumed by USER; <a INVITE; a> 200; <a ACK; a> BYE; <a 200; <b call.end; -- ended: hangup',
    }, {
        name: 'a hold that is refused: the call goes on',
        out: `${takes}
            < INVITE | = a=sendonly
            > 488
            < ACK
            ${letsGo}`,
        act: all(answered, hold, has('b> 488'), end),
        ladder: 'a> call.start; <b INVITE; -- to sip:test@ADDRESS; b> 180; <a call.progress ringing; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; a> call.hold; <a call.update held local; -- held by USER; <b INVITE; b> 488; -- re-INVITE refused with 488; a> call.end; <a call.end; <b BYE; -- ended: hangup',
    }, {
        name: 'who calls has it on hold from the start',
        in: `> INVITE USER sdp:sendonly
            < 100?
            < 180
            < 200 | = a=recvonly
            > ACK
            > INVITE sdp
            < 100?
            < 200 | = a=sendrecv
            > ACK
            > BYE
            < 200`,
        ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK; -- held by sip:+33123456789@ADDRESS; <b call.update held remote; a> INVITE; <a 200; -- resumed by sip:+33123456789@ADDRESS; <b call.update held: no; a> ACK; a> BYE; <a 200; <b call.end; -- ended: hangup',
    }, {
        name: 'who is called answers on hold',
        out: `< INVITE
            > 180
            > 200 sdp:sendonly
            < ACK
            > INVITE sdp
            < 100?
            < 200 | = a=sendrecv
            > ACK
            > BYE
            < 200`,
        act: all(answered, ended),
        ladder: 'a> call.start; <b INVITE; -- to sip:test@ADDRESS; b> 180; <a call.progress ringing; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; -- held by sip:test@ADDRESS; <a call.update held remote; b> INVITE; <b 200; -- resumed by sip:test@ADDRESS; <a call.update held: no; b> ACK; b> BYE; <b 200; <a call.end; -- ended: hangup',
    }, {
        name: 'held before the answer, by UPDATE',
        out: `< INVITE
            > 183 sdp | Require: 100rel | RSeq: 1
            < PRACK
            > 200
            > UPDATE sdp:sendonly
            < 200 | = a=recvonly
            > 200 INVITE
            < ACK
            > UPDATE sdp
            < 200 | = a=sendrecv
            > BYE
            < 200`,
        act: all(answered, ended),
        ladder: 'a> call.start; <b INVITE; -- to sip:test@ADDRESS; b> 183; <b PRACK; <a call.progress early; -- codecs: PCMA/8000; b> 200; b> UPDATE; <b 200; b> 200; <b ACK; <a call.answer; -- answered; -- held by sip:test@ADDRESS; <a call.update held remote; b> UPDATE; <b 200; -- resumed by sip:test@ADDRESS; <a call.update held: no; b> BYE; <b 200; <a call.end; -- ended: hangup',
    },
])

// ── Transfer ──

const frag = (status, state) => `> NOTIFY | Event: refer | Subscription-State: ${state} | Content-Type: message/sipfrag | = SIP/2.0 ${status}
    < 200`
const report = (status, state = 'active;expires') => `< NOTIFY | Event: refer | Subscription-State: ${state} | Content-Type: message/sipfrag | = SIP/2.0 ${status}
    > 200`
const transfer = (to) => ({ anna, call }) => anna.client.call('call.transfer', { call: call.call, to })
const moved = (...states) => async ({ anna, call }) => {
    for (const state of states) assert.equal((await anna.client.expect('call.transfer', { call: call.call })).state, state)
}
// Somebody else's browser, whose name USER stands for in the script too: "bUSER".
const other = async (stage) => { stage.bert = await stage.phone(`b${stage.user}`) }
const otherTakes = async (stage) => { stage.third = await stage.bert.incoming(); await stage.third.take() }
const otherRefuses = async (stage) => { stage.third = await stage.bert.incoming(); await stage.bert.client.call('call.reject', { call: stage.third.call, reason: 'busy' }) }
const otherEnds = ({ bert, third }) => bert.client.call('call.end', { call: third.call })

// What names the dialog of a SIP end that called (RFC 3891).
async function replacing(call) {
    const { leg_a: leg } = await gateway.ctl('call', 'show', call.gatewayId)
    const { dialog } = leg.dialog
    return `${dialog.call_id};to-tag=${dialog.local_tag};from-tag=${dialog.remote_tag}`
}

scenarios('transfer', stage, [
    {
        name: 'REFER of a trunk: 202, NOTIFY 100, 180, 200, BYE',
        options: { host: pbx },
        in: `${calls}
            > REFER | Refer-To: <sip:bUSER@127.0.0.1:5060> | Referred-By: <sip:desk@[local_ip]>
            < 202
            ${report(100)}
            ${report(180)}
            ${report(200, 'terminated')}
            < BYE
            > 200`,
        act: all(other, take, has('a> 200', 2), otherTakes, has('<a BYE'), end),
        ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK; a> REFER; <a call.incoming; <a 202; <a NOTIFY 100; -- sip:+33123456789@ADDRESS transfers USER to user:bu25; a> 200; <a NOTIFY 180; a> 200; a> call.answer; -- transferred to bu25; <a NOTIFY 200; <b call.info; a> 200; <a BYE; b> call.end; <a call.end; <b call.end; -- ended: hangup',
    }, {
        name: 'REFER of a trunk: who it is to is busy; the call goes on',
        options: { host: pbx },
        in: `${calls}
            > REFER | Refer-To: <sip:bUSER@127.0.0.1:5060>
            < 202
            ${report(100)}
            ${report(180)}
            ${report(486, 'terminated')}
            > BYE
            < 200`,
        act: all(other, take, has('a> 200', 2), otherRefuses, ended),
        ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK; a> REFER; <a call.incoming; <a 202; <a NOTIFY 100; -- sip:+33123456789@ADDRESS transfers USER to user:bu26; a> 200; <a NOTIFY 180; a> 200; a> call.reject; -- transfer failed: busy; <a NOTIFY 486; <a call.end busy; a> 200; a> BYE; <a 200; <b call.end; -- ended: hangup',
    }, {
        name: 'REFER without reports (norefersub)',
        options: { host: pbx },
        in: `${calls}
            > REFER | Refer-To: <sip:bUSER@127.0.0.1:5060> | Refer-Sub: false | Require: norefersub
            < 202 | Refer-Sub: false
            < BYE
            > 200`,
        act: all(other, take, otherTakes, has('<a BYE'), end),
        ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK; a> REFER; <a call.incoming; <a 202; -- sip:+33123456789@ADDRESS transfers USER to user:bu27; a> call.answer; -- transferred to bu27; <b call.info; <a BYE; b> call.end; <a call.end; <b call.end; -- ended: hangup',
    }, {
        name: 'REFER of who may not: 403; to another scheme: 416; to nobody: 404; with Replaces of nothing: 481',
        options: { host: pbx },
        in: `${calls}
            > REFER | Refer-To: <sip:x@192.0.2.1>
            < 403
            > REFER | Refer-To: <http://127.0.0.1/>
            < 416
            > REFER | Refer-To: <sip:nobody@127.0.0.1:5060>
            < 404
            > REFER | Refer-To: <sip:USER@127.0.0.1:5060?Replaces=x%3Bto-tag%3Dy%3Bfrom-tag%3Dz>
            < 481
            > REFER
            < 400
            ${lines.bye}`,
        ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK; a> REFER; -- REFER refused: not allowed; <a 403; a> REFER; <a 416; a> REFER; -- REFER refused: nobody by this name; <a 404; a> REFER; -- REFER refused: no such call; <a 481; a> REFER; <a 400; a> BYE; <a 200; <b call.end; -- ended: hangup',
    }, {
        name: 'REFER of a peer that is not trusted: 403',
        in: `${calls}
            > REFER | Refer-To: <sip:USER@127.0.0.1:5060>
            < 403
            ${lines.bye}`,
        ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK; a> REFER; <a 403; a> BYE; <a 200; <b call.end; -- ended: hangup',
    }, {
        name: 'INVITE with Replaces takes a place: BYE to who had it',
        options: { host: pbx },
        in: `${calls}
            ${letsGo}`,
        act: all(take, has('a> ACK'), async (stage) => {
            const replaces = await replacing(stage.call)
            stage.second = await sipp(stage.t, script(`> INVITE ${stage.user} sdp | Require: replaces | Replaces: ${replaces}
                < 100?
                < 200
                > ACK
                < BYE
                > 200`), { host: pbx, to: '127.0.0.1:5060', strict: true })
        }, has('<a BYE'), has('a> ACK', 2), end, ({ second }) => second.passed()),
        ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK; a> INVITE with Replaces; <a 200; -- transferred to sip:+33123456789@ADDRESS; <a BYE; <b call.info; a> ACK; b> call.end; <a BYE; <b call.end; -- ended: hangup',
    }, {
        name: 'REFER with Replaces: two calls of a trunk become one, it is let go of both',
        options: { host: pbx },
        in: async (stage) => {
            await other(stage)
            stage.second = await sipp(stage.t, script(`> INVITE b${stage.user} sdp\n< 100?\n< 180\n< 200\n> ACK\n${letsGo}`), { host: pbx, to: '127.0.0.1:5060', strict: true })
            await otherTakes(stage)
            await ladderHas(gateway, stage.third.gatewayId, 'a> ACK')
            return `${calls}
                > REFER | Refer-To: <sip:bUSER@127.0.0.1:5060?Replaces=${encodeURIComponent(await replacing(stage.third))}>
                < 202
                ${report(100)}
                ${report(200, 'terminated')}
                ${letsGo}`
        },
        act: all(take, has('<a BYE'), ({ second }) => second.passed(), end),
        ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK; a> REFER; <a call.info; -- transferred to bu31; <b call.info; <a 202; <a NOTIFY 100; a> 200; <a NOTIFY 200; a> 200; <a BYE; b> call.end; <a call.end; <b call.end; -- ended: hangup',
    }, {
        name: 'the browser transfers by REFER, attended: Refer-To has Replaces',
        to: () => '+3351',
        options: { host: '127.0.0.5', port: asks3 },
        out: `${takes}
            < REFER | Refer-To: [?]Replaces=[^>]*to-tag%3D
            > 202
            ${frag('200 OK', 'terminated;reason=noresource')}
            ${letsGo}`,
        callee: `${takes}\n${letsGo}`,
        calleeOptions: { host: '127.0.0.5', port: asks4 },
        act: all(answered, async (it) => {
            it.second = await (await it.anna.start('+3361')).given()
            await it.anna.client.call('call.transfer', { call: it.call.call, other: it.second.call })
        }, moved('trying', 'done'), ended, ({ anna, second }) => anna.client.call('call.end', { call: second.call })),
        ladder: 'a> call.start; <b INVITE; -- to tel:+3351; b> 180; <a call.progress ringing; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; a> call.transfer; <b REFER; -- USER transfers sip:+3351@ADDRESS to sip:sipp@ADDRESS;transport=UDP; <a call.transfer trying; b> 202; b> NOTIFY; <b 200; <a call.transfer done; <a call.end transferred; <b BYE; -- ended: transferred',
    }, {
        name: 'the browser transfers: the gateway calls; who was called stays in its dialog',
        browser: true,
        in: `${calls}
            < INVITE?
            < BYE
            > 200`,
        callee: `${takes}
            > BYE
            < 200`,
        act: all(take, has('a> ACK'), async (stage) => transfer(stage.callee.uri())(stage), moved('trying', 'ringing', 'done'), ended),
        ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK; b> call.transfer; <b INVITE; -- USER transfers sip:+33123456789@ADDRESS to sip:test@ADDRESS; <b call.transfer trying; b> 180; <b call.transfer ringing; b> 200; <b ACK; -- transferred to sip:test@ADDRESS; <b call.transfer done; <b call.end transferred; b> BYE; <b 200; <a BYE; -- ended: hangup',
    }, {
        name: 'the browser transfers; the target is busy',
        browser: true,
        in: `${calls}
            < BYE
            > 200`,
        callee: `< INVITE
            > 486
            < ACK`,
        act: all(take, has('a> ACK'), async (stage) => transfer(stage.callee.uri())(stage), moved('trying', 'failed'), end),
        ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK; b> call.transfer; <b INVITE; -- USER transfers sip:+33123456789@ADDRESS to sip:test@ADDRESS; <b call.transfer trying; b> 486; -- transfer failed: busy; <b call.transfer failed; b> call.end; <a BYE; <b call.end; -- ended: hangup',
    }, {
        name: 'the browser transfers by REFER (refer_out): reports, then BYE',
        to: () => '+3321',
        options: { host: '127.0.0.5', port: asks },
        out: `${takes}
            < REFER | Refer-To: <sip:.33299@
            > 202
            ${frag('100 Trying', 'active;expires=60')}
            ${frag('180 Ringing', 'active;expires=60')}
            ${frag('200 OK', 'terminated;reason=noresource')}
            ${letsGo}`,
        act: all(answered, transfer('+33299'), moved('trying', 'ringing', 'done'), ended),
        ladder: 'a> call.start; <b INVITE; -- to tel:+3321; b> 180; <a call.progress ringing; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; a> call.transfer; <b REFER; -- USER transfers sip:+3321@ADDRESS to sip:+33299@ADDRESS; <a call.transfer trying; b> 202; b> NOTIFY; <b 200; b> NOTIFY; <b 200; <a call.transfer ringing; b> NOTIFY; <b 200; <a call.transfer done; <a call.end transferred; <b BYE; -- ended: transferred',
    }, {
        name: 'the browser transfers by REFER: refused, then reported to have failed; the call goes on',
        to: () => '+3331',
        options: { host: '127.0.0.5', port: asks2 },
        out: `${takes}
            < REFER
            > 202
            ${frag('486 Busy Here', 'terminated;reason=noresource')}
            < REFER
            > 403
            ${letsGo}`,
        act: all(answered, transfer('+33399'), moved('trying', 'failed'), transfer('+33398'), moved('trying', 'failed'), end),
        ladder: 'a> call.start; <b INVITE; -- to tel:+3331; b> 180; <a call.progress ringing; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; a> call.transfer; <b REFER; -- USER transfers sip:+3331@ADDRESS to sip:+33399@ADDRESS; <a call.transfer trying; b> 202; b> NOTIFY; <b 200; -- transfer failed: busy; <a call.transfer failed; a> call.transfer; <b REFER; -- USER transfers sip:+3331@ADDRESS to sip:+33398@ADDRESS; <a call.transfer trying; b> 403; -- transfer failed: not allowed; <a call.transfer failed; a> call.end; <a call.end; <b BYE; -- ended: hangup',
    },
])

// ── INFO, Reason, other requests ──

const cause = (q850, status) => async ({ anna, call }) => {
    const told = await anna.client.expect('call.end', { call: call.call })
    assert.deepEqual([told.q850, told.sip?.status], [q850, status])
}

scenarios('requests in a call', stage, [
    {
        name: 'keys by INFO, from SIPp',
        options: { host: keys },
        in: `${calls}
            > INFO | Content-Type: application/dtmf-relay | = Signal=5\\nDuration=160
            < 200
            > BYE
            < 200`,
        act: all(take, ({ anna, call }) => anna.client.expect('call.info', (e) => e.call === call.call && e.dtmf?.digit === '5'), ended),
        ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK; a> INFO; <a 200; <b call.info dtmf; a> BYE; <a 200; <b call.end; -- ended: hangup',
    }, {
        name: 'keys by INFO, to SIPp',
        to: () => '+3341',
        options: { host: keys, port: keysPort },
        out: `${takes}
            < INFO | Content-Type: application/dtmf-relay | = Signal= *7
            > 200
            < INFO | = Signal= *#
            > 200
            ${letsGo}`,
        act: all(answered, ({ anna, call }) => anna.client.call('call.dtmf', { call: call.call, digits: '7#' }), has('b> 200', 3), end),
        ladder: 'a> call.start; <b INVITE; -- to tel:+3341; b> 180; <a call.progress ringing; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; a> call.dtmf; <b INFO; <b INFO; b> 200; b> 200; a> call.end; <a call.end; <b BYE; -- ended: hangup',
    }, {
        name: 'other requests in a dialog',
        in: `${calls}
            > OPTIONS
            < 200 | Allow: INVITE
            > INFO | Info-Package: x | Content-Type: text/plain | = hello
            < 469
            > INFO
            < 200
            > MESSAGE | Content-Type: text/plain | = hello
            < 405
            > SUBSCRIBE | Event: presence | Expires: 60
            < 489
            > NOTIFY | Event: refer | Subscription-State: active
            < 481
            > FOO
            < 501 | Allow: INVITE
            ${lines.bye}`,
        ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK; a> OPTIONS; <a 200; a> INFO; <a 469; a> INFO; <a 200; a> MESSAGE; <a 405; a> SUBSCRIBE; <a 489; a> NOTIFY; <a 481; a> FOO; <a 501; a> BYE; <a 200; <b call.end; -- ended: hangup',
    },
    { name: 'MESSAGE out of a dialog', alone: true, in: '> MESSAGE USER | Content-Type: text/plain | = hello\n< 405' },
    { name: 'SUBSCRIBE out of a dialog', alone: true, in: '> SUBSCRIBE USER | Event: presence | Expires: 60\n< 489' },
    { name: 'NOTIFY of nothing', alone: true, in: '> NOTIFY USER | Event: refer | Subscription-State: active\n< 481' },
    {
        name: 'Reason in the BYE of who called',
        in: `${calls}
            > BYE | Reason: Q.850;cause=31;text="Normal, unspecified"
            < 200`,
        act: all(take, cause(31)),
        ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.answer; <a 200; -- answered; -- codecs: PCMA/8000; a> ACK; a> BYE; <a 200; <b call.end; -- ended: hangup',
    }, {
        name: 'Reason in the BYE of who was called',
        out: `${takes}
            > BYE | Reason: SIP;cause=503;text="Gone", Q.850;cause=41
            < 200`,
        act: all(answered, cause(41, 503)),
        ladder: 'a> call.start; <b INVITE; -- to sip:test@ADDRESS; b> 180; <a call.progress ringing; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; b> BYE; <b 200; <a call.end; -- ended: hangup',
    }, {
        name: 'Reason in a refusal',
        out: `< INVITE
            > 480 | Reason: Q.850;cause=19;text="No answer"
            < ACK`,
        act: cause(19, 480),
        ladder: 'a> call.start; <b INVITE; -- to sip:test@ADDRESS; b> 480; <a call.end unavailable; -- ended: unavailable',
    }, {
        name: 'the browser\'s cause in our BYE',
        out: `${takes}
            < BYE | Reason: Q.850;cause=21
            > 200`,
        act: all(answered, ({ anna, call }) => anna.client.call('call.end', { call: call.call, q850: 21 })),
        ladder: 'a> call.start; <b INVITE; -- to sip:test@ADDRESS; b> 180; <a call.progress ringing; b> 200; <b ACK; <a call.answer; -- answered; -- codecs: PCMA/8000; a> call.end; <a call.end; <b BYE; -- ended: hangup',
    }, {
        name: 'the browser\'s cause in our CANCEL',
        out: `< INVITE
            > 180
            < CANCEL | Reason: Q.850;cause=102
            > 200
            > 487 INVITE
            < ACK`,
        act: all(rung, ({ anna, call }) => anna.client.call('call.end', { call: call.call, q850: 102 })),
        ladder: 'a> call.start; <b INVITE; -- to sip:test@ADDRESS; b> 180; <a call.progress ringing; a> call.end; <a call.end cancelled; <b CANCEL; -- ended: cancelled',
    }, {
        name: 'the browser\'s cause in our refusal',
        in: `> INVITE USER sdp
            < 100?
            < 180
            < 603 | Reason: Q.850;cause=21
            > ACK`,
        act: ({ anna, call }) => anna.client.call('call.end', { call: call.call, q850: 21 }),
        ladder: 'a> INVITE; <b call.incoming; -- to user:USER; <a 180; b> call.end; <a 603; <b call.end declined; -- ended: declined',
    },
])

// ── Legs apart: what a browser does to its connection is no request of SIP, and the other way round (sipp-dialog) ──

const otherSecret = (sdp) => sdp.replace(/^a=ice-ufrag:.*\r$/m, 'a=ice-ufrag:neu0\r').replace(/^a=ice-pwd:.*\r$/m, 'a=ice-pwd:a0123456789012345678901\r')
const offers = (change) => ({ anna, call }) => anna.client.call('call.update', { call: call.call, sdp: change(call.offer) })

scenarios('legs apart', stage, [
    {
        name: 'ICE restart, another offer of the same, another page\'s offer, mute: SIPp hears of none',
        out: `${takes}\n${letsGo}`,
        act: all(answered, offers(otherSecret), offers((sdp) => sdp), async (it) => {
            const { sdp } = await peer.command('web.offer', { id: peer.nextId++, codecs: ['PCMA'], addr: '127.0.0.1' })
            await offers(() => sdp)(it)
        }, ({ anna, call }) => anna.client.call('call.info', { call: call.call, muted: { audio: true } }), end),
        ladder: `${start}; ${up}; a> call.update, again and again; a> call.info; ${over}`,
    },
])

test('the gateway ends well', async () => {
    await until(async () => (await gateway.ctl('status')).dialogs === 0, 'no dialog is left', 8000)
    await gateway.stop()
})

wireIsClean(() => capture, ['sip', 'sdp'])
