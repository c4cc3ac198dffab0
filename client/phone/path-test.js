/** Tests what a call needs: microphone, connection, and what the network does to the sound. */
import { preflight } from './preflight.js';
import { $, icon, make, on, show } from './dom.js';
import { microphone } from './settings.js';

const ways = { ok: 'works', failed: 'does not work', unoffered: 'is not offered by the gateway' };
const number = (value, digits = 0) => value.toFixed(digits);

export class PathTest {
    constructor(login) {
        this.login = login;
        on('path-test', 'click', () => this.run());
    }

    async run() {
        $('path-test').disabled = true;
        show('path-result', true);
        this.#say([['Testing for some seconds…', 'wait']]);
        try {
            this.#say(this.#found(await preflight('', { ...this.login.credentials, audio: microphone() })));
        } catch (error) {
            this.#say([[error.message, 'bad']]);
        }
        $('path-test').disabled = false;
    }

    #found({ microphone: { ok, label, error }, signalling, media, rttMs, jitterMs, loss, mos }) {
        const rows = [[ok ? `Microphone: ${label || 'works'}` : `Microphone: ${error?.message ?? 'none'}`, ok]];
        if (!signalling.ok) return [...rows, [`Log-in: ${signalling.error?.message ?? 'failed'}`, false]];
        rows.push([`Connected by ${signalling.transport === 'poll' ? 'long-polling' : 'WebSocket'} in ${signalling.ms} ms`, true]);
        for (const way of ['udp', 'tcp']) rows.push([`Sound over ${way.toUpperCase()} ${ways[media[way]]}`, media[way] === 'ok' ? true : media[way] === 'failed' && way === 'udp' ? false : 'wait']);
        if (rttMs !== undefined) rows.push([`Round trip ${number(rttMs)} ms`, rttMs < 400]);
        if (jitterMs !== undefined) rows.push([`Jitter ${number(jitterMs)} ms`, jitterMs < 30]);
        if (loss !== undefined) rows.push([`Lost ${number(100 * loss, 1)} %`, loss < 0.03]);
        if (mos !== undefined) rows.push([`Sounds like ${number(mos, 1)} of 4.5`, mos > 3.5]);
        return rows;
    }

    #say(rows) {
        const pictures = { true: 'check', false: 'warning', wait: 'clock' };
        const classes = { true: 'fine', false: 'bad', wait: 'wait' };
        $('path-result').replaceChildren(...rows.map(([text, how]) => make('li', { className: classes[how] }, icon(pictures[how]), text)));
    }
}
