"""The words of a search for the learning rate and the rank."""

TEXTS: dict[str, tuple[str, str]] = {
    "ft_search": ("Find rate and rank", "寻找学习率和秩"),
    "ft_search_minutes": ("Minutes for the search", "搜索用时（分钟）"),
    "ft_search_info": (
        "Short runs on your data, judged by held-out pairs. What you have given above stays as it is.",
        "在您的数据上做多次短训练，用留出的问答对评判。上面已填写的设置保持不变。",
    ),
    "ft_search_kept": (
        "Stop keeps what was found so far; Pause lets other runs go first. Closing this tab stops nothing.",
        "停止会保留目前找到的结果；暂停可让其他训练先行。关闭此页面不会中断搜索。",
    ),
    "ft_search_name": ("{name}-search", "{name}-search"),
    "ft_search_trials": ("trials", "次试验"),
    "ft_search_best": ("lowest held-out loss", "最低留出损失"),
    "ft_search_steps": ("steps each", "每次步数"),
    "ft_search_title": ("Held-out loss by learning rate", "不同学习率下的留出损失"),
    "ft_search_rank": ("rank {r}", "秩 {r}"),
    "ft_search_all": ("all trials", "全部试验"),
    "ft_search_auto": ("auto", "自动"),
    "ft_search_rate": ("learning rate {rate}", "学习率 {rate}"),
    "ft_search_rate_rank": ("learning rate {rate} and rank {r}", "学习率 {rate}、秩 {r}"),
    "ft_search_mark": ("{choice}: {loss}", "{choice}：{loss}"),
    "ft_search_pruned": ("given up at step {step}", "第 {step} 步放弃"),
    "ft_search_now": ("Trial {number}: {choice}.", "第 {number} 次试验：{choice}。"),
    "ft_search_so_far": (
        "The best so far is {choice}, with a held-out loss of {loss}.",
        "目前最好的是{choice}，留出损失 {loss}。",
    ),
    "ft_search_first": (
        "The first trial is of what auto chose; the others are measured against it.",
        "第一次试验采用自动值，其余与它比较。",
    ),
    "ft_search_auto_is_best": ("Keep what auto chose: {choice}.", "保留自动值：{choice}。"),
    "ft_search_none_better": (
        "Its held-out loss is {loss}, and no other trial did better.",
        "它的留出损失为 {loss}，其他试验都没有更好。",
    ),
    "ft_search_sure": ("Better than what auto chose: {choice}.", "比自动值更好：{choice}。"),
    "ft_search_gain": (
        "Its held-out loss is {loss}, auto's {auto}: ahead by {gain} ± {error} on {n} held-out pairs{again}.",
        "留出损失 {loss}，自动值为 {auto}：在 {n} 对留出问答上领先 {gain} ± {error}{again}。",
    ),
    "ft_search_noise": (
        "The best trial, {choice}, is ahead by {gain} ± {error} on {n} held-out pairs{again}; that may be noise.",
        "最好的试验（{choice}）在 {n} 对留出问答上领先 {gain} ± {error}{again}；这可能只是噪声。",
    ),
    "ft_search_again": (", and by {gain} with another seed", "，换一个随机种子后领先 {gain}"),
    "ft_search_not_again": (", not tried with another seed", "，未用另一个随机种子再试"),
    "ft_search_auto_fails": (
        "What auto chose does not learn at all: its loss is no number.",
        "自动值完全学不会：它的损失不是有效数值。",
    ),
    "ft_search_short": (
        "No trial came to an end that can be judged, so there is nothing to recommend.",
        "没有一次试验得出可评判的结果，因此没有可推荐的设置。",
    ),
    "ft_search_interrupted": ("Interrupted after {n} trials.", "在 {n} 次试验后中断。"),
    "ft_search_interrupted_1": ("Interrupted after 1 trial.", "在 1 次试验后中断。"),
    "ft_search_paused": ("Paused after {n} trials.", "在 {n} 次试验后暂停。"),
    "ft_search_paused_1": ("Paused after 1 trial.", "在 1 次试验后暂停。"),
    "ft_search_resume": (
        "They are kept, and Resume goes on with the time that is left.",
        "已完成的试验都保留着；“继续训练”会用剩余的时间接着搜索。",
    ),
    "ft_search_use": ("Put this into the form", "填入表单"),
    "ft_search_used": ("Learning rate and rank are filled in under Advanced.", "学习率和秩已填入“高级”。"),
}
