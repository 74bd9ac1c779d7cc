"""The words of the Train tab, English and Chinese."""

TRAIN_TEXTS: dict[str, tuple[str, str]] = {
    "train_tab": ("Train", "训练"),
    "train_intro": (
        "Watch a model learn, on this machine, now. A run goes on when you close the page; everybody who opens this "
        "tab sees the same runs.",
        "在这台机器上实时观看模型学习。关闭页面后训练仍会继续；打开此页的每个人都能看到同样的训练。",
    ),
    "preset": ("Preset", "预设"),
    "preset_info": ("fills in everything below", "填好下面的所有设置"),
    "preset_gan_fashion": ("GAN on fashion, 3 minutes", "时装 GAN，3 分钟"),
    "preset_vae_digits": ("VAE on digits, 2 minutes", "数字 VAE，2 分钟"),
    "preset_flow_fashion": ("Flow on fashion, 10 minutes", "时装流匹配，10 分钟"),
    "preset_gan_doodles": ("GAN on doodles, 5 minutes", "涂鸦 GAN，5 分钟"),
    "preset_flow_doodles": ("Flow on doodles, 10 minutes", "涂鸦流匹配，10 分钟"),
    "preset_words_emoji": ("Words to emoji, 30 minutes", "文字到表情符号，30 分钟"),
    "preset_pix2pix_facades": (
        "pix2pix: plan to façade, 10 minutes",
        "pix2pix：平面图到立面，10 分钟",
    ),
    "preset_pix2pix_emoji": ("pix2pix: emoji styles, 5 minutes", "pix2pix：表情符号风格，5 分钟"),
    "preset_cyclegan_summer": (
        "CycleGAN: summer and winter, 10 minutes",
        "CycleGAN：夏天与冬天，10 分钟",
    ),
    "use_translate": ("Use this model in Translate", "在“转换”中使用此模型"),
    "preset_gan_unstable": (
        "A GAN that goes wrong, 2 minutes (rate too high, no R1, no EMA)",
        "会失控的 GAN，2 分钟（学习率过高，无 R1，无 EMA）",
    ),
    "method": ("Method", "方法"),
    "train_data": ("Pictures to learn from", "用来学习的图片"),
    "stand_in": (
        "The pictures of this preset are not on this machine. Others take their place that need no file: painted by a "
        "model of this studio, or drawn by it.",
        "这台机器上没有此预设所用的图片，改用无需文件的图片：由本工作室的模型绘制，或由程序直接画出。",
    ),
    "download_data": (
        "Download the pictures if they are missing (MNIST, Fashion-MNIST and CIFAR-10 only)",
        "缺少图片时自动下载（仅 MNIST、Fashion-MNIST、CIFAR-10）",
    ),
    "minutes": ("Minutes", "分钟"),
    "minutes_info": ("the budget in time", "时间预算"),
    "steps": ("Steps", "步数"),
    "steps_info": ("a budget in steps; 0: time alone counts", "步数预算；0 表示只看时间"),
    "settings": ("Settings", "设置"),
    "loss": ("Loss", "损失函数"),
    "loss_info": (
        "the rules of the duel between generator and discriminator",
        "生成器与判别器对决的规则",
    ),
    "lr": ("Learning rate", "学习率"),
    "lr_info": ("how far each step goes; too high and it falls over", "每一步走多远；太高会失控"),
    "batch": ("Batch", "批大小"),
    "batch_info": ("pictures a step", "每步的图片数"),
    "width": ("Width", "宽度"),
    "width_info": (
        "channels of the networks: more is better and slower",
        "网络通道数：越多越好，也越慢",
    ),
    "r1": ("R1", "R1 惩罚"),
    "r1_info": (
        "penalty on a steep discriminator; 0: off. It keeps the duel in balance",
        "对过陡的判别器的惩罚；0 为关闭。它使对决保持平衡",
    ),
    "diffaugment": ("DiffAugment", "DiffAugment（可微增强）"),
    "diffaugment_info": (
        "shift real and fake pictures alike before they are judged: for few pictures",
        "判别前对真假图片做同样的平移：适合图片较少时",
    ),
    "ema": ("EMA", "EMA（权重平均）"),
    "ema_info": ("show and save the running average of the weights", "展示并保存权重的滑动平均"),
    "train_seed": ("Seed", "随机种子"),
    "train_seed_info": (
        "of the first weights, the order and the noise",
        "决定初始权重、顺序与噪声",
    ),
    "start": ("Start training", "开始训练"),
    "run": ("Run", "训练记录"),
    "run_info": (
        "all runs, the newest first; those of train.py too",
        "所有训练，最新在前；也包括 train.py 的",
    ),
    "no_runs": (
        "There are no runs yet. Choose a preset and press *Start training*.",
        "还没有训练。请选择预设并按*开始训练*。",
    ),
    "pause": ("Pause", "暂停"),
    "resume": ("Resume", "继续"),
    "slow": ("Slow motion", "慢动作"),
    "step_both": ("One step", "走一步"),
    "step_discriminator": ("One discriminator step", "判别器走一步"),
    "step_generator": ("One generator step", "生成器走一步"),
    "stop": ("Stop and keep", "停止并保留"),
    "discard": ("Stop and discard", "停止并丢弃"),
    "discard_sure": (
        "Press again to delete this run and its model for good.",
        "再按一次将永久删除这次训练及其模型。",
    ),
    "rows_cyclegan": (
        "Rows: A, taken to B, and back; B, taken to A, and back.",
        "各行：A、转换到 B、再还原；B、转换到 A、再还原。",
    ),
    "rows_pix2pix": (
        "Rows: what is given, what is made of it, the truth.",
        "各行：输入、生成结果、真实图片。",
    ),
    "rows_segment": (
        "Rows: the photograph, the plan made of it, the true plan.",
        "各行：照片、由它得到的平面图、真实平面图。",
    ),
    "rows_generate": (
        "Rows: a class each, where there are classes. Columns: a seed each.",
        "各行：每行一个类别（若有类别）。各列：每列一个种子。",
    ),
    "rows_repair": ("Rows: damaged, restored, the truth.", "各行：受损、修复、原图。"),
    "rows_inpaint": ("Rows: with holes, filled, the truth.", "各行：有空洞、已填补、原图。"),
    "film": ("Film: drag to go back in time", "胶片：拖动可回到过去"),
    "film_info": (
        "all through the run, the same noise or the same pictures are shown",
        "整个训练始终显示同样的噪声或同样的图片",
    ),
    "chart_losses": ("Losses", "损失"),
    "losses_note": (
        "A GAN's losses need not fall: each network is measured against the other, which gets better too. Judge it by "
        "the pictures and the scores.",
        "GAN 的损失不必下降：两个网络互为对手，对方也在进步。请看图片和评分。",
    ),
    "chart_fid": ("FID, lower is better", "FID，越低越好"),
    "chart_kid": ("KID × 1000, lower is better", "KID × 1000，越低越好"),
    "chart_recall": ("Precision and recall", "精确率与召回率"),
    "chart_speed": ("Pictures a second", "每秒图片数"),
    "chart_norm": ("Gradient norm", "梯度范数"),
    "chart_outputs": ("What the discriminator says (logits)", "判别器的判断（logit）"),
    "scores_none": (
        "FID, KID, precision and recall are for models that make pictures from noise; look at the film above. Shipped "
        "translators are measured in benchmarks/RESULTS.md.",
        "FID、KID、精确率和召回率用于从噪声生成图片的模型；请看上面的胶片。随附的转换模型的测量见 benchmarks/RESULTS.md。",
    ),
    "scores_note": (
        "The line called *floor* is what real test pictures get in the model's place: nothing can do better.",
        "名为 *floor* 的线是真实测试图片得到的分数：没有模型能更好。",
    ),
    "compare_runs": ("Compare runs", "比较训练"),
    "compare_pick": ("Runs to lay over each other", "要叠放比较的训练"),
    "compare_by": ("Curve", "曲线"),
    "curve_kid": ("KID", "KID 距离"),
    "curve_fid": ("FID", "FID 距离"),
    "curve_recall": ("Recall", "召回率"),
    "curve_precision": ("Precision", "精确率"),
    "curve_loss": ("Loss of a flow", "流匹配的损失"),
    "curve_generator": ("Loss of a generator", "生成器的损失"),
    "curve_reconstruction": ("Reconstruction of a VAE", "VAE 的重建损失"),
    "compare_table": ("Settings and scores", "设置与评分"),
    "compare_csv": ("Download the table (CSV)", "下载表格（CSV）"),
    "use": ("Paint with it", "用它作画"),
    "download_model": ("Download the model (zip)", "下载模型（zip）"),
    "use_note": (
        "The model is in the *Generate* or *Translate* tab as soon as the run has saved it, marked ★. To ship it, a host runs "
        "`cp -r runs/NAME/model checkpoints/NAME`.",
        "训练一保存，模型就以 ★ 出现在*生成*页。若要随应用发布，管理员运行 `cp -r runs/NAME/model checkpoints/NAME`。",
    ),
    "status_waiting": ("Waiting, place {position} in the queue", "排队中，第 {position} 位"),
    "status_starting": ("Starting: reading the pictures", "正在启动：读取图片"),
    "status_painting": (
        "Starting: a model paints the pictures to learn from, which takes up to a minute",
        "正在启动：模型正在绘制用来学习的图片，最多需要一分钟",
    ),
    "status_training": ("Training", "训练中"),
    "status_slow": ("Slow motion", "慢动作"),
    "status_paused": ("Paused", "已暂停"),
    "status_done": ("Done", "已完成"),
    "status_stopped": ("Stopped and kept", "已停止并保留"),
    "status_diverged": ("Diverged; the last good model is kept", "已发散；保留了最后的好模型"),
    "status_failed": ("Failed", "失败"),
    "status_interrupted": (
        "Interrupted: its process is gone. *Resume* goes on from the last save; if it ran out of memory, start one "
        "with a smaller batch",
        "已中断：进程不在了。按*继续*从上次保存处继续；若内存不足，请用更小的批大小重新开始",
    ),
    "status_line": (
        "step {step} · {elapsed} · {speed} pictures/s",
        "第 {step} 步 · {elapsed} · 每秒 {speed} 张",
    ),
    "status_left": ("about {left} left", "约剩 {left}"),
    "status_scoring": ("scoring took {share} of the time", "评分用去 {share} 的时间"),
    "warn_diverges": (
        "**The run diverges**: a loss is far beyond what it was. Lower the learning rate.",
        "**训练正在发散**：损失远超之前。请降低学习率。",
    ),
    "warn_wins": (
        "**The discriminator wins**: it is sure of every picture, so the generator learns little. Raise R1, switch "
        "DiffAugment on or lower the learning rate.",
        "**判别器占了上风**：它对每张图片都很有把握，生成器学不到什么。请提高 R1、打开 DiffAugment 或降低学习率。",
    ),
    "warn_collapses": (
        "**The variety falls** (recall is less than half of what it was): the generator repeats itself. Go back to an "
        "earlier point, raise R1 or lower the learning rate.",
        "**多样性下降**（召回率不到原来的一半）：生成器在重复自己。请提高 R1 或降低学习率。",
    ),
    "warn_uniform": (
        "**There is hardly any variety** (recall near 0): the pictures are few kinds of things, or not like real ones yet.",
        "**几乎没有多样性**（召回率接近 0）：图片种类很少，或还不像真实图片。",
    ),
    "reading": ("How to read this", "如何看懂这些"),
    "lesson_train": (
        r"""**A step** shows the network a *batch* of pictures and moves its weights a little downhill. The **learning rate** is
how far. Too small and nothing happens in three minutes; too large and it falls over: try the preset that goes wrong.

**Losses.** A VAE's and a flow's loss fall and then creep. A GAN's are the score of a duel: near $\log 2 \approx 0.69$ nobody
is ahead. If *discriminator* goes to 0 the forger has lost; the two histograms of its logits drift apart.

**FID** compares the *distributions* of real and generated pictures through the eyes of a small network, as two Gaussians:
$\|\mu_1-\mu_2\|^2 + \mathrm{tr}(\Sigma_1+\Sigma_2-2(\Sigma_1\Sigma_2)^{1/2})$. It depends on how many pictures are
drawn, so only equal N may be compared. **KID** does so without the Gaussian and without that bias. **Precision** is how
many of the pictures could be real, **recall** how much of reality is covered: a GAN that paints one perfect boot has high
precision and no recall.

**EMA.** What you see is the *average* of the weights over the last part of the run: the raw weights jump from step to
step, their average does not. **R1** flattens the discriminator where pictures are real, which keeps the duel going.
**DiffAugment** shifts all pictures before the discriminator sees them, so that it cannot learn a small set by heart.

**Try this.** *Pause*, then press *One discriminator step* ten times: the generator stands still, the histograms part.
Then *One generator step* ten times. Switch EMA off and compare the film. Start the same run with another seed: how much
of a difference between two runs is luck?""",
        r"""**一步**就是让网络看一*批*图片，并让权重沿下坡方向移动一点。**学习率**决定移动多远：太小，三分钟内什么都不会发生；太大，就会失控——试试那个“会失控”的预设。

**损失。** VAE 与流匹配的损失会下降，然后缓慢变化。GAN 的损失是一场对决的比分：接近 $\log 2 \approx 0.69$ 时势均力敌。若*判别器*的损失趋于 0，造假者就输了，两个 logit 直方图会分开。

**FID** 通过一个小网络的“眼睛”，把真实图片与生成图片的*分布*当作两个高斯来比较：
$\|\mu_1-\mu_2\|^2 + \mathrm{tr}(\Sigma_1+\Sigma_2-2(\Sigma_1\Sigma_2)^{1/2})$。它与抽取的图片数有关，只有 N 相同才能比较。**KID** 不用高斯假设，也没有这种偏差。**精确率**是图片中有多少像真的，**召回率**是覆盖了多少真实的种类：只会画一只完美靴子的 GAN，精确率高而召回率为零。

**EMA。** 你看到的是训练后段权重的*平均*：原始权重每步都在跳动，平均则不会。**R1** 让判别器在真实图片附近更平缓，使对决能够继续。**DiffAugment** 在判别前平移所有图片，使判别器无法死记小数据集。

**试一试。** *暂停*，然后按十次*判别器走一步*：生成器不动，直方图分开；再按十次*生成器走一步*。关闭 EMA 并比较胶片。换一个种子重新训练：两次训练的差别有多少只是运气？""",
    ),
}
