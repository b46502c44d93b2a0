"""The names that people give to columns and roles, and the field or role each means. Knows nothing of rows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Literal

from ftchat.records import Role

# Field -> names, best first: where several columns could be the prompt, the earlier name wins.
_FIELDS: dict[str, str] = {
    "prompt": "prompt instruction question query userprompt usermessage userinput request 指令 问题 問題 提问 "
    "提示 提示词 用户 用户输入 質問 질문 frage pregunta domanda pergunta вопрос problem user human 问 問 q ask input "
    "输入 context article document passage text sentence review content comment title utterance "
    "文本 句子 评论 内容 原文 source src inputs premise sentence1 question1 text1",
    "completion": "completion output response answer reply assistant 输出 回答 答案 回复 答复 响应 助手 答 回應 輸出 "
    "答え 답변 antwort respuesta réponse reponse risposta resposta ответ solution bot gpt chatbot moss expectedoutput "
    "modelanswer correctanswer bestanswer groundtruth a target tgt translation 译文 summary label category "
    "class intent sentiment labels 标签 类别 分类 情感 意图 targets canonicalsolution",
    "answers": "answers completions responses outputs replies humananswers correctanswers ideal 回答列表",
    "prompts": "patterns utterances questions prompts examples",
    "input": "input 输入 context 上下文 背景 hypothesis sentence2 question2 text2",
    "system": "system systemprompt systemmessage systeminstruction 系统 系统提示 系统提示词 系統",
    "history": "history 历史 历史对话 对话历史 歷史",
    "messages": "messages conversations conversation dialogue dialog dialogs chat turns 对话 消息 對話",
    "chosen": "chosen",
    "rejected": "rejected",
    "images": "images image 图片 videos audios",
}
FIELD_NAMES: dict[str, tuple[str, ...]] = {field: tuple(names.split()) for field, names in _FIELDS.items()}
_KNOWN = frozenset(name for names in FIELD_NAMES.values() for name in names)
# Words that are also plain data: alone they do not make a first row a header.
_WEAK = frozenset(
    ("a", "q", "ask", "user", "human", "text", "content", "title", "source", "target", "class", "label", "category")
)

# Answers under these are a name for the whole text and not something that is written to it.
LABELS = frozenset("label category class intent sentiment labels 标签 类别 分类 情感 意图".split())

# These names are only meant beside one of those: "source" is else where a row is from, and "a" the column before "b".
ONLY_WITH: dict[str, tuple[str, ...]] = {
    "source": ("target", "tgt", "translation", "译文"),
    "src": ("target", "tgt", "translation", "译文"),
    "原文": ("译文",),
    "a": ("q", "question", "ask", "prompt"),
    "examples": ("intent",),
}

_ROLES: dict[Role | Literal["tool"], str] = {
    "system": "system developer 系统 系統",
    "user": "user human prompter customer instruction 用户 用戶 人类",
    "assistant": "assistant gpt bot model chatgpt ai chatbot bard bing claude agent 助手 机器人",
    "tool": "tool function observation functioncall functionresponse toolcall toolresponse toolresult ipython",
}
_ROLE_OF = {name: role for role, names in _ROLES.items() for name in names.split()}

ROLE_KEYS = ("role", "from", "speaker", "author")
CONTENT_KEYS = ("content", "value", "text", "message", "parts")

_SEPARATORS = re.compile(r"[\s_\-.:：*#]+")


def normal(name: object) -> str:
    """`User Prompt`, `user_prompt` and `userPrompt` are one name."""
    return _SEPARATORS.sub("", str(name)).lower()


def is_known(name: object) -> bool:
    return normal(name) in _KNOWN


def is_header(cells: Iterable[object]) -> bool:
    """Whether these cells name columns: one strong name, or nothing but weak ones."""
    names = [normal(cell) for cell in cells]
    known = [name for name in names if name in _KNOWN]
    return any(name not in _WEAK for name in known) or (len(known) >= 2 and len(known) == len(names))


@lru_cache(maxsize=1000)  # the same few names stand in every message of a file
def role_of(name: object) -> Role | Literal["tool"] | None:
    """The role meant; None for an unknown one."""
    return _ROLE_OF.get(normal(name))


def pick(field: str, columns: Mapping[str, str], taken: Collection[str | None] = ()) -> str | None:
    """The column that best fits the field, of those given by their normal names."""
    for name in FIELD_NAMES[field]:
        column = columns.get(name)
        if column is not None and column not in taken:
            partners = ONLY_WITH.get(name)
            if partners is None or any(partner in columns for partner in partners):
                return column
    return None


def by_normal_name(columns: Iterable[str]) -> dict[str, str]:
    """The first column of each normal name."""
    found: dict[str, str] = {}
    for column in columns:
        found.setdefault(normal(column), column)
    return found


def is_turn(value: object) -> bool:
    """Whether this is one message of a conversation and not a row."""
    return (
        isinstance(value, dict)
        and any(role_of(value[key]) for key in ROLE_KEYS if isinstance(value.get(key), str))
        and any(key in value for key in (*CONTENT_KEYS, "tool_calls"))
    )
