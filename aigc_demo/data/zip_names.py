"""Names inside a zip, which often does not say in which coding they are.

PKWARE, APPNOTE.TXT, appendix D: a flag says that a name is UTF-8; else it should be code page 437,
but most programs write the code page of the system that they run on.
"""

from __future__ import annotations

import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

UTF8_FLAG, UNICODE_PATH = 0x800, 0x7075
# Frequent characters, and those of folders of images: short names have few to judge by.
CHINESE = set(
    "的一是不了人我在有他这中大来上个国和也子时道说到年生地出就分对成会可主发动同工过作学种后部三自面"
    "家里小多天心好用行方如前没本体水高长明看美头女男车门花草树木林山海河湖石火日月星云雨雪风春夏秋冬"
    "猫狗犬鸟鱼马牛羊猪鸡鸭鹅虎狮象熊兔鼠猴龙蛇虫蝶蜂果苹香蕉橙梨桃葡萄瓜菜米面茶酒杯图片照相册集训练测试"
    "验证正负样品类别红黄蓝绿黑白灰紫粉色老新东西南北左右内外文件夹数据动植物建筑风景城市房屋飞机船火球衣"
    "服鞋包手脚眼脸鼻口耳圆方角形未知其他坏好无"
    "國來這個說時學會對發過動種後鳥魚馬雞鴨鵝獅龜龍蟲圖訓練測試驗證樣類別紅黃藍綠車門樹貓豬長風雲"
)
KOREAN = set(
    "이가고기지리나다사자아라시인하도로한는을를의에서어대정일부동물강양개새꽃수해산과나무차집여남"
)

JUDGED = 20_000  # bytes of names that a coding is told by

THAI = set("กขคงจชซดตถทธนบปผพฟมยรลวสหอะัาิีืุูเแโใไ่้็์ำ")


@dataclass(frozen=True)
class ZipNames:
    """The name of each entry, and the coding that was found out, "" where the zip says it."""

    names: list[str]
    coding: str


def read(entries: Sequence[zipfile.ZipInfo]) -> ZipNames:
    """Return what the entries are called: as their Unicode field or flag says, else in UTF-8 where
    that fits them all, else in the likeliest coding in which all that differ still do.
    """
    names = [_stated(entry) for entry in entries]
    raw = {i: entries[i].orig_filename.encode("cp437") for i, n in enumerate(names) if n is None}
    codings = _codings(set(raw.values()))
    for i, name in raw.items():
        names[i] = name.decode(codings.get(name, "ascii"))
    cut = [(name or "").split("\0")[0] for name in names]
    return ZipNames(cut, " & ".join(sorted({LABELS[coding] for coding in codings.values()})))


def _stated(entry: zipfile.ZipInfo) -> str | None:
    """Return the name of an entry whose coding is known."""
    flagged = bool(entry.flag_bits & UTF8_FLAG)
    raw = entry.orig_filename.encode("utf-8" if flagged else "cp437")
    return _unicode_path(entry.extra, raw) or (entry.orig_filename if flagged else None)


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """Return the name of Info-ZIP's Unicode path field, unless it belongs to another one.

    APPNOTE.TXT, section 4.6.9: version 1, the CRC of the name in the header, the name in UTF-8.
    """
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        field = extra[at + 4 : at + 4 + size]
        if kind == UNICODE_PATH and field[:5] == struct.pack("<BL", 1, zlib.crc32(raw)):
            return field[5:].decode(errors="replace")
        at += 4 + size
    return None


# --- The guess -----------------------------------------------------------------------------------


def _codings(names: set[bytes]) -> dict[bytes, str]:
    """Return the coding of each name that is not ASCII: one for all, or UTF-8 for those that can
    hardly be anything else and another for the rest, as programs leave it that add to a zip.
    """
    names = {name for name in names if not name.isascii()}
    if not names:
        return {}
    utf8 = {name for name in names if _is_surely_utf8(name)}
    rest = names - utf8
    found = dict.fromkeys(utf8, "utf-8") | dict.fromkeys(rest, _coding(rest) if rest else "")
    texts = {unicodedata.normalize("NFC", name.decode(coding)) for name, coding in found.items()}
    return found if len(texts) == len(names) else dict.fromkeys(names, _coding(names))


def _coding(names: set[bytes]) -> str:
    """Return the likeliest coding of all names together."""
    if (texts := _decoded(names, "utf-8")) and not _is_chinese(texts, names):
        return "utf-8"
    scores = {
        coding: sum(_score(text, score) for text in decoded)
        for coding, score in CODINGS.items()
        if (decoded := _decoded(names, coding))
    }
    return max(scores, key=scores.__getitem__, default="cp437")


