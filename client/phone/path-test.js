/** Tests what lies between this browser and the gateway. */
import { $, icon, make, on, show } from './dom.js';
import { microphone } from './settings.js';

export class PathTest {
    constructor(login) {
        this.login = login;
        on('path-test', 'click', () => this.run());
    }

    async run() {
        const { session } = this.login;
        $('path-test').disabled = true;
        $('path-result').replaceChildren();
        show('path-result', true);
        this.#row('Microphone, connection and sound are tested…', 'wait');
        try {
            const rows = await this.#measure(session);
            $('path-result').replaceChildren();
            for (const [text, fine] of rows) this.#row(text, fine ? 'fine' : 'bad');
        } catch (error) {
            $('path-result').replaceChildren();
            this.#row(error.message, 'bad');
        }
        $('path-test').disabled = false;
    }

    async #measure(session) {
        const call = await session.call('echo', { audio: microphone() });
        await call.answered;
        await new Promise((resolve) => setTimeout(resolve, 4000));
        const { rttMs, jitterMs, packetsReceived: got, packetsLost: lost, remote } = await call.stats();
        await call.hangup();
        return [
            [`Connected by ${remote}`, true],
            [got ? 'Sound arrives' : 'No sound arrives', got > 0],
            [`Round trip ${rttMs ?? '?'} ms`, (rttMs ?? 0) < 300],
            [`Jitter ${jitterMs ?? '?'} ms`, (jitterMs ?? 0) < 40],
            [`Lost ${((100 * Math.max(0, lost)) / Math.max(1, got + lost)).toFixed(1)} %`, lost < 0.02 * got],
        ];
    }

    #row(text, how) {
        const pictures = { fine: 'check', bad: 'warning', wait: 'clock' };
        $('path-result').append(make('li', { className: how }, icon(pictures[how]), text));
    }
}
