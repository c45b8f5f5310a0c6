"""Word error rate of sentences of `grammar`, as pocketsphinx hears them. Run it where pocketsphinx is installed.

    python -m venv asr && asr/bin/pip install pocketsphinx
    asr/bin/python benchmarks/speech/hear.py FOLDER...

Each folder holds 16-bit WAV files of 16 kHz, and `metadata.csv` with a line `name|sentence` for each. pocketsphinx has
the English acoustic model of its package, and the grammar that the sentences were made by: its language model of any
English text mistakes nine of ten words of espeak-ng's voice. Prints one JSON object for each folder.
"""

from __future__ import annotations

import json
import sys
import tempfile
import wave
from pathlib import Path

from grammar import KINDS, LOOKS, PEOPLE, PLACES, THINGS, VERBS
from pocketsphinx import Decoder

PAUSE = bytes(2 * 4800)
"""Silence of 0.3 s, put before and after each sentence."""


def jsgf() -> str:
    """Return the grammar of all sentences in JSGF."""
    looks, people, verbs, kinds, things, places = (
        f"({' | '.join(words)})" for words in (LOOKS, PEOPLE, VERBS, KINDS, THINGS, PLACES)
    )
    return (
        "#JSGF V1.0;\ngrammar sentences;\npublic <s> = (the | a | an | my | her) "
        f"[{looks}] {people} {verbs} (the | a | an | another | every) [{kinds}] {things} [{places}];\n"
    )


def edits(a: list[str], b: list[str]) -> int:
    """Count the words to insert, delete or replace between two texts: zaohua isn't installed beside pocketsphinx."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sentences.gram"
        path.write_text(jsgf())
        decoder = Decoder(samprate=16000, loglevel="FATAL", jsgf=str(path), lm=None)
        for given in map(Path, sys.argv[1:]):
            wrong = words = 0
            examples = []
            for line in (given / "metadata.csv").read_text("utf-8").splitlines():
                name, text = line.split("|")
                with wave.open(str(given / "wavs" / f"{name}.wav")) as file:
                    assert file.getframerate() == 16000 and file.getsampwidth() == 2
                    samples = file.readframes(file.getnframes())
                decoder.start_utt()
                decoder.process_raw(PAUSE + samples + PAUSE, full_utt=True)
                decoder.end_utt()
                heard = decoder.hyp().hypstr if decoder.hyp() else ""
                wrong, words = wrong + edits(text.split(), heard.split()), words + len(text.split())
                examples.append([text, heard])
            print(
                json.dumps({"folder": str(given), "word error rate": round(wrong / words, 4), "examples": examples[:3]})
            )


if __name__ == "__main__":
    main()
