"""Chat template, tokens and loss mask: the one place where text becomes ids, for preview, training and chat alike.

Training ids are ids(prompt with the generation prompt) + ids(answer) + the turn's end token, and the mask is on
the last two. So what chat sends is a prefix of what was trained, whatever the template does. Nothing is assumed of
a template: what it drops or refuses is found by rendering. Knows nothing of weights or devices.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jinja2
from transformers import PreTrainedTokenizerBase

from ftchat.errors import DataError, ModelError
from ftchat.records import Example, Message, Preview, TokenView

# For a base without a chat template of its own: plain words, so that any tokenizer knows the pieces.
FALLBACK = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ m.content + '\n\n' }}"
    "{% elif m.role == 'user' %}{{ 'User: ' + m.content + '\n\n' }}"
    "{% else %}{{ 'Assistant:\n' + m.content + eos_token + '\n\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:\n' }}{% endif %}"
)
_PROBE = "qZanswerZq"  # a text that no template contains


@dataclass(frozen=True, slots=True)
class Encoded:
    """One sequence to train on: `ids` and, of the same length, whether each is learned. `cut` counts tokens that
    the limit took from its end."""

    ids: tuple[int, ...]
    trained: tuple[bool, ...]
    cut: int = 0

    @property
    def labels(self) -> list[int]:
        """The ids with -100 where nothing is learned, as the trainer takes them."""
        return [i if learned else -100 for i, learned in zip(self.ids, self.trained, strict=True)]

    def within(self, limit: int) -> Encoded | None:
        """Cut from the end to `limit` tokens; None where nothing that is learned would be left."""
        if len(self.ids) <= limit:
            return self
        if not any(self.trained[:limit]):
            return None
        return Encoded(self.ids[:limit], self.trained[:limit], len(self.ids) - limit)


class ChatTemplate:
    """The tokens of one base model. `vocabulary` is the number of rows of its embedding."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, vocabulary: int, eos_ids: Sequence[int] = ()):
        self.tokenizer = tokenizer
        self.vocabulary = vocabulary
        self.source: Literal["own", "fallback"] = "own"
        self.notes: list[str] = []
        self._special = _special(tokenizer)
        spelled = sorted((text for text in self._special.values() if len(text) > 1), key=len, reverse=True)
        self._spelled = re.compile("|".join(map(re.escape, spelled))) if spelled else None
        if not self._own_template_answers():
            self.source = "fallback"
            self.notes.append("this model has no chat template, so ftchat's plain 'User: / Assistant:' one is used")
        self._prefix = self._bos_prefix()
        self._asks = self._knows_generation_prompt()
        self.end_id = self._find_end(eos_ids)
        self.stop_ids = frozenset({self.end_id, *eos_ids})
        self._system = self._find_system_rule()
        self._ids(self._render((Message("user", "Hello"),), prompt=True))

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """The ids that chat sends for this conversation, up to where the answer begins."""
        return self._ids(self._prompt_text(messages))

    def encode(self, example: Example) -> list[Encoded]:
        """The sequences of one example, uncut: one where the template only ever appends, else one per answer.

        Raises DataError where the template refuses the conversation.
        """
        turns = self._turns(example)
        return self._sequences(self._ids_of([text for turn in turns for text in turn]))

    def encode_all(self, examples: Sequence[Example]) -> list[list[Encoded] | None]:
        """The same of many examples, whose texts are tokenised at once; None where the template refuses one."""
        asked: list[list[str] | None] = []
        for example in examples:
            try:
                asked.append([text for turn in self._turns(example) for text in turn])
            except DataError:
                asked.append(None)
        ids = iter(self._ids_of([text for texts in asked for text in texts or ()]))
        return [None if texts is None else self._sequences([next(ids) for _ in texts]) for texts in asked]

    def _turns(self, example: Example) -> list[tuple[str, str]]:
        """Of each answer what is asked and what is answered, as texts."""
        answers = [turn for turn, message in enumerate(example.messages) if message.role == "assistant"]
        return [
            (self._prompt_text(example.messages[:turn]), self._defuse(example.messages[turn].content))
            for turn in answers
        ]

    def _sequences(self, ids: Sequence[list[int]]) -> list[Encoded]:
        """From the ids of prompt, answer, prompt, answer, ..."""
        sequences: list[tuple[list[int], list[bool]]] = []
        for prompt, text in zip(ids[::2], ids[1::2], strict=True):
            answer = [*text, self.end_id]
            before, mask = sequences.pop() if sequences else ([], [])
            if prompt[: len(before)] != before:
                sequences.append((before, mask))
                before, mask = [], []
            mask = mask + [False] * (len(prompt) - len(before)) + [True] * len(answer)
            sequences.append((prompt + answer, mask))
        return [Encoded(tuple(row), tuple(mask)) for row, mask in sequences]

    def answer_ids(self, text: str) -> list[int]:
        return self._ids(self._defuse(text))

    def preview(self, example: Example, limit: int) -> Preview:
        """What training would see of this example."""
        try:
            sequences = [cut for row in self.encode(example) if (cut := row.within(limit))]
        except DataError as error:
            return Preview((), 0, str(error))
        if not sequences:
            return Preview((), 0, f"the limit of {limit} tokens leaves nothing of the answer")
        views = []
        for sequence in sequences:
            reader = TokenReader(self.tokenizer, special_tokens=True)
            for i, trained in zip(sequence.ids, sequence.trained, strict=True):
                views.append(TokenView(i, reader.push(i), trained, i in self._special))
        return Preview(tuple(views), sum(sequence.cut for sequence in sequences))

    def _prompt_text(self, messages: Sequence[Message]) -> str:
        asked = self._render(messages, prompt=True)
        if self._asks:
            return asked
        before = self._render((*messages, Message("assistant", _PROBE)), prompt=False).rpartition(_PROBE)[0]
        # A space that an answer begins with is the answer's: tokens are a word with the space in front of it.
        return asked if before.startswith(asked) and before[len(asked) :].isspace() else before

    def _knows_generation_prompt(self) -> bool:
        hello = (Message("user", "Hello"),)
        return self._render(hello, prompt=True) != self._render(hello, prompt=False)

    def _render(self, messages: Sequence[Message], prompt: bool) -> str:
        if getattr(self, "_system", "kept") == "merged":
            messages = _merge_system(messages)
        turns = [{"role": m.role, "content": self._defuse(m.content)} for m in messages]
        options: dict[str, Any] = {"tokenize": False, "add_generation_prompt": prompt, "enable_thinking": False}
        if self.source == "fallback":
            options["chat_template"] = FALLBACK
        try:
            text = self.tokenizer.apply_chat_template(turns, **options)
        except (jinja2.exceptions.TemplateError, TypeError, ValueError, KeyError, IndexError) as error:
            roles = ", ".join(m.role for m in messages)
            raise DataError(f"the model's chat template refuses this conversation ({roles}): {error}") from None
        return getattr(self, "_prefix", "") + str(text)

    def _ids(self, text: str) -> list[int]:
        return self._ids_of([text])[0]

    def _ids_of(self, texts: Sequence[str]) -> list[list[int]]:
        if not texts:
            return []
        found: list[list[int]] = self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        highest = max((max(ids) for ids in found if ids), default=0)
        if highest >= self.vocabulary:
            raise ModelError(
                f"the tokenizer gives id {highest}, but the model knows only {self.vocabulary}: they do not belong "
                "together; use the tokenizer that came with the model"
            )
        return found

    def _defuse(self, text: str) -> str:
        """User text that spells a special token stays text: a zero-width space breaks the spelling."""
        while self._spelled and self._spelled.search(text):  # again, for they may overlap
            text = self._spelled.sub(lambda found: found[0][0] + "\u200b" + found[0][1:], text)
        return text

    def _own_template_answers(self) -> bool:
        if not self.tokenizer.chat_template:
            return False
        try:
            return "qZquestionZq" in self._render((Message("user", "qZquestionZq"),), prompt=True)
        except DataError:
            return False

    def _bos_prefix(self) -> str:
        """Our own template begins as the tokenizer begins a text; a model's template does so by itself."""
        bos = self.tokenizer.bos_token
        if self.source == "own" or not bos:
            return ""
        return bos if self.tokenizer("a")["input_ids"][:1] == [self.tokenizer.bos_token_id] else ""

    def _find_end(self, eos_ids: Sequence[int]) -> int:
        """The first special token behind an answer, as the template renders it; else the model's eos."""
        rendered = self._render((Message("user", "Hello"), Message("assistant", _PROBE)), prompt=False)
        special = self._special.keys() | set(eos_ids)
        behind = self._ids(rendered.rpartition(_PROBE)[2]) if _PROBE in rendered else []
        end = next((i for i in behind if i in special), None)
        end = end if end is not None else self.tokenizer.eos_token_id
        end = end if end is not None else next(iter(eos_ids), None)
        if end is None:
            raise ModelError(
                "this model names no end-of-text token, so a reply could not stop; set eos_token in its "
                "tokenizer_config.json"
            )
        return end

    def _find_system_rule(self) -> Literal["kept", "merged"]:
        """Templates that refuse or drop a system message get it in front of the first user message."""
        try:
            text = self._render((Message("system", _PROBE), Message("user", "Hello")), prompt=True)
        except DataError:
            text = ""
        if _PROBE in text:
            return "kept"
        self.notes.append("this model's template takes no system message; it goes in front of the first question")
        return "merged"


