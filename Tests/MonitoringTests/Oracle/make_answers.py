"""Answers of independent implementations to the seeded data sets that the Swift tests make too.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make_answers.py

writes answers.json beside this file. Where no library has a statistic, the answer comes from its definition, written
out here the slow way.
"""
import itertools
import json
import math
import pathlib
import warnings

import numpy as np
import pandas as pd
import scipy.special as special
import scipy.stats as stats
import sklearn.metrics as metrics
import statsmodels.api as sm
from nannyml.performance_estimation.confidence_based import metrics as cbpe
from nannyml.sampling_error import binary_classification as sampling
from sklearn.calibration import calibration_curve
from sklearn.metrics.pairwise import rbf_kernel
from statsmodels.stats.proportion import proportion_confint

warnings.filterwarnings("ignore")
MASK = (1 << 64) - 1


class SplitMix64:
    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def uniform(self):
        return (self.next() >> 11) * 2.0**-53

    def index(self, bound):
        return (self.next() * bound) >> 64


KINDS = ["plain", "ties", "constant", "tumours", "normals", "five", "empty", "extremes", "separated", "one slide"]
SETS = 70


def data_set(seed):
    """Columns score, label, weight, slide of set `seed`; the same draws in the same order as OracleData.swift."""
    random = SplitMix64(seed)
    kind = KINDS[seed % len(KINDS)]
    count = {"five": 5, "empty": 0}.get(kind, 40 + random.index(160))
    rows = []
    for _ in range(count):
        u = random.uniform()
        score = {
            "ties": math.floor(u * 8) / 8,
            "constant": 0.3125,
            "extremes": 0.0 if u < 0.1 else 1.0 if u > 0.9 else u,
        }.get(kind, u)
        v = random.uniform()
        label = {"tumours": True, "normals": False, "separated": score > 0.625}.get(kind, v < 0.125 + 0.75 * score)
        weight = 0.5 + 4 * random.uniform()
        slide = random.index(14)
        rows.append((score, 1 if label else 0, weight, 0 if kind == "one slide" else slide))
    columns = list(zip(*rows)) if rows else [(), (), (), ()]
    return [np.array(c, dtype=float if i in (0, 2) else int) for i, c in enumerate(columns)]


def finite(x):
    """JSON has no NaN: an undefined figure is null."""
    if x is None:
        return None
    x = float(x)
    return x if math.isfinite(x) else None


def both(y):
    return 0 < y.sum() < len(y)


def confusion(y, call, w):
    """scikit-learn's figures; null where the denominator is 0 and scikit-learn says 0."""
    out = {}
    if len(y) == 0:
        return out
    k = dict(sample_weight=w)
    nan = dict(zero_division=np.nan)
    out["precision"] = metrics.precision_score(y, call, **k, **nan)
    out["recall"] = metrics.recall_score(y, call, **k, **nan)
    out["specificity"] = metrics.recall_score(y, call, pos_label=0, **k, **nan)
    out["negativePredictiveValue"] = metrics.precision_score(y, call, pos_label=0, **k, **nan)
    out["f1"] = metrics.f1_score(y, call, **k, **nan)
    out["accuracy"] = metrics.accuracy_score(y, call, **k)
    # scikit-learn's balanced accuracy leaves an absent class out; here it is undefined then.
    out["balancedAccuracy"] = metrics.balanced_accuracy_score(y, call, **k) if both(y) else None
    out["prevalence"] = np.average(y, weights=w)
    out["decisionRate"] = np.average(call, weights=w)
    return {name: finite(value) for name, value in out.items()}


