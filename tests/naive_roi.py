"""The oracle of regions of interest, boxes, interpolation and embedding; see naive.py for its rules.

Positions are worked out in the number type `real`: where a bin's edge or a number of samples is rounded, float32
may round to another whole number than float64, and both are right for their arrays.
"""

import math

import numpy as np
from naive import f64, pair


def finite_corners(box, scale, real):
    """x1, y1, x2, y2 in pixels, or None where one is not finite."""
    with np.errstate(over="ignore"):
        corners = [real(v) * real(scale) for v in box[1:]]
    return corners if all(np.isfinite(corners)) else None


def round_half_away(value, most=2**30):
    """Saturating far outside any image."""
    return min(math.floor(abs(float(value)) + 0.5), most) * (1 if value >= 0 else -1)


def pool_edges(first, last, bins, size, real):
    """(begin, end) of each bin along one axis, from the rounded ends of the box."""
    length = max(last - first + 1, 1)
    step = real(length) / real(bins)
    for i in range(bins):
        begin = math.floor(real(i) * step) + first
        end = math.ceil(real(i + 1) * step) + first
        yield min(max(begin, 0), size), min(max(end, 0), size)


def pool_bins(box, output_size, scale, image, real):
    """(i, j, rows, columns) of each bin of a box."""
    (oh, ow), (h, w) = pair(output_size), image
    corners = finite_corners(box, scale, real)
    if corners is None:
        return [(i, j, range(0), range(0)) for i in range(oh) for j in range(ow)]
    x1, y1, x2, y2 = (round_half_away(v) for v in corners)
    rows, columns = list(pool_edges(y1, y2, oh, h, real)), list(pool_edges(x1, x2, ow, w, real))
    return [(i, j, range(*rows[i]), range(*columns[j])) for i in range(oh) for j in range(ow)]


def roi_pool(x, boxes, output_size, spatial_scale=1.0, real=np.float64):
    """(values, positions row * w + column, -1 where a bin is empty)."""
    x, (oh, ow) = f64(x), pair(output_size)
    y = np.zeros((len(boxes), x.shape[1], oh, ow))
    at = np.full(y.shape, -1, np.int64)
    for k, box in enumerate(boxes):
        for i, j, rows, columns in pool_bins(box, output_size, spatial_scale, x.shape[2:], real):
            for c in range(x.shape[1]):
                plane, best = x[int(box[0]), c], None
                for r in rows:
                    for s in columns:
                        if best is None or plane[r, s] > best or np.isnan(plane[r, s]):
                            best, at[k, c, i, j] = plane[r, s], r * x.shape[3] + s
                y[k, c, i, j] = 0 if best is None else best
    return y, at


def roi_pool_grad_input(gy, x, boxes, spatial_scale=1.0, real=np.float64):
    gy, gx = f64(gy), np.zeros(np.shape(x))
    _, at = roi_pool(x, boxes, gy.shape[2:], spatial_scale, real)
    for k, box in enumerate(boxes):
        for c in range(gy.shape[1]):
            for place, g in zip(at[k, c].ravel(), gy[k, c].ravel(), strict=True):
                if place >= 0:
                    gx[int(box[0]), c].ravel()[place] += g
    return gx


def bilinear(y, x, h, w):
    """(row, column, weight) of one sample; nothing outside [-1, h] x [-1, w]."""
    if not (-1 <= y <= h and -1 <= x <= w):
        return []
    y, x = min(max(y, 0), h - 1), min(max(x, 0), w - 1)
    top, left = math.floor(y), math.floor(x)
    found = []
    for r, wy in ((top, 1 - (y - top)), (top + 1, y - top)):
        for s, wx in ((left, 1 - (x - left)), (left + 1, x - left)):
            if wy * wx != 0:
                found.append((r, s, wy * wx))
    return found


def align_samples(box, output_size, scale, sampling_ratio, aligned, image, real):
    """(i, j, taps with the weights of the mean) of each bin of a box."""
    oh, ow = pair(output_size)
    corners = finite_corners(box, scale, real)
    bins = [(i, j) for i in range(oh) for j in range(ow)]
    if corners is None:
        return [(i, j, []) for i, j in bins]
    x1, y1, x2, y2 = (v - real(0.5 if aligned else 0) for v in corners)
    height, width = y2 - y1, x2 - x1
    if not aligned:
        height, width = max(height, real(1)), max(width, real(1))
    bin_h, bin_w = height / real(oh), width / real(ow)
    ny = sampling_ratio if sampling_ratio > 0 else math.ceil(bin_h)
    nx = sampling_ratio if sampling_ratio > 0 else math.ceil(bin_w)
    found = []
    for i, j in bins:
        taps = []
        for a in range(ny):
            for b in range(nx):
                y = y1 + real(i) * bin_h + real(a + 0.5) * bin_h / real(ny)
                x = x1 + real(j) * bin_w + real(b + 0.5) * bin_w / real(nx)
                taps += [(r, s, weight / (ny * nx)) for r, s, weight in bilinear(float(y), float(x), *image)]
        found.append((i, j, taps))
    return found


