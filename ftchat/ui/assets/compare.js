// The Compare tab in the browser: marks where two answers differ, copies one, stops with Esc, remembers the chat.
window.ft.duet = {
  on: true,

  // Marks are ranges, not elements: the answers stay plain text, and nothing is read aloud twice.
  watch(element) {
    let timer;
    new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(() => this.draw(), 180); })
      .observe(element, {subtree: true, childList: true, characterData: true});
  },

  mark(on) { this.on = on; this.draw(); },

  // Each answer is marked where it differs from the base's, and the base's where it differs from the first other.
  draw() {
    if (!CSS.highlights) return;
    for (const name of ['ft-diff-base', 'ft-diff-tuned']) CSS.highlights.delete(name);
    const panes = [...document.querySelectorAll('#ft-duet > .ft-pane:not(.ft-off)')];
    const last = panes.map(pane => pane.querySelector('.ft-turn:last-child .ft-a'));
    const [base, ...others] = last;
    if (!this.on || !base?.textContent) return;
    const left = this.words(base.textContent), marks = new Highlight();
    let marked = false;
    for (const answer of others) {
      if (!answer?.textContent) continue;
      const right = this.words(answer.textContent), [keptLeft, keptRight] = this.shared(left, right);
      for (const range of this.ranges(answer.firstChild, right, keptRight)) marks.add(range);
      if (!marked) CSS.highlights.set('ft-diff-base', this.ranges(base.firstChild, left, keptLeft));
      marked = true;
    }
    CSS.highlights.set('ft-diff-tuned', marks);
  },

  words(text) {
    const parts = [...new Intl.Segmenter(undefined, {granularity: 'word'}).segment(text)];
    return parts.filter(part => part.segment.trim()).slice(0, 600)
      .map(part => ({at: part.index, end: part.index + part.segment.length, word: part.segment.toLowerCase()}));
  },

  // The words that both have in the same order (longest common subsequence). A short run of them is chance.
  shared(left, right) {
    const n = left.length, m = right.length, same = (i, j) => left[i].word === right[j].word;
    const best = Array.from({length: n + 1}, () => new Uint16Array(m + 1));
    for (let i = n - 1; i >= 0; i--)
      for (let j = m - 1; j >= 0; j--)
        best[i][j] = same(i, j) ? best[i + 1][j + 1] + 1 : Math.max(best[i + 1][j], best[i][j + 1]);
    const least = n < 6 || m < 6 ? 1 : left.some(part => /\p{Script=Han}/u.test(part.word)) ? 2 : 3;
    const keptLeft = new Set(), keptRight = new Set();
    for (let i = 0, j = 0; i < n && j < m;) {
      if (!same(i, j)) { if (best[i + 1][j] >= best[i][j + 1]) i++; else j++; continue; }
      let run = 0;
      while (i + run < n && j + run < m && same(i + run, j + run)) run++;
      if (run >= least) for (let k = 0; k < run; k++) { keptLeft.add(i + k); keptRight.add(j + k); }
      i += run; j += run;
    }
    return [keptLeft, keptRight];
  },

  ranges(node, words, kept) {
    const found = new Highlight();
    for (let i = 0; i < words.length; i++) {
      if (kept.has(i)) continue;
      const start = words[i].at;
      while (i + 1 < words.length && !kept.has(i + 1)) i++;
      const range = new Range();
      range.setStart(node, start);
      range.setEnd(node, words[i].end);
      found.add(range);
    }
    return found;
  },

  // A question is on its way, and the box is free for the next.
  sent(inputs) {
    const box = document.querySelector('#ft-prompt textarea');
    if (!document.getElementById('ft-stop')) {
      box.value = '';
      box.dispatchEvent(new Event('input', {bubbles: true}));
    }
    return inputs;
  },

  async copy(button) {
    const answer = button.parentElement.querySelector('.ft-a');
    if (navigator.clipboard) await navigator.clipboard.writeText(answer.textContent);
    else { getSelection().selectAllChildren(answer); document.execCommand('copy'); }
    button.classList.add('done');
    setTimeout(() => button.classList.remove('done'), 1500);
  },

  // Where a browser forbids storage (a frame of another site), a reload begins a new chat.
  recall() { try { return sessionStorage.getItem('ft-chat') || ''; } catch { return ''; } },
  remember(key) { try { sessionStorage.setItem('ft-chat', key); } catch { /* nothing is kept */ } },
};

addEventListener('click', event => {
  const button = event.target.closest?.('.ft-copy');
  if (button) ft.duet.copy(button);
  event.target.closest?.('.ft-tune')?.closest('.ft-pane').toggleAttribute('data-tuning');
});
addEventListener('keydown', event => {
  const stop = document.getElementById('ft-stop');
  if (event.key === 'Escape' && stop?.offsetParent) { event.preventDefault(); stop.click(); }
}, true);
