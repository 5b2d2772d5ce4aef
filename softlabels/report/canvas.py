"""New figures, and saving them with fonts for every script that is installed."""

from __future__ import annotations

import io
import logging
import warnings
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.text import Text

from softlabels import files

logger = logging.getLogger(__name__)

LAST_RESORT = "Last Resort"  # begins the name of a font with a box for every letter


def new_figure(size: tuple[float, float]) -> Figure:
    """Return a figure of this size in inches, drawn off screen."""
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, file: Path | BinaryIO, dpi: int = 130) -> None:
    """Save a figure whole or not at all; a file's suffix is its format, else PNG.

    Letters that matplotlib's font lacks, as of Chinese class names, are drawn in an installed font
    that has them. Where none has, other signs stand for them, with one warning in the log.

    Arguments
    ---------
    figure : matplotlib.figure.Figure
        The figure.
    file : Path or binary stream
        Where to.
    dpi : int
        Dots an inch.
    """
    form = (file.suffix.lstrip(".") if isinstance(file, Path) else "") or "png"
    data = _draw(figure, form, dpi)
    if fonts := _fonts_with(_missing(figure)):
        for text in figure.findobj(Text):
            text.set_fontfamily([*text.get_fontfamily(), *fonts])
        data = _draw(figure, form, dpi)
    if isinstance(file, Path):
        files.write(file, data)
    else:
        file.write(data)


def _draw(figure: Figure, form: str, dpi: int) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the log names them
        figure.savefig(out, dpi=dpi, format=form)
    return out.getvalue()


def _missing(figure: Figure) -> frozenset[str]:
    """Return the letters of a drawn figure that the usual font lacks."""
    has = get_font(findfont(FontProperties())).get_charmap()
    texts = {text.get_text() for text in figure.findobj(Text)}
    return frozenset(
        letter for letter in "".join(texts) if ord(letter) not in has and not letter.isspace()
    )


@lru_cache
def _fonts_with(letters: frozenset[str]) -> tuple[str, ...]:
    """Return installed fonts that together have these letters; the log names those they lack."""
    left, chosen = {ord(letter) for letter in letters}, []
    fonts = [font for font in fontManager.ttflist if not font.name.startswith(LAST_RESORT)]
    fonts.sort(key=lambda font: (font.style != "normal", font.weight != 400, font.fname))
    for font in fonts if left else ():
        try:
            has = left & get_font(font.fname).get_charmap().keys()
        except (OSError, RuntimeError):  # a font that was removed, or can't be read
            continue
        if has:
            chosen.append(font.name)
            left -= has
    if left:
        logger.warning(
            "no installed font has %s: other signs stand for them in pictures; install one that "
            "has, as the package fonts-noto-cjk",
            "".join(map(chr, sorted(left))),
        )
    return tuple(chosen)
