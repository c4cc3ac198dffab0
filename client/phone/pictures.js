/** Video of a call: one's own, the other side's, the screen. */
import { $, on, press, show } from './dom.js';
import { settings, camera } from './settings.js';

const SCREEN = { video: { frameRate: { max: 15 } } };

export class Pictures {
    #changing = false; // one change after the other

    constructor(lines) {
        this.lines = lines;
        on('video', 'click', () => this.#change((call) => this.#toggleCamera(call)));
        on('screen', 'click', () => this.#change((call) => (call.sharing ? call.stopShare() : this.#share(call))));
        on('shot', 'click', () => this.#save());
        on('full', 'click', () => this.#fullScreen());
        $('pictures').addEventListener('dblclick', () => this.#fullScreen());
        lines.on('change', () => this.draw());
        settings.on('camera', () => void this.#otherCamera());
        $('screen').hidden = !navigator.mediaDevices?.getDisplayMedia;
        $('full').hidden = !document.fullscreenEnabled;
    }

    draw() {
        const { call } = this.lines;
        const active = call?.state === 'active';
        const { local, remote } = active ? call.video : { local: false, remote: false };
        const shares = active && call.sharing;
        $('video').disabled = !active || this.#changing || shares;
        $('screen').disabled = !active || this.#changing;
        press('video', local && !shares);
        press('screen', shares);
        show('pictures', local || remote);
        show('theirs', remote);
        show('shot', remote);
        show('mine', local);
        $('mine').classList.toggle('mirror', !shares);
        $('mine').setAttribute('aria-label', shares ? 'Your screen' : 'Your camera');
        if (local || remote) document.body.dataset.video = 'on';
        else delete document.body.dataset.video;
        this.#give('theirs', remote ? call.remoteStream.getVideoTracks()[0] : undefined);
        this.#give('mine', local ? this.#sent(call) : undefined);
        if (!local && !remote && document.fullscreenElement) void document.exitFullscreen();
    }

    #sent({ pc }) {
        return pc?.getSenders().find(({ track }) => track?.kind === 'video')?.track;
    }

    /* The sound comes from #remote, and goes on when a picture goes. */
    #give(id, track) {
        const video = $(id);
        if (video.srcObject?.getVideoTracks()[0] === track) return;
        video.srcObject = track ? new MediaStream([track]) : null;
        if (track) video.play().catch(() => {}); // a newer one took its place
    }

    async #change(action) {
        const { call } = this.lines;
        if (call?.state !== 'active' || this.#changing) return;
        this.#changing = true;
        this.draw();
        try {
            await action(call);
        } catch (error) {
            this.lines.fail(error);
        }
        this.#changing = false;
        this.draw();
    }

    async #share(call) {
        try {
            await call.shareScreen(SCREEN);
        } catch (error) {
            if (error.kind === 'media-denied') return; // who closes the browser's choice of screens wants none
            if (error.kind !== 'forbidden') throw error;
            this.lines.fail({ kind: 'no-screen', message: 'The other side takes no screens' });
        }
    }

    #toggleCamera(call) {
        return call.video.local ? call.removeVideo() : call.addVideo({ video: camera() });
    }

    async #otherCamera() {
        const { call } = this.lines;
        if (call?.video.local && !call.sharing) await this.#change((now) => now.addVideo({ video: camera() }));
    }

    /* What the other side sends now, as a file. */
    async #save() {
        const picture = await this.lines.call?.snapshot().catch((error) => this.lines.fail(error));
        if (!picture) return;
        const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(picture), download: `call-${new Date().toISOString().slice(0, 19).replace(/\D/g, '-')}.png` });
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    }

    #fullScreen() {
        if (document.fullscreenElement) void document.exitFullscreen();
        else void $('pictures').requestFullscreen?.().catch(() => {});
    }
}
