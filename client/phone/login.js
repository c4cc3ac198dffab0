/** Logging in and out, and how the session does. */
import { connect } from './causeway.js';
import { $, focusField, on, show, write } from './dom.js';
import { nav } from './nav.js';
import { microphone } from './settings.js';
import { load, save } from './store.js';

const lineTexts = {
    none: () => '',
    registering: () => 'Registering…',
    registered: ({ identity = '' }) => identity.replace(/^sip:|^tel:/, ''),
    failed: ({ status, again }) => `Not registered${status ? ` (SIP ${status})` : ''}${again ? ', trying again' : ''}`,
};

/* Who is logged in, for this tab: a page that is reloaded goes on. What a token says is not kept. */
const HERE = 'causeway.phone.here';
const TOKEN = '\n'; // no guest is called so

export class Login {
    /** @type {import('causeway').Session | null} */
    session = null;

    /** `opened(session)` and `closed()` are told; `trace` sees the protocol. */
    constructor(notices, { opened, closed, trace }) {
        Object.assign(this, { notices, opened, closed, trace });
        on('login-form', 'submit', () => this.logIn());
        on('logout', 'click', () => this.session?.close());
    }

    start(query) {
        $('name').value = query.get('guest') ?? load('name', '');
        $('token').value = query.get('token') ?? '';
        $('more').open = query.has('token');
        this.#show('offline', 'Logged out');
        const before = sessionStorage.getItem(HERE);
        if (before !== null) void this.#again(before);
        else if (query.get('autologin') === '1') void this.logIn();
        else focusField('name');
    }

    /** The same session, or a new one, as this page had it before. */
    async #again(before) {
        if (before !== TOKEN) return this.#connect({ guest: before });
        const wanted = () => Promise.reject(Object.assign(new Error('Log in again, please.'), { kind: 'auth' }));
        return this.#connect({ getToken: $('token').value ? () => $('token').value.trim() : wanted });
    }

    /** To log in once more beside this session. */
    get credentials() {
        return this.#credentials;
    }
    #credentials = {};

    async logIn() {
        const token = $('token').value.trim();
        const guest = $('name').value.trim();
        if (!token && !guest) {
            this.notices.error('bad-params', 'Type your name first.');
            $('name').focus();
            return;
        }
        if (!token) save('name', guest);
        await this.#connect(token ? { token } : { guest });
    }

    async #connect(credentials) {
        this.notices.error(null);
        this.#show('connecting', 'Connecting…');
        try {
            const session = await connect('', { ...credentials, storage: true, resumeMedia: { audio: microphone() }, trace: this.trace, logger: console });
            this.#credentials = credentials;
            sessionStorage.setItem(HERE, credentials.guest ?? TOKEN);
            this.#serve(session);
        } catch (error) {
            sessionStorage.removeItem(HERE);
            this.#show('offline', 'Logged out');
            this.notices.error(error.kind ?? 'internal', error.message);
        }
    }

    #serve(session) {
        this.session = session;
        session.on('state', ({ state, error }) => {
            if (state === 'closed') return this.#over(error);
            const back = state === 'connected';
            this.#say(back ? 'online' : state, session.display || session.user);
            this.notices.banner(back ? '' : 'The connection is lost and sought again. Calls stay.');
        });
        session.on('registration', (line) => this.#line(line));
        this.#line(session.registration);
        this.#show('online', session.display || session.user);
        this.opened(session);
        focusField('dial');
    }

    #over(error) {
        this.session = null;
        sessionStorage.removeItem(HERE);
        this.notices.banner('');
        this.#line({ state: 'none' });
        this.#show('offline', 'Logged out');
        this.closed();
        if (error) this.notices.error(error.kind, error.message);
    }

    #line(line) {
        $('line').dataset.state = line.state;
        write('line', lineTexts[line.state](line));
        show('line', line.state !== 'none');
    }

    #say(state, text) {
        $('session').dataset.state = state;
        write('session', text);
    }

    #show(state, text) {
        const online = state === 'online';
        this.#say(state, text);
        document.body.dataset.at = online ? 'phone' : 'login';
        show('login-page', !online);
        for (const id of ['app', 'views', 'logout']) show(id, online);
        $('login').disabled = state === 'connecting';
        if (online) nav.start();
    }
}
