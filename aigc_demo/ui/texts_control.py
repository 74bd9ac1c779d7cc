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
}  # fmt: skip
