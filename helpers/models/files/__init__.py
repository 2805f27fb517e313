"""Files of weights, as diffusers and the web UIs save them: opened, understood, read tensor by tensor.

However a file names its tensors, within the project they have diffusers' names.
"""
