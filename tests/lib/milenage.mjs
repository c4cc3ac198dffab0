// milenage.mjs - a USIM's side of IMS AKA (3GPP TS 35.206, RFC 3310), for scripted phones.
import { createCipheriv } from 'node:crypto'

const xor = (a, b) => Buffer.from(a.map((byte, i) => byte ^ b[i]))
const rotate = (x, n) => Buffer.concat([x.subarray(n), x.subarray(0, n)])

function aes(key, block) {
    const cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false)
    return Buffer.concat([cipher.update(block), cipher.final()])
}

export const opcOf = (k, op) => xor(aes(k, op), op)

// RES for the nonce of a challenge; throws when the network does not know the key.
export function resOf({ k, opc }, nonce) {
    const bytes = Buffer.from(nonce, 'base64')
    const [rand, autn] = [bytes.subarray(0, 16), bytes.subarray(16, 32)]
    const temp = aes(k, xor(rand, opc))
    const out = (n, c) => {
        const x = rotate(xor(temp, opc), n)
        x[15] ^= c
        return xor(aes(k, x), opc)
    }
    const out2 = out(0, 1)
    const sqn = xor(autn.subarray(0, 6), out2.subarray(0, 6))
    const in1 = Buffer.concat([sqn, autn.subarray(6, 8), sqn, autn.subarray(6, 8)])
    const mac = xor(aes(k, xor(temp, rotate(xor(in1, opc), 8))), opc).subarray(0, 8)
    if (!mac.equals(autn.subarray(8, 16))) throw new Error('AUTN: not our network')
    return out2.subarray(8)
}
