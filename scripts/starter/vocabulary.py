"""The tokenizer: byte-fallback BPE with digits and Chinese characters one by one, and the chat template."""

from __future__ import annotations

import json
import random
from itertools import islice
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from . import mix
from .blocks import Talk
from .grammar import capital
from .material import library

SIZE = 5120
PAD, BEGIN, END = "<|pad|>", "<|begin|>", "<|end|>"
ROLES = {"system": "<|system|>", "user": "<|user|>", "assistant": "<|assistant|>"}
SPECIAL = [PAD, BEGIN, END, *ROLES.values()]
BYTES = [f"<0x{n:02X}>" for n in range(256)]
# A space belongs to the word behind it and stays a plain space inside the token: nothing is added or dropped at
# the front, so an answer tokenised on its own gives the same ids as the same answer behind a prompt.
PIECES = (r"\p{N}|\p{Han}|'(?:s|t|re|ve|m|ll|d)(?![\p{L}])| ?(?:(?!\p{Han})[\p{L}\p{M}])+"
          r"| ?(?:(?!\p{Han})[^\s\p{L}\p{N}\p{M}])+|\s")  # fmt: skip
TEMPLATE = (
    "<|begin|>{%- for message in messages %}"
    "{%- if message['role'] == 'assistant' %}"
    "{{- '<|assistant|>' }}{% generation %}{{- message['content'] + '<|end|>' }}{% endgeneration %}"
    "{%- else %}"
    "{{- ('<|system|>' if message['role'] == 'system' else '<|user|>') + message['content'] + '<|end|>' }}"
    "{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|assistant|>' }}{%- endif %}"
)
ALPHABET = ("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 \n\t!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
            "àáâãäåæçèéêëìíîïñòóôõöøùúûüýßœÀÁÂÄÇÈÉÊÖØÜ×÷°§€£¥–—…‘’“”•·，。！？、；：（）《》【】「」～￥")  # fmt: skip


def texts(seed: int, count: int) -> list[str]:
    """What the merges are learned from: generated conversations, and the plain word lists so that other words fare well."""
    out = [text for talk in islice(mix.conversations(seed), count) for _, text in talk.turns]
    for word in dict.fromkeys(library.words("common")):
        out += (
            [f" {word}"] * 30
            + [capital(word)] * 4
            + [f" {word}{end}" for end in ("s", "ed", "ing", "ly", "er", "ment")] * 2
        )
    random.Random(seed).shuffle(out)
    return out


def train_tokenizer(folder: Path, seed: int = 1) -> PreTrainedTokenizerFast:
    """Learns the merges, checks the size and saves the tokenizer as transformers reads it."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PIECES), "isolated")
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    hanzi = library.words("hanzi")
    letters = [*dict.fromkeys(ALPHABET), *hanzi]
    keep = set(letters)
    material = ["".join(c for c in text if c in keep) for text in texts(seed, 60_000)]
    trainer = trainers.BpeTrainer(vocab_size=SIZE, special_tokens=[*SPECIAL, *BYTES], initial_alphabet=letters,
                                  min_frequency=2, show_progress=False)  # fmt: skip
    tokenizer.train_from_iterator(material, trainer)
    # The byte tokens had to be "special" to get their places; in the finished tokenizer they are ordinary entries.
    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = [t for t in state["added_tokens"] if t["content"] in SPECIAL]
    tokenizer = Tokenizer.from_str(json.dumps(state))
    if tokenizer.get_vocab_size() != SIZE:
        raise ValueError(f"the vocabulary has {tokenizer.get_vocab_size()} entries instead of {SIZE}")
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=BEGIN, eos_token=END, pad_token=PAD, clean_up_tokenization_spaces=False,
        additional_special_tokens=[AddedToken(role, special=True, normalized=False) for role in ROLES.values()],
        model_max_length=1024, model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip
    fast.chat_template = TEMPLATE
    folder.mkdir(parents=True, exist_ok=True)
    fast.save_pretrained(folder)
    return fast


def encode(tokenizer: Tokenizer, talks: list[Talk]) -> list[tuple[list[int], list[int]]]:
    """Ids and answer mask (1 on the assistant's words and end token) of conversations, as the template renders them."""
    vocabulary = tokenizer.get_vocab()
    ids_of = {name: vocabulary[name] for name in SPECIAL}
    pieces = tokenizer.encode_batch([text for talk in talks for _, text in talk.turns], add_special_tokens=False)
    out, at = [], 0
    for talk in talks:
        ids, mask = [ids_of[BEGIN]], [0]
        for role, _ in talk.turns:
            body = [*pieces[at].ids, ids_of[END]]
            at += 1
            ids += [ids_of[ROLES[role]], *body]
            mask += [0, *[int(role == "assistant")] * len(body)]
        out.append((ids, mask))
    return out
