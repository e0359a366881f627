"""What all tests of the NFM share."""

from collections.abc import Iterator

import pytest
from microrank.nfm import folded_model
from nfm.bfloat16 import imitated_relu_layer


@pytest.fixture(scope="module", autouse=True)
def _bfloat16_on_every_processor() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as imitation:
        if not folded_model.multiplies_bfloat16():
            imitation.setattr(folded_model, "relu_layer", imitated_relu_layer)
        yield
