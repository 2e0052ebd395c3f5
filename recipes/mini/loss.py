"""Cross-entropy over a wide softmax from float16 logits, in one pass forward and one backward."""

import torch
import triton
import triton.language as tl


@triton.jit
def _forward(logits, bias, targets, loss, log_z, words: tl.constexpr, block: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    highest = tl.full([block], -1e30, tl.float32)
    total = tl.zeros([block], tl.float32)
    for start in range(0, words, block):
        at = start + tl.arange(0, block)
        mask = at < words
        x = tl.load(logits + row * words + at, mask, other=0.0).to(tl.float32) + tl.load(bias + at, mask, other=0.0)
        x = tl.where(mask, x, -1e30)
        new = tl.maximum(highest, x)
        total = total * tl.exp(highest - new) + tl.exp(x - new)
        highest = new
    top = tl.max(highest, 0)
    z = top + tl.log(tl.sum(total * tl.exp(highest - top), 0))
    target = tl.load(targets + row)
    score = tl.load(logits + row * words + target).to(tl.float32) + tl.load(bias + target)
    tl.store(log_z + row, z)
    tl.store(loss + row, z - score)


@triton.jit
def _backward(logits, bias, targets, log_z, words: tl.constexpr, block: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    z = tl.load(log_z + row)
    target = tl.load(targets + row)
    for start in range(0, words, block):
        at = start + tl.arange(0, block)
        mask = at < words
        x = tl.load(logits + row * words + at, mask, other=0.0).to(tl.float32) + tl.load(bias + at, mask, other=0.0)
        d = tl.exp(x - z) - tl.where(at == target, 1.0, 0.0)
        tl.store(logits + row * words + at, d.to(tl.float16), mask)


def forward_loss(logits, bias, targets):
    loss = torch.empty(len(logits), device=logits.device, dtype=torch.float32)
    log_z = torch.empty_like(loss)
    _forward[(len(logits),)](logits, bias, targets, loss, log_z, logits.shape[1], block=2048, num_warps=8)
    return loss, log_z


def backward_loss(logits, bias, targets, log_z):
    """Turn the logits into their gradient; returns the bias's, float32."""
    _backward[(len(logits),)](logits, bias, targets, log_z, logits.shape[1], block=2048, num_warps=8)
    return logits.sum(0, dtype=torch.float32)
