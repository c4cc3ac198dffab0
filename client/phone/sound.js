/** What is heard: the other side of the call that is talked on, through one <audio>. */
import { $ } from './dom.js';
import { settings } from './settings.js';

export class Sound {
    constructor(lines, blocked) {
        Object.assign(this, { lines, blocked });
        this.player = $('remote');
        lines.on('change', () => this.#play());
        settings.on('speaker', () => this.#out());
        this.#out();
    }

    #play() {
        const { current } = this.lines;
        const stream = current?.call.remoteStream;
        const wanted = stream?.getTracks().length ? stream : null;
        if (this.player.srcObject === wanted) return;
        this.player.srcObject = wanted;
        if (wanted)
            this.player.play().catch((error) => {
                if (error.name !== 'NotAllowedError') return; // a newer stream took its place
                this.blocked();
                addEventListener('click', () => void this.player.play().catch(() => {}), { once: true });
            });
    }

    #out() {
        const chosen = settings.get('speaker');
        if (this.player.setSinkId && (chosen || this.player.sinkId)) this.player.setSinkId(chosen).catch(() => {}); // unplugged: the default stays
    }
}