def _is_surely_utf8(name: bytes) -> bool:
    """Tell whether all of a name is UTF-8, with a character of three bytes that is in use."""
    try:
        return bool(re.search("[\u3041-\u30fe\u4e00-\u9fff\uac00-\ud7a3]", name.decode()))
    except UnicodeDecodeError:
        return False


def _is_chinese(texts: list[str], names: set[bytes]) -> bool:
    """Tell whether names that could be UTF-8 make frequent words in GBK and strange letters in
    UTF-8, as 图片 does.
    """
    strange = any("\u0180" <= c <= "\u02ff" or "\u0370" <= c <= "\u0385" for c in "".join(texts))
    chinese = _decoded(names, "gbk") if strange else None
    if not chinese:
        return False
    count = sum(not c.isascii() for c in "".join(chinese))
    return sum(_score(text, CODINGS["gbk"]) for text in chinese) >= 2 * count


def _decoded(names: set[bytes], coding: str) -> list[str] | None:
    """Return the parts of paths, of many names those of some; None where a name is not in that
    coding or two become one.
    """
    try:
        texts = {name: name.decode(coding) for name in names}
    except UnicodeDecodeError:
        return None
    if len({unicodedata.normalize("NFC", text) for text in texts.values()}) < len(names):
        return None
    some = sorted(names)[:: 1 + sum(map(len, names)) // JUDGED]
    parts = {part for name in some for part in texts[name].replace("\\", "/").split("/")}
    return [part for part in parts if not part.isascii()]


def _score(text: str, score: Callable[[str], float]) -> float:
    """Return how likely it is that somebody calls a file so."""
    total = 0.0
    for before, c in zip(" " + text, text, strict=False):
        if c.isascii():
            continue
        total += score(c)
        if unicodedata.category(c) == "Mn" and not before.isalpha():
            total -= 1
        if c.isupper() and before.islower():
            total -= 1
    for a, b in zip(text, text[1:], strict=False):
        # Few words are written in two scripts; accented letters are of the Latin one.
        if a.isalpha() and b.isalpha() and a.isascii() != b.isascii() and not _is_latin(a + b):
            total -= 2
    return total


def _is_latin(text: str) -> bool:
    return all(c.isascii() or unicodedata.name(c, "").startswith("LATIN") for c in text)


def _japanese(c: str) -> float:
    if "\u3041" <= c <= "\u30fe" or c in CHINESE:
        return 3
    row = c.encode("cp932")[0]
    return 1.9 if 0x88 <= row <= 0x98 else -1 if "\uff61" <= c <= "\uff9f" else _rare_sign(c)


def _of_rows(coding: str, common: range, frequent: set[str]) -> Callable[[str], float]:
    """Return how likely a character of two bytes is, by the rows of the table that have the
    common ones.
    """

    def score(c: str) -> float:
        if c in frequent:
            return 3
        row, cell = (*c.encode(coding), 0)[:2]
        is_common = row in common and (cell >= 0xA1 or coding == "big5")
        return 1.5 if is_common else _rare_sign(c)

    return score


def _rare_sign(c: str) -> float:
    return 0 if c.isalpha() and unicodedata.name(c, "").startswith("CJK") else -1


def _letters(script: str) -> Callable[[str], float]:
    """Return how likely a character is where a code page is for one script."""

    def score(c: str) -> float:
        if unicodedata.name(c, "").startswith(script):
            return 0.9 if c.islower() or not c.isupper() else 0.6
        return -1 if not c.isspace() else -0.2

    return score


def _thai(c: str) -> float:
    return 0.7 if c in THAI else -1


# Where two are as likely, the first one is taken.
CODINGS: dict[str, Callable[[str], float]] = {
    "cp949": _of_rows("cp949", range(0xB0, 0xC9), KOREAN),
    "gbk": _of_rows("gbk", range(0xB0, 0xD8), CHINESE),
    "cp932": _japanese,
    "big5": _of_rows("big5", range(0xA4, 0xC7), CHINESE),
    "cp866": _letters("CYRILLIC"),
    "cp1251": _letters("CYRILLIC"),
    "cp874": _thai,
    "cp437": _letters("LATIN"),
    "cp850": _letters("LATIN"),
    "cp1252": _letters("LATIN"),
}
LABELS = {
    "utf-8": "UTF-8",
    "gbk": "GBK",
    "cp932": "Shift JIS (cp932)",
    "big5": "Big5",
    "cp949": "Korean (cp949)",
    "cp866": "Cyrillic (cp866)",
    "cp1251": "Cyrillic (cp1251)",
    "cp874": "Thai (cp874)",
    "cp437": "cp437",
    "cp850": "Western European (cp850)",
    "cp1252": "Western European (cp1252)",
}
