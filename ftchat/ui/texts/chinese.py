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
    "run_lost": "训练记录 {run} 的设置已无法读取，因此不再列出：请恢复 {path}，或删除它所在的文件夹。",
    "run_unread": "{name}：无法读取 {path}，请修复或移走它。",
    "run_history_lost": "{name}：{path} 里已没有可读的内容；可以从最后一个检查点继续训练，或删除它。",
    "run_history_damaged": "{name}：{path} 已损坏，有 {lines} 行无法读取，已略过。",
    "run_settings_damaged": "{name}：{path} 已损坏，不再知道它训练时的设置；稳妥起见请重新训练。",
    "run_unwritable": "无法写入训练记录 {run} 的文件夹（{error}），请让它可写。",
    "run_held": "这次训练正由另一个进程进行；请等待或停止它。",
    "run_ended": "{name} 已经结束，无法继续。",
    "run_going": "{name} 已在训练或等待中。",
    "other_base": "{name} 的基座是 {base}，接着它训练也要用同一个基座。",
    "other_method": "{name} 的训练方法是 {method}，接着它训练也要用同一种方法。",
    "other_shape": "{name} 的 {key} 是 {value}，接着训练时不能更改；请留空 {key}。",
    "not_over": "{name} 还没有结束；请等它结束或停止它，再接着训练。",
    "no_adapter": "{name} 没有可以接着训练的适配器，请选择另一次训练。",
    "ending": "{name} 训练时还没有保存 P-tuning 的网络，只有它的结果，无法接着训练；请重新训练，或选择另一次训练。",
    "bad_share": "旧数据占比必须是 0 到 1 之间（不含 1）的数，而不是“{text}”。",
    "no_replay": "{name} 的数据已不在了，无法混入；请重新读取它的文件，或把旧数据占比设为 0。",
    "no_start": "无法复制 {name} 的适配器，因此不能接着它训练。",
    "no_tracker": "要上报到 {name}，需先安装它的软件包：pip install {name}",
    "bad_number": "{name} 必须是 {low} 到 {high} 之间的数，而不是“{text}”。",
    "nothing_to_search": "学习率（以及秩）都已给定，没有可搜索的；请留空其中一个。",
    "too_few_to_judge": "{count} 对问答太少，无法留出一部分来评判：请至少提供 {wanted} 对，或自备留出数据。",
    "hub_disk": "下载 {name} 需要 {size}，而 {cache} 所在的磁盘只剩 {free}；请清理空间、用 HF_HOME 换一个磁盘，或选择更小的模型。",
    "hub_gated": "{name} 需要授权：请在 {page} 接受它的条款，并用本机的账号登录（hf auth login，或设置 HF_TOKEN），然后重试。",
    "hub_disabled": "Hub 已停用 {name}，请另选一个。",
    "hub_not_whole": "{name} 在 Hub 上不完整：缺少它的某个文件，请另选一个。",
    "hub_nothing": "Hub 上没有可读取的 {name}：请检查名称；如果它是私有的，请先登录（hf auth login，或设置 HF_TOKEN）。",
    "hub_token": "Hub 不接受本机的令牌来读取 {name}：请用有权限的账号登录（hf auth login，或设置 HF_TOKEN）。",
    "hub_often": "从这里访问 Hub 过于频繁，请过几分钟再获取 {name}。",
    "hub_status": "获取 {name} 时 Hub 返回错误 {status}，请稍后重试。",
    "hub_far": "无法连接 Hub，没有取得 {name}：请检查网络后重试。",
    "hub_other": "{where} 上应答的不是 Hub，没有取得 {name}：请检查网络和 HF_ENDPOINT。",
    "hub_full": "下载 {name} 时 {cache} 所在的磁盘已满：请清理空间后重试，会接着已下载的部分继续。",
    "hub_barred": "无法写入 {cache}：请把 HF_HOME 设为您自己的文件夹。",
    "hub_pointer": "{name} 在 Hub 上不完整：{file} 只是一个 Git LFS 指针，请另选一个。",
    "hub_damaged": "{name} 的 {file} 下载后已损坏，已丢弃；请重试，会重新下载。",
    "dataset_id": "“{name}”不是 Hub 名称；请写成 owner/name。",
    "dataset_size": "{name} 的下载量是 {size}，最多接受 {limit}；请取其中一部分，作为文件提供。",
    "dataset_parts": "{name} 分为几个部分，没有一个叫 train；请写明要哪一个：{choices}。",
    "reader_died": "读取数据的进程已退出，很可能是内存不足；原来的数据没有变：请减少一次读取的量，或拆分文件。",
    "no_memory": "内容超出了这台机器的内存，请拆分文件。",
    "no_pairs": "里面没有找到问答对。原因（英文）：{why}",
    "unknown_columns": "看不出哪一列是问题、哪一列是回答（各列：{named}）。",
    "none_fits": "这些回答在问题之后一点也放不下；请移除它们。",
    "no_raw": "没有保留原文件的内容，请重新读取文件。",
    "adapter_base": "这个适配器对应的基座 {base} 不在这台机器上；请在 adapter_config.json 里改为它的 Hub 名称或本机文件夹。",
    "adapter_config": "adapter_config.json 无法读取；请使用 PEFT 写出的文件。",
    "adapter_kind": "这个适配器的类型是 {what}；只接受 LoRA 适配器。",
    "adapter_uses": "这个适配器用到了 {what}，不能从外部引入；请不用它重新训练。",
    "adapter_size": "这个适配器太大；最多 {most} MB。",
    "adapter_damaged": "adapter_model.safetensors 已损坏，或只是指向真实文件的指针；请重新获取（git lfs pull）。",
    "adapter_rank": "这个适配器的秩过高；最多 {most}。",
    "adapter_many": "已保存 {n} 个适配器；请先删除一个。",
    "adapter_gone": "这个适配器已不在了。",
    "adapter_risky": "读取 {file} 可能会运行其中的代码；请只提供 adapter_config.json 和 adapter_model.safetensors。",
    "adapter_files": "适配器是两个文件：adapter_config.json 和 adapter_model.safetensors，各一个；请一并提供，或打包成一个 ZIP。",
    "adapter_zip": "这个 ZIP 压缩包已损坏或有密码；请解压后提供适配器的两个文件。",
    "adapter_id": "“{name}”不是 Hub 名称；请写成 owner/name。",
    "adapter_hub": "{name}：无法从 Hub 获取；请检查名称和网络，或直接提供适配器的两个文件。",
    "table_changed": "表格已有变动，请重新查看这一对。",
}

