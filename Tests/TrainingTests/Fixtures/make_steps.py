"""Makes what the optimizer is compared with: apt-get install python3-torch; python3 make_steps.py

steps.json           the cases of gradients.json with values of their own, after three and eight steps of PyTorch's Adam on
                     their batch in double precision, with and without weight decay.
plateau.json         learning rates of PyTorch's ReduceLROnPlateau for a list of losses.
"""

import json

import numpy as np
import torch

import make_gradients as made


def steps(number, name, side, channels, kernels, hidden, patches, decay, count):
    random = np.random.default_rng(number)
    tensors = made.random_tensors(random, side, channels, kernels, hidden)
    images, labels, shares = made.batch(number, random, side, patches)
    parameters = [torch.tensor(values.astype(np.float64), requires_grad=True) for _, values in tensors]
    adam = torch.optim.Adam(parameters, lr=1e-3, weight_decay=decay)
    for _ in range(count):
        adam.zero_grad()
        (made.losses(parameters, images, labels) * shares).sum().backward()
        adam.step()
    return {"number": number, "decay": decay, "count": count,
            "values": [made.text(p.detach().numpy().ravel(), "<f4") for p in parameters]}


def plateau():
    random = np.random.default_rng(5)
    losses = [round(float(v), 4) for v in 0.5 + 0.4 * np.exp(-np.arange(60) / 6) + 0.01 * random.standard_normal(60)]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1e-3)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=4)
    rates = []
    for loss in losses:
        schedule.step(loss)
        rates.append(optimizer.param_groups[0]["lr"])
    return {"losses": losses, "rates": rates}


if __name__ == "__main__":
    cases = [(number, case) for number, case in enumerate(made.CASES, 1) if case[2] is not None]
    made.FOLDER.joinpath("steps.json").write_text(json.dumps(
        [steps(number, *case, decay, count) for number, case in cases[:3] for decay, count in ((0.0, 3), (0.01, 8))]))
    made.FOLDER.joinpath("plateau.json").write_text(json.dumps(plateau()))
