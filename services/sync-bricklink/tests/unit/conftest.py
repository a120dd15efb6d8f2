from hypothesis import settings

settings.register_profile(
    "brickops", deadline=None
)  # how long an example takes says more about the machine than the code
settings.load_profile("brickops")
