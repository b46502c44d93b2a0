"""Chinese for what the layers below the page say in English, by the kind that it carries. Knows nothing of HTML.

Braces take the values of an error, or of a problem.
"""

from __future__ import annotations

ERRORS = {
    "base_not_listed": "本页面只接受内置模型或这些基座模型：{names}；不读取服务器上的文件夹。",
    "base_folder": "本页面只接受 Hub 名称，例如 Qwen/Qwen3-0.6B；不读取服务器上的文件夹。",
    "no_data": "还没有可训练的数据：请先添加数据。",
    "no_base": "哪个基座模型？请填写它的 Hub 名称或文件夹，或选择内置模型。",
    "busy_training": "{run} 正在 {base} 上训练；请使用同一个基座，或等训练结束。",
    "busy_reply": "另一个基座模型正在回答；请等它结束后再试。",
    "worker_died": "模型进程已退出，已保存的内容都在；下次操作会启动新的进程。",
    "name_taken": "已有名为“{name}”的训练，请换一个名称。",
    "bad_name": "“{name}”不能用作名称：请用几个字母，例如 support-1。",
    "no_run": "没有名为“{name}”的训练记录。",
    "run_held": "这次训练正由另一个进程进行；请等待或停止它。",
    "bad_number": "{name} 必须是 {low} 到 {high} 之间的数，而不是“{text}”。",
}