def ranking(s, y, w):
    out = {}
    if both(y):
        out["area"] = metrics.roc_auc_score(y, s)
        out["weightedArea"] = metrics.roc_auc_score(y, s, sample_weight=w)
        fpr, tpr, _ = metrics.roc_curve(y, s, sample_weight=w, drop_intermediate=False)
        steps = np.arange(1, len(fpr) + 1)
        out["rocSums"] = [float(len(fpr)), float(fpr @ steps), float(tpr @ steps)]
        if min(y.sum(), len(y) - y.sum()) >= 2:
            out["delong"] = delong(s, y)
    if y.sum() > 0:
        out["averagePrecision"] = metrics.average_precision_score(y, s)
        out["weightedAveragePrecision"] = metrics.average_precision_score(y, s, sample_weight=w)
        precision, recall, _ = metrics.precision_recall_curve(y, s, sample_weight=w)
        # scikit-learn goes by rising threshold and adds (1, 0) at the end; here the other way round without it.
        precision, recall = precision[:-1][::-1], recall[:-1][::-1]
        steps = np.arange(1, len(recall) + 1)
        out["precisionRecallSums"] = [float(len(recall)), float(precision @ steps), float(recall @ steps)]
    return out


def psi_matrix(s, y):
    a, b = s[y == 1][:, None], s[y == 0][None, :]
    return (a > b) + 0.5 * (a == b)


def delong(s, y):
    p = psi_matrix(s, y)
    return math.sqrt(p.mean(1).var(ddof=1) / p.shape[0] + p.mean(0).var(ddof=1) / p.shape[1])


def obuchowski(s, y, slide):
    """Obuchowski 1997, Biometrics 53, equations 4-6, loop by loop."""
    p = psi_matrix(s, y)
    area, (m, n) = p.mean(), p.shape
    v10, v01 = p.mean(1), p.mean(0)
    of_tumour, of_normal = slide[y == 1], slide[y == 0]
    all_slides = sorted(set(slide))
    s10 = s01 = s11 = 0.0
    for g in all_slides:
        a = sum(v - area for v, k in zip(v10, of_tumour) if k == g)
        b = sum(v - area for v, k in zip(v01, of_normal) if k == g)
        s10, s01, s11 = s10 + a * a, s01 + b * b, s11 + a * b
    i10, i01, i = len(set(of_tumour)), len(set(of_normal)), len(all_slides)
    s10, s01, s11 = s10 * i10 / ((i10 - 1) * m), s01 * i01 / ((i01 - 1) * n), s11 * i / (i - 1)
    return math.sqrt(max(0.0, s10 / m + s01 / n + 2 * s11 / (m * n)))


def clustered(s, y, call, w, slide):
    """Linearised standard errors: as slopes of a weighted regression on a constant (statsmodels, clusters), for ratios
    whose denominator is a domain; by the difference quotient of each slide's weight otherwise."""
    out = {}
    slides = np.unique(slide)
    g = len(slides)
    if g < 10:
        return out

    def by_statsmodels(hit, domain):
        if domain.sum() == 0 or len(set(slide[domain])) < 2:
            return None
        k = len(set(slide[domain]))
        fit = sm.WLS(hit[domain], np.ones(domain.sum()), weights=w[domain]).fit()
        cov = fit.get_robustcov_results("cluster", groups=slide[domain], use_correction=False, df_correction=False)
        # Slides without a patch of the domain count as clusters here, statsmodels does not see them.
        return float(cov.bse[0]) * math.sqrt(g / (g - 1))

    out["recall"] = by_statsmodels(call * 1.0, y == 1)
    out["precision"] = by_statsmodels(y * 1.0, call == 1)
    out["accuracy"] = by_statsmodels((y == call) * 1.0, np.ones(len(y), bool))
    out["meanScore"] = by_statsmodels(s, np.ones(len(y), bool))

    def numeric(figure):
        z = []
        for k in slides:
            h = 1e-5
            up = figure(np.where(slide == k, w * (1 + h), w))
            down = figure(np.where(slide == k, w * (1 - h), w))
            z.append((up - down) / (2 * h))
        z = np.array(z)
        return float(np.sqrt(g / (g - 1) * ((z - z.mean()) ** 2).sum()))

    if both(y):
        out["f1"] = numeric(lambda v: metrics.f1_score(y, call, sample_weight=v))
        out["balancedAccuracy"] = numeric(lambda v: metrics.balanced_accuracy_score(y, call, sample_weight=v))
        out["weightedArea"] = numeric(lambda v: metrics.roc_auc_score(y, s, sample_weight=v))
        if len(set(slide[y == 1])) >= 2 and len(set(slide[y == 0])) >= 2:
            out["obuchowski"] = obuchowski(s, y, slide)
    return {name: finite(value) for name, value in out.items()}


