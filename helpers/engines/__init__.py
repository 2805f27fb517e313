"""How one network is run, and in which precision: TensorFlow with or without XLA, OpenVINO, faster layers.

Imports no other room; knows Keras.
"""
