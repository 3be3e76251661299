"""An address as a QR code (ISO/IEC 18004), for paper."""

from io import BytesIO

import segno

BORDER = 2
DOTS = 6


def as_svg(address: str) -> str:
    """Return the code as an SVG image.

    >>> as_svg("https://example.com/")[:38]
    '<?xml version="1.0" encoding="utf-8"?>'
    """
    return _drawn(address, "svg").decode()


def as_png(address: str) -> bytes:
    """Return the code as a PNG image."""
    return _drawn(address, "png")


def _drawn(address: str, kind: str) -> bytes:
    drawing = BytesIO()
    segno.make_qr(address, error="m").save(drawing, kind=kind, scale=DOTS, border=BORDER)
    return drawing.getvalue()