def _special(tokenizer: PreTrainedTokenizerBase) -> dict[int, str]:
    """The control tokens, by id: those that the tokenizer names, and those that it only marks as such."""
    named = zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True)
    marked = ((i, token.content) for i, token in tokenizer.added_tokens_decoder.items() if token.special)
    return dict(marked) | dict(named)


class TokenReader:
    """Turns ids into text one by one. A character that several tokens spell comes with the last of them."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, special_tokens: bool = False):
        self._tokenizer, self._special = tokenizer, special_tokens
        self._ids: list[int] = []
        self._start = self._read = 0

    def push(self, token: int) -> str:
        """The text that this token completes."""
        self._ids.append(token)
        return self._advance(final=False)

    def finish(self) -> str:
        """What is left: a character that was never completed."""
        return self._advance(final=True)

    def _advance(self, final: bool) -> str:
        # Decoding from a little before the last text keeps the space in front of a word that some tokenizers drop
        # at the start of a text.
        before = self._decode(self._ids[self._start : self._read])
        text = self._decode(self._ids[self._start :])
        if len(text) <= len(before) or (text.endswith("\ufffd") and not final):
            return ""
        self._start, self._read = self._read, len(self._ids)
        return text[len(before) :]

    def _decode(self, ids: list[int]) -> str:
        return self._tokenizer.decode(ids, skip_special_tokens=not self._special, clean_up_tokenization_spaces=False)


def _merge_system(messages: Sequence[Message]) -> tuple[Message, ...]:
    system = "\n\n".join(m.content for m in messages if m.role == "system")
    rest = [m for m in messages if m.role != "system"]
    if system and rest and rest[0].role == "user":
        rest[0] = Message("user", f"{system}\n\n{rest[0].content}")
    return tuple(rest)
