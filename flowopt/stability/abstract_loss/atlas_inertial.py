"""The table of Lyapunov functions: flows with momentum."""

from __future__ import annotations

from flowopt.stability.abstract_loss.atlas_rows import Entry

HEAVY = {"theta": "v", "v": "-gamma*v - g"}
TUNED = {"theta": "v", "v": "-2*sqrt(mu)*v - g"}
NESTEROV = {"theta": "v", "v": "-r*v/t - g"}
SHI = "Shi, Du, Jordan, Su, arXiv:1810.08907"
WIBISONO = "Wibisono, Wilson, Jordan, PNAS 113 (2016)"
DIVERGENCE = "h(thetastar) - h(z) - dot(dh(z), thetastar - z)"


def _square(vector: str) -> str:
    return f"dot({vector}, {vector})"


SHARP = {"theta": "v", "v": "-2*sqrt(mu)*v - sqrt(s)*H(v) - (1 + sqrt(mu*s))*g"}
SHARP_V = ("(1 + sqrt(mu*s))*(L - Lstar) + dot(v, v)/4 + "
           + _square("v + 2*sqrt(mu)*e + sqrt(s)*g") + "/4")
FINE = {"theta": "v", "v": "-2*sqrt(mu)*v - (1 + sqrt(mu*s))*g"}
FINE_V = ("(1 + sqrt(mu*s))*(L - Lstar) + dot(v, v)/4 + " + _square("v + 2*sqrt(mu)*e") + "/4")

