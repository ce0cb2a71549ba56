#!/usr/bin/env python3
"""Makes robust.safetensors: training steps of TRADES, MART, AWP, free adversarial training and of terms of teachers,
and averages of weights, as PyTorch 2.15 computes them for the convnet with batch norm of make_attacks.py.

    python tests/goldens/make_robust.py tests/goldens/robust.safetensors

Needs torch and safetensors. The losses are the published formulas: github.com/yaodongyu/TRADES (trades.py),
github.com/YisenWang/MART (mart.py), github.com/csdongxian/AWP (utils_awp.py), and
github.com/mahyarnajibi/FreeAdversarialTraining (main_free.py). Averages are those of torch.optim.swa_utils.

The attacked images are fixed ones, because generators of two programs cannot agree on a start; so what is compared is
what each objective makes of them, over several steps of SGD with momentum. Two things differ on purpose from the
published code: TRADES passes the clean images once, not twice, so that running statistics move twice a step, not three
times (the loss is the same number, as batch statistics are); and AWP's weight decay acts on the weights, not on the
perturbed ones (there is none here).
"""

import copy
import sys

import torch
from make_models import ConvNet
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F
from torch.optim import swa_utils

STEPS, BATCH = 4, 8


def fresh(model):
    net = copy.deepcopy(model).train()
    return net, torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)


def trades(net, x, x_adv, y, beta=6.0):
    natural, attacked = net(x), net(x_adv)
    kl = nn.KLDivLoss(reduction="sum")(F.log_softmax(attacked, 1), F.softmax(natural, 1)) / len(x)
    return F.cross_entropy(natural, y) + beta * kl


def mart(net, x, x_adv, y, beta=5.0):
    kl = nn.KLDivLoss(reduction="none")
    logits, logits_adv = net(x), net(x_adv)
    adv_probs = F.softmax(logits_adv, dim=1)
    tmp1 = torch.argsort(adv_probs, dim=1)[:, -2:]
    new_y = torch.where(tmp1[:, -1] == y, tmp1[:, -2], tmp1[:, -1])
    loss_adv = F.cross_entropy(logits_adv, y) + F.nll_loss(torch.log(1.0001 - adv_probs + 1e-12), new_y)
    nat_probs = F.softmax(logits, dim=1)
    true_probs = torch.gather(nat_probs, 1, y.unsqueeze(1)).squeeze()
    robust = torch.sum(torch.sum(kl(torch.log(adv_probs + 1e-12), nat_probs), dim=1) * (1.0000001 - true_probs))
    return loss_adv + beta * robust / len(x)


def adversarial(net, x, x_adv, y):
    return F.cross_entropy(net(x_adv), y)


def awp_step(net, optimizer, x, x_adv, y, loss, gamma=0.01):
    proxy = copy.deepcopy(net).train()
    proxy_optimizer = torch.optim.SGD(proxy.parameters(), lr=0.01)
    (-loss(proxy, x, x_adv, y)).backward()
    proxy_optimizer.step()
    diff = {}
    for (name, old), (_, new) in zip(net.state_dict().items(), proxy.state_dict().items()):
        if old.dim() > 1 and "weight" in name:
            d = new - old
            diff[name] = old.norm() / (d.norm() + 1e-20) * d
    with torch.no_grad():
        for name, p in net.named_parameters():
            if name in diff:
                p.add_(gamma * diff[name])
    optimizer.zero_grad()
    value = loss(net, x, x_adv, y)
    value.backward()
    with torch.no_grad():
        for name, p in net.named_parameters():
            if name in diff:
                p.sub_(gamma * diff[name])
    optimizer.step()
    return value


def still(net, x):
    """A train-mode pass that moves no running statistics."""
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 0.0
    logits = net(x)
    for norm in norms:
        norm.momentum = 0.1
        norm.num_batches_tracked -= 1
    return logits


def kl_term(student, teacher, temperature):
    log_q, p = F.log_softmax(student / temperature, 1), F.softmax(teacher / temperature, 1)
    return F.kl_div(log_q, p, reduction="batchmean") * temperature**2


def recall(net, teacher, x, x_adv, y):
    """0.3 of the cross-entropy on attacked images, KL with T = 2 on both kinds, MSE on clean ones."""
    with torch.no_grad():
        t_clean, t_adv = teacher(x), teacher(x_adv)
    attacked = net(x_adv)
    clean = still(net, x)
    loss = 0.3 * F.cross_entropy(attacked, y)
    loss = loss + 0.6 * (kl_term(attacked, t_adv, 2.0) + kl_term(clean, t_clean, 2.0))
    return loss + 0.1 * F.mse_loss(clean, t_clean)


