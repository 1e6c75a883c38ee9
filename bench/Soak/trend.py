"""Whether a series grows, when neighbouring samples are alike."""

import math
from dataclasses import dataclass

BATCHES = 12
# Student's t, 97.5 %, by degrees of freedom.
T = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26, 10: 2.23}


@dataclass
class Trend:
    """Units an hour, with a 95 % confidence interval."""

    slope: float
    low: float
    high: float


def regression(points):
    """Slope, its standard error, and the residuals."""
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    residuals = [y - mean_y - slope * (x - mean_x) for x, y in points]
    error = math.sqrt(sum(r * r for r in residuals) / (count - 2) / spread)
    return slope, error, residuals


def trend(samples):
    """Of (second, value). Memory moves slowly, so samples that follow each other tell little more than one does, and
    the usual interval would be far too narrow. The samples are put into twelve batches, whose means are nearly
    independent, and the interval is that of a line through the means, wider by what autocorrelation is left in them."""
    size = len(samples) / BATCHES
    if size < 2:
        raise ValueError(f"{len(samples)} samples are too few for {BATCHES} batches")
    means = []
    for index in range(BATCHES):
        batch = samples[int(index * size):int((index + 1) * size)]
        means.append((sum(x for x, _ in batch) / len(batch), sum(y for _, y in batch) / len(batch)))
    slope, error, residuals = regression(means)
    power = sum(r * r for r in residuals)
    likeness = sum(a * b for a, b in zip(residuals, residuals[1:])) / power if power else 0.0
    likeness = min(max(likeness, 0.0), 0.9)
    width = T[BATCHES - 2] * error * math.sqrt((1 + likeness) / (1 - likeness))
    return Trend(slope * 3600, (slope - width) * 3600, (slope + width) * 3600)
