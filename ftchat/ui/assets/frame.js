// What only the browser knows: the language and theme that were chosen here, and how to open a tab.
window.ft = {
  tabs: {data: 'ft-data', train: 'ft-trainp', compare: 'ft-comparep', runs: 'ft-runs'},
  spoken: null, // settles when the last change of language is through

  // The storage may be barred, as in a frame on another site: then nothing is kept, and all else works.
  kept(key) {
    try { return localStorage.getItem('ft-' + key) } catch { return null }
  },
  keep(key, value) {
    try { localStorage.setItem('ft-' + key, value) } catch { /* not kept */ }
  },

  lang() {
    return this.chosen || ((this.kept('lang') || navigator.language || 'en').startsWith('zh') ? 'zh' : 'en');
  },

  // Gradio fixes its locale when it starts; its own core module can change it later.
  async locale() {
    const locale = this.lang() === 'zh' ? 'zh-CN' : 'en';
    document.documentElement.lang = locale;
    const core = performance.getEntriesByType('resource').map(e => e.name).find(n => /\/core-[^/]*\.js/.test(n));
    if (core) (await import(core)).changeLocale(locale);
  },

  // The other language of the two; the labels of Gradio follow, and what the server draws when it has heard of it.
  speak() {
    this.keep('lang', this.chosen = this.lang() === 'zh' ? 'en' : 'zh');
    this.spoken = this.locale();
    document.querySelector('.ft-to-' + (this.chosen === 'zh' ? 'en' : 'zh')).focus(); // in the place of its twin
    return this.chosen;
  },

  act(data) {
    if (data.go) document.getElementById(this.tabs[data.go] + '-button')?.click();
    if (data.act === 'theme') this.keep('theme', document.body.classList.toggle('dark') ? 'dark' : 'light');
  },

  // Two things of Gradio's that mislead a screen reader: an upload button whose name is not what it shows, and a button
  // around the button that closes a message.
  settle() {
    const strip = (inside, hit, ...names) => {
      const box = document.querySelector(inside);
      if (!box) return;
      const mend = () => box.querySelectorAll(hit).forEach(part => names.forEach(name => part.removeAttribute(name)));
      mend();
      new MutationObserver(mend).observe(box, {childList: true, subtree: true});
    };
    // The panel of held-out data is there from the start; what is in it comes when it is opened.
    for (const box of ['#ft-drop', '#ft-held']) strip(box, '.upload-container', 'aria-label');
    strip('.toast-wrap', '.toast-header', 'role', 'tabindex');
  },

  boot() {
    const spoken = navigator.language || 'en';
    const right = /^zh-(CN|TW)$/.test(spoken) ? 'zh' : spoken.startsWith('zh') ? '' : 'en'; // Gradio's own choice
    if (this.lang() !== right) this.spoken = this.locale();
    document.documentElement.lang = this.lang() === 'zh' ? 'zh-CN' : 'en';
    const theme = this.kept('theme');
    if (theme) document.body.classList.toggle('dark', theme === 'dark');
  },
};
window.ft.boot();
