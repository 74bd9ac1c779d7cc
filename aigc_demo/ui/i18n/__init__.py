"""All words that the page shows, English and Chinese; `T(key)` is shown in the language of the
browser.
"""

from __future__ import annotations

import gradio as gr

from aigc_demo.ui.i18n.augment import AUGMENT_TEXTS
from aigc_demo.ui.i18n.crf import FIELD_TEXTS
from aigc_demo.ui.i18n.exploration import CONTROL_TEXTS
from aigc_demo.ui.i18n.prompt import TEXT_TEXTS
from aigc_demo.ui.i18n.restore import RESTORE_TEXTS
from aigc_demo.ui.i18n.train import TRAIN_TEXTS
from aigc_demo.ui.i18n.translate import TRANSLATE_TEXTS
from aigc_demo.ui.i18n.upload import YOURS_TEXTS

TEXTS: dict[str, tuple[str, str]] = (
    {
        "title": ("AIGC Studio", "AIGC 工作室"),
        "heading": (
            "# AIGC Studio\nSmall generative models, trained on real pictures with the code in this repository. "
            "Every picture is made here, on this machine, now.",
            "# AIGC 工作室\n小型生成模型，全部用本仓库的代码在真实图片上训练而成。每张图片都在这台机器上即时生成。",
        ),
        "generate_tab": ("Generate", "生成"),
        "model": ("Model", "模型"),
        "model_info": (
            "★ yours · data · method · side in pixels · size of the file · FID (lower is better)",
            "★ 你的 · 数据 · 方法 · 边长（像素）· 文件大小 · FID（越低越好）",
        ),
        "class": ("Class", "类别"),
        "all_classes": ("All classes", "所有类别"),
        "count": ("Pictures", "图片数量"),
        "seed": ("Seed", "随机种子"),
        "seed_info": ("the same seed gives the same picture", "相同的种子得到相同的图片"),
        "random_seed": ("New random seed each time", "每次使用新的随机种子"),
        "reuse": ("Reuse this seed", "重复使用此种子"),
        "guidance": ("Guidance", "引导强度"),
        "guidance_info": (
            "1 follows the data; more follows the class and varies less",
            "1 忠于数据；越大越贴合类别，但变化越少",
        ),
        "evaluations": ("Evaluations", "网络求值次数"),
        "evaluations_info": ("more is finer and slower", "越多越精细，也越慢"),
        "truncation": ("Truncation", "截断"),
        "truncation_info": (
            "less keeps closer to the typical picture",
            "越小越接近典型图片",
        ),
        "temperature": ("Temperature", "温度"),
        "temperature_info": ("less is plainer, more is wilder", "越小越平淡，越大越奔放"),
        "watch": ("Show the pictures forming", "显示图片形成的过程"),
        "embed": ("Write the settings into the PNGs", "把设置写入 PNG 文件"),
        "go": ("Generate", "生成"),
        "pictures": ("Pictures", "图片"),
        "forming": ("Forming", "正在形成"),
        "download_all": ("Download all (zip)", "全部下载（zip）"),
        "link": ("Link to these settings", "这些设置的链接"),
        "details": ("Details", "详情"),
        "restore": (
            "Drop a PNG from here to restore its settings",
            "把此处下载的 PNG 拖到这里以恢复设置",
        ),
        "morph_tab": ("Morph", "渐变"),
        "morph_intro": (
            "Walk from one seed, or one class, to another. The start is the seed and class chosen above.",
            "从一个种子或类别渐变到另一个。起点是上面选择的种子和类别。",
        ),
        "to_seed": ("To seed", "终点种子"),
        "to_label": ("To class", "终点类别"),
        "same_class": ("The same class", "相同类别"),
        "frames": ("Frames", "帧数"),
        "format": ("File format", "文件格式"),
        "morph_go": ("Morph", "渐变"),
        "animation": ("Animation", "动画"),
        "frame": ("Step through it", "逐帧查看"),
        "frame_picture": ("Frame", "帧"),
        "cross_tab": ("Class × seed", "类别 × 种子"),
        "cross_intro": (
            "One row a class, one column a seed: what a seed decides, and what the class decides.",
            "每行一个类别，每列一个种子：看看种子决定什么，类别决定什么。",
        ),
        "columns": ("Seeds", "种子数"),
        "cross_go": ("Make the table", "生成表格"),
        "cross": ("Class × seed", "类别 × 种子"),
        "compare_tab": ("Compare families", "比较模型家族"),
        "compare_intro": (
            "The same class and seeds from every model that learned from the same pictures.",
            "用同样的类别和种子，比较在同一数据上学习的所有模型。",
        ),
        "data": ("Data", "数据"),
        "compare_go": ("Compare", "比较"),
        "compare_sheet": ("One row a model", "每行一个模型"),
        "how": ("How it works", "工作原理"),
        "card": ("The model's card", "模型卡片"),
        "no_models": (
            "There are no models here yet. Train one: `python train.py --method vae --data mnist --seconds 300`, "
            "then copy the run's `model` folder into `checkpoints/`.",
            "这里还没有模型。请训练一个：`python train.py --method vae --data mnist --seconds 300`，"
            "然后把运行目录中的 `model` 文件夹复制到 `checkpoints/`。",
        ),
        "how_dcgan": (
            r"""**GAN.** A *generator* $G$ turns noise $z$ and a class $c$ into a picture. A *discriminator* $D$ sees real
and generated pictures and guesses which is which. Each learns from the other's mistakes:

$$\min_G \max_D \; \mathbb{E}_x \log \sigma(D(x, c)) + \mathbb{E}_z \log\bigl(1 - \sigma(D(G(z, c), c))\bigr)$$

One pass through the network makes a picture, so it is instant. The price: training is a duel that can tip over, and
nothing forces $G$ to show *all* kinds of pictures. *Truncation* shrinks $z$, which trades variety for typicality.""",
            r"""**GAN（生成对抗网络）。** *生成器* $G$ 把噪声 $z$ 和类别 $c$ 变成图片；*判别器* $D$ 分辨真实图片与生成图片。双方从对方的错误中学习：

$$\min_G \max_D \; \mathbb{E}_x \log \sigma(D(x, c)) + \mathbb{E}_z \log\bigl(1 - \sigma(D(G(z, c), c))\bigr)$$

网络只需前向一次就得到图片，因此瞬间完成。代价是：训练是一场可能失衡的对决，而且没有什么强迫 $G$ 展示*所有*种类的图片。*截断*会缩小 $z$，用多样性换取典型性。""",
        ),
        "how_vae": (
            r"""**VAE.** An *encoder* squeezes a picture $x$ into a small code $z$, a *decoder* rebuilds it. Two forces balance:

$$-\mathrm{ELBO} = \underbrace{-\log p(x \mid z, c)}_{\text{rebuild the picture}} +
\underbrace{\mathrm{KL}\bigl(q(z \mid x, c)\,\|\,\mathcal{N}(0, I)\bigr)}_{\text{keep the codes simple}}$$

New pictures come from new codes, drawn from a mixture of Gaussians fitted to the codes of each class. Stable, fast
and smooth, but averaging makes it softer than the others. *Temperature* scales how far codes stray from the middle.""",
            r"""**VAE（变分自编码器）。** *编码器*把图片 $x$ 压缩成小小的编码 $z$，*解码器*再把它重建出来。两种力量相互平衡：

$$-\mathrm{ELBO} = \underbrace{-\log p(x \mid z, c)}_{\text{重建图片}} +
\underbrace{\mathrm{KL}\bigl(q(z \mid x, c)\,\|\,\mathcal{N}(0, I)\bigr)}_{\text{让编码保持简单}}$$

新图片来自新的编码，编码从每个类别拟合的高斯混合中抽取。它稳定、快速、平滑，但平均化使画面比其他方法更柔和。*温度*决定编码偏离中心的程度。""",
        ),
        "how_flow": (
            r"""**Flow matching.** Mix a picture $x_1$ with noise $x_0$: $x_t = (1-t)\,x_0 + t\,x_1$. A network learns the
velocity that leads from noise to picture:

$$\min_v \; \mathbb{E}\,\bigl\| v(x_t, t, c) - (x_1 - x_0) \bigr\|^2, \qquad
\frac{dx}{dt} = v(x, t, \varnothing) + w\,\bigl(v(x, t, c) - v(x, t, \varnothing)\bigr)$$

To paint, start from noise and follow the velocity in a few steps (Heun's rule, two *evaluations* each). *Guidance* $w$
exaggerates what the class changes. Slower than the others, and the best pictures.""",
            r"""**流匹配（Flow matching）。** 把图片 $x_1$ 与噪声 $x_0$ 混合：$x_t = (1-t)\,x_0 + t\,x_1$。网络学习从噪声走向图片的速度：

$$\min_v \; \mathbb{E}\,\bigl\| v(x_t, t, c) - (x_1 - x_0) \bigr\|^2, \qquad
\frac{dx}{dt} = v(x, t, \varnothing) + w\,\bigl(v(x, t, c) - v(x, t, \varnothing)\bigr)$$

作画时从噪声出发，沿速度走几步（Heun 法，每步两次*求值*）。*引导强度* $w$ 放大类别带来的变化。它比其他方法慢，但画质最好。""",
        ),
    }
    | TRAIN_TEXTS
    | TEXT_TEXTS
    | RESTORE_TEXTS
    | TRANSLATE_TEXTS
    | AUGMENT_TEXTS
    | YOURS_TEXTS
    | FIELD_TEXTS
    | CONTROL_TEXTS
)

I18N = gr.I18n(
    en={key: english for key, (english, _) in TEXTS.items()},
    zh={key: chinese for key, (_, chinese) in TEXTS.items()},
    **{"zh-CN": {key: chinese for key, (_, chinese) in TEXTS.items()}},
)


def T(key: str) -> gr.I18n:
    """Return the text of `key` for the browser to translate; KeyError where there is none."""
    TEXTS[key]
    return I18N(key)


def say(key: str, language: str, **values: object) -> str:
    """Return the text of `key` in `language` (“zh…” is Chinese), filled in with `values`."""
    english, chinese = TEXTS[key]
    return (chinese if language.startswith("zh") else english).format(**values)


def language_of(request: gr.Request | None) -> str:
    """Return the first language that a person's browser asks for."""
    headers = request.headers if request else {}
    return (headers.get("accept-language") or "en").lower()
