/** Video of a call: one's own, the other side's, the screen. */
import { $, on, press, show } from './dom.js';
import { settings, camera } from './settings.js';

export class Pictures {
    #changing = false; // one change after the other

    constructor(lines) {
        this.lines = lines;
        on('video', 'click', () => this.#change((call) => this.#toggleCamera(call)));
        on('screen', 'click', () => this.#change((call) => this.#toggleScreen(call)));
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
        const sends = this.#sends(call);
        $('video').disabled = $('screen').disabled = !active || this.#changing;
        press('video', local && sends !== 'screen');
        press('screen', local && sends === 'screen');
        show('pictures', local || remote);
        show('theirs', remote);
        show('mine', local);
        $('mine').classList.toggle('mirror', sends === 'camera');
        $('mine').setAttribute('aria-label', sends === 'screen' ? 'Your screen' : 'Your camera');
        if (local || remote) document.body.dataset.video = 'on';
        else delete document.body.dataset.video;
        this.#give('theirs', remote ? call.remoteStream.getVideoTracks() : []);
        this.#give('mine', local ? [call.sentVideo ?? this.sent?.track].filter(Boolean) : []);
        if (!local && !remote && document.fullscreenElement) void document.exitFullscreen();
    }

    /* The sound comes from #remote, and goes on when a picture goes. */
    #give(id, tracks) {
        const video = $(id);
        const [track] = tracks;
        const has = video.srcObject?.getVideoTracks()[0];
        if (has === track) return;
        video.srcObject = track ? new MediaStream([track]) : null;
        if (track) video.play().catch(() => {}); // a newer one took its place
    }

    #sends(call) {
        return this.sent && this.sent.call === call && call.video.local ? this.sent.what : '';
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

    async #toggleCamera(call) {
        if (this.#sends(call) === 'camera') return this.#none(call);
        const track = await call.addVideo({ video: camera() });
        this.#sending(call, 'camera', track);
    }

    async #toggleScreen(call) {
        if (this.#sends(call) === 'screen') return this.#none(call);
        const track = await this.#chooseScreen();
        if (!track) return;
        await call.addVideo({ track });
        this.#sending(call, 'screen', track);
        // The browser's own bar has a button that stops it.
        track.addEventListener('ended', () => void this.#change((now) => (this.sent?.track === track ? this.#none(now) : undefined)));
    }

    async #chooseScreen() {
        try {
            return (await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } } })).getVideoTracks()[0];
        } catch (error) {
            if (error.name === 'NotAllowedError') return null; // chose none
            throw error;
        }
    }

    #sending(call, what, track) {
        if (this.sent?.what === 'screen' && this.sent.track !== track) this.sent.track.stop();
        this.sent = { call, what, track };
    }

    async #none(call) {
        if (this.sent?.what === 'screen') this.sent.track.stop();
        this.sent = null;
        await call.removeVideo();
    }

    async #otherCamera() {
        const { call } = this.lines;
        if (this.#sends(call) === 'camera') await this.#change((now) => now.addVideo({ video: camera() }).then((track) => this.#sending(now, 'camera', track)));
    }

    #fullScreen() {
        if (document.fullscreenElement) void document.exitFullscreen();
        else void $('pictures').requestFullscreen?.().catch(() => {});
    }
}
