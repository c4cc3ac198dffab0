import type { CallReport, Measured } from './protocol.js';
import { Rows, number } from './rows.js';
import type { Row } from './rows.js';

export type Report = Omit<CallReport, 'call'>;

/** What a browser's statistics say, in the few numbers the gateway keeps beside its own. */
export class Reporter {
    private samples = 0;
    private concealed = 0;

    report(raw: RTCStatsReport): Report {
        const rows = new Rows(raw);
        const pair = rows.pair();
        const [audio, video] = ['audio', 'video'].map((kind) => rows.first('inbound-rtp', kind));
        return {
            ...(audio && { audio: { ...measured(audio), ...this.sound(audio) } }),
            ...(video && { video: { ...measured(video), ...whole('frames_per_s', video.framesPerSecond, 1, 1000) } }),
            ...whole('rtt_ms', pair?.currentRoundTripTime, 1000, 60_000),
            ...whole('outgoing_kbps', pair?.availableOutgoingBitrate, 0.001, 100_000_000),
        };
    }

    /* The counters are of the whole call; what was concealed lately is told. */
    private sound(row: Row): Partial<Measured> {
        const samples = number(row.totalSamplesReceived);
        const concealed = number(row.concealedSamples);
        const level = number(row.audioLevel);
        const told: Partial<Measured> = {};
        if (samples !== undefined && concealed !== undefined) {
            const played = samples - this.samples;
            if (played > 0) Object.assign(told, whole('concealed', (concealed - this.concealed) / played, 1000, 1000));
            [this.samples, this.concealed] = [samples, concealed];
        }
        if (level !== undefined) Object.assign(told, whole('level', level > 0 ? -20 * Math.log10(level) : 127, 1, 127));
        return told;
    }
}

function measured(row: Row): Measured {
    return {
        ...whole('packets', row.packetsReceived),
        ...whole('lost', row.packetsLost),
        ...whole('jitter_ms', row.jitter, 1000, 60_000),
    };
}

/* {name: value} as the protocol wants it, or nothing. A browser may count a negative loss. */
function whole<K extends string>(name: K, value: unknown, factor = 1, max = Number.MAX_SAFE_INTEGER): { [P in K]?: number } {
    const known = number(value);
    if (known === undefined) return {};
    return { [name]: Math.min(max, Math.max(0, Math.round(known * factor))) } as { [P in K]?: number };
}
