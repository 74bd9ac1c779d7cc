"""The words of the Augment tab."""

from __future__ import annotations

# What each step is called, and what a generator learns if real pictures alone go through it.
STEP_TEXTS: dict[str, tuple[str, str]] = {
    "flip_horizontal": ("Mirror", "水平翻转"),
    "flip_vertical": ("Upside down", "垂直翻转"),
    "rotate": ("Rotate", "旋转"),
    "translate": ("Shift", "平移"),
    "scale": ("Scale", "缩放"),
    "shear": ("Shear", "错切"),
    "perspective": ("Perspective", "透视"),
    "elastic": ("Elastic", "弹性变形"),
    "crop": ("Crop", "裁剪"),
    "resized_crop": ("Crop and enlarge", "裁剪并放大"),
    "colour_jitter": ("Colour jitter", "颜色抖动"),
    "grey": ("Grey", "灰度"),
    "solarise": ("Solarise", "曝光反转"),
    "posterise": ("Posterise", "色调分离"),
    "equalise": ("Equalise", "直方图均衡"),
    "blur": ("Blur", "模糊"),
    "sharpen": ("Sharpen", "锐化"),
    "noise": ("Noise", "噪声"),
    "jpeg": ("JPEG", "JPEG 压缩"),
    "erase": ("Erase a rectangle", "随机擦除"),
    "cutout": ("Cut out a square", "方块遮挡"),
    "auto_augment": ("AutoAugment", "AutoAugment 策略"),
    "rand_augment": ("RandAugment", "RandAugment 策略"),
    "trivial_augment": ("TrivialAugment", "TrivialAugment 策略"),
    "aug_mix": ("AugMix", "AugMix 策略"),
    "mixup": ("MixUp with a second picture", "MixUp（与第二张图片混合）"),
    "cutmix": ("CutMix with a second picture", "CutMix（与第二张图片拼贴）"),
}

GROUP_TEXTS: dict[str, tuple[str, str]] = {
    "geometry": ("Geometry", "几何"),
    "colour": ("Colour", "颜色"),
    "quality": ("Quality", "画质"),
    "hiding": ("Hiding", "遮挡"),
    "policy": ("Automatic policies", "自动策略"),
    "mixing": ("Mixing two pictures", "混合两张图片"),
}

NUMBER_TEXTS: dict[str, tuple[str, str]] = {
    "p": ("how often", "概率"),
    "degrees": ("up to degrees", "最大角度"),
    "share": ("share of the side", "边长比例"),
    "smallest": ("smallest", "最小"),
    "largest": ("largest", "最大"),
    "distortion": ("distortion", "畸变"),
    "alpha": ("strength", "强度"),
    "sigma": ("σ", "σ（标准差）"),
    "stretch": ("stretch", "拉伸"),
    "brightness": ("brightness ±", "亮度 ±"),
    "contrast": ("contrast ±", "对比度 ±"),
    "saturation": ("saturation ±", "饱和度 ±"),
    "hue": ("hue ±", "色相 ±"),
    "threshold": ("threshold", "阈值"),
    "bits": ("bits a colour", "每色位数"),
    "factor": ("factor", "倍数"),
    "lowest": ("lowest quality", "最低质量"),
    "side": ("side of the square", "方块边长"),
    "fill": ("fill (0 black, 255 white)", "填充（0 黑，255 白）"),
    "policy": ("learnt on", "学习自"),
    "num_ops": ("steps", "步数"),
    "magnitude": ("magnitude", "幅度"),
    "severity": ("severity", "程度"),
    "mixture_width": ("chains", "链数"),
}

