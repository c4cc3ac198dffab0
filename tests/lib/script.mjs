// script.mjs - SIPp scenarios written as lines, one a message:
//
//   > INVITE anna sdp | Supported: timer      sent by SIPp, with a description and a header field
//   < 100?                                    may come
//   < 200 | Session-Expires: 100;.*=uac       must come, and its header field matches
//   > ACK
//
// After INVITE (or another request that begins something) comes whom it is for: a user, or a tel: URI.
//
// `> 200 INVITE` answers the last request of that method, when others came since. After `|`: `X: text` is a header
// field, in `<` a pattern (POSIX) of it; `!X:` says that there is none; `X: =name pattern` keeps what matched, for
// [$name] further on; `= text` is the body, or a pattern of it; `~ x` a pattern of the whole message; `+ a=x` one more
// line of a description. Words: sdp, sdp:sendonly (inactive, recvonly, zero: c=0.0.0.0, mu: PCMU, g729), tag:x (another
// fork's), cseq:n. `pause 200` waits, `tone` plays.
import { own, pcma, pcmu } from './sipp.mjs'

const from = '"Sipp Caller" <sip:+33123456789@[local_ip]:[local_port]>'
const contact = '<sip:sipp@[local_ip]:[local_port];transport=[transport]>'
const here = '[local_ip]:[local_port]'

const known = /^(sdp|tag|cseq):/
let versions = 0

const target = (word) => (word.startsWith('tel:') ? word : `sip:${word}@[remote_ip]:[remote_port]`)

function description(how) {
    const wants = how.split(',')
    const text = own.media(wants.includes('mu') ? pcmu : wants.includes('g729') ? [[18, 'G729/8000']] : pcma)
        .replace('2353687637', String(2353687637 + ++versions))
        .replace(/c=IN .*/, wants.includes('zero') ? 'c=IN IP4 0.0.0.0' : '$&')
    const dir = wants.find((word) => /^(sendrecv|sendonly|recvonly|inactive)$/.test(word))
    return dir ? `${text}a=${dir}\n` : text
}

class Script {
    constructor({ from: caller = from } = {}) {
        Object.assign(this, { caller, xml: [], variables: new Set(), requests: {}, invites: {}, received: null, last: null, inDialog: false, role: null, cseq: 0, portTold: false })
    }

    // SIPp tells rtp_stream's port in one message of a call only.
    sdp(how, more) {
        const text = description(how) + more
        if (this.portTold) return text.replace('[rtpstream_audio_port]', '[media_port]')
        this.portTold = true
        return text
    }

    line(text) {
        const [, dir, rest] = /^([<>])?\s*(.*)$/.exec(text.trim())
        const [words, ...parts] = rest.split(/\s+\|\s+/)
        const [what, ...more] = words.split(/\s+/)
        if (!dir) return this.xml.push(what === 'pause' ? `<pause milliseconds="${more[0]}"/>\n` : '<nop><action><exec rtp_stream="@TONE@,-1,8"/></action></nop>\n')
        const named = Object.fromEntries(more.filter((word) => known.test(word)).map((word) => [word.slice(0, word.indexOf(':')), word.slice(word.indexOf(':') + 1)]))
        const plain = more.filter((word) => !known.test(word))
        const options = { ...named, sdp: named.sdp ?? (plain.includes('sdp') ? '' : undefined), word: plain.find((word) => word !== 'sdp'), parts }
        if (dir === '<') this.receive(what, options)
        else if (/^\d/.test(what)) this.respond(what, words.replace(/^\d+\s*/, ''), options)
        else this.request(what, options)
    }

    // --- what SIPp receives ---

    check(part) {
        const whole = /^([=~])\s*(.*)$/.exec(part)
        const [, not, header, keep, pattern] = whole ? [] : /^(!?)([\w-]+):\s*(?:=(\w+)\s*)?(.*)$/.exec(part)
        const name = keep ?? `v${this.variables.size + 1}`
        this.variables.add(name)
        const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
        if (not) return `<ereg regexp="[[:cntrl:]]${header}:" search_in="msg" check_it_inverse="true" assign_to="${name}"/>`
        if (whole) return `<ereg regexp="${escaped(whole[2])}" search_in="${whole[1] === '=' ? 'body' : 'msg'}" check_it="true" assign_to="${name}"/>`
        return `<ereg regexp="${escaped(pattern || '.*')}" search_in="hdr" header="${header}:" check_it="true" assign_to="${name}"/>`
    }

    keep(name, header, pattern = '[^ ].*') {
        this.variables.add(name)
        return `<ereg regexp="${pattern}" search_in="hdr" header="${header}:" assign_to="${name}"/>`
    }

    receive(what, { parts, word }) {
        const optional = what.endsWith('?')
        const name = what.replace('?', '')
        const actions = parts.map((part) => this.check(part))
        if (/^\d/.test(name)) {
            const status = Number(name)
            this.last = null
            if (status > 100 && (this.sent === 'INVITE' || !this.inDialog)) {
                actions.push(this.keep('remote', 'To'))
                if (status < 300) actions.push(this.keep('target', 'Contact', 'sip:[^>]*'))
                this.inDialog ||= status < 300
            }
            if (!optional && status >= 200) this.final = status
            this.xml.push(own.recv(`response="${name}"`, optional ? 'optional="true"' : '', actions.length ? `<action>${actions.join('\n')}</action>` : ''))
            return
        }
        const first = !this.role
        if (first) this.role = 'callee'
        this.received = this.last = name
        if (first || (name === 'INVITE' && !this.inDialog)) actions.push(this.keep('from', 'From'), this.keep('to', 'To'))
        if (name === 'INVITE') actions.push(this.keep('target', 'Contact', 'sip:[^>]*'))
        if (/INVITE|PRACK|UPDATE|BYE|REFER|SUBSCRIBE|NOTIFY|INFO|OPTIONS|MESSAGE/.test(name)) {
            actions.push(...['Via', 'From', 'To', 'CSeq'].map((header) => this.keep(`${name}_${header}`, header)))
            this.requests[name] = { tagged: this.inDialog || (this.role === 'caller' && word !== 'new') }
        }
        this.requests.CANCEL = { tagged: false }
        this.xml.push(own.recv(`request="${name}"`, optional ? 'optional="true"' : '', actions.length ? `<action>${actions.join('\n')}</action>` : ''))
    }

