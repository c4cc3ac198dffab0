/** The web phone: its parts, and what each tells the others. */
import { Bell } from './bell.js';
import { Contacts } from './contacts.js';
import { ContactsView } from './contacts-view.js';
import { Devices } from './devices.js';
import { DialPad } from './dialpad.js';
import { $, focusField, on, show, write } from './dom.js';
import { Elsewhere } from './elsewhere.js';
import { Frames } from './frames.js';
import { History } from './history.js';
import { HistoryView } from './history-view.js';
import { Incoming } from './incoming.js';
import { Keys } from './keys.js';
import { Lines } from './lines.js';
import { Login } from './login.js';
import { Messages } from './messages.js';
import { MessagesView } from './messages-view.js';
import { Meter } from './meter.js';
import { nav } from './nav.js';
import { Notices } from './notices.js';
import { Notify } from './notify.js';
import { PathTest } from './path-test.js';
import { Pictures } from './pictures.js';
import { Preferences } from './preferences.js';
import { Quality } from './quality.js';
import { once } from './settings.js';
import { Sound } from './sound.js';
import { Stage } from './stage.js';
import { Tones } from './tones.js';
import { Transfer } from './transfer.js';
import { Waiting } from './waiting.js';

const contacts = new Contacts();
const history = new History();
const messages = new Messages();
const lines = new Lines();
const bell = new Bell();
const notices = new Notices();
const frames = new Frames($('frames'), $('count'));

const quiet = () => notices.error(null);
const stage = new Stage(lines, contacts, new Meter($('level')));
const named = (party) => stage.named(party);

const dialPad = new DialPad(lines, contacts);
const acts = {
    call: (address) => dialPad.call(address),
    write: (address) => {
        nav.go('messages');
        messagesView.open(address);
    },
    save: (contact) => contactsView.edit(contact),
};
const contactsView = new ContactsView(contacts, acts);
new HistoryView(history, contacts, acts);
const messagesView = new MessagesView(messages, contacts, acts);
new Incoming(lines, named, quiet);
new Waiting(lines, named);
new Pictures(lines);
new Sound(lines, () => notices.error('needsgesture', 'Click anywhere to hear the other side.'));
new Devices(lines);
new Preferences();
const quality = new Quality(lines);
const tones = new Tones(lines);
const transfer = new Transfer(lines, quiet);
const notify = new Notify(lines, named);
const elsewhere = new Elsewhere(lines, named);

const login = new Login(notices, {
    opened(session) {
        for (const part of [contacts, history]) part.open(session.user);
        messages.open(session.user, session);
        lines.open(session);
        elsewhere.open(session);
        write('reach', `Browsers reach you as user:${session.user}`);
        write('about', `Gateway ${session.server.name} ${session.server.version}`);
        notify.suggest();
    },
    closed: () => lines.close(),
    trace: (event) => frames.add(event),
});
new PathTest(login);

lines.on('error', ({ kind, text, sip }) => notices.error(kind, text, sip));
lines.on('device', ({ label }) => notices.error('device', label ? `The microphone is gone; ${label} is used now` : 'The microphone is gone, and there is no other'));
lines.on('ended', ({ call, end }) => history.record(call, end));
lines.on('change', ring);
messages.on('message', ({ from, text }) => notify.message(named(from), text));

let focused = false; // the focus is in a call
let silenced = null; // whose bell the user has had enough of
lines.on('change', () => {
    const now = lines.busy;
    if (now && !focused && !$('incoming').contains(document.activeElement)) $('hangup').focus();
    if (!now && focused && !lines.ringing.length) focusField('dial');
    focused = now;
});

function ring() {
    const [call] = lines.ringing;
    if (call !== silenced) silenced = null;
    const dialled = lines.call?.direction === 'outgoing' && lines.call.state === 'ringing' && !lines.call.earlyMedia;
    bell.ring(call && !silenced && !lines.busy ? 'bell' : dialled ? 'ringback' : 'none');
}

new Keys(lines, {
    tone: (digit) => tones.send(digit),
    escape() {
        const open = [
            ['transfer-form', () => transfer.open(false), 'transfer'],
            ['tones', () => tones.open(false), 'keypad'],
            ['details', () => quality.open(false), 'quality'],
        ].find(([id]) => !$(id).hidden);
        if (open) {
            open[1]();
            $(open[2]).focus();
        } else if (lines.ringing.length) {
            [silenced] = lines.ringing;
            ring();
        } else notices.error(null);
    },
});

// Whoever is shown somewhere is called by a click.
$('stage').addEventListener('click', ({ target }) => {
    const to = target.closest('[data-call]')?.dataset.call;
    if (to && target.closest('#idle')) acts.call(to);
});
on('over-save', 'click', () => {
    const { call } = lines.last;
    acts.save({ name: call.remote.display ?? '', address: call.direction === 'outgoing' ? call.to : call.remote.number || call.remote.uri });
});
on('clear', 'click', () => frames.clear());

// A page that is loaded anew goes on with its calls.
const LINES = 'causeway.phone.lines';
lines.kept = JSON.parse(sessionStorage.getItem(LINES) ?? '[]');
addEventListener('pagehide', () => sessionStorage.setItem(LINES, JSON.stringify(lines.state)));

const query = new URLSearchParams(location.search);
once.raw = query.get('raw') === '1';
lines.changed();
dialPad.fill(query.get('dial') ?? '');
login.start(query);
show('return', false);
