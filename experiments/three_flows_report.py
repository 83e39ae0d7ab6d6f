"""The table, the claims and the quoted numbers of three-flows, from its result alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowopt.experiment import Claim
from flowopt.quoting import Number, count, decimal, percent, scientific, word
from flowopt.reporting import Table

#: what the integrator is asked for is 1e-12; losses are compared to
TOLERANCE = 1e-9


def table(result: dict[str, Any]) -> list[Table]:
    rows = [(place, flow, of["status"], of["end"], of["last_loss"], of["lost"],
             abs(of["dissipated"] / of["lost"] - 1))
            for place, flows in result["motions"].items() for flow, of in flows.items()]
    of = result["plane"]
    floors = [(float(h), float(of["least"][k]), float(of["mean"][k]), float(of["most"][k]),
               float(result["line"]["mean"][k, 0] / h**2)) for k, h in enumerate(of["h"])]
    return [Table("Three flows: end, loss lost, and how far the dissipation identity is off",
                  ("landscape", "flow", "status", "t", "L at the end", "L lost", "off"), rows),
            Table("The loss of sign steps in the long run, over h²: the largest of a cycle and its "
                  "mean", ("h", "plane, least", "plane, mean", "plane, most", "line, mean"),
                  floors)]


def relative(a: Any, b: Any, floor: float = 0.0) -> float:
    """The largest distance of a from b, relative to b, where b is above a floor."""
    a, b = np.asarray(a), np.asarray(b)
    chosen = b > floor
    return float(np.abs(a[chosen] / b[chosen] - 1).max())


def clock_off(of: dict[str, Any], M: float) -> tuple[float, float]:
    """How far ln(L₀/L) is off t before the clip acts, and the time at which it starts to act."""
    free = of["size"] > 1.0 / M
    last = len(free) if free.all() else int(np.argmin(free))
    t, L = of["t"][:last], of["loss"][:last]
    return float(np.abs(np.log(L[0] / L) - t).max()), float(t[-1])


def claims(result: dict[str, Any]) -> list[Claim]:
    return [*of_the_flows(result), *of_the_sign_flow(result), *of_the_steps(result),
            *of_the_sign_steps(result)]


def of_the_flows(result: dict[str, Any]) -> list[Claim]:
    motions, exact = result["motions"], result["exact"]
    off = relative(motions["quadratic"]["gradient"]["loss"], exact["gradient"])
    made = [Claim("gradient flow on the quadratic: largest relative distance of L(t) from the sum "
                  "of exponentials", off, f"< {TOLERANCE:g}", off < TOLERANCE)]
    mu = float(result["eigenvalues"][0])
    of = motions["quadratic"]["gradient"]
    over = float((of["loss"] / (of["loss"][0] * np.exp(-2 * mu * of["t"]))).max())
    made.append(Claim("gradient flow on the quadratic: largest L(t) over L(0) exp(-2 mu t)", over,
                      "<= 1", over <= 1 + TOLERANCE))
    for place, flows in motions.items():
        off, until = clock_off(flows["loss-normalised"], result["M"])
        made.append(Claim(f"loss-normalised flow, {place}: largest distance of ln(L(0)/L(t)) from "
                          "t before the clip", off, f"< {TOLERANCE:g}", off < TOLERANCE,
                          f"the clip acts from t = {until:.4g} on"
                          if until < flows["loss-normalised"]["end"] else "the clip never acts"))
    of = motions["two minima"]["loss-normalised"]
    wanted = float(np.log(of["loss"][0] / 1.62276))
    made.append(Claim("two minima: the loss-normalised flow ends at the poor minimum, at the time "
                      "ln(L(4)/L(3))", of["end"], f"{wanted:.9g} within 1e-4, STUCK",
                      abs(of["end"] - wanted) < 1e-4 and of["status"] == "STUCK",
                      "the clip near x = 3 delays it by less than 1e-4"))
    worst = max(abs(of["dissipated"] / of["lost"] - 1) for flows in motions.values()
                for of in flows.values())
    made.append(Claim("L(0) - L(T) and the integral of -dL/dt: largest relative distance, 12 "
                      "motions", worst, "< 1e-8", worst < 1e-8))
    return made


def of_the_sign_flow(result: dict[str, Any]) -> list[Claim]:
    of, exact, all_of = result["motions"]["quadratic"]["sign"], result["exact"], result["arrivals"]
    arrival = float(exact["path"]["t"][-1])
    off = float(np.abs(of["loss"] - exact["sign"]).max() / exact["L0"])
    kinds = exact["path"]["kinds"]
    slides = [float(t) for t, kind in zip(exact["path"]["t"], kinds, strict=False)
              if kind == "slide"]
    first = float(of["event_t"][0]) if len(of["event_t"]) else float("nan")
    made = [
        Claim("sign flow on the quadratic: arrival at the minimum", of["end"],
              f"{arrival:.12g} = {exact['path']['texts'][-1]}", abs(of["end"] - arrival) < TOLERANCE
              and of["status"] == "STUCK"),
        Claim("sign flow on the quadratic: start of the sliding", first,
              f"{slides[0]:.12g}" if slides else "", abs(first - slides[0]) < TOLERANCE
              if slides and slides[0] < arrival else None),
        Claim("sign flow on the quadratic: largest distance of L(t) from the exact path, over L(0)",
              off, f"< {TOLERANCE:g}", off < TOLERANCE)]
    far = float(np.abs(all_of["measured"] - all_of["exact"]).max())
    made.append(Claim(f"sign flow from {len(all_of['exact'])} starts: largest distance of the "
                      "arrival from that of the path in fractions", far, f"< {TOLERANCE:g}",
                      far < TOLERANCE and all_of["stuck"] == len(all_of["exact"])))
    outside = int(((all_of["exact"] < all_of["lower"] - 1e-12)
                   | (all_of["exact"] > all_of["upper"] + 1e-12)).sum())
    made.append(Claim("sign flow: arrivals outside ||x||_inf <= T <= min(sqrt(2L/mu), ||g||_1/mu)",
                      outside, 0, outside == 0))
    return made


def of_the_steps(result: dict[str, Any]) -> list[Claim]:
    of = result["steps"]
    made = [Claim(f"gradient steps h = {of['h']:g}: largest distance from (1 - h H)^k x0",
                  of["gradient_off"], "< 1e-14", of["gradient_off"] < 1e-14)]
    off = max(v["off"] for v in of["isotropic"].values())
    made.append(Claim("loss-normalised steps on an isotropic quadratic: largest distance of L+/L "
                      "from (1 - h/2)^2", off, "< 1e-12", off < 1e-12,
                      "h = " + ", ".join(of["isotropic"])))
    outside = [h for h, v in of["polyak"].items()
               if v["least"] < v["low"] - 1e-12 or v["most"] > v["high"] + 1e-12]
    made.append(Claim("loss-normalised steps on the coupled quadratic: steps h with L+/L outside "
                      "Kantorovich's bounds", ", ".join(outside) or "none", "none", not outside,
                      f"condition number {of['kappa']:.4g}"))
    proofs = of["proofs"]
    for name, status, text in (
            ("never rests", "proved", "sign steps have length h wherever g is not 0"),
            ("not stable", "disproved", "sign steps tend to the minimum of x^2/2 (the cycle "
                                        "-h/2, h/2 refutes it)")):
        v = proofs[name]
        made.append(Claim(f"{text}: verdict", v["status"], f"{status}, checked again",
                          v["status"] == status and v["checked"]))
    v = proofs["gradient limit"]
    made.append(Claim("gradient steps: cycles of two on x^2/2 at h = 1/10, and the step limit",
                      proofs["gradient cycles"]["count"], "0, proved",
                      proofs["gradient cycles"]["count"] == 0 and v["status"] == "proved"
                      and v["checked"]))
    return made


def of_the_sign_steps(result: dict[str, Any]) -> list[Claim]:
    line, plane = result["line"], result["plane"]
    off = float(line["amplitude_off"].max())
    made = [Claim("sign steps on the line: largest distance of the cycle's amplitude over h from "
                  "1", off, "< 1e-9", off < 1e-9)]
    off = float(line["phase_off"].max())
    made.append(Claim("sign steps on the line: largest distance of the cycle's upper point from "
                      "the start modulo h, over h", off, "< 1e-9", off < 1e-9))
    z = (line["mean"][:, 0] - line["h"]**2 / 6) / line["mean"][:, 1]
    worst = float(np.abs(z).max())
    made.append(Claim("sign steps on the line: mean loss of the cycles minus h^2/6, in standard "
                      "errors, largest of all h", worst, "< 4", worst < 4,
                      "phases uniform on (0, h)"))
    low, high = result["floor"]
    least, most = float(plane["least"].min()), float(plane["most"].max())
    made.append(Claim("sign steps in the plane: largest loss of each cycle over h^2, over all "
                      "starts and h", f"{least:.6g} to {most:.6g}",
                      f"within {low:.6g} to {high:.6g}",
                      low - 1e-9 <= least and most <= high + 1e-9,
                      "the range of all cycles of two"))
    others = 1.0 - float(np.minimum(plane["amplitude"][:, 2], plane["periods"][:, 0]).min())
    made.append(Claim("sign steps in the plane: share of starts that do not end in a cycle of two "
                      "of amplitude h in each coordinate", others, 0, others == 0.0,
                      "proved: x'Hx+ falls at each step until s+ = -s"))
    return made


def numbers(result: dict[str, Any]) -> dict[str, Number]:
    exact, steps, plane = result["exact"], result["steps"], result["plane"]
    two = result["motions"]["two minima"]["loss-normalised"]
    quadratic = result["motions"]["quadratic"]
    made = {
        "coupling": decimal(float(result["H"][0, 1]), 1),
        "start-x": decimal(result["x0"][0], 1), "start-y": decimal(result["x0"][1], 1),
        "mu": decimal(float(result["eigenvalues"][0]), 4),
        "ell": decimal(float(result["eigenvalues"][1]), 4),
        "condition": decimal(steps["kappa"], 3),
        "start-loss": decimal(exact["L0"], 2),
        "sign-arrival": decimal(float(exact["path"]["t"][-1]), 4),
        "sign-lower": decimal(exact["lower"], 4), "sign-upper": decimal(exact["upper"], 4),
        "sign-status": word(quadratic["sign"]["status"]),
        "arrivals": count(len(result["arrivals"]["exact"])),
        "arrival-off": scientific(float(np.abs(result["arrivals"]["measured"]
                                               - result["arrivals"]["exact"]).max()), 1),
        "clock-off": scientific(max(clock_off(f["loss-normalised"], result["M"])[0]
                                    for f in result["motions"].values()), 1),
        "clip-acts": decimal(clock_off(quadratic["loss-normalised"], result["M"])[1], 2),
        "poor-arrival": decimal(two["end"], 4), "poor-status": word(two["status"]),
        "dissipation-off": scientific(max(
            abs(of["dissipated"] / of["lost"] - 1) for flows in result["motions"].values()
            for of in flows.values()), 1),
        "floor-least": decimal(float(plane["least"].min()), 3),
        "floor-most": decimal(float(plane["most"].max()), 3),
        "floor-low": decimal(result["floor"][0], 3), "floor-high": decimal(result["floor"][1], 3),
        "amplitude-h": percent(float(plane["amplitude"][-1, 2]), 1),
        "amplitude-most": decimal(float(plane["amplitude"][:, 1].max()), 2),
        "period-two": percent(float(plane["periods"][-1, 0]), 1),
        "period-four": percent(float(plane["periods"][-1, 1]), 1),
        "line-mean": decimal(float(result["line"]["mean"][-1, 0] / result["line"]["h"][-1] ** 2),
                             4)}
    slides = [k for k, kind in enumerate(exact["path"]["kinds"]) if kind == "slide"]
    if slides:
        made["sign-slides"] = decimal(float(exact["path"]["t"][slides[0]]), 4)
        made["sign-slope"] = decimal(float(-exact["path"]["u"][slides[0], 1]), 2)
    return made
