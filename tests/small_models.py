"""Small real models of foreign kinds, made on the spot: what a user may point --base at. Knows nothing of ftchat.

With `steps` they are raised a little on English text, so that an adapter finds something to build on.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import sentencepiece
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

_TEMPLATES = Path(__file__).parent.parent / "data_templates"


def corpus() -> list[str]:
    """English that these models are raised on: some of the templates, but never the support ones."""
    lines = []
    for name in ("persona", "rewrite", "poet", "classify"):
        for line in (_TEMPLATES / f"{name}.jsonl").read_text("utf-8").splitlines():
            row = json.loads(line)
            lines.append(f"{row['prompt']}\n{row['completion']}")
    return lines


def _byte_level_tokenizer(vocabulary: int, special: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    return tokenizer


def _taught(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, steps: int) -> PreTrainedModel:
    """The model after some steps on the corpus: an adapter needs a base whose outputs have some shape."""
    ids = [i for line in corpus() for i in [*tokenizer(line)["input_ids"], tokenizer.eos_token_id]]
    rng = random.Random(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    model.train()
    for _ in range(steps):
        starts = [rng.randrange(len(ids) - 48) for _ in range(8)]
        batch = torch.tensor([ids[start : start + 48] for start in starts])
        model(input_ids=batch, labels=batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()


def _llama(vocabulary: int) -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=128,
            intermediate_size=256,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=512,
            bos_token_id=1,
            eos_token_id=2,
        )
    )


def llama_without_template(folder: Path, steps: int = 0) -> Path:
    """A Llama whose tokenizer has neither a chat template nor a pad token."""
    tokenizer = _byte_level_tokenizer(800, ["<unk>", "<s>", "</s>"])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>")
    fast.save_pretrained(folder)
    _taught(_llama(len(fast)), fast, steps).save_pretrained(folder)
    return folder


def llama_with_sentencepiece(folder: Path, steps: int = 0) -> Path:
    """A Llama whose tokenizer is a SentencePiece `tokenizer.model` and nothing else, as of Llama-2."""
    folder.mkdir(parents=True, exist_ok=True)
    text = folder / "corpus.txt"
    text.write_text("\n".join(corpus()), "utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=600,
        model_type="bpe",
        byte_fallback=True,
        bos_id=1,
        eos_id=2,
        unk_id=0,
        pad_id=-1,
        minloglevel=2,
    )
    text.unlink()
    (folder / "tokenizer.vocab").unlink()
    _taught(_llama(600), AutoTokenizer.from_pretrained(folder), steps).save_pretrained(folder)
    return folder


def gpt2(folder: Path, steps: int = 0) -> Path:
    """A GPT-2: Conv1D layers (c_attn), learned positions, one special token for everything."""
    tokenizer = _byte_level_tokenizer(800, ["<|endoftext|>"])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<|endoftext|>",
        bos_token="<|endoftext|>",
        eos_token="<|endoftext|>",
    )
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(fast), n_positions=512, n_embd=128, n_layer=4, n_head=4, bos_token_id=0, eos_token_id=0
    )
    _taught(GPT2LMHeadModel(config), fast, steps).save_pretrained(folder)
    return folder


def of_family(folder: Path, config: PretrainedConfig) -> Path:
    """Any kind of model, with the tokenizer of `gpt2`. Its matrices are enlarged, for its answers to differ."""
    tokenizer = _byte_level_tokenizer(800, ["<|endoftext|>"])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<|endoftext|>", bos_token="<|endoftext|>", eos_token="<|endoftext|>"
    )
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config.vocab_size, config.bos_token_id, config.eos_token_id, config.pad_token_id = len(fast), 0, 0, None
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter *= 4
    model.save_pretrained(folder)
    return folder


MAKERS = (llama_without_template, llama_with_sentencepiece, gpt2)
