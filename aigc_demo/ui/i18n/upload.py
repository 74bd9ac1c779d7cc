"""The words of the Train tab about somebody's own pictures, English and Chinese."""

from __future__ import annotations

from aigc_demo.data.image_files import REASONS
from aigc_demo.data.uploads.user_dataset import WARNINGS

_REASONS = {
    "link": "是一个链接",
    "outside": "文件名指向压缩包之外",
    "encrypted": "已加密",
    "packing": "使用了这里不支持的压缩方式",
    "nested": "压缩包里的压缩包",
    "bomb": "解压后会远大于本身",
    "bytes": "文件太大",
    "other": "不是图片文件",
    "damaged": "已损坏，或不是图片",
    "tiny": "小于 16 像素",
    "pixels": "超过 2400 万像素",
}
_WARNINGS = {
    "few": "图片少于 {least} 张：模型会重复它们。如有可能请多带一些。",
    "unequal": "各类别数量悬殊：“{large}”有 {most} 张，“{small}”有 {fewest} 张。",
    "rare": "以下类别少于 {least} 张：{names}。",
    "copies": "{count} 张图片与其他图片相同。",
    "small": "{count} 张图片小于 {size} 像素，将被放大。",
    "held": "test 文件夹中的 {count} 张图片不参与训练。",
    "many": "{count} 个文件夹太多，不作为类别区分。",
    "loose": "{count} 张图片在文件夹之外，归为类别“{name}”。",
}

YOURS_TEXTS: dict[str, tuple[str, str]] = {
    "own": ("Your own pictures", "你自己的图片"),
    "own_intro": (
        "Bring a zip, or several pictures: 100 to 2,000 are best, of one kind of thing. Folders in the zip are classes; "
        "two folders can be translated into each other, and are pairs where their file names are the same. They are "
        "checked first, made small once and kept in their run only: *Stop and discard* deletes them with it. "
        "Everybody who opens this page sees the run and what its model paints.",
        "上传一个 zip 或多张图片：最好是 100 到 2000 张同类图片。zip 中的文件夹就是类别；两个文件夹可以互相转换，文件名相同时即为配对。"
        "图片会先经过检查，只缩小一次，并且只保存在这次训练中：*停止并丢弃*会一并删除。打开此页的每个人都能看到这次训练以及模型所画的图片。",
    ),
    "own_files": ("A zip, or pictures (300 MB at most)", "zip 文件或图片（最多 300 MB）"),
    "own_report": ("What was found", "检查结果"),
    "own_sheet": ("Some of each class", "每个类别的一部分"),
    "own_preset": ("How", "方式"),
    "preset_own_start": (
        "Flow that knows scenes already and learns yours",
        "已学过场景的流匹配，再学习你的图片",
    ),
    "preset_own_gan": ("GAN from nothing, with DiffAugment", "从零开始的 GAN，带 DiffAugment"),
    "preset_own_flow": ("Flow from nothing, small", "从零开始的小型流匹配"),
    "preset_own_words": (
        "Words to pictures: captions.csv, or names of folders",
        "文字生成图片：captions.csv 或文件夹名",
    ),
    "preset_own_cyclegan": (
        "CycleGAN: one folder into the other, and back",
        "CycleGAN：两个文件夹互相转换",
    ),
    "preset_own_pix2pix": ("pix2pix: pairs, first into second", "pix2pix：配对，由前者到后者"),
    "own_size": ("Size in pixels", "大小（像素）"),
    "own_minutes": ("Minutes", "分钟"),
    "own_mirror": (
        "Pictures may be mirrored: not where there is writing",
        "图片可以左右翻转：有文字时不要勾选",
    ),
    "own_start_button": ("Train on these", "用这些图片训练"),
    "own_reading": ("Looking at the pictures: {share}", "正在查看图片：{share}"),
    "own_found": ("{title}: {count} pictures, {layout}", "{title}：{count} 张图片，{layout}"),
    "own_layout_one": ("no classes", "没有类别"),
    "own_layout_classes": ("{n} classes", "{n} 个类别"),
    "own_layout_two": (
        "two folders: classes, or domains for translation",
        "两个文件夹：作为类别，或用于互相转换",
    ),
    "own_layout_pairs": (
        "two folders with equal names: pairs for translation, or classes",
        "两个文件夹且文件名相同：用于转换的配对，或作为类别",
    ),
    "own_captions": (
        "captions.csv: {count} lines, for models that read",
        "captions.csv：{count} 行，供能读文字的模型使用",
    ),
    "own_left_out": ("Left out: {count}", "未采用：{count} 个文件"),
    "own_more": ("… and {count} more", "……另有 {count} 个"),
}
YOURS_TEXTS |= {f"own_reason_{key}": (words, _REASONS[key]) for key, words in REASONS.items()}
YOURS_TEXTS |= {f"own_warning_{key}": (words, _WARNINGS[key]) for key, words in WARNINGS.items()}
