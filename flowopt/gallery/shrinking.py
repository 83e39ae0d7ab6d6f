"""Pictures made small: fewer pixels, then fewer colours."""

from __future__ import annotations

import io

from flowopt import _check


def shrunk(png: bytes, width: int, most: int) -> bytes:
    """Return a picture no wider than `width`, in a palette of at most 256 colours.

    Parameters
    ----------
    png : bytes
        A PNG.
    width : int, >= 1
        The most pixels of a row.
    most : int
        The most bytes: colours are halved, down to 32, until it fits.

    Raises
    ------
    ValueError
        When it does not fit with 32 colours.

    Examples
    --------
    >>> from PIL import Image
    >>> buffer = io.BytesIO()
    >>> Image.new("RGB", (100, 50), "white").save(buffer, "PNG")
    >>> Image.open(io.BytesIO(shrunk(buffer.getvalue(), 40, 1000))).size
    (40, 20)
    """
    from PIL import Image

    _check.integer("width", width, at_least=1)
    image = Image.open(io.BytesIO(png)).convert("RGB")
    if image.width > width:
        height = round(image.height * width / image.width)
        image = image.resize((width, max(height, 1)), Image.Resampling.LANCZOS)
    made = b""
    way = Image.Quantize.FASTOCTREE  # a median cut takes the colour from marks of few pixels
    for colours in (256, 128, 64, 32):
        buffer = io.BytesIO()
        image.quantize(colours, way, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
        made = buffer.getvalue()
        if len(made) <= most:
            return made
    raise ValueError(f"the picture has {len(made)} bytes at {width} pixels and 32 colours, more "
                     f"than {most}; take one with less in it")
