import { connect } from './causeway.js';
import { Bell } from './bell.js';
import { Frames } from './frames.js';
import { Meter } from './meter.js';

const $ = (id) => document.getElementById(id);
const pad = [...document.querySelectorAll('[data-digit]')];

const bell = new Bell();
const meter = new Meter($('level'));
const frames = new Frames($('frames'), $('count'));

/** @type {import('causeway').Session | null} */
let session = null;
/** @type {import('causeway').Call | null} the call on the line, or the last one */
let current = null;
/** @type {import('causeway').Call | null} waits while another is asked whether it takes it */
let aside = null;
/** Calls that ring here, first come first. */
let ringing = [];
/** Cancels a call that is being set up. */
let dialling = null;
let tick = 0;
/** @type {MediaStream | null} what the other side sees */
let camera = null;

const stateTexts = {
    idle: 'Ready',
    trying: 'Calling…',
    ringing: 'Ringing…',
    early: 'Ringing…',
    answering: 'Answering…',
    active: 'Connected',
};

const errorTexts = {
    'media-denied': 'The browser does not let this page use the microphone or the camera.',
    'media-missing': 'This computer has no microphone, or no camera.',
    'not-found': 'There is nobody by this name.',
    'no-route': 'No route leads to this number.',
    'answered-elsewhere': 'Answered on another device.',
    busy: 'The other side is busy.',
    declined: 'The other side declined.',
    unavailable: 'The other side cannot be reached now.',
    auth: 'The log-in was refused.',
    forbidden: 'You may not do that.',
};

// ── Showing ──────────────────────────────────────────────────────────────────────────────────────

function show(id, visible) {
    $(id).hidden = !visible;
}

function showError(kind, text, sip) {
    const error = $('error');
    error.hidden = !kind;
    error.dataset.kind = kind ?? '';
    error.textContent = kind
        ? sentence(errorTexts[kind] ?? text) + (sip ? ` (SIP ${sip.status} ${sip.reason})` : '')
        : '';
}

function sentence(text) {
    const first = text.charAt(0).toUpperCase() + text.slice(1);
    return /[.!?…]$/.test(first) ? first : `${first}.`;
}

function fail(error) {
    if (error.kind === 'cancelled') return;
    if (!error.kind) console.error(error); // not of the library: a mistake in this page
    showError(error.kind ?? 'internal', error.message, error.sip);
}

function name({ anonymous, display, number, user, uri }) {
    return anonymous ? 'Number withheld' : display || number || user || uri;
}

/* A name is what the caller says; a number is vouched for, or not. */
function whose({ anonymous, display, number, asserted }) {
    if (anonymous || !number || !display) return number && asserted ? '✓' : '';
    return asserted ? `${number} ✓` : number;
}

const forwardTexts = {
    'user-busy': 'was busy',
    'no-answer': 'did not answer',
    unavailable: 'was not reachable',
};

// STIR/SHAKEN. Only A says that the number is the caller's own.
function vouched({ status, attest } = {}) {
    if (status === 'failed') return '⚠ The number could not be verified';
    if (status !== 'passed') return '';
    return attest === 'A' ? '✓ Verified number' : 'The network of the caller is verified, the number is not';
}

function forwards({ forwarded = [] }) {
    return forwarded
        .map((by) => `${name({ ...by, display: by.name })}${forwardTexts[by.reason] ? `, who ${forwardTexts[by.reason]}` : ''}`)
        .join('; ');
}

function onLine() {
    return !!dialling || (!!current && current.state !== 'ended');
}

function showSession(state, text) {
    $('session').dataset.state = state;
    $('session').textContent = text;
    show('login-form', state !== 'online');
    show('logout', state === 'online');
    show('phone', state === 'online');
    $('login').disabled = state === 'connecting';
}

