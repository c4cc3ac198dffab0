import { summarize } from './stats.js';
import type { CallStats } from './stats.js';

export interface Warning {
    /**
     * What is bad: `rtt` above 400 ms, `jitter` above 30 ms, `loss` above 3 %, `mos` below 3 in three of five
     * seconds; `silence`: nothing came for three; `microphone`: its level has not moved for ten.
     */
    what: 'rtt' | 'jitter' | 'loss' | 'mos' | 'silence' | 'microphone';
    /** false: it is over. */
    on: boolean;
    value: number;
}

const SAMPLES = 5;
const BAD = 3;
const SILENT = 3;
const STUCK = 10;

type Measured = 'rtt' | 'jitter' | 'loss' | 'mos';
type Values = Record<Measured, number>;

const limits: [what: Measured, bad: (value: number) => boolean][] = [
    ['rtt', (ms) => ms > 400],
    ['jitter', (ms) => ms > 30],
    ['loss', (part) => part > 0.03],
    ['mos', (mos) => mos < 3],
];

/** What a listener would say, 1 to 4.5: the E-model (ITU-T G.107) as far as a browser can know it. */
export function mosOf(rttMs: number, jitterMs: number, loss: number): number {
    const delay = rttMs + 2 * jitterMs + 10;
    const r = Math.max(0, 94.768 - (delay < 160 ? delay / 40 : (delay - 120) / 10) - 250 * loss);
    return 1 + 0.035 * r + 0.000007 * r * (r - 60) * (100 - r);
}

/** Looks at a call's numbers every second and says when they are bad for longer than a moment. */
export class Watch {
    private last: CallStats | undefined;
    private readonly history: Values[] = [];
    private readonly warned = new Set<Warning['what']>();
    private silent = 0;
    private stuck = 0;

    constructor(
        private readonly warn: (warning: Warning) => void,
        /** Nothing came for a second. */
        private readonly doubt: () => void,
    ) {}

    /** `sends`, `hears`: something should go out, come in. */
    sample(raw: RTCStatsReport, sends: boolean, hears: boolean): CallStats {
        const now = summarize(raw);
        const { last } = this;
        this.last = now;
        if (!last) return now;
        const lost = Math.max(0, now.packetsLost - last.packetsLost);
        const came = now.packetsReceived - last.packetsReceived;
        const loss = lost / (lost + came || 1);
        const { rttMs = 0, jitterMs = 0 } = now;
        const values = { rtt: rttMs, jitter: jitterMs, loss, mos: mosOf(rttMs, jitterMs, loss) };
        this.history.push(values);
        if (this.history.length > SAMPLES) this.history.shift();
        for (const [what, bad] of limits)
            this.tell(what, this.history.filter((each) => bad(each[what])).length >= BAD, values[what]);

        this.silent = hears && now.bytesReceived === last.bytesReceived ? this.silent + 1 : 0;
        if (this.silent === 1) this.doubt();
        this.tell('silence', this.silent >= SILENT, this.silent);
        const level = now.microphone;
        this.stuck = sends && level !== undefined && level === last.microphone ? this.stuck + 1 : 0;
        this.tell('microphone', this.stuck >= STUCK, level ?? 0);
        return { ...now, loss, mos: values.mos };
    }

    private tell(what: Warning['what'], on: boolean, value: number) {
        if (on === this.warned.has(what)) return;
        if (on) this.warned.add(what);
        else this.warned.delete(what);
        this.warn({ what, on, value });
    }
}