# Of a base model, by what the engine says of it.
NOTES = {
    "this model has no chat template, so ftchat's plain 'User: / Assistant:' one is used": (
        "这个模型没有对话模板，因此使用 ftchat 自带的“User: / Assistant:”简单模板。"
    ),
    "this model's template takes no system message; it goes in front of the first question": (
        "这个模型的模板不接受系统消息，系统消息会放在第一个问题之前。"
    ),
}

# A problem's: `said` is the English sentence, `what` what it quotes, `n` its first number, `place` its line or row.
REASONS = {
    "empty_prompt": "问题为空{what}",
    "empty_answer": "回答为空{what}",
    "not_a_pair": "不能组成一对问题和回答{what}",
    "bad_json": "JSON 写法有误（{said}）",
    "bad_csv": "表格这一行有误（{said}）",
    "short_row": "单元格比列少，内容可能错位",
    "bad_encoding": "含有文件编码中不存在的字节",
    "preference": "这是偏好数据（chosen 和 rejected），这里的训练用不到",
    "images": "含有图片{what}，这里只能训练文字",
    "tool_calls": "对话含有工具调用，这里不能训练",
    "unanswered": "最后一条用户消息没有回答，已略去",
    "duplicate": "与第 {place} 行相同",
    "near_duplicate": "与第 {place} 行几乎相同",
    "conflict": "同一问题有 {n} 个不同回答{what}",
    "echo": "回答与问题相同",
    "pii": "可能含有个人信息：{personal}",
    "placeholder": "占位符没有填写{what}",
    "control_characters": "含有控制字符",
    "mojibake": "像是编码错误造成的乱码{what}",
    "json_answer": "回答不是文字，已按 JSON 保留{what}",
    "very_long": "很长：{n} 个字符",
    "too_long": "回答被截断（{n} 个 token）",
    "answer_lost": "问题占满了长度上限，没有回答的位置（{n} 个 token）",
    "refused": "这个基座的对话模板拒绝这一对，不参与训练",
    "encoding": "编码是按字符推断的；如有误，请另存为 UTF-8",
    "columns": "依次为问题、回答等{what}{unused}",
    "layout": "按内容推断的读取方式（{said}）",
    "class_balance": "回答共 {n} 类{what}",
    "languages": "按文字统计（{said}）",
}
# Of columns there is more to say than which: by how the English sentence begins.
LAYOUTS = {
    "every row may hold several pairs": "每一行可含多对{what}",
    "every row is a conversation": "每一行是一段对话{what}",
    "the rows are those inside": "所用的是这一列里的内容{what}",
    "the rows are those under": "所用的是这些键下的内容{what}{unused}",
    "rows are read from the sheet": "读取的工作表{what}{unused}",
    "the first row looks like names of columns": "第一行看起来是列名：{listed}",
    "tables whose columns name no prompt": "列名看不出问题和回答的表格没有读取：第 {lines} 行",
}
# What is always said in the same words.
SENTENCES = {
    "no header row was found, so the columns are called 1, 2, ...": "没有找到标题行，各列依次称为 1、2……",
    "each block of two lines is read as a question and its answer": "每两行为一组，依次读作问题和回答",
    "each block of turns is one conversation; a blank line before the user's turn begins a new one": (
        "每一段轮流的对话是一组；用户发言前的空行表示新的一组"
    ),
}
# By the first word of what is said of a held-out row: it, its prompt or nearly the same is also trained on.
LEAKS = {
    "this": "{}：也参与了训练（{}）",
    "its": "{}：它的问题也参与了训练（{}）",
    "nearly": "{}：几乎相同的内容也参与了训练（{}）",
}
PERSONAL = {
    "an e-mail address": "邮箱",
    "a card number": "卡号",
    "a phone number": "电话",
    "an identity number": "证件号",
    "a bank account number": "银行账号",
}