    // --- what SIPp sends ---

    fields(parts) {
        const body = parts.find((part) => part.startsWith('='))
        const lines = parts.filter((part) => part.startsWith('+'))
        const headers = parts.filter((part) => part !== body && !lines.includes(part))
        return { headers: headers.map((part) => part + '\n').join(''), body: body?.slice(1).trim(), lines: lines.map((part) => part.slice(1).trim() + '\n').join('') }
    }

    end({ headers, body, lines }, sdp) {
        if (sdp !== undefined) return headers + this.sdp(sdp, lines)
        // Its lines are divided by \n in the script.
        if (body !== undefined) return `${headers}Content-Length: [len]\n\n${body.replaceAll('\\n', '\n')}\n`
        return headers + own.none
    }

    respond(status, rest, { sdp, tag, parts }) {
        const of = /^[A-Z]+/.exec(rest)?.[0] ?? this.received
        const request = this.requests[of] ?? { tagged: true }
        const mine = tag ?? '[pid]SIPp[call_number]'
        const last = of === this.last
        const head = last ? ['[last_Via:]', '[last_Record-Route:]', '[last_From:]', `[last_To:]${request.tagged || status === '100' ? '' : `;tag=${mine}`}`, '[last_Call-ID:]', '[last_CSeq:]']
            : [`Via: [$${of}_Via]`, `From: [$${of}_From]`, `To: [$${of}_To]${request.tagged ? '' : `;tag=${mine}`}`, 'Call-ID: [call_id]', `CSeq: [$${of}_CSeq]`]
        // SIPp goes on from what it repeats only with an answer to it.
        const reliable = this.answered && of === 'INVITE' && (Number(status) >= 200 || parts.some((part) => /^RSeq/.test(part)))
        if (of === 'INVITE' && status >= 180 && status < 300 && !tag) this.inDialog = true
        if (of === 'SUBSCRIBE' && status < 300) this.inDialog = true
        const fields = this.fields(parts)
        const ours = /^(\[last_)?Contact:/m.test(fields.headers) ? '' : `Contact: ${contact}\n`
        this.xml.push(own.send(`SIP/2.0 ${status} ${status >= 300 ? 'No' : 'Yes'}\n${head.join('\n')}\n${ours}${this.end(fields, sdp)}`, reliable ? 'retrans="3000"' : ''))
    }

    branch(n) {
        return `branch=z9hG4bK-[pid]-[call_number]-${n}`
    }

    request(method, { sdp, word, tag, cseq, parts }) {
        this.role ??= 'caller'
        const dialog = this.inDialog || method === 'ACK' || method === 'CANCEL'
        const again = method === 'ACK' || method === 'CANCEL'
        const n = cseq ? Number(cseq) : again && this.invite ? this.invite.n : ++this.cseq
        const failed = method === 'ACK' && this.final >= 300
        const sameBranch = method === 'CANCEL' || failed
        const invite = this.invites[n]
        const branch = sameBranch && invite ? invite.branch : this.branch(`${method}${n}`)
        if (method === 'INVITE') {
            this.final = null
            this.invite = this.invites[n] = { n, branch, uri: word ? target(word) : '[$target]', to: word && `<${target(word)}>` }
        }
        if (method !== 'ACK') this.sent = method
        const caller = this.role === 'caller'
        const fresh = word && !(dialog && !sameBranch)
        const uri = fresh || sameBranch ? (word ? target(word) : invite.uri) : '[$target]'
        const mine = tag ?? '[pid]SIPp[call_number]'
        const fields = this.fields(parts)
        const says = (header) => new RegExp(`^${header}:`, 'm').test(fields.headers)
        const lines = [`${method} ${uri} SIP/2.0`, `Via: SIP/2.0/[transport] ${here};${branch}`, 'Call-ID: [call_id]', `CSeq: ${n} ${method}`,
            says('From') ? '' : caller ? `From: ${this.caller};tag=${mine}` : `From: [$to];tag=${mine}`,
            says('To') ? '' : fresh ? `To: <${uri}>` : method === 'CANCEL' ? `To: ${invite.to ?? '[$remote]'}` : caller ? 'To: [$remote]' : 'To: [$from]',
            again || says('Contact') ? '' : `Contact: ${contact}`, says('Max-Forwards') ? '' : 'Max-Forwards: 70']
        this.xml.push(own.send(`${lines.filter(Boolean).join('\n')}\n${this.end(fields, sdp)}`, again ? '' : 'retrans="3000"'))
    }
}

// The steps of a scenario, for sipp(). `from`: who it says calls.
export function script(text, options) {
    const made = new Script(options)
    const lines = text.split('\n').map((line) => line.trim()).filter(Boolean)
    lines.forEach((line, i) => {
        made.answered = lines[i + 1]?.startsWith('<')
        made.line(line)
    })
    return [...made.xml, made.variables.size ? `<Reference variables="${[...made.variables].join(',')}"/>\n` : '']
}
