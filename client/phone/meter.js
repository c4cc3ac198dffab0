/** Shows how loud the other side is: 0 at -60 dBFS, 1 at full scale. */

const EVERY_MS = 200;

export class Meter {
    constructor(element) {
        this.element = element;
        this.call = null;
        this.timer = 0;
    }

    /** Measured by the browser's own statistics: an AudioContext needs a click and a sound card. */
    watch(call) {
        if (call === this.call) return;
        clearInterval(this.timer);
        this.call = call;
        this.element.value = 0;
        if (call) this.timer = setInterval(() => void this.measure(call), EVERY_MS);
    }

    async measure(call) {
        if (!call.pc || call.state === 'ended') return;
        const { level = 0 } = await call.stats();
        if (this.call === call) this.element.value = Math.max(0, 1 + Math.log10(level + 1e-6) / 3);
    }
}
