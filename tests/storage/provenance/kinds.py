"""Files of every kind, and what they hold for readers."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import soundfile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="mine"/>'
    b"</rdf:RDF></x:xmpmeta>"
)
INSIDE = {
    **dict.fromkeys(("a.png", "a.jpg", "a.webp", "lossy.webp", "alpha.webp", "a.tif", "lzw.tif", "a.gif"), True),
    **dict.fromkeys(("strip.gif", "xmp.png", "xmp.jpg", "xmp.webp", "exif.jpg", "exif.webp"), True),
    **dict.fromkeys(("a.wav", "float.wav", "titled.wav", "a.flac", "a.ogg", "titled.ogg", "opus.ogg", "a.mid"), True),
    **dict.fromkeys(("a.bmp", "a.aiff", "a.mp3", "a.npz", "a.csv", "a.txt", "a.jsonl"), False),
}
"""The files, and whether they have a place for an origin."""


def make(name: str, path: Path) -> Path:
    """Write one of the files."""
    rng = np.random.default_rng(0)
    kind, ending = name.split(".")
    if ending in ("png", "jpg", "webp", "tif", "gif", "bmp"):
        pixels = rng.integers(0, 256, (7, 11, 4 if kind == "alpha" else 3), dtype=np.uint8)
        image, options = Image.fromarray(pixels), dict[str, object]()
        if ending == "webp":
            options["lossless"] = kind != "lossy"
        if kind == "lzw":
            options["compression"] = "tiff_lzw"
        if kind == "strip":
            options |= {"save_all": True, "append_images": [image.rotate(180)], "duration": 100, "loop": 0}
        if kind == "exif":
            exif = Image.Exif()
            exif[0x0131] = "camera"
            options["exif"] = exif
        if kind == "xmp" and ending == "png":
            options["pnginfo"] = info = PngInfo()
            info.add_itxt("XML:com.adobe.xmp", XMP.decode())
        elif kind == "xmp":
            options["xmp"] = XMP
        image.save(path, **options)
    elif ending in ("wav", "flac", "ogg", "aiff", "mp3"):
        sound = (rng.normal(size=1601) / 8).astype(np.float32)
        form = {"float": "FLOAT", "opus": "OPUS"}.get(kind)
        with soundfile.SoundFile(path, "w", 16000, 1, form) as file:
            if kind == "titled":
                file.comment = "mine"
            file.write(sound)
    elif ending == "mid":
        score = _symusic().Score(480)
        track = _symusic().Track(name="voice")
        track.notes.append(_symusic().Note(0, 480, 60, 90))
        score.tracks.append(track)
        score.dump_midi(path)
    elif ending == "npz":
        np.savez_compressed(path, images=np.zeros((2, 3)))
    else:
        path.write_text({"csv": "a,b\n1,2\n", "txt": "words\n", "jsonl": '{"a": 1}\n'}[ending])
    return path


def _symusic() -> ModuleType:
    import symusic

    return symusic


def content(path: Path) -> object:
    """Return what readers find in a file: pixels, samples, notes and other metadata."""
    ending = path.suffix[1:]
    if ending in ("png", "jpg", "webp", "tif", "gif", "bmp"):
        with Image.open(path) as image:
            frames = []
            for number in range(getattr(image, "n_frames", 1)):
                image.seek(number)
                frames.append(np.asarray(image).tobytes())
            return frames, {tag: value for tag, value in image.getexif().items() if tag != 700}  # of XMP
    if ending in ("wav", "flac", "ogg", "aiff", "mp3"):
        with soundfile.SoundFile(path) as file:
            return file.read(dtype="float32").tobytes(), file.comment if "titled" in path.name else ""
    if ending == "mid":
        return [track.notes.numpy()["pitch"].tolist() for track in _symusic().Score(path).tracks]
    return path.read_bytes()
