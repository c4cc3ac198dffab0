// sipp.mjs - SIPp, with scenarios put together from the messages they consist of.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { alawEncode, sine, ulawEncode } from './audio.mjs'
import { listens, Program, tempDir, until } from './proc.mjs'

const media = (codecs) => codecs === 'none' ? '' : `Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP ${codecs.map(([pt]) => pt).join(' ')}
${codecs.map(([pt, name]) => `a=rtpmap:${pt} ${name}`).join('\n')}
`
const none = 'Content-Length: 0\n\n'
export const pcma = [[8, 'PCMA/8000'], [101, 'telephone-event/8000']]
export const pcmu = [[0, 'PCMU/8000'], [101, 'telephone-event/8000']]

const send = (text, attributes = '', inside = '') => `<send ${attributes}><![CDATA[\n${text}]]>${inside}</send>\n`
const recv = (what, attributes = '', inside = '') => `<recv ${what} ${attributes}>${inside}</recv>\n`

// What a scenario says in words of its own; `action`s go inside a recv.
export const own = { send, recv, media, none }

export const step = {
    pause: (ms) => `<pause milliseconds="${ms}"/>\n`,
    // The tone, until the scenario ends; once.
    tone: () => '<nop><action><exec rtp_stream="@TONE@,-1,8"/></action></nop>\n',
    // The same in PCMU; what plays before goes on until this does.
    toneMu: () => '<nop><action><exec rtp_stream="@TONEMU@,-1,0"/></action></nop>\n',
    // One of sip-tester's recordings: from the same port, but not by rtp_stream.
    pcap: (name) => `<nop><action><exec play_pcap_audio="/usr/share/sip-tester/${name}.pcap"/></action></nop>\n`,
    // Another offer in the dialog, as the caller, after ackOf2xx; `n`: 2, 3, … SIPp tells the port of
    // rtp_stream only once; the first call's is the one of -mp.
    reinvite: (n, { body }) => send(`INVITE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: "Sipp Caller" <sip:+33123456789@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: ${n} INVITE
Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
${media(body).replace('2353687637', `235368763${6 + n}`).replace('[rtpstream_audio_port]', '[media_port]')}`, 'retrans="500"'),
    once: () => '<nop><action><exec rtp_stream="@TONE@,1,8"/></action></nop>\n',
    recvRequest: (method, attributes) => recv(`request="${method}"`, attributes),
    recvStatus: (status, attributes) => recv(`response="${status}"`, attributes),
    reply: (status, reason, { body, headers = '', attributes = '' } = {}) => send(`SIP/2.0 ${status} ${reason}
[last_Via:]
[last_Record-Route:]
[last_From:]
[last_To:]${status === 100 ? '' : ';tag=[pid]SIPp[call_number]'}
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
${headers}${body ? media(body) : none}`, attributes),
    // In a dialog the To of a request has its tag already.
    replyInDialog: (status, reason) => send(`SIP/2.0 ${status} ${reason}
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
${none}`),
    invite: (user, { body = pcma, headers = '' } = {}) => send(`INVITE sip:${user}@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "Sipp Caller" <sip:+33123456789@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]
To: <sip:${user}@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
${headers}${media(body)}`, 'retrans="500"'),
    ackOf2xx: (n = 1) => send(`ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: "Sipp Caller" <sip:+33123456789@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: ${n} ACK
Max-Forwards: 70
${none}`),
    // As the caller, after ackOf2xx.
    bye: (n = 2) => send(`BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: "Sipp Caller" <sip:+33123456789@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: ${n} BYE
Max-Forwards: 70
${none}`, 'retrans="500"'),
    // As the callee, after its ACK.
    byeAsCallee: () => send(`BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: [$to];tag=[pid]SIPp[call_number]
To: [$from]
Call-ID: [call_id]
CSeq: 1 BYE
Max-Forwards: 70
${none}`, 'retrans="500"'),
    // An INVITE whose From and To a BYE of ours needs later.
    recvInvite: () => recv('request="INVITE"', 'rrs="true"', `<action>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>
<ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>
<ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="cseq"/>
</action>`) + '<Reference variables="from,to,cseq"/>\n',
}

const any = ['100', '180', '183'].map((status) => step.recvStatus(status, 'optional="true"')).join('')

