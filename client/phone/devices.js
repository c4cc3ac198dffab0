/** Microphone, loudspeaker and camera: which ones, and do they work. */
import { devices } from './causeway.js';
import { $, make, on, press, show } from './dom.js';
import { camera, microphone, settings } from './settings.js';
import { nav } from './nav.js';

const kinds = ['microphone', 'speaker', 'camera'];
const EVERY_MS = 60;

export class Devices {
    #trying = null; // {stream, stop} while devices are tried out

    constructor(lines) {
        this.lines = lines;
        for (const id of kinds)
            $(id).addEventListener('change', () => {
                settings.set(id, $(id).value);
                if (this.#trying && id !== 'speaker') void this.#try();
            });
        on('device-test', 'click', () => (this.#trying ? this.stop() : this.#try()));
        on('speaker-test', 'click', () => this.#chime());
        show('speaker-field', 'setSinkId' in HTMLMediaElement.prototype);
        navigator.mediaDevices?.addEventListener?.('devicechange', () => void this.list());
        settings.on('microphone', () => void this.#inCalls());
        nav.on('view', (view) => (view === 'settings' ? void this.list() : this.stop()));
        lines.on('up', () => void this.list()); // their names are told once one is in use
    }

    async list() {
        const found = await devices().catch(() => []);
        for (const each of kinds) {
            const own = found.filter(({ kind, id }) => kind === each && id && !['default', 'communications'].includes(id));
            const chosen = settings.get(each);
            const options = [['', 'The browser’s own choice'], ...own.map(({ id, label }, i) => [id, label || `${$(each).labels[0].textContent} ${i + 1}`])];
            if (chosen && !own.some(({ id }) => id === chosen)) options.push([chosen, 'Not connected now']);
            $(each).replaceChildren(...options.map(([value, textContent]) => make('option', { value, textContent })));
            $(each).value = chosen;
        }
    }

    async #try() {
        this.stop();
        try {
            const stream = await navigator.mediaDevices.getUserMedia({ audio: microphone() });
            const picture = await navigator.mediaDevices.getUserMedia({ video: camera() }).catch(() => null);
            for (const track of picture?.getTracks() ?? []) stream.addTrack(track);
            this.#trying = { stream, ...this.#listen(stream) };
            $('camera-view').srcObject = picture;
            show('camera-view', !!picture);
            show('camera-none', !picture);
        } catch (error) {
            this.lines.fail({ kind: error.name === 'NotFoundError' ? 'media-missing' : 'media-denied', message: error.message });
            return;
        }
        show('device-try', true);
        press('device-test', true);
        void this.list();
    }

    /* Loudness of what the microphone hears, 0 at -60 dBFS. */
    #listen(stream) {
        const context = new AudioContext();
        const analyser = new AnalyserNode(context, { fftSize: 1024 });
        context.createMediaStreamSource(stream).connect(analyser);
        const samples = new Float32Array(analyser.fftSize);
        const timer = setInterval(() => {
            analyser.getFloatTimeDomainData(samples);
            const power = samples.reduce((sum, x) => sum + x * x, 0) / samples.length;
            $('mic-level').value = Math.max(0, 1 + Math.log10(Math.sqrt(power) + 1e-6) / 3);
        }, EVERY_MS);
        return { context, timer };
    }

    stop() {
        if (!this.#trying) return;
        const { stream, context, timer } = this.#trying;
        this.#trying = null;
        clearInterval(timer);
        void context.close();
        for (const track of stream.getTracks()) track.stop();
        $('camera-view').srcObject = null;
        show('device-try', false);
        press('device-test', false);
    }

    /* Two notes, through the loudspeaker that was chosen. */
    async #chime() {
        const context = new AudioContext();
        const chosen = settings.get('speaker');
        if (chosen && context.setSinkId) await context.setSinkId(chosen).catch(() => {});
        const volume = new GainNode(context, { gain: 0.15 });
        volume.connect(context.destination);
        [523, 659].forEach((frequency, i) => {
            const note = new OscillatorNode(context, { frequency });
            note.connect(volume);
            note.start(context.currentTime + i * 0.35);
            note.stop(context.currentTime + i * 0.35 + 0.3);
            if (i) note.onended = () => void context.close();
        });
    }

    /* Calls that go on get the other microphone at once. */
    async #inCalls() {
        const chosen = settings.get('microphone') || (await devices()).find(({ kind }) => kind === 'microphone')?.id;
        for (const { call } of this.lines.all)
            if (chosen && call.state === 'active') await call.useDevice({ audio: chosen }).catch((error) => this.lines.fail(error));
    }
}
