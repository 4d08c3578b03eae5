"""More golden values of ONNX networks, as make_onnx.py has them.   make_onnx_more.py [DIR]   (default: the folder of this script)

What the first ones lack: groups, instances, transposed convolutions, PReLU, Mish, padding, pools with ceil_mode, maxima, log-softmax; a causal
mask; the Attention node of opset 23; a padding mask that is computed from the tokens. Initializers that are no parameters of PyTorch stay in the
files, as its exporters write them; the attribute `skip` names them. Made with torch 2.15.0, onnx 1.23.2, onnxscript 0.7.2, h5py 3.16.0."""
import json
import sys
import warnings
from pathlib import Path

import h5py
import numpy as np
import onnx
import torch
from torch import nn
from torch.nn import functional as F

TRAIN, TEST = 4, 3


class Mixed(nn.Module):
    """Images through what is seldom used."""

    def __init__(self):
        super().__init__()
        self.conv, self.group, self.instance = nn.Conv2d(2, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.InstanceNorm2d(8, affine=True)
        self.turned, self.slope = nn.ConvTranspose2d(8, 6, 3, 2, 1, output_padding=1, groups=2), nn.PReLU(6)
        self.dilated, self.head = nn.Conv2d(6, 4, 3, 2, dilation=2, groups=2), nn.Linear(4, 3)

    def forward(self, x):
        x = F.mish(self.instance(F.silu(self.group(self.conv(x)))))
        x = F.pad(F.softplus(self.dilated(self.slope(self.turned(x)))), (1, 1, 0, 1))
        return F.log_softmax(self.head(F.avg_pool2d(x, 2, 1, 1).amax((2, 3)) + F.max_pool2d(x, 3, 2, ceil_mode=True).mean((2, 3))), -1)


class Words(nn.Module):
    """Tokens through one attention; a causal mask, or one that hides the tokens 0."""

    def __init__(self, causal):
        super().__init__()
        self.word, self.attention = nn.Embedding(20, 16), nn.MultiheadAttention(16, 4, batch_first=True)
        self.norm, self.head, self.causal = nn.LayerNorm(16), nn.Linear(16, 3), causal

    def forward(self, words):
        x, length = self.word(words), words.shape[1]
        if self.causal:
            mask = torch.triu(torch.full((length, length), float('-inf')), 1)
            y, _ = self.attention(x, x, x, attn_mask=mask, need_weights=False)
        else:
            q, k, v = (p.unflatten(-1, (4, 4)).transpose(1, 2) for p in F.linear(x, self.attention.in_proj_weight, self.attention.in_proj_bias).chunk(3, -1))
            scores = (q @ k.transpose(-1, -2) / 2).masked_fill((words == 0)[:, None, None], float('-inf'))
            y = self.attention.out_proj((torch.softmax(scores, -1) @ v).transpose(1, 2).flatten(2))
        return self.head(self.norm(x + y)[:, -1])


CASES = {
    'mixed': (Mixed, (2, 9, 9), 0, 17),
    'mixed_recent': (Mixed, (2, 9, 9), 0, 18),
    'causal': (lambda: Words(True), (7,), 20, 20),
    'causal_recent': (lambda: Words(True), (7,), 20, 23),
    'padded': (lambda: Words(False), (6,), 20, 17),
    'padded_recent': (lambda: Words(False), (6,), 20, 23),
}


def export(net, x, opset, path):
    names = dict(input_names=['x'], output_names=['y'], opset_version=opset)
    if opset < 18:
        torch.onnx.export(net, (x[:2],), path, dynamo=False, dynamic_axes={'x': {0: 'n'}, 'y': {0: 'n'}}, **names)
    else:
        torch.onnx.export(net, (x[:2],), path, dynamo=True, dynamic_shapes=({0: torch.export.Dim('n')},), external_data=False, verbose=False, **names)
    model = onnx.load(path)
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        part.ClearField('metadata_props')
        part.ClearField('doc_string')
    onnx.save(model, path)
    known = {tuple(np.sort(p.detach().numpy(), None)) for p in net.parameters()}
    return [i.name for i in graph.initializer if i.data_type == onnx.TensorProto.FLOAT and tuple(np.sort(onnx.numpy_helper.to_array(i), None)) not in known]


def jacobian(net, x):
    def row(y):
        grads = torch.autograd.grad(y, list(net.parameters()), retain_graph=True)
        return torch.cat([g.flatten() for g in grads])
    return torch.stack([torch.stack([row(y) for y in net(one[None])[0]]) for one in x])


def write(folder):
    with h5py.File(folder / 'onnx_more.h5', 'w', libver=('v108', 'v110')) as file:
        for number, (name, (make, shape, words, opset)) in enumerate(CASES.items()):
            torch.manual_seed(3000 + number)
            net = make().eval()
            with torch.no_grad():
                for p in net.parameters():
                    p += 0.2 * torch.randn_like(p)
            size = (TRAIN + TEST,) + shape
            x = torch.randint(words, size) if words else torch.randn(size)
            if 'padded' in name:
                x[:, 1:4] *= torch.randint(2, (len(x), 3))  # some tokens are 0
            skip = export(net, x, opset, str(folder / f'onnx/{name}.onnx'))
            net, x = net.double(), x if words else x.double()
            x1, x2 = x[:TRAIN], x[TRAIN:]
            j1, j2 = jacobian(net, x1), jacobian(net, x2)
            group = file.create_group(name)
            group.attrs.update(origin=f'torch {torch.__version__.split("+")[0]}, float64', opset=opset, skip=json.dumps(skip))
            with torch.no_grad():
                y1, y2 = net(x1), net(x2)
            group.update({'x1': x1, 'x2': x2, 'y1': y1, 'y2': y2})
            group['train_train/ntk'] = torch.einsum('nop,mop->nm', j1, j1) / 3
            group['test_train/ntk'] = torch.einsum('nop,mop->nm', j2, j1) / 3
            group['test_train/ntk_full'] = torch.einsum('nop,mqp->nmoq', j2, j1)
            group['test_train/nngp'] = y2 @ y1.T / 3
            print(name, skip, flush=True)


if __name__ == '__main__':
    torch.backends.mha.set_fastpath_enabled(False)
    warnings.simplefilter('ignore')
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
