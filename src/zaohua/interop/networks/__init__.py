"""Networks of models as they run elsewhere: ONNX and programs of torch, with samplers in numpy."""
