"""What the numbers of a run say, and what to do next."""

TEXTS: dict[str, tuple[str, str]] = {
    "ft_say_queued": ("Waiting to start.", "等待开始。"),
    "ft_say_queued_behind": ("Waiting: {n} runs go first.", "等待中：前面还有 {n} 个训练。"),
    "ft_say_queued_behind_1": ("Waiting: 1 run goes first.", "等待中：前面还有 1 个训练。"),
    "ft_say_queued_text": (
        "It begins when the model's process is free; a run in progress goes first.",
        "模型进程空闲后即开始；正在进行的训练优先。",
    ),
    "ft_say_downloading": ("Downloading {name}: {done} of {total}.", "正在下载 {name}：{done} / {total}。"),
    "ft_say_downloading_text": (
        "{rate} a second, {left} left; now {file}. Stopped, it keeps what has come and goes on from there next time.",
        "每秒 {rate}，还需 {left}；当前文件 {file}。停止后已下载的部分会保留，下次从断点继续。",
    ),
    "ft_say_downloading_slow": (
        "Nothing is coming at the moment; it goes on by itself. Now {file}.",
        "暂时没有数据传来，会自动继续。当前文件 {file}。",
    ),
    "ft_run_downloading": ("Download {share} %", "下载 {share} %"),
    "ft_say_starting": ("Starting.", "正在启动。"),
    "ft_say_starting_text": ("The first numbers appear with the first step.", "第一步完成后就会出现数字。"),
    "ft_say_closing": ("All steps done, saving and checking.", "全部步骤已完成，正在保存和核对。"),
    "ft_say_first": ("First steps.", "最初几步。"),
    "ft_say_learning_now": ("Still learning.", "还在学习。"),
    "ft_say_learning_end": ("Still learning at its end.", "结束时仍在学习。"),
    "ft_do_learning_end": (
        "It was still falling at the end: more epochs, or Thorough, may learn more.",
        "结束时仍在下降：增加轮数或选择“充分”，可能学得更多。",
    ),
    "ft_say_converged_now": ("Converged.", "已收敛。"),
    "ft_do_converged_now": (
        "It hardly falls any more: Stop and keep saves the rest of the time.",
        "几乎不再下降：“停止并保留”可省下剩余时间。",
    ),
    "ft_say_converged_end": ("Converged.", "已收敛。"),
    "ft_do_converged_end": (
        "It hardly fell any more at the end: more epochs may change little, more or better pairs may change more.",
        "结束前几乎不再下降：增加轮数可能作用不大，更多或更好的数据可能更有用。",
    ),
    "ft_do_early_end": ("{step} steps are too few to tell more.", "只有 {step} 步，还看不出更多。"),
    "ft_say_fell_now": ("It has learned.", "已有所学。"),
    "ft_do_fell_now": (
        "Whether the loss still falls cannot be told from the numbers so far.",
        "损失是否还在下降，从目前的数字还看不出来。",
    ),
    "ft_say_fell_end": ("It has learned.", "已有所学。"),
    "ft_do_fell_end": (
        "Whether it was still falling at the end cannot be told from these numbers: if the answers in Compare are not "
        "good yet, more epochs may help.",
        "结束时是否仍在下降，从这些数字看不出来；若“对比”中的回答还不够好，可增加轮数。",
    ),
    "ft_say_unclear_now": ("Too uneven to tell yet.", "起伏较大，还看不出趋势。"),
    "ft_do_unclear_now": (
        "The loss goes up and down too much to say whether it falls.",
        "损失起伏太大，还无法判断是否在下降。",
    ),
    "ft_say_unclear_end": ("Too uneven to tell.", "起伏较大，看不出趋势。"),
    "ft_do_unclear_end": (
        "The loss goes up and down too much to say what was learned: the answers in Compare tell.",
        "损失起伏太大，说明不了学到多少，请看“对比”中的回答。",
    ),
    "ft_say_rising_now": ("Held-out loss has risen since step {step}.", "自第 {step} 步起留出损失上升。"),
    "ft_do_rising_now": (
        "The train loss does not fall either: stop it, and train again with a third of the learning rate. The "
        "checkpoint of step {step} is kept and can be chosen in Compare.",
        "训练损失也没有下降：建议停止，把学习率降到三分之一后重新训练。第 {step} 步的检查点会保留，可在“对比”中选用。",
    ),
    "ft_say_rising_end": (
        "Finished, but held-out loss has risen since step {step}.",
        "已完成，但自第 {step} 步起留出损失上升。",
    ),
    "ft_do_rising_end": (
        "The train loss did not fall either: choose the checkpoint of step {step} in Compare, or train again with a "
        "third of the learning rate.",
        "训练损失也没有下降：可在“对比”中选用第 {step} 步的检查点，或把学习率降到三分之一后重新训练。",
    ),
    "ft_say_no_gain_now": ("Held-out loss does not fall.", "留出损失没有下降。"),
    "ft_do_no_gain_now": (
        "It learns the pairs it is trained on, but so far nothing that helps with others.",
        "它在学训练数据，但目前对其他数据没有帮助。",
    ),
    "ft_say_no_gain_end": ("Finished, but held-out loss did not fall.", "已完成，但留出损失没有下降。"),
    "ft_do_no_gain_end": (
        "It learned the pairs it was trained on, but nothing that helps with others: bring more pairs, or pairs more "
        "like those held out.",
        "它学会了训练数据，但对其他数据没有帮助：请增加数据，或换用与留出数据更相近的数据。",
    ),
    "ft_say_overfitting_now": ("Overfitting since step {step}.", "自第 {step} 步起过拟合。"),
    "ft_do_overfitting_now": (
        "It may be learning the pairs by heart: stop it. The checkpoint of step {step} is kept and can be chosen in "
        "Compare.",
        "可能正在死记硬背：可以停止。第 {step} 步的检查点会保留，可在“对比”中选用。",
    ),
    "ft_say_overfitting_end": ("Finished, but overfitting since step {step}.", "已完成，但自第 {step} 步起过拟合。"),
    "ft_do_overfitting_end": (
        "Choose the checkpoint of step {step} in Compare, or train again with fewer epochs or with more pairs.",
        "可在“对比”中选用第 {step} 步的检查点，或减少轮数、增加数据后重新训练。",
    ),
    "ft_say_lost_now": ("Worse on held-out pairs than what it went on from.", "在留出数据上不如接续之前。"),
    "ft_do_lost_now": (
        "Stop it; the earlier run is as it was. Train again with a third of the learning rate, or with other pairs.",
        "建议停止；之前的训练不受影响。请把学习率降到三分之一，或换用其他数据重新训练。",
    ),
    "ft_say_lost_end": (
        "Finished, but worse on held-out pairs than what it went on from.",
        "已完成，但在留出数据上不如接续之前。",
    ),
    "ft_do_lost_end": (
        "The earlier run is the better one for these pairs. Train again with a third of the learning rate, fewer "
        "epochs, or pairs more like those held out.",
        "对这些数据，之前的训练更好。请把学习率降到三分之一、减少轮数，或换用与留出数据更相近的数据重新训练。",
    ),
    "ft_say_worse_now": ("Worse than the base on held-out pairs.", "在留出数据上不如基座。"),
    "ft_do_worse_now": (
        "Stop it, and train again with a third of the learning rate, or with pairs more like those held out.",
        "建议停止，把学习率降到三分之一，或换用与留出数据更相近的数据重新训练。",
    ),
    "ft_say_worse_end": ("Finished, but worse than the base on held-out pairs.", "已完成，但在留出数据上不如基座。"),
    "ft_do_worse_end": (
        "Train again with a third of the learning rate, fewer epochs, or pairs more like those held out.",
        "请把学习率降到三分之一、减少轮数，或换用与留出数据更相近的数据重新训练。",
    ),
    "ft_say_diverging_now": ("Diverging: the train loss climbs.", "正在发散：训练损失在上升。"),
    "ft_do_diverging_now": (
        "Stop it, and train again with a third of the learning rate.",
        "建议停止，把学习率降到三分之一后重新训练。",
    ),
    "ft_say_diverging_end": ("Finished, but the train loss climbed.", "已完成，但训练损失上升了。"),
    "ft_do_diverging_end": (
        "It diverged: train again with a third of the learning rate.",
        "训练发散：请把学习率降到三分之一后重新训练。",
    ),
    "ft_say_no_change_now": ("No change so far.", "目前没有变化。"),
    "ft_do_no_change_now": (
        "What it went on from may know these pairs already; if not, stop it, and train again with three times the "
        "learning rate.",
        "接续之前可能已经学会这些数据；若不是，建议停止，把学习率提高到三倍后重新训练。",
    ),
    "ft_say_no_change_end": ("Finished, but it changed next to nothing.", "已完成，但几乎没有变化。"),
    "ft_do_no_change_end": (
        "What it went on from may know these pairs already; if not, train again with three times the learning rate or "
        "more epochs.",
        "接续之前可能已经学会这些数据；若不是，请把学习率提高到三倍或增加轮数后重新训练。",
    ),
    "ft_say_no_effect_now": ("No effect so far.", "目前没有效果。"),
    "ft_do_no_effect_now": (
        "If it stays so, stop it, and train again with three times the learning rate.",
        "若一直如此，建议停止，把学习率提高到三倍后重新训练。",
    ),
    "ft_say_no_effect_end": ("Finished, but it learned next to nothing.", "已完成，但几乎没有学到什么。"),
    "ft_do_no_effect_end": (
        "Train again with three times the learning rate or more epochs; the Data tab shows what is learned of each "
        "pair.",
        "请把学习率提高到三倍或增加轮数后重新训练；“数据”页会显示每一对中学习的部分。",
    ),
    "ft_say_held": (
        "Held-out loss, on pairs it is not trained on, fell from {first} to {last}.",
        "留出损失（未参与训练的数据）从 {first} 降到 {last}。",
    ),
    "ft_say_held_up": (
        "Held-out loss, on pairs it is not trained on, went from {first} to {last}: it did not fall.",
        "留出损失（未参与训练的数据）从 {first} 变为 {last}，没有下降。",
    ),
    "ft_say_lowest": ("It was lowest at step {step} ({low}).", "第 {step} 步时最低（{low}）。"),
    "ft_say_train": ("Train loss fell from {first} to {last}.", "训练损失从 {first} 降到 {last}。"),
    "ft_say_train_up": ("Train loss went from {first} to {last}.", "训练损失从 {first} 变为 {last}。"),
    "ft_say_train_once": ("Train loss was {last}, measured once.", "训练损失为 {last}，只测了一次。"),
    "ft_say_no_held": (
        "No pairs are held out in this run, so the answers in Compare are the test.",
        "本次训练没有留出数据，效果要看“对比”中的回答。",
    ),
    "ft_say_finished": ("Finished, ready in Compare.", "已完成，可以对比。"),
    "ft_say_early_time": (
        "The time of a quick run was over after {step} of {total} steps; Balanced takes longer and learns more.",
        "快速训练的时间在第 {step} 步（共 {total} 步）用完；“均衡”耗时更长，学得更多。",
    ),
    "ft_say_early_overfit": (
        "Held-out loss turned up, so training ended after {step} of {total} steps; what it was at step {kept}, its "
        "best, is kept.",
        "留出损失转为上升，训练在第 {step} 步（共 {total} 步）提前结束；保留的是最好的第 {kept} 步。",
    ),
    "ft_say_early_again": (
        "Training ended after {step} of {total} steps, as that of the run which it repeats did.",
        "与所重复的训练一样，在第 {step} 步（共 {total} 步）结束。",
    ),
    "ft_say_early_learned": (
        "Everything was learned after {step} of {total} steps, so training ended there.",
        "{total} 步中的前 {step} 步已学会全部内容，训练提前结束。",
    ),
    "ft_say_stopped": ("Stopped and kept, ready in Compare.", "已停止并保留，可以对比。"),
    "ft_say_stopped_text": (
        "It holds what was learned in {step} of {total} steps.",
        "保留了 {total} 步中前 {step} 步所学。",
    ),
    "ft_say_dropped": ("Stopped before the first step.", "在第一步之前停止。"),
    "ft_say_dropped_text": ("Nothing was learned, so nothing is kept.", "什么都没有学到，因此没有保留。"),
    "ft_say_failed": ("The run failed.", "训练失败。"),
    "ft_say_cut": ("Interrupted before the first step.", "在第一步之前中断。"),
    "ft_say_cut_at": ("Interrupted at step {step}.", "在第 {step} 步中断。"),
    "ft_say_cut_text": (
        "The process that trained it has ended. Resume goes on from step {saved}, as if nothing had happened.",
        "训练它的进程已结束。“继续训练”会从第 {saved} 步接着进行，结果不受影响。",
    ),
    "ft_say_cut_start": (
        "The process that trained it has ended. Resume begins it again.",
        "训练它的进程已结束。“继续训练”会重新开始。",
    ),
    "ft_say_paused": ("Paused before the first step.", "在第一步之前暂停。"),
    "ft_say_paused_at": ("Paused at step {step}.", "在第 {step} 步暂停。"),
    "ft_say_paused_text": ("It waits until you press Resume.", "按“继续训练”后再进行。"),
}