ROWS = (
    Entry("15a", "heavy ball", HEAVY, "L + dot(v, v)/2", "nonincreasing", ("gamma >= 0",),
          "", "Polyak 1964", parameters=("gamma",), options={"bound": "-gamma*dot(v, v)"}),
    Entry("15b", "heavy ball", HEAVY, "L + dot(v, v)/2", "converges_to_critical_set",
          ("coercive",), "", "LaSalle", positive=("gamma",)),
    Entry("16", "heavy ball, friction 2 sqrt(mu)", TUNED,
          "L - Lstar + " + _square("sqrt(mu)*e + v") + "/2", "exponential",
          ("strongly_convex",), "L - L* falls as exp(-sqrt(mu) t)",
          "Wilson, Recht, Jordan, arXiv:1611.02635", options={"rate": "sqrt(mu)"}),
    Entry("17", "heavy ball, friction 2 sqrt(mu)", TUNED,
          "L - Lstar + 4*mu*dot(e, e)/9 + 4*sqrt(mu)*dot(e, v)/3 + dot(v, v)/2", "exponential",
          ("strongly_convex",), "L - L* falls as exp(-(4/3) sqrt(mu) t)",
          "Moucer, Taylor, Bach, arXiv:2205.12772, Cor. 2.5", options={"rate": "4*sqrt(mu)/3"}),
    Entry("18", "Nesterov's ODE", NESTEROV,
          "2*t**2*(L - Lstar)/(r - 1) + (r - 1)*" + _square("e + t*v/(r - 1)"),
          "nonincreasing", ("convex", "r >= 3", "t > 0"),
          "L - L* <= (r - 1)^2 |e0|^2/(2 t^2)", "Su, Boyd, Candes, JMLR 17 (2016)",
          parameters=("r",), options={"bound": "-2*(r - 3)*t*(L - Lstar)/(r - 1)"}),
    Entry("19", "Nesterov's ODE", NESTEROV, "L + dot(v, v)/2", "nonincreasing",
          ("r > 0", "t > 0"), "", "Su, Boyd, Candes, JMLR 17 (2016)", parameters=("r",),
          options={"bound": "-r*dot(v, v)/t"}),
    Entry("20", "Nesterov's ODE of high resolution",
          {"theta": "v", "v": "-3*v/t - sqrt(s)*H(v) - (1 + 3*sqrt(s)/(2*t))*g"},
          "t*(t + sqrt(s)/2)*(L - Lstar) + " + _square("t*v + 2*e + t*sqrt(s)*g") + "/2",
          "nonincreasing", ("convex", "smooth", "t > 0"),
          "L - L* = O(1/t^2), min |g|^2 = O(1/t^3)", SHI, positive=("s",),
          options={"bound": "-(sqrt(s)*t**2 + (1/ell + s/2)*t + sqrt(s)/(2*ell))*dot(g, g)"},
          note="the decrease holds for every t > 0; t >= 1.5 sqrt(s) is where the ODE starts"),
    Entry("21a", "Nesterov's strongly convex ODE of high resolution", SHARP, SHARP_V,
          "exponential", ("strongly_convex",), "V falls as exp(-sqrt(mu) t/4)", SHI,
          positive=("s",), options={"rate": "sqrt(mu)/4"}, note="s <= 1/ell is not needed"),
    Entry("21b", "Nesterov's strongly convex ODE of high resolution", SHARP, SHARP_V,
          "exponential", ("strongly_convex",), "V falls as exp(-sqrt(mu) t/2)", SHI,
          positive=("s",), options={"rate": "sqrt(mu)/2"},
          note="twice the published rate; (2/3) sqrt(mu) is false"),
    Entry("22a", "heavy ball of high resolution", FINE, FINE_V, "exponential",
          ("strongly_convex",), "V falls as exp(-sqrt(mu) t/4)", SHI, positive=("s",),
          options={"rate": "sqrt(mu)/4"}),
    Entry("22b", "heavy ball of high resolution", FINE, FINE_V, "exponential",
          ("strongly_convex",), "V falls as exp(-sqrt(mu) t/2)", SHI, positive=("s",),
          options={"rate": "sqrt(mu)/2"}, note="twice the published rate"),
    Entry("23", "DIN-AVD", {"theta": "v", "v": "-alpha*v/t - beta*H(v) - g"},
          "(t**2 - beta*t)*(L - Lstar) + " + _square("(alpha - 1)*e + t*(v + beta*g)") + "/2",
          "nonincreasing", ("convex", "alpha > 3", "t >= (alpha - 2)*beta/(alpha - 3)"),
          "the integral of t^2 |g|^2 is finite",
          "Attouch, Chbani, Fadili, Riahi, Math. Program. 193 (2022)",
          positive=("beta",), parameters=("alpha",),
          options={"bound": "-beta*(t**2 - beta*t)*dot(g, g)"}),
    Entry("24a", "Bregman Lagrangian, polynomial",
          {"theta": "p*(z - theta)/t", "z": "-C*p*t**(q - 1)*Hhinv(z, g)"},
          f"{DIVERGENCE} + C*t**q*(L - Lstar)", "nonincreasing",
          ("convex", "h is Legendre", "t > 0", "q <= p"), "L - L* = O(t^-q)", WIBISONO,
          positive=("p", "q", "C"),
          note="z = X + (t/p) X'; one proof for all q <= p, the ideal scaling being q = p"),
    Entry("24b", "Bregman Lagrangian, exponential",
          {"theta": "c*(z - theta)", "z": "-c*exp(c*t)*Hhinv(z, g)"},
          f"{DIVERGENCE} + exp(c*t)*(L - Lstar)", "nonincreasing", ("convex", "h is Legendre"),
          "L - L* = O(exp(-c t))", WIBISONO, positive=("c",)),
    Entry("25a", "momentum as an average", {"theta": "-m", "m": "a*(g - m)"},
          "L + dot(m, m)/(2*a)", "nonincreasing", (), "", "", positive=("a",),
          options={"bound": "-dot(m, m)"}),
    Entry("25b", "momentum as an average", {"theta": "-m", "m": "a*(g - m)"},
          "L + dot(m, m)/(2*a)", "converges_to_critical_set", ("coercive",), "", "LaSalle",
          positive=("a",)),
    Entry("26", "dual averages of the gradient", {"theta": "-dK(m)", "m": "a*(g - m)"},
          "L + K(m)/a", "nonincreasing", ("K is convex and C1", "K(0) = 0", "K >= 0"), "",
          "Maddison et al., arXiv:1809.05042; Chen et al., arXiv:2310.05898", positive=("a",),
          options={"bound": "-K(m)"}),
    Entry("27", "Lion-K", {"theta": "dK(m - eps*(alpha*g + gamma*m)) - lam*theta",
                           "m": "-alpha*g - gamma*m"},
          "alpha*L + gamma*Kc(lam*theta)/lam + (1 - eps*gamma)/(1 + eps*lam)"
          "*(Kc(lam*theta) + K(m) - lam*dot(m, theta))", "nonincreasing",
          ("K is Legendre", "eps*gamma <= 1"), "inside the domain of K*",
          "Chen et al., arXiv:2310.05898", positive=("eps", "alpha", "gamma", "lam")),
)
