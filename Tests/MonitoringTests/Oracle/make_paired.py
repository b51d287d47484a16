"""Answers to comparisons of two scores of the same patches: /usr/bin/python3 make_paired.py (needs NumPy and SciPy)

writes paired.json beside this file: DeLong's covariance from its definition, pair by pair of patches, and McNemar's exact
test by SciPy's binomial test. The scores are those of make_answers.py and, as the second, the fraction of 7.3 times them.
"""
import ast
import json
import math
import pathlib

import numpy as np
from scipy import stats

# The data sets only: make_answers.py needs libraries that this does not.
SOURCE = pathlib.Path(__file__).with_name("make_answers.py").read_text()
WANTED = {"SplitMix64", "data_set", "KINDS", "SETS", "MASK"}
BODY = [node for node in ast.parse(SOURCE).body
        if getattr(node, "name", None) in WANTED
        or isinstance(node, ast.Assign) and node.targets[0].id in WANTED]
SPACE = {"np": np, "math": math}
exec(compile(ast.Module(BODY, []), "make_answers.py", "exec"), SPACE)


def kernel(tumours, normals):
    return (tumours[:, None] > normals[None, :]) + 0.5 * (tumours[:, None] == normals[None, :])


def answer(seed):
    score, label, _, _ = SPACE["data_set"](seed)
    label = label.astype(bool)
    second = np.modf(7.3 * score)[0]
    result = {"seed": seed, "mcnemar": 1.0}
    right = [(s >= 0.5) == label for s in (score, second)]
    b, c = int((right[0] & ~right[1]).sum()), int((~right[0] & right[1]).sum())
    if b + c:
        result["mcnemar"] = float(stats.binomtest(b, b + c, 0.5).pvalue)
    if min(label.sum(), (~label).sum()) >= 2:
        k = kernel(score[label], score[~label]) - kernel(second[label], second[~label])
        result["difference"] = float(k.mean())
        variance = k.mean(1).var(ddof=1) / label.sum() + k.mean(0).var(ddof=1) / (~label).sum()
        result["error"] = float(np.sqrt(variance))
    return result


if __name__ == "__main__":
    answers = [answer(seed) for seed in range(SPACE["SETS"])]
    pathlib.Path(__file__).with_name("paired.json").write_text(json.dumps(answers))
