"""XMP packets, in which other programs find the digital source type, and we the record of the origin.

Packets are searched as text and never parsed as XML, so nothing that they hold can be expanded.
"""

from __future__ import annotations

import html
import re

from zaohua.storage.provenance.origin import LONGEST, VOCABULARY, Origin

BEGIN = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
)
END = b'</rdf:RDF></x:xmpmeta>\n<?xpacket end="w"?>'
SPACES = (
    'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    'xmlns:zaohua="https://zaohua.github.io/zaohua/origin/"'
)
OURS = re.compile(
    rb'<rdf:Description rdf:about="" '
    + re.escape(SPACES).encode()
    + rb'[^<>]*? zaohua:record="([^"<>]{1,%d})"/>' % (6 * LONGEST)
)
"""The part of a packet that is ours."""
SOURCE = re.compile(rb"DigitalSourceType(?:=[\"']|>)\s*(" + re.escape(VOCABULARY).encode() + rb"\w{1,64})")
CLOSING = b"</rdf:RDF>"


def description(origin: Origin, record: str, alone: bool) -> bytes:
    """Return our part of a packet.

    Args:
        origin: what made the file.
        record: its record.
        alone: False in a packet of another program, which may hold properties that must be there once only.
    """
    stated = {"Iptc4xmpExt:DigitalSourceType": origin.source}
    if alone:
        stated |= {"xmp:CreatorTool": f"{origin.generator} {origin.version}", "xmp:CreateDate": origin.time}
    stated["zaohua:record"] = record
    listed = " ".join(f'{name}="{html.escape(value)}"' for name, value in stated.items() if value)
    return f'<rdf:Description rdf:about="" {SPACES} {listed}/>'.encode()


def packet(origin: Origin, record: str) -> bytes:
    """Return a packet of our own."""
    return BEGIN + description(origin, record, alone=True) + END


def merged(given: bytes, origin: Origin, record: str) -> bytes | None:
    """Return another program's packet with our part at its end; None if it has no place for it."""
    at = given.rfind(CLOSING)
    if at < 0 or given.count(b"\0"):  # in UTF-16, or none
        return None
    stated = Origin(source=None, time=origin.time) if SOURCE.search(given) else origin
    return given[:at] + description(stated, record, alone=False) + given[at:]


def without(given: bytes) -> bytes | None:
    """Return a packet without our part; None if it is ours as a whole."""
    rest = OURS.sub(b"", given)
    return None if rest == BEGIN + END else rest


def record_of(given: bytes) -> str | None:
    """Return the record that a packet holds, or None."""
    found = OURS.search(given)
    return None if found is None else html.unescape(found[1].decode("utf-8", "replace"))


def source_of(given: bytes) -> str | None:
    """Return the digital source type that a packet states, or None."""
    found = SOURCE.search(given)
    return None if found is None else found[1].decode()
