// reporter.mjs - TAP for ./check: a line a test, what failed as comments.
export default async function* report(events) {
    let before
    for await (const { type, data } of events) {
        if (type === 'test:pass' && data.skip === undefined && data.todo === undefined)
            yield `ok - ${data.name} (${(data.details.duration_ms / 1000).toFixed(1)} s)\n`
        else if (type === 'test:pass') yield `# skipped: ${data.name} ${data.skip ?? ''}\n`
        else if (type === 'test:fail') {
            const error = data.details.error?.cause ?? data.details.error
            let text = String(error?.stack ?? error).slice(0, 4000)
            // A failed before() fails every test of the file: told once.
            if (text === before) text = 'as above'
            else before = text
            yield `not ok - ${data.name} (${(data.details.duration_ms / 1000).toFixed(1)} s)\n${text.replace(/^/gm, '#   ')}\n`
        } else if (type === 'test:diagnostic' && !/^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /.test(data.message))
            yield `# ${data.message}\n`
        else if (type === 'test:stderr' || type === 'test:stdout') yield data.message.replace(/^(?=.)/gm, '# ')
    }
}
