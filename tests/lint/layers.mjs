// layers.mjs - does every #include of the gateway's C code obey layers.conf?
import { readFileSync, readdirSync, existsSync } from 'node:fs'
import path from 'node:path'

const top = process.argv[2] ?? '.'
const rows = readFileSync(path.join(top, 'tests/lint/layers.conf'), 'utf8')
    .split('\n')
    .filter((line) => line.trim() && !line.startsWith('#'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .reduce((layers, [level, folder, headers = '', doors = '']) => {
        if (level === '=') layers.at(-1).folders.push(folder)
        else
            layers.push({
                level: Number(level),
                folder,
                folders: [folder], // its own, then its rooms
                headers: headers.split(/\s+/).filter(Boolean).map((name) => `${folder}/${name}.h`),
                doors: doors.split(/\s+/).filter(Boolean),
            })
        return layers
    }, [])
const byFolder = new Map(rows.flatMap((row) => row.folders.map((folder) => [folder, row])))
const doors = new Set(rows.flatMap((row) => row.doors))
const faults = []

// "base/err.h" is written from src/, "media/sdp/sdp.h" from the root.
function ownerOf(include) {
    const folder = path.dirname(include)
    return byFolder.get(folder) ?? byFolder.get(path.join('src', folder))
}

function checkOwn(row, where, include) {
    const owner = ownerOf(include)
    const name = path.basename(include)
    if (!include.includes('/')) {
        if (!['config.h'].includes(include) && row.folder !== 'src')
            faults.push(`${where}: "${include}" is not written from the root`)
        return
    }
    if (!owner) {
        faults.push(`${where}: "${include}" is in no folder of layers.conf`)
        return
    }
    if (owner.folder === row.folder) return
    if (owner.level >= row.level)
        faults.push(`${where}: "${include}" points up or sideways (${owner.folder} is ${owner.level}, ${row.folder} ${row.level})`)
    const isTable = name.endsWith('.def')
    if (!isTable && !owner.headers.includes(include) && !owner.headers.includes('src/' + include))
        faults.push(`${where}: "${include}" is not a public header of ${owner.folder}`)
}

function checkLibrary(row, where, include) {
    const door = [...doors].find((d) => (d.endsWith('/') ? include.startsWith(d) : include === d))
    if (door && !row.doors.includes(door)) faults.push(`${where}: <${include}> has its door elsewhere`)
}

let files = 0
const sources = (folder) =>
    existsSync(path.join(top, folder))
        ? readdirSync(path.join(top, folder)).filter((name) => /\.(c|h)$/.test(name)).map((name) => `${folder}/${name}`)
        : []
for (const row of rows) {
    const names = row.folders.flatMap(sources)
    for (const header of row.headers)
        if (!names.includes(header) && names.length) faults.push(`tests/lint/layers.conf: ${header} does not exist`)
    for (const name of names) {
        files++
        readFileSync(path.join(top, name), 'utf8').split('\n').forEach((line, i) => {
            const m = /^\s*#\s*include\s+(["<])([^">]+)[">]/.exec(line)
            if (!m) return
            const where = `${name}:${i + 1}`
            if (m[1] === '"') checkOwn(row, where, m[2])
            else checkLibrary(row, where, m[2])
        })
    }
}
for (const fault of faults) console.log(fault)
if (!files) console.log('no file was looked at')
process.exit(faults.length || !files ? 1 : 0)
