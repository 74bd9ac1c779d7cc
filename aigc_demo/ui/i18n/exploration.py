"""The words of what steers a model: the X/Y grid, the directions of its latents."""

from __future__ import annotations

CONTROL_TEXTS: dict[str, tuple[str, str]] = {
    "grid_tab": ("X/Y grid", "X/Y 网格"),
    "grid_intro": (
        "Change one setting along the columns and another along the rows; all others are those chosen above. "
        "Without a class chosen, it is the model's first.",
        "让一个设置沿列变化，另一个沿行变化；其余设置与上面所选相同。未选类别时使用模型的第一个类别。",
    ),
    "grid_x": ("Along X: columns", "沿 X：列"),
    "grid_y": ("Along Y: rows", "沿 Y：行"),
    "grid_values": ("Values, one a line (numbers: also with commas)", "取值，每行一个（数字也可用逗号分隔）"),
    "grid_values_info": ("at most 8", "最多 8 个"),
    "grid_go": ("Make the grid", "生成网格"),
    "grid_stop": ("Stop", "停止"),
    "grid": ("X/Y grid", "X/Y 网格"),
    "grid_png": ("Download the PNG", "下载 PNG"),
    "grid_csv": ("Download the table (CSV)", "下载表格（CSV）"),
    "grid_progress": ("{done} of {all} cells in {seconds:.1f} s", "已完成 {done} / {all} 格，用时 {seconds:.1f} 秒"),
    "grid_stopped": ("Stopped; the cells that were ready are kept.", "已停止；已完成的格子保留。"),
    "checkpoint": ("Model", "模型"),
    "directions_tab": ("Directions", "潜在方向"),
    "directions_intro": (
        "Move the picture of the seed and class chosen above along the directions that change most of what the network's "
        "first layer sees: its *principal components*, found in its weights. Nobody has told them what they mean: brightness, "
        "width, slant… look for yourself. Offsets are in standard deviations; beyond 2, pictures fall apart.",
        "让上面所选种子和类别的图片沿着若干方向移动：这些方向最能改变网络第一层所见，即它的*主成分*，直接由权重求得。"
        "没有人告诉过它们各自的含义：亮度、宽度、倾斜……请自己看看。偏移以标准差为单位；超过 2 图片会逐渐失真。",
    ),
    "no_directions": (
        "This model has no such directions: its noise is a picture itself. Choose a GAN or a VAE above.",
        "这个模型没有这样的方向：它的噪声本身就是一张图片。请在上面选择 GAN 或 VAE。",
    ),
    "direction_1": ("Direction 1: the strongest", "方向 1：最强"),
    "direction_2": ("Direction 2", "方向 2"),
    "direction_3": ("Direction 3", "方向 3"),
    "direction_4": ("Direction 4", "方向 4"),
    "direction_5": ("Direction 5", "方向 5"),
    "direction_6": ("Direction 6", "方向 6"),
    "directions_reset": ("Reset", "重置"),
    "steered": ("The picture, moved", "移动后的图片"),
    "strip_component": ("Strip of direction", "显示此方向的条带"),
    "strip_go": ("Show the strip from −3 to 3", "显示从 −3 到 3 的条带"),
    "direction_strip": ("Strip", "条带"),
}  # fmt: skip
