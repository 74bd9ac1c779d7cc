"""The words of prompts on the Generate tab."""

from __future__ import annotations

TEXT_TEXTS: dict[str, tuple[str, str]] = {
    "prompt": ("Prompt", "提示词"),
    "prompt_info": (
        "what is to be seen, and in which style; at most 200 characters",
        "要画什么、用什么风格；最多 200 个字符",
    ),
    "prompt_empty": ("empty: anything at all", "留空：随便画什么"),
    "prompt_style": ("Style", "风格"),
    "prompt_examples": ("Examples", "示例"),
    "blend_tab": ("Blend two prompts", "混合两个提示词"),
    "blend_intro": (
        "Walk from what the prompt above says to what another one says. The seed stays, so what changes is what the "
        "words mean to the model.",
        "从上面的提示词走向另一个提示词。种子保持不变，因此变化的只是词语对模型的含义。",
    ),
    "blend_to": ("The other prompt", "另一个提示词"),
    "blend_go": ("Blend", "混合"),
    "blend_place": ("Share of the other prompt, %", "另一个提示词的比例（%）"),
    "styles_tab": ("All styles", "所有风格"),
    "styles_intro": (
        "What the prompt says in every style that the model knows: one row a style, one column a seed.",
        "用模型所知的每种风格来画提示词的内容：每行一种风格，每列一个种子。",
    ),
    "styles_go": ("Paint in all styles", "用所有风格来画"),
    "rows_text2image": (
        "Below each picture stands the caption that it was asked for.",
        "每张图片下方是它所依据的说明文字。",
    ),
    "how_text2image": (
        r"""**Words to pictures.** A small *reader* turns the bytes of a caption $c$ into a few vectors; a *painter* follows
them from noise $x_0$ to a picture $x_1$, as in flow matching. Both are trained together, from nothing:

$$\min \; \mathbb{E}\,\bigl\| v(x_t, t, c) - (x_1 - x_0) \bigr\|^2 + s\,\bigl\| S(c) - x_1\!\downarrow \bigr\|^2, \qquad
x_t = (1-t)\,x_0 + t\,x_1$$

$S$ is a small *sketch* drawn from the words alone; it is what teaches the reader. *Guidance* exaggerates what the words
change, against an empty caption.

**What it can say.** The names it has read, in any of its styles, also pairs of name and style that it has never seen:
names and styles are learnt apart and put together. Wording, order, case and small typos matter little.
**What it cannot.** It has read about 1,500 names and nothing else. Counting (“three dogs”), places (“left of”), “not”,
colours of things and scenes of several things are beyond it; an unknown word gives the nearest thing or a blot.""",
        r"""**从文字到图片。** 小小的*阅读器*把说明文字 $c$ 的字节变成几个向量；*画家*依照它们，像流匹配那样从噪声 $x_0$ 走向图片 $x_1$。两者一起从零训练：

$$\min \; \mathbb{E}\,\bigl\| v(x_t, t, c) - (x_1 - x_0) \bigr\|^2 + s\,\bigl\| S(c) - x_1\!\downarrow \bigr\|^2, \qquad
x_t = (1-t)\,x_0 + t\,x_1$$

$S$ 是仅凭文字画出的小*草图*，它教会了阅读器。*引导强度*放大文字（相对于空说明）带来的变化。

**它会说什么。** 它读过的名称，可以用它的任何一种风格，也包括从未见过的名称与风格的组合：名称和风格是分开学习、再拼到一起的。措辞、顺序、大小写和小的拼写错误影响不大。
**它不会什么。** 它只读过约 1500 个名称。计数（“三只狗”）、位置（“在左边”）、“没有”、物体的颜色以及多个物体的场景都超出它的能力；陌生的词会得到最接近的东西，或者一团色块。""",
    ),
}