AUGMENT_TEXTS: dict[str, tuple[str, str]] = {
    "augment_tab": ("Augment", "增强"),
    "augment_intro": (
        "Make many pictures of one: put steps in a row, and see at once what they draw. The same steps then prepare "
        "your files, or the pictures that a model learns from.",
        "一张变多张：把若干步骤排成一列，立即看到随机结果。同样的步骤可用于处理你的文件，或用作模型的训练数据。",
    ),
    "augment_picture": (
        "Picture; paint to mark", "图片；涂画可做标记",
    ),
    "augment_start": ("Begin with", "从预设开始"),
    "augment_photos": ("Photographs", "照片"),
    "augment_small": ("Few pictures, gently", "少量图片（温和）"),
    "augment_drawings": ("Doodles and digits", "涂鸦与数字"),
    "augment_strong": ("Strong colours and holes", "强烈颜色与遮挡"),
    "augment_policy": ("TrivialAugment", "TrivialAugment 策略"),
    "augment_mixing": ("CutMix", "CutMix 拼贴"),
    "augment_damage": ("Bad cameras", "劣质相机"),
    "pipeline": ("Pipeline", "流水线"),
    "augment_go": ("Draw", "生成"),
    "augment_dice": ("Another seed", "换一个种子"),
    "augment_n": ("Variants", "变体数量"),
    "augment_seed": ("Seed", "种子"),
    "augment_draws": ("What was drawn", "随机结果"),
    "augment_pair": ("Before and after", "处理前后"),
    "augment_replay": ("Replay this one in full size", "以原尺寸重现这一张"),
    "augment_file": ("Download it", "下载"),
    "marks": ("What you paint is", "涂画内容是"),
    "marks_info": (
        "it moves along, and is shown in every variant", "标记会随图片一起移动，并显示在每个变体中",
    ),
    "marks_mask": ("a mask", "掩码"),
    "marks_boxes": ("boxes, one about each stroke", "框（每一笔一个）"),
    "partner": (
        "Second picture, for MixUp and CutMix; empty: a cup of coffee",
        "第二张图片（用于 MixUp 和 CutMix）；留空：一杯咖啡",
    ),
    "sweep_more": ("Strength of one step, from nothing to the most", "单个步骤的强度变化"),
    "sweep_step": ("Step", "步骤"),
    "sweep_go": ("Show the strip", "显示"),
    "sweep_strip": ("Strength", "强度"),
    "code_more": ("As JSON and as code", "JSON 与代码"),
    "code_json": ("JSON: copy it, or paste one here and read it", "JSON：复制，或粘贴后读取"),
    "code_read": ("Read this JSON", "读取 JSON"),
    "code_torchvision": ("torchvision: the same pixels", "torchvision：像素完全相同"),
    "code_albumentations": (
        "Albumentations: the same steps, draws of its own", "Albumentations：步骤相同，随机数不同",
    ),
    "apply_more": ("Apply to many files", "应用于多个文件"),
    "apply_files": ("Pictures, or a zip of them", "图片或 zip 压缩包"),
    "apply_n": ("Variants of each", "每张的变体数"),
    "apply_go": ("Augment them all", "全部增强"),
    "apply_zip": ("Download all (zip)", "全部下载（zip）"),
    "use_training": ("Use in training", "用于训练"),
    "send_augment": ("Send to Augment", "发送到增强"),
    "help_more": ("Does it help? An experiment", "真的有用吗？做个实验"),
    "help_intro": (
        "Two networks learn from the same few pictures, one after the other, with equal budgets: one with this "
        "pipeline, one without. A classifier is then asked about pictures that neither has seen; a GAN is compared with "
        "real pictures (FID), once more with DiffAugment. The runs appear in *Train*, too.",
        "两个网络用同样的少量图片和同样的预算学习：一个使用此流水线，一个不使用。分类器之后在未见过的图片上测试；GAN 与真实图片比较（FID），"
        "并再用 DiffAugment 训练一次。这些运行也会出现在*训练*页。",
    ),
    "help_kind": ("Who learns", "学习者"),
    "help_classifier": ("A classifier (about 1 minute each)", "分类器（每个约 1 分钟）"),
    "help_gan": ("A GAN (about 3 minutes each)", "GAN（每个约 3 分钟）"),
    "help_data": ("From pictures of", "图片来源"),
    "help_limit": ("How many", "数量"),
    "help_go": ("Start the experiment", "开始实验"),
    "help_table": ("Side by side", "并排比较"),
    "help_arm": ("learnt", "学习方式"),
    "help_without": ("as they are", "原样"),
    "help_with": ("with this pipeline", "使用此流水线"),
    "help_diffaugment": ("with DiffAugment", "使用 DiffAugment"),
    "help_chart": ("On pictures never seen", "在未见过的图片上"),
    "leaks_none": (
        "**For a GAN:** an empty pipeline leaks nothing.", "**对于 GAN：** 空流水线不会泄漏任何东西。",
    ),
    "leaks_some": (
        "**For a GAN:** what real pictures go through *before* the discriminator sees them is part of what it takes for "
        "real. So these steps leak into the samples: **{steps}**. Mirroring is harmless where mirrored things are as "
        "likely. DiffAugment does not leak: it does the same to real *and* generated pictures, and the generator is "
        "told, through the augmentation, what would have looked real underneath.",
        "**对于 GAN：** 真实图片在判别器看到 *之前* 经历的处理会被当成真实的一部分，所以这些步骤会泄漏到生成的图片里： **{steps}** 。"
        "若镜像后的事物同样常见，翻转是无害的。DiffAugment 不会泄漏：它对真实图片 *和* 生成图片做同样的处理，生成器透过增强得知底下的图片怎样才像真的。",
    ),
    "leaks_harmless": (
        "**For a GAN:** mirroring alone is harmless where mirrored things are as likely.",
        "**对于 GAN：** 若镜像后的事物同样常见，仅翻转是无害的。",
    ),
    "how_augment": (
        "**Why.** A network that sees the same 500 pictures a hundred times learns *them*, not what they show. "
        "Augmentation makes each time a little different in ways that do not change what it is: a mirrored cat is a cat. "
        "What is allowed depends on the task: a mirrored 2 is no 2, and a bird in grey is still a bird, but no longer a "
        "photograph of one.\n\n"
        "**One seed, one draw.** Each step happens with its own probability and draws its numbers; both stand under each "
        "picture. The same seed draws the same again, here, in the printed torchvision code and in training.\n\n"
        "**The grid is a preview**, at 512 pixels and computed with OpenCV where that is quicker: pixels may differ from "
        "the replay by rounding. The replay is computed at full size by torchvision, and is what the printed code gives to "
        "the byte.\n\n"
        "**Policies** (AutoAugment, RandAugment, TrivialAugment, AugMix) choose their steps themselves. **MixUp** lays two "
        "pictures over each other and tells the classifier in what proportion; **CutMix** pastes a patch.",
        "**为什么。** 一个网络把同样的 500 张图片看上百遍，学到的是*这些图片*，而不是图片里的东西。增强让每次看到的都略有不同，却不改变内容："
        "镜像的猫还是猫。什么可以做取决于任务：镜像的 2 不再是 2；灰色的鸟还是鸟，但不再是彩色照片。\n\n"
        "**一个种子，一次抽取。** 每个步骤按自己的概率发生并抽取数值，两者都写在图片下方。同一个种子在这里、在打印的 torchvision 代码里、在训练中都得到同样的结果。\n\n"
        "**网格是预览**，尺寸为 512 像素，能用 OpenCV 加速的地方用 OpenCV，像素可能有舍入差异。“重现”以原尺寸用 torchvision 计算，与打印的代码逐字节相同。\n\n"
        "**自动策略**（AutoAugment、RandAugment、TrivialAugment、AugMix）自己选择步骤。**MixUp** 把两张图片叠加，并告诉分类器比例；**CutMix** 粘贴一块。",
    ),
    "train_augment": ("Augmentation", "数据增强"),
    "train_augment_info": (
        "steps as JSON, from the Augment tab; empty: none", "步骤（JSON），来自增强页；留空表示不使用",
    ),
}  # fmt: skip

AUGMENT_TEXTS |= {f"step_{name}": texts for name, texts in STEP_TEXTS.items()}
