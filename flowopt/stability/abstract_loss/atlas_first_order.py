"""The table of Lyapunov functions: first-order flows."""

from __future__ import annotations

from flowopt.stability.abstract_loss.atlas_rows import Entry

GRADIENT = {"theta": "-g"}
NORMALISED = {"theta": "-(L - Lstar)*g/dot(g, g)"}
CLIPPED = {"theta": "-unit(g)*Min(1/norm(g), M)*(L - Lstar)"}
MIRROR = {"theta": "-Hphiinv(theta, g)"}
BREGMAN = "phi(thetastar) - phi(theta) - dot(dphi(theta), thetastar - theta)"
CORTES = "Cortes, Automatica 42 (2006) 1993"
SCIEUR = "Scieur et al., NeurIPS 2017; Moucer, Taylor, Bach, arXiv:2205.12772"
SU = "Su, Boyd, Candes, JMLR 17 (2016)"

ROWS = (
    Entry("1", "gradient flow", GRADIENT, "L - Lstar", "exponential", ("PL",),
          "L - L* falls as exp(-2 mu t)", SCIEUR, options={"rate": "2*mu"}),
    Entry("2a", "gradient flow", GRADIENT, "dot(e, e)/2", "nonincreasing", ("convex",),
          "the distance to every minimiser falls", SU, options={"bound": "-(L - Lstar)"}),
    Entry("2b", "gradient flow", GRADIENT, "dot(e, e)/2", "exponential", ("strongly_convex",),
          "|e| falls as exp(-mu t)", SCIEUR, options={"rate": "2*mu"}),
    Entry("3", "gradient flow", GRADIENT, "t*(L - Lstar) + dot(e, e)/2", "nonincreasing",
          ("convex", "t >= 0"), "L - L* <= |e0|^2/(2t)", SU, options={"bound": "-t*dot(g, g)"}),
    Entry("4", "gradient flow", GRADIENT, "dot(g, g)/2", "nonincreasing", ("convex",),
          "|g| falls", SU, options={"bound": "-dot(g, H(g))"}),
    Entry("5a", "sign flow", {"theta": "-sign(g)"}, "L", "decreasing", (),
          "", CORTES, options={"bound": "-norm1(g)"}),
    Entry("5b", "sign flow", {"theta": "-sign(g)"}, "L - Lstar", "finite_time", ("PL",),
          "T <= sqrt(2 V0/mu)", CORTES, options={"bound": "sqrt(2*V0/mu)"}),
    Entry("6a", "normalised flow", {"theta": "-unit(g)"}, "L - Lstar", "finite_time", ("PL",),
          "T <= sqrt(2 V0/mu)", CORTES, options={"bound": "sqrt(2*V0/mu)"}),
    Entry("6b", "normalised flow", {"theta": "-unit(g)"}, "dot(e, e)/2", "finite_time",
          ("half_square",), "on |e|^2/2: T = |e0|", CORTES, options={"bound": "sqrt(2*V0)"}),
    Entry("7", "q-rescaled gradient flow", {"theta": "-c*g/norm(g)**((q - 2)/(q - 1))"},
          "L - Lstar", "finite_time", ("PL", "q > 2"),
          "with a = 1/(q - 1): T = 2 V0^((1-a)/2)/(c (2 mu)^((1+a)/2) (1-a))",
          "Romero, Benosman, ICML 2020", positive=("c",), parameters=("q",),
          options={"bound": "2*V0**((1 - 1/(q - 1))/2)/(c*(2*mu)**((1 + 1/(q - 1))/2)"
                            "*(1 - 1/(q - 1)))"}),
    Entry("8", "fixed-time flow", {"theta": "-c1*g/norm(g)**((p1 - 2)/(p1 - 1))"
                                            " - c2*g/norm(g)**((p2 - 2)/(p2 - 1))"},
          "L - Lstar", "finite_time", ("PL", "p1 > 2", "p2 > 1", "p2 < 2"),
          "one T for every start", "Garg, Panagou, arXiv:1808.10474",
          positive=("c1", "c2"), parameters=("p1", "p2"),
          options={"bound": "1/(c1*(2*mu)**(p1/(2*(p1 - 1)))*(1 - p1/(2*(p1 - 1))))"
                            " + 1/(c2*(2*mu)**(p2/(2*(p2 - 1)))*(p2/(2*(p2 - 1)) - 1))"}),
    Entry("9", "prescribed-time gradient flow", {"theta": "-c*g/(T - t)"},
          "(L - Lstar)/(T - t)**(2*mu*c)", "nonincreasing", ("PL", "T > t"),
          "L - L* <= V0 (T - t)^(2 mu c): the minimum is reached at T", "arXiv:2503.13910",
          positive=("c",), parameters=("T",)),
    Entry("10a", "loss-normalised flow", NORMALISED, "(L - Lstar)*exp(t)", "conserved", (),
          "L - L* = (L0 - L*) exp(-t) exactly, wherever g is not 0", "the two-minima essay",
          parameters=("Lstar",)),
    Entry("10b", "loss-normalised flow, clipped", CLIPPED, "L - Lstar", "nonincreasing",
          ("minimum",), "", "the two-minima essay", positive=("M",), parameters=("Lstar",),
          options={"bound": "-(L - Lstar)*Min(1, M*norm(g))"}),
    Entry("11a", "loss-normalised flow", NORMALISED, "dot(e, e)", "nonincreasing", ("convex",),
          "", "Polyak's step, continuous", parameters=("Lstar",),
          options={"bound": "-2*(L - Lstar)**2/dot(g, g)"}),
    Entry("11b", "loss-normalised flow", NORMALISED, "dot(e, e)", "nonincreasing",
          ("convex", "smooth"), "", "Polyak's step, continuous", parameters=("Lstar",),
          options={"bound": "-(L - Lstar)/ell"}),
    Entry("11c", "loss-normalised flow", NORMALISED, "dot(e, e)", "nonincreasing",
          ("convex", "smooth"), "", "Polyak's step, continuous", parameters=("Lstar",),
          options={"bound": "-2*(L - Lstar)/ell"}, note="twice as fast as the published 11b"),
    Entry("12", "Newton flow", {"theta": "-Hinv(g)"}, "dot(g, g)*exp(2*t)", "conserved", (),
          "|g| = |g0| exp(-t) exactly, wherever H is invertible",
          "Smale, J. Math. Econ. 3 (1976) 107"),
    Entry("13", "preconditioned gradient flow", {"theta": "-P(g)"}, "L", "nonincreasing",
          ("P is positive definite",), "", "", options={"bound": "-dot(g, P(g))"}),
    Entry("14a", "mirror flow", MIRROR, BREGMAN, "nonincreasing", ("convex", "phi is Legendre"),
          "", "Nemirovski, Yudin 1983", options={"bound": "-(L - Lstar)"}),
    Entry("14b", "mirror flow", MIRROR, f"t*(L - Lstar) + {BREGMAN}", "nonincreasing",
          ("convex", "phi is Legendre", "t >= 0"), "L - L* <= D_phi(x*, x0)/t",
          "Nemirovski, Yudin 1983"),
    Entry("32", "gradient flow with decoupled decay", {"theta": "-g - w*theta"},
          "L + w*dot(theta, theta)/2", "decreasing", (), "", "",
          parameters=("w",), options={"bound": "-dot(g + w*theta, g + w*theta)"}),
    Entry("33", "elastic flow", {"theta": "-g - rho*(theta - phi)", "phi": "rho*(theta - phi)"},
          "L + rho*dot(theta - phi, theta - phi)/2", "nonincreasing", (), "", "",
          positive=("rho",),
          options={"bound": "-dot(g + rho*(theta - phi), g + rho*(theta - phi))"
                            " - rho**2*dot(theta - phi, theta - phi)"}),
    Entry("34", "Langevin dynamics", {"theta": "-g + sqrt(2*T)*noise"}, "T*KL(law, gibbs)",
          "exponential", ("strongly_convex",), "KL falls as exp(-2 mu t)",
          "Jordan, Kinderlehrer, Otto 1998; Bakry, Emery 1985", positive=("T",),
          options={"rate": "2*mu"},
          beyond="V is a functional of the law of theta, and only functions of a state are judged"),
    Entry("35", "bilinear descent-ascent", {"theta": "-A(y)", "y": "AT(theta)"},
          "dot(theta, theta)/2 + dot(y, y)/2", "conserved", ("A is linear",),
          "a centre, for every matrix A", ""),
    Entry("36", "gradient flow on the exponential loss of separable data", GRADIENT,
          "log(L)/norm(theta)", "nonincreasing", ("exponential_loss", "L < 1"),
          "the smoothed margin log(1/L)/|theta| grows", "Lyu, Li, arXiv:1906.05890",
          note="L = sum of exp(-<a_k, theta>)"),
    Entry("37", "Frank-Wolfe flow", {"theta": "lmo(g) - theta"}, "L - Lstar", "exponential",
          ("convex", "lmo is a linear minimisation oracle"), "L - L* falls as exp(-t)", "",
          options={"rate": "1"}),
)
