"""The files that go along with an exported model: samplers in numpy, which know nothing of this package.

`zaohua export` copies `exported.py`, and one of the others as `sampler.py`. So they import numpy and the standard
library only, and onnxruntime or torch when a network is loaded.
"""
