import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, beforeEach, test } from 'node:test';
import { CausewayError, connect, environment } from '../dist/causeway.js';
import { FakeSocket, hangUpAll, install, dial, logIn, opened, settle, clock } from './fakes.mjs';

let browser;
beforeEach(() => {
    clock.go();
    browser = install();
});

afterEach(hangUpAll);

const kind = (word) => (error) => error instanceof CausewayError && error.kind === word;

async function socketOf(start) {
    const created = once(FakeSocket.created, 'socket');
    const pending = start();
    pending.catch(() => {});
    return [(await created)[0], pending];
}

test('a guest logs in, and the session tells who they are', async () => {
    const { session, socket } = await logIn(connect);
    assert.equal(socket.url, 'wss://gw.example/v1/ws');
    assert.equal(socket.protocol, 'causeway.v1');
    const { params } = socket.sent[0];
    assert.equal(params.guest, 'anna');
    assert.equal(params.client.browser, 'Firefox');
    assert.match(params.client.library, /^causeway\.js \d/);
    assert.deepEqual([session.user, session.display, session.state], ['anna', 'Anna', 'connected']);
    assert.equal(session.server.name, 'causeway');
    await Promise.all([session.close(), socket.reply(await socket.frame('session.close'))]);
});

for (const [url, want] of [
    ['http://10.0.0.1:8080', 'ws://10.0.0.1:8080/v1/ws'],
    ['wss://gw.example/v1/ws', 'wss://gw.example/v1/ws'],
    ['https://gw.example/at/v1/ws?x#y', 'wss://gw.example/at/v1/ws'],
    ['/', 'wss://gw.example/v1/ws'],
])
    test(`${url} becomes ${want}`, async () => {
        const [socket] = await socketOf(() => connect(url, { guest: 'a' }));
        assert.equal(socket.url, want);
        socket.drop();
    });

test('what is no URL, or no single log-in, is refused before anything is sent', async () => {
    await assert.rejects(connect('ftp://gw', { guest: 'a' }), kind('bad-params'));
    await assert.rejects(connect('http://[', { guest: 'a' }), kind('bad-params'));
    await assert.rejects(connect('', {}), kind('bad-params'));
    await assert.rejects(connect('', { guest: 'a', token: 'b' }), kind('bad-params'));
    assert.equal(FakeSocket.all.length, 0);
});

test('a token comes from getToken and stays out of the trace', async () => {
    const seen = [];
    const { socket } = await logIn(connect, {
        getToken: async () => 'secret',
        trace: (event) => seen.push(event),
    });
    assert.equal(socket.sent[0].params.token, 'secret');
    assert.deepEqual(seen.map(({ direction }) => direction), ['out', 'in']);
    assert.ok(!JSON.stringify(seen).includes('secret'));
});

test('a refused log-in gives the gateway\'s error, not that of the close', async () => {
    const [socket, pending] = await socketOf(() => connect('', { token: 'x' }));
    socket.accept();
    socket.refuse(await socket.frame('session.open'), -32001, 'auth');
    socket.drop(4401);
    await assert.rejects(pending, (error) => kind('auth')(error) && error.code === -32001);
});

test('nobody there', async () => {
    const [socket, pending] = await socketOf(() => connect('', { guest: 'a' }));
    const again = once(FakeSocket.created, 'socket');
    socket.drop();
    (await again)[0].drop();
    await assert.rejects(pending, kind('network'));
});

test('connecting gives up after the deadline, and drops a connection that comes late', async () => {
    clock.stop();
    const [socket, pending] = await socketOf(() => connect('', { guest: 'a' }));
    await settle();
    clock.tick(3_000); // then long-polling is tried, which there is not
    await assert.rejects(pending, kind('network'));
    socket.accept();
    await settle();
    assert.equal(socket.closedWith, 4000);
    assert.deepEqual(socket.sent, []);
});

test('connecting can be aborted', async () => {
    const abort = new AbortController();
    const [socket, pending] = await socketOf(() => connect('', { guest: 'a', signal: abort.signal }));
    socket.accept();
    await socket.frame('session.open');
    abort.abort();
    await assert.rejects(pending, kind('cancelled'));
    assert.equal(socket.readyState, 3);
});

test('a request fails at its deadline; its late reply is ignored', async () => {
    clock.stop();
    const { session, socket } = await logIn(connect);
    const { call } = await dial(session, socket);
    const held = call.hold();
    held.catch(() => {});
    const asked = await socket.frame('call.hold');
    clock.tick(2_000);
    socket.reply(await socket.frame('ping')); // the rest of the gateway is there
    await settle();
    clock.tick(7_999);
    await settle();
    clock.tick(1);
    await assert.rejects(held, kind('timeout'));
    socket.reply(asked);
    assert.equal(call.held.local, false);
});

test('nothing is kept to be sent late', async () => {
    const { session, socket } = await logIn(connect);
    const { call } = await dial(session, socket);
    const before = socket.sent.length;
    socket.readyState = 2; // closing: no event yet
    await assert.rejects(call.hold(), kind('network'));
    await assert.rejects(session.call('tone'), kind('network'));
    socket.readyState = 1;
    socket.bufferedAmount = 2 ** 20 + 1;
    await assert.rejects(call.hold(), kind('overload'));
    assert.equal(socket.sent.length, before);
});

test('a message above the gateway\'s bound is not sent; bytes count, not characters', async () => {
    const { session, socket } = await logIn(connect, { guest: 'a' }, {
        ...opened,
        limits: { message_bytes: 1024 },
    });
    await assert.rejects(session.call('é'.repeat(600)), kind('too-large'));
    assert.ok(!socket.methods().includes('call.start'));
});

