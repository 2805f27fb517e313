"""How one network is run, and in which precision: by TensorFlow or OpenVINO, with faster layers.

May import: no other room.
"""