def calibration(s, y, w, slide):
    out = {}
    if len(y) == 0:
        return out
    out["brier"] = metrics.brier_score_loss(y, s, sample_weight=w, labels=[0, 1])
    out["logLoss"] = metrics.log_loss(y, s, sample_weight=w, labels=[0, 1])
    for strategy, name in (("uniform", "equalWidth"), ("quantile", "equalMass")):
        share, mean = calibration_curve(y, s, n_bins=5, strategy=strategy)
        out[name] = [[float(a), float(b)] for a, b in zip(mean, share)]
        out[name + "Errors"] = errors(s, y, strategy, 5)
    line = calibration_line(s, y, w, slide)
    if line is not None:
        out["line"] = line
    return out


def errors(s, y, strategy, bins):
    """ECE; its debiased form with the expectation by numerical integration; debiased squared error."""
    edges = np.linspace(0, 1, bins + 1) if strategy == "uniform" else np.percentile(s, np.linspace(0, 100, bins + 1))
    which = np.searchsorted(edges[1:-1], s)
    ece = noisy = squared = 0.0
    smallest = min(np.bincount(which)[np.unique(which)])
    for b in np.unique(which):
        inside = which == b
        n, share, mean = inside.sum(), y[inside].mean(), s[inside].mean()
        gap, sigma = abs(mean - share), math.sqrt(share * (1 - share) / n)
        ece += n / len(s) * gap
        noisy += n / len(s) * (stats.foldnorm.mean(gap / sigma, scale=sigma) if sigma > 0 else gap)
        if smallest > 1:
            squared += n / len(s) * (gap * gap - share * (1 - share) / (n - 1))
    return [ece] if smallest < 2 else [ece, max(0.0, 2 * ece - noisy), squared]


def calibration_line(s, y, w, slide):
    g = len(set(slide))
    x = special.logit(np.clip(s, 1e-12, 1 - 1e-12))
    if g < 10 or not both(y) or x.min() == x.max():
        return None
    if x[y == 0].max() <= x[y == 1].min() or x[y == 1].max() <= x[y == 0].min():
        return None
    model = sm.GLM(y, sm.add_constant(x), family=sm.families.Binomial(), freq_weights=w)
    fit = model.fit(
        tol=1e-14, maxiter=200, cov_type="cluster", cov_kwds=dict(groups=slide, use_correction=False))
    t = stats.t.ppf(0.975, g - 1) * math.sqrt(g / (g - 1))
    half = [float(t * e) for e in fit.bse]
    return [float(fit.params[0]), float(fit.params[1]), *half]


def drift(seed, s, y):
    """The set's scores against those of set seed + 1."""
    other = data_set(seed + 1)[0]
    if len(s) == 0 or len(other) == 0:
        return {}
    out = {"ks": stats.ks_2samp(s, other).statistic, "wasserstein": stats.wasserstein_distance(s, other)}
    # Bins of QuarterBins: values are scaled to -0.25 ... 1.25, so that some fall outside of 0 ... 1.
    edges = np.linspace(0, 1, 5)
    a, b = ([*np.histogram(v, np.r_[-np.inf, edges, np.inf])[0]] for v in (s * 1.5 - 0.25, other * 1.5 - 0.25))
    p, q = ((np.array(v) + 0.5) / (sum(v) + 0.5 * len(v)) for v in (a, b))
    out["psi"] = stats.entropy(p, q) + stats.entropy(q, p)
    places = np.r_[0, (edges[1:] + edges[:-1]) / 2, 1]
    out["histogramWasserstein"] = stats.wasserstein_distance(places, places, a, b)
    out["histogramKS"] = np.abs(np.cumsum(a) / sum(a) - np.cumsum(b) / sum(b)).max()
    return {name: finite(value) for name, value in out.items()}


