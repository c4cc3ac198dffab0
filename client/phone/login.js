/** Logging in and out, and how the session does. */
import { connect } from './causeway.js';
import { $, focusField, on, show, write } from './dom.js';
import { nav } from './nav.js';
import { load, save } from './store.js';

const lineTexts = {
    none: () => '',
    registering: () => 'Registering…',
    registered: ({ identity = '' }) => identity.replace(/^sip:|^tel:/, ''),
    failed: ({ status, again }) => `Not registered${status ? ` (SIP ${status})` : ''}${again ? ', trying again' : ''}`,
};

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
        if (query.get('autologin') === '1') void this.logIn();
        else focusField('name');
    }

    async logIn() {
        const token = $('token').value.trim();
        const guest = $('name').value.trim();
        if (!token && !guest) {
            this.notices.error('bad-params', 'Type your name first.');
            $('name').focus();
            return;
        }
        this.notices.error(null);
        this.#show('connecting', 'Connecting…');
        let session;
        try {
            session = await connect('', { ...(token ? { token } : { guest }), trace: this.trace, logger: console });
        } catch (error) {
            this.#show('offline', 'Logged out');
            this.notices.error(error.kind ?? 'internal', error.message);
            return;
        }
        if (!token) save('name', guest);
        this.#serve(session);
    }

    #serve(session) {
        this.session = session;
        session.on('state', ({ state, error }) => {
            if (state === 'closed') this.#over(error);
        });
        session.on('registration', (line) => this.#line(line));
        this.#line(session.registration);
        this.#show('online', session.display || session.user);
        this.opened(session);
        focusField('dial');
    }

    #over(error) {
        this.session = null;
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

    #show(state, text) {
        const online = state === 'online';
        $('session').dataset.state = state;
        write('session', text);
        document.body.dataset.at = online ? 'phone' : 'login';
        show('login-page', !online);
        for (const id of ['app', 'views', 'logout']) show(id, online);
        $('login').disabled = state === 'connecting';
        if (online) nav.start();
    }
}