def main(path):
    torch.manual_seed(11)
    torch.set_num_threads(1)
    model = ConvNet([1, 12, 12], 4, blocks=2, width=6)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    teacher = copy.deepcopy(model).eval()
    with torch.no_grad():
        for p in teacher.parameters():
            p.add_(0.1 * torch.randn_like(p))
    images = torch.rand(STEPS, BATCH, 1, 12, 12)
    attacked = (images + 0.1 * torch.sign(torch.randn_like(images))).clamp(0, 1)
    labels = torch.randint(0, 4, (STEPS, BATCH))
    fixture = {"images": images, "attacked": attacked, "labels": labels.int()}

    def keep(prefix, net):
        fixture.update({f"{prefix}.weights.{n}": t.clone() for n, t in net.state_dict().items()})

    keep("start", model)
    keep("teacher", teacher)

    def run(name, step):
        net, optimizer = fresh(model)
        losses = [step(net, optimizer, images[i], attacked[i], labels[i]).detach() for i in range(STEPS)]
        fixture[f"{name}.losses"] = torch.stack(losses)
        keep(name, net)
        print(name, [round(loss.item(), 4) for loss in losses])

    def plain(loss):
        def step(net, optimizer, x, x_adv, y):
            optimizer.zero_grad()
            value = loss(net, x, x_adv, y)
            value.backward()
            optimizer.step()
            return value

        return step

    run("trades", plain(trades))
    run("mart", plain(mart))
    run("awp", lambda net, o, x, a, y: awp_step(net, o, x, a, y, adversarial))
    run("awp_trades", lambda net, o, x, a, y: awp_step(net, o, x, a, y, trades, 0.005))
    run("recall", plain(lambda net, x, a, y: recall(net, teacher, x, a, y)))

    # Free: each batch twice, the noise handed on.
    net, optimizer = fresh(model)
    noise, eps, losses = torch.zeros(BATCH, 1, 12, 12), 0.1, []
    for i in range(STEPS):
        for _ in range(2):
            noise_batch = noise.clone().requires_grad_(True)
            loss = F.cross_entropy(net((images[i] + noise_batch).clamp(0, 1)), labels[i])
            optimizer.zero_grad()
            loss.backward()
            noise = (noise + 0.04 * torch.sign(noise_batch.grad)).clamp(-eps, eps)
            optimizer.step()
            losses.append(loss.detach())
    fixture["free.losses"], fixture["free.noise"] = torch.stack(losses), noise
    keep("free", net)

    # TRADES' inner gradient at the attacked images.
    model.eval()
    x_adv = attacked[0].clone().requires_grad_(True)
    kl = nn.KLDivLoss(reduction="sum")(F.log_softmax(model(x_adv), 1), F.softmax(model(images[0]), 1))
    fixture["trades.pixels"] = torch.autograd.grad(kl, x_adv)[0]

    # Averages along plain training, each step.
    net, optimizer = fresh(model)
    ema = swa_utils.AveragedModel(net, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.8))
    ema.n_averaged += 1  # it has begun as a copy
    buffers = swa_utils.AveragedModel(net, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.8), use_buffers=True)
    buffers.n_averaged += 1
    swa = swa_utils.AveragedModel(net)
    warm = copy.deepcopy(net)
    for i in range(STEPS):
        plain(lambda net, x, a, y: F.cross_entropy(net(x), y))(net, optimizer, images[i], attacked[i], labels[i])
        ema.update_parameters(net)
        buffers.update_parameters(net)
        swa.update_parameters(net)
        alpha = min(1 - 1 / (i + 1), 0.6)  # CLS-ER
        for average, p in zip(warm.parameters(), net.parameters()):
            average.data.mul_(alpha).add_(p.data, alpha=1 - alpha)
    keep("plain", net)
    keep("ema", ema.module)
    keep("ema_average", buffers.module)
    keep("warm", warm)
    swa_utils.update_bn(list(images), swa)
    keep("swa", swa.module)
    save_file({name: tensor.contiguous() for name, tensor in fixture.items()}, path)


if __name__ == "__main__":
    main(sys.argv[1])