def discrepancy(seed):
    """MMD of two clouds of 3-vectors, the second shifted; scikit-learn's kernel, medians by SciPy-free loops."""
    random = SplitMix64(seed)
    m, n = 3 + random.index(30), 3 + random.index(30)
    step = 4 if seed % 3 == 0 else 1 << 20  # coarse values tie

    def cloud(count, shift):
        return np.array([[math.floor(random.uniform() * step) / step + shift for _ in range(3)] for _ in range(count)])

    a = cloud(m, 0.0)
    b = cloud(n, 0.125 * (seed % 4))
    pooled = np.vstack([a, b])
    distances = [np.linalg.norm(u - v) for u, v in itertools.combinations(pooled, 2)]
    sigma = np.median(distances)
    k = rbf_kernel(pooled, gamma=1 / (2 * sigma * sigma))
    xx, yy, xy = k[:m, :m], k[m:, m:], k[:m, m:]
    squared = (xx.sum() - m) / (m * (m - 1)) + (yy.sum() - n) / (n * (n - 1)) - 2 * xy.mean()
    return [float(sigma), float(squared)]


def estimation(s, y):
    """NannyML's estimate from the scores as calibrated probabilities, and its sampling error."""
    if len(s) == 0:
        return {}
    call = (s >= 0.5).astype(int)
    out = {
        "precision": cbpe.estimate_precision(call, s) if call.sum() else None,
        "recall": cbpe.estimate_recall(call, s) if s.sum() else None,
        "f1": cbpe.estimate_f1(call, s) if call.sum() + s.sum() else None,
        "accuracy": cbpe.estimate_accuracy(call, s),
    }
    # NannyML takes tied scores one by one, and rounds cumulated sums to 5 decimals: no ties, and 1e-4.
    if len(set(s)) == len(s):
        out["areaUnderROC"] = cbpe.estimate_roc_auc(s, s)
    frame, labels, calls = pd.DataFrame({"x": range(50)}), pd.Series(y), pd.Series(call)
    error = {}
    if call.sum():
        error["precision"] = sampling.precision_sampling_error(
            sampling.precision_sampling_error_components(labels, calls), frame)
    if y.sum():
        error["recall"] = sampling.recall_sampling_error(
            sampling.recall_sampling_error_components(labels, calls), frame)
    if call.sum() + y.sum():
        error["f1"] = sampling.f1_sampling_error(sampling.f1_sampling_error_components(labels, calls), frame)
    error["accuracy"] = sampling.accuracy_sampling_error(
        sampling.accuracy_sampling_error_components(labels, calls), frame)
    # NannyML loses the rarer class's patch that scores lowest of all, and orders ties by chance.
    rarer = 1 if y.mean() <= 0.5 else 0
    if both(y) and len(set(s)) == len(s):
        lowest = y[np.argmin(s)] if rarer == 1 else y[np.argmax(s)]
        if lowest != rarer:
            error["areaUnderROC"] = sampling.auroc_sampling_error(
                sampling.auroc_sampling_error_components(labels, pd.Series(s)), frame)
    return {"figures": {k: finite(v) for k, v in out.items()}, "errors": {k: finite(v) for k, v in error.items()}}


def label_delay(s, y):
    """Kaplan-Meier of waits of 20 x score days, rounded up so that they tie; tumours are labelled."""
    if len(s) == 0 or y.sum() == 0:
        return []
    fit = sm.SurvfuncRight(np.ceil(20 * s), y)
    return [[float(t), float(1 - p), finite(e)] for t, p, e in zip(fit.surv_times, fit.surv_prob, fit.surv_prob_se)]


def answers(seed):
    s, y, w, slide = data_set(seed)
    call = (s >= 0.5).astype(int)
    return {
        "count": len(s),
        "sum": finite(math.fsum(s * w) if len(s) else 0),
        "plain": confusion(y, call, np.ones(len(y))),
        "weighted": confusion(y, call, w),
        "ranking": ranking(s, y, w),
        "clustered": clustered(s, y, call, w, slide) if len(s) else {},
        "calibration": calibration(s, y, w, slide),
        "drift": drift(seed, s, y),
        "discrepancy": discrepancy(seed),
        "estimation": estimation(s, y),
        "delay": label_delay(s, y),
    }


