// coverage.mjs DIR - of the messages in schema.json, which did no test see on the wire?
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { notifications, requests } from './schema.mjs'

const dir = process.argv[2]
const seen = new Set(readdirSync(dir).flatMap((file) => readFileSync(path.join(dir, file), 'utf8').split('\n')))
const missing = [
    ...requests.map((method) => `request ${method}`), ...requests.map((method) => `reply ${method}`),
    ...notifications.map((method) => `notify ${method}`),
].filter((name) => !seen.has(name))
console.log(`${seen.size} kinds of messages seen`)
for (const name of missing) console.log(`never seen: ${name}`)
process.exit(missing.length ? 1 : 0)
