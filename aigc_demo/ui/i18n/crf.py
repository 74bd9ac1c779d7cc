"""The words of what random fields do: flat colours, smart masks, plans."""

from __future__ import annotations

FIELD_TEXTS: dict[str, tuple[str, str]] = {
    "field_more": ("Clean up with a random field", "用随机场清理图片"),
    "field_intro": (
        "Turn a picture into few flat colours whose regions follow its edges. Scribble with a colour where you want that "
        "colour: scribbles win where they are.",
        "把图片变成少数几种平涂颜色，区域沿着图像边缘。想要某种颜色的地方就用那种颜色涂几笔：涂过的地方以涂的颜色为准。",
    ),
    "field_take": ("Take the picture clicked above", "取用上面点选的图片"),
    "field_picture": ("Picture: scribble colours onto it", "图片：可在上面涂颜色"),
    "field_colours": ("Colours", "颜色数"),
    "field_palette": ("Or these colours", "或使用这些颜色"),
    "field_palette_info": ("such as #112233, #ffffff; empty: found in the picture",
                           "例如 #112233, #ffffff；留空则从图片中提取"),
    "field_go": ("Clean up", "清理"),
    "field_weights": ("Weights", "权重"),
    "field_tolerance": ("Tolerance for other colours (ΔE)", "对颜色偏差的容忍度（ΔE）"),
    "field_smooth": ("Weight of near pixels", "邻近像素的权重"),
    "field_smooth_radius": ("How near (pixels)", "邻近范围（像素）"),
    "field_appearance": ("Weight of pixels of like colour", "颜色相近像素的权重"),
    "field_radius": ("How far they may be (pixels)", "最远距离（像素）"),
    "field_likeness": ("How like (levels of 255)", "颜色相近程度（0–255）"),
    "field_iterations": ("Updates", "更新次数"),
    "field_pair": ("Before and after", "清理前后"),
    "field_energy": (
        "Free energy a pixel after each update: it never rises", "每次更新后每像素的自由能：从不上升",
    ),
    "how_field": (
        "A **random field** gives every labelling of the pixels a cost: for each pixel, how ill its label fits its colour, "
        "and for each two pixels that lie near each other or look alike, a price for different labels. *Every* two pixels "
        "of the picture are compared, not only neighbours. Looking for the cheapest labelling is hopeless (there are more "
        "than atoms), so each pixel keeps chances for its labels and adapts them to what the others expect (mean field; "
        "Krähenbühl & Koltun, 2011). The chart shows the free energy, which that lowers.",
        "**随机场**给每一种像素标注一个代价：每个像素的标签与其颜色有多不符；每两个相邻或相像的像素若标签不同又要付出多少。"
        "比较的是图片中*任意*两个像素，而不只是邻居。要找出最便宜的标注毫无希望（可能的标注比原子还多），"
        "所以每个像素为各标签保留概率，并按其他像素的期望不断调整（平均场；Krähenbühl 与 Koltun，2011）。图表显示的自由能随之下降。",
    ),
    "smart_more": ("Smart mask: two strokes", "智能蒙版：两笔即可"),
    "smart_intro": (
        "Paint a rough red stroke on the thing and a blue one on what is around it (two brushes of the picture above). The "
        "mask then follows the edges; grow and feather it below.",
        "用红色在物体上随意画一笔，用蓝色在它周围画一笔（上方图片的两支画笔）。蒙版会沿着边缘生成；可在下面扩张和羽化。",
    ),
    "smart_go": ("Make the mask", "生成蒙版"),
    "plan_field": ("Random field", "随机场"),
    "plan_field_info": (
        "how much pixels of like colour must agree on what they are; 0: what the network says alone",
        "颜色相近的像素必须在多大程度上保持一致；0：仅由网络决定",
    ),
    "plan_to_board": ("Edit this plan, and build from it", "编辑此平面图，并据此建造"),
}  # fmt: skip
