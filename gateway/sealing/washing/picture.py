"""Pictures: decoded to pixels and encoded anew, so that only what can be seen is left."""

from __future__ import annotations

import io
import warnings

from PIL import Image, ImageOps

from gateway.sealing.washing.washed import Unwashable, Washed

MOST_PIXELS = 40_000_000
_QUALITY = 90
_ORIENTATION = 0x0112
_SMALLER = "Make it smaller (40 megapixels at most) or take a screenshot of it, and send that."
_LOOK = "A picture can show where it was taken: look for street names, signs and views from a window."


def wash_jpeg(data: bytes) -> Washed:
    """Give the picture as a new JPEG; raise Unwashable when it is none, or too large."""
    return _washed(data, "JPEG")


def wash_png(data: bytes) -> Washed:
    """Give the picture as a new PNG; raise Unwashable when it is none, too large, or moves."""
    return _washed(data, "PNG")


def warm_up() -> None:
    """Wash small pictures of our own, so that what Pillow loads late has been loaded."""
    tags = Image.Exif()
    tags[_ORIENTATION] = 1
    for kind, wash in (("JPEG", wash_jpeg), ("PNG", wash_png)):
        out = io.BytesIO()
        Image.new("RGB", (1, 1)).save(out, kind, exif=tags.tobytes())
        wash(out.getvalue())


def _washed(data: bytes, kind: str) -> Washed:
    try:
        picture = _opened(data, kind)
        fresh = _pixels(picture, kind)
    except Unwashable:
        raise
    except Exception as error:
        # Decoders raise many kinds of error on broken files; all mean the same to the sender.
        raise Unwashable("This picture is damaged.", "Open it, save it again, and send that.") from error
    out = io.BytesIO()
    if kind == "JPEG":
        fresh.save(out, "JPEG", quality=_QUALITY)
    else:
        fresh.save(out, "PNG")
    return Washed(out.getvalue(), removed=("place, time and device of the picture",), look_at=(_LOOK,))


def _opened(data: bytes, kind: str) -> Image.Image:
    # Checked by us before anything is decoded; Pillow's own check only warns at this size.
    Image.MAX_IMAGE_PIXELS = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        picture = Image.open(io.BytesIO(data), formats=[kind])
    width, height = picture.size
    if width * height > MOST_PIXELS:
        raise Unwashable("This picture is too large.", _SMALLER)
    if getattr(picture, "n_frames", 1) > 1 and kind == "PNG":
        raise Unwashable("This picture moves.", "Send one picture of it.")
    return picture


def _pixels(picture: Image.Image, kind: str) -> Image.Image:
    turned = ImageOps.exif_transpose(picture)
    see_through = kind == "PNG" and ("A" in turned.getbands() or "transparency" in turned.info)
    mode = "RGBA" if see_through else "L" if turned.mode in {"1", "L"} else "RGB"
    converted = turned.convert(mode)
    # A new picture has pixels and nothing else; a copy would carry its `info` along.
    fresh = Image.new(mode, converted.size)
    fresh.paste(converted)
    return fresh
