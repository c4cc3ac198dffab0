// jwt.mjs - log-in tokens, good ones and forged ones (RFC 7519).
import { createHmac, createSign } from 'node:crypto'

const b64 = (value) => Buffer.from(typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value)).toString('base64url')

export function token(algorithm, key, claims, header = {}) {
    const body = `${b64({ alg: algorithm, typ: 'JWT', ...header })}.${b64({ exp: Math.floor(Date.now() / 1000) + 600, ...claims })}`
    let signature = ''
    if (algorithm === 'HS256') signature = createHmac('sha256', key).update(body).digest('base64url')
    if (algorithm === 'RS256') signature = createSign('sha256').update(body).sign(key).toString('base64url')
    if (algorithm === 'ES256')
        signature = createSign('sha256').update(body).sign({ key, dsaEncoding: 'ieee-p1363' }).toString('base64url')
    return `${body}.${signature}`
}