/** @type {Record<string, (line: import('causeway').Registration) => string>} */
const lineTexts = {
    none: () => '',
    registering: () => 'Registering…',
    registered: ({ identity = '' }) => identity.replace(/^sip:|^tel:/, ''),
    failed: ({ status, again }) => `Not registered${status ? ` (SIP ${status})` : ''}${again ? ', trying again' : ''}`,
};

function showLine(line) {
    $('line').dataset.state = line.state;
    $('line').textContent = lineTexts[line.state](line);
    show('line', line.state !== 'none');
}

function showCall() {
    const busy = onLine();
    const call = busy && !dialling ? current : null;
    const state = dialling ? 'trying' : (call?.state ?? 'idle');
    const active = state === 'active';
    const { local = false, remote = false } = call?.held ?? {};

    $('state').dataset.state = state;
    $('state').textContent =
        active && local
            ? 'On hold'
            : active && remote
              ? 'The other side holds the call'
              : active && call.remoteMuted.audio
                ? 'Connected, the other side is muted'
                : stateTexts[state];
    if (busy) delete $('state').dataset.reason;
    show('call', !busy);
    show('hangup', busy);
    show('talk', busy);
    show('dial-form', !busy);
    show('timer', active);
    show('level', state === 'active' || state === 'early');
    $('mute').disabled = !call;
    $('hold').disabled = !active;
    $('mute').setAttribute('aria-pressed', String(!!call?.muted.audio));
    $('hold').setAttribute('aria-pressed', String(local));
    $('video').disabled = !active;
    $('transfer').disabled = !active || !!aside;
    if (!active || aside) openTransfer(false);
    show('aside', !!aside);
    $('aside-peer').textContent = aside ? name(aside.remote) : '';
    $('connect').disabled = !call || call === aside;
    showPictures(active ? call.video : { local: false, remote: false });
    $('hangup').textContent = active ? 'Hang up' : 'Cancel';
}

function openTransfer(open) {
    show('transfer-form', open);
    $('transfer').setAttribute('aria-expanded', String(open));
}

const movingTexts = { trying: 'Transferring…', ringing: 'Transferring, it rings…', done: 'Transferred.', failed: 'The transfer failed; you have the call again.' };

function showMoving(state) {
    $('moving').dataset.state = state ?? '';
    $('moving').textContent = state ? movingTexts[state] : '';
    show('moving', !!state);
}

function showPictures({ local, remote }) {
    $('video').setAttribute('aria-pressed', String(local));
    show('pictures', local || remote);
    show('theirs', remote);
    show('mine', local);
    const stream = local ? camera : null;
    if ($('mine').srcObject !== stream) $('mine').srcObject = stream;
}

function showIncoming() {
    const call = ringing[0];
    show('incoming', !!call);
    $('announce').textContent = call ? `Incoming call from ${name(call.remote)}` : '';
    document.title = call ? `☎ ${name(call.remote)}` : 'Causeway phone';
    if (!call) return;
    $('caller').textContent = name(call.remote);
    const { subject, forwarded, verified } = call.details;
    $('verified').textContent = vouched(verified);
    $('verified').dataset.status = verified?.status ?? 'none';
    $('caller-number').textContent = whose(call.remote);
    $('forwarded').textContent = forwarded ? `Forwarded by ${forwards(call.details)}` : '';
    $('subject').textContent = subject ?? '';
    for (const id of ['caller-number', 'verified', 'forwarded', 'subject']) show(id, !!$(id).textContent);
    $('answer').textContent = onLine() ? 'End the other and answer' : 'Answer';
    if (document.activeElement === document.body) $('answer').focus();
}

function ring() {
    const dialled = current?.direction === 'outgoing' && current.state === 'ringing' && !current.earlyMedia;
    bell.ring(ringing.length && !onLine() ? 'bell' : dialled ? 'ringback' : 'none');
}

function refresh() {
    showCall();
    showIncoming();
    ring();
}