export const scenario = {
    // Answers with a tone, or `play`s; the caller hangs up.
    answer: ({ body = pcma, tone = true, play = step.tone } = {}) => [step.recvRequest('INVITE', 'rrs="true"'), step.reply(180, 'Ringing'), step.reply(200, 'OK', { body, attributes: 'retrans="500"' }),
        step.recvRequest('ACK'), tone ? play() : '', step.recvRequest('BYE'), step.replyInDialog(200, 'OK')],
    // Answers with a tone and hangs up by itself.
    answerAndEnd: (ms, { body = pcma } = {}) => [step.recvInvite(), step.reply(180, 'Ringing'), step.reply(200, 'OK', { body, attributes: 'retrans="500"' }),
        step.recvRequest('ACK', 'rrs="true"'), step.tone(), step.pause(ms), step.byeAsCallee(), step.recvStatus(200)],
    // Refuses.
    refuse: (status, reason, headers = '') => [step.recvRequest('INVITE'), step.reply(status, reason, { headers }), step.recvRequest('ACK')],
    // Rings until cancelled.
    ring: () => [step.recvInvite(), step.reply(180, 'Ringing'), step.recvRequest('CANCEL'), step.replyInDialog(200, 'OK'),
        send(`SIP/2.0 487 Request Terminated
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPp[call_number]
[last_Call-ID:]
CSeq:[$cseq]
${none}`), step.recvRequest('ACK')],
    // Wants digest, then answers; whether it is right, others tell.
    challenge: ({ user = 'bob', body = pcma } = {}) => [step.recvRequest('INVITE'),
        step.reply(407, 'Proxy Authentication Required', { headers: 'Proxy-Authenticate: Digest realm="sipp.test", nonce="47ebe028cda119c35d4877b383027d28da013815", algorithm=MD5, qop="auth"\n' }),
        step.recvRequest('ACK'),
        recv('request="INVITE"', '', `<action><ereg regexp="Digest.*username=.${user}." search_in="hdr" header="Proxy-Authorization:" check_it="true" assign_to="auth"/></action>`),
        step.reply(180, 'Ringing'), step.reply(200, 'OK', { body, attributes: 'retrans="500"' }), step.recvRequest('ACK'), step.tone(), step.recvRequest('BYE'), step.replyInDialog(200, 'OK'), '<Reference variables="auth"/>\n'],
    // Calls; the callee hangs up, however soon. (SIPp takes no BYE while it starts a tone.)
    call: (user, { tone = false, ...options } = {}) => [step.invite(user, options), any, step.recvStatus(200, 'rrs="true"'), step.ackOf2xx(), tone ? step.tone() : '', step.recvRequest('BYE'), step.replyInDialog(200, 'OK')],
    // Calls with a tone and hangs up.
    callAndEnd: (user, ms, options) => [step.invite(user, options), any, step.recvStatus(200, 'rrs="true"'), step.ackOf2xx(), step.tone(), step.pause(ms), step.bye(), step.recvStatus(200)],
    // Calls and is refused.
    callRefused: (user, status, options) => [step.invite(user, options), any, step.recvStatus(status),
        send(`ACK sip:${user}@[remote_ip]:[remote_port] SIP/2.0
[last_Via:]
From: "Sipp Caller" <sip:+33123456789@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
${none}`)],
}

let ports = 0

// One SIPp that listens, running `steps` for `calls` calls. Ends with status 0 when each went as written; `strict`:
// also where requests came that it would answer by itself (INFO, NOTIFY, OPTIONS, UPDATE).
export async function sipp(scope, steps, { host = '127.0.0.1', port = 5080 + 2 * ports++, to, transport = 'u1', calls = 1, hz = 440, sound = sine(hz, 1, 8000, 0.3), rate = 10, limit, strict = false, args = [] } = {}) {
    const dir = tempDir(scope, 'sipp')
    const tone = path.join(dir, 'tone.alaw')
    writeFileSync(tone, Buffer.from(sound.map(alawEncode)))
    const toneMu = path.join(dir, 'tone.ulaw')
    writeFileSync(toneMu, Buffer.from(sound.map(ulawEncode)))
    const file = path.join(dir, 'scenario.xml')
    const errors = path.join(dir, 'errors')
    writeFileSync(file, `<?xml version="1.0" encoding="ISO-8859-1"?>\n<scenario name="causeway">\n${steps.join('').replaceAll('@TONE@', tone).replaceAll('@TONEMU@', toneMu)}</scenario>\n`)
    const media = 40000 + (port % 400) * 40
    const program = new Program(scope, 'sipp', 'sipp', [
        ...(to ? [to] : []), '-sf', file, '-i', host, '-p', String(port), '-mi', host, '-mp', String(media),
        '-m', String(calls), '-r', String(rate), ...(limit ? ['-l', String(limit)] : []), '-t', transport, '-nostdin', '-timeout', '60s', '-timeout_error', '-trace_err', '-error_file', errors, '-trace_msg', '-message_file', path.join(dir, 'messages'),
        ...(strict ? [] : ['-aa']), ...args,
    ], { cwd: dir, env: { TERM: 'dumb' } })
    await until(() => program.end || to || listens(port, transport.startsWith('t') ? 'tcp' : 'udp'), `SIPp listens on ${port}`)
    return Object.assign(program, {
        messages: () => readFileSync(path.join(dir, 'messages'), 'latin1'),
        host, port, mediaPort: media, uri: (user = 'test') => `sip:${user}@${host.includes(':') ? `[${host}]` : host}:${port}${transport.startsWith('t') ? ';transport=tcp' : ''}`,
        async passed(ms = 30000) {
            const { code } = await program.wait(ms)
            if (code !== 0) throw new Error(`SIPp ended with ${code}: ${program.text.slice(-600)} ${existsSync(errors) ? readFileSync(errors, 'latin1').slice(0, 1500) : ''}`)
        },
    })
}
