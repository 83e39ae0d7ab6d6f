"""The table of Lyapunov functions: adaptive flows, which divide by averages of g²."""

from __future__ import annotations

from flowopt.stability.abstract_loss.atlas_rows import Entry

ADAM = {"theta": "-m/sqrt(v + eps)", "m": "a*(g - m)", "v": "b*(g**2 - v)"}
OUTSIDE = {"theta": "-m/(sqrt(v) + eps)", "m": "a*(g - m)", "v": "b*(g**2 - v)"}
ENERGY = "L + sum(m**2/sqrt(v + eps))/(2*a)"
BARAKAT = "da Silva, Gazeau, arXiv:1810.13108; Barakat, Bianchi, arXiv:1810.02263"

ROWS = (
    Entry("28a", "Adam's flow", ADAM, ENERGY, "nonincreasing", ("b <= 4*a", "v >= 0"), "",
          BARAKAT, positive=("a", "b", "eps"),
          options={"bound": "-(1 - b/(4*a))*sum(m**2/sqrt(v + eps))"}),
    Entry("28b", "Adam's flow, eps outside the root", OUTSIDE,
          "L + sum(m**2/(sqrt(v) + eps))/(2*a)", "nonincreasing", ("b <= 4*a", "v > 0"), "",
          BARAKAT, positive=("a", "b", "eps"),
          options={"bound": "-(1 - b/(4*a))*sum(m**2/(sqrt(v) + eps))"}),
    Entry("28c", "Adam's flow", ADAM, ENERGY, "converges_to_critical_set",
          ("b < 4*a", "v >= 0", "bounded"), "", "LaSalle", positive=("a", "b", "eps")),
    Entry("28d", "Adam's flow with its bias corrections",
          {"theta": "-(m/c)/(sqrt(v/d) + eps)", "m": "a*(g - m)", "v": "b*(g**2 - v)",
           "c": "a*(1 - c)", "d": "b*(1 - d)"}, "L + sum(m**2/(c*(sqrt(v/d) + eps)))/(2*a)",
          "nonincreasing", ("v > 0", "c > 0", "d > 0", "b*c <= 2*a*d*(1 + c)"), "",
          "Barakat, Bianchi, arXiv:1810.02263", positive=("a", "b", "eps"),
          note="the condition holds along every motion from c = d = 0 when b <= 4 a"),
    Entry("29", "RMSProp's flow", {"theta": "-g/sqrt(v + eps)", "v": "b*(g**2 - v)"}, "L",
          "nonincreasing", ("v >= 0",), "", "", positive=("b", "eps"),
          options={"bound": "-sum(g**2/sqrt(v + eps))"}),
    Entry("30a", "Adagrad's flow", {"theta": "-g/sqrt(v + eps)", "v": "g**2"},
          "L + 2*sum(sqrt(v + eps))", "conserved", ("v >= 0",),
          "v is bounded and the integral of |g|^2 finite where L is bounded below", "",
          positive=("eps",)),
    Entry("30b", "Adagrad's flow, eps outside the root",
          {"theta": "-g/(sqrt(v) + eps)", "v": "g**2"},
          "L + 2*sum(sqrt(v) - eps*log(eps + sqrt(v)))", "conserved", ("v > 0",), "", "",
          positive=("eps",)),
    Entry("31", "Adadelta's flow", {"theta": "-sqrt(u + eps)*g/sqrt(v + eps)",
                                    "v": "b*(g**2 - v)",
                                    "u": "b*((u + eps)*g**2/(v + eps) - u)"}, "L",
          "nonincreasing", ("v >= 0", "u >= 0"), "", "", positive=("b", "eps"),
          options={"bound": "-sum(sqrt(u + eps)*g**2/sqrt(v + eps))"}),
)