function startTimer() {
    const since = Date.now();
    const count = () => {
        const seconds = Math.floor((Date.now() - since) / 1000);
        $('timer').textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
    };
    clearInterval(tick);
    tick = setInterval(count, 500);
    count();
}

// ── The session ──────────────────────────────────────────────────────────────────────────────────

async function logIn() {
    const token = $('token').value.trim();
    const guest = $('name').value.trim();
    if (!token && !guest) {
        showError('bad-params', 'Type your name first.');
        $('name').focus();
        return;
    }
    showError(null);
    showSession('connecting', 'Connecting…');
    try {
        session = await connect('', {
            ...(token ? { token } : { guest }),
            trace: (event) => frames.add(event),
            logger: console,
        });
    } catch (error) {
        showSession('offline', 'Logged out');
        fail(error);
        return;
    }
    session.on('call', comesIn);
    session.on('state', ({ error }) => loggedOut(error));
    session.on('registration', showLine);
    showLine(session.registration);
    showSession('online', session.display || session.user);
    refresh();
    $('dial').focus();
}

function loggedOut(error) {
    session = null;
    showLine({ state: 'none' });
    showSession('offline', 'Logged out');
    refresh();
    if (error) fail(error);
}

// ── Calls ────────────────────────────────────────────────────────────────────────────────────────

function mediaOptions() {
    const asIs = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    return { audio: $('raw').checked ? asIs : true };
}

function follow(call) {
    showMoving(null);
    current = call;
    $('peer').textContent = name(call.remote);
    call.on('needsgesture', (element) => {
        showError('needsgesture', 'Click anywhere to hear the other side.');
        addEventListener('click', () => void element.play(), { once: true });
    });
    for (const event of ['held', 'muted', 'video']) call.on(event, refresh);
    call.on('transfer', ({ state }) => showMoving(state));
    call.on('peer', (peer) => ($('peer').textContent = name(peer)));
    call.on('dtmf', ({ digit }) => press(digit));
    call.on('state', (state) => {
        if (state === 'active') startTimer();
        refresh();
    });
    call.on('ended', (end) => hasEnded(call, end));
    meter.watch(call);
    void call.attach($('remote'));
    void call.attach($('theirs'));
}

function hasEnded(call, end) {
    if (aside === call) aside = null;
    if (current !== call) {
        refresh();
        return;
    }
    if (aside && end.reason !== 'transferred') {
        takeBack(end);
        return;
    }
    clearInterval(tick);
    meter.stop();
    $('peer').textContent = '';
    refresh();
    $('state').dataset.reason = end.reason;
    $('state').textContent = 'Call ended';
    if (!['hangup', 'transferred'].includes(end.reason) && end.by !== 'you') showError(end.reason, end.text, end.sip);
    if (session && !ringing.length) $('dial').focus();
}

async function dial() {
    const to = $('dial').value.trim();
    if (!to || onLine()) return;
    showError(null);
    const mine = (dialling = new AbortController());
    $('peer').textContent = to;
    refresh();
    $('hangup').focus();
    try {
        const call = await session.call(to, { ...mediaOptions(), anonymous: $('withhold').checked, signal: mine.signal });
        dialling = null;
        if (call.state !== 'ended') follow(call);
        else call.ended.then((end) => showError(end.reason, end.text, end.sip));
    } catch (error) {
        dialling = null;
        $('peer').textContent = '';
        fail(error);
    }
    refresh();
}

function comesIn(call) {
    ringing.push(call);
    call.on('state', (state) => {
        if (state === 'active' || state === 'ended') ringing = ringing.filter((each) => each !== call);
        refresh();
    });
    refresh();
}

async function answer() {
    const call = ringing[0];
    if (!call || call.state !== 'ringing') return;
    showError(null);
    dialling?.abort();
    if (current && current.state !== 'ended') void current.hangup();
    follow(call);
    try {
        await call.answer(mediaOptions());
        $('hangup').focus();
    } catch (error) {
        if (call.state !== 'ended') current = null;
        fail(error);
        refresh();
    }
}