test('how the user is registered is known at once, and when it changes', async () => {
    const { session, socket } = await logIn(connect, { guest: 'a' }, {
        ...opened,
        registration: { state: 'registering', identity: 'sip:a@pbx' },
    });
    const seen = [];
    session.on('registration', (registration) => seen.push(registration));
    assert.equal(session.registration.state, 'registering');
    socket.tell('session.registration', { state: 'registered', identity: 'sip:a@pbx', expires_s: 60 });
    assert.deepEqual(seen, [{ state: 'registered', identity: 'sip:a@pbx', expires_s: 60 }]);
    assert.deepEqual(session.registration, seen[0]);
});

test('pings go out, and silence ends the session', async () => {
    clock.stop();
    const { session, socket } = await logIn(connect);
    const states = [];
    session.on('state', (event) => states.push(event));
    clock.tick(15_000);
    socket.reply(await socket.frame('ping'), { now_ms: 1 });
    await settle();
    assert.equal(session.state, 'connected');
    clock.tick(15_000);
    await socket.frame('ping');
    clock.tick(5_000);
    assert.equal((await session.closed).kind, 'network');
    assert.equal(session.state, 'closed');
    assert.equal(states.length, 1);
    assert.equal(states[0].error.kind, 'network');
});

for (const [code, word] of [[1006, 'network'], [1013, 'overload'], [4408, 'timeout'], [4429, 'rate']])
    test(`close code ${code} is ${word}, and ends the calls`, async () => {
        const { session, socket } = await logIn(connect);
        const { call, pc } = await dial(session, socket);
        socket.drop(code);
        assert.equal((await session.closed).kind, word);
        assert.equal((await call.ended).reason, word);
        assert.ok(pc.closed);
        assert.deepEqual(session.calls, []);
    });

test('closing hangs up, logs out and is no error', async () => {
    const { session, socket } = await logIn(connect);
    const { call } = await dial(session, socket);
    const closing = session.close();
    assert.deepEqual(socket.methods().slice(-2), ['call.end', 'session.close']);
    socket.reply(await socket.frame('call.end'));
    socket.reply(await socket.frame('session.close'));
    await closing;
    assert.equal(await session.closed, undefined);
    assert.equal((await call.ended).by, 'you');
    assert.equal(socket.closedWith, 1000);
    await session.close();
    await assert.rejects(session.call('echo'), kind('closed'));
});

test('the page goes away: calls are hung up and the connection closed', async () => {
    const { session, socket } = await logIn(connect);
    const { pc } = await dial(session, socket);
    browser.leave();
    assert.deepEqual(socket.methods().slice(-2), ['call.end', 'session.close']);
    assert.equal(socket.sent.at(-1).id, undefined);
    assert.equal(socket.readyState, 3);
    assert.ok(pc.closed);
    browser.leave(); // a closed session listens no more
    assert.equal(socket.methods().filter((each) => each === 'session.close').length, 1);
});

test('rubbish from the other end is told to the logger and harms nothing', async () => {
    const warnings = [];
    const { session, socket } = await logIn(connect, {
        guest: 'a',
        logger: { warn: (text) => warnings.push(text) },
    });
    for (const text of ['{', 'null', '3', '{"id":99,"result":{}}', '{"id":null,"error":{}}']) socket.give(text);
    socket.tell('call.answer', { call: 'nobody' });
    socket.tell('no.such', {});
    socket.tell('toString', {});
    assert.equal(session.state, 'connected');
    assert.equal(warnings.length, 6);
    socket.give({ jsonrpc: '2.0', id: 'q', method: 'no.such' });
    assert.equal(socket.sent.at(-1).error.code, -32601);
});

test('one listener\'s error neither stops the others nor the library', async () => {
    clock.stop();
    const { session, socket } = await logIn(connect);
    const seen = [];
    session.on('closing', () => {
        throw new Error('mine');
    });
    const off = session.on('closing', ({ reason }) => seen.push(reason));
    session.once('closing', ({ reason }) => seen.push(`once ${reason}`));
    socket.tell('session.closing', { reason: 'shutdown' });
    off();
    socket.tell('session.closing', { reason: 'again' });
    assert.deepEqual(seen, ['shutdown', 'once shutdown']);
    assert.throws(() => clock.tick(1), /mine/); // as an uncaught error
});

const agents = [
    ['Firefox', '128.0', 'Linux', 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'],
    ['Chrome', '120.0.0.0', 'Windows', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36'],
    ['Edge', '120.0.1', 'Windows', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.1'],
    ['Safari', '17.1', 'macOS', 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Safari/605.1.15'],
    ['Safari', '17.1', 'iOS', 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1'],
    ['WebKitGTK', '60.5', 'Linux', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/60.5 Safari/605.1.15'],
    ['', '', '', ''],
];
for (const [browserName, version, os, userAgent] of agents)
    test(`environment: ${browserName || 'unknown'} on ${os || 'nothing'}`, () => {
        browser.put('navigator', { userAgent });
        const here = environment();
        assert.deepEqual([here.browser, here.version, here.os], [browserName, version, os]);
        assert.equal(here.webrtc, false);
    });

test('environment prefers client hints and skips the made-up brand', () => {
    browser.put('navigator', {
        userAgent: 'Chrome/1',
        userAgentData: {
            brands: [{ brand: 'Not:A-Brand', version: '8' }, { brand: 'Chromium', version: '156' }, { brand: 'Google Chrome', version: '156' }],
            mobile: true,
            platform: 'Android',
        },
    });
    const { browser: name, version, os, mobile } = environment();
    assert.deepEqual([name, version, os, mobile], ['Chrome', '156', 'Android', true]);
});
