"""What picture files hold beside pixels: EXIF data, colour profile, resolution, XMP and texts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

from PIL import Image
from PIL.PngImagePlugin import PngInfo

OF_THE_PICTURE = frozenset(
    {0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298, 0x8769, 0x8825, 0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F}
)
"""Tags of TIFF files that tell of the picture, and not of how the file stores it."""
DETAILS = 0x8769
"""Tag of the part of EXIF data on the camera and the exposure."""
WIDTH, HEIGHT = 0xA002, 0xA003
"""Tags of the size in pixels, in the part `DETAILS`."""
XMP = "XML:com.adobe.xmp"
"""Name of the text of a PNG file that holds XMP data."""


@dataclass(frozen=True)
class Metadata:
    """Metadata of a picture that is upright.

    Attributes:
        exif: EXIF data, without the orientation; None without any.
        profile: ICC profile of the colours, or None.
        dpi: resolution, or None.
        xmp: XMP data, or None.
        texts: texts of a PNG file by their names.
    """

    exif: Image.Exif | None = None
    profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    xmp: bytes | None = None
    texts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, image: Image.Image, texts: dict[str, str]) -> Self:
        """Collect the metadata of an image that is decoded and upright.

        Args:
            image: the image.
            texts: of the file.
        """
        xmp = image.info.get("xmp") or texts.get(XMP, "").encode() or None
        dpi = image.info.get("dpi")
        return cls(
            _exif(image),
            image.info.get("icc_profile"),
            (float(dpi[0]), float(dpi[1])) if dpi else None,
            xmp.encode() if isinstance(xmp, str) else xmp,
            {name: text for name, text in texts.items() if name != XMP},
        )

    def without_profile(self) -> Self:
        """Return the metadata of a picture whose colours were converted, so that the profile is no longer right."""
        return replace(self, profile=None)

    def options(self, form: str, size: tuple[int, int]) -> dict[str, object]:
        """Return the options by which Pillow saves the metadata in a format, as far as it can hold them.

        Args:
            form: name of the format.
            size: (width, height) of the picture to save.
        """
        found: dict[str, object] = {}
        if self.exif is not None and form in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
            found["exif"] = _of_size(self.exif, size)
        if self.profile is not None and form in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
            found["icc_profile"] = self.profile
        if self.dpi is not None and form in ("JPEG", "PNG", "TIFF", "BMP"):
            found["dpi"] = self.dpi
        if self.xmp is not None and form in ("JPEG", "WEBP", "AVIF"):
            found["xmp"] = self.xmp
        if form == "PNG" and (self.texts or self.xmp):
            info = PngInfo()
            for name, text in self.texts.items():
                info.add_text(name, text)
            if self.xmp:
                info.add_itxt(XMP, self.xmp.decode("utf-8", "replace"))
            found["pnginfo"] = info
        return found


def _exif(image: Image.Image) -> Image.Exif | None:
    """Return the EXIF data of an image; of a TIFF file without what tells how it is stored."""
    try:
        exif = image.getexif()
        if image.format == "TIFF":
            for tag in [tag for tag in exif if tag not in OF_THE_PICTURE]:
                del exif[tag]
        exif.tobytes()
    except Exception:  # damaged EXIF data: Pillow raises half a dozen kinds, and the pixels are fine
        return None
    return exif if len(exif) else None


def _of_size(exif: Image.Exif, size: tuple[int, int]) -> Image.Exif:
    """Return EXIF data with the size of a picture, if they tell one."""
    other = Image.Exif()
    other.load(exif.tobytes())
    details = other.get_ifd(DETAILS)
    for tag, length in ((WIDTH, size[0]), (HEIGHT, size[1])):
        if tag in details:
            details[tag] = length
    return other
