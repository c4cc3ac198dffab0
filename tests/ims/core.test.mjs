// The core itself: is what the other tests here lean on as it should be?
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { ImsCore } from '../lib/imscore.mjs'

test('the IMS core passes its own checks', async (t) => {
    const core = await ImsCore.start(t)
    const { checks, text } = await core.check()
    assert.deepEqual(checks.filter(({ passed }) => !passed), [], text)
    assert.ok(checks.length >= 30, `${checks.length} checks: ${text}`)
})