def roi_align(x, boxes, output_size, spatial_scale=1.0, sampling_ratio=-1, aligned=False, real=np.float64):
    x, (oh, ow) = f64(x), pair(output_size)
    y = np.zeros((len(boxes), x.shape[1], oh, ow))
    for k, box in enumerate(boxes):
        for i, j, taps in align_samples(box, (oh, ow), spatial_scale, sampling_ratio, aligned, x.shape[2:], real):
            for r, s, weight in taps:
                y[k, :, i, j] += weight * x[int(box[0]), :, r, s]
    return y


def roi_align_grad_input(gy, boxes, input_shape, spatial_scale=1.0, sampling_ratio=-1, aligned=False, real=np.float64):
    gy, gx = f64(gy), np.zeros(input_shape)
    for k, box in enumerate(boxes):
        samples = align_samples(box, gy.shape[2:], spatial_scale, sampling_ratio, aligned, input_shape[2:], real)
        for i, j, taps in samples:
            for r, s, weight in taps:
                gx[int(box[0]), :, r, s] += weight * gy[k, :, i, j]
    return gx


# ---- boxes ---------------------------------------------------------------------------------------------
def iou(a, b):
    wide = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    high = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    area = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    if np.isnan([*a, *b]).any() or area - wide * high == 0:
        return np.nan
    return wide * high / (area - wide * high)


def box_iou(a, b):
    return np.array([[iou(x, y) for y in f64(b)] for x in f64(a)]).reshape(len(a), len(b))


def nms(boxes, scores, threshold, idxs=None):
    order = sorted(range(len(boxes)), key=lambda i: (not np.isnan(scores[i]), -scores[i], i))
    kept = []
    for i in order:
        rivals = [j for j in kept if idxs is None or idxs[i] == idxs[j]]
        if not any(iou(f64(boxes[i]), f64(boxes[j])) > threshold for j in rivals):
            kept.append(i)
    return np.array(kept, np.int64)


# ---- interpolation -------------------------------------------------------------------------------------
def cubic(d, a=-0.75):
    d = abs(d)
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a if d < 2 else 0.0


def axis_matrix(size, results, mode, align_corners, scale):
    """[results, size]: the weights of the pixels of one axis in each result."""
    weights = np.zeros((results, size))
    step = size / results if scale is None else 1 / scale
    for i in range(results):
        if results == size and mode in ("nearest", "linear", "bilinear", "trilinear"):
            weights[i, i] = 1
            continue
        if results == 2 * size and mode == "nearest":
            weights[i, i // 2] = 1
            continue
        if mode.startswith("nearest"):
            at = np.float32(i + (0.5 if mode == "nearest-exact" else 0)) * np.float32(step)
            weights[i, min(int(at), size - 1)] = 1
            continue
        at = i * (size - 1) / max(results - 1, 1) if align_corners else (i + 0.5) * step - 0.5
        if mode == "bicubic":
            for pixel in range(math.floor(at) - 1, math.floor(at) + 3):
                weights[i, min(max(pixel, 0), size - 1)] += cubic(at - pixel)
        else:
            at = min(max(at, 0), size - 1)
            low = math.floor(at)
            weights[i, low] += 1 - (at - low)
            weights[i, min(low + 1, size - 1)] += at - low
    return weights


def axes_of(x_shape, size, scale_factor, mode, align_corners):
    rank = len(x_shape) - 2
    factors = [None] * rank if scale_factor is None else np.broadcast_to(scale_factor, rank).tolist()
    if size is None:
        size = [math.floor(n * f) for n, f in zip(x_shape[2:], factors, strict=True)]
    size = np.broadcast_to(size, rank).tolist()
    return [axis_matrix(n, o, mode, align_corners, f) for n, o, f in zip(x_shape[2:], size, factors, strict=True)]


def along_axes(x, matrices):
    for axis, matrix in enumerate(matrices, 2):
        x = np.moveaxis(np.tensordot(matrix, x, (1, axis)), 0, axis)
    return x


def interpolate(x, size=None, scale_factor=None, mode="nearest", align_corners=None):
    x = f64(x)
    return along_axes(x, axes_of(x.shape, size, scale_factor, mode, align_corners))


def interpolate_grad_input(gy, input_shape, scale_factor=None, mode="nearest", align_corners=None):
    gy = f64(gy)
    size = gy.shape[2:] if scale_factor is None else None
    matrices = axes_of(input_shape, size, scale_factor, mode, align_corners)
    return along_axes(gy, [matrix.T for matrix in matrices])


# ---- embedding -----------------------------------------------------------------------------------------
def embedding(indices, weight):
    weight = f64(weight)
    y = np.zeros((*np.shape(indices), weight.shape[1]))
    for at in np.ndindex(np.shape(indices)):
        y[at] = weight[indices[at]]
    return y


def embedding_grad_weight(gy, indices, rows, padding_idx=None):
    gy = f64(gy)
    gw = np.zeros((rows, gy.shape[-1]))
    for at in np.ndindex(np.shape(indices)):
        if padding_idx is None or indices[at] != padding_idx % rows:
            gw[indices[at]] += gy[at]
    return gw
