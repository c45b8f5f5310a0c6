"""Measures by name: title, better direction, and definition in one line."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from zaohua.metrics.intervals import Interval


@dataclass(frozen=True)
class Measure:
    """Measure of samples, a column of tables.

    Attributes:
        title: title, with {extractor} or {target} as placeholders of names.
        better: better direction; "none" for descriptive measures.
        about: definition, in one line.
        percent: True for a fraction.
        most: upper limit.
        judge: name of the measure whose references decide whether this one tells anything (see `references`): itself,
            or one with an interval in the same features. Empty for measures that don't depend on references.
        pairs: True for fidelity to conditions, whose references are real pairs and shuffled ones. If conditions have
            several parts, there is one measure for each, named "accuracy:colour".
    """

    title: str
    better: Literal["lower", "higher", "none"]
    about: str
    percent: bool = False
    most: float = math.inf
    judge: str = ""
    pairs: bool = False

    def within(self, interval: Interval) -> Interval:
        """Clip an interval to the range of the measure."""
        least, most = (0.0, 1.0) if self.percent else (-math.inf, self.most)
        return Interval(interval.value, max(least, interval.low), min(most, interval.high))


MEASURES: dict[str, Measure] = {
    "frechet": Measure(
        "FD[{extractor}]", "lower", "Fréchet distance of features of samples to those of test items", judge="frechet"
    ),
    "frechet_corrected": Measure(
        "FD, less bias", "lower", "the same without the bias from the finite number of items", judge="frechet"
    ),
    "fid": Measure("FID", "lower", "Fréchet distance in the features of the standard Inception network", judge="fid"),
    "kernel": Measure("KD", "lower", "unbiased squared maximum mean discrepancy, cubic kernel", judge="frechet"),
    "precision": Measure(
        "precision", "higher", "fraction of samples within the manifold of test items", True, judge="precision"
    ),
    "recall": Measure(
        "recall", "higher", "fraction of test items within the manifold of samples", True, judge="precision"
    ),
    "diversity": Measure(
        "diversity",
        "none",
        "mean distance of samples of a class from one another over that of test "
        "items: 1 if they are as varied, 0 if they are all alike",
    ),
    "density": Measure(
        "density",
        "none",
        "mean number of neighbourhoods of test items that a sample is in, over its expectation; 1 for real items",
        judge="precision",
    ),
    "coverage": Measure(
        "coverage", "higher", "fraction of test items with a sample in their neighbourhood", True, judge="coverage"
    ),
    "sliced_wasserstein": Measure(
        "sliced W2", "lower", "mean Wasserstein distance of features along directions", judge="frechet"
    ),
    "two_sample": Measure(
        "told apart",
        "lower",
        "held-out accuracy of a classifier of samples against test items; chance is 50 %",
        True,
        judge="two_sample",
    ),
    "accuracy": Measure(
        "recognised",
        "higher",
        "fraction of samples that a classifier, trained on real pairs, assigns to the label they were made for",
        True,
        pairs=True,
    ),
    "tags_f1": Measure(
        "F1 of labels",
        "higher",
        "of the labels that a classifier, trained on real pairs, finds in samples, against those they were made for",
        True,
        pairs=True,
    ),
    "correlation": Measure(
        "correlation",
        "higher",
        "of the numbers that a regressor, trained on real pairs, reads off samples with those they were made for",
        most=1.0,
        pairs=True,
    ),
    "number_error": Measure(
        "error",
        "lower",
        "root mean square of the regressor's errors, in standard deviations of the training numbers",
        pairs=True,
    ),
    "matched": Measure(
        "matched",
        "higher",
        "fraction of samples that fit their condition better than nine others, as judged by a network trained on real "
        "pairs; chance is 10 %",
        True,
        pairs=True,
    ),
    "word_errors": Measure(
        "word error rate",
        "lower",
        "substituted, missing and added words in what a recogniser, trained on real pairs, hears, over the words asked "
        "for",
        pairs=True,
    ),
    "bleu": Measure(
        "BLEU-4",
        "higher",
        "of samples, against the test texts of the same condition, from 0 to 1",
        most=1.0,
        pairs=True,
    ),
    "cider": Measure(
        "CIDEr-D", "higher", "of samples, against the test texts of the same condition, from 0 to 10", pairs=True
    ),
    "exact_match": Measure(
        "word for word", "higher", "fraction of samples that equal a test text of the same condition", True, pairs=True
    ),
    "psnr": Measure(
        "PSNR", "higher", "of a sample to the test item with its condition, as pictures of 8 bits, in dB", pairs=True
    ),
    "psnr_best": Measure("PSNR, best", "higher", "the same, of the best of several samples", pairs=True),
    "psnr_mean": Measure("PSNR, mean", "higher", "the same, of the mean of several samples", pairs=True),
    "ssim": Measure(
        "SSIM", "higher", "structural similarity of a sample to the test item with its condition", most=1.0, pairs=True
    ),
    "ssim_best": Measure("SSIM, best", "higher", "the same, of the best of several samples", most=1.0, pairs=True),
    "si_sdr": Measure(
        "SI-SDR",
        "higher",
        "scale-invariant signal-to-distortion ratio of a sample to the test sound with its condition, in dB",
        pairs=True,
    ),
    "si_sdr_best": Measure("SI-SDR, best", "higher", "the same, of the best of several samples", pairs=True),
    "si_sdr_mean": Measure("SI-SDR, mean", "higher", "the same, of the mean of several samples", pairs=True),
    "log_spectral_distance": Measure(
        "log-spectral distance",
        "lower",
        "of a sample to the test sound with its condition, with windows of 32 ms, in powers of ten",
        pairs=True,
    ),
    "restored_psnr": Measure("PSNR", "higher", "of restored test items to the originals, as pictures of 8 bits, in dB"),
    "restored_ssim": Measure(
        "SSIM", "higher", "structural similarity of restored test items to the originals", most=1.0
    ),
    "restored_gain": Measure(
        "PSNR gained", "higher", "by restoring test items instead of doing nothing, of each of them, in dB"
    ),
    "retrieved": Measure(
        "retrieved",
        "higher",
        "fraction of test items to which the model gives a higher likelihood with their condition than with nine "
        "others; chance is 10 %",
        True,
        pairs=True,
    ),
    "classifier_score": Measure(
        "classifier score", "higher", "high if the classifier is certain of each sample and samples are of many classes"
    ),
    "inception_score": Measure("Inception score", "higher", "classifier score of the standard Inception network"),
    "copy_rate": Measure(
        "copy rate",
        "none",
        "fraction of samples at most half as far from a training item as from the nearest of as many held-out ones; p "
        "is the probability of so many without copying",
        True,
    ),
    "tree_score": Measure(
        "two-sample score",
        "higher",
        "1 - (2 AUC - 1) of boosted trees that classify rows as samples or test rows; 100 % if they can't",
        True,
        judge="tree_score",
    ),
    "trend": Measure(
        "trends",
        "higher",
        "mean over pairs of columns of the similarity of their correlations",
        True,
        judge="tree_score",
    ),
    "shape": Measure(
        "shapes",
        "higher",
        "mean over columns of the similarity of their distributions; independent columns can have 100 %",
        True,
    ),
    "utility_auc": Measure(
        "AUC of {target}",
        "higher",
        "of real test rows, by boosted trees that learnt from samples; 0.5 is chance",
        most=1.0,
        judge="utility_auc",
    ),
    "utility_f1": Measure(
        "F1 of {target}", "higher", "the same, mean of the F1 of each category", most=1.0, judge="utility_auc"
    ),
    "utility_r2": Measure(
        "R² of {target}",
        "higher",
        "of real test rows, by boosted trees that learnt from samples",
        most=1.0,
        judge="utility_r2",
    ),
    "closest": Measure(
        "nearer to training",
        "none",
        "fraction of samples whose nearest real row is a training row rather than one of as many held-out ones; "
        "chance is 50 %, and p is the probability of so many",
        True,
    ),
    "row_copies": Measure(
        "copied rows",
        "none",
        "fraction of samples that equal a training row in all columns; p is that of so many more than of test rows",
        True,
    ),
    "log_likelihood": Measure("log-likelihood", "higher", "of test items, nats per item"),
    "bits_per_dim": Measure("bits per dim", "lower", "the negative log-likelihood per number of an item"),
    "bits_per_sample": Measure("bits per sample", "lower", "the negative log-likelihood per sample of a wave"),
    "log_density": Measure(
        "log-density",
        "none",
        "of test items whose levels the model takes for real numbers: it may "
        "exceed any log-probability, and isn't compared",
    ),
    "bits_per_byte": Measure(
        "bits per byte", "lower", "of test texts, in windows of half the context; the unit is that of any tokenizer"
    ),
    "nats_per_note": Measure(
        "nats a note", "lower", "the negative log-likelihood of test pieces, divided by the number of their notes"
    ),
    "nats_per_piece": Measure("nats a piece", "lower", "the negative log-likelihood of a test piece, their mean"),
    "copied": Measure(
        "copied",
        "none",
        "fraction of the samples that occurs in the training text in passages of at least 30 characters",
        True,
    ),
    "copied_notes": Measure(
        "copied",
        "none",
        "fraction of the samples' notes that occurs in a training piece, in any key, in passages of at least 24 notes",
        True,
    ),
}
"""Measures of this package, in the order of tables."""
_ADDED: dict[str, Measure] = {}


def add_measures(measures: Mapping[str, Measure]) -> None:
    """Register additional measures of a protocol, see `EvaluationProtocol.measures`; built-in ones aren't replaced."""
    _ADDED.update({name: measure for name, measure in measures.items() if name not in MEASURES})


def measure_names() -> tuple[str, ...]:
    """Return the names of all measures, in the order of tables."""
    return (*MEASURES, *_ADDED)


def sorted_names(names: Iterable[str]) -> list[str]:
    """Sort names of measures in the order of tables, those of parts of conditions after one another."""
    order = {name: i for i, name in enumerate(measure_names())}
    return sorted((name for name in names if base_of(name) in order), key=lambda name: order[base_of(name)])


def base_of(name: str) -> str:
    """Return the name of a measure without the part of the conditions."""
    return name.partition(":")[0]


def measure_of(name: str) -> Measure:
    """Return a measure by name; a descriptive placeholder if the protocol that defines it isn't imported."""
    base, _, part = name.partition(":")
    found = MEASURES.get(base) or _ADDED.get(base) or Measure(name, "none", "")
    return replace(found, title=f"{found.title} of {part}") if part else found
