export type Row = Record<string, unknown> & { id: string; type: string };

/** A browser's statistics, to be looked up. */
export class Rows {
    private readonly all: Row[] = [];

    constructor(raw: RTCStatsReport) {
        raw.forEach((row: Row) => this.all.push(row));
    }

    first(type: string, kind?: string): Row | undefined {
        return this.all.find((row) => row.type === type && (!kind || row.kind === kind));
    }

    by(id: unknown): Row | undefined {
        return this.all.find((row) => row.id === id);
    }

    sum(type: string, name: string): number {
        return this.all.reduce((total, row) => total + (row.type === type ? (number(row[name]) ?? 0) : 0), 0);
    }

    /** The candidates in use. Firefox has no row of the transport. */
    pair(): Row | undefined {
        return (
            this.by(this.first('transport')?.selectedCandidatePairId) ??
            this.all.find((row) => row.type === 'candidate-pair' && row.nominated !== false && number(row.currentRoundTripTime) !== undefined)
        );
    }
}

export const number = (value: unknown): number | undefined =>
    typeof value === 'number' && Number.isFinite(value) ? value : undefined;
