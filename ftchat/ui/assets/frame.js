// What only the browser knows: the language and theme that were chosen here, and how to open a tab.
window.ft = {
  tabs: {data: 'ft-data', train: 'ft-trainp', compare: 'ft-comparep', runs: 'ft-runs'},

  lang() {
    return (localStorage.getItem('ft-lang') || navigator.language || 'en').startsWith('zh') ? 'zh' : 'en';
  },

  // Gradio fixes its locale when it starts; its own core module can change it later.
  async locale() {
    const locale = this.lang() === 'zh' ? 'zh-CN' : 'en';
    document.documentElement.lang = locale;
    const core = performance.getEntriesByType('resource').map(e => e.name).find(n => /\/core-[^/]*\.js/.test(n));
    if (core) (await import(core)).changeLocale(locale);
  },

  speak(lang) {
    localStorage.setItem('ft-lang', lang);
    this.locale();
  },

  act(data) {
    if (data.go) document.getElementById(this.tabs[data.go] + '-button')?.click();
    if (data.act === 'theme')
      localStorage.setItem('ft-theme', document.body.classList.toggle('dark') ? 'dark' : 'light');
  },

  boot() {
    const spoken = navigator.language || 'en';
    if (this.lang() !== (spoken.startsWith('zh') ? 'zh' : 'en') || /^zh(?!-(CN|TW)$)/.test(spoken)) this.locale();
    document.documentElement.lang = this.lang() === 'zh' ? 'zh-CN' : 'en';
    const theme = localStorage.getItem('ft-theme');
    if (theme) document.body.classList.toggle('dark', theme === 'dark');
  },
};
window.ft.boot();
