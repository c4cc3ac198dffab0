// A table in Markdown, printed row by row as it is measured.
export class Table {
    // columns: [title, decimals or undefined for text]
    constructor(title, columns, print = console.log) {
        this.columns = columns
        this.print = print
        print(`\n**${title}**\n`)
        this.#line(columns.map(([name]) => name))
        this.#line(columns.map(([name, decimals]) => '-'.repeat(name.length - 1) + (decimals === undefined ? '-' : ':')))
    }

    #line(cells) {
        this.print(`| ${cells.map((cell, i) => {
            const [name, decimals] = this.columns[i]
            return decimals === undefined ? cell.padEnd(name.length) : cell.padStart(name.length)
        }).join(' | ')} |`)
    }

    // A value per column; what was not measured is undefined.
    row(...values) {
        this.#line(this.columns.map(([, decimals], i) => {
            const value = values[i]
            if (value === undefined || Number.isNaN(value)) return '–'
            return typeof value === 'number' && decimals !== undefined ? value.toFixed(decimals) : String(value)
        }))
    }

    note(text) {
        this.print(`\n${text}`)
    }
}
