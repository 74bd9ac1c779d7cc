"""The words of the Translate tab."""

from __future__ import annotations

TRANSLATE_TEXTS: dict[str, tuple[str, str]] = {
    "translate_tab": ("Translate", "转换"),
    "translate_intro": (
        "Take a picture into another domain: a photograph into a painting, summer into winter, a drawn plan into a "
        "building, an emoji into another style. And back again, to see what was kept.",
        "把图片转换到另一个领域：照片变成画作，夏天变成冬天，手绘平面图变成建筑，表情符号换一种风格。还可以再转换回来，看看保留了什么。",
    ),
    "pair": ("Pair", "转换模型"),
    "pair_info": ("★ yours · data · method · side of its training pictures · size of the file",
                  "★ 你的 · 数据 · 方法 · 训练图片边长 · 文件大小"),
    "way": ("Direction", "方向"),
    "translate_pair": ("Before and after", "转换前后"),
    "translate_picture": (
        "Picture: drop, take, paste or draw one", "图片：拖入、拍摄、粘贴或手绘",
    ),
    "translate_go": ("Translate", "转换"),
    "all_styles": ("All styles at once", "同时转换为所有风格"),
    "side_by_side": ("Side by side", "并排查看"),
    "plan_example": ("Example plan", "示例平面图"),
    "plan_blank": ("Empty wall", "空墙"),
    "plan_file": ("Plan from a file", "从文件读取平面图"),
    "photo_cat": ("Cat", "猫"),
    "photo_coffee": ("Coffee", "咖啡"),
    "photo_rocket": ("Rocket", "火箭"),
    "landscape": ("A landscape, painted now", "即时生成的风景"),
    "emoji": ("Emoji", "表情符号"),
    "emoji_info": (
        "choose one, or type any; your system draws it", "选择或输入任意一个，由你的系统绘制",
    ),
    "emoji_go": ("Take it", "使用"),
    "blend": ("Strength", "强度"),
    "blend_info": (
        "a blend of your picture (0) and its translation (1)", "原图（0）与转换结果（1）的混合",
    ),
    "cycle": ("Show the way back", "显示还原"),
    "cycle_info": (
        "translates the result back and shows where it differs from your picture",
        "把结果再转换回来，并显示与原图的差异",
    ),
    "more": ("More", "更多"),
    "scale": ("Works at", "处理尺寸"),
    "scale_info": (
        "a network has learnt structures of a certain size in pixels; on a large picture the same strokes look finer",
        "网络学到的结构有固定的像素尺寸；在大图上同样的笔触会显得更细",
    ),
    "scale_auto": ("what suits the model", "适合模型的尺寸"),
    "scale_picture": ("the size of the picture", "图片的尺寸"),
    "scale_trained": ("the size it was trained at", "训练时的尺寸"),
    "batch_more": ("Many files at once", "批量处理"),
    "batch_files": ("Pictures", "图片"),
    "batch_go": ("Translate them all", "全部转换"),
    "batch_zip": ("Download all (zip)", "全部下载（zip）"),
    "send_translate": ("Send to Translate", "发送到转换"),
    "how_translate": (
        "**CycleGAN** learns from two heaps of pictures that do not belong together: nobody has photographed what Monet "
        "saw. A generator for each direction plays against a discriminator that knows only the target domain; and going "
        "there and *back* must lead to where one began. That is why the way back is shown: what cannot be taken back was "
        "invented or lost. A perfect way back is no proof of a good translation, though: a network that changes nothing has "
        "one, and others hide the original as faint noise in the result.\n\n"
        "**pix2pix** learns from pairs: for each plan the façade. It may invent freely (no plan says what colour a wall has), "
        "but a discriminator looks at plan and picture *together*. Emoji come in pairs too, so here both can be compared with "
        "the truth: the unpaired one learns colour and shading, the paired one also where things lie.\n\n"
        "**Strength** is nothing but a blend of two pictures. Networks here are small and were trained on pictures of 64 to 128 "
        "pixels: they know texture and colour, not what things are.",
        "**CycleGAN** 从两堆互不对应的图片中学习：没有人拍下过莫奈所见的景象。每个方向都有一个生成器，与只认识目标领域的判别器对抗；"
        "而且转换过去再转换*回来*必须回到起点。所以这里会显示还原结果：无法还原的部分就是被凭空创造或丢失的。但完美的还原并不能证明转换得好："
        "什么都不改变的网络也能完美还原，还有的网络会把原图以微弱噪声的形式藏在结果里。\n\n"
        "**pix2pix** 从成对图片中学习：每张平面图都有对应的立面照片。它可以自由发挥（平面图没有说明墙的颜色），但判别器会*同时*看平面图和图片。"
        "表情符号也是成对的，所以两种方法都能与真实答案比较：不成对的学到颜色和明暗，成对的还学到各部分的位置。\n\n"
        "**强度**只是两张图片的混合。这里的网络很小，训练图片为 64 到 128 像素：它们懂纹理和颜色，但不懂物体是什么。",
    ),
}  # fmt: skip