def distributions():
    """Grids with tails; SciPy's own, so relative differences say how far the two are apart."""
    p = [1e-300, 1e-100, 1e-20, 1e-8, 0.001, 0.025, 0.2, 0.4, 0.45, 0.4999, 0.5001, 0.6, 0.9, 0.975, 0.999, 1 - 1e-9]
    df = [1, 1.5, 2, 3, 4.7, 9, 30, 199, 5000, 1e6]
    a = [0.01, 0.5, 1, 2.5, 17, 300, 20000]
    x = [1e-12, 1e-5, 0.01, 0.2, 0.4999, 0.5, 0.7, 0.95, 0.9999, 1 - 1e-9]
    z = [-37, -20, -8, -3, -1, -1e-3, 0, 1e-6, 0.5, 2, 5, 8]
    return {
        "normal": [[v, float(special.ndtr(v))] for v in z],
        "normalQuantile": [[v, float(special.ndtri(v))] for v in p],
        # At 1e-300 SciPy's quantile of t is infinite for 3, 4.7 and 9 degrees of freedom.
        "student": [[v, d, float(special.stdtrit(d, v))] for d in df for v in p[1:]],
        # SciPy's arcsine law is off by 1.1e-12 at 1 - 1e-9: the closed form is taken there.
        "beta": [
            [v, c, d, 1 - 2 / math.pi * math.asin(math.sqrt(1 - v)) if (c, d) == (0.5, 0.5) and v > 0.99 else
             float(special.betainc(c, d, v))]
            for c in a for d in a for v in x
        ],
    }


def wilson():
    pairs = [(0, 1), (1, 1), (0, 40), (40, 40), (3, 7), (50, 100), (9999, 10000), (1, 1e6)]
    return [
        [k, n, level, *map(float, proportion_confint(k, n, alpha=1 - level, method="wilson"))]
        for k, n in pairs
        for level in (0.8, 0.95, 0.999)
    ]


def one_sided_run_length(k, h, shift, nodes=150):
    """Page's integral equation for the two halves of 0..h apart, at more nodes than the Swift solution has."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    x, w = np.r_[(x + 1) * h / 4, (x + 1) * h / 4 + h / 2], np.r_[w, w] * h / 4
    z = np.r_[0, x]
    kernel = stats.norm.pdf(x[None, :] + k - z[:, None] - shift) * w[None, :]
    system = np.eye(len(z)) - np.c_[stats.norm.cdf(k - z - shift), kernel]
    return float(np.linalg.solve(system, np.ones(len(z)))[0])


def run_lengths():
    rows = []
    for k, h, shift in itertools.product((0.25, 0.5, 1), (1, 2.5, 4, 5, 6), (0, 0.5, 1)):
        rise, fall = one_sided_run_length(k, h, shift), one_sided_run_length(k, h, -shift)
        rows.append([k, h, shift, 1 / (1 / rise + 1 / fall)])
    return rows


def power():
    rows = []
    for recall, drop, deff, a, b in itertools.product((0.8, 0.95), (0.03, 0.1), (1, 2.5), (0.05, 0.01), (0.8, 0.9)):
        za, zb = stats.norm.ppf(1 - a), stats.norm.ppf(b)
        after = recall - drop
        n = deff * ((za * math.sqrt(recall * (1 - recall)) + zb * math.sqrt(after * (1 - after))) / drop) ** 2
        rows.append([recall, drop, deff, a, b, n])
    return rows


if __name__ == "__main__":
    result = {
        "distributions": distributions(),
        "wilson": wilson(),
        "runLengths": run_lengths(),
        "power": power(),
        "sets": [answers(seed) for seed in range(SETS)],
    }
    path = pathlib.Path(__file__).with_name("answers.json")
    path.write_text(json.dumps(result, allow_nan=False, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size)