// ── Transfer ─────────────────────────────────────────────────────────────────────────────────────

/* The one that was asked is gone: the call that waited goes on. */
function takeBack(end) {
    const call = aside;
    aside = null;
    if (!call) return;
    current = call;
    $('peer').textContent = name(call.remote);
    meter.watch(call);
    void call.attach($('remote'));
    call.resume().catch(fail);
    if (end && end.reason !== 'hangup' && end.by !== 'you') showError(end.reason, end.text, end.sip);
    refresh();
}

async function transferNow() {
    const to = $('transfer-to').value.trim();
    if (!to || !current) return;
    showError(null);
    openTransfer(false);
    await current.transfer(to).catch(fail);
}

async function consult() {
    const to = $('transfer-to').value.trim();
    const call = current;
    if (!to || !call) return;
    showError(null);
    openTransfer(false);
    try {
        await call.hold();
        aside = call;
        const asked = await session.call(to, mediaOptions());
        if (asked.state === 'ended') takeBack(await asked.ended);
        else follow(asked);
    } catch (error) {
        fail(error);
        takeBack(null);
    }
    refresh();
    $('connect').focus();
}

async function connectThem() {
    if (!aside || !current) return;
    $('connect').disabled = true;
    await aside.transfer(current).catch(fail);
    refresh();
}

function hangUp() {
    if (dialling) dialling.abort();
    else void current?.hangup();
}

async function toggleVideo() {
    const call = current;
    if (!call) return;
    $('video').disabled = true; // one change after the other
    showError(null);
    try {
        if (call.video.local) await call.removeVideo();
        else camera = new MediaStream([await call.addVideo()]);
    } catch (error) {
        fail(error);
    }
    refresh();
}

// ── Keys ─────────────────────────────────────────────────────────────────────────────────────────

function press(digit) {
    const key = pad.find((each) => each.dataset.digit === digit);
    key?.classList.add('pressed');
    setTimeout(() => key?.classList.remove('pressed'), 150);
}

function typed(digit) {
    if (!session) return;
    press(digit);
    if (!onLine()) $('dial').value += digit;
    else if (current?.state === 'active') current.dtmf(digit).catch(fail);
}

for (const key of pad) key.addEventListener('click', () => typed(key.dataset.digit));

addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || !onLine()) return;
    if (event.target instanceof HTMLInputElement) return;
    if (/^[0-9*#]$/.test(event.key)) typed(event.key);
});

// ── The page ─────────────────────────────────────────────────────────────────────────────────────

function on(id, event, action) {
    $(id).addEventListener(event, (happened) => {
        happened.preventDefault();
        void action();
    });
}
on('login-form', 'submit', logIn);
on('logout', 'click', () => session?.close());
on('dial-form', 'submit', dial);
on('hangup', 'click', hangUp);
on('answer', 'click', answer);
on('reject', 'click', () => ringing[0]?.reject());
on('mute', 'click', () => current?.mute('audio', !current.muted.audio));
on('hold', 'click', () => (current?.held.local ? current.resume() : current?.hold())?.catch(fail));
on('video', 'click', toggleVideo);
on('transfer', 'click', () => {
    openTransfer($('transfer-form').hidden);
    if (!$('transfer-form').hidden) $('transfer-to').focus();
});
on('transfer-form', 'submit', transferNow);
on('consult', 'click', consult);
on('connect', 'click', connectThem);
on('back', 'click', () => current?.hangup());
on('clear', 'click', () => frames.clear());

const query = new URLSearchParams(location.search);
$('name').value = query.get('guest') ?? '';
$('dial').value = query.get('dial') ?? '';
$('token').value = query.get('token') ?? '';
$('raw').checked = query.get('raw') === '1';
$('more').open = query.has('token') || $('raw').checked;
refresh();
if (query.get('autologin') === '1') void logIn();
else $('name').focus();
