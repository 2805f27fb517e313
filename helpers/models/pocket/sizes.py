"""What the pocket model's networks take and give, in numbers; known without loading Keras."""

SIZE = 128  # pixels of a picture's side
FACTOR = 8  # pixels of a latent's cell
LATENT_CHANNELS = 4
MAX_LENGTH = 24  # tokens of a prompt
CONTEXT_WIDTH = 160
