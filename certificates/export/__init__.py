"""From a certificate to a plain decoder that other programs run: dense parameters, PyTorch, safetensors, ONNX."""
