"""A layer that cannot stand where it does gives exit code 2, one line that names it and says what to do, and leaves nothing behind."""
import sys
import unittest

from program import Folder

# What is wrong, the network on inputs of shape (3, 2), and the words that the line must have: the layer, the shapes, what to do.
LAYERS = [
    ("a filter larger than the image", ["dense", {"conv": {"filter_shape": [4]}}], ["1", "conv", "4", "(3, ?)", "VALID", "SAME"]),
    ("a filter larger than the image, transposed strides", [{"conv_local": {"filter_shape": [5], "strides": [2]}}], ["0", "conv_local", "5", "(3, 2)"]),
    ("a filter of too many axes", [{"conv": {"filter_shape": [2, 2]}}], ["conv", "filter_shape", "2", "(3, 2)", "1"]),
    ("a pool that leaves nothing", ["dense", {"avg_pool": {"window_shape": [2], "strides": [2]}}, {"sum_pool": {"window_shape": [2]}}],
     ["2", "sum_pool", "window_shape", "(1, ?)", "VALID"]),
    ("attention to a wrong axis", [{"global_self_attention": {"channel_axis": 1}}, "flatten"], ["global_self_attention", "channel_axis", "1", "-1", "3"]),
    ("attention without positions", ["flatten", "global_self_attention"], ["1", "global_self_attention", "(6)", "positions"]),
    ("attention that is random at infinite width", [{"global_self_attention": {"linear_scaling": False}}, "flatten"],
     ["0", "global_self_attention", "linear_scaling", "SOFTMAX", "IDENTITY", "infinite width"]),
    ("a resize of the channels", ["dense", {"image_resize": {"shape": [-1, 6, 4], "method": "linear"}}], ["1", "image_resize", "4", "channels", "-1"]),
    ("a resize of too few axes", [{"image_resize": {"shape": [6], "method": "linear"}}], ["image_resize", "1", "3", "(3, 2)"]),
    ("an index out of range", ["dense", {"index": {"idx": [":", 3, ":"]}}], ["1", "index", "3", "(3, ?)", "2"]),
    ("an index that leaves nothing", [{"index": {"idx": [":", "2:1"]}}], ["index", "2:1", "(3, 2)"]),
    ("an activation after an activation", [{"conv": {"filter_shape": [2]}}, "relu", "relu", "flatten"], ["2", "relu", "1", "Gaussian", "dense"]),
    ("an activation of the data", ["relu", "flatten"], ["0", "relu", "input", "Gaussian"]),
    ("a network that ends with positions", [{"conv": {"filter_shape": [2]}}], ["0", "conv", "2", "flatten", "global_avg_pool"]),
    ("a graph that is not given", ["dense", "aggregate", "flatten"], ["1", "aggregate", "data.train.pattern"]),
    ("a graph of channels", [{"aggregate": {"aggregate_axis": 2}}, "flatten"], ["0", "aggregate", "aggregate_axis", "channels", "2"]),
    ("a graph on an axis that is not there", [{"aggregate": {"aggregate_axis": [5]}}], ["aggregate_axis", "5", "(3, 2)", "3"]),
    ("a graph without vertices", ["flatten", "aggregate"], ["1", "aggregate", "(6)", "vertices"]),
    ("branches of two shapes, one of them empty", ["dense", {"sum": [[], [{"conv": {"filter_shape": [2]}}]]}, "flatten"],
     ["1", "sum", "branch", "empty", "(3, ?)", "0", "(2, ?)", "1/1/0"]),
    ("an activation behind dropout", ["flatten", "dense", {"dropout": {"rate": 0.5}}, "relu"], ["3", "relu", "2", "dropout", "Gaussian", "dense"]),
    ("parameters that are no mapping", [{"conv": 64}], ["0", "conv", "64", "out_chan"]),
    ("a name in capitals", ["GlobalAvgPool"], ["GlobalAvgPool", "global_avg_pool", "docs/layers.md"]),
    ("an empty network", [], ["job.yaml", "empty"]),
    ("embeddings that are related and not there", [{"global_self_attention": {"pos_emb_decay_fn": "exp"}}, "flatten"],
     ["0", "pos_emb_decay_fn", "NONE", "SUM"]),
    ("embeddings that no numbers can relate so", [{"global_self_attention": {"pos_emb_type": "SUM", "pos_emb_decay_fn": [1, 0.9]}}, "flatten"],
     ["0", "pos_emb_decay_fn", "covariance", "3"]),
    ("patches of other axes", {"family": "vision_transformer"}, ["vision_transformer", "patch_shape", "[4, 4]", "(3, 2)"]),
    ("embeddings that weigh against an unknown width", {"family": "vision_transformer", "patch_shape": [1], "pos_emb_type": "CONCAT"},
     ["vision_transformer", "pos_emb_type", "CONCAT", "width"]),
    ("a factor of widths beyond integers", {"family": "wide_resnet", "k": 100000000000, "filter_shape": [3]}, ["wide_resnet", "k", "2147483647"]),
    ("a gaussian that grows too fast", ["flatten", "dense", {"gaussian": {"b": 2}}, "dense"], ["job.yaml", "2", "gaussian", "0.125", "w_std"]),
    ("graphs that are neither", [{"aggregate": {"implementation": "COO"}}], ["implementation", "COO", "DENSE", "SPARSE"]),
]


class BadLayers(Folder):
    def test_layers(self):
        self.write_data()
        for what, network, words in LAYERS:
            with self.subTest(what):
                self.write_job(self.job(network=network, data={"shape": [3, 2]}))
                self.expect_line(["kernel", "job.yaml"], words)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
