// Not a module: it runs before anything is drawn, so that a chosen theme does not flash.
{
    let theme = 'system';
    try {
        theme = JSON.parse(localStorage.getItem('causeway.phone.settings'))?.theme ?? theme;
    } catch {
        /* nothing chosen */
    }
    document.documentElement.dataset.theme = theme;
}
