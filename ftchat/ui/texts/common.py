"""The words of the frame, and those that several tabs share."""

TEXTS: dict[str, tuple[str, str]] = {
    "ft_data": ("Data", "数据"),
    "ft_train": ("Train", "训练"),
    "ft_compare": ("Compare", "对比"),
    "ft_runs": ("Runs", "记录"),
    "ft_base": ("Base", "基座"),
    "ft_tuned": ("Tuned", "微调"),
    "ft_starter": ("Starter", "内置模型"),
    "ft_other_lang": ("中文", "EN"),
    "ft_switch_lang": ("切换到中文", "EN: switch to English"),
    "ft_switch_theme": ("Light or dark", "浅色或深色"),
    "ft_base_chip": ("Base model: {name}", "基座模型：{name}"),
    "ft_adapter_chip": ("Adapter: {name}", "适配器：{name}"),
    "ft_go_to_run": ("Go to the run in progress", "查看正在进行的训练"),
    "ft_run_queued": ("waiting", "等待中"),
    "ft_run_starting": ("starting", "启动中"),
    "ft_run_finishing": ("finishing", "收尾中"),
    "ft_left": ("{time} left", "剩 {time}"),
    "ft_said_in_english": ("{said}", "操作没有完成，原因（英文）：{said}"),
    "ft_train_now": ("Train now", "立即训练"),
}
