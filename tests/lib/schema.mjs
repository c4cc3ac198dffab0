// schema.mjs - docs/protocol/schema.json as a check of single messages.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { createRequire } from 'node:module'
import { top } from './proc.mjs'

const require = createRequire(import.meta.url)
const Ajv = require('ajv/dist/2020.js').default
const schema = JSON.parse(readFileSync(path.join(top, 'docs/protocol/schema.json'), 'utf8'))
const ajv = new Ajv({ strict: false, allErrors: true })
ajv.addSchema(schema, 'causeway')
const compiled = new Map()

export const definitions = Object.keys(schema.$defs)
export const requests = definitions.filter((name) => name.startsWith('request.')).map((name) => name.slice(8))
export const notifications = definitions.filter((name) => name.startsWith('notify.')).map((name) => name.slice(7))

// Throws with every fault; `name` is a definition such as "reply.call.start".
export function check(name, message) {
    if (!compiled.has(name)) {
        if (!definitions.includes(name)) throw new Error(`schema.json has no ${name}`)
        compiled.set(name, ajv.compile({ $ref: `causeway#/$defs/${name}` }))
    }
    const validate = compiled.get(name)
    if (!validate(message))
        throw new Error(`${name}: ${ajv.errorsText(validate.errors)}: ${JSON.stringify(message).slice(0, 1000)}`)
}
