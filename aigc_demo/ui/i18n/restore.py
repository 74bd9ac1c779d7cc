"""The words of the Restore tab."""

from __future__ import annotations

RESTORE_TEXTS: dict[str, tuple[str, str]] = {
    "restore_tab": ("Restore", "修复"),
    "restore_intro": (
        "Paint over what should go, or choose how a damaged picture is to be repaired.",
        "涂抹想要去除的部分，或选择修复受损图片的方法。",
    ),
    "restore_picture": ("Picture: paint over what should go", "图片：涂抹要去除的部分"),
    "examples": ("Examples", "示例"),
    "restore_method": ("Method", "方法"),
    "restore_method_info": (
        "inpaint, telea … biharmonic fill what is marked; the others repair the whole picture, or what is marked of it",
        "inpaint、telea … biharmonic 填补标记的部分；其他方法修复整张图片或其标记的部分",
    ),
    "tool_inpaint": ("Fill: learned (inpaint)", "填补：学习得到（inpaint）"),
    "tool_telea": ("Fill: from the rim inwards (Telea)", "填补：由边缘向内（Telea）"),
    "tool_navier_stokes": ("Fill: Navier-Stokes", "填补：Navier-Stokes"),
    "tool_biharmonic": ("Fill: smoothest surface (biharmonic)", "填补：最光滑曲面（双调和）"),
    "tool_nl_means": (
        "Fill from similar patches, or denoise (NL-means)",
        "用相似图块填补或去噪（NL-means）",
    ),
    "tool_nl_means_fast": ("Denoise: NL-means, fast", "去噪：快速 NL-means"),
    "tool_denoise": ("Denoise: learned", "去噪：学习得到"),
    "tool_median": ("Denoise: median of 3×3 (single wrong pixels)", "去噪：3×3 中值（孤立坏点）"),
    "tool_dejpeg": ("Remove JPEG artefacts: learned", "去除 JPEG 伪影：学习得到"),
    "tool_deblur": ("Sharpen a blurred picture: learned", "模糊图片变清晰：学习得到"),
    "tool_upscale": ("Enlarge: learned", "放大：学习得到"),
    "tool_bicubic": ("Enlarge: bicubic", "放大：双三次插值"),
    "estimate": ("Estimate the noise", "自动估计噪声"),
    "sigma": ("Noise σ (grey levels of 255)", "噪声 σ（0–255 灰度级）"),
    "factor": ("Times larger", "放大倍数"),
    "mask_more": ("Mask from a file, grow, feather", "从文件读取蒙版、扩张、羽化"),
    "mask_file": ("Mask file (any format, same size)", "蒙版文件（任意格式，尺寸相同）"),
    "marked": ("The mask marks what to fill in", "蒙版中用哪种颜色标记填补区域"),
    "marked_auto": ("the rarer colour", "较少的颜色"),
    "marked_white": ("white", "白色"),
    "marked_black": ("black", "黑色"),
    "invert": ("Invert: fill what is not marked", "反选：填补未标记的部分"),
    "grow": ("Grow the mask (pixels)", "扩张蒙版（像素）"),
    "feather": ("Feather its edge (pixels)", "羽化边缘（像素）"),
    "show_mask": ("Show the mask", "显示蒙版"),
    "restore_go": ("Restore", "修复"),
    "compare_all": ("Compare all methods", "比较所有方法"),
    "before_after": ("Before and after", "修复前后"),
    "mask_shown": ("In red: what is filled", "红色：将被填补的部分"),
    "result_file": ("Download the result (PNG)", "下载结果（PNG）"),
    "go_on": ("Go on with the result", "以结果继续"),
    "go_on_chosen": ("Go on with the one that is clicked", "以点选的结果继续"),
    "compared": ("All methods", "所有方法"),
    "compared_table": ("Times and scores", "用时与评分"),
    "damage_more": ("Damage it for me", "替我弄坏它"),
    "damage_intro": (
        "Damage the picture on purpose: the truth is then known, and each result is scored against it.",
        "故意弄坏图片：此时已知原图，每个结果都会与原图比较评分。",
    ),
    "damage_kind": ("Damage", "损坏类型"),
    "kind_scratches": ("Scratches", "划痕"),
    "kind_text": ("Writing over it", "覆盖文字"),
    "kind_blocks": ("Lost blocks", "丢失的方块"),
    "kind_noise": ("Gaussian noise", "高斯噪声"),
    "kind_salt_and_pepper": ("Salt and pepper", "椒盐噪声"),
    "kind_jpeg": ("JPEG", "JPEG 压缩"),
    "kind_blur": ("Blur", "模糊"),
    "kind_resolution": ("Low resolution", "低分辨率"),
    "damage_strength": ("Strength", "强度"),
    "damage_go": ("Damage it", "弄坏"),
    "undamaged": ("Back to the undamaged picture", "恢复未损坏的图片"),
    "enlarge": ("Enlarge the pictures", "放大图片"),
    "send_restore": ("Send to Restore", "发送到修复"),
    "send_generate": ("Back to the gallery of Generate", "送回“生成”的图库"),
    "how_restore": (
        "**Filling.** Telea and Navier-Stokes continue colours and lines from the rim; the biharmonic surface is the "
        "smoothest one that meets the rim; NL-means copies from places of the same picture that look alike. The learned "
        "network has seen thousands of holes in photographs and says what lies there *on the average*: hence it is right more "
        "often, and soft where many things would be possible. Only marked pixels are ever changed.\n\n"
        "**Denoising.** NL-means averages places that look alike. The network is told how strong the noise is (or it is "
        "estimated from the patches that vary least) and finds what to subtract.\n\n"
        "**PSNR** counts wrong grey levels (30 dB: good, 40 dB: hardly to be seen), **SSIM** compares structure (1: equal), "
        "the **compact distance** is between features of a small network in 32×32 tiles (0: equal); blur that PSNR forgives "
        "is seen there.",
        "**填补。** Telea 和 Navier-Stokes 从边缘延续颜色和线条；双调和曲面是与边缘相接的最光滑曲面；NL-means 从同一张图片的相似处复制。"
        "学习得到的网络见过数千个照片中的空洞，它给出那里*平均*会是什么：因此更常正确，但在有多种可能时会偏软。只有被标记的像素会改变。\n\n"
        "**去噪。** NL-means 对相似的位置取平均。网络会被告知噪声有多强（或由变化最小的图块估计），并找出应减去的部分。\n\n"
        "**PSNR** 统计灰度误差（30 dB：良好，40 dB：几乎看不出），**SSIM** 比较结构（1：相同），**compact 距离**是小网络在 32×32 图块上的特征距离"
        "（0：相同）；PSNR 容忍的模糊在这里会被看到。",
    ),
}
