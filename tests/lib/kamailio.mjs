// kamailio.mjs - Kamailio as registrar and proxy for sip:…@pbx.test, with digest.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { listens, Program, tempDir, until } from './proc.mjs'

// `algorithm` is its digest's; `asks`: INVITEs of its users are challenged too; `expires_s`: the longest
// it grants; `headers`: added to its 200s to REGISTER. `gateway` is where requests for users it does not know are sent. Calls from there need digest of the
// password `wantsDigest`, when that is given. `forks`: user to the URIs that ring for it, all at once.
export async function kamailio(scope, { host = '127.0.0.1', port = 5070, gateway = '127.0.0.1:5060', users = { bob: 'secret' }, wantsDigest, algorithm = 'MD5', asks, expires_s = 3600, headers = [], forks = {}, tls } = {}) {
    const dir = tempDir(scope, 'kamailio')
    const passwords = Object.entries(users).map(([user, password]) => `    if ($fU == "${user}") { $var(pw) = "${password}"; }`).join('\n')
    const file = path.join(dir, 'kamailio.cfg')
    // tls: { port, certificate, authority }: its certificate with the key; who signs those it takes.
    if (tls)
        writeFileSync(path.join(dir, 'tls.cfg'), ['server', 'client'].map((side) => `[${side}:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
certificate = ${tls.certificate}
private_key = ${tls.certificate}
ca_list = ${tls.authority}
`).join('\n'))
    writeFileSync(file, `
debug=2
log_stderror=yes
fork=yes
children=1
tcp_children=1
disable_tcp=no
listen=udp:${host}:${port}
listen=tcp:${host}:${port}
${tls ? `enable_tls=yes
listen=tls:${host}:${tls.port}
` : ''}alias="pbx.test"
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
${tls ? `loadmodule "tls.so"
` : ""}loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
${Object.keys(forks).length ? 'loadmodule "corex.so"' : ''}
modparam("usrloc", "db_mode", 0)
${tls ? `modparam("tls", "config", "${path.join(dir, "tls.cfg")}")
` : ""}
modparam("auth", "algorithm", "${algorithm}")
modparam("registrar", "max_expires", ${expires_s})
modparam("rr", "append_fromtag", 1)
request_route {
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (has_totag()) {
        if (loose_route()) {
            if ($(ru{uri.param,gr}) != "") lookup("location"); # a GRUU of ours
            t_relay();
            exit;
        }
        if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
        sl_send_reply("404", "Not here");
        exit;
    }
    if (is_method("REGISTER")) {
        $var(pw) = "";
${passwords}
        if (!pv_www_authenticate("$td", "$var(pw)", "0")) { www_challenge("$td", "0"); exit; }
${headers.map((line) => `        append_to_reply("${line}\\r\\n");\n`).join('')}        save("location");
        exit;
    }
    loose_route(); # a Route of ours that was preloaded
${asks ? `    if (is_method("INVITE") && $fd == "pbx.test") {
        $var(pw) = "";
${passwords}
        if (!pv_proxy_authenticate("$fd", "$var(pw)", "0")) { proxy_challenge("$fd", "1"); exit; }
        xlog("L_NOTICE", "$au calls $rU by $hdr(Route)\\n");
        consume_credentials();
    }` : ''}
${wantsDigest ? `    if (is_method("INVITE") && $si == "${gateway.split(':')[0]}" && ($sp == ${gateway.split(":")[1]} || $proto == "tcp")) {
        if (!pv_proxy_authenticate("pbx.test", "${wantsDigest}", "0")) { proxy_challenge("pbx.test", "1"); exit; }
        xlog("L_NOTICE", "digest of $au is right\\n");
        consume_credentials();
    }` : ''}
    if (is_method("INVITE")) record_route();
${Object.entries(forks).map(([user, [first, ...more]]) => `    if ($rU == "${user}") {
        $ru = "${first}";
${more.map((uri) => `        append_branch("${uri}");`).join('\n')}
        t_relay();
        exit;
    }`).join('\n')}
    if (lookup("location")) { xlog("L_NOTICE", "to the phone $ru\\n"); t_relay(); exit; }
    if ($si == "${gateway.split(':')[0]}" && ($sp == ${gateway.split(":")[1]} || $proto == "tcp")) { sl_send_reply("404", "Not Found"); exit; }
    $ru = "sip:" + $rU + "@${gateway}";
    t_relay();
}
`)
    const program = new Program(scope, 'kamailio', 'kamailio', ['-DD', '-E', '-f', file, '-Y', dir, '-P', path.join(dir, 'pid'), '-m', '16', '-M', '4'], { peer: true })
    await until(() => listens(port, 'udp') && listens(port, 'tcp'), 'Kamailio listens')
    return Object.assign(program, { host, port })
}
