import type { CallReport, Measured } from './protocol.js';

export type Report = Omit<CallReport, 'call'>;

type Row = Record<string, unknown> & { type: string };

/** What a browser's statistics say, in the few numbers the gateway keeps beside its own. */
export class Reporter {
    private samples = 0;
    private concealed = 0;

    report(raw: RTCStatsReport): Report {
        const rows: Row[] = [];
        raw.forEach((row: Row) => rows.push(row));
        const inbound = (kind: string) =>
            rows.find((row) => row.type === 'inbound-rtp' && row.kind === kind);
        const pair = rows.find(
            (row) =>
                row.type === 'candidate-pair' &&
                typeof row.currentRoundTripTime === 'number' &&
                (row.nominated !== false || row.selected === true),
        );
        const [audio, video] = [inbound('audio'), inbound('video')];
        const bits = number(pair?.availableOutgoingBitrate);
        return {
            ...(audio && { audio: { ...measured(audio), ...this.sound(audio) } }),
            ...(video && { video: { ...measured(video), ...whole('frames_per_s', video.framesPerSecond, 1000) } }),
            ...whole('rtt_ms', times(pair?.currentRoundTripTime, 1000), 60_000),
            ...whole('outgoing_kbps', bits === undefined ? bits : bits / 1000, 100_000_000),
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
            if (played > 0)
                Object.assign(told, whole('concealed', ((concealed - this.concealed) * 1000) / played, 1000));
            [this.samples, this.concealed] = [samples, concealed];
        }
        if (level !== undefined)
            Object.assign(told, whole('level', level > 0 ? -20 * Math.log10(level) : 127, 127));
        return told;
    }
}

function measured(row: Row): Measured {
    return {
        ...whole('packets', row.packetsReceived, Number.MAX_SAFE_INTEGER),
        ...whole('lost', row.packetsLost, Number.MAX_SAFE_INTEGER),
        ...whole('jitter_ms', times(row.jitter, 1000), 60_000),
    };
}

const number = (value: unknown) =>
    typeof value === 'number' && Number.isFinite(value) ? value : undefined;

function times(value: unknown, factor: number): number | undefined {
    const known = number(value);
    return known === undefined ? undefined : known * factor;
}

/* {name: value} as the protocol wants it, or nothing. A browser may count a negative loss. */
function whole<K extends string>(name: K, value: unknown, max: number): { [P in K]?: number } {
    const known = number(value);
    if (known === undefined) return {};
    return { [name]: Math.min(max, Math.max(0, Math.round(known))) } as { [P in K]?: number };
}
