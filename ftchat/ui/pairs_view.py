"""The table of pairs as HTML: a page of rows whose cells can be edited in place. Knows no components or stores."""

from __future__ import annotations

import json

from ftchat.data import Page
from ftchat.records import Example
from ftchat.ui.markup import esc, heading
from ftchat.ui.texts import t
from ftchat.ui.tokens import pager

PAGE_ROWS = 50
_CUT = 600  # characters of a text shown in the table
_EDITABLE = 8000  # characters of a text that is edited in a cell

# Click, Enter or F2 opens a cell; Enter or leaving it saves, Shift+Enter breaks the line, Esc gives up. The table is
# drawn anew after each change and in another language, so the browser keeps the place of the keyboard, and which rows
# are ticked as long as they are shown.
EDITING = """
let place = null, ticked = new Set();
const told = box => box.dataset.place + [...box.closest('tr').querySelectorAll('[data-edit]')].map(
  cell => cell.textContent).join(' ');
const remember = cell => { place = {at: cell.dataset.at, edit: cell.dataset.edit} };
const open = cell => {
  if (cell.querySelector('textarea')) return;
  const box = document.createElement('textarea'), before = cell.dataset.full ?? cell.textContent;
  const shown = cell.innerHTML;
  box.value = before; box.setAttribute('aria-label', cell.getAttribute('aria-label'));
  cell.replaceChildren(box); cell.removeAttribute('role');
  box.style.height = Math.min(320, box.scrollHeight + 4) + 'px'; box.focus();
  let over = false;
  const close = save => {
    if (over) return; over = true;
    const typed = box.value;
    cell.innerHTML = shown; cell.setAttribute('role', 'button'); remember(cell);
    if (save && typed.trim() && typed !== before.replaceAll('\\r\\n', '\\n')) {
      cell.classList.add('saving');
      trigger('pick', {edit: cell.dataset.edit, at: cell.dataset.at, place: cell.dataset.place, text: typed}) }
    else cell.focus() };
  box.addEventListener('blur', () => close(true));
  box.addEventListener('keydown', event => {
    event.stopPropagation();
    if (event.key === 'Escape') close(false);
    else if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (box.value.trim()) close(true); else box.setAttribute('aria-invalid', 'true') } }) };
const chosen = () => [...element.querySelectorAll('input[data-at]:checked')];
element.addEventListener('click', event => {
  const cell = event.target.closest('[data-edit]');
  if (cell) open(cell);
  if (event.target.closest('[data-act=delete]'))
    trigger('pick', {rows: JSON.stringify(chosen().map(box => [+box.dataset.at, JSON.parse(box.dataset.place)]))}) });
const count = () => {
  const button = element.querySelector('[data-act=delete]'), n = chosen().length;
  ticked = new Set(chosen().map(told));
  if (button) { button.hidden = !n; button.querySelector('span').textContent = n } };
element.addEventListener('change', count);
element.addEventListener('keydown', event => {
  const cell = event.target.closest('[data-edit]');
  if (cell && (event.key === 'Enter' || event.key === 'F2')) { event.preventDefault(); open(cell) } });
watch('value', () => setTimeout(() => {
  element.querySelectorAll('input[data-at]').forEach(box => { box.checked = ticked.has(told(box)) });
  count();
  if (place && document.activeElement === document.body)
    element.querySelector(`[data-edit="${place.edit}"][data-at="${place.at}"]`)?.focus(); }, 60));
"""


def head(page: Page, number: int, lang: str) -> str:
    """The title of the table and its pager; `number` is that of the page, from 0."""
    pages, shown, first = max(1, -(-page.total // PAGE_ROWS)), len(page.rows), number * PAGE_ROWS
    words = t("ft_rows_of", lang, first=first + 1, last=first + shown, n=page.total)
    turn = pager("page", number, pages, lang, words) if shown else ""
    hint = f'<span class="ft-mut">{esc(t("ft_click_to_edit", lang))}</span>' if shown else ""
    return f'<div class="ft-row">{heading(t("ft_pairs", lang))}{hint}{turn}</div>'


def table(page: Page, lang: str) -> str:
    """One page of examples; the number of each opens it as the model sees it."""
    if not page.rows:
        return f'<p class="ft-sub">{esc(t("ft_none_found", lang))}</p>'
    names = (t(name, lang) for name in ("ft_instruction", "ft_response", "ft_where"))
    marks = f'<th scope="col"><span class="ft-vh">{esc(t("ft_choose_rows", lang))}</span></th>'
    heads = marks + "".join(f'<th scope="col">{esc(name)}</th>' for name in ("#", *names))
    body = "".join(_row(index, example, lang) for index, example in page.rows)
    drawn = f'<table class="ft-table"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'
    words = esc(t("ft_delete_rows", lang))
    delete = f'<button class="ft-btn stop" data-act="delete" hidden>{words} <span></span></button>'
    label = esc(t("ft_pairs", lang))
    return f'<div class="ft-scroll" tabindex="0" role="group" aria-label="{label}">{drawn}</div>{delete}'


def _row(index: int, example: Example, lang: str) -> str:
    more = len(example.messages) - 2
    turns = f' <span class="ft-chip">{esc(t("ft_more_messages", lang, n=more))}</span>' if more > 0 else ""
    where = t("ft_line", lang, n=example.line) if example.line else t("ft_row", lang, n=example.row)
    show, k = esc(t("ft_show_pair", lang, k=index + 1)), index + 1
    place = esc(json.dumps(example.place))
    choose = esc(t("ft_choose_row", lang, k=k))
    mark = f'<input type="checkbox" data-at="{index}" data-place="{place}" aria-label="{choose}">'
    cells = (
        _cell("prompt", example.prompt, t("ft_instruction", lang), index, place, lang) + turns,
        _cell("completion", example.completion, t("ft_response", lang), index, place, lang),
    )
    return (
        f'<tr><td>{mark}</td><td><button class="ft-btn ghost" data-pair="{index}" aria-label="{show}">{k}</button></td>'
        f"<td>{cells[0]}</td><td>{cells[1]}</td>"
        f'<td class="ft-mut ft-num" title="{esc(example.source)}">{esc(where)}</td></tr>'
    )


def _cell(side: str, text: str, name: str, index: int, place: str, lang: str) -> str:
    shown = f"{esc(text[:_CUT])}{'…' if len(text) > _CUT else ''}"
    if len(text) > _EDITABLE:
        return f'<span title="{esc(t("ft_too_long_to_edit", lang))}">{shown}</span>'
    full = f' data-full="{esc(text)}"' if len(text) > _CUT else ""
    label = esc(t("ft_edit_cell", lang, name=name, k=index + 1))
    return (
        f'<div class="ft-cell" role="button" tabindex="0" data-edit="{side}" data-at="{index}" data-place="{place}"'
        f' aria-label="{label}: {shown}"{full}>{shown}</div>'
    )
