"""InputContract: how a raw sample becomes the model's input - said once, executed only here.

Calibration, validation, the agent on a board and a deployed runner all call `InputContract.apply`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from edgekit.core.tensor import Layout


@dataclass(frozen=True)
class InputContract:
    """From a raw sample to `float32[1, ...]`.

    A raw image is `uint8[h, w, c]` with c of 1 (grey) or 3 (RGB order); a raw tensor is any numeric array without a
    batch axis. Steps, in this order: resize, crop, channel order, (x - mean) / std, layout, batch axis.

    Attributes:
        kind: `image` runs every step; `tensor` runs only (x - mean) / std and the batch axis.
        height: Rows of the model's input, in pixels. Images only.
        width: Columns of the model's input, in pixels. Images only.
        channels: Channel order the model wants.
        layout: Axis order the model wants.
        resize: `none`; `stretch` to height x width; `short-side` to `resize_to` pixels, keeping the aspect ratio.
        resize_to: Length of the short side after a `short-side` resize, in pixels.
        crop: `center` cuts height x width from the middle.
        interpolation: Filter of the resize.
        mean: Subtracted, in the units of the raw sample (0..255 for images); one value, or one per channel.
        std: Divided by, same units; one value, or one per channel.
    """

    kind: Literal["image", "tensor"] = "tensor"
    height: int | None = None
    width: int | None = None
    channels: Literal["rgb", "bgr", "gray"] = "rgb"
    layout: Layout = Layout.NHWC
    resize: Literal["none", "stretch", "short-side"] = "none"
    resize_to: int | None = None
    crop: Literal["none", "center"] = "none"
    interpolation: Literal["nearest", "bilinear", "bicubic"] = "bilinear"
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    def apply(self, raw: Any) -> Any:
        """One raw sample to the model's float input.

        Args:
            raw: `uint8[h, w, c]` or `uint8[h, w]` for an image; any numeric array for a tensor.

        Returns:
            `float32[1, ...]` in the layout of the contract.

        Raises:
            ValueError: The sample's shape cannot become what the contract says; the message names both shapes.
        """
        import numpy as np

        sample = self.fit(raw)
        real = (sample.astype(np.float32) - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)
        if self.kind == "image" and self.layout is Layout.NCHW:
            real = real.transpose(2, 0, 1)
        return np.ascontiguousarray(real[np.newaxis], dtype=np.float32)

    def fit(self, raw: Any) -> Any:
        """The first half of `apply`: resize, crop and channel order, still in raw values; a tensor is left as it is.

        Returns:
            `uint8[height, width, c]` for an image.

        Raises:
            ValueError: As `apply`.
        """
        import numpy as np

        sample = np.asarray(raw)
        if self.kind == "tensor":
            return sample
        if sample.ndim == 2:
            sample = sample[:, :, None]
        if sample.ndim != 3 or sample.shape[2] not in (1, 3):
            raise ValueError(f"an image is [height, width, 1 or 3 channels]; this sample is {list(sample.shape)}")
        sample = self._channels(self._crop(self._resize(sample)))
        wanted = (self.height or sample.shape[0], self.width or sample.shape[1])
        if sample.shape[:2] != wanted:
            found = f"{sample.shape[0]}x{sample.shape[1]}"
            raise ValueError(
                f"the image is {found} and the contract, with resize {self.resize}, wants {wanted[0]}x{wanted[1]}"
            )
        return sample

    def after_fit(self) -> InputContract:
        """The second half: the contract that makes of `fit(raw)` what this one makes of `raw`."""
        return replace(self, resize="none", crop="none", channels="gray" if self.channels == "gray" else "rgb")

    def _resize(self, sample: Any) -> Any:
        rows, columns = sample.shape[:2]
        if self.resize == "none":
            return sample
        if self.resize == "stretch":
            size = (self.width or columns, self.height or rows)
        else:
            scale = (self.resize_to or min(self.height or rows, self.width or columns)) / min(rows, columns)
            size = (round(columns * scale), round(rows * scale))
        if size == (columns, rows):
            return sample
        return resize_image(sample, size, self.interpolation)

    def _crop(self, sample: Any) -> Any:
        if self.crop == "none" or self.height is None or self.width is None:
            return sample
        top, left = (sample.shape[0] - self.height) // 2, (sample.shape[1] - self.width) // 2
        if top < 0 or left < 0:
            raise ValueError(f"cannot crop {self.height}x{self.width} from an image of {sample.shape[0]}x{sample.shape[1]}")
        return sample[top : top + self.height, left : left + self.width]

    def _channels(self, sample: Any) -> Any:
        import numpy as np

        grey = sample.shape[2] == 1
        if self.channels == "gray":
            # ITU-R BT.601 luma, the weights PIL uses for convert("L").
            return (
                sample
                if grey
                else np.rint(sample @ np.array([0.299, 0.587, 0.114], np.float32))[:, :, None].astype(sample.dtype)
            )
        colour = np.repeat(sample, 3, axis=2) if grey else sample
        return colour[:, :, ::-1] if self.channels == "bgr" else colour


def resize_image(sample: Any, size: tuple[int, int], interpolation: str) -> Any:
    """Resizes `uint8[h, w, c]` to (width, height) with PIL's antialiased filters."""
    import numpy as np
    from PIL import Image

    filters = {
        "nearest": Image.Resampling.NEAREST,
        "bilinear": Image.Resampling.BILINEAR,
        "bicubic": Image.Resampling.BICUBIC,
    }
    picture = Image.fromarray(sample[:, :, 0] if sample.shape[2] == 1 else sample)
    resized = np.asarray(picture.resize(size, filters[interpolation]))
    return resized[:, :, None] if resized.ndim == 2 else resized
