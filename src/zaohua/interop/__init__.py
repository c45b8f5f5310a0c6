"""Weights and files of other programs: Hugging Face's folders, GGUF, ONNX."""
